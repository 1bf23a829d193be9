//! The document of OpenID Connect Discovery §4. That whatever it lists works is in `metadata`.

use claviger_tests::{
    TestServer,
    http::{Request, parameter},
};
use jsonwebtoken::{decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use super::openid::{EVERYTHING, asking, claims, code_in, registered};

const PATH: &str = "/.well-known/openid-configuration";

async fn document(server: &TestServer) -> Value {
    let told = server.send(Request::get(PATH)).await;
    told.assert_status(200).json()
}

#[tokio::test]
async fn discovery_4_1_it_is_there_for_whoever_gets_it_at_the_issuer() {
    let server = TestServer::start().await;
    let told = server.send(Request::get(PATH)).await;
    told.assert_status(200);
    assert_eq!(told.header("content-type"), Some("application/json"));
    assert_eq!(told.header("set-cookie"), None, "{told}");
    for method in ["POST", "PUT", "DELETE"] {
        let refused = server.send(Request::new(method, PATH)).await;
        refused.assert_status(405);
    }
}

#[tokio::test]
async fn discovery_4_2_what_has_no_value_is_left_out() {
    let server = TestServer::start().await;
    let told = document(&server).await;
    for (name, value) in told.as_object().expect("an object") {
        let empty = match value {
            Value::Null => true,
            Value::Bool(_) | Value::Number(_) => false,
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.is_empty() || !values.iter().all(Value::is_string),
            Value::Object(members) => members.is_empty(),
        };
        assert!(!empty, "{name}: {value}");
        let many = name.ends_with("_supported") && !name.ends_with("_parameter_supported");
        assert_eq!(value.is_array(), many, "{name}: {value}");
    }
}

/// Wherever a client meets the issuer, it is the address at which it found this document.
#[tokio::test]
async fn discovery_4_3_the_issuer_is_one_word_everywhere() {
    let server = TestServer::start().await;
    let told = document(&server).await;
    let issuer = told["issuer"].as_str().expect("an issuer").to_owned();
    assert_eq!(issuer, format!("http://{}", server.host()));
    assert!(!issuer.ends_with('/') && !issuer.contains(['?', '#']));
    let client = registered(&server).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.authorize(&asking(&client, "openid", &[])).await;
    let back = browser.consent(&page, "Allow").await;
    let location = back.header("location").expect("a way back");
    assert_eq!(parameter(location, "iss").as_ref(), Some(&issuer));
    let answer = server.oauth().redeem(&client, &code_in(&back)).await;
    let token = claims(&server, &client, &answer).await;
    assert_eq!(token["iss"], json!(issuer));
    // And it is what the operator calls it, with all that lies below it.
    let public = "https://sso.example.org";
    let server = TestServer::builder().public_url(public).start().await;
    let told = document(&server).await;
    assert_eq!(told["issuer"], json!(public));
    for (name, value) in told.as_object().expect("an object") {
        if let Some(address) = value.as_str() {
            assert!(address.starts_with(public), "{name}: {address}");
        }
    }
}

#[tokio::test]
async fn discovery_3_it_lists_the_algorithms_and_claims_that_tokens_have() {
    let server = TestServer::start().await;
    let told = document(&server).await;
    let lists = |name: &str, value: &Value| {
        let list = told[name].as_array().expect(name);
        assert!(list.contains(value), "{name} lacks {value}");
    };
    lists("scopes_supported", &json!("openid"));
    lists("response_types_supported", &json!("code"));
    lists("grant_types_supported", &json!("authorization_code"));
    // What is left out would be taken for true.
    assert_eq!(told["request_uri_parameter_supported"], json!(false));
    let client = registered(&server).await;
    let code = super::openid::code(&server, &client, EVERYTHING, &[("nonce", "n")]).await;
    let answer = server.oauth().redeem(&client, &code).await;
    let token = claims(&server, &client, &answer).await;
    for name in token.as_object().expect("claims").keys() {
        lists("claims_supported", &json!(name));
    }
    let header = decode_header(answer.member("id_token")).expect("a header");
    lists("id_token_signing_alg_values_supported", &json!(header.alg));
    // Those who fetch keys by that address alone find the one that signed.
    let issuer = server.context.links.issuer();
    let address = told["jwks_uri"].as_str().expect("an address");
    let path = address.strip_prefix(issuer).expect("an address of ours");
    let keys = server.send(Request::get(path)).await;
    let keys: JwkSet = serde_json::from_value(keys.json()).expect("keys");
    let kid = header.kid.expect("a kid");
    assert!(keys.find(&kid).is_some(), "{kid}");
}
