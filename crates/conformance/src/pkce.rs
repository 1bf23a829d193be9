//! The pair of RFC 7636, appendix B: what clients would draw anew each time.

/// The verifier.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Its S256 challenge.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A good verifier of another challenge.
pub(crate) const OTHER_VERIFIER: &str = "another-verifier-of-forty-three-characters-0";
