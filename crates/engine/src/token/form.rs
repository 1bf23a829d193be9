//! Form tokens: what another site cannot know (DEV-18, SGN-17).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::id::WebSessionId;
use subtle::ConstantTimeEq as _;

use crate::keys::ring::{EpochKeys, Keyring};

/// The token that every form of this browser session carries. It changes with the session: after
/// a sign-in the old one is worth nothing (DEV-23).
pub fn mint(keys: &EpochKeys, web_session_id: WebSessionId) -> String {
    URL_SAFE_NO_PAD.encode(keys.form.tag(&[web_session_id.as_bytes()]))
}

/// Whether `text` is this browser session's form token under any accepted key.
pub fn admits(keys: &Keyring, web_session_id: WebSessionId, text: &str) -> bool {
    keys.all_accepted().iter().any(|epoch| {
        mint(epoch, web_session_id)
            .as_bytes()
            .ct_eq(text.as_bytes())
            .into()
    })
}
