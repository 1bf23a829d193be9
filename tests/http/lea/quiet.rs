//! LEA-02, LEA-05, LEA-07: answers that say no more than they must, and pages that tell nobody
//! else.

use claviger_tests::{
    TestServer,
    aws::{self, DEVICE_CODE},
    browser::form,
    driver::Mode,
    html,
    http::{Request, Response},
    pages::tour,
    seed::SANDBOX,
    world::WorldBuilder,
};
use serde_json::json;

/// Words that would tell how the server is made or where it stands.
const TELLTALE: [&str; 22] = [
    "sqlite",
    "SQL",
    "SELECT",
    "UPDATE",
    "INSERT",
    "rusqlite",
    "constraint",
    "the kit",
    "switch",
    "/tmp",
    "/home",
    "/root",
    ".rs",
    "panicked",
    "stack",
    "backtrace",
    "thread '",
    "tokio",
    "axum",
    "hyper",
    "rustc",
    env!("CARGO_PKG_VERSION"),
];

fn assert_says_nothing(answer: &Response) {
    let shown = answer.to_string();
    for word in TELLTALE {
        assert!(!shown.contains(word), "{word} in\n{shown}");
    }
    for name in [
        "server",
        "x-powered-by",
        "via",
        "x-runtime",
        "x-aspnet-version",
    ] {
        assert_eq!(answer.header(name), None, "{answer}");
    }
}

/// Every API call with everything right, so that only the store can be the trouble.
async fn sound_calls(server: &TestServer) -> Vec<Request> {
    let device = server.signed_in_device().await;
    let (client, code) = server.code().await;
    let waiting = server.aws().start_device(&client).await;
    let token = &device.tokens.access;
    let portal = |request: Request| request.header("x-amz-sso_bearer_token", token);
    let grant = |members| Request::post("/token").json(&client.with(members));
    let start = json!({ "startUrl": server.context.links.start_url() });
    let refresh = json!({
        "grantType": "refresh_token",
        "refreshToken": device.tokens.refresh_token(),
    });
    vec![
        Request::post("/device_authorization").json(&client.with(start)),
        grant(aws::redemption(&code)),
        Request::post("/token").json(&device.client.with(refresh)),
        grant(json!({ "grantType": DEVICE_CODE, "deviceCode": waiting.device_code })),
        portal(Request::get("/assignment/accounts")),
        portal(Request::get(format!(
            "/assignment/roles?account_id={SANDBOX}"
        ))),
        portal(Request::get(format!(
            "/federation/credentials?account_id={SANDBOX}&role_name=Developer"
        ))),
        portal(Request::post("/logout")),
    ]
}

#[tokio::test]
async fn lea_02_trouble_is_told_in_fixed_words() {
    for (mode, status) in [(Mode::Broken, 500), (Mode::Away, 503)] {
        let server = TestServer::start().await;
        let calls = sound_calls(&server).await;
        server.switch.set(mode);
        for call in calls {
            let target = call.target().to_owned();
            let answer = server.send(call).await;
            // A poll is told to wait while the store is away (SETTLED).
            let pending =
                answer.header("x-amzn-errortype") == Some("AuthorizationPendingException");
            if !(pending && mode == Mode::Away) {
                answer.assert_error(status, "InternalServerException");
                assert_eq!(
                    answer.header("retry-after").is_some(),
                    status == 503,
                    "{target}"
                );
            }
            assert_says_nothing(&answer);
        }
        server.switch.set(Mode::Working);
    }
}

#[tokio::test]
async fn lea_02_07_no_page_tells_how_the_server_is_made() {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    for page in tour(&server).await {
        assert_says_nothing(&page.answer);
    }
}

#[tokio::test]
async fn lea_07_no_answer_names_its_maker_or_version() {
    let server = TestServer::start().await;
    let calls = sound_calls(&server).await;
    let mut pending = 0;
    for call in calls {
        let answer = server.send(call).await;
        if answer.header("x-amzn-errortype") == Some("AuthorizationPendingException") {
            pending += 1;
        } else {
            answer.assert_status(200);
        }
        assert_says_nothing(&answer);
    }
    assert_eq!(
        pending, 1,
        "one of the calls is a poll that nobody approved"
    );
    let refused = [
        Request::get("/nowhere"),
        Request::get("/live"),
        Request::get("/ready"),
        Request::get("/metrics"),
        Request::get("/version"),
        Request::get("/_dev/anything"),
        Request::get("/.well-known/nothing"),
        Request::new("OPTIONS", "*"),
        Request::new("TRACE", "/token"),
        Request::get("/token"),
        Request::post("/token")
            .header("Content-Type", "text/plain")
            .body("x"),
        Request::post("/token").json(&json!([])),
        Request::get("/start")
            .header("Host", "a")
            .header("Host", "b"),
    ];
    for request in refused {
        let target = request.target().to_owned();
        let answer = server.send(request).await;
        assert!(answer.status.is_client_error(), "{target} {answer}");
        assert_says_nothing(&answer);
    }
    // What the HTTP library answers by itself is bare.
    let mut connection = server.connect().await;
    connection.send(b"GET / HTTP/1.1\r\nX : y\r\n\r\n").await;
    let text = String::from_utf8_lossy(&connection.read_to_end().await).to_lowercase();
    assert!(text.starts_with("http/1.1 400 bad request\r\n"), "{text}");
    assert!(
        text.ends_with("\r\n\r\n") && !text.contains("server:"),
        "{text}"
    );
}

#[tokio::test]
async fn lea_05_pages_tell_their_address_to_no_other_site() {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    for page in tour(&server).await {
        let (name, answer) = (page.name, &page.answer);
        // `no-referrer` would make Chromium post `Origin: null` to us as well (SETTLED).
        let expected = if name == "authorize, onward" {
            "no-referrer"
        } else {
            "same-origin"
        };
        assert_eq!(answer.header("referrer-policy"), Some(expected), "{name}");
        for tag in html::tags(answer.text()) {
            for attribute in ["src", "href", "action", "srcset", "data", "poster", "ping"] {
                let Some(address) = tag.attributes.get(attribute) else {
                    continue;
                };
                let ours = address.starts_with(['/', '#']) && !address.starts_with("//");
                let own_start = *address == server.context.links.start_url();
                let back = name == "authorize, onward" && tag.name == "a";
                assert!(ours || own_start || back, "{name}: {tag:?}");
            }
            let loads = [
                "iframe", "object", "embed", "video", "audio", "base", "style",
            ];
            assert!(!loads.contains(&tag.name.as_str()), "{name}: {tag:?}");
        }
    }
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let style = html::tags(page.text())
        .into_iter()
        .find(|tag| {
            tag.attributes
                .get("rel")
                .is_some_and(|rel| rel == "stylesheet")
        })
        .and_then(|tag| tag.attributes.get("href").cloned());
    let style = browser.get(&style.expect("a style sheet")).await;
    style.assert_status(200);
    for part in ["url(http", "url(//", "url('http", "url(\"http", "@import"] {
        assert!(!style.text().contains(part), "{part}");
    }
}

#[tokio::test]
async fn lea_05_off_our_origin_nobody_learns_where_a_person_came_from() {
    let server = TestServer::start().await;
    let redirect = claviger_tests::server::REDIRECT_URI;
    let client = server.aws().register_for_codes(redirect).await;
    let mut browser = server.browser_of("alice").await;
    let query = aws::authorize_query(&client, redirect);
    for button in ["Allow", "Deny"] {
        let page = browser.authorize(&query).await;
        let back = browser.consent(&page, button).await;
        back.assert_status(303);
        assert_eq!(
            back.header("referrer-policy"),
            Some("no-referrer"),
            "{back}"
        );
    }
    let wrong: Vec<_> = query
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "response_type" => (name, "token".to_owned()),
            _ => (name, value),
        })
        .collect();
    let back = browser.authorize(&wrong).await;
    back.assert_sent_back(redirect, "unsupported_response_type");
    assert_eq!(
        back.header("referrer-policy"),
        Some("no-referrer"),
        "{back}"
    );
    let start = Request::new("HEAD", "/start");
    let away = server.send(start).await;
    away.assert_status(302);
    assert_eq!(
        away.header("referrer-policy"),
        Some("no-referrer"),
        "{away}"
    );
    let page = browser.get("/sign-out").await;
    let left = browser.submit(&form(&page, "/sign-out")).await;
    assert_eq!(
        left.header("referrer-policy"),
        Some("same-origin"),
        "{left}"
    );
    let answer = server.send(Request::get("/assignment/accounts")).await;
    assert_eq!(
        answer.header("referrer-policy"),
        Some("no-referrer"),
        "{answer}"
    );
}
