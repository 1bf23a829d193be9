//! The ID token that goes with an access token which may know who it is about.

use claviger_engine::issued::{Claims, Issued};
use claviger_model::{scope::OPENID, secret::Secret};
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
    let algorithm = issued.id_token_alg;
    let keys = app.context.keys.signing_by(algorithm, now);
    let key = keys
        .as_ref()
        .and_then(|keys| Key::of_id_tokens(keys, algorithm));
    let signed = key.and_then(|key| jose::id_token(key, issued, client_id, person, &by));
    if signed.is_none() {
        tracing::error!("the key of ID tokens is none; run `claviger admin keys rotate`");
    }
    signed
}
