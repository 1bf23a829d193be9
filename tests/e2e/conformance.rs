//! `claviger conformance` against `claviger serve` on SQLite, through its own pages, with moto as
//! STS; and against `claviger dev`, where the clock can be moved.

use claviger_tests::{
    instance::{Dev, Service},
    room::Room,
};

use crate::parts::{Moto, succeed};

#[tokio::test]
async fn serve_is_green_by_its_own_pages() {
    let mut service = Service::init();
    let moto = Moto::start(&service.room);
    let settings = format!(
        "[targets.aws]\nendpoint = \"{}\"\nregion = \"us-east-1\"\n\
         access_key_id = \"AKIAEXAMPLE\"\nsecret_access_key = \"of-the-service-itself\"\n",
        moto.url
    );
    service.room.write("claviger.toml", &settings);
    service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
    let _running = service.serve().await;
    let issuer = service.issuer();
    let arguments = [
        "conformance",
        "--json",
        "--user",
        "alice",
        "--password-file",
        "password",
        &issuer,
    ];
    let report = succeed(&mut service.room.claviger(&arguments)).json();
    assert_eq!(report["failed"], 0, "{report:#}");
    assert_eq!(report["skipped"], 0, "{report:#}");
    assert!(report["passed"].as_u64() > Some(75), "{report:#}");
}

#[tokio::test]
async fn dev_is_green_with_the_slow_checks_too() {
    let room = Room::new();
    let dev = Dev::start(&room, &["--tls"]);
    let (issuer, control, authority) = (
        dev.text("issuer"),
        dev.text("control_token"),
        dev.text("ca_bundle"),
    );
    let mut command = room.claviger(&[
        "conformance",
        "--json",
        "--slow",
        "--ca-bundle",
        &authority,
        &issuer,
    ]);
    let report = succeed(command.env("CLAVIGER_CONTROL_TOKEN", &control)).json();
    assert_eq!(report["failed"], 0, "{report:#}");
    assert_eq!(report["skipped"], 0, "{report:#}");
}
