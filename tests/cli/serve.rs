//! `claviger serve`: what it refuses, what operators see, how it stops.

use std::{
    io::BufRead as _,
    process::Stdio,
    time::{Duration, Instant},
};

use claviger_tests::{
    aws::Tokens,
    child::{self, Running},
    evidence::Evidence,
    http::{Connection, Request},
    instance::Service,
    room::Room,
};
use futures_util::future::join_all;

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
fn f18_a_lost_key_file_is_named_and_never_replaced() {
    let service = Service::init();
    std::fs::remove_file(service.room.work().join("keys")).expect("removed");
    assert_transcript!("serve_lost_keys", service.launch().end());
    assert!(
        !service.room.work().join("keys").exists(),
        "new keys over an old store"
    );
    Evidence::that("the key file was taken away").print();
}

#[test]
fn f18_the_key_file_of_another_instance_is_refused() {
    let service = Service::init();
    std::fs::remove_file(service.room.work().join("keys")).expect("removed");
    service
        .room
        .succeed(&["init", "--data-dir", "other", "--key-file", "keys"]);
    assert_transcript!("serve_foreign_keys", service.launch().end());
    Evidence::that("the key file of another instance").print();
}

/// A disk that was full, a copy that was cut off: what is there is no key file, and stays as it is.
#[test]
fn f18_a_key_file_that_is_half_written_is_refused_and_left_alone() {
    let service = Service::init();
    let whole = service.room.read("keys");
    let mut refused = 0;
    for length in [0, 1, whole.len() / 2, whole.len() - 2] {
        let half = whole.get(..length).expect("a part");
        service.room.write("keys", half);
        let ended = service.launch().end();
        ended.assert_code(78).assert_says(&["keys"]);
        assert_eq!(ended.stderr.trim().lines().count(), 1, "{ended}");
        assert_eq!(service.room.read("keys"), half);
        refused += 1;
    }
    std::fs::remove_file(service.room.work().join("keys")).expect("removed");
    std::fs::create_dir(service.room.work().join("keys")).expect("a directory");
    let ended = service.launch().end();
    ended
        .assert_code(78)
        .assert_says(&["keys", "cannot be read"]);
    Evidence::that(format!("{refused} halves, and a directory in its place")).print();
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
async fn f20_sigterm_finishes_what_is_in_flight_and_ends_with_0() {
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
    Evidence::that("SIGTERM in the middle of a request")
        .answers(1, 0, 0)
        .lost(0)
        .print();
}

#[tokio::test]
async fn f20_a_second_sigterm_ends_it_at_once() {
    let service = Service::init();
    let running = service.serve().await;
    running.terminate();
    not_ready(&service, &running).await;
    running.terminate();
    running.end().assert_code(1);
    Evidence::that("a second SIGTERM").print();
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

/// Whoever reads the log falls asleep: nobody waits for that, and what was dropped is counted.
#[tokio::test]
async fn f28_a_log_that_nobody_reads_holds_up_nobody() {
    let mut service = Service::init();
    service
        .room
        .write("loud.toml", "[log]\nfilter = \"trace\"\n");
    service.arguments = ["--config", "loud.toml"].map(str::to_owned).into();
    let mut command = service.serving();
    let mut child = Deaf(command.stderr(Stdio::piped()).spawn().expect("it runs"));
    child::wait_until("it answers", || {
        std::net::TcpStream::connect(service.address).is_ok()
    });
    let link = service.link();
    let page = Request::get("/start");
    let mut slowest = Duration::ZERO;
    // A line each: more than the pipe holds and may wait.
    for _ in 0..700 {
        let begun = Instant::now();
        let answers = join_all((0..8).map(|_| link.send(&page))).await;
        slowest = slowest.max(begun.elapsed());
        assert!(answers.iter().all(|answer| answer.status == 303));
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    // It wakes up.
    let heard = std::io::BufReader::new(child.0.stderr.take().expect("its log"));
    let (told, dropped) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = heard.lines().map_while(Result::ok);
        told.send(lines.find(|line| line.contains("were dropped")))
    });
    let dropped = dropped.recv_timeout(child::PATIENCE).expect("it says so");
    assert!(dropped.is_some_and(|line| line.contains("lines=")));
    Evidence::that("a pipe that was full")
        .answers(5_600, 0, 0)
        .print();
}

/// A child whose log nobody reads; killed when it goes.
struct Deaf(std::process::Child);

impl Drop for Deaf {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// More connections than descriptors: store, operators and administrators keep theirs, and nothing spins.
#[tokio::test]
async fn f10_res_07_connections_without_number_leave_descriptors_for_everything_else() {
    let service = Service::init();
    let serving = service.serving();
    let mut command = service.room.command("prlimit");
    command
        .args(["--nofile=256:256", "--"])
        .arg(serving.get_program());
    command.args(serving.get_args());
    let running = service
        .wait_for(Running::start_server(&mut command, &service.secrets))
        .await;
    running.stderr_line(|line| line.contains("takes fewer connections").then_some(()));
    let (client, tokens) = service.sign_in_device().await;
    let mut idle = Vec::new();
    for number in 0..1_000_u16 {
        // Of many networks: one alone may not have all.
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let [_, network] = (1 + number % 8).to_be_bytes();
        let from = ([127, 0, network, 1], 0).into();
        socket.bind(from).expect("an address of ours");
        let opening = socket.connect(service.address);
        // The queue of connections that nobody has accepted is full at some time.
        match tokio::time::timeout(Duration::from_millis(200), opening).await {
            Ok(Ok(stream)) => idle.push(stream),
            _ if idle.len() > 256 => break,
            // The machine was busy.
            _ => {}
        }
    }
    assert!(idle.len() > 256, "{} connections", idle.len());
    let before = cpu(&running);
    let begun = Instant::now();
    assert!(service.is_ready().await);
    service.admin(&["user", "list"]).assert_code(0);
    service.admin(&["backup", "backup.db"]).assert_code(0);
    // Before any idle connection is closed for being idle.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    child::wait_until("two seconds have passed", || {
        begun.elapsed() > Duration::from_secs(2)
    });
    let spent = cpu(&running).saturating_sub(before);
    assert!(
        spent < begun.elapsed() / 2,
        "it spins: {spent:?} of processor time"
    );
    let opened = idle.len();
    drop(idle);
    let next = service.aws().refresh(&client, tokens.refresh_token()).await;
    Tokens::of(&next);
    running.kill();
    Evidence::that(format!(
        "{opened} connections, 256 descriptors; {spent:?} of processor time"
    ))
    .print();
}

/// The processor time that a process has used.
fn cpu(running: &Running) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.id())).expect("a process");
    let (_, fields) = stat.rsplit_once(')').expect("its name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    // A hundred a second wherever Linux runs.
    Duration::from_millis(ticks * 10)
}
