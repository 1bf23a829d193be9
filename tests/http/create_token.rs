//! The parameters of CreateToken as one table: each of the nine missing, null, empty, of a wrong
//! type, of another grant, times the three grants.
//!
//! What a refusal leaves behind is checked row by row: nothing, but a counted failure of a code.

use std::fmt::Write as _;

use claviger_tests::{
    TestServer,
    aws::{Client, Code, DEVICE_CODE, Device, Tokens, authorize_query, redemption},
    browser::Browser,
    http::{Response, parameter},
    pkce,
    server::REDIRECT_URI,
};
use serde_json::{Map, Value, json};

const PARAMETERS: [&str; 9] = [
    "clientId",
    "clientSecret",
    "grantType",
    "deviceCode",
    "code",
    "refreshToken",
    "scope",
    "redirectUri",
    "codeVerifier",
];

const GRANTS: [&str; 3] = [DEVICE_CODE, "authorization_code", "refresh_token"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Missing,
    Null,
    Empty,
    WrongType,
    Foreign,
}

const FLAWS: [Flaw; 5] = [
    Flaw::Missing,
    Flaw::Null,
    Flaw::Empty,
    Flaw::WrongType,
    Flaw::Foreign,
];

/// A server, a client for all grants, and a browser in which alice approves whatever comes.
struct Desk {
    server: TestServer,
    client: Client,
    browser: Browser,
}

impl Desk {
    async fn open() -> Self {
        let server = TestServer::builder()
            .policy(|policy| policy.limits.devices_per_client = 1000)
            .start()
            .await;
        let client = server.aws().register_for_codes(REDIRECT_URI).await;
        let browser = server.browser_of("alice").await;
        Self {
            server,
            client,
            browser,
        }
    }

    async fn device(&mut self) -> Device {
        let device = self.server.aws().start_device(&self.client).await;
        self.browser
            .approve(&device.user_code)
            .await
            .assert_status(303);
        device
    }

    async fn code(&mut self) -> Code {
        let page = self
            .browser
            .authorize(&authorize_query(&self.client, REDIRECT_URI))
            .await;
        let back = self.browser.consent(&page, "Allow").await;
        let location = back.header("location").expect("a way back");
        Code {
            code: parameter(location, "code").expect("a code"),
            redirect_uri: REDIRECT_URI.to_owned(),
            verifier: pkce::VERIFIER.to_owned(),
        }
    }

    async fn refresh_token(&mut self) -> String {
        let device = self.device().await;
        let tokens = Tokens::of(&self.server.aws().poll(&self.client, &device).await);
        tokens.refresh_token().to_owned()
    }

    /// A request that redeems a fresh grant.
    async fn sound(&mut self, grant: &str) -> Map<String, Value> {
        let members = match grant {
            DEVICE_CODE => {
                json!({ "grantType": grant, "deviceCode": self.device().await.device_code })
            }
            "authorization_code" => redemption(&self.code().await),
            _ => json!({ "grantType": grant, "refreshToken": self.refresh_token().await }),
        };
        match self.client.with(members) {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    /// What another grant, another client or another request would have there.
    async fn foreign(&mut self, grant: &str, parameter: &str) -> Value {
        let other = self.server.aws().register().await;
        match parameter {
            "clientId" => json!(other.id),
            "clientSecret" => json!(other.secret),
            "grantType" => json!(GRANTS.iter().find(|own| **own != grant)),
            "deviceCode" | "refreshToken" => json!(self.code().await.code),
            "code" => json!(self.device().await.device_code),
            "scope" => json!(["sso:admin:access"]),
            "redirectUri" => json!("http://127.0.0.1:49153/oauth/callback"),
            _ => json!("another-verifier-that-is-well-formed-but-wrong"),
        }
    }

    async fn with_flaw(&mut self, grant: &str, parameter: &str, flaw: Flaw) -> Response {
        let mut members = self.sound(grant).await;
        let value = match flaw {
            Flaw::Missing => None,
            Flaw::Null => Some(Value::Null),
            Flaw::Empty if parameter == "scope" => Some(json!([])),
            Flaw::Empty => Some(json!("")),
            Flaw::WrongType if parameter == "scope" => Some(json!("sso:account:access")),
            Flaw::WrongType => Some(json!(["text"])),
            Flaw::Foreign => Some(self.foreign(grant, parameter).await),
        };
        match value {
            Some(value) => members.insert(parameter.to_owned(), value),
            None => members.remove(parameter),
        };
        let before = self.server.rows().everything();
        let answer = self.server.aws().create_token(Value::Object(members)).await;
        if answer.status != 200 {
            let after = self.server.rows().everything();
            let changed: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
            let counted = changed.iter().all(|row| row.starts_with("auth_codes"));
            assert!(
                counted && changed.len() <= 1,
                "{grant} {parameter} {flaw:?}: {changed:?}"
            );
        }
        answer
    }
}

/// One line of the table.
fn line(answer: &Response) -> String {
    match answer.status.as_u16() {
        200 => "200".to_owned(),
        status => {
            let name = answer.header("x-amzn-errortype").unwrap_or("?").to_owned();
            answer.assert_error(status, &name);
            format!("{status} {name}")
        }
    }
}

#[tokio::test]
async fn each_parameter_of_create_token_for_each_grant() {
    let mut desk = Desk::open().await;
    let mut table = String::new();
    for grant in GRANTS {
        let short = grant.rsplit(':').next().unwrap_or(grant);
        for parameter in PARAMETERS {
            for flaw in FLAWS {
                let answer = desk.with_flaw(grant, parameter, flaw).await;
                let _ = writeln!(
                    table,
                    "{short:18} {parameter:12} {:9} {}",
                    format!("{flaw:?}"),
                    line(&answer)
                );
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn members_of_other_grants_are_left_aside() {
    let mut desk = Desk::open().await;
    for grant in GRANTS {
        let mut members = desk.sound(grant).await;
        for other in [
            "deviceCode",
            "code",
            "refreshToken",
            "redirectUri",
            "codeVerifier",
        ] {
            // Some documents send the user code as `code` beside `deviceCode` (WIRE §3.3).
            members.entry(other).or_insert(json!("BCDF-GHJK"));
        }
        members.insert("unknown".to_owned(), json!({ "to": ["us"] }));
        Tokens::of(&desk.server.aws().create_token(Value::Object(members)).await);
    }
}

#[tokio::test]
async fn a_grant_type_that_was_not_registered_is_unauthorized_and_an_unknown_one_unsupported() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let body =
        json!({ "grantType": "authorization_code", "code": "x", "redirectUri": REDIRECT_URI });
    let refused = server.aws().create_token(client.with(body)).await;
    refused.assert_error(400, "UnauthorizedClientException");
    for unknown in [
        "password",
        "client_credentials",
        "device_code",
        "Refresh_Token",
        "implicit",
    ] {
        let refused = server
            .aws()
            .create_token(client.with(json!({ "grantType": unknown })))
            .await;
        refused.assert_error(400, "UnsupportedGrantTypeException");
    }
    // Who asks comes first: a stranger learns nothing about grants.
    let stranger = Client {
        id: client.id,
        secret: "wrong".to_owned(),
    };
    let refused = server
        .aws()
        .create_token(stranger.with(json!({ "grantType": "password" })))
        .await;
    refused.assert_error(401, "InvalidClientException");
}

#[tokio::test]
async fn a_scope_narrows_this_access_token_and_no_later_one() {
    let server = TestServer::start().await;
    let mut body = server.aws().code_client(&[REDIRECT_URI]);
    let scopes = json!(["sso:account:access", "codewhisperer:completions"]);
    body.as_object_mut()
        .expect("an object")
        .insert("scopes".to_owned(), scopes);
    let client = claviger_tests::aws::client(&server.aws().register_with(body).await);
    let signed_in = server.sign_in_device("alice", client).await;
    let refresh = async |scope: Value, token: &str| {
        let body = json!({ "grantType": "refresh_token", "refreshToken": token, "scope": scope });
        server.aws().create_token(signed_in.client.with(body)).await
    };
    let first = signed_in.tokens.refresh_token();
    let wider = refresh(json!(["sso:admin:access"]), first).await;
    wider.assert_error(400, "InvalidScopeException");
    assert_eq!(server.rows().generation(), 1, "still the holder's");
    let narrow = Tokens::of(&refresh(json!(["codewhisperer:completions"]), first).await);
    server
        .aws()
        .list_accounts(&narrow.access)
        .await
        .assert_status(403);
    let whole = Tokens::of(&refresh(json!([]), narrow.refresh_token()).await);
    server
        .aws()
        .list_accounts(&whole.access)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn what_each_grant_answers() {
    let mut desk = Desk::open().await;
    for grant in GRANTS {
        let members = desk.sound(grant).await;
        let answer = desk.server.aws().create_token(Value::Object(members)).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer, @r#"
            200 OK
            cache-control: no-store
            content-type: application/json
            referrer-policy: no-referrer
            x-amzn-requestid: [id]
            x-content-type-options: nosniff

            {
              "accessToken": "[cva1]",
              "expiresIn": 3600,
              "idToken": null,
              "refreshToken": "[cvr1]",
              "tokenType": "Bearer"
            }
            "#);
        }
    }
}
