//! A program that asked for less is given less (POR-09): the lists omit the rest, nothing else is
//! vended, and nothing widens it.

use claviger_engine::admin::wanted::Directory;
use claviger_tests::{
    TestServer, aws,
    browser::form,
    html,
    http::{Request, Response, escape},
    seed::{self, PRODUCTION, SANDBOX},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

use super::reach::{ACCOUNT_ACCESS, all_of, device_of, drawn, only, pair, roles, seen, texts};

#[tokio::test]
async fn por_09_one_role_of_one_account_is_all_there_is() {
    let server = TestServer::start().await;
    let token = device_of(&server, "alice", &[&only(SANDBOX, "ReadOnly")])
        .await
        .tokens
        .access;
    assert_eq!(seen(&server, &token).await, [roles(SANDBOX, &["ReadOnly"])]);
    assert_eq!(drawn(&server, &token).await, [pair(SANDBOX, "ReadOnly")]);
    let elsewhere = server.aws().list_account_roles(&token, PRODUCTION).await;
    elsewhere.assert_error(403, "ForbiddenException");
}

#[tokio::test]
async fn por_09_an_account_is_all_that_the_person_has_there() {
    let server = TestServer::start().await;
    let token = device_of(&server, "alice", &[&all_of(PRODUCTION)])
        .await
        .tokens
        .access;
    assert_eq!(
        seen(&server, &token).await,
        [roles(PRODUCTION, &["Developer", "ReadOnly"])]
    );
    // Admin is bob's: a scope gives nobody what they do not have.
    let due = [pair(PRODUCTION, "Developer"), pair(PRODUCTION, "ReadOnly")];
    assert_eq!(drawn(&server, &token).await, due);
    let (foreign, unknown) = (only(PRODUCTION, "Admin"), all_of("999988887777"));
    let token = device_of(&server, "alice", &[&foreign, &unknown])
        .await
        .tokens
        .access;
    assert_eq!(seen(&server, &token).await, []);
    assert_eq!(drawn(&server, &token).await, []);
}

#[tokio::test]
async fn por_09_several_scopes_add_up_and_pages_hold_them_all() {
    let server = TestServer::start().await;
    // Not in the order of the lists, and with one that opens nothing.
    let scopes = [
        only(PRODUCTION, "ReadOnly"),
        only(SANDBOX, "ReadOnly"),
        "codewhisperer:completions".to_owned(),
        only(SANDBOX, "Developer"),
    ];
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let token = device_of(&server, "alice", &scopes).await.tokens.access;
    let due = [
        roles(SANDBOX, &["Developer", "ReadOnly"]),
        roles(PRODUCTION, &["ReadOnly"]),
    ];
    assert_eq!(seen(&server, &token).await, due);
    for (page, list, member, due) in [
        (
            "/assignment/accounts?".to_owned(),
            "accountList",
            "accountId",
            vec![SANDBOX, PRODUCTION],
        ),
        (
            format!("/assignment/roles?account_id={SANDBOX}&"),
            "roleList",
            "roleName",
            vec!["Developer", "ReadOnly"],
        ),
    ] {
        let first = server
            .aws()
            .portal(&format!("{page}max_result=1"), &token)
            .await;
        assert_eq!(texts(&first, list, member), due[..1]);
        let next = first.member("nextToken");
        let next = format!("{page}max_result=1&next_token={}", escape(&next));
        let second = server.aws().portal(&next, &token).await;
        assert_eq!(texts(&second, list, member), due[1..]);
        assert_eq!(second.json()["nextToken"], Value::Null);
    }
}

#[tokio::test]
async fn por_09_a_refresh_narrows_and_never_widens() {
    let server = TestServer::start().await;
    let (read, develop) = (only(SANDBOX, "ReadOnly"), only(SANDBOX, "Developer"));
    let agent = device_of(&server, "alice", &[&read, &develop]).await;
    let refresh = async |scopes: Value| {
        let grant = json!({
            "grantType": "refresh_token",
            "refreshToken": agent.tokens.refresh_token(),
            "scope": scopes,
        });
        server.aws().create_token(agent.client.with(grant)).await
    };
    for wider in [
        ACCOUNT_ACCESS,
        &all_of(SANDBOX),
        &only(PRODUCTION, "ReadOnly"),
        "sso-portal:*",
    ] {
        let refused = refresh(json!([read, wider])).await;
        refused.assert_error(400, "InvalidScopeException");
    }
    let narrow = aws::Tokens::of(&refresh(json!([read])).await);
    assert_eq!(
        drawn(&server, &narrow.access).await,
        [pair(SANDBOX, "ReadOnly")]
    );
    // The token of before goes on as it was granted; the session keeps both.
    let due = [pair(SANDBOX, "Developer"), pair(SANDBOX, "ReadOnly")];
    assert_eq!(drawn(&server, &agent.tokens.access).await, due);
    let whole = server
        .aws()
        .refresh(&agent.client, narrow.refresh_token())
        .await;
    assert_eq!(drawn(&server, &aws::Tokens::of(&whole).access).await, due);
}

#[tokio::test]
async fn por_09_what_the_person_loses_the_program_loses() {
    let server = TestServer::start().await;
    let agent = device_of(
        &server,
        "alice",
        &[&only(SANDBOX, "Developer"), &all_of(PRODUCTION)],
    )
    .await;
    let mut directory: Directory = seed::directory();
    directory
        .roles
        .retain(|given| given.role.name.as_str() != "Developer");
    server.apply(&directory).await;
    let token = &agent.tokens.access;
    assert_eq!(
        seen(&server, token).await,
        [roles(PRODUCTION, &["ReadOnly"])]
    );
    assert_eq!(drawn(&server, token).await, [pair(PRODUCTION, "ReadOnly")]);
}

#[tokio::test]
async fn por_09_an_application_asks_for_less_than_it_registered() {
    let server = TestServer::start().await;
    let read = only(SANDBOX, "ReadOnly");
    let mut body = server.aws().code_client(&[REDIRECT_URI]);
    body["scopes"] = json!([ACCOUNT_ACCESS, read]);
    let client = aws::client(&server.aws().register_with(body).await);
    let mut query = aws::authorize_query(&client, REDIRECT_URI);
    for (_, value) in query.iter_mut().filter(|(name, _)| name == "scopes") {
        value.clone_from(&read);
    }
    let mut browser = server.browser_of("alice").await;
    let page = browser.authorize(&query).await;
    let shown = html::text(page.text());
    assert!(
        shown.contains("Draw credentials for the role ReadOnly in Sandbox (111122223333)"),
        "{shown}"
    );
    assert!(!shown.contains("each of your roles"), "{shown}");
    let back = browser.consent(&page, "Allow").await;
    let location = back.header("location").expect("a way back");
    let code = aws::Code {
        code: claviger_tests::http::parameter(location, "code").expect("a code"),
        redirect_uri: REDIRECT_URI.to_owned(),
        verifier: claviger_tests::pkce::VERIFIER.to_owned(),
    };
    let tokens = aws::Tokens::of(&server.aws().redeem(&client, &code).await);
    assert_eq!(
        drawn(&server, &tokens.access).await,
        [pair(SANDBOX, "ReadOnly")]
    );
    let refreshed = server.aws().refresh(&client, tokens.refresh_token()).await;
    let refreshed = aws::Tokens::of(&refreshed);
    assert_eq!(
        drawn(&server, &refreshed.access).await,
        [pair(SANDBOX, "ReadOnly")]
    );
}

#[tokio::test]
async fn por_09_the_person_reads_what_the_program_may_before_and_after() {
    let server = TestServer::start().await;
    let scopes = [
        only(SANDBOX, "ReadOnly"),
        all_of(PRODUCTION),
        all_of("999988887777"),
    ];
    let body = json!({ "clientName": "agent", "clientType": "public", "scopes": scopes });
    let client = aws::client(&server.aws().register_with(body).await);
    let device = server.aws().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    let asked = browser.look_up(&device.user_code).await;
    let due = [
        "Draw credentials for the role ReadOnly in Sandbox (111122223333)",
        "Draw credentials for each of your roles in Production (444455556666)",
        "Nothing in 999988887777: you have no role there",
    ];
    let assert_shown = |page: &Response| {
        let shown = html::text(page.text());
        for sentence in due {
            assert!(
                shown.contains(sentence),
                "{sentence:?} is missing in {shown}"
            );
        }
        assert!(!shown.contains("See your accounts"), "{shown}");
    };
    assert_shown(&asked);
    browser.submit(&form(&asked, "/device/approve")).await;
    server.aws().poll(&client, &device).await.assert_status(200);
    assert_shown(&browser.get("/sessions").await);
}

#[tokio::test]
async fn por_09_a_confinement_that_is_none_is_refused_at_registration() {
    let server = TestServer::start().await;
    for scope in [
        "sso:account:12",
        "sso:account:*",
        "sso:account:111122223333:*",
        "sso:account:all",
    ] {
        let body = json!({ "clientName": "agent", "clientType": "public", "scopes": [scope] });
        let refused = server
            .send(Request::post("/client/register").json(&body))
            .await;
        refused.assert_error(400, "InvalidScopeException");
        let told = refused.member("error_description");
        assert!(told.contains("12 digits"), "{told}");
    }
}

#[tokio::test]
async fn por_09_minutes_end_a_login_early_and_the_page_says_so() {
    let server = TestServer::start().await;
    let role = only(SANDBOX, "ReadOnly");
    let body = json!({
        "clientName": "agent", "clientType": "public", "scopes": [role, "sso:minutes:30"],
    });
    let aws = server.aws();
    let client = aws::client(&aws.register_with(body).await);
    let device = aws.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.look_up(&device.user_code).await;
    assert!(
        page.text().contains("All of it for 30 minutes at most"),
        "{page}"
    );
    browser.approve(&device.user_code).await.assert_status(303);
    let tokens = aws::Tokens::of(&aws.poll(&client, &device).await);
    assert_eq!(tokens.expires_in, 1800);
    server.clock.advance(1700);
    let tokens = aws::Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    assert_eq!(tokens.expires_in, 100, "a refresh gives no more time");
    aws.list_accounts(&tokens.access).await.assert_status(200);
    server.clock.advance(100);
    aws.list_accounts(&tokens.access)
        .await
        .assert_error(401, "UnauthorizedException");
    aws.refresh(&client, tokens.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    let unreadable =
        json!({ "clientName": "x", "clientType": "public", "scopes": ["sso:minutes:0"] });
    aws.register_with(unreadable)
        .await
        .assert_error(400, "InvalidScopeException");
}

#[tokio::test]
async fn por_09_a_session_policy_goes_with_every_credential_and_no_refresh_loses_it() {
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let server = TestServer::builder()
        .policy(|policy| {
            policy
                .session_policies
                .insert("read-only".to_owned(), arn.to_owned());
        })
        .start()
        .await;
    let aws = server.aws();
    let held = device_of(&server, "alice", &[ACCOUNT_ACCESS, "sso:policy:read-only"]).await;
    let plain = server.signed_in_device().await;
    let draw = async |token: &str| {
        aws.role_credentials(token, SANDBOX, "Developer")
            .await
            .assert_status(200);
        server
            .credentials
            .requests()
            .last()
            .expect("a request")
            .policy_arn
            .clone()
    };
    assert_eq!(draw(&plain.tokens.access).await, None);
    assert_eq!(draw(&held.tokens.access).await.as_deref(), Some(arn));
    let less = json!({
        "grantType": "refresh_token",
        "refreshToken": held.tokens.refresh_token(),
        "scope": [ACCOUNT_ACCESS],
    });
    let less = aws
        .create_token(held.client.with(less))
        .await
        .assert_status(200)
        .json();
    let token = less["accessToken"].as_str().expect("a token");
    assert_eq!(draw(token).await.as_deref(), Some(arn));
    for scopes in [
        &["sso:policy:other"][..],
        &["sso:policy:read-only", "sso:policy:more"],
    ] {
        let body = json!({ "clientName": "x", "clientType": "public", "scopes": scopes });
        aws.register_with(body)
            .await
            .assert_error(400, "InvalidScopeException");
    }
    let page = server.browser_of("alice").await.get("/sessions").await;
    assert!(
        page.text().contains("within the policy “read-only”"),
        "{page}"
    );
}

#[tokio::test]
async fn por_09_a_policy_that_was_taken_away_limits_to_nothing() {
    let server = TestServer::start().await;
    let held = device_of(&server, "alice", &[ACCOUNT_ACCESS]).await;
    let sql = "UPDATE sessions SET scopes = scopes || ' sso:policy:gone'";
    assert_eq!(server.tamper(sql).await, 1);
    let answer = server
        .aws()
        .role_credentials(&held.tokens.access, SANDBOX, "Developer")
        .await;
    answer.assert_error(403, "ForbiddenException");
    assert_eq!(server.credentials.calls(), 0);
}
