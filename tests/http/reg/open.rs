//! The open endpoint: it stores nothing, is bounded, and calls nobody (REG-01, 08, 13).

use std::net::TcpListener;

use claviger_engine::policy::Policy;
use claviger_tests::{
    TestServer,
    aws::{Tokens, client},
    http::{Request, read_response},
    server::REDIRECT_URI,
};
use serde_json::json;

use super::registration;

#[tokio::test]
async fn reg_01_twenty_thousand_registrations_leave_the_data_directory_no_larger() {
    const BATCHES: usize = 200;
    const BATCH: usize = 100;
    let unlimited = |policy: &mut Policy| {
        policy.limits.registrations_per_network = u32::MAX;
    };
    let server = TestServer::builder().policy(unlimited).start().await;
    let size = size_of(&server);
    let before = (server.switch.writes(), server.rows().everything());
    let body = registration("clientName", json!("a busy client"));
    let one = Request::post("/client/register")
        .header("Connection", "keep-alive")
        .json(&body);
    let batch = one.encode(server.host()).repeat(BATCH - 1);
    let last = Request::post("/client/register")
        .json(&body)
        .encode(server.host());
    for _ in 0..BATCHES {
        let mut connection = server.connect().await;
        connection.send(&[batch.as_slice(), &last].concat()).await;
        let answers = connection.read_to_end().await;
        let ok = answers
            .windows(15)
            .filter(|window| *window == b"HTTP/1.1 200 OK")
            .count();
        assert_eq!(ok, BATCH);
        read_response(&answers)
            .expect("an answer")
            .assert_status(200);
    }
    let after = (server.switch.writes(), server.rows().everything());
    assert_eq!(before, after);
    // The commit witness of setting up may come a second late: some bytes, once.
    let grown = size_of(&server).saturating_sub(size);
    assert!(grown < 1024, "{grown} bytes more");
}

#[tokio::test]
async fn reg_01_over_its_limit_one_network_is_told_to_slow_down_and_others_are_served() {
    let server = TestServer::builder()
        .alone()
        .policy(|policy| policy.limits.registrations_per_network = 3)
        .trusting("127.0.0.1/32")
        .start()
        .await;
    let crowd = server.aws().from("198.51.100.7");
    for _ in 0..3 {
        crowd.register().await;
    }
    let body = registration("clientName", json!("one more"));
    crowd
        .register_with(body.clone())
        .await
        .assert_error(400, "SlowDownException");
    server
        .aws()
        .from("198.51.100.200")
        .register_with(body)
        .await
        .assert_status(400);
    server.aws().from("198.51.101.7").register().await;
    server.clock.advance(59);
    let early = registration("clientName", json!("still within the minute"));
    crowd
        .register_with(early)
        .await
        .assert_error(400, "SlowDownException");
    // A count is forgotten up to a tenth of its window late.
    server.clock.advance(7);
    crowd.register().await;
}

#[tokio::test]
async fn reg_08_addresses_in_a_registration_are_never_called() {
    let server = TestServer::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener
        .set_nonblocking(true)
        .expect("a listener that does not wait");
    let bait = format!("http://{}/bait", listener.local_addr().expect("an address"));
    let mut body = server.aws().code_client(&[REDIRECT_URI]);
    let members = body.as_object_mut().expect("an object");
    for name in [
        "jwks_uri",
        "request_uris",
        "sector_identifier_uri",
        "software_statement",
        "logo_uri",
        "logoUri",
        "client_uri",
        "initiateLoginUri",
    ] {
        members.insert(name.to_owned(), json!(bait));
    }
    let client = client(&server.aws().register_with(body).await);
    let code = server.code_for(&client).await;
    Tokens::of(&server.aws().redeem(&client, &code).await);
    let caller = listener.accept().map(|(_, address)| address);
    assert!(caller.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn reg_13_a_registration_cannot_be_read_changed_or_deleted() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let before = server.rows().everything();
    for method in ["GET", "PUT", "DELETE", "PATCH", "POST"] {
        for target in [
            format!("/client/register/{}", client.id),
            format!("/client/{}", client.id),
            "/client/register/".to_owned(),
            format!("/register/{}", client.id),
        ] {
            let request = Request::new(method, target)
                .header("Authorization", format!("Bearer {}", client.secret));
            server
                .send(request)
                .await
                .assert_error(404, "UnknownOperationException");
        }
    }
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = server.send(Request::new(method, "/client/register")).await;
        answer.assert_error(405, "UnknownOperationException");
        assert_eq!(answer.header("allow"), Some("POST"), "{answer}");
    }
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn equal_registrations_of_one_second_are_two_clients() {
    let server = TestServer::start().await;
    let (one, other) = (server.aws().register().await, server.aws().register().await);
    assert_ne!((one.id, one.secret), (other.id, other.secret));
}

#[tokio::test]
async fn the_answer_to_a_registration() {
    let server = TestServer::start().await;
    let body = registration("scopes", json!([]));
    insta::assert_snapshot!(server.aws().register_with(body).await, @r#"
    200 OK
    cache-control: no-store
    content-type: application/json
    referrer-policy: no-referrer
    x-amzn-requestid: [id]
    x-content-type-options: nosniff

    {
      "authorizationEndpoint": null,
      "clientId": "[cvc1]",
      "clientIdIssuedAt": 1800000000,
      "clientSecret": "[cvs1]",
      "clientSecretExpiresAt": 1807776000,
      "tokenEndpoint": null
    }
    "#);
}

/// How many bytes the store keeps on its disk.
fn size_of(server: &TestServer) -> usize {
    server.at_rest().iter().map(|(_, bytes)| bytes.len()).sum()
}
