//! What the server says of itself (RFC 8414) is what it does.

use claviger_model::client::GrantType;
use claviger_tests::{
    TestServer,
    aws::Client,
    http::Request,
    oauth::{Oauth, client},
    seed::{WIKI_SECRET, wiki},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

pub(super) const PATHS: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

/// What an OpenID provider must tell (OpenID Connect Discovery §3).
const REQUIRED: [&str; 7] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
];

fn texts(value: &Value) -> Vec<&str> {
    let list = value.as_array().expect("a list");
    list.iter().filter_map(Value::as_str).collect()
}

/// RFC 8414 §2, OpenID Connect Discovery §3.
#[tokio::test]
async fn met_01_everything_that_is_listed_works() {
    let builder = TestServer::builder();
    let server = builder
        .policy(|policy| policy.applications.push(wiki()))
        .start()
        .await;
    server.secrets().add(WIKI_SECRET);
    let [answer, openid] = PATHS.map(|path| server.send(Request::get(path)));
    let (answer, openid) = (answer.await, openid.await);
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=900"));
    let told = answer.json();
    assert_eq!(openid.json(), told, "one server, one word");
    let issuer = server.context.links.issuer();
    assert_eq!(told["issuer"], json!(issuer));
    for member in REQUIRED {
        assert!(!told[member].is_null(), "{member}");
    }
    let endpoints = told.as_object().expect("an object").iter();
    let endpoints = endpoints.filter(|(name, _)| name.ends_with("_endpoint"));
    let mut count = 0;
    for (name, url) in endpoints {
        let url = url.as_str().expect("an address");
        let path = url.strip_prefix(issuer).expect("an address of ours");
        let answer = server.send(Request::get(path)).await;
        assert_ne!(answer.status, 404, "{name}: {answer}");
        count += 1;
    }
    assert_eq!(count, 7);
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    // Every grant can be had by an application of the configuration: what else is asked for is missing.
    let configured = Client {
        id: "wiki".to_owned(),
        secret: WIKI_SECRET.to_owned(),
    };
    let grants = texts(&told["grant_types_supported"]);
    assert_eq!(grants.len(), 6);
    for grant in grants {
        let fields = [("grant_type", grant)];
        let answer = server.oauth().ask("/token", &configured, &fields).await;
        if grant == "client_credentials" {
            answer.assert_status(200);
        } else {
            answer.assert_oauth_error(400, "invalid_request");
        }
    }
    let registrable = GrantType::REGISTRABLE.map(GrantType::as_str);
    // Whatever else is listed may be registered, all of it together.
    for method in texts(&told["token_endpoint_auth_methods_supported"]) {
        let mut body = Oauth::registration(REDIRECT_URI, method);
        body["grant_types"] = json!(registrable);
        body["response_types"] = told["response_types_supported"].clone();
        body["scope"] = json!(texts(&told["scopes_supported"]).join(" "));
        let answer = server.oauth().register_with(&body).await;
        assert_eq!(answer.member("token_endpoint_auth_method"), method);
        client(&answer);
    }
}

#[tokio::test]
async fn met_01_grants_that_nobody_was_given_are_not_listed() {
    let server = TestServer::start().await;
    let told = server.send(Request::get(PATHS[0])).await.json();
    let registrable = GrantType::REGISTRABLE.map(GrantType::as_str);
    let mut listed = texts(&told["grant_types_supported"]);
    listed.sort_unstable();
    let mut expected = registrable.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}
