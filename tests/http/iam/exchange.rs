//! Exchanged tokens: less than the first, under it, and never longer.

use claviger_engine::admin;
use claviger_tests::{
    TestServer,
    browser::form,
    http::Response,
    seed::{PRODUCTION, SANDBOX},
};
use serde_json::{Value, json};

use super::machine::{Code, Machine, server, server_trusting_itself, text};

const HOME: &str = "192.0.2.10";
const AWAY: &str = "198.51.100.10";

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const REFRESH: &str = "urn:ietf:params:oauth:token-type:refresh_token";

fn exchange(token: &str, scope: &[&str]) -> Value {
    json!({
        "grantType": GRANT, "subjectToken": token, "subjectTokenType": ACCESS, "scope": scope,
    })
}

async fn ask(server: &TestServer, machine: &Machine, members: Value) -> Response {
    server.clock.advance(1);
    machine.ask(server, members).await
}

#[tokio::test]
async fn por_09_an_exchanged_token_reaches_what_it_was_given_and_nothing_else() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let role = format!("sso:account:{SANDBOX}:ReadOnly");
    let less = ask(
        &server,
        &machine,
        exchange(text(&first, "accessToken"), &[&role]),
    )
    .await;
    let less = less.assert_status(200).json();
    assert_eq!(less["scope"], json!([role]));
    assert_eq!(less["refreshToken"], Value::Null);
    assert_eq!(text(&less, "issuedTokenType"), ACCESS);
    let aws = server.aws();
    let token = text(&less, "accessToken");
    aws.role_credentials(token, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    for (account, role) in [(SANDBOX, "Developer"), (PRODUCTION, "ReadOnly")] {
        aws.role_credentials(token, account, role)
            .await
            .assert_error(403, "ForbiddenException");
    }
    let accounts = aws.list_accounts(token).await.assert_status(200).json();
    assert_eq!(accounts["accountList"].as_array().map(Vec::len), Some(1));
    // The token that it came from can do what it could.
    let full = text(&first, "accessToken");
    aws.role_credentials(full, SANDBOX, "Developer")
        .await
        .assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn por_09_no_exchange_widens() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let mut less = json!({
        "grantType": "refresh_token", "refreshToken": text(&first, "refreshToken"), "scope": ["aws"],
    });
    less["scope"] = json!(["aws"]);
    let less = ask(&server, &machine, less).await.assert_status(200).json();
    for wider in [
        "sso:account:access",
        "openid",
        "sso-portal:*",
        &format!("sso:account:{SANDBOX}"),
    ] {
        let asked = exchange(text(&less, "accessToken"), &[wider]);
        ask(&server, &machine, asked)
            .await
            .assert_error(400, "InvalidScopeException");
    }
    let child = exchange(
        text(&first, "accessToken"),
        &[&format!("sso:account:{SANDBOX}")],
    );
    let child = ask(&server, &machine, child)
        .await
        .assert_status(200)
        .json();
    let again = exchange(text(&child, "accessToken"), &[]);
    ask(&server, &machine, again)
        .await
        .assert_error(400, "InvalidGrantException");
    server.finish().await;
}

#[tokio::test]
async fn a_child_shows_under_its_parent_and_dies_with_it() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let mut with_refresh = exchange(text(&first, "accessToken"), &["sso:account:access"]);
    with_refresh["requestedTokenType"] = json!(REFRESH);
    let child = ask(&server, &machine, with_refresh)
        .await
        .assert_status(200)
        .json();
    assert_eq!(text(&child, "issuedTokenType"), REFRESH);
    let mut browser = server.browser_of("alice").await;
    let page = browser.get("/sessions").await;
    let page = page.assert_status(200).text();
    let cards: Vec<&str> = page.split("<li class=\"card").collect();
    assert!(
        !cards[2].starts_with(" child") && cards[3].starts_with(" child"),
        "{page}"
    );
    assert!(cards[3].contains("from the session above"), "{page}");
    assert!(
        !page.contains("unverified"),
        "the operator named it\n{page}"
    );
    let aws = server.aws();
    aws.list_accounts(text(&child, "accessToken"))
        .await
        .assert_status(200);
    // It outlives nothing: not the logout of its parent, nor for a new token.
    aws.logout(text(&first, "accessToken"))
        .await
        .assert_status(200);
    aws.list_accounts(text(&child, "accessToken"))
        .await
        .assert_error(401, "UnauthorizedException");
    let refresh =
        json!({ "grantType": "refresh_token", "refreshToken": text(&child, "refreshToken") });
    ask(&server, &machine, refresh)
        .await
        .assert_error(400, "InvalidGrantException");
    assert!(
        !browser
            .get("/sessions")
            .await
            .text()
            .contains("session above")
    );
    server.finish().await;
}

/// How a parent can end.
#[derive(Clone, Copy, Debug)]
enum End {
    ByItsPerson,
    ByTheOperator,
    WithItsPerson,
    WithItsApplication,
    ByTheft,
    ByAReplayedCode,
    ByItsRowsDeletion,
}

impl End {
    async fn happen(self, server: &TestServer, machine: &Machine, first: &Value, code: &Code) {
        let context = &server.context;
        let sessions = admin::session::list(context, None).await.expect("a list");
        let parent = sessions.iter().find(|(_, own)| own.parent.is_none());
        let parent = parent.expect("the parent").1.id;
        match self {
            Self::ByItsPerson => {
                let mut browser = server.browser_of("alice").await;
                let page = browser.get("/sessions").await;
                let end = form(&page, "/sessions/end").fill("session", &parent.to_string());
                browser.submit(&end).await.assert_status(303);
            }
            Self::ByTheOperator => {
                let ended = admin::session::end(context, parent).await;
                ended.expect("it ends");
            }
            Self::WithItsPerson => {
                let ended = admin::user::disable(context, "alice").await;
                ended.expect("she is");
            }
            Self::WithItsApplication => {
                let denied = admin::client::deny(context, &machine.client_id, "test").await;
                denied.expect("it is");
            }
            Self::ByTheft => {
                let old = text(first, "refreshToken");
                let refresh = json!({ "grantType": "refresh_token", "refreshToken": old });
                let next = ask(server, machine, refresh.clone()).await;
                let next = next.assert_status(200).json();
                let again = json!({
                    "grantType": "refresh_token", "refreshToken": text(&next, "refreshToken"),
                });
                server.clock.advance(100);
                ask(server, machine, again).await.assert_status(200);
                server.clock.advance(100);
                let mut elsewhere = machine.clone();
                elsewhere.from(AWAY);
                let stolen = ask(server, &elsewhere, refresh).await;
                stolen.assert_error(400, "InvalidGrantException");
            }
            Self::ByAReplayedCode => {
                let replayed = ask(server, machine, code.members()).await;
                replayed.assert_error(400, "InvalidGrantException");
            }
            Self::ByItsRowsDeletion => {
                let sql = "DELETE FROM sessions WHERE parent IS NULL";
                assert_eq!(server.tamper(sql).await, 1);
            }
        }
    }
}

#[tokio::test]
async fn a_child_is_dead_at_once_however_its_parent_ends() {
    for end in [
        End::ByItsPerson,
        End::ByTheOperator,
        End::WithItsPerson,
        End::WithItsApplication,
        End::ByTheft,
        End::ByAReplayedCode,
        End::ByItsRowsDeletion,
    ] {
        let server = server_trusting_itself().await;
        let mut machine = Machine::new(&server).await;
        machine.from(HOME);
        let code = machine.code(&server).await;
        let first = ask(&server, &machine, code.members()).await;
        let first = first.assert_status(200).json();
        let mut asked = exchange(text(&first, "accessToken"), &["sso:account:access"]);
        asked["requestedTokenType"] = json!(REFRESH);
        let child = ask(&server, &machine, asked).await;
        let child = child.assert_status(200).json();
        let (aws, token) = (server.aws(), text(&child, "accessToken"));
        aws.list_accounts(token).await.assert_status(200);
        end.happen(&server, &machine, &first, &code).await;
        let answer = aws.list_accounts(token).await;
        assert_eq!(answer.status, 401, "{end:?}: {answer}");
        let refresh =
            json!({ "grantType": "refresh_token", "refreshToken": text(&child, "refreshToken") });
        let answer = ask(&server, &machine, refresh).await;
        assert_ne!(answer.status, 200, "{end:?}: {answer}");
        server.finish().await;
    }
}

#[tokio::test]
async fn ref_04_an_exchange_uses_the_token_as_the_portal_does() {
    for exchanged in [false, true] {
        let server = server_trusting_itself().await;
        let mut machine = Machine::new(&server).await;
        machine.from(HOME);
        let first = machine.sign_in(&server).await;
        let refresh =
            json!({ "grantType": "refresh_token", "refreshToken": text(&first, "refreshToken") });
        server.clock.advance(100);
        let second = ask(&server, &machine, refresh.clone()).await;
        let second = second.assert_status(200).json();
        let token = text(&second, "accessToken");
        if exchanged {
            ask(&server, &machine, exchange(token, &[]))
                .await
                .assert_status(200);
        }
        server.clock.advance(100);
        machine.from(AWAY);
        let again = ask(&server, &machine, refresh).await;
        if exchanged {
            // The second answer arrived, so whoever has the first token took it from somebody.
            again.assert_error(400, "InvalidGrantException");
            let ended = server.aws().list_accounts(token).await;
            ended.assert_error(401, "UnauthorizedException");
        } else {
            again.assert_status(200);
        }
        server.finish().await;
    }
}

#[tokio::test]
async fn a_child_ends_by_itself_and_leaves_its_parent() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let child = ask(
        &server,
        &machine,
        exchange(text(&first, "accessToken"), &[]),
    )
    .await;
    let child = child.assert_status(200).json();
    let aws = server.aws();
    aws.logout(text(&child, "accessToken"))
        .await
        .assert_status(200);
    aws.list_accounts(text(&child, "accessToken"))
        .await
        .assert_error(401, "UnauthorizedException");
    aws.list_accounts(text(&first, "accessToken"))
        .await
        .assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn a_child_never_outlives_its_parents_end() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    server.clock.advance(7 * 3600 + 1800);
    let refresh =
        json!({ "grantType": "refresh_token", "refreshToken": text(&first, "refreshToken") });
    let late = ask(&server, &machine, refresh)
        .await
        .assert_status(200)
        .json();
    let child = ask(&server, &machine, exchange(text(&late, "accessToken"), &[])).await;
    let child = child.assert_status(200).json();
    assert_eq!(child["expiresIn"], 1798);
    server.clock.advance(1799);
    server
        .aws()
        .list_accounts(text(&child, "accessToken"))
        .await
        .assert_error(401, "UnauthorizedException");
    server.finish().await;
}

#[tokio::test]
async fn fed_13_what_is_no_token_of_this_application_is_not_exchanged() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let device = server.signed_in_device().await;
    let mut forged = text(&first, "accessToken").to_owned();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    for token in [
        &device.tokens.access,
        text(&first, "refreshToken"),
        &forged,
        "garbage",
    ] {
        let answer = ask(&server, &machine, exchange(token, &[])).await;
        answer.assert_error(400, "InvalidGrantException");
    }
    for kind in [
        REFRESH,
        "urn:ietf:params:oauth:token-type:jwt",
        "access_token",
    ] {
        let mut other = exchange(text(&first, "accessToken"), &[]);
        other["subjectTokenType"] = json!(kind);
        ask(&server, &machine, other)
            .await
            .assert_error(400, "InvalidRequestException");
        let mut other = exchange(text(&first, "accessToken"), &[]);
        other["requestedTokenType"] = json!(format!("{kind}:x"));
        ask(&server, &machine, other)
            .await
            .assert_error(400, "InvalidRequestException");
    }
    for missing in ["subjectToken", "subjectTokenType"] {
        let mut other = exchange(text(&first, "accessToken"), &[]);
        other[missing] = Value::Null;
        ask(&server, &machine, other)
            .await
            .assert_error(400, "InvalidRequestException");
    }
    server.clock.advance(3600);
    let expired = exchange(text(&first, "accessToken"), &[]);
    ask(&server, &machine, expired)
        .await
        .assert_error(400, "InvalidGrantException");
    server.finish().await;
}

#[tokio::test]
async fn por_09_a_child_can_be_given_less_time_and_no_more() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let scope = ["sso:account:access", "sso:minutes:15"];
    let mut asked = exchange(text(&first, "accessToken"), &scope);
    asked["requestedTokenType"] = json!(REFRESH);
    let child = ask(&server, &machine, asked).await;
    let child = child.assert_status(200).json();
    assert_eq!(child["expiresIn"], 900);
    server.clock.advance(600);
    // Without the scope that says so it ends at the same moment.
    let mut refresh =
        json!({ "grantType": "refresh_token", "refreshToken": text(&child, "refreshToken") });
    refresh["scope"] = json!(["sso:account:access"]);
    let next = ask(&server, &machine, refresh)
        .await
        .assert_status(200)
        .json();
    assert_eq!(next["expiresIn"], 299);
    server.clock.advance(299);
    let aws = server.aws();
    aws.list_accounts(text(&next, "accessToken"))
        .await
        .assert_error(401, "UnauthorizedException");
    aws.list_accounts(text(&first, "accessToken"))
        .await
        .assert_status(200);
    server.finish().await;
}
