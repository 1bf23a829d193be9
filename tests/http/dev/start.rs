//! Starting: codes worth the name, caps on what strangers start, links from configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use claviger_engine::{
    client::{authenticate::ClientCredentials, register},
    device::{self, StartDevice},
};
use claviger_model::{
    client::{Authentication, Dialect, SigningAlgorithm},
    network::Requester,
    port::entropy::Entropy,
    user_code::UserCode,
};
use claviger_tests::{
    TestServer, World,
    aws::{ACCOUNT_ACCESS, Aws, Client, client},
    entropy::SeededEntropy,
    http::Request,
    server::REDIRECT_URI,
};
use futures_util::future::join_all;
use serde_json::json;

const LETTERS: &str = "BCDFGHJKLMNPQRSTVWXZ";

#[tokio::test]
async fn dev_01_codes_are_distinct_and_long() {
    const BATCHES: usize = 20;
    const BATCH: usize = 100;
    let lift = |policy: &mut claviger_engine::policy::Policy| {
        policy.limits.devices_per_client = u32::MAX;
        policy.limits.devices_per_network = u32::MAX;
    };
    let world = World::builder().policy(lift).build().await;
    let requester = Requester {
        address: "192.0.2.1".parse().expect("an address"),
        user_agent: None,
    };
    let registration = register::Registration {
        dialect: Dialect::Aws,
        authentication: Authentication::Secret,
        id_token_alg: SigningAlgorithm::Es256,
        client_name: "aws-cli".to_owned(),
        grant_types: None,
        scopes: vec![ACCOUNT_ACCESS.to_owned()],
        redirect_uris: Vec::new(),
        issuer_url: None,
    };
    let client = register::register(&world.context, &requester, &registration).expect("a client");
    let request = || StartDevice {
        client: ClientCredentials {
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.clone(),
        },
        start_url: Some(world.context.links.start_url()),
        scopes: Vec::new(),
    };
    let (mut user_codes, mut device_codes) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..BATCHES {
        let starts = (0..BATCH).map(|_| device::start(&world.context, &requester, request()));
        for started in join_all(starts).await {
            let started = started.expect("a started device");
            user_codes.insert(started.user_code.to_string());
            device_codes.insert(started.device_code.reveal().to_owned());
        }
    }
    assert_eq!(user_codes.len(), BATCHES * BATCH);
    assert_eq!(device_codes.len(), BATCHES * BATCH);
    for code in &user_codes {
        let (head, tail) = code.split_once('-').expect("a dash");
        assert_eq!((head.len(), tail.len()), (4, 4), "{code}");
        assert!(
            code.replace('-', "")
                .chars()
                .all(|letter| LETTERS.contains(letter)),
            "{code}"
        );
    }
    // The prefix, one byte of epoch, 16 random bytes, five of expiry, 16 of MAC.
    let whole = "cvd1.".len() + (1 + 16 + 5 + 16_usize) * 4 / 3 + 1;
    assert!(
        device_codes.iter().all(|code| code.len() == whole),
        "{whole}"
    );
    // What no store holds, no thief of the store reads.
    let rows = world.rows().everything().join("\n");
    assert!(
        !user_codes
            .iter()
            .take(50)
            .any(|code| rows.contains(code) || rows.contains(&code.replace('-', "")))
    );
}

/// 20 letters, 19 degrees of freedom: chi-squared above this happens once in a thousand.
const CHI_SQUARED: f64 = 43.82;

#[test]
fn dev_01_user_codes_are_uniform_at_every_place() {
    const DRAWS: u32 = 100_000;
    let entropy = SeededEntropy::new("uniform");
    let mut places: [BTreeMap<u8, u32>; 8] = Default::default();
    for _ in 0..DRAWS {
        let mut random = [0; UserCode::ENTROPY];
        entropy.fill(&mut random);
        let code = UserCode::draw(&random).expect("enough entropy");
        for (letter, counts) in code.as_bytes().iter().zip(&mut places) {
            *counts.entry(*letter).or_default() += 1;
        }
    }
    let expected = f64::from(DRAWS) / 20.0;
    for counts in places {
        assert_eq!(
            counts
                .keys()
                .map(|letter| char::from(*letter))
                .collect::<String>(),
            LETTERS
        );
        let distance = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
        let chi_squared: f64 = counts.values().map(distance).sum();
        assert!(chi_squared < CHI_SQUARED, "{chi_squared} {counts:?}");
    }
}

/// Chance whose first draws of a user code are all the same.
struct Stuck {
    user_codes: AtomicUsize,
    rest: SeededEntropy,
}

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn =
            bytes.len() == UserCode::ENTROPY && self.user_codes.fetch_add(1, Ordering::SeqCst) < 3;
        if drawn {
            bytes.fill(1);
        } else {
            self.rest.fill(bytes);
        }
    }
}

#[tokio::test]
async fn dev_01_a_user_code_that_is_taken_is_drawn_anew() {
    let server = TestServer::start().await;
    let rest = SeededEntropy::new("a stuck node");
    let stuck = Stuck {
        user_codes: AtomicUsize::new(0),
        rest,
    };
    let node = server.node("stuck").entropy(Arc::new(stuck)).start().await;
    let client = node.aws().register().await;
    let first = node.aws().start_device(&client).await;
    let second = node.aws().start_device(&client).await;
    assert_eq!(first.user_code, "CCCC-CCCC");
    assert_ne!(first.user_code, second.user_code);
    assert_ne!(first.device_code, second.device_code);
    assert_eq!(server.rows().devices(), 2);
    // The code still leads to who had it first.
    server
        .browser_of("alice")
        .await
        .approve(&first.user_code)
        .await
        .assert_status(303);
    node.aws().poll(&client, &first).await.assert_status(200);
    node.aws()
        .poll(&client, &second)
        .await
        .assert_error(400, "AuthorizationPendingException");
}

#[tokio::test]
async fn dev_25_a_client_without_the_device_grant_starts_nothing() {
    let server = TestServer::start().await;
    let body = json!({
        "clientName": "codes only",
        "clientType": "public",
        "grantTypes": ["authorization_code", "refresh_token"],
        "scopes": [ACCOUNT_ACCESS],
        "redirectUris": [REDIRECT_URI],
        "issuerUrl": server.aws().start_url(),
    });
    let codes_only = client(&server.aws().register_with(body).await);
    let before = server.switch.writes();
    start(&server.aws(), &codes_only)
        .await
        .assert_error(400, "UnauthorizedClientException");
    assert_eq!(
        (server.rows().devices(), server.switch.writes()),
        (0, before)
    );
}

async fn start(aws: &Aws, client: &Client) -> claviger_tests::http::Response {
    aws.start_device_with(client.with(json!({ "startUrl": aws.start_url() })))
        .await
}

/// A server with small caps that believes a proxy: 2 a client, 3 a network, 5 in all.
async fn capped() -> TestServer {
    let small = |policy: &mut claviger_engine::policy::Policy| {
        policy.limits.devices_per_client = 2;
        policy.limits.devices_per_network = 3;
        policy.limits.devices = 5;
    };
    TestServer::builder()
        .alone()
        .policy(small)
        .trusting("127.0.0.1/32")
        .start()
        .await
}

#[tokio::test]
async fn dev_26_starts_are_capped_per_client_network_and_in_all() {
    let server = capped().await;
    let (one, two, three) = (
        server.aws().from("192.0.2.1"),
        server.aws().from("192.0.2.200"),
        server.aws().from("198.51.100.1"),
    );
    let clients = [
        one.register().await,
        one.register().await,
        one.register().await,
    ];
    let [a, b, c] = &clients;
    start(&one, a).await.assert_status(200);
    start(&one, a).await.assert_status(200);
    let full = start(&one, a).await;
    full.assert_error(400, "SlowDownException");
    // Elsewhere too: the client is at its own cap.
    start(&three, a)
        .await
        .assert_error(400, "SlowDownException");
    start(&two, b).await.assert_status(200);
    start(&two, b).await.assert_error(400, "SlowDownException");
    // Another network is served until the total cap.
    start(&three, b).await.assert_status(200);
    start(&three, c).await.assert_status(200);
    for address in ["198.51.100.9", "203.0.113.1", "2001:db8::1"] {
        start(&server.aws().from(address), c)
            .await
            .assert_error(400, "SlowDownException");
    }
    assert_eq!(server.rows().devices(), 5);
    // What waits goes on: polls are no starts.
    server.clock.advance(660);
    start(&one, a).await.assert_status(200);
}

#[tokio::test]
async fn dev_26_no_moment_holds_more_than_the_cap() {
    let server = capped().await;
    let client = server.aws().register().await;
    let mut most = 0;
    // Late in one window and early in the next, wherever windows begin.
    for second in [
        0, 50, 590, 599, 600, 610, 630, 659, 660, 720, 1190, 1199, 1200, 1201, 1300, 2500,
    ] {
        server.clock.set(second);
        start(&server.aws(), &client).await;
        let waiting = server.rows().everything();
        let now = claviger_tests::clock::START + second;
        let waiting = waiting
            .iter()
            .filter(|row| row.starts_with("devices "))
            .filter(|row| ends_after(row, now));
        most = most.max(waiting.count());
    }
    assert_eq!(most, 2);
    assert!(server.rows().devices() >= 5, "the cap opens again");
}

/// Whether a spelled row of `devices` has an end later than `now`.
fn ends_after(row: &str, now: i64) -> bool {
    let end: i64 = row
        .split(" | ")
        .nth(9)
        .and_then(|end| end.parse().ok())
        .expect("an end");
    end > now
}

#[tokio::test]
async fn dev_26_a_decided_code_waits_no_longer() {
    let server = capped().await;
    let client = server.aws().register().await;
    let mut browser = server.browser_of("alice").await;
    for round in 0..6 {
        let device = server.aws().start_device(&client).await;
        if round % 2 == 0 {
            browser.approve(&device.user_code).await.assert_status(303);
        } else {
            browser.deny(&device.user_code).await.assert_status(303);
        }
    }
    start(&server.aws(), &client).await.assert_status(200);
    start(&server.aws(), &client).await.assert_status(200);
    start(&server.aws(), &client)
        .await
        .assert_error(400, "SlowDownException");
}

#[tokio::test]
async fn dev_26_a_start_that_failed_waits_for_nobody() {
    use claviger_tests::driver::Mode;
    let server = capped().await;
    let client = server.aws().register().await;
    server.switch.set(Mode::Away);
    for _ in 0..10 {
        let told = start(&server.aws(), &client).await;
        told.assert_error(503, "InternalServerException");
    }
    server.switch.set(Mode::Working);
    start(&server.aws(), &client).await.assert_status(200);
    start(&server.aws(), &client).await.assert_status(200);
    let told = start(&server.aws(), &client).await;
    told.assert_error(400, "SlowDownException");
    assert_eq!(server.rows().devices(), 2);
}

/// What a waiting code may take so that a hundred thousand fit in 64 MiB.
const ROOM: i64 = 64 * 1024 * 1024 / 100_000;

/// Two tables with their three indexes each end in a page that is not full.
const LAST_PAGES: i64 = 5 * 8192;

/// Starts up to `most` devices of a client with `scopes`, all that the total cap of 400 admits;
/// answers how many were admitted and by how many bytes the store grew.
async fn grown(scopes: &[String], most: u32) -> (u32, i64) {
    let only_in_all = |policy: &mut claviger_engine::policy::Policy| {
        policy.limits.devices_per_client = u32::MAX;
        policy.limits.devices_per_network = u32::MAX;
        policy.limits.devices = 400;
    };
    let server = TestServer::builder()
        .alone()
        .policy(only_in_all)
        .start()
        .await;
    let name = "n".repeat(64);
    let body = json!({ "clientName": name, "clientType": "public", "scopes": scopes });
    let client = client(&server.aws().register_with(body).await);
    let body = client.with(json!({ "startUrl": server.aws().start_url() }));
    let agent = "a".repeat(400);
    let before = server.size();
    let starts = (0..most).map(|_| {
        let request = Request::post("/device_authorization").header("User-Agent", &agent);
        server.send(request.json(&body))
    });
    let answers = join_all(starts).await;
    let admitted = answers
        .iter()
        .filter(|answer| answer.status.is_success())
        .count();
    assert_eq!(
        server.rows().devices(),
        i64::try_from(admitted).expect("few")
    );
    (
        u32::try_from(admitted).expect("few"),
        server.size() - before,
    )
}

#[tokio::test]
async fn dev_26_a_hundred_thousand_waiting_codes_fit_in_64_mib() {
    let (admitted, bytes) = grown(&[ACCOUNT_ACCESS.to_owned()], 420).await;
    assert_eq!(admitted, 400);
    assert!(
        (1..=400 * ROOM + LAST_PAGES).contains(&bytes),
        "{bytes} bytes for 400 waiting codes"
    );
}

/// Who registers the longest scopes there can be gets fewer waiting codes, not more room.
#[tokio::test]
async fn dev_26_greedy_clients_get_no_more_room_than_modest_ones() {
    let scopes: Vec<String> = (0..9)
        .map(|number| {
            format!(
                "{number}{}:{}:{}",
                "a".repeat(45),
                "b".repeat(46),
                "c".repeat(46)
            )
        })
        .collect();
    let (admitted, bytes) = grown(&scopes, 420).await;
    assert!(admitted > 0);
    assert!(
        bytes <= 400 * ROOM + LAST_PAGES,
        "{bytes} bytes for {admitted} waiting codes"
    );
}

#[tokio::test]
async fn dev_27_a_start_url_must_name_this_instance() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let own = server.aws().start_url().to_owned();
    let before = server.rows().everything();
    for url in [
        "https://evil.example/start".to_owned(),
        own.replace("://", "://user@"),
        own.replace("://", "://user:secret@"),
        own.replace("/start", ".evil.example/start"),
        "start".to_owned(),
        "not a url".to_owned(),
        "javascript:alert(1)".to_owned(),
        format!("{own}?next=1"),
        String::new(),
        format!("https://example.org/{}", "a".repeat(4000)),
    ] {
        let body = client.with(json!({ "startUrl": url }));
        let refused = server.aws().start_device_with(body).await;
        refused.assert_error(400, "InvalidRequestException");
        assert!(
            !url.contains("://") || !refused.text().contains(&url),
            "{refused}"
        );
    }
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn dev_27_links_come_from_configuration_whatever_the_request_says() {
    let server = TestServer::builder()
        .public_url("https://sso.example.org")
        .trusting("127.0.0.1/32")
        .start()
        .await;
    let client = server.aws().register().await;
    let body = client.with(json!({ "startUrl": "https://sso.example.org/start" }));
    let request = Request::post("/device_authorization")
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "http")
        .header("Forwarded", "host=evil.example;proto=http")
        .json(&body);
    let started = server.send(request).await;
    started.assert_status(200);
    assert_eq!(
        started.member("verificationUri"),
        "https://sso.example.org/device"
    );
    let complete = started.member("verificationUriComplete");
    let code = started.member("userCode");
    assert_eq!(
        complete,
        format!("https://sso.example.org/device?user_code={code}")
    );
}
