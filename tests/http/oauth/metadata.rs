//! What the server says of itself (RFC 8414) is what it does.

use claviger_tests::{
    TestServer,
    http::Request,
    oauth::{Oauth, client},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

const PATH: &str = "/.well-known/oauth-authorization-server";

fn texts(value: &Value) -> Vec<&str> {
    let list = value.as_array().expect("a list");
    list.iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn met_01_everything_that_is_listed_works() {
    let server = TestServer::start().await;
    let answer = server.send(Request::get(PATH)).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=900"));
    let told = answer.json();
    let issuer = server.context.links.issuer();
    assert_eq!(told["issuer"], json!(issuer));
    let openid = server
        .send(Request::get("/.well-known/openid-configuration"))
        .await;
    assert_eq!(openid.json()["issuer"], told["issuer"]);
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
    assert_eq!(count, 6);
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    // Whatever is listed may be registered, all of it together.
    for method in texts(&told["token_endpoint_auth_methods_supported"]) {
        let mut body = Oauth::registration(REDIRECT_URI, method);
        body["grant_types"] = told["grant_types_supported"].clone();
        body["response_types"] = told["response_types_supported"].clone();
        body["scope"] = json!(texts(&told["scopes_supported"]).join(" "));
        client(&server.oauth().register_with(&body).await);
    }
}
