//! `claviger serve`: what it refuses, what operators see, how it stops.

use std::time::Duration;

use claviger_tests::{
    aws::Tokens,
    child::{self, Running},
    http::{Connection, Request},
    instance::Service,
    room::Room,
};

use crate::transcript::{assert_transcript, run};

#[test]
fn an_empty_data_directory_is_answered_with_init() {
    let room = Room::new();
    let serve = ["serve", "--data-dir", "data", "--key-file", "keys"];
    assert_transcript!("serve_empty", run(&room, &serve));
    assert!(
        !room.work().join("data").exists(),
        "serve made a data directory"
    );
}

#[test]
fn a_lost_key_file_is_named_and_never_replaced() {
    let service = Service::init();
    std::fs::remove_file(service.room.work().join("keys")).expect("removed");
    assert_transcript!("serve_lost_keys", service.launch().end());
    assert!(
        !service.room.work().join("keys").exists(),
        "new keys over an old store"
    );
}

#[test]
fn the_key_file_of_another_instance_is_refused() {
    let service = Service::init();
    std::fs::remove_file(service.room.work().join("keys")).expect("removed");
    service
        .room
        .succeed(&["init", "--data-dir", "other", "--key-file", "keys"]);
    assert_transcript!("serve_foreign_keys", service.launch().end());
}

#[test]
fn keys_made_by_dev_are_refused() {
    let room = Room::new();
    room.succeed(&["dev", "--data-dir", "data", "--", "true"]);
    let serve = [
        "serve",
        "--data-dir",
        "data",
        "--key-file",
        "data/claviger.keys",
    ];
    assert_transcript!("serve_dev_keys", run(&room, &serve));
}

#[test]
fn beyond_loopback_it_wants_tls_or_a_named_proxy() {
    let service = Service::init();
    let serve = [
        "serve",
        "--data-dir",
        "data",
        "--key-file",
        "keys",
        "--listen",
        "0.0.0.0:8400",
    ];
    assert_transcript!("serve_plain_outside", run(&service.room, &serve));
    let dev = ["dev", "--listen", "0.0.0.0:0"];
    assert_transcript!("dev_outside", run(&service.room, &dev));
}

#[tokio::test]
async fn a_second_server_on_one_store_is_kept_out() {
    let service = Service::init();
    let first = service.serve().await;
    assert_transcript!("serve_locked", service.launch().end());
    service.sign_in_device().await;
    first.terminate();
    first.end().assert_code(0);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let service = Service::init();
    let listener = std::net::TcpListener::bind(service.address).expect("the address");
    service
        .launch()
        .end()
        .assert_code(75)
        .assert_says(&[&service.address.to_string(), "choose another --listen"]);
    drop(listener);
}

#[tokio::test]
async fn operators_find_live_and_ready_on_a_listener_of_their_own() {
    let service = Service::init();
    let running = service.serve().await;
    for path in ["/live", "/ready"] {
        let ours = Connection::exchange(service.operators, "operators", &Request::get(path)).await;
        ours.assert_status(200);
        let public = service.link().send(&Request::get(path)).await;
        public.assert_status(404);
    }
    let api = Request::post("/client/register").json(&serde_json::json!({}));
    let answer = Connection::exchange(service.operators, "operators", &api).await;
    answer.assert_status(404);
    drop(running);
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_ends_with_0() {
    let service = Service::init();
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    // A request that is half sent when the signal comes.
    let body = client.with(serde_json::json!({
        "grantType": "refresh_token", "refreshToken": tokens.refresh_token(),
    }));
    let whole = Request::post("/token")
        .json(&body)
        .encode(&service.address.to_string());
    let (first, rest) = whole.split_at(whole.len() - 20);
    let mut connection = Connection::open(service.address).await;
    connection.send(first).await;
    running.terminate();
    not_ready(&service, &running).await;
    connection.send(rest).await;
    let answer = connection.read_to_end().await;
    let answer = claviger_tests::http::read_response(&answer).expect("an answer");
    let refreshed = Tokens::of(&answer);
    running.end().assert_code(0);
    assert!(
        !service.room.work().join("data/claviger.sock").exists(),
        "the socket is left"
    );

    let again = service.serve().await;
    let accounts = service.aws().list_accounts(&refreshed.access).await;
    accounts.assert_status(200);
    drop(again);
}

#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let service = Service::init();
    let running = service.serve().await;
    running.terminate();
    not_ready(&service, &running).await;
    running.terminate();
    running.end().assert_code(1);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_no_obstacle() {
    let service = Service::init();
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    running.kill();
    let again = service.serve().await;
    let refreshed = service.aws().refresh(&client, tokens.refresh_token()).await;
    refreshed.assert_status(200);
    service.admin(&["user", "list"]).assert_code(0);
    drop(again);
}

#[tokio::test]
async fn with_a_certificate_it_serves_tls_and_nothing_else() {
    let mut service = Service::init();
    certificate(&service.room);
    service.arguments = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"]
        .map(str::to_owned)
        .into();
    let running = service.serve().await;
    let url = format!("https://{}/sign-in", service.address);
    let mut curl = service.room.command("curl");
    let answered = child::run(curl.args(["-sS", "-i", "--cacert", "cert.pem", &url]));
    answered.assert_code(0);
    let head = answered.stdout.to_lowercase();
    assert!(
        head.contains(" 200") && head.contains("strict-transport-security:"),
        "{answered}"
    );
    let plain = Connection::attempt(service.address, "localhost", &Request::get("/sign-in")).await;
    assert!(plain.is_none(), "plain HTTP was answered: {plain:?}");
    drop(running);
}

/// A certificate for this machine that vouches for itself.
fn certificate(room: &Room) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    room.write("cert.pem", &made.cert.pem());
    room.write("key.pem", &made.signing_key.serialize_pem());
}

/// Waits until operators are told that it stops.
async fn not_ready(service: &Service, running: &Running) {
    let ready = Request::get("/ready");
    let deadline = std::time::Instant::now() + child::PATIENCE;
    loop {
        match Connection::attempt(service.operators, "operators", &ready).await {
            Some(answer) if answer.status == 503 => return,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        let over = std::time::Instant::now() > deadline;
        assert!(!over, "it stays ready:\n{}", running.stderr());
    }
}

/// What a crash leaves on the disk must hold no keys.
#[tokio::test]
async fn lea_06_serve_leaves_no_core_dump_even_where_the_shell_allows_one() {
    let service = Service::init();
    let script = "ulimit -c $(ulimit -H -c); exec \"$@\"";
    let mut command = service.room.command("sh");
    command.args(["-c", script, "sh"]).arg(child::claviger());
    command.args(["serve", "--data-dir", "data", "--key-file", "keys"]);
    let listen = service.address.to_string();
    let operators = service.operators.to_string();
    command.args(["--listen", &listen, "--operator-listen", &operators]);
    let running = service.wait_for(Running::start(&mut command)).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id()));
    let limits = limits.expect("its limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let soft = core.and_then(|line| line.split_whitespace().nth(4));
    assert_eq!(soft, Some("0"), "{limits}");
}
