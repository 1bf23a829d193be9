//! Access tokens (ACC): read strictly, from one place only, and good only while everything behind
//! them is.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_engine::admin;
use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Tokens, client},
    http::{Request, Response, escape},
    server::SignedInDevice,
};
use serde_json::json;

const BEARER: &str = "x-amz-sso_bearer_token";
const ACCOUNTS: &str = "/assignment/accounts";

/// Every call of the portal, without its token.
fn calls() -> [Request; 4] {
    [
        Request::get(ACCOUNTS),
        Request::get("/assignment/roles?account_id=111122223333"),
        Request::get("/federation/credentials?account_id=111122223333&role_name=Developer"),
        Request::post("/logout"),
    ]
}

/// P-UNA, in the words by which clients add their hint to log in.
#[track_caller]
fn assert_unauthorized(response: &Response) {
    response.assert_error(401, "UnauthorizedException");
    assert_eq!(
        response.member("message"),
        "Session token not found or invalid"
    );
}

async fn signed_in() -> (TestServer, SignedInDevice) {
    let server = TestServer::start().await;
    let device = server.signed_in_device().await;
    (server, device)
}

/// That no call took effect: the session lives, no credentials were asked for.
#[track_caller]
fn assert_untouched(server: &TestServer, before: &[String]) {
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.credentials.calls(), 0);
}

#[tokio::test]
async fn acc_01_no_token_an_empty_a_long_or_an_odd_one_is_unauthorized() {
    let (server, _) = signed_in().await;
    let before = server.rows().everything();
    for call in calls() {
        assert_unauthorized(&server.send(call.clone()).await);
        for odd in [
            "",
            " ",
            "x",
            "é",
            "\u{fffd}\u{1f511}",
            &"a".repeat(8 * 1024),
            "cva1.",
            "null",
        ] {
            assert_unauthorized(&server.send(call.clone().header(BEARER, odd)).await);
        }
    }
    assert_untouched(&server, &before);
}

#[tokio::test]
async fn acc_01_a_token_given_twice_is_no_request() {
    let (server, device) = signed_in().await;
    let before = server.rows().everything();
    let token = device.tokens.access.as_str();
    for call in calls() {
        for other in [token, "x", ""] {
            for pair in [[token, other], [other, token]] {
                let twice = pair
                    .iter()
                    .fold(call.clone(), |call, value| call.header(BEARER, *value));
                server
                    .send(twice)
                    .await
                    .assert_error(400, "InvalidRequestException");
            }
        }
        let joined = call.clone().header(BEARER, format!("{token}, {token}"));
        assert_unauthorized(&server.send(joined).await);
    }
    assert_untouched(&server, &before);
}

#[tokio::test]
async fn acc_02_every_bit_and_every_byte_of_a_token_counts() {
    let (server, device) = signed_in().await;
    let token = device.tokens.access.as_str();
    let before = server.rows().everything();
    let mut wrong: Vec<String> = (1..token.len())
        .filter_map(|length| token.get(..length).map(ToOwned::to_owned))
        .collect();
    let bytes = URL_SAFE_NO_PAD
        .decode(token.strip_prefix("cva1.").expect("a prefix"))
        .expect("base64");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << bit;
            }
            wrong.push(format!("cva1.{}", URL_SAFE_NO_PAD.encode(flipped)));
        }
    }
    let appended =
        ["A", "=", "==", ".", "AAAA", "%00", "\u{e9}"].map(|tail| format!("{token}{tail}"));
    let longer = [&bytes[..], b"\0"].concat();
    let shorter = bytes.get(..bytes.len() - 16).unwrap_or_default();
    wrong.extend(appended);
    wrong.extend([
        format!("cva1.{}", URL_SAFE_NO_PAD.encode(longer)),
        format!("cva1.{}", URL_SAFE_NO_PAD.encode(shorter)),
        format!("{token}{token}"),
        token.to_uppercase(),
        token.replacen("cva1.", "CVA1.", 1),
        token.replacen("cva1.", "cva2.", 1),
        token.replacen("cva1.", "", 1),
        format!("Bearer {token}"),
        format!("\"{token}\""),
    ]);
    for token in &wrong {
        assert_unauthorized(&server.aws().list_accounts(token).await);
    }
    assert_unauthorized(&server.aws().logout(wrong.last().expect("one")).await);
    assert_untouched(&server, &before);
    server.aws().list_accounts(token).await.assert_status(200);
}

#[tokio::test]
async fn acc_02_garbage_reaches_no_store() {
    let (server, device) = signed_in().await;
    let token = device.tokens.access.as_str();
    let reads = server.switch.reads();
    for garbage in [
        "x",
        &token.replace("cva1", "cvr1"),
        &format!("cva1.{}", "A".repeat(94)),
        token.get(..60).expect("a part"),
    ] {
        assert_unauthorized(&server.aws().list_accounts(garbage).await);
    }
    assert_eq!(server.switch.reads(), reads);
    server.aws().list_accounts(token).await.assert_status(200);
    // One read for the session and its person, one for the answer.
    assert_eq!(server.switch.reads(), reads + 2);
}

#[tokio::test]
async fn acc_03_a_token_ends_at_its_second() {
    let (server, device) = signed_in().await;
    server.clock.set(3599);
    server
        .aws()
        .list_accounts(&device.tokens.access)
        .await
        .assert_status(200);
    server.clock.set(3600);
    for call in calls() {
        assert_unauthorized(
            &server
                .send(call.header(BEARER, &device.tokens.access))
                .await,
        );
    }
    assert_eq!(
        (server.rows().live_sessions(), server.credentials.calls()),
        (1, 0)
    );
    // The session itself goes on.
    let next = Tokens::of(
        &server
            .aws()
            .refresh(&device.client, device.tokens.refresh_token())
            .await,
    );
    server
        .aws()
        .list_accounts(&next.access)
        .await
        .assert_status(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acc_04_a_revocation_that_was_answered_holds_on_every_node() {
    const ROUNDS: usize = 12;
    let server = TestServer::start().await;
    let node = server.node("second").start().await;
    for _ in 0..ROUNDS {
        let device = server.signed_in_device().await;
        let token = &device.tokens.access;
        node.aws().list_accounts(token).await.assert_status(200);
        server.aws().logout(token).await.assert_status(200);
        for aws in [node.aws(), server.aws()] {
            assert_unauthorized(&aws.list_accounts(token).await);
            assert_unauthorized(
                &aws.role_credentials(token, "111122223333", "Developer")
                    .await,
            );
            assert_unauthorized(&aws.logout(token).await);
        }
    }
    assert_eq!(
        (server.rows().live_sessions(), server.credentials.calls()),
        (0, 0)
    );
    assert_eq!(server.rows().recorded("session.end"), ROUNDS);
}

#[tokio::test]
async fn acc_04_every_way_to_end_a_session_ends_its_tokens_on_every_node() {
    let server = TestServer::start().await;
    let node = server.node("second").start().await;
    let checked = async |device: &SignedInDevice| {
        for aws in [node.aws(), server.aws()] {
            assert_unauthorized(&aws.list_accounts(&device.tokens.access).await);
            assert_unauthorized(
                &aws.role_credentials(&device.tokens.access, "111122223333", "ReadOnly")
                    .await,
            );
        }
    };
    let device = server.signed_in_device().await;
    admin::session::end_all(&server.context, "alice")
        .await
        .expect("ended");
    checked(&device).await;
    let device = server.signed_in_device().await;
    admin::session::end_everyone(&server.context)
        .await
        .expect("ended");
    checked(&device).await;
    let device = server.signed_in_device().await;
    admin::client::deny(&server.context, &device.client.id, "test")
        .await
        .expect("denied");
    checked(&device).await;
    let device = server.signed_in_device().await;
    admin::user::disable(&server.context, "alice")
        .await
        .expect("disabled");
    checked(&device).await;
    assert_eq!(server.credentials.calls(), 0);
}

#[tokio::test]
async fn acc_05_a_token_without_the_scope_opens_nothing() {
    let server = TestServer::start().await;
    let scopes = json!([
        "codewhisperer:completions",
        "sso:account",
        "sso-portal:read"
    ]);
    let body = json!({ "clientName": "other", "clientType": "public", "scopes": scopes });
    let client = client(&server.aws().register_with(body).await);
    let device = server.aws().start_device(&client).await;
    server
        .browser_of("alice")
        .await
        .approve(&device.user_code)
        .await
        .assert_status(303);
    let tokens = Tokens::of(&server.aws().poll(&client, &device).await);
    for call in calls().into_iter().take(3) {
        let answer = server.send(call.header(BEARER, &tokens.access)).await;
        answer.assert_error(403, "ForbiddenException");
        assert_eq!(answer.member("message"), "No access");
    }
    assert_eq!(server.credentials.calls(), 0);
    // To end itself, a session needs no scope.
    server.aws().logout(&tokens.access).await.assert_status(200);
    assert_eq!(server.rows().live_sessions(), 0);
}

#[tokio::test]
async fn acc_05_a_narrowed_token_cannot_be_widened_by_its_bearer() {
    let server = TestServer::start().await;
    let scopes = json!([ACCOUNT_ACCESS, "codewhisperer:completions"]);
    let body = json!({ "clientName": "both", "clientType": "public", "scopes": scopes });
    let client = client(&server.aws().register_with(body).await);
    let device = server.aws().start_device(&client).await;
    server
        .browser_of("alice")
        .await
        .approve(&device.user_code)
        .await
        .assert_status(303);
    let wide = Tokens::of(&server.aws().poll(&client, &device).await);
    let body = json!({
        "grantType": "refresh_token",
        "refreshToken": wide.refresh_token(),
        "scope": ["codewhisperer:completions"],
    });
    let narrow = Tokens::of(&server.aws().create_token(client.with(body)).await);
    server
        .aws()
        .list_accounts(&narrow.access)
        .await
        .assert_error(403, "ForbiddenException");
    server
        .aws()
        .list_accounts(&wide.access)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn acc_06_a_token_elsewhere_than_in_its_header_is_none() {
    let (server, device) = signed_in().await;
    let before = server.rows().everything();
    let token = device.tokens.access.as_str();
    let names = ["access_token", "token", BEARER, "accessToken", "bearer"];
    for name in names {
        let query = format!("{ACCOUNTS}?{name}={}", escape(token));
        assert_unauthorized(&server.send(Request::get(query)).await);
        let cookie = Request::get(ACCOUNTS).header("Cookie", format!("{name}={token}"));
        assert_unauthorized(&server.send(cookie).await);
        let out = Request::post("/logout").json(&json!({ (name): token }));
        assert_unauthorized(&server.send(out).await);
    }
    for call in calls() {
        let bearer = call.header("Authorization", format!("Bearer {token}"));
        assert_unauthorized(&server.send(bearer).await);
    }
    assert_untouched(&server, &before);
}

#[tokio::test]
async fn acc_06_two_headers_with_different_tokens_are_no_request() {
    let (server, device) = signed_in().await;
    let other = server.signed_in_device_of("bob").await;
    let before = server.rows().everything();
    let token = device.tokens.access.as_str();
    for call in calls() {
        for (bearer, scheme) in [
            (other.tokens.access.as_str(), "Bearer"),
            ("x", "bearer"),
            (&other.tokens.access, "BEARER"),
        ] {
            let request = call
                .clone()
                .header(BEARER, token)
                .header("Authorization", format!("{scheme} {bearer}"));
            server
                .send(request)
                .await
                .assert_error(400, "InvalidRequestException");
        }
    }
    assert_untouched(&server, &before);
    // The same token twice, or the signature that one client adds, is none of ours.
    for value in [
        format!("Bearer {token}"),
        "AWS4-HMAC-SHA256 Credential=/20260101/eu-central-1/awsssoportal/aws4_request".to_owned(),
        String::new(),
    ] {
        let request = Request::get(ACCOUNTS)
            .header(BEARER, token)
            .header("Authorization", value);
        server.send(request).await.assert_status(200);
    }
}

#[tokio::test]
async fn acc_07_a_foreign_token_is_unauthorized_and_stays_out_of_every_log() {
    let server = TestServer::start().await;
    // As AWS makes them; the scanner looks for them when the server goes.
    let parts = [
        "aoaAAAAAGfVxb0",
        "NjQ1MTE3NjQyNzU2",
        "MGYCMQCkS8n3VtzX",
        "9yLr0wq7cGdP2hTbK5",
        "e4UfJmAoZiRs",
    ];
    let foreign = [
        format!("{}:{}", parts.join("_"), parts.concat()),
        format!("eyJraWQiOiJrZXkifQ.{}.{}", parts.concat(), parts.join("-")),
        parts.concat().repeat(40),
    ];
    let before = server.rows().everything();
    for token in &foreign {
        server.secrets().add(token);
        for call in calls() {
            assert_unauthorized(&server.send(call.header(BEARER, token)).await);
        }
    }
    assert_untouched(&server, &before);
    assert_eq!(server.leaks(), []);
}

/// Settled: there is no session cache, so a node cut off from the store opens nothing.
#[tokio::test]
async fn acc_08_a_node_without_its_store_says_so() {
    use claviger_tests::driver::Mode;
    let (server, device) = signed_in().await;
    let token = device.tokens.access.as_str();
    server.aws().list_accounts(token).await.assert_status(200);
    server.switch.set(Mode::Away);
    for call in calls() {
        let answer = server.send(call.header(BEARER, token)).await;
        answer.assert_error(503, "InternalServerException");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_unauthorized(&server.aws().list_accounts("garbage").await);
    server.switch.set(Mode::Working);
    server.aws().list_accounts(token).await.assert_status(200);
    assert_eq!(
        (server.rows().live_sessions(), server.credentials.calls()),
        (1, 0)
    );
}

#[tokio::test]
async fn acc_09_another_instance_epoch_or_a_burned_one_opens_nothing() {
    let (server, device) = signed_in().await;
    let elsewhere = TestServer::builder()
        .world(|world| world.instance(3))
        .start()
        .await;
    let token = device.tokens.access.as_str();
    assert_unauthorized(&elsewhere.aws().list_accounts(token).await);
    // An epoch that does not exist, under a MAC that cannot be right.
    let mut bytes = URL_SAFE_NO_PAD
        .decode(token.strip_prefix("cva1.").expect("a prefix"))
        .expect("base64");
    let reads = server.switch.reads();
    for epoch in [0, 2, 200, 255] {
        if let Some(first) = bytes.first_mut() {
            *first = epoch;
        }
        let other = format!("cva1.{}", URL_SAFE_NO_PAD.encode(&bytes));
        for _ in 0..20 {
            assert_unauthorized(&server.aws().list_accounts(&other).await);
        }
    }
    assert!(
        server.switch.reads() <= reads + 1,
        "at most one look at the keyring a second"
    );

    // A rotation is no end: both epochs open.
    admin::keys::rotate(&server.context, None)
        .await
        .expect("rotated");
    server.aws().list_accounts(token).await.assert_status(200);
    let next = Tokens::of(
        &server
            .aws()
            .refresh(&device.client, device.tokens.refresh_token())
            .await,
    );
    server
        .aws()
        .list_accounts(&next.access)
        .await
        .assert_status(200);
    assert_eq!(
        server
            .tamper("UPDATE keyring SET state = 'burned' WHERE epoch = 1")
            .await,
        1
    );
    let node = server.node("after the burning").start().await;
    assert_unauthorized(&node.aws().list_accounts(token).await);
    node.aws()
        .list_accounts(&next.access)
        .await
        .assert_status(200);
    assert_eq!(server.rows().live_sessions(), 1);
}
