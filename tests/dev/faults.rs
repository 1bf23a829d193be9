//! The fault script, as a caller that looks at bytes meets it. Real SDKs meet it in the suite `e2e`:
//! boto3 in the tests of the pytest helper, JavaScript's in `child.test.mjs`.

use std::time::{Duration, Instant};

use claviger_tests::{
    aws::Tokens,
    http::{Connection, Request},
    instance::{self, Dev},
    room::Room,
};
use serde_json::{Value, json};

#[tokio::test]
async fn refusals_are_those_of_the_real_service_and_nothing_is_done() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let (client, tokens) = instance::sign_in_device(&aws, &mut dev.browser()).await;
    for (fault, status, name) in [
        ("slow_down", 400, "SlowDownException"),
        ("too_many_requests", 429, "TooManyRequestsException"),
        ("unavailable", 503, "InternalServerException"),
    ] {
        control.fault("CreateToken", fault, 2).await;
        for _ in 0..2 {
            let refused = aws.refresh(&client, tokens.refresh_token()).await;
            refused.assert_error(status, name);
            // Other operations do not meet it.
            aws.list_accounts(&tokens.access).await.assert_status(200);
        }
    }
    let refreshed = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    assert_ne!(refreshed.refresh_token(), tokens.refresh_token());
    let left = control.get("faults").await;
    assert_eq!(left, json!({ "faults": [] }));
    let told = control.told().await;
    assert!(
        told.contains(&"CreateToken 503 InternalServerException unavailable".to_owned()),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_cut_connection_does_nothing_and_a_lost_answer_does_all() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let link = dev.link();
    let (client, tokens) = instance::sign_in_device(&aws, &mut dev.browser()).await;
    let refresh = json!({ "grantType": "refresh_token", "refreshToken": tokens.refresh_token() });
    let refresh = Request::post("/token").json(&client.with(refresh));
    let generation = async || {
        let listed = control
            .post("admin", &json!({ "command": "sessions_list" }))
            .await;
        listed
            .pointer("/sessions/0/generation")
            .and_then(Value::as_u64)
    };
    let before = generation().await.expect("a session");
    for (fault, due) in [("cut_connection", before), ("lost_answer", before + 1)] {
        control.fault("CreateToken", fault, 1).await;
        let answer = Connection::attempt(link.address, &link.host, &refresh).await;
        assert!(answer.is_none(), "{fault} was answered: {answer:?}");
        assert_eq!(generation().await, Some(due), "{fault}");
    }
    // One event for each call: what was done is told even where nobody heard of it.
    let told = control.told().await;
    let told: Vec<_> = told.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(
        told,
        ["CreateToken 200 lost_answer", "CreateToken cut_connection"]
    );
    // The retry is given what was lost.
    aws.refresh(&client, tokens.refresh_token())
        .await
        .assert_status(200);
    assert_eq!(generation().await, Some(before + 1));
}

#[tokio::test]
async fn bodies_break_off_come_late_or_tell_of_a_short_life() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let (control, aws) = (dev.control(), dev.aws());
    let (client, tokens) = instance::sign_in_device(&aws, &mut dev.browser()).await;

    control.fault("ListAccounts", "malformed_body", 1).await;
    let broken = aws.list_accounts(&tokens.access).await;
    broken.assert_status(200);
    assert!(
        serde_json::from_slice::<Value>(&broken.body).is_err(),
        "{broken}"
    );

    let delay = json!({ "operation": "*", "fault": "delay", "times": 1, "milliseconds": 300 });
    control.post("faults", &delay).await;
    let began = Instant::now();
    aws.list_accounts(&tokens.access).await.assert_status(200);
    assert!(began.elapsed() >= Duration::from_millis(300));

    let short = json!({ "operation": "*", "fault": "short_lifetime", "seconds": 7 });
    control.post("faults", &short).await;
    let tokens = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    assert_eq!(tokens.expires_in, 7);
    let drawn = aws
        .role_credentials(&tokens.access, "111122223333", "Developer")
        .await
        .json();
    let now = control.get("clock").await["now"].as_i64().expect("a time");
    let end = drawn["roleCredentials"]["expiration"]
        .as_i64()
        .expect("an end");
    assert!((0..=7_000).contains(&(end - now * 1000)), "{end} {now}");
    let registered = aws
        .register_with(aws.code_client(&["http://127.0.0.1/x"]))
        .await
        .json();
    let end = registered["clientSecretExpiresAt"]
        .as_i64()
        .expect("an end");
    assert!((0..=7).contains(&(end - now)), "{end} {now}");

    let cleared = Request::new("DELETE", "/_dev/faults");
    control.send(cleared).await.assert_status(200);
    let tokens = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    assert!(tokens.expires_in > 3000);
}

#[tokio::test]
async fn a_line_that_makes_no_sense_is_refused_and_changes_nothing() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let control = dev.control();
    for (line, hint) in [
        (
            json!({ "operation": "Sing", "fault": "slow_down" }),
            "CreateToken",
        ),
        (json!({ "operation": "*", "fault": "explode" }), "slow_down"),
        (
            json!({ "operation": "*", "fault": "delay" }),
            "milliseconds",
        ),
        (json!({ "fault": "delay" }), "operation"),
        (json!([]), "the body"),
    ] {
        let told = control.refused(400, "faults", &line).await;
        assert!(told.contains(hint), "{told}");
    }
    assert_eq!(control.get("faults").await, json!({ "faults": [] }));
}
