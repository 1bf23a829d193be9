//! The authorization endpoint, done wrong.

use serde_json::json;

use super::change::REDIRECT_URI;
use crate::altered::{
    asked::Asked,
    mutation::{Mutation, asks, instead, tells},
    told::Told,
};

pub(super) const AUTHORIZE: &[Mutation] = &[
    tells("authorize.code_grant", "state_altered", |_, _, told| {
        told.lead(|to| to.replace("state=", "state=x"));
    }),
    tells(
        "authorize.code_grant",
        "another_token_type",
        |_, asked, told| {
            if asked.is("/token") {
                told.set("token_type", "mac");
            }
        },
    ),
    tells("authorize.code_grant", "no_lifetime", |_, asked, told| {
        if asked.is("/token") {
            told.leave_out("expires_in");
        }
    }),
    tells("authorize.denied", "another_error", |_, _, told| {
        told.lead(|to| to.replace("access_denied", "server_error"));
    }),
    asks("authorize.denied", "approved", |_, asked| {
        if asked.is("/_dev/authorize") {
            asked.json["deny"] = json!(false);
        }
    }),
    tells("authorize.iss", "none_beside_a_code", |_, asked, told| {
        if asked.is("/_dev/authorize") {
            told.lead(without_iss);
        }
    }),
    tells("authorize.iss", "none_beside_an_error", |_, asked, told| {
        if asked.is("/authorize") {
            told.lead(without_iss);
        }
    }),
    tells("authorize.iss", "another", |_, _, told| {
        told.lead(|to| to.replace("iss=", "iss=x"));
    }),
    tells("authorize.iss", "not_listed", |_, _, told| {
        told.leave_out("authorization_response_iss_parameter_supported");
    }),
    asks("authorize.challenge_is_demanded", "optional", |_, asked| {
        if asked.is("/authorize") && asked.parameter("code_challenge").is_none() {
            challenge(asked);
        }
    }),
    asks("authorize.challenge_is_demanded", "plain", |_, asked| {
        if asked.parameter("code_challenge_method") == Some("plain") {
            challenge(asked);
        }
    }),
    asks(
        "authorize.challenge_is_demanded",
        "no_method",
        |_, asked| {
            let method = asked.parameter("code_challenge_method");
            if asked.parameter("code_challenge").is_some() && method.is_none() {
                challenge(asked);
            }
        },
    ),
    instead("authorize.unknown_client", "sent_back", |_, asked| {
        let is_known = |id: &str| id != "no-such-client";
        sent_away(asked, asked.parameter("client_id").is_some_and(is_known))
    }),
    instead(
        "authorize.redirect_uri_is_exact",
        "open_redirector",
        |_, asked| sent_away(asked, asked.parameter("redirect_uri") == Some(REDIRECT_URI)),
    ),
    asks(
        "authorize.redirect_uri_is_exact",
        "by_prefix",
        |_, asked| {
            let is_near = |uri: &str| uri.starts_with(REDIRECT_URI);
            if asked.parameter("redirect_uri").is_some_and(is_near) {
                asked.ask("redirect_uri", REDIRECT_URI);
            }
        },
    ),
    asks("authorize.redirect_uri_is_exact", "inferred", |_, asked| {
        if asked.is("/authorize") && asked.parameter("redirect_uri").is_none() {
            asked.ask("redirect_uri", REDIRECT_URI);
        }
    }),
    instead(
        "authorize.loopback_port",
        "registered_port_only",
        |_, asked| {
            let uri = asked
                .parameter("redirect_uri")
                .filter(|uri| *uri != REDIRECT_URI);
            uri.map(|_| Told::page(400, None))
        },
    ),
    asks("authorize.response_type", "implicit_grant", |_, asked| {
        if asked.is("/authorize") {
            asked.ask("response_type", "code");
        }
    }),
    tells("authorize.response_type", "another_error", |_, _, told| {
        told.lead(|to| to.replace("unsupported_response_type", "server_error"));
    }),
    asks("authorize.repeated_parameter", "first_wins", |_, asked| {
        if asked.is("/authorize") {
            asked.once();
        }
    }),
    asks("authorize.prompt_none", "asks_all_the_same", |_, asked| {
        asked.query.retain(|(name, _)| name != "prompt");
    }),
    asks("authorize.request_objects", "ignored", |_, asked| {
        asked.query.retain(|(name, _)| !name.starts_with("request"));
    }),
];

fn without_iss(location: &str) -> String {
    location.replace("iss=", "not=")
}

fn challenge(asked: &mut Asked) {
    asked.ask(
        "code_challenge",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
    asked.ask("code_challenge_method", "S256");
}

/// To wherever the request says, unless all is well.
fn sent_away(asked: &Asked, is_well: bool) -> Option<Told> {
    if !asked.is("/authorize") || is_well {
        return None;
    }
    let uri = asked.parameter("redirect_uri").unwrap_or(REDIRECT_URI);
    Some(Told::page(
        303,
        Some(format!("{uri}?error=invalid_request")),
    ))
}
