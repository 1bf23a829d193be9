//! `claviger conformance` against `claviger serve` on SQLite, through its own pages, with moto as
//! STS; against `claviger dev`, where the clock can be moved; and by a person at a terminal.

use claviger_tests::{
    child::{self, Running},
    http::{Connection, Request, parameter},
    instance::{Dev, PASSWORD, Service},
    postgres::Place,
    room::Room,
};

use crate::parts::{Moto, succeed};

#[tokio::test]
async fn serve_is_green_by_its_own_pages() {
    is_green(Service::init()).await;
}

#[tokio::test]
async fn serve_is_green_on_postgresql() {
    let place = Place::default();
    is_green(Service::init_in(Some(place.address()))).await;
}

async fn is_green(mut service: Service) {
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
    for (dialect, checks) in [("aws", 75), ("oauth", 65)] {
        let arguments = [
            "conformance",
            "--dialect",
            dialect,
            "--json",
            "--user",
            "alice",
            "--password-file",
            "password",
            &issuer,
        ];
        // Whoever names a person means them, wherever else the command would find help.
        let mut command = service.room.claviger(&arguments);
        command.env("CLAVIGER_CONTROL_TOKEN", "of-another");
        let report = succeed(&mut command).json();
        assert_eq!(report["failed"], 0, "{report:#}");
        assert_eq!(report["skipped"], 0, "{report:#}");
        assert!(report["passed"].as_u64() > Some(checks), "{report:#}");
    }
}

/// A password that was refused is not tried again and again: that would lock the person out.
#[tokio::test]
async fn a_wrong_password_is_sent_once() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    room.write("password", "not the right one");
    let issuer = dev.text("issuer");
    let arguments = [
        "conformance",
        "--user",
        "alice",
        "--password-file",
        "password",
        &issuer,
    ];
    let ended = child::run(&mut room.claviger(&arguments));
    ended.assert_code(1);
    let told = "the server does not let alice in with this password";
    assert!(ended.stdout.matches(told).count() > 20, "{ended}");
    let log = dev.control().get("events").await;
    let tries = log.to_string().matches("sign-in").count();
    assert!(tries <= 1, "{tries} tries: {log:#}");
    let entered = dev.browser().sign_in("alice", PASSWORD).await;
    entered.assert_status(303);
}

/// Somebody at a terminal, who does what they are told.
#[tokio::test]
async fn a_person_is_told_what_to_open() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let mut browser = dev.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    let checks = ["device.denied", "authorize.code_grant", "authorize.denied"];
    let only = checks.map(|name| format!("--only {name}")).join(" ");
    let program = child::claviger();
    let command = format!(
        "{} conformance {only} {}",
        program.display(),
        dev.text("issuer")
    );
    let mut terminal = room.command("script");
    terminal.args([
        "--quiet",
        "--return",
        "--flush",
        "--command",
        &command,
        "/dev/null",
    ]);
    let mut running = Running::start_piped(&mut terminal);
    let mut opened = Vec::new();
    for button in ["Deny", "Allow", "Deny"] {
        let url = running.stdout_line(|line| {
            let url = line.trim().strip_prefix("Open ")?;
            (!opened.contains(&url.to_owned())).then(|| url.to_owned())
        });
        if let Some(user_code) = parameter(&url, "user_code") {
            browser.deny(&user_code).await;
            running.say("\n");
        } else {
            let page = browser.get(&url).await;
            let back = browser.consent(&page, button).await;
            let back = back.header("location").expect("a way back").to_owned();
            let (host, path) = back
                .trim_start_matches("http://")
                .split_once('/')
                .expect("a path");
            let address = host.parse().expect("an address");
            let thanks =
                Connection::exchange(address, host, &Request::get(format!("/{path}"))).await;
            thanks.assert_status(200);
        }
        opened.push(url);
    }
    let ended = running.end();
    ended.assert_code(0);
    assert!(
        ended.stdout.contains("3 passed, 0 failed, 0 skipped"),
        "{ended}"
    );
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
    for dialect in ["aws", "oauth"] {
        let mut command = room.claviger(&[
            "conformance",
            "--dialect",
            dialect,
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
}
