//! Deleting what has been over for a day, in small steps (RELIABILITY F29).

use claviger_model::time::Lifetime;
use claviger_store::{
    repository::sweep,
    statement::{Applied, Plan},
};

use crate::{context::Context, error::Error};

/// How long rows outlive their end: replays are still noticed, and a clock that jumped for an
/// hour deletes nothing.
const KEPT: Lifetime = Lifetime::hours(24);

/// Deletes at most 500 rows of each kind that ended more than 24 h ago; answers how many rows
/// went. Call again while it answers more than zero.
pub async fn sweep(context: &Context) -> Result<usize, Error> {
    let now = context.now();
    let mut gone = 0;
    for statement in sweep::steps(now, now.minus(KEPT)) {
        if let Applied::Whole { changed } = context.store.apply(Plan::of(statement)).await? {
            gone += changed;
        }
    }
    Ok(gone)
}
