//! The ID token that goes with an access token which may know who it is about.

use claviger_engine::issued::{Claims, Issued};
use claviger_model::{client::SigningAlgorithm, scope::OPENID, secret::Secret};
use claviger_wire::jose::{self, Key};

use crate::app::App;

/// That token for the client of that id, if its scopes ask for one.
pub(super) fn of(
    app: &App,
    issued: &Issued,
    client_id: &str,
    person: Option<&Claims>,
) -> Option<Secret> {
    if !issued.scopes.contains(OPENID) {
        return None;
    }
    let now = app.context.now();
    let by = jose::Signature {
        issuer: app.context.links.issuer(),
        now,
        id: app.context.request_id(),
    };
    let keys = &app.context.keys;
    let (es256, rs256) = match issued.id_tokens {
        SigningAlgorithm::Es256 => (Some(keys.signing(now)), None),
        SigningAlgorithm::Rs256 => (None, keys.signing_by_rsa(now)),
    };
    let es256 = es256.as_ref().map(|keys| Key::P256(&keys.id_token));
    let rs256 = rs256.as_ref().and_then(|keys| keys.id_token_rsa.as_ref());
    let key = es256.or_else(|| rs256.map(Key::Rsa));
    let signed = key.and_then(|key| jose::id_token(key, issued, client_id, person, &by));
    if signed.is_none() {
        tracing::error!("the key of ID tokens is none; run `claviger admin keys rotate`");
    }
    signed
}
