//! Argon2id at its smallest: real hashes that take no time, each one counted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher as _, PasswordVerifier as _},
};
use claviger_model::{
    port::{
        future::BoxFuture,
        hasher::{HashingFailed, PasswordHasher},
    },
    secret::Secret,
};

/// A hasher that counts what it does and can be told to be busy.
#[derive(Debug, Default)]
pub struct CountingHasher {
    checks: AtomicUsize,
    dummies: AtomicUsize,
    salts: AtomicUsize,
    busy: AtomicBool,
}

impl CountingHasher {
    /// Passwords checked against somebody's hash since the server began.
    pub fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    /// Passwords checked against the dummy hash since the server began.
    pub fn dummies(&self) -> usize {
        self.dummies.load(Ordering::SeqCst)
    }

    /// Whether every check from now on finds the queue full.
    pub fn be_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::SeqCst);
    }

    fn encode(password: &Secret, salt: [u8; 16]) -> Result<String, HashingFailed> {
        let hash = argon2().hash_password_with_salt(password.reveal().as_bytes(), &salt);
        hash.map(|hash| hash.to_string())
            .map_err(|error| HashingFailed::Unreadable(error.to_string()))
    }
}

fn argon2() -> Argon2<'static> {
    let smallest = Params::new(Params::MIN_M_COST, 1, 1, None).expect("parameters");
    Argon2::from(smallest)
}

impl PasswordHasher for CountingHasher {
    fn hash<'a>(&'a self, password: &'a Secret) -> BoxFuture<'a, Result<String, HashingFailed>> {
        let number = self.salts.fetch_add(1, Ordering::SeqCst) + 1;
        let mut salt = [0; 16];
        salt.iter_mut()
            .zip(number.to_be_bytes())
            .for_each(|(to, from)| *to = from);
        Box::pin(std::future::ready(Self::encode(password, salt)))
    }

    fn verify<'a>(
        &'a self,
        password: &'a Secret,
        encoded: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, HashingFailed>> {
        if self.busy.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(HashingFailed::Busy)));
        }
        let verdict = if let Some(encoded) = encoded {
            self.checks.fetch_add(1, Ordering::SeqCst);
            let verified = argon2().verify_password(password.reveal().as_bytes(), encoded);
            Ok(verified.is_ok())
        } else {
            self.dummies.fetch_add(1, Ordering::SeqCst);
            Self::encode(password, [7; 16]).map(|_| false)
        };
        Box::pin(std::future::ready(verdict))
    }
}
