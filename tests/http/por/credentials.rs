//! What the credential source is asked for, and what its refusals become.

use std::collections::HashSet;

use claviger_engine::admin::wanted::Directory;
use claviger_model::{port::credential_source::NotIssued, time::Lifetime};
use claviger_sts::session_name::session_name;
use claviger_tests::{
    TestServer, log,
    seed::{self, SANDBOX},
    world::WorldBuilder,
};

/// A directory of these people, each ReadOnly in the sandbox.
fn of(names: &[&str]) -> Directory {
    Directory {
        users: names.iter().map(|name| seed::person(name)).collect(),
        accounts: vec![seed::account(SANDBOX, "Sandbox")],
        roles: vec![seed::role(SANDBOX, "ReadOnly", names, &[])],
        ..Directory::default()
    }
}

#[tokio::test]
async fn por_06_every_person_has_one_session_name_of_their_own() {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    // 128 characters are the longest name that a directory takes.
    let long = "n".repeat(128);
    let longer = format!("{}m", "n".repeat(127));
    let names = [
        "a b",
        "a_b",
        "a+b",
        "a/b",
        "a\u{1f600}b",
        "a\u{1f601}b",
        &long,
        &longer,
        "x",
    ];
    server.apply(&of(&names)).await;
    let mut seen = HashSet::new();
    for name in names {
        let token = server.device_of_new(name).await.tokens.access;
        for _ in 0..2 {
            let given = server
                .aws()
                .role_credentials(&token, SANDBOX, "ReadOnly")
                .await;
            given.assert_status(200);
        }
        let asked = server.credentials.requests();
        let [.., first, second] = asked.as_slice() else {
            panic!("two requests")
        };
        let own = session_name(first);
        assert_eq!(own, session_name(second));
        assert!((2..=64).contains(&own.len()), "{own}");
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        assert!(own.chars().all(legal), "{own}");
        assert!(seen.insert(own), "{name}");
    }
}

#[tokio::test]
async fn por_06_a_name_that_is_given_again_is_another_person() {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    server.apply(&of(&["a b"])).await;
    let token = server.device_of_new("a b").await.tokens.access;
    let aws = server.aws();
    aws.role_credentials(&token, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    server.apply(&of(&["somebody"])).await;
    aws.role_credentials(&token, SANDBOX, "ReadOnly")
        .await
        .assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn por_07_a_name_that_looks_like_a_form_adds_no_field() {
    let name = "x&DurationSeconds=43200&Policy={}";
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    server.apply(&of(&[name])).await;
    let token = server.device_of_new(name).await.tokens.access;
    let given = server
        .aws()
        .role_credentials(&token, SANDBOX, "ReadOnly")
        .await;
    given.assert_status(200);
    let asked = server.credentials.requests();
    assert_eq!(asked[0].duration, Lifetime::hours(1));
    let own = session_name(&asked[0]);
    assert!(!own.contains(['&', '{', '}']), "{own}");
}

#[tokio::test]
async fn por_10_what_an_sts_answers_is_translated_and_not_repeated() {
    let server = TestServer::start().await;
    let token = server.signed_in_device().await.tokens.access;
    let said = |id: &str| format!("AccessDenied at sts.internal.example, RequestId {id}");
    let rows = [
        (
            NotIssued::Refused {
                detail: said("11ab"),
            },
            403,
            "ForbiddenException",
        ),
        (
            NotIssued::Throttled {
                detail: said("22cd"),
            },
            429,
            "TooManyRequestsException",
        ),
        (
            NotIssued::Unavailable {
                detail: said("33ef"),
            },
            503,
            "InternalServerException",
        ),
    ];
    for (refusal, status, exception) in rows {
        let begin = log::capture();
        let detail = refusal.to_string();
        server.credentials.refuse_with(Some(refusal));
        let given = server
            .aws()
            .role_credentials(&token, SANDBOX, "Developer")
            .await;
        given.assert_error(status, exception);
        assert_eq!(
            given.header("retry-after").is_some(),
            status != 403,
            "{given}"
        );
        for word in ["sts.", "AccessDenied", "RequestId", "internal"] {
            assert!(!given.text().contains(word), "{word} in {given}");
        }
        // The operator reads it, whole.
        assert!(
            log::since(begin).contains(&detail),
            "{detail} is not in the log"
        );
    }
    assert_eq!(server.rows().recorded("credentials.issue"), 0);
    server.credentials.refuse_with(None);
    let given = server
        .aws()
        .role_credentials(&token, SANDBOX, "Developer")
        .await;
    given.assert_status(200);
    assert_eq!(server.rows().recorded("credentials.issue"), 1);
}

/// How long the credentials asked for may last with `left` seconds of the session to go.
async fn duration_near_the_end(cap: bool, left: i64) -> u32 {
    let server = TestServer::builder()
        .policy(|policy| policy.cap_credentials_to_session = cap)
        .start()
        .await;
    let mut directory = seed::directory();
    directory.roles[0].role.duration = Lifetime::hours(12);
    server.apply(&directory).await;
    let device = server.signed_in_device().await;
    let aws = server.aws();
    let end = 8 * 3600;
    server.clock.set(end - left - 60);
    let refreshed = aws
        .refresh(&device.client, device.tokens.refresh_token())
        .await;
    refreshed.assert_status(200);
    server.clock.set(end - left);
    let token = refreshed.member("accessToken");
    aws.role_credentials(&token, SANDBOX, "Developer")
        .await
        .assert_status(200);
    server.credentials.requests()[0].duration.as_seconds()
}

#[tokio::test]
async fn por_16_credentials_end_with_the_session_when_the_policy_says_so() {
    assert_eq!(duration_near_the_end(true, 600).await, 900);
    assert_eq!(duration_near_the_end(true, 7200).await, 7200);
    assert_eq!(duration_near_the_end(false, 600).await, 12 * 3600);
}
