//! The query of `/authorize` (RFC 6749 §4.1.1, RFC 7636 §4.3, WIRE §4).

use claviger_engine::{
    authorize::{AuthorizeQuery, Hint},
    keys::ring::Keyring,
};

use crate::{jose, query::Parameters};

/// The parameter of ours that comes back with a request after its person has signed in again.
pub const AGAIN: &str = "claviger_again";

/// Reads the query. One that cannot be read at all names no client. `keys` are those that an ID token of ours is signed with.
pub fn decode_query(raw: &str, keys: &Keyring) -> AuthorizeQuery {
    let (parameters, repeated) = Parameters::read_lenient(raw).unwrap_or_default();
    let own = |name| parameters.get(name).map(ToOwned::to_owned);
    AuthorizeQuery {
        response_type: own("response_type"),
        client_id: own("client_id"),
        redirect_uri: own("redirect_uri"),
        scope: own("scope"),
        scopes: own("scopes"),
        state: own("state"),
        code_challenge: own("code_challenge"),
        code_challenge_method: own("code_challenge_method"),
        response_mode: own("response_mode"),
        nonce: own("nonce"),
        prompt: own("prompt"),
        max_age: own("max_age"),
        hint: parameters.get("id_token_hint").map_or(Hint::None, |token| {
            jose::subject(keys, token).map_or(Hint::Nobody, Hint::Person)
        }),
        again: own(AGAIN),
        request: own("request"),
        request_uri: own("request_uri"),
        repeated: !repeated.is_empty(),
    }
}
