//! Keys: the key file outside the store, the keyring inside it, and what is derived of both
//! (SECURITY-CASES A2).

pub mod file;
pub mod purpose;
pub mod ring;
