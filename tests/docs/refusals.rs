//! The tables of refusals and errors against the server: every row is provoked, and everything
//! that can be answered has its row.

use std::collections::BTreeSet;

use claviger_engine::error::Kind;
use claviger_tests::{
    TestServer,
    aws::{Client, Code, DEVICE_CODE, redemption},
    driver::Mode,
    http::{Request, Response, read_response},
};
use claviger_wire::{aws::error, face::Face};
use serde_json::{Value, json};

use crate::page::table;

/// What an error tells: status, exception, `error`, message.
type Told = (u16, String, String, String);

/// Where a message comes from that no caller can provoke in a second.
const WRITTEN: [(&str, &str, &str); 2] = [
    (
        "InternalServerException",
        "This grant is in use by others. Try again in a moment.",
        include_str!("../../crates/engine/src/grant/step.rs"),
    ),
    (
        "InvalidRequestException",
        "The body took too long to arrive.",
        include_str!("../../crates/web/src/layer/gate.rs"),
    ),
];

#[tokio::test]
async fn every_refusal_has_its_row_and_every_row_its_refusal() {
    let told = told().await;
    let mut sent: BTreeSet<(String, String)> = told
        .into_iter()
        .map(|(_, exception, _, message)| (exception, message))
        .collect();
    for (exception, message, source) in WRITTEN {
        assert!(source.contains(message), "{message} is written nowhere");
        sent.insert((exception.to_owned(), message.to_owned()));
    }
    let shown = table("refusals")
        .into_iter()
        .map(|cells| match cells.as_slice() {
            [_, exception, message] => (exception.clone(), message.clone()),
            other => panic!("{other:?} is no row of three"),
        });
    assert_same(&shown.collect(), &sent);
}

#[tokio::test]
async fn every_error_has_its_row_and_every_row_its_error() {
    let (mut expected, mut expected_before) = (BTreeSet::new(), BTreeSet::new());
    for kind in Kind::ALL {
        let exception = error::oidc_exception(kind);
        let row = (
            exception.status,
            exception.name.to_owned(),
            exception.code.to_owned(),
        );
        match answered_by(kind) {
            Caller::CreateToken => expected.insert(row),
            Caller::TheCallsBefore => expected_before.insert(row),
            Caller::Nobody => true,
        };
    }
    let forms = told().await.into_iter();
    expected.extend(forms.map(|(status, exception, code, _)| (status, exception, code)));
    // Ten seconds of patience are the gate's own test's matter.
    expected.insert((
        408,
        "InvalidRequestException".to_owned(),
        "invalid_request".to_owned(),
    ));
    assert_same(&shown("errors"), &expected);
    assert_same(&shown("errors of the calls before"), &expected_before);
}

#[track_caller]
fn assert_same<T: Ord + std::fmt::Debug>(page: &BTreeSet<T>, server: &BTreeSet<T>) {
    let only =
        |these: &BTreeSet<T>, those| format!("{:#?}", these.difference(those).collect::<Vec<_>>());
    let (page_only, server_only) = (only(page, server), only(server, page));
    assert!(
        page == server,
        "only on the page: {page_only}\nonly at the server: {server_only}"
    );
}

fn shown(name: &str) -> BTreeSet<(u16, String, String)> {
    let row = |cells: Vec<String>| match cells.as_slice() {
        [status, exception, code, cause, remedy] if !cause.is_empty() && !remedy.is_empty() => (
            status.parse().expect("a status"),
            exception.clone(),
            code.clone(),
        ),
        other => panic!("{other:?} is no row of five"),
    };
    table(name).into_iter().map(row).collect()
}

/// Who of the three calls can answer a kind, CreateToken first.
enum Caller {
    CreateToken,
    TheCallsBefore,
    Nobody,
}

/// A new kind does not compile until it is known who answers it.
const fn answered_by(kind: Kind) -> Caller {
    match kind {
        Kind::InvalidRequest
        | Kind::InvalidClient
        | Kind::InvalidGrant
        | Kind::InvalidScope
        | Kind::UnauthorizedClient
        | Kind::UnsupportedGrantType
        | Kind::AccessDenied
        | Kind::AuthorizationPending
        | Kind::SlowDown
        | Kind::ExpiredToken
        | Kind::Unavailable
        // A cap of the calls before has the name that pollers know.
        | Kind::TooManyRequests => Caller::CreateToken,
        Kind::InvalidClientMetadata | Kind::InvalidRedirectUri => Caller::TheCallsBefore,
        Kind::InvalidToken | Kind::NotFound | Kind::SignatureReplayed => Caller::Nobody,
    }
}

/// Everything that a caller can be told, provoked.
async fn told() -> Vec<Told> {
    let server = TestServer::start().await;
    let mut told = forms(&server).await;
    told.extend(members(&server).await);
    told.extend(device_codes(&server).await);
    told.extend(codes(&server).await);
    told.extend(refresh_tokens(&server).await);
    told.extend(troubles(&server).await);
    told
}

fn tell(response: &Response) -> Told {
    let exception = response
        .header("x-amzn-errortype")
        .unwrap_or_default()
        .to_owned();
    response.assert_error(response.status.as_u16(), &exception);
    let (code, message) = (response.member("error"), response.member("message"));
    assert_eq!(message, response.member("error_description"), "{response}");
    (response.status.as_u16(), exception, code, message)
}

/// What the server would write if it came to it.
fn written(response: &http::Response<impl AsRef<[u8]>>) -> Told {
    let body: Value = serde_json::from_slice(response.body().as_ref()).expect("JSON");
    let text = |name: &str| body[name].as_str().expect(name).to_owned();
    let name = response.headers().get("x-amzn-errortype").expect("a name");
    let name = name.to_str().expect("text").to_owned();
    (
        response.status().as_u16(),
        name,
        text("error"),
        text("message"),
    )
}

/// What is wrong before the body is looked at.
async fn forms(server: &TestServer) -> Vec<Told> {
    let post = || Request::post("/token");
    let requests = [
        post()
            .header("Host", server.host())
            .header("Host", "other")
            .json(&json!({})),
        Request::post(format!("/token?{}", "x".repeat(9000))).json(&json!({})),
        post()
            .header("Content-Type", "application/json")
            .body("x".repeat(65_537)),
        Request::get("/token"),
        Request::post("/token?aws_iam=t").json(&json!({})),
        Request::post("/token?aws_iam=true").json(&json!({})),
        post().header("Content-Type", "text/plain").body("{}"),
        post().header("Content-Encoding", "gzip").json(&json!({})),
        post()
            .header("Content-Type", "application/json")
            .body(r#"{"code":"x","code":"y"}"#),
        post().header("Content-Type", "application/json").body("[]"),
    ];
    let mut told = Vec::new();
    for request in requests {
        told.push(tell(&server.send(request).await));
    }
    let mut connection = server.connect().await;
    let broken = "Transfer-Encoding: chunked\r\n\r\nno length\r\n";
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: {}\r\n{broken}",
        server.host()
    );
    connection.send(head.as_bytes()).await;
    let answer = read_response(&connection.read_to_end().await);
    told.push(tell(&answer.expect("an answer")));
    told
}

/// What is wrong with the members that all grants share.
async fn members(server: &TestServer) -> Vec<Told> {
    let client = server.aws().register().await;
    let other = server.aws().register().await;
    let pair = Client {
        id: client.id.clone(),
        secret: other.secret,
    };
    let refresh = json!({ "grantType": "refresh_token", "refreshToken": "x" });
    let with = |name: &str, value: Value| {
        let mut body = client.with(refresh.clone());
        body[name] = value;
        body
    };
    let bodies = [
        with("scope", json!("text")),
        with("redirectUri", json!("x".repeat(2049))),
        with("scope", json!([""])),
        with("clientId", Value::Null),
        with("clientSecret", json!("")),
        with("grantType", Value::Null),
        with("grantType", json!("password")),
        with("grantType", json!("authorization_code")),
        with("scope", json!(["not a scope"])),
        with(
            "scope",
            json!((0..26).map(|n| format!("scope:{n}")).collect::<Vec<_>>()),
        ),
        pair.with(refresh.clone()),
    ];
    let mut told = Vec::new();
    for body in bodies {
        told.push(tell(&server.aws().create_token(body).await));
    }
    told
}

async fn device_codes(server: &TestServer) -> Vec<Told> {
    let client = server.aws().register().await;
    let aws = server.aws();
    let with = |value: Value| client.with(json!({ "grantType": DEVICE_CODE, "deviceCode": value }));
    let mut told = vec![
        tell(&aws.create_token(with(Value::Null)).await),
        tell(&aws.create_token(with(json!("x"))).await),
    ];
    let device = aws.start_device(&client).await;
    for _ in 0..6 {
        told.push(tell(&aws.poll(&client, &device).await));
    }
    let stranger = server.aws().register().await;
    told.push(tell(&aws.poll(&stranger, &device).await));
    let mut browser = server.browser_of("alice").await;
    let denied = browser.deny(&device.user_code).await;
    assert!(denied.status.as_u16() < 400, "{denied}");
    told.push(tell(&aws.poll(&client, &device).await));
    let late = aws.start_device(&client).await;
    server.clock.advance(600);
    told.push(tell(&aws.poll(&client, &late).await));
    told
}

async fn codes(server: &TestServer) -> Vec<Told> {
    let (client, code) = server.code().await;
    let redeem = async |change: &dyn Fn(&mut Value)| {
        let mut body = client.with(redemption(&code));
        change(&mut body);
        tell(&server.aws().create_token(body).await)
    };
    let told = vec![
        redeem(&|body| body["code"] = Value::Null).await,
        redeem(&|body| body["redirectUri"] = Value::Null).await,
        redeem(&|body| body["codeVerifier"] = json!("short")).await,
        redeem(&|body| body["codeVerifier"] = Value::Null).await,
        redeem(&|body| body["codeVerifier"] = json!("y".repeat(43))).await,
        redeem(&|body| body["redirectUri"] = json!("http://127.0.0.1:1/oauth/callback")).await,
        redeem(&|body| body["scope"] = json!(["sso:admin:access"])).await,
    ];
    let unknown = Code {
        code: "x".to_owned(),
        ..code.clone()
    };
    let unknown = tell(&server.aws().redeem(&client, &unknown).await);
    server.aws().redeem(&client, &code).await.assert_status(200);
    let used = tell(&server.aws().redeem(&client, &code).await);
    [told, vec![unknown, used]].concat()
}

async fn refresh_tokens(server: &TestServer) -> Vec<Told> {
    let signed_in = server.signed_in_device().await;
    let refresh = async |value: Value| {
        let body = json!({ "grantType": "refresh_token", "refreshToken": value });
        tell(&server.aws().create_token(signed_in.client.with(body)).await)
    };
    vec![refresh(Value::Null).await, refresh(json!("x")).await]
}

/// What is nobody's mistake, or ours.
async fn troubles(server: &TestServer) -> Vec<Told> {
    let signed_in = server.signed_in_device().await;
    let token = signed_in.tokens.refresh_token();
    let mut told = Vec::new();
    for mode in [Mode::Away, Mode::Broken] {
        server.switch.set(mode);
        told.push(tell(&server.aws().refresh(&signed_in.client, token).await));
        server.switch.set(Mode::Working);
    }
    told.push(written(&Face::Oidc.late()));
    told
}

#[tokio::test]
async fn a_caller_without_a_verifier_works_where_pkce_is_not_required() {
    let server = TestServer::builder()
        .policy(|policy| policy.require_pkce = false)
        .start()
        .await;
    let redirect_uri = claviger_tests::server::REDIRECT_URI;
    let client = server.aws().register_for_codes(redirect_uri).await;
    let mut query = claviger_tests::aws::authorize_query(&client, redirect_uri);
    query.retain(|(name, _)| !name.starts_with("code_challenge"));
    let mut browser = server.browser_of("alice").await;
    let page = browser.authorize(&query).await;
    let back = browser.consent(&page, "Allow").await;
    let location = back.header("location").expect("a way back");
    let code = claviger_tests::http::parameter(location, "code").expect("a code");
    let body =
        json!({ "grantType": "authorization_code", "code": code, "redirectUri": redirect_uri });
    server
        .aws()
        .create_token(client.with(body))
        .await
        .assert_status(200);
}
