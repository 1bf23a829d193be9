//! Authorize, PKCE and authorization codes (AUT).

use std::net::TcpListener;

use claviger_tests::{
    TestServer,
    aws::{Client, Code, Tokens, authorize_query, client, parameter, redemption},
    browser::{Browser, form},
    http::Response,
    pkce,
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

/// A server, a client for codes, and a browser at which alice is signed in.
async fn signed_in() -> (TestServer, Client, Browser) {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let browser = server.browser_of("alice").await;
    (server, client, browser)
}

/// A sound query with one parameter set anew, or left out.
fn query(client: &Client, name: &str, value: Option<&str>) -> Vec<(String, String)> {
    let mut query = authorize_query(client, REDIRECT_URI);
    query.retain(|(own, _)| own != name);
    query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    query
}

fn challenge_of(verifier: &str) -> String {
    pkce::challenge(verifier)
}

/// The redemption of a code with one member set anew.
fn altered(code: &Code, name: &str, value: Value) -> Value {
    let mut body = redemption(code);
    body.as_object_mut()
        .expect("an object")
        .insert(name.to_owned(), value);
    body
}

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
    let right = challenge_of(pkce::VERIFIER);
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
async fn aut_04_a_verifier_that_is_absent_or_ill_formed_redeems_nothing() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let redeem = async |verifier: Value| {
        let body = altered(&code, "codeVerifier", verifier);
        server.aws().create_token(client.with(body)).await
    };
    let long = "x".repeat(129);
    for ill in [
        "x",
        &"x".repeat(42),
        &long,
        &"ä".repeat(43),
        &format!("{}=", pkce::VERIFIER),
        &"x y".repeat(20),
    ] {
        let refused = redeem(json!(ill)).await;
        refused.assert_error(400, "InvalidRequestException");
    }
    assert_eq!(server.rows().code_failures(), 0, "ill-formed has no effect");
    for (number, absent) in (1..).zip([Value::Null, json!("")]) {
        redeem(absent)
            .await
            .assert_error(400, "InvalidRequestException");
        assert_eq!(server.rows().code_failures(), number, "absent is counted");
    }
    assert_eq!(server.rows().sessions(), 0);
    Tokens::of(&server.aws().redeem(&client, &code).await);
}

#[tokio::test]
async fn aut_05_a_wrong_verifier_is_counted_and_five_burn_the_code() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let wrong = Code {
        verifier: "x".repeat(43),
        ..code.clone()
    };
    for number in 1..=4 {
        server
            .aws()
            .redeem(&client, &wrong)
            .await
            .assert_error(400, "InvalidGrantException");
        assert_eq!(server.rows().code_failures(), number);
    }
    Tokens::of(&server.aws().redeem(&client, &code).await);

    let burned = server.code_for(&client).await;
    let wrong = Code {
        verifier: "x".repeat(43),
        ..burned.clone()
    };
    for _ in 1..=5 {
        server
            .aws()
            .redeem(&client, &wrong)
            .await
            .assert_error(400, "InvalidGrantException");
    }
    let refused = server.aws().redeem(&client, &burned).await;
    refused.assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().sessions(), 1);
}

#[tokio::test]
async fn aut_06_another_clients_code_is_refused_and_stays_its_owners() {
    let server = TestServer::start().await;
    let (owner, code) = server.code().await;
    let thief = server.aws().register_for_codes(REDIRECT_URI).await;
    let before = server.rows().everything();
    for _ in 0..6 {
        let refused = server.aws().redeem(&thief, &code).await;
        refused.assert_error(400, "InvalidGrantException");
    }
    assert_eq!(server.rows().everything(), before);
    Tokens::of(&server.aws().redeem(&owner, &code).await);
}

#[tokio::test]
async fn aut_07_a_fully_valid_replay_ends_the_session() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(200);

    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (1, 0)
    );
    assert_eq!(server.rows().end_reason(), "code_replay");
    assert_eq!(server.rows().recorded("code.replay"), 1);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(401);
    let refreshed = server.aws().refresh(&client, tokens.refresh_token()).await;
    refreshed.assert_error(400, "InvalidGrantException");

    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(
        server.rows().recorded("code.replay"),
        1,
        "it had ended already"
    );
    assert_eq!(server.rows().sessions(), 1);
}

#[tokio::test]
async fn aut_07_a_code_that_aged_after_its_redemption_still_tells_a_replay() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    Tokens::of(&server.aws().redeem(&client, &code).await);
    server.clock.advance(600);
    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().end_reason(), "code_replay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn aut_08_of_fifty_parallel_redemptions_one_wins_and_the_session_ends() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let (aws, client, code) = (server.aws(), client.clone(), code.clone());
            tokio::spawn(async move { aws.redeem(&client, &code).await })
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        let answer = racer.await.expect("a racer");
        if answer.status == 200 {
            won.push(Tokens::of(&answer));
        } else {
            answer.assert_error(400, "InvalidGrantException");
        }
    }
    let [tokens] = won.try_into().expect("one winner");
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (1, 0)
    );
    assert_eq!(server.rows().recorded("session.start"), 1);
    assert_eq!(server.rows().recorded("code.replay"), 1);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(401);
}

#[tokio::test]
async fn aut_09_a_code_lives_sixty_seconds() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    server.clock.advance(60);
    let before = server.rows().everything();
    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.rows().sessions(), 0);
    let fresh = server.code_for(&client).await;
    server.clock.advance(59);
    Tokens::of(&server.aws().redeem(&client, &fresh).await);
}

#[tokio::test]
async fn aut_10_a_flawed_replay_ends_nothing() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    let other = server.aws().register_for_codes(REDIRECT_URI).await;
    let before = server.rows().everything();
    let wrong_verifier = Code {
        verifier: "y".repeat(43),
        ..code.clone()
    };
    let wrong_uri = Code {
        redirect_uri: "http://127.0.0.1:2/oauth/callback".to_owned(),
        ..code.clone()
    };
    for refused in [
        server.aws().redeem(&client, &wrong_verifier).await,
        server.aws().redeem(&client, &wrong_uri).await,
        server.aws().redeem(&other, &code).await,
    ] {
        refused.assert_error(400, "InvalidGrantException");
    }
    assert_eq!(server.rows().everything(), before);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(200);
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
async fn aut_16_a_flow_goes_on_only_in_the_browser_that_began_it() {
    let (server, client, mut attacker) = signed_in().await;
    let page = attacker
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let consent = form(&page, "/authorize").press("Allow");
    // The victim's browser is made to send the attacker's form: as it is, and with a form token
    // of the victim's own.
    let mut victim = server.browser_of("bob").await;
    victim
        .submit(&consent)
        .await
        .assert_error_page(403, REDIRECT_URI);
    let own = victim.get("/device").await;
    let own = form(&own, "/device")
        .value("token")
        .expect("a form token")
        .to_owned();
    let mixed = consent.clone().fill("token", &own);
    victim
        .submit(&mixed)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 0);

    let mut stranger = server.browser();
    let page = stranger.get("/sign-in").await;
    let sign_in = form(&page, "/sign-in")
        .fill_first("text", "bob")
        .fill_first("password", "battery staple");
    let sessions = server.rows().web_sessions();
    for mut other in [server.browser(), {
        let mut other = server.browser();
        other.get("/sign-in").await;
        other
    }] {
        other.submit(&sign_in).await.assert_status(400);
        assert_eq!(other.cookie("session"), None);
    }
    assert_eq!(server.rows().web_sessions(), sessions);
    assert_eq!(
        (server.hasher.checks(), server.hasher.dummies()),
        (2, 0),
        "no password was tried"
    );
    stranger.submit(&sign_in).await.assert_status(303);
}

#[tokio::test]
async fn aut_17_an_altered_swapped_or_old_transaction_is_refused() {
    let (server, client, mut browser) = signed_in().await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let consent = form(&page, "/authorize").press("Allow");
    let sealed = consent
        .value("request")
        .expect("a sealed request")
        .to_owned();
    let sign_in = server.browser().get("/sign-in").await;
    let of_sign_in = form(&sign_in, "/sign-in")
        .value("next")
        .expect("a sealed path")
        .to_owned();
    let mut forgeries = vec![
        String::new(),
        of_sign_in,
        format!("{sealed}A"),
        sealed[1..].to_owned(),
    ];
    for at in (0..sealed.len()).step_by(11) {
        let other = if sealed[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        forgeries.push(format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]));
    }
    for forged in forgeries {
        let sent = consent.clone().fill("request", &forged);
        browser
            .submit(&sent)
            .await
            .assert_error_page(400, REDIRECT_URI);
    }
    assert_eq!(server.rows().codes(), 0);
    server.clock.advance(599);
    browser.submit(&consent).await.assert_status(303);
    assert_eq!(server.rows().codes(), 1);
    server.clock.advance(1);
    browser
        .submit(&consent)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 1);
}

#[tokio::test]
async fn aut_17_an_old_sign_in_form_signs_nobody_in() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    server.clock.advance(600);
    let late = browser.sign_in_at(&page, "alice", "correct horse").await;
    late.assert_status(400);
    assert_eq!(
        (browser.cookie("session"), server.rows().web_sessions()),
        (None, 0)
    );
    browser
        .sign_in_at(&late, "alice", "correct horse")
        .await
        .assert_status(303);
}

#[tokio::test]
async fn aut_21_consent_is_asked_every_time() {
    let (server, client, mut browser) = signed_in().await;
    for number in 1..=2 {
        let page = browser
            .authorize(&authorize_query(&client, REDIRECT_URI))
            .await;
        page.assert_status(200);
        assert_eq!(page.header("location"), None);
        assert_eq!(server.rows().codes(), number - 1, "a look makes no code");
        browser.consent(&page, "Allow").await.assert_status(303);
        assert_eq!(server.rows().codes(), number);
    }
}

#[tokio::test]
async fn aut_21_a_stranger_signs_in_and_then_is_asked() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut browser = server.browser();
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    assert_eq!(page.header("location"), None, "{page}");
    let signed_in = browser.sign_in_at(&page, "alice", "correct horse").await;
    signed_in.assert_status(303);
    let consent = browser.follow(&signed_in).await;
    let back = browser.consent(&consent, "Allow").await;
    assert_eq!(back.status, 303, "{back}");
    let location = back.header("location").expect("a way back");
    assert!(
        location.starts_with(&format!("{REDIRECT_URI}?code=")),
        "{back}"
    );
    assert_eq!(server.rows().actions(), ["sign_in", "authorize.approve"]);
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
async fn aut_23_a_post_that_redirects_answers_303() {
    let (_server, client, mut browser) = signed_in().await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let allowed = browser.consent(&page, "Allow").await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let denied = browser.consent(&page, "Deny").await;
    let page = browser.get("/sign-out").await;
    let signed_out = browser.submit(&form(&page, "/sign-out")).await;
    let signed_in = browser.sign_in("alice", "correct horse").await;
    for answer in [allowed, denied, signed_out, signed_in] {
        answer.assert_status(303);
        assert!(answer.header("location").is_some(), "{answer}");
    }
}

#[tokio::test]
async fn a_way_back_to_ipv6_loopback_is_a_page_that_goes_on() {
    let server = TestServer::start().await;
    let redirect_uri = "http://[::1]:49152/oauth/callback";
    let client = server.aws().register_for_codes(redirect_uri).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser
        .authorize(&authorize_query(&client, redirect_uri))
        .await;
    let back: Response = browser.consent(&page, "Allow").await;
    back.assert_status(200);
    assert!(back.text().contains("http-equiv=\"refresh\""), "{back}");
    let link = claviger_tests::html::links(back.text());
    let link = link
        .iter()
        .find(|link| link.starts_with(redirect_uri))
        .expect("a way on");
    let code = parameter(link, "code").expect("a code");
    server.secrets().add(&code);
    let code = Code {
        code,
        redirect_uri: redirect_uri.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    };
    Tokens::of(&server.aws().redeem(&client, &code).await);
}

#[tokio::test]
async fn a_client_without_the_grant_is_sent_back() {
    let server = TestServer::start().await;
    let mut body = server.aws().code_client(&[REDIRECT_URI]);
    let device_only = json!([claviger_tests::aws::DEVICE_CODE]);
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
