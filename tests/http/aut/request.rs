//! The authorization request: what is refused, where to, and what comes back (AUT-01..03, 11..15, 22).

use std::net::TcpListener;

use claviger_tests::{
    TestServer,
    aws::{Code, DEVICE_CODE, Tokens, authorize_query, client},
    http::parameter,
    pkce,
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

use super::{altered, query, signed_in};

#[tokio::test]
async fn aut_01_without_a_challenge_there_is_no_code() {
    let (server, client, mut browser) = signed_in().await;
    for absent in [None, Some("")] {
        let mut query = query(&client, "code_challenge", absent);
        browser
            .authorize(&query)
            .await
            .assert_sent_back(REDIRECT_URI, "invalid_request");
        query.retain(|(name, _)| name != "code_challenge_method");
        browser
            .authorize(&query)
            .await
            .assert_sent_back(REDIRECT_URI, "invalid_request");
    }
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_01_where_pkce_is_optional_a_challenge_that_was_sent_is_enforced() {
    let server = TestServer::builder()
        .policy(|policy| policy.require_pkce = false)
        .start()
        .await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let bound = server.code_for(&client).await;
    let refused = server
        .aws()
        .create_token(client.with(altered(&bound, "codeVerifier", Value::Null)))
        .await;
    refused.assert_error(400, "InvalidRequestException");
    Tokens::of(&server.aws().redeem(&client, &bound).await);

    let mut plain = authorize_query(&client, REDIRECT_URI);
    plain.retain(|(name, _)| !name.starts_with("code_challenge"));
    let mut browser = server.browser_of("alice").await;
    let page = browser.authorize(&plain).await;
    let back = browser.consent(&page, "Allow").await;
    let location = back.header("location").expect("a way back");
    let unbound = Code {
        code: parameter(location, "code").expect("a code"),
        ..bound
    };
    // A verifier where no challenge was stored is no redemption of that request (SETTLED).
    let refused = server.aws().redeem(&client, &unbound).await;
    refused.assert_error(400, "InvalidGrantException");
    let body = client.with(altered(&unbound, "codeVerifier", Value::Null));
    Tokens::of(&server.aws().create_token(body).await);
}

#[tokio::test]
async fn aut_02_the_method_is_s256_and_said() {
    let (server, client, mut browser) = signed_in().await;
    for method in [
        Some("plain"),
        Some("s256"),
        Some("S512"),
        Some("S256 "),
        Some(""),
        None,
    ] {
        let query = query(&client, "code_challenge_method", method);
        browser
            .authorize(&query)
            .await
            .assert_sent_back(REDIRECT_URI, "invalid_request");
    }
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_03_a_challenge_is_43_base64url_characters() {
    let (server, client, mut browser) = signed_in().await;
    let right = pkce::challenge(pkce::VERIFIER);
    for challenge in [
        right[..42].to_owned(),
        format!("{right}A"),
        format!("{right}="),
        format!("{}=", &right[..42]),
        right.replace('-', "+"),
        format!("{} ", &right[..42]),
        format!("{}ä", &right[..41]),
    ] {
        let query = query(&client, "code_challenge", Some(&challenge));
        browser
            .authorize(&query)
            .await
            .assert_sent_back(REDIRECT_URI, "invalid_request");
    }
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_11_only_the_response_type_code_exists() {
    let (server, client, mut browser) = signed_in().await;
    for kind in [
        Some("token"),
        Some("id_token"),
        Some("code token"),
        Some("code id_token"),
        Some("CODE"),
        None,
    ] {
        let back = browser
            .authorize(&query(&client, "response_type", kind))
            .await;
        back.assert_sent_back(REDIRECT_URI, "unsupported_response_type");
    }
    let code = || ("response_type".to_owned(), "code".to_owned());
    let twice = [authorize_query(&client, REDIRECT_URI), vec![code()]].concat();
    browser
        .authorize(&twice)
        .await
        .assert_sent_back(REDIRECT_URI, "invalid_request");
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_12_only_the_response_mode_query_exists() {
    let (server, client, mut browser) = signed_in().await;
    for mode in ["fragment", "form_post", "web_message", "jwt", "QUERY"] {
        let back = browser
            .authorize(&query(&client, "response_mode", Some(mode)))
            .await;
        back.assert_sent_back(REDIRECT_URI, "invalid_request");
        assert!(
            !back.header("location").unwrap_or_default().contains('#'),
            "{back}"
        );
    }
    browser
        .authorize(&query(&client, "response_mode", Some("query")))
        .await
        .assert_status(200);
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_13_request_objects_are_refused_and_never_fetched() {
    let (_server, client, mut browser) = signed_in().await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener
        .set_nonblocking(true)
        .expect("a listener that does not wait");
    let bait = format!("http://{}/bait", listener.local_addr().expect("an address"));
    let by_value = browser
        .authorize(&query(&client, "request", Some("eyJhbGciOiJub25lIn0.e30.")))
        .await;
    by_value.assert_sent_back(REDIRECT_URI, "request_not_supported");
    let by_reference = browser
        .authorize(&query(&client, "request_uri", Some(&bait)))
        .await;
    by_reference.assert_sent_back(REDIRECT_URI, "request_uri_not_supported");
    let caller = listener.accept().map(|(_, address)| address);
    assert!(caller.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn aut_14_every_way_back_names_the_issuer() {
    let (server, client, mut browser) = signed_in().await;
    let issuer = server.context.links.issuer().to_owned();
    let sound = authorize_query(&client, REDIRECT_URI);
    let page = browser.authorize(&sound).await;
    let allowed = browser.consent(&page, "Allow").await;
    let page = browser.authorize(&sound).await;
    let denied = browser.consent(&page, "Deny").await;
    denied.assert_sent_back(REDIRECT_URI, "access_denied");
    let refused = browser
        .authorize(&query(&client, "response_type", Some("token")))
        .await;
    for back in [allowed, denied, refused] {
        let location = back.header("location").expect("a way back");
        assert_eq!(parameter(location, "iss"), Some(issuer.clone()), "{back}");
        assert_eq!(
            parameter(location, "state").as_deref(),
            Some("state-of-the-kit"),
            "{back}"
        );
    }
    assert_eq!(server.rows().codes(), 1, "the denied request made none");
}

#[tokio::test]
async fn aut_15_state_comes_back_as_it_was_and_breaks_nothing() {
    let (_server, client, mut browser) = signed_in().await;
    let nasty = "%0d%0a\r\nSet-Cookie: a=b\r\n\"'<script>alert(1)</script>&code=evil+ä%2B";
    let padded = format!("{nasty}{}", "x".repeat(1024 - nasty.len()));
    for state in [nasty, &padded] {
        let page = browser
            .authorize(&query(&client, "state", Some(state)))
            .await;
        assert!(!page.text().contains("<script>alert"), "{page}");
        for answer in ["Allow", "Deny"] {
            let page = browser
                .authorize(&query(&client, "state", Some(state)))
                .await;
            let back = browser.consent(&page, answer).await;
            back.assert_status(303);
            let location = back.header("location").expect("a way back");
            assert_eq!(parameter(location, "state").as_deref(), Some(state));
            assert_eq!(location.matches("state=").count(), 1, "{location}");
            assert_eq!(
                location.matches("code=").count(),
                usize::from(answer == "Allow"),
                "{location}"
            );
            assert!(!browser.cookies().contains_key("a"));
        }
    }
    let too_long = "x".repeat(1025);
    let back = browser
        .authorize(&query(&client, "state", Some(&too_long)))
        .await;
    back.assert_sent_back(REDIRECT_URI, "invalid_request");
    assert_eq!(
        parameter(back.header("location").unwrap_or_default(), "state"),
        None
    );
}

#[tokio::test]
async fn aut_22_scope_and_scopes_together_are_refused_and_either_is_read() {
    let (server, client, mut browser) = signed_in().await;
    let both = query(&client, "scope", Some("sso:account:access"));
    browser
        .authorize(&both)
        .await
        .assert_sent_back(REDIRECT_URI, "invalid_request");
    let mut alone = both;
    alone.retain(|(name, _)| name != "scopes");
    browser.authorize(&alone).await.assert_status(200);
    let wider = query(
        &client,
        "scopes",
        Some("sso:account:access sso:admin:access"),
    );
    browser
        .authorize(&wider)
        .await
        .assert_sent_back(REDIRECT_URI, "invalid_scope");
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn a_client_without_the_grant_is_sent_back() {
    let server = TestServer::start().await;
    let mut body = server.aws().code_client(&[REDIRECT_URI]);
    let device_only = json!([DEVICE_CODE]);
    body.as_object_mut()
        .expect("an object")
        .insert("grantTypes".to_owned(), device_only);
    let client = client(&server.aws().register_with(body).await);
    let mut browser = server.browser_of("alice").await;
    let back = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    back.assert_sent_back(REDIRECT_URI, "unauthorized_client");
}
