//! Metadata and registration, done wrong.

use serde_json::json;

use super::change::{REDIRECT_URI, is_metadata};
use crate::altered::{
    asked::Asked,
    mutation::{Mutation, asks, instead, tells},
    told::Told,
};

pub(super) const METADATA: &[Mutation] = &[
    tells("metadata.issuer", "another", |_, asked, told| {
        if is_metadata(asked) {
            told.set("issuer", "https://another.example");
        }
    }),
    tells(
        "metadata.endpoints",
        "not_of_the_server",
        |_, asked, told| {
            if is_metadata(asked) {
                told.set("userinfo_endpoint", "http://another.example/userinfo");
            }
        },
    ),
    tells("metadata.endpoints", "nothing_there", |_, asked, told| {
        if is_metadata(asked) {
            let url = told
                .text("issuer")
                .map(|issuer| format!("{issuer}/nowhere"));
            told.set("revocation_endpoint", url);
        }
    }),
    tells("metadata.endpoints", "list_missing", |_, asked, told| {
        if is_metadata(asked) {
            told.leave_out("response_types_supported");
        }
    }),
    tells(
        "metadata.both_documents_say_the_same",
        "one_says_less",
        |_, asked, told| {
            if asked.is("/.well-known/oauth-authorization-server") {
                told.set("scopes_supported", json!(["openid"]));
            }
        },
    ),
    tells("metadata.challenges", "plain", |_, asked, told| {
        if is_metadata(asked) {
            told.set("code_challenge_methods_supported", json!(["S256", "plain"]));
        }
    }),
    tells("metadata.challenges", "nothing_told", |_, asked, told| {
        if is_metadata(asked) {
            told.leave_out("code_challenge_methods_supported");
        }
    }),
    tells("metadata.keys", "private_member", |_, asked, told| {
        if asked.is("/jwks") {
            told.json["keys"][0]["d"] = json!("AQAB");
        }
    }),
    tells("metadata.keys", "secret_key", |_, asked, told| {
        if asked.is("/jwks") {
            told.json["keys"] = json!([{ "kty": "oct", "kid": "a" }]);
        }
    }),
    tells("metadata.keys", "kid_repeated", |_, asked, told| {
        if asked.is("/jwks") {
            let key = told.json["keys"][0].clone();
            told.json["keys"] = json!([key, key]);
        }
    }),
    tells(
        "metadata.keys",
        "algorithm_without_a_key",
        |_, asked, told| {
            if is_metadata(asked) {
                told.set(
                    "id_token_signing_alg_values_supported",
                    json!(["ES256", "EdDSA"]),
                );
            }
        },
    ),
];

pub(super) const REGISTER: &[Mutation] = &[
    tells("register.answer", "status_200", |_, asked, told| {
        if asked.is("/register") {
            told.status = 200;
        }
    }),
    instead("register.answer", "one_client_for_all", |memory, asked| {
        let first = memory.first(|own, _| own.is("/register") && own.json == asked.json);
        first.cloned()
    }),
    tells("register.answer", "milliseconds", |_, asked, told| {
        if let Some(issued) = told.json["client_id_issued_at"]
            .as_i64()
            .filter(|_| asked.is("/register"))
        {
            told.set("client_id_issued_at", issued * 1000);
        }
    }),
    tells("register.answer", "no_expiry", |_, asked, told| {
        if asked.is("/register") {
            told.leave_out("client_secret_expires_at");
        }
    }),
    tells(
        "register.answer",
        "other_redirect_uris",
        |_, asked, told| {
            if asked.is("/register") {
                told.set("redirect_uris", json!([]));
            }
        },
    ),
    tells("register.answer", "metadata_left_out", |_, asked, told| {
        if asked.is("/register") {
            told.leave_out("grant_types");
        }
    }),
    tells("register.defaults", "another_method", |_, asked, told| {
        if asked.is("/register") && asked.json.get("token_endpoint_auth_method").is_none() {
            told.set("token_endpoint_auth_method", "client_secret_post");
        }
    }),
    tells("register.none_has_no_secret", "secret", |_, asked, told| {
        if asked.json["token_endpoint_auth_method"] == "none" {
            told.set("client_secret", "x");
        }
    }),
    asks("register.redirect_uris", "script", |_, asked| {
        let is_script = |uri: &str| uri.starts_with("javascript:");
        if asked.json["redirect_uris"][0]
            .as_str()
            .is_some_and(is_script)
        {
            register_redirect(asked);
        }
    }),
    asks("register.redirect_uris", "unchecked", |_, asked| {
        register_redirect(asked);
    }),
    asks(
        "register.code_grant_needs_a_redirect_uri",
        "unchecked",
        |_, asked| register_redirect(asked),
    ),
    instead("register.unknown_grant_type", "registered", |_, asked| {
        as_asked(asked)
    }),
    instead("register.unknown_scope", "registered", |_, asked| {
        as_asked(asked)
    }),
    instead("register.unknown_method", "registered", |_, asked| {
        as_asked(asked)
    }),
];

fn register_redirect(asked: &mut Asked) {
    if asked.is("/register") {
        asked.json["redirect_uris"] = json!([REDIRECT_URI]);
    }
}

/// Everything is registered that anybody wants.
fn as_asked(asked: &Asked) -> Option<Told> {
    let mut told = Told::new(201, asked.json.clone());
    told.set("client_id", "x");
    asked.is("/register").then_some(told)
}
