//! A person gives a program less than it asks for, on the pages that ask them (POR-09).

use claviger_tests::{
    TestServer, aws,
    browser::{Browser, form},
    html,
    http::{Response, parameter},
    pkce,
    seed::{PRODUCTION, SANDBOX},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

use super::reach::{ACCOUNT_ACCESS, all_of, drawn, only, pair, roles, seen};

/// What a list of the page offers, by the values that it sends.
fn offered(page: &Response, list: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut inside = false;
    for tag in html::tags(page.text()) {
        match tag.name.as_str() {
            "select" => inside = tag.attributes.get("name").is_some_and(|name| name == list),
            "option" if inside => values.extend(tag.attributes.get("value").cloned()),
            _ => {}
        }
    }
    values
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// A server whose operator has two session policies.
async fn server_with_policies() -> TestServer {
    let arn = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    TestServer::builder()
        .policy(move |policy| {
            for name in ["read-only", "billing"] {
                policy.session_policies.insert(name.to_owned(), arn(name));
            }
        })
        .start()
        .await
}

/// A client that registered these scopes, and the page that asks alice about its device.
async fn asked(
    server: &TestServer,
    scopes: &Value,
) -> (aws::Client, aws::Device, Browser, Response) {
    let body = json!({ "clientName": "agent", "clientType": "public", "scopes": scopes });
    let client = aws::client(&server.aws().register_with(body).await);
    let device = server.aws().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.look_up(&device.user_code).await;
    (client, device, browser, page)
}

#[tokio::test]
async fn por_09_the_person_gives_a_device_less_than_it_asks_for() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.look_up(&device.user_code).await;
    let due = [
        String::new(),
        all_of(SANDBOX),
        only(SANDBOX, "Developer"),
        only(SANDBOX, "ReadOnly"),
        all_of(PRODUCTION),
        only(PRODUCTION, "Developer"),
        only(PRODUCTION, "ReadOnly"),
    ];
    assert_eq!(offered(&page, "only"), due);
    let approve = form(&page, "/device/approve").fill("only", &only(PRODUCTION, "ReadOnly"));
    browser.submit(&approve).await.assert_status(303);
    let tokens = aws::Tokens::of(&aws.poll(&client, &device).await);
    assert_eq!(
        drawn(&server, &tokens.access).await,
        [pair(PRODUCTION, "ReadOnly")]
    );
    assert_eq!(
        seen(&server, &tokens.access).await,
        [roles(PRODUCTION, &["ReadOnly"])]
    );
    // The client has registered more; its session has not.
    let grant = json!({
        "grantType": "refresh_token",
        "refreshToken": tokens.refresh_token(),
        "scope": [ACCOUNT_ACCESS],
    });
    let wider = aws.create_token(client.with(grant)).await;
    wider.assert_error(400, "InvalidScopeException");
    let renewed = aws::Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    assert_eq!(
        drawn(&server, &renewed.access).await,
        [pair(PRODUCTION, "ReadOnly")]
    );
    let sessions = html::text(browser.get("/sessions").await.text());
    assert!(
        sessions.contains("for the role ReadOnly in Production"),
        "{sessions}"
    );
}

#[tokio::test]
async fn por_09_the_person_gives_an_application_less_than_it_asks_for() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser
        .authorize(&aws::authorize_query(&client, REDIRECT_URI))
        .await;
    assert_eq!(offered(&page, "only").len(), 7);
    let allow = form(&page, "/authorize")
        .fill("only", &all_of(SANDBOX))
        .press("Allow");
    let back = browser.submit(&allow).await;
    let location = back.header("location").expect("a way back");
    let code = aws::Code {
        code: parameter(location, "code").expect("a code"),
        redirect_uri: REDIRECT_URI.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    };
    let tokens = aws::Tokens::of(&server.aws().redeem(&client, &code).await);
    let due = [pair(SANDBOX, "Developer"), pair(SANDBOX, "ReadOnly")];
    assert_eq!(drawn(&server, &tokens.access).await, due);
}

#[tokio::test]
async fn por_09_a_choice_that_was_not_offered_gives_nothing_and_takes_nothing() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.look_up(&device.user_code).await;
    for forged in [
        ACCOUNT_ACCESS,
        "sso-portal:*",
        "everything",
        "sso:account:111122223333 a",
    ] {
        let approve = form(&page, "/device/approve").fill("only", forged);
        browser.submit(&approve).await.assert_status(400);
        let polled = aws.poll(&client, &device).await;
        polled.assert_error(400, "AuthorizationPendingException");
    }
    // A role that alice does not have opens nothing, even when she is made to choose it.
    let approve = form(&page, "/device/approve").fill("only", &only(PRODUCTION, "Admin"));
    browser.submit(&approve).await.assert_status(303);
    let tokens = aws::Tokens::of(&aws.poll(&client, &device).await);
    assert_eq!(drawn(&server, &tokens.access).await, []);
}

#[tokio::test]
async fn por_09_the_person_gives_a_device_less_time_and_a_policy() {
    let server = server_with_policies().await;
    let aws = server.aws();
    let (client, device, mut browser, page) = asked(&server, &json!([ACCOUNT_ACCESS])).await;
    let due = ["", "sso:minutes:15", "sso:minutes:60", "sso:minutes:240"];
    assert_eq!(
        offered(&page, "minutes"),
        texts(&due),
        "eight hours are all"
    );
    let due = ["", "sso:policy:billing", "sso:policy:read-only"];
    assert_eq!(offered(&page, "policy"), texts(&due));
    let approve = form(&page, "/device/approve")
        .fill("minutes", "sso:minutes:15")
        .fill("policy", "sso:policy:read-only");
    browser.submit(&approve).await.assert_status(303);
    let tokens = aws::Tokens::of(&aws.poll(&client, &device).await);
    assert_eq!(tokens.expires_in, 900);
    let policy = async |token: &str| {
        let drawn = aws.role_credentials(token, SANDBOX, "Developer").await;
        drawn.assert_status(200);
        let requests = server.credentials.requests();
        requests.last().and_then(|last| last.policy_arn.clone())
    };
    let due = Some("arn:aws:iam::aws:policy/read-only".to_owned());
    assert_eq!(policy(&tokens.access).await, due);
    // The client asks for all that it registered; the limits stay.
    server.clock.advance(800);
    let grant = json!({
        "grantType": "refresh_token",
        "refreshToken": tokens.refresh_token(),
        "scope": [ACCOUNT_ACCESS],
    });
    let renewed = aws::Tokens::of(&aws.create_token(client.with(grant)).await);
    assert_eq!(renewed.expires_in, 100);
    assert_eq!(policy(&renewed.access).await, due);
    server.clock.advance(100);
    aws.list_accounts(&renewed.access)
        .await
        .assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn por_09_the_person_gives_an_application_less_time() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser
        .authorize(&aws::authorize_query(&client, REDIRECT_URI))
        .await;
    assert_eq!(offered(&page, "policy"), texts(&[]), "there is none");
    let allow = form(&page, "/authorize")
        .fill("minutes", "sso:minutes:60")
        .press("Allow");
    let back = browser.submit(&allow).await;
    let location = back.header("location").expect("a way back");
    let code = aws::Code {
        code: parameter(location, "code").expect("a code"),
        redirect_uri: REDIRECT_URI.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    };
    let tokens = aws::Tokens::of(&server.aws().redeem(&client, &code).await);
    assert_eq!(tokens.expires_in, 3600);
    server.clock.advance(3600);
    let ended = server.aws().refresh(&client, tokens.refresh_token()).await;
    ended.assert_error(400, "InvalidGrantException");
}

#[tokio::test]
async fn por_09_who_asks_for_less_already_is_offered_only_less_than_that() {
    let server = server_with_policies().await;
    let read = only(SANDBOX, "ReadOnly");
    for (scopes, minutes, policies) in [
        (
            json!([read, "sso:minutes:60", "sso:policy:billing"]),
            &["", "sso:minutes:15"][..],
            &[][..],
        ),
        (
            json!([read, "sso:minutes:10"]),
            &[],
            &["", "sso:policy:billing", "sso:policy:read-only"],
        ),
        (json!([]), &[], &[]),
        (json!(["sso-portal:*"]), &[], &[]),
        (json!(["codewhisperer:completions"]), &[], &[]),
    ] {
        let (client, device, mut browser, page) = asked(&server, &scopes).await;
        assert_eq!(offered(&page, "only"), texts(&[]), "{scopes}");
        assert_eq!(offered(&page, "minutes"), texts(minutes), "{scopes}");
        assert_eq!(offered(&page, "policy"), texts(policies), "{scopes}");
        // More than it asks for, by whatever list.
        for field in ["only", "minutes", "policy"] {
            let approve = form(&page, "/device/approve").fill(field, &all_of(SANDBOX));
            browser.submit(&approve).await.assert_status(400);
            let polled = server.aws().poll(&client, &device).await;
            polled.assert_error(400, "AuthorizationPendingException");
        }
    }
}

#[tokio::test]
async fn por_09_a_policy_that_nobody_set_up_cannot_be_given() {
    let server = server_with_policies().await;
    for scopes in [
        json!([ACCOUNT_ACCESS]),
        json!([ACCOUNT_ACCESS, "sso:policy:billing"]),
    ] {
        let (client, device, mut browser, page) = asked(&server, &scopes).await;
        for policy in ["sso:policy:other", "sso:policy:"] {
            let approve = form(&page, "/device/approve").fill("policy", policy);
            browser.submit(&approve).await.assert_status(400);
        }
        let polled = server.aws().poll(&client, &device).await;
        polled.assert_error(400, "AuthorizationPendingException");
    }
    // One policy stands already: another would let it do what either allows.
    let scopes = json!([ACCOUNT_ACCESS, "sso:policy:billing"]);
    let (_, _, mut browser, page) = asked(&server, &scopes).await;
    let approve = form(&page, "/device/approve").fill("policy", "sso:policy:read-only");
    browser.submit(&approve).await.assert_status(400);
}
