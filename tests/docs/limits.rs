//! The numbers of the page: who needs which parameter, how long each may be, how long things live.

use claviger_engine::policy::Policy;
use claviger_model::{grant::device::REDELIVERY, time::Lifetime};
use claviger_tests::{TestServer, aws::Client};
use serde_json::{Value, json};

use crate::page::table;

/// The columns of the page's table.
const GRANTS: [&str; 3] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "authorization_code",
    "refresh_token",
];

/// A call of `grant` with every member, none of them good for anything but the client's.
fn call(client: &Client, grant: &str) -> Value {
    client.with(json!({
        "grantType": grant,
        "deviceCode": "x",
        "code": "x",
        "redirectUri": "x",
        "codeVerifier": "x".repeat(43),
        "refreshToken": "x",
        "scope": ["sso:account:access"],
    }))
}

async fn message(server: &TestServer, body: Value) -> String {
    server.aws().create_token(body).await.member("message")
}

#[tokio::test]
async fn each_grant_needs_the_parameters_marked_for_it() {
    let server = TestServer::start().await;
    let client = server
        .aws()
        .register_for_codes(claviger_tests::server::REDIRECT_URI)
        .await;
    let rows = table("parameters");
    assert_eq!(rows.len(), 9);
    for row in rows {
        let [member, _, marks @ ..] = row.as_slice() else {
            panic!("{row:?} is no row");
        };
        assert_eq!(marks.len(), GRANTS.len(), "{row:?}");
        for (grant, mark) in GRANTS.iter().zip(marks) {
            // Whether a verifier is missed depends on the code: the refusals have its row.
            if member == "codeVerifier" {
                continue;
            }
            let mut body = call(&client, grant);
            assert!(
                !message(&server, body.clone()).await.contains("missing"),
                "{grant}"
            );
            body[member] = Value::Null;
            let told = message(&server, body).await;
            let missed = told.contains("missing") && told.contains(member);
            assert_eq!(missed, mark == "●", "{grant} without {member}: {told}");
        }
    }
}

#[tokio::test]
async fn each_parameter_may_be_as_long_as_its_limit_and_no_longer() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    for row in table("parameters") {
        let [member, limit, ..] = row.as_slice() else {
            panic!("{row:?} is no row");
        };
        let Some(bytes) = number_before(limit, " bytes") else {
            assert_eq!(member, "codeVerifier", "{limit}");
            continue;
        };
        for (length, refused) in [(bytes, false), (bytes + 1, true)] {
            let text = "x".repeat(length);
            let mut body = call(&client, "refresh_token");
            body[member] = if member == "scope" {
                json!([text])
            } else {
                json!(text)
            };
            let told = message(&server, body).await;
            assert_eq!(
                told.contains("wrong type or length"),
                refused,
                "{member}: {told}"
            );
        }
    }
}

#[test]
fn things_live_as_long_as_the_page_says() {
    let policy = Policy::default();
    let ends = [
        ("client id and secret", policy.client_lifetime),
        ("device code", policy.device_code_lifetime),
        ("authorization code", policy.authorization_code_lifetime),
        ("access token", policy.access_token_lifetime),
        (
            "access token without refresh token",
            policy.legacy_access_token_lifetime,
        ),
        (
            "session, and with it every refresh",
            policy.session_lifetime,
        ),
    ];
    let rows = table("lifetimes");
    assert_eq!(rows.len(), ends.len());
    for (row, (what, lifetime)) in rows.iter().zip(ends) {
        let [name, told, _] = row.as_slice() else {
            panic!("{row:?} is no row of three");
        };
        assert_eq!(name, what);
        assert!(
            told.starts_with(&spelled(lifetime)),
            "{told} is not {lifetime:?}"
        );
    }
    let redelivered = rows
        .iter()
        .flatten()
        .any(|cell| cell.contains(&format!("for another {} seconds", REDELIVERY.as_seconds())));
    assert!(redelivered);
}

/// In the largest unit that makes it a whole number above one, but for the one hour.
fn spelled(lifetime: Lifetime) -> String {
    match lifetime.as_seconds() {
        3600 => "1 hour".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{} hours", seconds / 3600),
        seconds if seconds % 60 == 0 && seconds > 60 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

/// The number before a unit, thousands parted by commas.
fn number_before(text: &str, unit: &str) -> Option<usize> {
    let (before, _) = text.split_once(unit)?;
    let digits = before.rsplit(' ').next()?.replace(',', "");
    digits.parse().ok()
}
