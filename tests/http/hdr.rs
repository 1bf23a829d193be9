//! HDR: TLS, the headers that hold a page, and headers that are not believed.

use claviger_tests::{
    TestServer,
    aws::{self, DEVICE_CODE},
    browser::form,
    http::{Connection, Request, Response, parameter, read_response},
    pages::{Page, tour},
    seed::SANDBOX,
    server::REDIRECT_URI,
    tls::Tls,
    world::WorldBuilder,
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The policy of a page whose forms lead to `forms`.
fn policy(forms: &str) -> String {
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action \
         {forms}; frame-ancestors 'none'; base-uri 'none'"
    )
}

fn assert_held(name: &str, answer: &Response) {
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{name}: {answer}");
    }
}

#[tokio::test]
async fn hdr_02_every_page_is_held_by_the_same_headers() {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    for Page { name, answer } in tour(&server).await {
        assert_held(name, &answer);
        let forms = match name {
            // Every page of the chain to an application may lead there, and nowhere else.
            "authorize, sign-in" | "authorize, consent" => "'self' http://127.0.0.1:49152",
            _ => "'self'",
        };
        let own = answer.header("content-security-policy");
        assert_eq!(own, Some(policy(forms).as_str()), "{name}");
        // Nothing inline that such a policy would have to allow.
        for inline in ["<style", "style=\"", "<script>", "onclick", "onsubmit"] {
            assert!(!answer.text().contains(inline), "{name}: {inline}");
        }
    }
}

#[tokio::test]
async fn hdr_02_redirects_and_assets_are_held_too() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    for target in ["/", "/start", "/device", "/sessions"] {
        let away = browser.get(target).await;
        away.assert_status(303);
        assert_held(target, &away);
    }
    let page = browser.get("/sign-in").await;
    let assets = claviger_tests::html::tags(page.text())
        .into_iter()
        .filter_map(|tag| {
            tag.attributes
                .get("src")
                .or(tag.attributes.get("href"))
                .cloned()
        })
        .filter(|address| address.starts_with("/assets/"));
    let mut kinds = Vec::new();
    for address in assets {
        let asset = browser.get(&address).await;
        asset.assert_status(200);
        assert_eq!(
            asset.header("x-content-type-options"),
            Some("nosniff"),
            "{address}"
        );
        assert_eq!(asset.values("set-cookie"), Vec::<&str>::new());
        let policy = asset.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{address} {policy}");
        kinds.push(asset.header("content-type").unwrap_or_default().to_owned());
    }
    for kind in [
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
        "image/svg+xml",
    ] {
        assert!(kinds.iter().any(|own| own == kind), "{kinds:?}");
    }
}

/// One exchange over TLS.
async fn exchange(tls: &Tls, server: &TestServer, request: &Request) -> Response {
    let mut stream = tls.connect(server.address(), "http/1.1").await;
    let bytes = request.encode(server.host());
    stream.write_all(&bytes).await.expect("a server that reads");
    let mut answer = Vec::new();
    // A server that closes without TLS's own farewell has still answered.
    let _ = stream.read_to_end(&mut answer).await;
    read_response(&answer).expect("an answer")
}

/// A server that holds the TLS listener.
async fn with_tls(tls: &Tls) -> TestServer {
    TestServer::builder()
        .public_url("https://localhost")
        .tls(tls)
        .start()
        .await
}

#[tokio::test]
async fn hdr_03_our_own_tls_listener_pins_browsers_to_it() {
    let tls = Tls::new();
    let server = with_tls(&tls).await;
    for target in ["/sign-in", "/start", "/nowhere", "/sign-out"] {
        let request = Request::get(target).header("Accept", "text/html");
        let answer = exchange(&tls, &server, &request).await;
        let pinned = answer.header("strict-transport-security");
        let seconds = pinned.and_then(|value| value.strip_prefix("max-age="));
        let seconds: u64 = seconds.and_then(|text| text.parse().ok()).expect("a time");
        assert!(seconds >= 31_536_000, "{target}: {answer}");
    }
}

#[tokio::test]
async fn hdr_03_behind_a_proxy_the_proxy_pins() {
    for public_url in ["https://sso.example.org", "http://127.0.0.1:1"] {
        let server = TestServer::builder().public_url(public_url).start().await;
        let answer = server.browser().get("/sign-in").await;
        assert_eq!(answer.header("strict-transport-security"), None, "{answer}");
    }
}

#[tokio::test]
async fn hdr_03_in_clear_a_tls_listener_answers_nothing_and_does_nothing() {
    let tls = Tls::new();
    let server = with_tls(&tls).await;
    let body = json!({ "clientName": "a", "clientType": "public" });
    for request in [
        Request::post("/client/register").json(&body),
        Request::get("/start"),
        Request::get("/assignment/accounts").header("x-amz-sso_bearer_token", "cva1.x"),
    ] {
        let mut connection = Connection::open(server.address()).await;
        connection.send(&request.encode(server.host())).await;
        let bytes = connection.read_to_end().await;
        assert!(
            !bytes.starts_with(b"HTTP/"),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    let registered = exchange(
        &tls,
        &server,
        &Request::post("/client/register").json(&body),
    )
    .await;
    registered.assert_status(200);
}

#[tokio::test]
async fn hdr_01_a_connection_that_does_not_finish_its_handshake_holds_nobody_up() {
    let tls = Tls::new();
    let server = with_tls(&tls).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut connection = Connection::open(server.address()).await;
        connection.send(&[0x16, 0x03, 0x01]).await;
        silent.push(connection);
    }
    let answer = exchange(&tls, &server, &Request::get("/sign-in")).await;
    answer.assert_status(200);
}

/// Headers by which strangers say who they are and how they came.
const CLAIMS: [(&str, &str); 9] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Port", "81"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Prefix", "/evil"),
    ("Forwarded", "for=203.0.113.66;host=evil.example;proto=http"),
    ("X-Original-URL", "/evil"),
    ("X-Rewrite-URL", "/evil"),
    ("X-Real-IP", "203.0.113.66"),
];

pub(super) fn claiming(request: Request) -> Request {
    CLAIMS.iter().fold(request, |request, (name, value)| {
        request.header(name, *value)
    })
}

#[tokio::test]
async fn hdr_04_no_header_changes_an_address_or_the_scheme() {
    for trusting in [false, true] {
        let builder = TestServer::builder().public_url("https://sso.example.org");
        let builder = if trusting {
            builder.trusting("127.0.0.1/32")
        } else {
            builder
        };
        let server = builder.start().await;
        let client = server.aws().register_for_codes(REDIRECT_URI).await;
        let body = client.with(json!({ "startUrl": server.context.links.start_url() }));
        let started = Request::post("/device_authorization").json(&body);
        let started = server.send(claiming(started)).await;
        started.assert_status(200);
        let code = started.member("userCode");
        assert_eq!(
            started.member("verificationUri"),
            "https://sso.example.org/device"
        );
        let complete = format!("https://sso.example.org/device?user_code={code}");
        assert_eq!(started.member("verificationUriComplete"), complete);
        // Cookies keep their prefix and `Secure`, whatever is said of the scheme.
        let mut browser = server.browser();
        let page = browser.send(claiming(Request::get("/sign-in"))).await;
        page.assert_status(200);
        let enter = form(&page, "/sign-in")
            .fill("user_name", "alice")
            .fill("password", "correct horse");
        let entered = Request::post("/sign-in")
            .header("Origin", "https://sso.example.org")
            .form(&enter.fields);
        let entered = browser.send(claiming(entered)).await;
        entered.assert_status(303);
        assert_eq!(entered.header("location"), Some("/start"));
        for cookie in page
            .values("set-cookie")
            .into_iter()
            .chain(entered.values("set-cookie"))
        {
            assert!(
                cookie.starts_with("__Host-") && cookie.contains("; Secure"),
                "{cookie}"
            );
        }
        // The issuer that an application is told, too.
        let query = aws::authorize_query(&client, REDIRECT_URI);
        let consent = browser.authorize(&query).await;
        let allow = form(&consent, "/authorize").press("Allow");
        let sent = Request::post("/authorize")
            .header("Origin", "https://sso.example.org")
            .form(&allow.fields);
        let back = browser.send(claiming(sent)).await;
        let location = back
            .assert_status(303)
            .header("location")
            .unwrap_or_default();
        let issuer = parameter(location, "iss");
        assert_eq!(issuer.as_deref(), Some("https://sso.example.org"));
        for shown in [&started, &page, &entered, &consent, &back] {
            assert!(!shown.to_string().contains("evil"), "{shown}");
        }
        // And nobody was elsewhere than where they were.
        let addresses = server
            .rows()
            .audit()
            .into_iter()
            .filter_map(|entry| entry.address);
        assert!(addresses.into_iter().all(|address| address == "127.0.0.1"));
    }
}

#[tokio::test]
async fn hdr_04_a_foreign_origin_is_not_made_ours_by_a_header() {
    let server = TestServer::builder()
        .public_url("https://sso.example.org")
        .trusting("127.0.0.1/32")
        .start()
        .await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let enter = form(&page, "/sign-in")
        .fill("user_name", "alice")
        .fill("password", "correct horse");
    for origin in ["https://evil.example", "http://sso.example.org"] {
        let sent = Request::post("/sign-in")
            .header("Origin", origin)
            .form(&enter.fields);
        browser
            .send(claiming(sent))
            .await
            .assert_error_page(403, "");
    }
    let away = Request::get("/start").header("Host", "evil.example");
    server.send(claiming(away)).await.assert_status(421);
}

#[tokio::test]
async fn hdr_06_api_answers_are_json_that_nobody_keeps() {
    let server = TestServer::start().await;
    let device = server.signed_in_device().await;
    let (client, code) = server.code().await;
    let token = device.tokens.access.as_str();
    let portal =
        |request: Request, token: &str| request.header("x-amz-sso_bearer_token", token.to_owned());
    let credentials = format!("/federation/credentials?account_id={SANDBOX}&role_name=Developer");
    let roles = format!("/assignment/roles?account_id={SANDBOX}");
    let registration = json!({ "clientName": "a", "clientType": "public" });
    let start = json!({ "startUrl": server.context.links.start_url() });
    let poll = json!({ "grantType": DEVICE_CODE, "deviceCode": "cvd1.x" });
    let rows = [
        (Request::post("/client/register").json(&registration), 200),
        (Request::post("/client/register").json(&json!({})), 400),
        (
            Request::post("/device_authorization").json(&client.with(start)),
            200,
        ),
        (Request::post("/device_authorization").json(&json!({})), 400),
        (
            Request::post("/token").json(&client.with(aws::redemption(&code))),
            200,
        ),
        (Request::post("/token").json(&client.with(poll)), 400),
        (
            Request::post("/token").header("Content-Type", "text/plain"),
            415,
        ),
        (Request::post("/token?aws_iam=t").json(&json!({})), 403),
        (Request::get("/token"), 405),
        (Request::get("/nowhere"), 404),
        (portal(Request::get("/assignment/accounts"), token), 200),
        (portal(Request::get("/assignment/accounts"), "x"), 401),
        (portal(Request::get(roles), token), 200),
        (portal(Request::get(credentials), token), 200),
        (portal(Request::post("/logout"), token), 200),
        (portal(Request::post("/logout"), token), 401),
    ];
    for (request, status) in rows {
        let target = request.target().to_owned();
        // What a browser would bring along changes nothing.
        let request = request
            .header("Origin", "https://evil.example")
            .header("Cookie", "claviger_session=x");
        let answer = server.send(request).await;
        answer.assert_status(status);
        for (header, value) in [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(header), Some(value), "{target}: {answer}");
        }
        assert_eq!(answer.values("set-cookie"), Vec::<&str>::new(), "{target}");
        // No other site's script may read it.
        let shared = answer
            .headers
            .iter()
            .any(|(name, _)| name.to_lowercase().starts_with("access-control-"));
        assert!(!shared, "{target}: {answer}");
    }
}
