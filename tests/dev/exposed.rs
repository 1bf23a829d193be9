//! What others than this machine reach: only with secrets that nobody knows beforehand.

use claviger_tests::{
    aws::Link,
    browser::Browser,
    instance::{Dev, PASSWORD},
    room::Room,
    secrets::Secrets,
};

#[tokio::test]
async fn an_exposed_instance_has_a_random_password_and_says_so_loudly() {
    let room = Room::new();
    let exposed = ["--expose", "--listen", "0.0.0.0:0"];
    let first = Dev::start(&room, &exposed);
    let password = first.text("password");
    assert_ne!(password, PASSWORD);
    // The first line tells this password, so that it is no leak there.
    let link = Link {
        secrets: Secrets::default(),
        ..first.link()
    };
    let browser = || Browser::new(link.clone(), first.text("issuer"));
    browser()
        .sign_in("alice", &password)
        .await
        .assert_status(303);
    let known = browser().sign_in("alice", PASSWORD).await;
    assert_ne!(
        known.status.as_u16(),
        303,
        "the password that everybody knows is good"
    );
    first
        .running
        .stderr_line(|line| line.contains("others than this machine").then_some(()));
    let second = Dev::start(&room, &exposed);
    assert_ne!(second.text("password"), password);
    assert_ne!(second.text("control_token"), first.text("control_token"));
}

#[test]
fn clients_are_told_the_url_that_was_given() {
    let room = Room::new();
    let dev = Dev::start(
        &room,
        &[
            "--expose",
            "--listen",
            "0.0.0.0:0",
            "--public-url",
            "http://127.0.0.1:1/",
        ],
    );
    assert_eq!(dev.text("issuer"), "http://127.0.0.1:1");
    let config = std::fs::read_to_string(dev.text("aws_config_file")).expect("a config");
    assert!(
        config.contains("endpoint_url = http://127.0.0.1:1\n"),
        "{config}"
    );
}
