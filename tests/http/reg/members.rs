//! What a registration may hold (REG-02..07, 09).

use claviger_tests::{
    TestServer,
    aws::{DEVICE_CODE, authorize_query, client},
    html,
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

use super::registration;

#[tokio::test]
async fn reg_02_only_public_clients_register() {
    let server = TestServer::start().await;
    for kind in [
        json!("confidential"),
        json!("Public"),
        json!("public "),
        json!(""),
        Value::Null,
        json!(1),
    ] {
        let body = registration("clientType", kind);
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
}

#[tokio::test]
async fn reg_03_a_name_that_fools_a_reader_is_refused_and_a_long_one_is_cut() {
    let server = TestServer::start().await;
    for name in [
        "   ",
        "a\nb",
        "a\rb",
        "a\u{0007}b",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{2028}b",
        "\u{feff}a",
    ] {
        let refused = server
            .aws()
            .register_with(registration("clientName", json!(name)))
            .await;
        refused.assert_error(400, "InvalidClientMetadataException");
    }
    for absent in [json!(""), Value::Null] {
        let refused = server
            .aws()
            .register_with(registration("clientName", absent))
            .await;
        refused.assert_error(400, "InvalidRequestException");
    }
    let long = registration("clientName", json!("ä".repeat(40)));
    let client = client(&server.aws().register_with(long).await);
    server.aws().start_device(&client).await;
    assert_eq!(
        server.rows().only_text("SELECT client_name FROM devices"),
        "ä".repeat(32)
    );
}

#[tokio::test]
async fn reg_04_a_name_is_shown_as_unverified_escaped_and_never_believed() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    for name in [
        "AWS CLI",
        "Administrator",
        "Claviger",
        "<script>alert(1)</script>",
        "\"><img src=x>",
    ] {
        let mut body = server.aws().code_client(&[REDIRECT_URI]);
        body.as_object_mut()
            .expect("an object")
            .insert("clientName".to_owned(), json!(name));
        let client = client(&server.aws().register_with(body).await);
        let device = server.aws().start_device(&client).await;
        let confirm = browser.look_up(&device.user_code).await;
        let consent = browser
            .authorize(&authorize_query(&client, REDIRECT_URI))
            .await;
        for page in [confirm, consent] {
            page.assert_status(200);
            let text = html::text(page.text());
            assert!(text.contains(&format!("{name} unverified")), "{text}");
            assert!(!page.text().contains("<script>alert") && !page.text().contains("<img src=x"));
        }
    }
}

#[tokio::test]
async fn reg_04_reserved_names_are_refused_in_any_case() {
    let server = TestServer::builder()
        .policy(|policy| policy.reserved_names = vec!["Corp Portal".to_owned()])
        .start()
        .await;
    for name in ["Corp Portal", "corp portal", " CORP PORTAL "] {
        let refused = server
            .aws()
            .register_with(registration("clientName", json!(name)))
            .await;
        refused.assert_error(400, "InvalidClientMetadataException");
    }
    server
        .aws()
        .register_with(registration("clientName", json!("Corp")))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn reg_05_redirect_uris_that_lead_away_are_refused() {
    let server = TestServer::start().await;
    for uri in [
        "http://app.example/cb",
        "https://app.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "app:/cb",
        "com.example.app:/cb",
        "http://127.0.0.1/cb#fragment",
        "http://user@127.0.0.1/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1/*",
        "http://127.0.0.1/a/../cb",
        "http://127.0.0.1\\@evil.example/cb",
        "//127.0.0.1/cb",
        "/cb",
        "http://127.0.0.1/cb?x=1",
    ] {
        let body = server.aws().code_client(&[REDIRECT_URI, uri]);
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "InvalidRedirectUriException");
        assert!(!refused.text().contains("evil"), "{refused}");
    }
    let none = server
        .aws()
        .register_with(server.aws().code_client(&[]))
        .await;
    none.assert_error(400, "InvalidRedirectUriException");
}

#[tokio::test]
async fn reg_06_other_grant_types_are_refused() {
    let server = TestServer::start().await;
    for grant in [
        "password",
        "implicit",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "device_code",
        "AUTHORIZATION_CODE",
        "nonsense",
    ] {
        let body = registration("grantTypes", json!([DEVICE_CODE, grant]));
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "UnsupportedGrantTypeException");
    }
}

#[tokio::test]
async fn reg_07_unknown_scopes_are_recorded_and_powerless_and_there_are_at_most_25() {
    let server = TestServer::start().await;
    for scope in ["a b", "a:b:c:d", "a::b", ":a", "*", "a:*:b", "ä", "a\nb"] {
        let refused = server
            .aws()
            .register_with(registration("scopes", json!([scope])))
            .await;
        refused.assert_error(400, "InvalidScopeException");
    }
    let many = |count: usize| {
        let scopes: Vec<String> = (0..count).map(|number| format!("s{number}")).collect();
        registration("scopes", json!(scopes))
    };
    server
        .aws()
        .register_with(many(25))
        .await
        .assert_status(200);
    let refused = server.aws().register_with(many(26)).await;
    refused.assert_error(400, "InvalidClientMetadataException");

    let strange = registration(
        "scopes",
        json!(["codewhisperer:completions", "sso:admin:access"]),
    );
    let client = client(&server.aws().register_with(strange).await);
    let signed_in = server.sign_in_device("alice", client).await;
    let recorded = server.rows().only_text("SELECT scopes FROM sessions");
    assert_eq!(recorded, "codewhisperer:completions sso:admin:access");
    let accounts = server.aws().list_accounts(&signed_in.tokens.access).await;
    accounts.assert_status(403);
    assert_eq!(
        accounts.header("x-amzn-errortype"),
        Some("ForbiddenException")
    );
}

#[tokio::test]
async fn reg_09_a_registration_that_is_too_large_is_refused() {
    let server = TestServer::start().await;
    let uris = |count: usize, length: usize| -> Vec<String> {
        let path = "p".repeat(length);
        (0..count)
            .map(|number| format!("http://127.0.0.1/{path}{number}"))
            .collect()
    };
    let register = async |uris: Vec<String>| {
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        server
            .aws()
            .register_with(server.aws().code_client(&uris))
            .await
    };
    register(uris(11, 1))
        .await
        .assert_error(400, "InvalidClientMetadataException");
    register(uris(10, 300))
        .await
        .assert_error(400, "InvalidClientMetadataException");
    let largest = client(&register(uris(10, 100)).await);
    assert!(largest.id.len() <= 2048, "{}", largest.id.len());
}
