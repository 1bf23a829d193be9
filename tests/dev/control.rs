//! The control API, route by route.

use claviger_tests::{
    aws::{self, Client, Tokens},
    http::{Connection, Request, encode_form, parameter},
    instance::{self, Dev, PASSWORD},
    pkce::VERIFIER,
    room::Room,
};
use serde_json::{Value, json};

async fn signed_in(dev: &Dev, user: &str) -> (Client, Tokens) {
    let aws = dev.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let body = json!({ "user_code": device.user_code, "user": user });
    dev.control().post("approve", &body).await;
    let tokens = Tokens::of(&aws.poll(&client, &device).await);
    (client, tokens)
}

#[tokio::test]
async fn without_its_bearer_nothing_is_told_and_nothing_done() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let control = dev.control();
    let routes = ["instance", "events", "faults", "clock", "reset", "nothing"];
    for bearer in [
        None,
        Some("Bearer "),
        Some("Bearer x"),
        Some(control.token.as_str()),
    ] {
        for route in routes {
            let mut request = Request::post(format!("/_dev/{route}")).json(&json!({}));
            if let Some(bearer) = bearer {
                request = request.header("Authorization", bearer);
            }
            let answer = Connection::exchange(control.address, &control.host, &request).await;
            answer.assert_status(401);
            assert!(answer.member("error").contains("Bearer"), "{answer}");
        }
    }
    assert_eq!(control.told().await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_device_is_approved_or_denied_by_whoever_is_named() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let (_, tokens) = signed_in(&dev, "alice").await;
    aws.list_accounts(&tokens.access).await.assert_status(200);

    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let code = json!({ "user_code": device.user_code });
    control.post("deny", &code).await;
    let denied = aws.poll(&client, &device).await;
    denied.assert_error(400, "AccessDeniedException");

    let nobody = json!({ "user_code": device.user_code, "user": "nobody" });
    let told = control.refused(404, "approve", &nobody).await;
    assert_eq!(told, "there is no user \"nobody\"; there is alice");
    let unknown = json!({ "user_code": "BBBB-BBBB" });
    control.refused(404, "approve", &unknown).await;
    let told = control
        .refused(400, "approve", &json!({ "usercode": "x" }))
        .await;
    assert!(told.contains("user_code"), "{told}");
}

#[tokio::test]
async fn a_device_is_given_less_than_it_asks_for() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, caller) = (dev.control(), dev.aws());
    let client = caller.register().await;
    let device = caller.start_device(&client).await;
    let read = "sso:account:111122223333:ReadOnly";
    let mut body = json!({ "user_code": device.user_code, "only": "sso:account:access" });
    let told = control.refused(400, "approve", &body).await;
    assert!(told.contains("sso:account:ID:ROLE"), "{told}");
    body["only"] = json!(read);
    let told = control.refused(400, "deny", &body).await;
    assert!(told.contains("leave it out"), "{told}");
    control.post("approve", &body).await;
    let tokens = Tokens::of(&caller.poll(&client, &device).await);
    for (role, status) in [("ReadOnly", 200), ("Developer", 403)] {
        let drawn = caller
            .role_credentials(&tokens.access, "111122223333", role)
            .await;
        drawn.assert_status(status);
    }
    let code_client = caller.register_for_codes("http://127.0.0.1/cb").await;
    let query = aws::authorize_query(&code_client, "http://127.0.0.1/cb");
    let query = encode_form(&query);
    let url = format!("{}/authorize?{query}", dev.text("issuer"));
    let back = control
        .post("authorize", &json!({ "url": url, "only": read }))
        .await;
    let location = back["location"].as_str().expect("a way back");
    let code = aws::Code {
        code: parameter(location, "code").expect("a code"),
        redirect_uri: "http://127.0.0.1/cb".to_owned(),
        verifier: VERIFIER.to_owned(),
    };
    let tokens = Tokens::of(&caller.redeem(&code_client, &code).await);
    let drawn = caller
        .role_credentials(&tokens.access, "111122223333", "Developer")
        .await;
    drawn.assert_error(403, "ForbiddenException");
}

#[tokio::test]
async fn a_request_for_a_code_is_consented_to_or_not() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let redirect_uri = "http://127.0.0.1/callback";
    let client = aws.register_for_codes(redirect_uri).await;
    let query = aws::authorize_query(&client, redirect_uri);
    let url = format!("{}/authorize?{}", dev.text("issuer"), encode_form(&query));
    let back = control.post("authorize", &json!({ "url": url })).await;
    let location = back
        .get("location")
        .and_then(Value::as_str)
        .expect("a way back");
    assert!(location.starts_with(redirect_uri), "{location}");
    let code = aws::Code {
        code: parameter(location, "code").expect("a code"),
        redirect_uri: redirect_uri.to_owned(),
        verifier: VERIFIER.to_owned(),
    };
    aws.redeem(&client, &code).await.assert_status(200);

    let no = json!({ "url": url, "deny": true });
    let back = control.post("authorize", &no).await;
    let location = back
        .get("location")
        .and_then(Value::as_str)
        .expect("a way back");
    assert_eq!(
        parameter(location, "error").as_deref(),
        Some("access_denied")
    );
    let foreign = json!({ "url": url.replace("callback", "elsewhere") });
    control.refused(400, "authorize", &foreign).await;
}

#[tokio::test]
async fn people_and_assignments_are_added_to_what_is_there() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let bob = json!({ "name": "bob", "groups": ["engineers", "new"] });
    control.post("users", &bob).await;
    let ops = json!({ "account": "777788889999", "role": "Ops", "user": "bob" });
    control.post("assignments", &ops).await;
    let all = json!({ "account": "111122223333", "role": "Ops", "group": "new" });
    control.post("assignments", &all).await;

    let (_, tokens) = signed_in(&dev, "bob").await;
    let accounts = aws.list_accounts(&tokens.access).await.json();
    let ids = accounts
        .get("accountList")
        .and_then(Value::as_array)
        .expect("accounts");
    let ids: Vec<_> = ids
        .iter()
        .filter_map(|account| account["accountId"].as_str())
        .collect();
    assert_eq!(ids, ["111122223333", "444455556666", "777788889999"]);
    for account in ["111122223333", "777788889999"] {
        aws.role_credentials(&tokens.access, account, "Ops")
            .await
            .assert_status(200);
    }
    let mut browser = dev.browser();
    browser.sign_in("bob", PASSWORD).await.assert_status(303);

    let twice = control
        .refused(400, "users", &json!({ "name": "bob" }))
        .await;
    assert_eq!(twice, "there is a user bob already");
    let both = json!({ "account": "1", "role": "Ops", "user": "bob" });
    assert!(
        control
            .refused(400, "assignments", &both)
            .await
            .contains("12 digits")
    );
    // Who has a role already is given it once more in vain.
    control.post("assignments", &ops).await;
    for (name, value, known) in [
        ("user", "nobody", "alice, bob"),
        ("group", "none", "engineers, new"),
    ] {
        let mut nobody = json!({ "account": "111122223333", "role": "Ops" });
        nobody[name] = json!(value);
        let told = control.refused(404, "assignments", &nobody).await;
        assert!(told.contains(known), "{told}");
    }
}

#[tokio::test]
async fn a_directory_file_takes_the_place_of_what_is_there() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let control = dev.control();
    let text = "[[user]]\nname = \"zoe\"\n";
    let put = |text: &str| Request::new("PUT", "/_dev/directory").body(text);
    control.send(put(text)).await.assert_status(200);
    dev.browser()
        .sign_in("zoe", PASSWORD)
        .await
        .assert_status(303);
    let alice = dev.browser().sign_in("alice", PASSWORD).await;
    assert_ne!(alice.status.as_u16(), 303);
    let wrong = control.send(put("[[user]]\nnmae = \"zoe\"\n")).await;
    let told = wrong.assert_status(400).member("error");
    assert!(told.starts_with("line 2: "), "{told}");
}

#[tokio::test]
async fn the_clock_moves_stands_still_and_ends_tokens() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let (client, tokens) = signed_in(&dev, "alice").await;
    let now = |clock: &Value| clock.get("now").and_then(Value::as_i64).expect("a time");

    let frozen = control.post("clock", &json!({ "frozen": true })).await;
    let moved = control.post("clock", &json!({ "advance": 600 })).await;
    assert_eq!(now(&moved), now(&frozen) + 600);
    assert_eq!(now(&control.get("clock").await), now(&moved));
    aws.list_accounts(&tokens.access).await.assert_status(200);

    control.post("tokens/expire", &json!({})).await;
    let refused = aws.list_accounts(&tokens.access).await;
    refused.assert_error(401, "UnauthorizedException");
    let refreshed = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    aws.list_accounts(&refreshed.access)
        .await
        .assert_status(200);

    // A device code is good for ten minutes.
    let device = aws.start_device(&client).await;
    control.post("clock", &json!({ "advance": 601 })).await;
    let late = aws.poll(&client, &device).await;
    late.assert_error(400, "ExpiredTokenException");

    let set = control
        .post(
            "clock",
            &json!({ "now": 4_000_000_000_i64, "frozen": false }),
        )
        .await;
    assert!(now(&set) >= 4_000_000_000, "{set}");
    control.refused(400, "clock", &json!({ "now": -1 })).await;
    control
        .refused(400, "clock", &json!({ "advance": i64::MAX }))
        .await;
}

#[tokio::test]
async fn what_an_operator_can_do_a_test_can_do() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let (client, tokens) = signed_in(&dev, "alice").await;
    let listed = control
        .post("admin", &json!({ "command": "sessions_list" }))
        .await;
    let id = listed
        .pointer("/sessions/0/id")
        .cloned()
        .expect("a session");
    control
        .post("admin", &json!({ "command": "sessions_end", "id": id }))
        .await;
    let refused = aws.refresh(&client, tokens.refresh_token()).await;
    refused.assert_error(400, "InvalidGrantException");
    let told = control
        .refused(
            400,
            "admin",
            &json!({ "command": "user_disable", "user": "nobody" }),
        )
        .await;
    assert!(!told.is_empty());
    control
        .post(
            "admin",
            &json!({ "command": "user_disable", "user": "alice" }),
        )
        .await;
    let told = control
        .refused(400, "approve", &json!({ "user_code": "BBBB-BBBB" }))
        .await;
    assert_eq!(told, "alice is disabled");
}

#[tokio::test]
async fn events_tell_in_order_what_happened() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let control = dev.control();
    let (_, tokens) = signed_in(&dev, "alice").await;
    dev.aws().list_accounts(&tokens.access).await;
    dev.aws().list_accounts("made-up").await;
    assert_eq!(
        control.told().await,
        [
            "RegisterClient 200",
            "StartDeviceAuthorization 200",
            "alice approved 200",
            "CreateToken 200",
            "ListAccounts 200",
            "ListAccounts 401 UnauthorizedException",
        ]
    );
    let later = control.get("events?after=5").await;
    let numbers = later.pointer("/events/0/number").and_then(Value::as_u64);
    assert_eq!(numbers, Some(6));
}

#[tokio::test]
async fn a_reset_goes_back_to_the_seed_with_nothing_left() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let (client, tokens) = signed_in(&dev, "alice").await;
    control.post("users", &json!({ "name": "bob" })).await;
    control
        .post(
            "admin",
            &json!({ "command": "user_disable", "user": "alice" }),
        )
        .await;
    control
        .post("clock", &json!({ "advance": 86_400, "frozen": true }))
        .await;
    control.fault("*", "unavailable", 100).await;
    for _ in 0..12 {
        dev.browser().sign_in("bob", "not the right password").await;
    }
    control.post("reset", &json!({})).await;

    assert_eq!(control.told().await, [] as [&str; 0]);
    let clock = control.get("clock").await;
    assert_eq!(clock.get("frozen"), Some(&json!(false)));
    assert_eq!(clock.get("ahead"), Some(&json!(0)));
    let refused = aws.refresh(&client, tokens.refresh_token()).await;
    refused.assert_error(400, "InvalidGrantException");
    let users = control
        .post("admin", &json!({ "command": "user_list" }))
        .await;
    let users = users
        .get("users")
        .and_then(Value::as_array)
        .cloned()
        .expect("users");
    assert_eq!(users.len(), 1, "{users:?}");
    let (_, tokens) = instance::sign_in_device(&aws, &mut dev.browser()).await;
    aws.role_credentials(&tokens.access, "111122223333", "Developer")
        .await
        .assert_status(200);
    // The count of wrong passwords began anew with the name.
    control.post("users", &json!({ "name": "bob" })).await;
    dev.browser()
        .sign_in("bob", PASSWORD)
        .await
        .assert_status(303);
}

#[tokio::test]
async fn every_device_is_approved_where_somebody_was_named_for_it() {
    let room = Room::new();
    let dev = Dev::start(&room, &["--approve", "alice"]);
    let aws = dev.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    // Whoever does not wait between polls is told to.
    let waits = ["AuthorizationPendingException", "SlowDownException"];
    let mut answer = aws.poll(&client, &device).await;
    while answer
        .header("x-amzn-errortype")
        .is_some_and(|error| waits.contains(&error))
    {
        answer = aws.poll(&client, &device).await;
    }
    answer.assert_status(200);
    let ended = room.run(&["dev", "--approve", "nobody", "--listen", "127.0.0.1:0"]);
    ended
        .assert_code(78)
        .assert_says(&["no user \"nobody\"", "alice"]);
}
