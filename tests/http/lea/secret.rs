//! LEA-03 and LEA-06: how secrets are compared, and what becomes of them in memory.
//!
//! A clock on a shared machine tells nothing reliable about single comparisons, so their cause is
//! looked at: every comparison of a secret is one of a tag by `subtle`, no secret is looked up by
//! its own bytes, and a wrong byte costs the same reads wherever it stands.

use std::{collections::BTreeSet, net::Ipv4Addr, path::Path};

use claviger_engine::{
    client::authenticate::ClientCredentials,
    sign_in::{PasswordSignIn, with_password},
};
use claviger_model::{
    network::Requester,
    secret::{Secret, SecretBytes, SecretDer},
};
use claviger_tests::{
    TestServer,
    aws::{Client, Code, Device},
    browser::form,
    html::Form,
};
use claviger_wire::{body::Members, query::Parameters};

/// `text` with the character at `at` replaced by another of the same alphabet.
fn altered(text: &str, at: usize) -> String {
    let other = |c: char| if c == 'A' { 'B' } else { 'A' };
    let change = |(position, c)| if position == at { other(c) } else { c };
    text.chars().enumerate().map(change).collect()
}

/// What each position of a wrong `secret` costs and is told, without its request id.
async fn costs(
    server: &TestServer,
    secret: &str,
    ask: impl AsyncFn(String) -> String,
) -> BTreeSet<(usize, usize, String)> {
    let prefix = secret.find(['.', '-']).map_or(0, |at| at + 1);
    let mut costs = BTreeSet::new();
    for at in prefix..secret.len() {
        let (reads, writes) = (server.switch.reads(), server.switch.writes());
        let told = ask(altered(secret, at)).await;
        let (more_reads, more_writes) = (server.switch.reads(), server.switch.writes());
        costs.insert((more_reads - reads, more_writes - writes, told));
    }
    costs
}

#[tokio::test]
async fn lea_03_a_wrong_byte_costs_the_same_wherever_it_stands() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let (client, code) = server.code().await;
    let device = aws.start_device(&client).await;
    let by_secret = costs(&server, &client.secret, async |secret| {
        let client = Client {
            secret,
            ..client.clone()
        };
        aws.poll(&client, &device).await.to_string()
    });
    assert_eq!(by_secret.await.len(), 1, "client secret");
    let by_device = costs(&server, &device.device_code, async |device_code| {
        let device = Device {
            device_code,
            ..device.clone()
        };
        aws.poll(&client, &device).await.to_string()
    });
    assert_eq!(by_device.await.len(), 1, "device code");
    let by_code = costs(&server, &code.code, async |text| {
        let code = Code {
            code: text,
            ..code.clone()
        };
        aws.redeem(&client, &code).await.to_string()
    });
    assert_eq!(by_code.await.len(), 1, "authorization code");
    assert_eq!(server.rows().code_failures(), 0);
    aws.redeem(&client, &code).await.assert_status(200);
}

#[tokio::test]
async fn lea_03_neither_lock_of_a_token_costs_by_where_it_is_wrong() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let device = server.signed_in_device().await;
    let before = server.rows().everything();
    let (refresh, access) = (device.tokens.refresh_token(), &device.tokens.access);
    for (kind, token) in [("refresh", refresh), ("access", access)] {
        let costs = costs(&server, token, async |token| {
            let answer = match kind {
                "refresh" => aws.refresh(&device.client, &token).await,
                _ => aws.list_accounts(&token).await,
            };
            answer.to_string()
        });
        let costs = costs.await;
        // Body and first lock fail before the store is asked, the second lock after it: which
        // lock failed may show, where in a lock it failed may not.
        let reads: BTreeSet<usize> = costs.iter().map(|(reads, _, _)| *reads).collect();
        let told: BTreeSet<&String> = costs.iter().map(|(_, _, told)| told).collect();
        assert_eq!(reads, BTreeSet::from([0, 1]), "{kind}: {costs:#?}");
        assert_eq!((costs.len(), told.len()), (2, 1), "{kind}: {costs:#?}");
        assert!(costs.iter().all(|(_, writes, _)| *writes == 0), "{kind}");
    }
    assert_eq!(server.rows().everything(), before);
    aws.refresh(&device.client, refresh)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn lea_03_the_cookie_and_the_form_token_cost_the_same_wherever_they_are_wrong() {
    let server = TestServer::start().await;
    let browser = server.browser_of("alice").await;
    let cookie = browser
        .cookie("claviger_session")
        .expect("a cookie")
        .to_owned();
    let by_cookie = costs(&server, &cookie, async |value| {
        let mut thief = browser.clone();
        thief.set_cookie("claviger_session", &value);
        thief.get("/start").await.to_string()
    });
    assert_eq!(by_cookie.await.len(), 1, "cookie");
    let page = browser.clone().get("/sign-out").await;
    let leave: Form = form(&page, "/sign-out");
    let token = leave.value("token").expect("a token").to_owned();
    let by_token = costs(&server, &token, async |value| {
        let bad = leave.clone().fill("token", &value);
        browser.clone().submit(&bad).await.to_string()
    });
    assert_eq!(by_token.await.len(), 1, "form token");
    assert_eq!(server.rows().recorded("sign_out"), 0);
}

/// The engine's source, line by line, tests apart.
fn source(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates")
        .join(folder);
    let files = std::fs::read_dir(&root).expect("a folder of sources");
    let mut lines = Vec::new();
    for file in files.map(|file| file.expect("a file").path()) {
        let name = file.display().to_string();
        let rust = file.extension().is_some_and(|extension| extension == "rs");
        if !rust || name.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source");
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        lines.extend(
            product
                .lines()
                .map(|line| (name.clone(), line.trim().to_owned())),
        );
    }
    lines
}

#[test]
fn lea_03_secrets_are_compared_by_constant_time_alone() {
    let mut compared = BTreeSet::new();
    for (file, line) in source("engine/src/token")
        .into_iter()
        .chain(source("engine/src/keys"))
    {
        let code = line.split("//").next().unwrap_or_default().to_owned();
        // Lengths are no secrets.
        let code = code.replace("tags.len()", "");
        for (at, _) in code.match_indices("==").chain(code.match_indices("!=")) {
            // The word on either side of a plain comparison is no secret's.
            let words = code[at.saturating_sub(24)..code.len().min(at + 26)].to_owned();
            for secret in ["tag", "lock", "mac", "secret", "mint(", "reveal"] {
                assert!(!words.contains(secret), "{file}: {line}");
            }
        }
        for tool in ["ct_eq(", "admits(", "locked_by(", ".open("] {
            if code.contains(tool) {
                let short = Path::new(&file)
                    .file_stem()
                    .expect("a name")
                    .to_string_lossy();
                compared.insert(short.into_owned());
            }
        }
    }
    let expected = [
        "access",
        "authorization_code",
        "client_id",
        "device_code",
        "encoding",
        "form",
        "known_browser",
        "page",
        "purpose",
        "refresh",
        "transaction",
        "web_cookie",
    ];
    for file in expected {
        assert!(
            compared.contains(file),
            "{file} compares in some other way: {compared:?}"
        );
    }
    let model = source("model/src");
    for file in ["secret.rs", "pkce.rs"] {
        let mut own = model.iter().filter(|(name, _)| name.ends_with(file));
        assert!(own.any(|(_, line)| line.contains("ct_eq(")), "{file}");
    }
}

#[tokio::test]
async fn lea_03_no_secret_is_looked_up_by_its_own_bytes() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    server.signed_in_device().await;
    let rows = server.rows().everything().join("\n");
    for text in [device.user_code.clone(), device.user_code.replace('-', "")] {
        let spelled = claviger_tests::scan::hex(text.as_bytes());
        assert!(
            !rows.contains(&text) && !rows.contains(&spelled),
            "{text} in\n{rows}"
        );
    }
    let widths = server
        .rows()
        .count("SELECT count(*) FROM user_codes WHERE length(uc_mac) <> 16");
    assert_eq!(
        (
            server.rows().count("SELECT count(*) FROM user_codes"),
            widths
        ),
        (2, 0)
    );
}

/// Types that hold secrets must run code when they go: that code wipes them.
const fn is_wiped<T>() -> bool {
    std::mem::needs_drop::<T>()
}

#[test]
fn lea_06_secrets_are_wiped_and_never_shown() {
    const { assert!(is_wiped::<Secret>() && is_wiped::<SecretBytes>() && is_wiped::<SecretDer>()) };
    let password = "correct horse battery staple";
    let sign_in = PasswordSignIn {
        user_name: "alice".to_owned(),
        password: Secret::from(password),
        known_browser: Some(Secret::from(password)),
    };
    let credentials = ClientCredentials {
        client_id: "cvc1.x".to_owned(),
        client_secret: Some(Secret::from(password)),
    };
    let form = Parameters::read("user_name=alice&password=correct+horse").expect("a form");
    let members = br#"{ "clientSecret": "correct horse", "scope": ["horse"] }"#;
    let members = Members::read(members).expect("members");
    let shown = format!(
        "{sign_in:?} {credentials:?} {form:?} {members:?} {:?} {:?}",
        SecretBytes::new(*b"0123456789abcdef0123456789abcdef"),
        SecretDer::new(b"0123456789".to_vec())
    );
    assert!(
        !shown.contains("horse") && !shown.contains("0123"),
        "{shown}"
    );
    assert!(shown.contains("clientSecret"), "{shown}");
    assert!(!shown.contains("48, 49"), "{shown}");
    // How they are wiped is in one file.
    let wiping = source("model/src")
        .into_iter()
        .filter(|(name, line)| name.ends_with("secret.rs") && line == "self.0.zeroize();")
        .count();
    assert_eq!(wiping, 3);
}

#[tokio::test]
async fn lea_06_what_a_sign_in_hands_out_is_never_shown() {
    let server = TestServer::start().await;
    let requester = Requester {
        address: Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
    };
    let sign_in = PasswordSignIn {
        user_name: "alice".to_owned(),
        password: Secret::from("correct horse"),
        known_browser: None,
    };
    let done = with_password(&server.context, &requester, sign_in).await;
    let done = done.expect("alice is in");
    let shown = format!("{done:?}");
    for secret in [
        &done.known_browser,
        &done.web_session.cookie,
        &done.web_session.signed_in.form_token,
    ] {
        assert!(!shown.contains(secret.reveal()), "{shown}");
    }
}

#[test]
fn lea_06_the_unit_file_allows_no_core_dump() {
    let unit = include_str!("../../../dist/claviger.service");
    let (_, service) = unit.split_once("\n[Service]\n").expect("a service");
    let (service, _) = service.split_once("\n[").expect("a section after it");
    let limits: Vec<&str> = service
        .lines()
        .filter(|line| line.to_lowercase().starts_with("limitcore"))
        .collect();
    assert_eq!(limits, ["LimitCORE=0"]);
}
