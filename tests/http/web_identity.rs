//! Web identity tokens: what is told of the keys, and that the tokens verify by it whenever keys are
//! rotated.

use claviger_engine::admin;
use claviger_model::{id::UserId, port::web_identity::Statement};
use claviger_tests::{
    TestServer,
    evidence::Evidence,
    http::{Request, Response},
};
use claviger_wire::jose::{self, Signature};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde_json::{Value, json};

/// What an STS does: asks for a public document, without a cookie or a token.
async fn read(server: &TestServer, path: &str) -> Response {
    server.send(Request::get(path)).await
}

pub(crate) async fn keys(server: &TestServer) -> JwkSet {
    let told = read(server, "/jwks").await;
    serde_json::from_value(told.assert_status(200).json()).expect("a key set")
}

/// A token as a target is sent one now.
pub(crate) fn token(server: &TestServer) -> String {
    let context = &server.context;
    let now = context.now();
    let statement = Statement {
        audience: "sts.amazonaws.com",
        user_id: UserId::from_bytes([7; 16]),
        source_identity: Some("alice"),
        tags: vec![
            ("claviger-user", "alice".into()),
            ("claviger-role", "Developer".into()),
        ],
    };
    let by = Signature {
        issuer: context.links.issuer(),
        now,
        id: context.request_id(),
    };
    let signed = jose::sign(&context.keys.signing(now).web_identity, &statement, &by);
    signed.expect("a token").reveal().to_owned()
}

/// The claims, if one of `keys` signed them for that audience as web identity tokens are signed.
fn claims(token: &str, keys: &JwkSet, audience: &str) -> Option<Value> {
    claims_by(Algorithm::ES256, token, keys, audience)
}

/// The claims, if one of `keys` signed them by that algorithm for that audience.
pub(crate) fn claims_by(
    algorithm: Algorithm,
    token: &str,
    keys: &JwkSet,
    audience: &str,
) -> Option<Value> {
    let kid = decode_header(token).ok()?.kid?;
    let key = DecodingKey::from_jwk(keys.find(&kid)?).ok()?;
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    // The server's clock is the kit's.
    validation.validate_exp = false;
    decode(token, &key, &validation)
        .ok()
        .map(|decoded| decoded.claims)
}

#[tokio::test]
async fn met_01_discovery_lists_what_works_and_nothing_else() {
    let server = TestServer::start().await;
    let issuer = server.context.links.issuer();
    let told = read(&server, "/.well-known/openid-configuration").await;
    // What targets look for; the rest is told to applications (`oauth::metadata`).
    let discovery = told.assert_status(200).json();
    assert_eq!(discovery["issuer"], json!(issuer));
    assert_eq!(discovery["jwks_uri"], json!(format!("{issuer}/jwks")));
    assert_eq!(discovery["subject_types_supported"], json!(["public"]));
    assert_eq!(
        discovery["id_token_signing_alg_values_supported"],
        json!(["ES256"])
    );
    let claims = discovery["claims_supported"].as_array().expect("claims");
    for claim in [
        "iss",
        "sub",
        "aud",
        "iat",
        "exp",
        "jti",
        "https://aws.amazon.com/source_identity",
        "https://aws.amazon.com/tags",
    ] {
        assert!(claims.contains(&json!(claim)), "{claim}");
    }
    assert_eq!(told.header("content-type"), Some("application/json"));
    assert_eq!(told.header("cache-control"), Some("public, max-age=900"));
    assert_eq!(told.header("set-cookie"), None);
    for method in ["POST", "PUT", "DELETE"] {
        let refused = server
            .send(Request::new(method, "/jwks").json(&json!({})))
            .await;
        assert!(refused.status.is_client_error(), "{refused}");
    }
}

#[tokio::test]
async fn met_01_keys_are_told_by_their_public_members_alone() {
    let server = TestServer::start().await;
    admin::keys::rotate(&server.context, None)
        .await
        .expect("rotated");
    let told = read(&server, "/jwks").await;
    let told = told.assert_status(200).json();
    let keys = told["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 4, "two purposes, two epochs: {told}");
    for key in keys {
        let members: Vec<_> = key
            .as_object()
            .expect("a key")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
        let named: Jwk = serde_json::from_value(key.clone()).expect("a key");
        let thumbprint = named
            .thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256)
            .ok();
        assert_eq!(key["kid"].as_str(), thumbprint.as_deref());
    }
    let distinct: std::collections::BTreeSet<_> =
        keys.iter().map(|key| key["x"].as_str()).collect();
    assert_eq!(distinct.len(), 4);
    // Another instance has keys of its own, though the kit's chance is the same.
    let other = TestServer::builder()
        .world(|world| world.instance(7))
        .start()
        .await;
    assert_ne!(
        read(&other, "/jwks").await.json()["keys"][0]["x"],
        keys[1]["x"]
    );
}

#[tokio::test]
async fn a_token_says_who_it_is_for_whom_and_for_how_long() {
    let server = TestServer::start().await;
    let keys = keys(&server).await;
    let (token, again) = (token(&server), token(&server));
    let now = server.context.now().epoch_seconds();
    let said = claims(&token, &keys, "sts.amazonaws.com").expect("a good token");
    let id = said["jti"].clone();
    assert_eq!(
        said,
        json!({
            "iss": server.context.links.issuer(),
            "sub": "07".repeat(16),
            "aud": "sts.amazonaws.com",
            "iat": now,
            "exp": now + 300,
            "jti": id,
            "https://aws.amazon.com/source_identity": "alice",
            "https://aws.amazon.com/tags": {
                "principal_tags": { "claviger-user": ["alice"], "claviger-role": ["Developer"] },
            },
        })
    );
    let other = claims(&again, &keys, "sts.amazonaws.com").expect("a good token");
    assert_ne!(other["jti"], id, "two tokens have one id");
    assert_eq!(claims(&token, &keys, "another-sts"), None);
    let mut altered = token.clone();
    altered.replace_range(60..61, if &token[60..61] == "A" { "B" } else { "A" });
    assert_eq!(claims(&altered, &keys, "sts.amazonaws.com"), None);
}

/// Whoever verifies may keep our keys for a quarter of an hour: what signs must be in what they kept.
#[tokio::test]
async fn f17_five_rotations_in_a_minute_leave_every_token_verifiable() {
    let server = TestServer::start().await;
    let kept = keys(&server).await;
    let mut tokens = vec![token(&server)];
    for _ in 0..5 {
        server.clock.advance(12);
        admin::keys::rotate(&server.context, None)
            .await
            .expect("rotated");
        tokens.push(token(&server));
    }
    let fresh = keys(&server).await;
    // One of web identity tokens and one of ID tokens for each epoch.
    assert_eq!(fresh.keys.len(), 12);
    for token in &tokens {
        for keys in [&kept, &fresh] {
            assert!(
                claims(token, keys, "sts.amazonaws.com").is_some(),
                "{token}"
            );
        }
    }
    // An hour later the newest key signs, which everybody has been told of by then.
    server.clock.advance(3_600);
    let later = token(&server);
    assert_eq!(
        claims(&later, &kept, "sts.amazonaws.com"),
        None,
        "the key never changes"
    );
    assert!(claims(&later, &fresh, "sts.amazonaws.com").is_some());
    let newest = fresh.keys.iter().find_map(|key| key.common.key_id.clone());
    assert_eq!(decode_header(&later).expect("a header").kid, newest);
    // Another node that starts now signs with the same key.
    let node = server.node("second").start().await;
    let signing = |context: &claviger_engine::context::Context| {
        *context.keys.signing(context.now()).web_identity.reveal()
    };
    assert_eq!(signing(&node.context), signing(&server.context));
    Evidence::that("keys that took over while tokens were out").print();
}

/// Keys that were made in quick succession take over in quick succession, an hour later. Whatever is
/// still good verifies by the keys that are told then, and by those of a quarter of an hour ago.
#[tokio::test]
async fn f17_every_token_verifies_while_keys_take_over_one_after_another() {
    let server = TestServer::start().await;
    for _ in 0..5 {
        server.clock.advance(12);
        admin::keys::rotate(&server.context, None)
            .await
            .expect("rotated");
    }
    server.clock.advance(3_600 - 15 * 60);
    let mut kept = Vec::new();
    let mut tokens: Vec<(i64, String)> = Vec::new();
    let mut signers = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let now = server.context.now().epoch_seconds();
        kept.push((now, keys(&server).await));
        kept.retain(|(told, _)| told + 900 > now);
        tokens.push((now, token(&server)));
        tokens.retain(|(signed, _)| signed + 300 > now);
        let (_, oldest) = kept.first().expect("keys");
        let (_, newest) = kept.last().expect("keys");
        for (_, token) in &tokens {
            for keys in [oldest, newest] {
                assert!(
                    claims(token, keys, "sts.amazonaws.com").is_some(),
                    "{now} {token}"
                );
            }
            signers.insert(decode_header(token).expect("a header").kid);
        }
        server.clock.advance(10);
    }
    assert_eq!(signers.len(), 6, "each key signed for a while");
    // Two hours after the last rotation nobody needs the old ones.
    server.clock.advance(7_200);
    assert_eq!(keys(&server).await.keys.len(), 2);
    Evidence::that("keys that took over while tokens were out").print();
}

#[tokio::test]
async fn a_burned_epochs_key_is_told_no_more_and_its_successor_signs_at_once() {
    let server = TestServer::start().await;
    let kept = keys(&server).await;
    admin::keys::rotate(&server.context, None)
        .await
        .expect("rotated");
    let burn = "UPDATE keyring SET state = 'burned' WHERE epoch = 1";
    assert_eq!(server.tamper(burn).await, 1);
    let node = server.node("second").start().await;
    let told = node.context.keys.all_accepted();
    assert_eq!(told.len(), 1);
    let now = node.context.now();
    let signing = node.context.keys.signing(now);
    assert_eq!(signing.web_identity.reveal(), told[0].web_identity.reveal());
    assert_eq!(kept.keys.len(), 2);
}
