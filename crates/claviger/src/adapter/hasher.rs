//! Argon2id on threads of its own, as many as there are cores, behind a short queue (SGN-09).

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher as _, PasswordVerifier as _,
        phc::{Output, PasswordHash, Salt},
    },
};
use claviger_model::{
    port::{
        entropy::Entropy,
        future::BoxFuture,
        hasher::{HashingFailed, PasswordHasher},
    },
    secret::Secret,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Checks that may wait for a core; more are told to come back.
const QUEUE: usize = 32;

/// Argon2id with the parameters of OWASP's first choice: 19 MiB, two passes, one lane.
pub(crate) struct Argon2Hasher {
    entropy: Arc<dyn Entropy>,
    dummy: Arc<str>,
    cores: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Argon2Hasher {
    /// Draws the hash of a password that nobody knows, so that unknown names cost a real check (SGN-01). Computing it
    /// would show nothing but its chance as well, and cost its 19 MiB at every start.
    pub(crate) fn new(entropy: Arc<dyn Entropy>, cores: usize) -> anyhow::Result<Self> {
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        entropy.fill(&mut output);
        let dummy = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::default().into()),
            params: (&Params::DEFAULT).try_into()?,
            salt: Some(Salt::new(&salt(entropy.as_ref()))?),
            hash: Some(Output::new(&output)?),
        };
        let dummy = dummy.to_string();
        Ok(Self {
            entropy,
            dummy: dummy.into(),
            cores: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores + QUEUE)),
        })
    }

    /// Waits for a core, unless too many are waiting already.
    async fn core(&self) -> Result<[OwnedSemaphorePermit; 2], HashingFailed> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashingFailed::Busy)?;
        let core = Arc::clone(&self.cores).acquire_owned().await;
        Ok([place, core.map_err(|_| HashingFailed::Busy)?])
    }
}

impl PasswordHasher for Argon2Hasher {
    fn hash<'a>(&'a self, password: &'a Secret) -> BoxFuture<'a, Result<String, HashingFailed>> {
        Box::pin(async move {
            let permits = self.core().await?;
            let (password, salt) = (password.clone(), salt(self.entropy.as_ref()));
            let work = tokio::task::spawn_blocking(move || {
                let _held = permits;
                hash(password.reveal().as_bytes(), salt)
            });
            let hashed = work.await.map_err(|_| HashingFailed::Busy)?;
            hashed.map_err(|error| HashingFailed::Unreadable(error.to_string()))
        })
    }

    fn verify<'a>(
        &'a self,
        password: &'a Secret,
        encoded: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, HashingFailed>> {
        Box::pin(async move {
            let permits = self.core().await?;
            let known = encoded.is_some();
            let encoded: Arc<str> = encoded.map_or_else(|| Arc::clone(&self.dummy), Into::into);
            let password = password.clone();
            let work = tokio::task::spawn_blocking(move || {
                let _held = permits;
                verify(password.reveal().as_bytes(), &encoded)
            });
            Ok(work.await.map_err(|_| HashingFailed::Busy)?? && known)
        })
    }
}

fn salt(entropy: &dyn Entropy) -> [u8; 16] {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    salt
}

fn argon2() -> Argon2<'static> {
    Argon2::from(Params::DEFAULT)
}

fn hash(password: &[u8], salt: [u8; 16]) -> anyhow::Result<String> {
    let hash: PasswordHash = argon2()
        .hash_password_with_salt(password, &salt)
        .map_err(|error| anyhow::anyhow!("the password cannot be hashed: {error}"))?;
    Ok(hash.to_string())
}

fn verify(password: &[u8], encoded: &str) -> Result<bool, HashingFailed> {
    let parsed =
        PasswordHash::new(encoded).map_err(|error| HashingFailed::Unreadable(error.to_string()))?;
    Ok(argon2().verify_password(password, &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::entropy::SystemEntropy;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_admits_its_password_alone() {
        let hasher = Argon2Hasher::new(Arc::new(SystemEntropy), 1).expect("a hasher");
        let encoded = hasher.hash(&"correct horse".into()).await.expect("a hash");
        assert!(
            encoded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{encoded}"
        );
        let admits = async |password: &str, encoded: Option<&str>| {
            hasher
                .verify(&password.into(), encoded)
                .await
                .expect("a verdict")
        };
        assert!(admits("correct horse", Some(&encoded)).await);
        assert!(!admits("wrong horse", Some(&encoded)).await);
        assert!(!admits("correct horse", None).await);
        // What stands for an unknown name costs the same check.
        let parameters = |encoded: &str| encoded.split('$').take(4).map(str::to_owned).collect();
        let (dummy, real): (Vec<_>, Vec<_>) = (parameters(&hasher.dummy), parameters(&encoded));
        assert_eq!((dummy, hasher.dummy.len()), (real, encoded.len()));
        assert!(hasher.verify(&"x".into(), Some("nonsense")).await.is_err());
    }

    #[tokio::test]
    async fn sgn_09_more_than_the_queue_holds_are_turned_away_unhashed() {
        let hasher = Argon2Hasher::new(Arc::new(SystemEntropy), 1).expect("a hasher");
        let password = Secret::from("x");
        let checks = (0..=QUEUE + 4).map(|_| hasher.verify(&password, None));
        let verdicts = futures_util::future::join_all(checks).await;
        let busy = verdicts
            .iter()
            .filter(|v| **v == Err(HashingFailed::Busy))
            .count();
        assert_eq!(busy, 4);
    }
}
