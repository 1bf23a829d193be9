//! What tokens are worth, told and ended wrong.

use serde_json::{Value, json};

use super::change::{as_owner, is_metadata};
use crate::altered::{
    asked::Asked,
    mutation::{Mutation, asks, instead, tells},
    told::Told,
};

pub(super) const OPENID: &[Mutation] = &[
    tells("openid.id_token", "signed_by_nobody", |_, _, told| {
        if let Some((claims, _)) = told
            .text("id_token")
            .and_then(|token| token.rsplit_once('.'))
        {
            told.set("id_token", format!("{claims}.{}", "A".repeat(86)));
        }
    }),
    tells(
        "openid.id_token",
        "by_another_algorithm",
        |_, asked, told| {
            if is_metadata(asked) {
                told.set("id_token_signing_alg_values_supported", json!(["RS256"]));
            }
        },
    ),
    tells("openid.id_token", "key_not_told", |_, asked, told| {
        if asked.is("/jwks") {
            told.set("keys", json!([]));
        }
    }),
    tells("openid.id_token", "missing", |_, _, told| {
        told.leave_out("id_token");
    }),
    tells("openid.id_token", "another_iss", |memory, _, told| {
        memory.claim(told, "iss", |_| json!("https://another.example"));
    }),
    tells("openid.id_token", "another_aud", |memory, _, told| {
        memory.claim(told, "aud", |_| json!(["another"]));
    }),
    tells("openid.id_token", "no_sub", |memory, _, told| {
        memory.claim(told, "sub", |_| Value::Null);
    }),
    tells("openid.id_token", "expired", |memory, _, told| {
        memory.claim(told, "exp", |_| json!(1));
    }),
    tells("openid.id_token", "milliseconds", |memory, _, told| {
        memory.claim(told, "iat", |iat| {
            json!(iat.as_i64().unwrap_or_default() * 1000)
        });
    }),
    tells("openid.nonce", "missing", |memory, _, told| {
        memory.claim(told, "nonce", |_| Value::Null);
    }),
    tells("openid.nonce", "another", |memory, _, told| {
        memory.claim(told, "nonce", |_| json!("another"));
    }),
    tells(
        "openid.refreshed_id_token",
        "another_sub",
        |memory, asked, told| {
            if asked.redeems("refresh_token") {
                memory.claim(told, "sub", |_| json!("another"));
            }
        },
    ),
    tells(
        "openid.refreshed_id_token",
        "another_nonce",
        |memory, asked, told| {
            if asked.redeems("refresh_token") {
                memory.claim(told, "nonce", |_| json!("another"));
            }
        },
    ),
    tells("openid.userinfo", "another_sub", |_, asked, told| {
        if asked.is("/userinfo") {
            told.set("sub", "another");
        }
    }),
    instead("openid.userinfo", "get_only", |_, asked| {
        let posted = asked.is("/userinfo") && asked.method == "POST";
        posted.then(|| Told::refusal(405, "invalid_request"))
    }),
    tells(
        "openid.userinfo_without_a_token",
        "no_challenge",
        |_, asked, told| {
            if asked.is("/userinfo") {
                told.leave_out_header("www-authenticate");
            }
        },
    ),
    tells(
        "openid.userinfo_without_a_token",
        "status_400",
        |_, asked, told| {
            if asked.is("/userinfo") && told.status == 401 {
                told.status = 400;
            }
        },
    ),
    tells(
        "openid.without_the_scope",
        "userinfo_opens",
        |_, asked, told| {
            if asked.is("/userinfo") {
                *told = Told::new(200, json!({ "sub": "x" }));
            }
        },
    ),
    tells(
        "openid.without_the_scope",
        "id_token_all_the_same",
        |_, asked, told| {
            if asked.is("/token") {
                told.set("id_token", "x");
            }
        },
    ),
];

pub(super) const INTROSPECT: &[Mutation] = &[
    tells("introspect.active", "as_text", |_, _, told| {
        if told.json["active"] == true {
            told.set("active", "true");
        }
    }),
    tells("introspect.active", "another_client", |_, asked, told| {
        if asked.is("/introspect") {
            told.set("client_id", "another");
        }
    }),
    tells("introspect.active", "wider_scope", |_, asked, told| {
        if asked.is("/introspect") {
            told.set("scope", "openid everything");
        }
    }),
    tells("introspect.active", "over", |_, asked, told| {
        if asked.is("/introspect") {
            told.set("exp", 1);
        }
    }),
    asks("introspect.needs_a_client", "unchecked", |memory, asked| {
        if asked.is("/introspect") && asked.client().is_none() {
            as_owner(memory, asked, "token");
        }
    }),
    asks(
        "introspect.needs_a_client",
        "name_is_enough",
        |memory, asked| {
            if asked.is("/introspect") && asked.field("client_id").is_some() {
                as_owner(memory, asked, "token");
            }
        },
    ),
    asks(
        "introspect.needs_a_client",
        "any_secret",
        |memory, asked| {
            if asked.is("/introspect") && asked.header("authorization").is_some() {
                as_owner(memory, asked, "token");
            }
        },
    ),
    asks(
        "introspect.token_of_another_client",
        "told",
        |memory, asked| as_owner(memory, asked, "token"),
    ),
    tells("introspect.no_token", "says_more", |_, _, told| {
        if told.json["active"] == false {
            told.set("error", "expired");
        }
    }),
    tells("introspect.no_token", "refused", |_, _, told| {
        if told.json["active"] == false {
            *told = Told::refusal(400, "invalid_request");
        }
    }),
];

pub(super) const REVOKE: &[Mutation] = &[
    instead("revoke.access_token", "not_done", |_, asked| {
        not_revoked(asked)
    }),
    instead("revoke.access_token", "hint_is_believed", |_, asked| {
        asked
            .field("token_type_hint")
            .and_then(|_| not_revoked(asked))
    }),
    instead("revoke.refresh_token", "not_done", |_, asked| {
        not_revoked(asked)
    }),
    tells(
        "revoke.refresh_token",
        "access_token_goes_on",
        |_, asked, told| {
            if asked.is("/userinfo") {
                *told = Told::new(200, json!({ "sub": "x" }));
            }
        },
    ),
    tells("revoke.no_token", "refused", |_, asked, told| {
        if asked.is("/revoke") {
            *told = Told::refusal(400, "invalid_request");
        }
    }),
    asks("revoke.token_of_another_client", "done", |memory, asked| {
        as_owner(memory, asked, "token");
    }),
    asks("revoke.needs_its_client", "unchecked", |memory, asked| {
        if asked.is("/revoke") {
            as_owner(memory, asked, "token");
        }
    }),
];

fn not_revoked(asked: &Asked) -> Option<Told> {
    asked.is("/revoke").then(|| Told::page(200, None))
}
