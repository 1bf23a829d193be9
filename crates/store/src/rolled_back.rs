//! What is said of a store that has gone back in time (R12).

/// The store has gone back in time: acknowledged changes are missing. Reported until somebody has accepted
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// How far the store is: commits of a file, or records of the node that noticed.
    pub store: u64,
    /// How far it had been.
    pub witness: u64,
}

impl RolledBack {
    /// How the store remembers it: `STORE WITNESS`.
    pub(crate) fn text(self) -> String {
        format!("{} {}", self.store, self.witness)
    }

    /// What [`RolledBack::text`] gave.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (store, witness) = text.split_once(' ')?;
        Some(Self {
            store: store.parse().ok()?,
            witness: witness.parse().ok()?,
        })
    }
}
