//! Registration (RFC 7591): nothing is stored, and nothing is said that does not hold.

use claviger_tests::{
    TestServer,
    http::Request,
    oauth::{Oauth, client},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_client_is_told_all_that_was_registered_and_nothing_is_stored() {
    let server = TestServer::start().await;
    let before = server.rows().everything();
    let body = json!({
        "client_name": "Grafana",
        "client_uri": "https://grafana.example",
        "contacts": ["ops@example.org"],
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [REDIRECT_URI],
        "response_types": ["code"],
        "scope": "openid email",
        "software_id": "x",
    });
    let answer = server.oauth().register_with(&body).await;
    answer.assert_status(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    let mut told = answer.json();
    let told = told.as_object_mut().expect("an object");
    let own = ["client_id", "client_secret"].map(|name| told.remove(name).expect(name));
    assert!(own[0].as_str().expect("text").starts_with("cvc1."));
    let ends = told.remove("client_secret_expires_at").expect("an end");
    let begins = told.remove("client_id_issued_at").expect("a beginning");
    assert_eq!(
        ends.as_i64().expect("a number") - begins.as_i64().expect("a number"),
        90 * 24 * 3600
    );
    let expected = json!({
        "client_name": "Grafana",
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "ES256",
        "redirect_uris": [REDIRECT_URI],
        "response_types": ["code"],
        "scope": "openid email",
        "token_endpoint_auth_method": "client_secret_basic",
    });
    assert_eq!(Value::Object(told.clone()), expected);
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn who_says_nothing_may_ask_who_somebody_is_and_no_more() {
    let server = TestServer::start().await;
    let body = json!({ "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none" });
    let answer = server.oauth().register_with(&body).await;
    answer.assert_status(201);
    assert_eq!(
        answer.member("scope"),
        "openid profile email groups offline_access"
    );
    let told = answer.json();
    assert_eq!(told["grant_types"], json!(["authorization_code"]));
    // It keeps no secret, so that it has none.
    assert_eq!(told.get("client_secret"), None, "{answer}");
    assert_eq!(told.get("client_secret_expires_at"), None, "{answer}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let server = TestServer::start().await;
    let before = server.rows().everything();
    let sound = Oauth::registration(REDIRECT_URI, "none");
    let rows = [
        (
            "jwks_uri",
            json!("https://evil.example/keys"),
            "invalid_client_metadata",
        ),
        ("jwks", json!({ "keys": [] }), "invalid_client_metadata"),
        ("subject_type", json!("pairwise"), "invalid_client_metadata"),
        (
            "userinfo_signed_response_alg",
            json!("ES256"),
            "invalid_client_metadata",
        ),
        ("default_max_age", json!(60), "invalid_client_metadata"),
        (
            "response_types",
            json!(["token"]),
            "invalid_client_metadata",
        ),
        (
            "response_types",
            json!(["code id_token"]),
            "invalid_client_metadata",
        ),
        (
            "token_endpoint_auth_method",
            json!("private_key_jwt"),
            "invalid_client_metadata",
        ),
        (
            "grant_types",
            json!(["implicit"]),
            "invalid_client_metadata",
        ),
        (
            "grant_types",
            json!(["client_credentials"]),
            "invalid_client_metadata",
        ),
        (
            "scope",
            json!("openid everything"),
            "invalid_client_metadata",
        ),
        ("scope", json!("sso-portal:*"), "invalid_client_metadata"),
        ("client_name", json!("a\nb"), "invalid_client_metadata"),
        ("redirect_uris", json!([]), "invalid_redirect_uri"),
        (
            "redirect_uris",
            json!(["https://evil.example/cb"]),
            "invalid_redirect_uri",
        ),
        (
            "redirect_uris",
            json!(["http://127.0.0.1/#x"]),
            "invalid_redirect_uri",
        ),
    ];
    for (name, value, error) in rows {
        let mut body = sound.clone();
        body[name] = value;
        let answer = server.oauth().register_with(&body).await;
        answer.assert_oauth_error(400, error);
    }
    // What is null or empty is not there (SETTLED).
    for nothing in [json!(null), json!("")] {
        let mut body = sound.clone();
        body["jwks"] = nothing.clone();
        body["jwks_uri"] = nothing;
        client(&server.oauth().register_with(&body).await);
    }
    let broken = Request::post("/register")
        .header("Content-Type", "application/json")
        .body("{\"client_name\": \"x\", \"client_name\": \"y\"}");
    let answer = server.send(broken).await;
    answer.assert_oauth_error(400, "invalid_client_metadata");
    assert_eq!(server.rows().everything(), before);
    client(&server.oauth().register_with(&sound).await);
}

#[tokio::test]
async fn rfc_8252_7_1_an_app_is_answered_at_its_own_scheme() {
    const OWN: &str = "com.example.tool:/answer";
    let server = TestServer::start().await;
    let client = server.oauth().register_public(OWN).await;
    let mut browser = server.browser_of("alice").await;
    let query = claviger_tests::aws::authorize_query(&client, OWN);
    let page = browser.authorize(&query).await;
    page.assert_status(200);
    assert!(
        page.text()
            .contains("an app on this device, <span class=\"mono\">com.example.tool<")
    );
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("form-action 'self' com.example.tool:;"),
        "{page}"
    );
    let back = browser.consent(&page, "Allow").await;
    back.assert_status(303);
    let location = back.header("location").unwrap_or_default();
    assert!(
        location.starts_with("com.example.tool:/answer?code="),
        "{back}"
    );
    // Another app's is not it.
    let query = claviger_tests::aws::authorize_query(&client, "com.example.other:/answer");
    browser
        .authorize(&query)
        .await
        .assert_error_page(400, "com.example.other");
    // No link alone wakes an app: neither a wrong request nor one that nobody may be asked about.
    for (name, value) in [("response_type", "token"), ("prompt", "none")] {
        let mut query = claviger_tests::aws::authorize_query(&client, OWN);
        query.retain(|(own, _)| own != name);
        query.push((name.to_owned(), value.to_owned()));
        let page = browser.authorize(&query).await;
        page.assert_error_page(400, "com.example.tool");
    }
    // AWS clients have none.
    let body = server.aws().code_client(&[OWN]);
    let answer = server.aws().register_with(body).await;
    answer.assert_error(400, "InvalidRedirectUriException");
}

#[tokio::test]
async fn tok_07_registration_reads_json_that_is_posted() {
    let server = TestServer::start().await;
    let body = Oauth::registration(REDIRECT_URI, "none");
    let get = Request::get("/register").json(&body);
    let answer = server.send(get).await;
    answer.assert_oauth_error(405, "invalid_request");
    assert_eq!(answer.header("allow"), Some("POST"));
    let form = [("client_name".to_owned(), "x".to_owned())];
    let answer = server.send(Request::post("/register").form(&form)).await;
    answer.assert_oauth_error(415, "invalid_request");
}

#[tokio::test]
async fn reg_02_a_network_may_register_so_often() {
    let server = TestServer::builder()
        .alone()
        .policy(|policy| policy.limits.registrations_per_network = 2)
        .start()
        .await;
    for _ in 0..2 {
        server.oauth().register(REDIRECT_URI).await;
    }
    let body = Oauth::registration(REDIRECT_URI, "none");
    let answer = server.oauth().register_with(&body).await;
    answer.assert_oauth_error(429, "slow_down");
    assert_eq!(answer.header("retry-after"), Some("60"), "{answer}");
}
