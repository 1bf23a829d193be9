//! ID tokens by RS256, for clients that verify nothing else, and keys of both kinds that take over from each other.

use std::collections::BTreeSet;

use claviger_engine::admin;
use claviger_tests::{
    TestServer,
    aws::Client,
    evidence::Evidence,
    http::Request,
    oauth::{Oauth, client, tokens},
    server::REDIRECT_URI,
};
use claviger_wire::jose;
use jsonwebtoken::{decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use crate::web_identity::{claims_by, keys};

/// A server that has made its RSA key, as `serve` does at its first start.
async fn server() -> TestServer {
    let server = TestServer::start().await;
    complete(&server).await;
    server
}

async fn complete(server: &TestServer) {
    let completed = admin::keys::complete(&server.context, jose::new_rsa).await;
    completed.expect("an RSA key is kept");
}

fn asking_for(algorithm: &str) -> Value {
    let mut body = Oauth::registration(REDIRECT_URI, "client_secret_basic");
    body["id_token_signed_response_alg"] = json!(algorithm);
    body
}

async fn registered(server: &TestServer, algorithm: &str) -> Client {
    let answer = server.oauth().register_with(&asking_for(algorithm)).await;
    assert_eq!(answer.member("id_token_signed_response_alg"), algorithm);
    client(&answer)
}

/// Whether one of `keys` signed that token, for that client.
fn verifies(token: &str, keys: &JwkSet, client: &Client) -> bool {
    let header = decode_header(token).expect("a header");
    claims_by(header.alg, token, keys, &client.id).is_some()
}

#[tokio::test]
async fn met_01_rs256_is_listed_and_registered_where_there_is_a_key_for_it() {
    let server = TestServer::start().await;
    let listed = async || {
        let told = server.send(Request::get("/.well-known/openid-configuration"));
        told.await.json()["id_token_signing_alg_values_supported"].clone()
    };
    assert_eq!(listed().await, json!(["ES256"]));
    for algorithm in ["RS256", "HS256", "none", "rs256"] {
        let answer = server.oauth().register_with(&asking_for(algorithm)).await;
        answer.assert_oauth_error(400, "invalid_client_metadata");
    }
    complete(&server).await;
    assert_eq!(listed().await, json!(["ES256", "RS256"]));
    registered(&server, "RS256").await;
    // It is made once.
    let before = server.rows().everything();
    complete(&server).await;
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn core_15_1_each_client_has_its_id_tokens_signed_as_it_registered() {
    let server = server().await;
    let keys = keys(&server).await;
    for algorithm in ["RS256", "ES256"] {
        let client = registered(&server, algorithm).await;
        let code = server.code_for(&client).await;
        // The kit asks for the portal alone; a refresh has no more than that.
        let answer = server.oauth().redeem(&client, &code).await;
        assert_eq!(answer.json().get("id_token"), None);
        let device = server.oauth().start_device(&client).await;
        let mut browser = server.browser_of("alice").await;
        browser.approve(&device.user_code).await.assert_status(303);
        let answer = server.oauth().poll(&client, &device).await;
        let token = answer.member("id_token");
        let header = decode_header(&token).expect("a header");
        assert_eq!(format!("{:?}", header.alg), algorithm);
        assert!(verifies(&token, &keys, &client), "{answer}");
    }
}

#[tokio::test]
async fn met_01_the_rsa_key_is_told_by_its_public_members_alone() {
    let server = server().await;
    let told = server.send(Request::get("/jwks")).await.json();
    let keys = told["keys"].as_array().expect("keys");
    let rsa: Vec<_> = keys.iter().filter(|key| key["kty"] == "RSA").collect();
    let [rsa] = rsa.as_slice() else {
        panic!("one RSA key, not {told}");
    };
    let members = rsa.as_object().expect("a key").keys();
    assert!(members.eq(["alg", "e", "kid", "kty", "n", "use"]), "{rsa}");
    assert_eq!(rsa["n"].as_str().map(str::len), Some(342), "2048 bits");
    // Nor does the store hold it in clear.
    let everything = server.rows().everything().concat();
    assert!(!everything.contains(rsa["n"].as_str().expect("a modulus")));
}

/// Whoever verifies may keep our keys for a quarter of an hour, and ID tokens for an hour.
#[tokio::test]
async fn f17_every_id_token_verifies_while_keys_of_both_kinds_take_over() {
    let server = server().await;
    let mut held = Vec::new();
    for algorithm in ["RS256", "ES256"] {
        let client = registered(&server, algorithm).await;
        let device = server.oauth().start_device(&client).await;
        let mut browser = server.browser_of("alice").await;
        browser.approve(&device.user_code).await.assert_status(303);
        let first = tokens(&server.oauth().poll(&client, &device).await);
        held.push((client, first.refresh_token().to_owned()));
    }
    let (mut kept, mut out, mut signers) = (Vec::new(), Vec::new(), BTreeSet::new());
    for step in 0..40 {
        if step == 2 || step == 9 {
            let rotated = admin::keys::rotate(&server.context, jose::new_rsa()).await;
            rotated.expect("rotated");
        }
        let now = server.context.now().epoch_seconds();
        kept.push((now, keys(&server).await));
        kept.retain(|(told, _)| told + 900 > now);
        for (client, refresh) in &mut held {
            let answer = server.oauth().refresh(client, refresh).await;
            tokens(&answer).refresh_token().clone_into(refresh);
            let token = answer.member("id_token");
            signers.insert(decode_header(&token).expect("a header").kid);
            out.push((now, token, client.clone()));
        }
        out.retain(|(signed, ..)| signed + 3_600 > now);
        for (_, token, client) in &out {
            for (told, keys) in [kept.first().expect("keys"), kept.last().expect("keys")] {
                assert!(
                    verifies(token, keys, client),
                    "told {told}, now {now}: {token}"
                );
            }
        }
        server.clock.advance(299);
    }
    assert_eq!(
        signers.len(),
        6,
        "three keys of each kind signed for a while"
    );
    Evidence::that("keys of ID tokens that took over while tokens were out").print();
}
