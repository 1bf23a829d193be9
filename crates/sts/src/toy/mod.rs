//! The STS of `dev`: mints credentials that no cloud knows and vouches for them.
//!
//! It knows every assigned role, asks no policy, and answers `GetCallerIdentity` for the keys that
//! it made, so that `aws sts get-caller-identity` works without any cloud. It forgets everything
//! when the process ends. Not for use beyond loopback.

mod keys;
mod answer;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    port::{clock::Clock, credential_source::NotIssued, entropy::Entropy, future::BoxFuture},
};
use claviger_sigv4::Received;
use http::{HeaderMap, Method, Response, Uri};

use self::keys::{Identity, Keys};
use crate::{session_name::session_name, target::Target};

/// A toy STS: a target and the answers to those who use its credentials.
pub struct ToySts {
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    keys: Mutex<Keys>,
}

impl ToySts {
    /// One that has minted nothing yet.
    pub fn new(entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>) -> Self {
        Self {
            entropy,
            clock,
            keys: Mutex::new(Keys::default()),
        }
    }

    /// Answers a request of the query protocol, whatever path it came by.
    pub fn answer(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response<Vec<u8>> {
        let received = Received {
            method,
            uri,
            headers,
            body,
        };
        let outcome = answer::answer(received, &self.keys(), self.clock.now());
        xml::response(outcome, &keys::request_id(self.entropy.as_ref()))
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mint(&self, request: &CredentialRequest) -> RoleCredentials {
        let expiration = self.clock.now().plus(request.duration);
        let credentials = keys::draw(self.entropy.as_ref(), expiration);
        self.keys().remember(credentials.clone(), identity(request));
        credentials
    }
}

impl Target for ToySts {
    fn assume<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        Box::pin(async move { Ok(self.mint(request)) })
    }
}

/// Who the bearer is, as AWS would say it: the role's name without its path.
fn identity(request: &CredentialRequest) -> Identity {
    let account = request.account_id.to_string();
    let role = request
        .role_arn
        .rsplit_once('/')
        .map_or(request.role_name.as_str(), |(_, name)| name);
    let session = session_name(request);
    Identity {
        arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
        user_id: format!("{}:{session}", keys::role_id(&request.role_arn)),
        account,
    }
}
