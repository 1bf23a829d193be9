//! How often races are run.

/// Rounds of a race: 50, or as many as `CLAVIGER_RACE_ROUNDS` says.
///
/// A race also asserts that its requests overlapped:
/// [`SwitchedStore::overlapped`](crate::driver::SwitchedStore::overlapped).
#[expect(
    clippy::disallowed_methods,
    reason = "the long run is asked for by the environment"
)]
pub fn rounds() -> usize {
    match std::env::var("CLAVIGER_RACE_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("CLAVIGER_RACE_ROUNDS is a number"),
        Err(_) => 50,
    }
}
