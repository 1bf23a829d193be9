//! Writes behind the engine's back: a restored backup, a burned key, a row that is gone.

use claviger_store::statement::{Applied, Plan, Statement};

use crate::world::World;

impl World {
    /// Runs one statement on the store; answers how many rows it touched.
    pub async fn tamper(&self, sql: &'static str) -> usize {
        let plan = Plan::of(Statement::any(sql));
        match self.store.apply(plan).await.expect("a sound statement") {
            Applied::Whole { changed } => changed,
            Applied::Unmet { .. } => 0,
        }
    }
}
