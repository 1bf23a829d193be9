//! The signature of CreateTokenWithIAM (SECURITY-CASES B11).

use claviger_engine::admin;
use claviger_tests::{
    TestServer,
    driver::Mode,
    http::{Request, Response},
};
use serde_json::{Value, json};

use super::machine::{Machine, TARGET, server, text};

/// A call that is refused for its refresh token alone: what comes before has been passed.
fn harmless() -> Value {
    json!({ "grantType": "refresh_token", "refreshToken": "none" })
}

/// A request with its headers altered.
fn altered(request: &Request, alter: impl Fn(&str, &str) -> Option<String>) -> Request {
    let names = ["host", "content-type", "x-amz-date", "authorization"];
    let mut other = Request::post(TARGET).body(request.body_bytes());
    for name in names {
        for value in request.values(name) {
            if let Some(value) = alter(name, value) {
                other = other.header(name, value);
            }
        }
    }
    other
}

fn signed(server: &TestServer, machine: &Machine) -> Request {
    let mut members = harmless();
    members["clientId"] = json!(machine.client_id);
    machine.request(server, &members)
}

#[track_caller]
fn assert_passed(answer: &Response) {
    answer.assert_error(400, "InvalidGrantException");
}

#[tokio::test]
async fn sig_01_an_unsigned_call_never_falls_through_to_the_open_one() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let client = server.aws().register().await;
    let missing = "MissingAuthenticationTokenException";
    let members = client.with(json!({ "grantType": "refresh_token", "refreshToken": "x" }));
    server
        .send(Request::post(TARGET).json(&members))
        .await
        .assert_error(403, missing);
    let request = signed(&server, &machine);
    for other in ["Bearer cva1.x", "Basic eDp5"] {
        let other = altered(&request, |name, value| {
            Some(
                if name == "authorization" {
                    other
                } else {
                    value
                }
                .to_owned(),
            )
        });
        server.send(other).await.assert_error(403, missing);
    }
    for spelled in [
        "aws_iam",
        "aws_iam=",
        "aws_iam=true",
        "aws_iam=T",
        "AWS_IAM=t",
        "aws-iam=t",
        "aws_iam=t&aws_iam=t",
        "aws_iam=t&x=1",
        "x=1&aws_iam=t",
        "aws%5Fiam=t",
        "aws_iam=%74",
        "aws_iam=t&X-Amz-Signature=00&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    ] {
        for members in [&members, &json!({ "clientId": machine.client_id })] {
            let request = Request::post(format!("/token?{spelled}")).json(members);
            server.send(request).await.assert_error(403, missing);
        }
    }
    server.finish().await;
}

#[tokio::test]
async fn sig_02_a_signature_on_the_open_call_is_nothing() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let request = signed(&server, &machine);
    let mut open = Request::post("/token").body(request.body_bytes());
    for name in ["content-type", "x-amz-date", "authorization"] {
        open = open.header(name, request.values(name)[0]);
    }
    // An application has no secret: to the open call it is no client, however it is spelled.
    server
        .send(open)
        .await
        .assert_error(400, "InvalidRequestException");
    let members = json!({
        "clientId": machine.client_id, "clientSecret": machine.secret,
        "grantType": "refresh_token", "refreshToken": "x",
    });
    let answer = server.send(Request::post("/token").json(&members)).await;
    answer.assert_error(401, "InvalidClientException");
    server.finish().await;
}

#[tokio::test]
async fn sig_03_an_unknown_or_disabled_key_and_a_wrong_secret_are_told_apart() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    assert_passed(&machine.ask(&server, harmless()).await);
    let wrong = Machine {
        secret: "wrong".to_owned(),
        ..machine.clone()
    };
    wrong
        .ask(&server, harmless())
        .await
        .assert_error(403, "InvalidSignatureException");
    let unknown = Machine {
        key_id: "CVMKAAAAAAAAAAAAAAAA".to_owned(),
        ..machine.clone()
    };
    unknown
        .ask(&server, harmless())
        .await
        .assert_error(403, "UnrecognizedClientException");
    admin::machine::disable(&server.context, &machine.key_id)
        .await
        .expect("disabled");
    server.clock.advance(1);
    machine
        .ask(&server, harmless())
        .await
        .assert_error(403, "UnrecognizedClientException");
    server.finish().await;
}

#[tokio::test]
async fn sig_04_old_and_future_signatures_have_expired() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    for (ahead, passes) in [(-300, true), (300, true), (-301, false), (301, false)] {
        let machine = Machine {
            ahead,
            ..machine.clone()
        };
        let answer = machine.ask(&server, harmless()).await;
        if passes {
            assert_passed(&answer);
        } else {
            answer.assert_error(403, "InvalidSignatureException");
            assert!(answer.member("message").contains("expired"), "{answer}");
        }
    }
    server.finish().await;
}

#[tokio::test]
async fn sig_05_region_and_service_must_be_ours() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    for other in [
        Machine {
            region: "us-west-2".to_owned(),
            ..machine.clone()
        },
        Machine {
            service: "sts".to_owned(),
            ..machine.clone()
        },
        Machine {
            service: "sso".to_owned(),
            ..machine.clone()
        },
    ] {
        other
            .ask(&server, harmless())
            .await
            .assert_error(403, "InvalidSignatureException");
    }
    server.finish().await;
}

#[tokio::test]
async fn sig_06_sig_07_sig_09_nothing_of_a_signed_request_can_be_altered_or_added() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let refused = "InvalidSignatureException";
    let request = signed(&server, &machine);
    let added = altered(&request, |_, value| Some(value.to_owned())).header("x-amz-meta", "1");
    server.send(added).await.assert_error(403, refused);
    let undated = altered(&request, |name, value| {
        (name != "x-amz-date").then(|| value.to_owned())
    });
    server.send(undated).await.assert_error(403, refused);
    let retyped = altered(&request, |name, value| {
        let other = name == "content-type";
        Some(
            if other {
                "application/x-amz-json-1.1"
            } else {
                value
            }
            .to_owned(),
        )
    });
    server.send(retyped).await.assert_error(403, refused);
    let body = String::from_utf8(request.body_bytes().to_vec()).expect("text");
    let longer = altered(&request, |_, value| Some(value.to_owned())).body(body.clone() + " ");
    server.send(longer).await.assert_error(403, refused);
    // Spaces that the canonical form folds are no alteration.
    let spaced = altered(&request, |name, value| {
        Some(if name == "content-type" {
            format!("  {value} ")
        } else {
            value.to_owned()
        })
    });
    assert_passed(&server.send(spaced).await);
    for hash in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let mut unsigned = machine.clone();
        unsigned
            .headers
            .push(("x-amz-content-sha256".to_owned(), hash.to_owned()));
        unsigned
            .ask(&server, harmless())
            .await
            .assert_error(403, refused);
    }
    let mut tokened = machine.clone();
    tokened
        .headers
        .push(("x-amz-security-token".to_owned(), "some".to_owned()));
    let answer = tokened.ask(&server, harmless()).await;
    assert_eq!(answer.status, 403, "{answer}");
    server.finish().await;
}

#[tokio::test]
async fn sig_08_what_had_an_effect_has_none_again_and_a_refusal_uses_nothing_up() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let refresh = json!({
        "clientId": machine.client_id,
        "grantType": "refresh_token",
        "refreshToken": text(&first, "refreshToken"),
    });
    server.clock.advance(1);
    let request = machine.request(&server, &refresh);
    server.send(request.clone()).await.assert_status(200);
    let rows = server.rows().everything();
    let again = server.send(request.clone()).await;
    again.assert_error(403, "InvalidSignatureException");
    assert!(again.member("message").contains("already used"), "{again}");
    // Another node knows as well.
    let node = server.node("second").start().await;
    let elsewhere = node.aws().send(request.clone()).await;
    elsewhere.assert_error(403, "InvalidSignatureException");
    assert_eq!(server.rows().everything(), rows);
    // A retry of a client that signs anew converges, by a signature that is used up as well.
    server.clock.advance(1);
    let retry = machine.request(&server, &refresh);
    server.send(retry.clone()).await.assert_status(200);
    server
        .send(retry)
        .await
        .assert_error(403, "InvalidSignatureException");
    let harmless = signed(&server, &machine);
    assert_passed(&server.send(harmless.clone()).await);
    assert_passed(&server.send(harmless).await);
    server.finish().await;
}

#[tokio::test]
async fn sig_08_while_the_store_is_away_no_signature_is_used_up() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    server.clock.advance(1);
    let request = machine.request(
        &server,
        &json!({
            "clientId": machine.client_id,
            "grantType": "refresh_token",
            "refreshToken": text(&first, "refreshToken"),
        }),
    );
    server.switch.set(Mode::Away);
    server
        .send(request.clone())
        .await
        .assert_error(503, "InternalServerException");
    server.switch.set(Mode::Working);
    server.send(request).await.assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn sig_10_a_key_signs_for_its_own_application_only() {
    let server = TestServer::builder()
        .policy(|policy| {
            let mut other = claviger_tests::seed::application();
            other.name =
                claviger_model::application::ApplicationName::parse("other").expect("a name");
            policy.applications = vec![claviger_tests::seed::application(), other];
        })
        .start()
        .await;
    let machine = Machine::new(&server).await;
    let others = server
        .context
        .links
        .application_arn(&server.context.policy.applications[1].name);
    let other = Machine {
        client_id: others,
        ..machine.clone()
    };
    other
        .ask(&server, harmless())
        .await
        .assert_error(400, "UnauthorizedClientException");
    let nobody = Machine {
        client_id: format!("{}0", machine.client_id),
        ..machine
    };
    nobody
        .ask(&server, harmless())
        .await
        .assert_error(401, "InvalidClientException");
    server.finish().await;
}

#[tokio::test]
async fn sig_11_a_call_that_was_signed_for_another_host_is_misdirected() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let other = Machine {
        host: "oidc.eu-central-1.amazonaws.com".to_owned(),
        ..machine
    };
    let answer = other.ask(&server, harmless()).await;
    answer.assert_error(421, "InvalidRequestException");
    server.finish().await;
}
