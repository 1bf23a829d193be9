//! The token endpoint and its grants, done wrong.

use claviger_tests::pkce::VERIFIER;
use serde_json::json;

use super::change::{REDIRECT_URI, another_error, as_owner};
use crate::altered::{
    asked::Asked,
    memory::Memory,
    mutation::{Mutation, asks, instead, tells},
    told::Told,
};

pub(super) const TOKEN: &[Mutation] = &[
    instead("token.ways_to_show_oneself", "one_way_only", |_, asked| {
        let refusal = Told::refusal(401, "invalid_client");
        asked.field("client_secret").map(|_| refusal)
    }),
    asks("token.two_ways_at_once", "header_wins", |_, asked| {
        if asked.is("/token") && asked.header("authorization").is_some() {
            asked.leave_out("client_id");
            asked.leave_out("client_secret");
        }
    }),
    asks("token.wrong_secret", "unchecked", |memory, asked| {
        as_owner(memory, asked, "code");
    }),
    tells("token.wrong_secret", "no_challenge", |_, _, told| {
        told.leave_out_header("www-authenticate");
    }),
    tells("token.wrong_secret", "status_400", |_, _, told| {
        if told.is_error("invalid_client") {
            told.status = 400;
        }
    }),
    instead("token.wrong_secret", "spends_the_code", |memory, asked| {
        refused_before(memory, asked)
    }),
    asks("token.nobody", "unchecked", |memory, asked| {
        if asked.client().is_none() {
            as_owner(memory, asked, "code");
        }
    }),
    asks("token.nobody", "name_is_enough", |memory, asked| {
        if asked.client().is_some() {
            as_owner(memory, asked, "code");
        }
    }),
    tells(
        "token.unsupported_grant_type",
        "another_error",
        |_, _, told| another_error(told, "unsupported_grant_type"),
    ),
    tells("token.missing_parameters", "another_error", |_, _, told| {
        another_error(told, "invalid_request");
    }),
    asks("token.repeated_parameter", "first_wins", |_, asked| {
        if asked.is("/token") {
            asked.once();
        }
    }),
    asks("token.get", "served", |_, asked| {
        if asked.is("/token") && asked.method == "GET" {
            asked.post_the_query();
        }
    }),
    asks("token.parameters_in_the_address", "served", |_, asked| {
        if asked.is("/token") {
            asked.post_the_query();
        }
    }),
    tells("token.headers", "may_be_kept", |_, _, told| {
        told.leave_out_header("cache-control");
    }),
    tells("token.headers", "may_be_sniffed", |_, _, told| {
        told.leave_out_header("x-content-type-options");
    }),
    tells("token.headers", "cookie", |_, _, told| {
        told.set_header("set-cookie", "seen=1");
    }),
    tells("token.access_token_expires", "never", |_, asked, told| {
        if asked.is("/userinfo") {
            *told = Told::new(200, json!({ "sub": "x" }));
        }
    }),
];

pub(super) const CODE: &[Mutation] = &[
    instead("code.is_good_once", "good_twice", |memory, asked| {
        memory.redeemed(asked, "code").cloned()
    }),
    instead("code.is_good_once", "tokens_go_on", |memory, asked| {
        let first = memory.redeemed(asked, "code");
        first.map(|_| Told::refusal(400, "invalid_grant"))
    }),
    tells(
        "code.is_good_once",
        "refresh_token_goes_on",
        |_, asked, told| {
            if asked.redeems("refresh_token") {
                *told = Told::tokens();
            }
        },
    ),
    asks("code.wrong_verifier", "unchecked", |_, asked| {
        if asked.field("code_verifier").is_some() {
            asked.set("code_verifier", VERIFIER);
        }
    }),
    instead("code.wrong_verifier", "spends_the_code", |memory, asked| {
        refused_before(memory, asked)
    }),
    asks("code.verifier_is_demanded", "optional", |_, asked| {
        let given = asked.field("code_verifier").unwrap_or_default();
        if asked.redeems("code") && given.is_empty() {
            asked.set("code_verifier", VERIFIER);
        }
    }),
    asks("code.redirect_uri_is_bound", "unchecked", |_, asked| {
        if asked.field("redirect_uri").is_some() {
            asked.set("redirect_uri", REDIRECT_URI);
        }
    }),
    asks("code.redirect_uri_is_bound", "optional", |_, asked| {
        if asked.redeems("code") && asked.field("redirect_uri").is_none() {
            asked.set("redirect_uri", REDIRECT_URI);
        }
    }),
    asks("code.of_another_client", "redeemed", |memory, asked| {
        as_owner(memory, asked, "code");
    }),
    tells("code.expires", "never", |_, asked, told| {
        if asked.redeems("code") {
            *told = Told::tokens();
        }
    }),
];

pub(super) const DEVICE: &[Mutation] = &[
    tells("device.start", "no_address", |_, _, told| {
        told.leave_out("verification_uri");
    }),
    tells("device.start", "no_pause", |_, _, told| {
        if told.json.get("interval").is_some() {
            told.set("interval", 0);
        }
    }),
    tells("device.start", "lifetime_as_text", |_, asked, told| {
        if asked.is("/device_authorization") {
            told.set("expires_in", "600");
        }
    }),
    tells("device.start", "link_without_the_code", |_, asked, told| {
        if asked.is("/device_authorization") {
            let address = told.json["verification_uri"].clone();
            told.set("verification_uri_complete", address);
        }
    }),
    instead("device.start", "one_code_for_all", |memory, asked| {
        let first = memory.first(|own, _| own.is("/device_authorization"));
        first.filter(|_| asked.is("/device_authorization")).cloned()
    }),
    tells("device.pending", "slow_down_at_once", |_, _, told| {
        if told.is_error("authorization_pending") {
            told.set("error", "slow_down");
        }
    }),
    tells("device.pending", "another_error", |_, _, told| {
        another_error(told, "authorization_pending");
    }),
    instead("device.approved", "slow_down", |memory, asked| {
        let polled = memory.redeemed(asked, "device_code");
        polled.map(|_| Told::refusal(400, "slow_down"))
    }),
    tells("device.approved", "worthless", |_, asked, told| {
        if asked.is("/token") {
            told.set("access_token", "x");
        }
    }),
    tells("device.denied", "another_error", |_, _, told| {
        another_error(told, "access_denied");
    }),
    tells("device.denied", "approved", |_, asked, told| {
        if asked.redeems("device_code") {
            *told = Told::tokens();
        }
    }),
    tells("device.unknown_code", "another_error", |_, _, told| {
        another_error(told, "invalid_grant");
    }),
    asks(
        "device.code_of_another_client",
        "redeemed",
        |memory, asked| as_owner(memory, asked, "device_code"),
    ),
    tells(
        "device.client_without_the_grant",
        "served",
        |_, asked, told| {
            if asked.is("/device_authorization") && told.is_error("unauthorized_client") {
                *told = Told::new(200, json!({ "device_code": "x" }));
            }
        },
    ),
    tells("device.expires", "another_error", |_, _, told| {
        another_error(told, "expired_token");
    }),
];

pub(super) const REFRESH: &[Mutation] = &[
    instead(
        "refresh.goes_on",
        "refused_the_second_time",
        |memory, asked| {
            let refreshed = memory.first(|own, _| own.redeems("refresh_token"));
            let again = refreshed.filter(|_| asked.redeems("refresh_token"));
            again.map(|_| Told::refusal(400, "invalid_grant"))
        },
    ),
    tells("refresh.goes_on", "worthless", |_, asked, told| {
        if asked.redeems("refresh_token") {
            told.set("access_token", "x");
        }
    }),
    asks("refresh.narrower_scope", "not_narrowed", |_, asked| {
        asked.leave_out("scope");
    }),
    tells(
        "refresh.narrower_scope",
        "narrowed_for_ever",
        |memory, asked, told| {
            let narrowed =
                memory.first(|own, _| own.redeems("refresh_token") && own.redeems("scope"));
            if narrowed.is_some() && asked.is("/token") {
                told.set("scope", "openid");
            }
        },
    ),
    asks("refresh.wider_scope", "served", |_, asked| {
        if asked.redeems("refresh_token") {
            asked.leave_out("scope");
        }
    }),
    asks(
        "refresh.token_of_another_client",
        "served",
        |memory, asked| as_owner(memory, asked, "refresh_token"),
    ),
    tells("refresh.garbled_token", "another_error", |_, _, told| {
        another_error(told, "invalid_grant");
    }),
    asks(
        "refresh.garbled_token",
        "ends_the_session",
        |memory, asked| {
            let refused =
                memory.first(|own, told| own.redeems("refresh_token") && told.status == 400);
            if refused.is_some() && asked.is("/token") {
                asked.set("refresh_token", "x");
            }
        },
    ),
    asks(
        "refresh.each_token_for_its_own_use",
        "access_token_refreshes",
        |memory, asked| {
            let given = asked
                .field("refresh_token")
                .and_then(|token| memory.given(token));
            if let Some(token) = given.and_then(|told| told.text("refresh_token")) {
                asked.set("refresh_token", token);
            }
        },
    ),
    asks(
        "refresh.each_token_for_its_own_use",
        "refresh_token_opens",
        |memory, asked| {
            let bearer = asked
                .header("authorization")
                .and_then(|value| value.strip_prefix("Bearer "));
            let given = bearer.and_then(|token| memory.given(token));
            if let Some(token) = given.and_then(|told| told.text("access_token")) {
                asked.set_header("authorization", &format!("Bearer {token}"));
            }
        },
    ),
];

/// A refusal once is a refusal for ever.
fn refused_before(memory: &Memory, asked: &Asked) -> Option<Told> {
    let first = memory.redeemed(asked, "code");
    let refused = first.filter(|told| told.status >= 400);
    refused.map(|_| Told::refusal(400, "invalid_grant"))
}
