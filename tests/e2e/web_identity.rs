//! Credentials by AssumeRoleWithWebIdentity: no key of the cloud's in the server's environment, its
//! configuration or its store.

use claviger_tests::{
    child::Running,
    http::Response,
    instance::{self, Service},
};
use serde_json::{Value, json};

use crate::parts::{self, Moto};

/// A service whose only target is asked so, at `endpoint`.
fn service(endpoint: &str, audience: &str) -> Service {
    let mut service = Service::init();
    let settings = format!(
        "[targets.aws]\nmethod = \"web_identity\"\nendpoint = \"{endpoint}\"\n\
         region = \"us-east-1\"\naudience = \"{audience}\"\n"
    );
    service.room.write("claviger.toml", &settings);
    service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
    service
}

/// Alice's credentials for `role` of the sandbox.
async fn draw(service: &Service, role: &str) -> Response {
    let link = service.link();
    let aws = claviger_tests::aws::Aws::new(link.clone(), format!("{}/start", service.issuer()));
    let mut browser = claviger_tests::browser::Browser::new(link, service.issuer());
    let (_, tokens) = instance::sign_in_device(&aws, &mut browser).await;
    aws.role_credentials(&tokens.access, "111122223333", role)
        .await
}

#[tokio::test]
async fn moto_vends_to_a_server_without_a_key() {
    let moto_room = claviger_tests::room::Room::new();
    let moto = Moto::start(&moto_room);
    let service = service(&moto.url, "sts.amazonaws.com");
    let _running = service.serve().await;
    let drawn = draw(&service, "Developer").await.assert_status(200).json();
    let text = |name: &str| {
        let value = drawn
            .pointer(&format!("/roleCredentials/{name}"))
            .and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("no {name} in {drawn}"))
            .to_owned()
    };
    let arguments = [
        "sts",
        "get-caller-identity",
        "--endpoint-url",
        &moto.url,
        "--region",
        "us-east-1",
    ];
    let mut identity = parts::aws_cli(&service.room, &arguments);
    identity
        .env("AWS_ACCESS_KEY_ID", text("accessKeyId"))
        .env("AWS_SECRET_ACCESS_KEY", text("secretAccessKey"))
        .env("AWS_SESSION_TOKEN", text("sessionToken"));
    let identity = parts::succeed(&mut identity).json();
    let arn = identity["Arn"].as_str().unwrap_or_default();
    assert!(arn.contains(":assumed-role/Developer"), "{identity}");
}

#[tokio::test]
async fn an_sts_that_verifies_as_aws_does_learns_who_it_is_and_for_which_role() {
    let room = claviger_tests::room::Room::new();
    let sts = Running::start(&mut parts::python(&room, "verifying_sts.py", &["an-sts"]));
    let url = sts.stdout_line(|line| line.starts_with("http://").then(|| line.to_owned()));
    let service = service(&url, "an-sts");
    let _running = service.serve().await;
    let drawn = draw(&service, "Developer").await.assert_status(200).json();
    assert_eq!(
        drawn.pointer("/roleCredentials/accessKeyId"),
        Some(&json!("ASIAOFTHETEST"))
    );
    let said: Value = sts.stdout_line(|line| serde_json::from_str(line).ok());
    assert_eq!(said["iss"], service.issuer());
    assert_eq!(said["role"], "arn:aws:iam::111122223333:role/Developer");
    assert_eq!(said["https://aws.amazon.com/source_identity"], "alice");
    assert_eq!(
        said["https://aws.amazon.com/tags"]["principal_tags"],
        json!({
            "claviger-user": ["alice"],
            "claviger-account": ["111122223333"],
            "claviger-role": ["Developer"],
        })
    );
    // After a rotation its copy of the keys would still do; it reads them anew.
    service.admin(&["keys", "rotate"]).assert_code(0);
    draw(&service, "ReadOnly").await.assert_status(200);
}

#[tokio::test]
async fn an_sts_that_wants_another_audience_is_the_operators_trouble_and_signs_nobody_out() {
    let room = claviger_tests::room::Room::new();
    let sts = Running::start(&mut parts::python(&room, "verifying_sts.py", &["an-sts"]));
    let url = sts.stdout_line(|line| line.starts_with("http://").then(|| line.to_owned()));
    let service = service(&url, "another-sts");
    let running = service.serve().await;
    draw(&service, "Developer").await.assert_status(503);
    running.stderr_line(|line| line.contains("compare the target's audience").then_some(()));
}
