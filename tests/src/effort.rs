//! How much is tried: little in CI, more where the environment asks for it.

/// The whole number of an environment variable, where it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "a long run is asked for by the environment"
)]
pub fn number_of(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} must be a whole number")))
}

/// Rounds of a race: 50, or as many as `CLAVIGER_RACE_ROUNDS` says.
///
/// A race also asserts that its requests overlapped: [`Race`](crate::driver::Race).
pub fn rounds() -> usize {
    let rounds = number_of("CLAVIGER_RACE_ROUNDS").unwrap_or(50);
    usize::try_from(rounds).expect("a number of rounds")
}
