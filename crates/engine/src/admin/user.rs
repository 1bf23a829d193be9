//! People: passwords and standing.

use claviger_model::{directory::User, secret::Secret};

use crate::{context::Context, error::Error};

/// The fewest characters a password may have (NIST SP 800-63B §5.1.1.2).
pub const SHORTEST_PASSWORD: usize = 8;

/// The most bytes a password may have (SGN-08).
pub const LONGEST_PASSWORD: usize = 1024;

/// All people, by name.
pub async fn list(context: &Context) -> Result<Vec<User>, Error> {
    let _ = context;
    todo!()
}

/// Sets a password and ends what the person holds, when `sign_out` says so. `Kind::NotFound` for
/// an unknown name, `Kind::InvalidRequest` for an unfit password. Answers how many sessions ended.
pub async fn set_password(
    context: &Context,
    user_name: &str,
    password: &Secret,
    sign_out: bool,
) -> Result<u64, Error> {
    let _ = (context, user_name, password, sign_out);
    todo!()
}

/// Stops a person: everything they hold is dead at once. Answers how many sessions ended.
pub async fn disable(context: &Context, user_name: &str) -> Result<u64, Error> {
    let _ = (context, user_name);
    todo!()
}

/// Lets a person in again; what they held before stays dead.
pub async fn enable(context: &Context, user_name: &str) -> Result<(), Error> {
    let _ = (context, user_name);
    todo!()
}
