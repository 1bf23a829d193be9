//! Who somebody is, signed with the instance's own keys.

use std::sync::Arc;

use claviger_engine::keys::ring::Keyring;
use claviger_model::{
    port::{
        clock::Clock,
        credential_source::NotIssued,
        entropy::Entropy,
        web_identity::{Statement, WebIdentity},
    },
    secret::Secret,
};
use claviger_wire::jose::{self, Signature};

/// Signs in the name of the issuer.
pub(crate) struct Signer {
    pub(crate) issuer: String,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl WebIdentity for Signer {
    fn token(&self, statement: &Statement<'_>) -> Result<Secret, NotIssued> {
        let mut id = [0; 16];
        self.entropy.fill(&mut id);
        let by = Signature {
            issuer: &self.issuer,
            now: self.clock.now(),
            id,
        };
        let signed = jose::sign(&self.keys.signing(by.now).web_identity, statement, &by);
        signed.ok_or_else(|| NotIssued::Unavailable {
            detail: "the key that would sign is none; run `claviger admin keys rotate`".to_owned(),
        })
    }
}
