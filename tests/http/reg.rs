//! Registration (REG): what is taken, what is refused, and that nothing is stored.

use std::{net::TcpListener, path::Path};

use claviger_engine::admin;
use claviger_model::time::Lifetime;
use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, DEVICE_CODE, Tokens, authorize_query, client},
    browser::form,
    html,
    http::{Request, read_response},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

/// A device client's registration with one member changed.
fn registration(name: &str, value: Value) -> Value {
    let mut body = json!({
        "clientName": "aws-cli",
        "clientType": "public",
        "scopes": [ACCOUNT_ACCESS],
    });
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    body
}

fn size_of(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").metadata().expect("metadata").len())
        .sum()
}

#[tokio::test]
async fn reg_01_twenty_thousand_registrations_leave_the_data_directory_no_larger() {
    const BATCHES: usize = 200;
    const BATCH: usize = 100;
    let unlimited = |policy: &mut claviger_engine::policy::Policy| {
        policy.limits.registrations_per_network = u32::MAX;
    };
    let server = TestServer::builder().policy(unlimited).start().await;
    let directory = server.directory.path().join("data");
    let size = size_of(&directory);
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
    let grown = size_of(&directory).saturating_sub(size);
    assert!(grown < 1024, "{grown} bytes more");
}

#[tokio::test]
async fn reg_01_over_its_limit_one_network_is_told_to_slow_down_and_others_are_served() {
    let server = TestServer::builder()
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
    server.clock.advance(60);
    crowd.register().await;
}

#[tokio::test]
async fn reg_02_only_public_clients_register() {
    let server = TestServer::start().await;
    for kind in [
        json!("confidential"),
        json!("Public"),
        json!("public "),
        json!(""),
        Value::Null,
        json!(1),
    ] {
        let body = registration("clientType", kind);
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
}

#[tokio::test]
async fn reg_03_a_name_that_fools_a_reader_is_refused_and_a_long_one_is_cut() {
    let server = TestServer::start().await;
    for name in [
        "   ",
        "a\nb",
        "a\rb",
        "a\u{0007}b",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{2028}b",
        "\u{feff}a",
    ] {
        let refused = server
            .aws()
            .register_with(registration("clientName", json!(name)))
            .await;
        refused.assert_error(400, "InvalidClientMetadataException");
    }
    for absent in [json!(""), Value::Null] {
        let refused = server
            .aws()
            .register_with(registration("clientName", absent))
            .await;
        refused.assert_error(400, "InvalidRequestException");
    }
    let long = registration("clientName", json!("ä".repeat(40)));
    let client = client(&server.aws().register_with(long).await);
    server.aws().start_device(&client).await;
    assert_eq!(
        server.rows().only_text("SELECT client_name FROM devices"),
        "ä".repeat(32)
    );
}

#[tokio::test]
async fn reg_04_a_name_is_shown_as_unverified_escaped_and_never_believed() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    for name in [
        "AWS CLI",
        "Administrator",
        "Claviger",
        "<script>alert(1)</script>",
        "\"><img src=x>",
    ] {
        let mut body = server.aws().code_client(&[REDIRECT_URI]);
        body.as_object_mut()
            .expect("an object")
            .insert("clientName".to_owned(), json!(name));
        let client = client(&server.aws().register_with(body).await);
        let device = server.aws().start_device(&client).await;
        let confirm = browser.look_up(&device.user_code).await;
        let consent = browser
            .authorize(&authorize_query(&client, REDIRECT_URI))
            .await;
        for page in [confirm, consent] {
            page.assert_status(200);
            let text = html::text(page.text());
            assert!(text.contains(&format!("{name} unverified")), "{text}");
            assert!(!page.text().contains("<script>alert") && !page.text().contains("<img src=x"));
        }
    }
}

#[tokio::test]
async fn reg_04_reserved_names_are_refused_in_any_case() {
    let server = TestServer::builder()
        .policy(|policy| policy.reserved_names = vec!["Corp Portal".to_owned()])
        .start()
        .await;
    for name in ["Corp Portal", "corp portal", " CORP PORTAL "] {
        let refused = server
            .aws()
            .register_with(registration("clientName", json!(name)))
            .await;
        refused.assert_error(400, "InvalidClientMetadataException");
    }
    server
        .aws()
        .register_with(registration("clientName", json!("Corp")))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn reg_05_redirect_uris_that_lead_away_are_refused() {
    let server = TestServer::start().await;
    for uri in [
        "http://app.example/cb",
        "https://app.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "app:/cb",
        "com.example.app:/cb",
        "http://127.0.0.1/cb#fragment",
        "http://user@127.0.0.1/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1/*",
        "http://127.0.0.1/a/../cb",
        "http://127.0.0.1\\@evil.example/cb",
        "//127.0.0.1/cb",
        "/cb",
        "http://127.0.0.1/cb?x=1",
    ] {
        let body = server.aws().code_client(&[REDIRECT_URI, uri]);
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "InvalidRedirectUriException");
        assert!(!refused.text().contains("evil"), "{refused}");
    }
    let none = server
        .aws()
        .register_with(server.aws().code_client(&[]))
        .await;
    none.assert_error(400, "InvalidRedirectUriException");
}

#[tokio::test]
async fn reg_06_other_grant_types_are_refused() {
    let server = TestServer::start().await;
    for grant in [
        "password",
        "implicit",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "device_code",
        "AUTHORIZATION_CODE",
        "nonsense",
    ] {
        let body = registration("grantTypes", json!([DEVICE_CODE, grant]));
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "UnsupportedGrantTypeException");
    }
}

#[tokio::test]
async fn reg_07_unknown_scopes_are_recorded_and_powerless_and_there_are_at_most_25() {
    let server = TestServer::start().await;
    for scope in ["a b", "a:b:c:d", "a::b", ":a", "*", "a:*:b", "ä", "a\nb"] {
        let refused = server
            .aws()
            .register_with(registration("scopes", json!([scope])))
            .await;
        refused.assert_error(400, "InvalidScopeException");
    }
    let many = |count: usize| {
        let scopes: Vec<String> = (0..count).map(|number| format!("s{number}")).collect();
        registration("scopes", json!(scopes))
    };
    server
        .aws()
        .register_with(many(25))
        .await
        .assert_status(200);
    let refused = server.aws().register_with(many(26)).await;
    refused.assert_error(400, "InvalidClientMetadataException");

    let strange = registration(
        "scopes",
        json!(["codewhisperer:completions", "sso:admin:access"]),
    );
    let client = client(&server.aws().register_with(strange).await);
    let signed_in = server.sign_in_device("alice", client).await;
    let recorded = server.rows().only_text("SELECT scopes FROM sessions");
    assert_eq!(recorded, "codewhisperer:completions sso:admin:access");
    let accounts = server.aws().list_accounts(&signed_in.tokens.access).await;
    accounts.assert_status(403);
    assert_eq!(
        accounts.header("x-amzn-errortype"),
        Some("ForbiddenException")
    );
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
async fn reg_09_a_registration_that_is_too_large_is_refused() {
    let server = TestServer::start().await;
    let uris = |count: usize, length: usize| -> Vec<String> {
        let path = "p".repeat(length);
        (0..count)
            .map(|number| format!("http://127.0.0.1/{path}{number}"))
            .collect()
    };
    let register = async |uris: Vec<String>| {
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        server
            .aws()
            .register_with(server.aws().code_client(&uris))
            .await
    };
    register(uris(11, 1))
        .await
        .assert_error(400, "InvalidClientMetadataException");
    register(uris(10, 300))
        .await
        .assert_error(400, "InvalidClientMetadataException");
    let largest = client(&register(uris(10, 100)).await);
    assert!(largest.id.len() <= 2048, "{}", largest.id.len());
}

#[tokio::test]
async fn reg_10_a_secret_belongs_to_one_id_whole_and_unaltered() {
    let server = TestServer::start().await;
    let (one, other) = (server.aws().register().await, server.aws().register().await);
    let altered = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        let byte = bytes.get_mut(at).expect("a position");
        *byte = if *byte == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let mut pairs = vec![
        (one.id.clone(), other.secret.clone()),
        (other.id.clone(), one.secret.clone()),
    ];
    for (id, secret) in [(&one.id, &one.secret)] {
        pairs.extend((0..secret.len()).map(|at| (id.clone(), altered(secret, at))));
        pairs.extend(
            (0..id.len())
                .step_by(7)
                .map(|at| (altered(id, at), secret.clone())),
        );
        pairs.extend([
            (id.clone(), format!("{secret}A")),
            (id.clone(), format!("{secret}=")),
            (id.clone(), secret[..secret.len() - 1].to_owned()),
            (id.clone(), secret.to_uppercase()),
            (id.clone(), id.clone()),
            (format!("{id}A"), secret.clone()),
            (id[..id.len() - 1].to_owned(), secret.clone()),
            (secret.clone(), id.clone()),
            ("nobody".to_owned(), secret.clone()),
        ]);
    }
    let before = (server.switch.reads(), server.rows().everything());
    let mut bodies = Vec::new();
    for (id, secret) in pairs {
        let impostor = Client { id, secret };
        let start = impostor.with(json!({ "startUrl": server.aws().start_url() }));
        let token = impostor.with(json!({ "grantType": "refresh_token", "refreshToken": "x" }));
        for refused in [
            server.aws().start_device_with(start).await,
            server.aws().create_token(token).await,
        ] {
            refused.assert_error(401, "InvalidClientException");
            bodies.push(refused.text().to_owned());
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one body for all of them: {bodies:?}");
    assert_eq!(
        before,
        (server.switch.reads(), server.rows().everything()),
        "no store access"
    );
}

#[tokio::test]
async fn reg_11_an_expired_client_is_none() {
    let server = TestServer::builder()
        .policy(|policy| policy.client_lifetime = Lifetime::hours(1))
        .start()
        .await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    let query = authorize_query(&client, REDIRECT_URI);
    server.clock.advance(3599);
    server.aws().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.authorize(&query).await.assert_status(200);

    server.clock.advance(1);
    let before = server.rows().everything();
    let start = client.with(json!({ "startUrl": server.aws().start_url() }));
    server
        .aws()
        .start_device_with(start)
        .await
        .assert_error(401, "InvalidClientException");
    let refreshed = server.aws().refresh(&client, tokens.refresh_token()).await;
    refreshed.assert_error(401, "InvalidClientException");
    browser
        .authorize(&query)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.rows().live_sessions(), 1);
}

#[tokio::test]
async fn reg_12_a_denied_client_is_none_and_its_sessions_end() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    let device = server.aws().start_device(&client).await;
    let other = server.signed_in_device().await;
    let mut browser = server.browser_of("alice").await;

    let ended = admin::client::deny(&server.context, &client.id, "stolen laptop").await;
    assert_eq!(ended.expect("a denial"), 1);
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (2, 1)
    );
    let before = server.rows().everything();
    let start = client.with(json!({ "startUrl": server.aws().start_url() }));
    for refused in [
        server.aws().start_device_with(start).await,
        server.aws().poll(&client, &device).await,
        server.aws().refresh(&client, tokens.refresh_token()).await,
    ] {
        refused.assert_error(401, "InvalidClientException");
    }
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    page.assert_error_page(400, REDIRECT_URI);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(401);
    assert_eq!(server.rows().everything(), before);
    server
        .aws()
        .list_accounts(&other.tokens.access)
        .await
        .assert_status(200);

    admin::client::allow(&server.context, &client.id)
        .await
        .expect("allowed again");
    server.aws().start_device(&client).await;
    let refused = server.aws().refresh(&client, tokens.refresh_token()).await;
    refused.assert_error(400, "InvalidGrantException");
}

#[tokio::test]
async fn reg_12_a_consent_form_of_a_client_denied_meanwhile_gives_no_code() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    admin::client::deny(&server.context, &client.id, "test")
        .await
        .expect("a denial");
    let sent = form(&page, "/authorize").press("Allow");
    browser
        .submit(&sent)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 0);
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
    insta::assert_snapshot!(server.aws().register_with(body).await);
}
