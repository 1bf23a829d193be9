//! The word of an issuer, honest or lying (FED-04 to FED-08, FED-13, SSR-01, SSR-02).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_engine::admin;
use claviger_federation::{fetch::Fetch, issuers::TrustedIssuers};
use claviger_model::application::Attribute;
use claviger_tests::{
    TestServer,
    clock::ManualClock,
    http::Response,
    issuer::{FakeIssuer, IssuerKey, Manner, header, sign},
    seed::SANDBOX,
};
use jsonwebtoken::{Algorithm, EncodingKey, encode};
use serde_json::{Value, json};

use super::{
    issuer::{self, name, server_trusting, trusting, trusting_by},
    machine::{Machine, text},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

async fn present(server: &TestServer, machine: &Machine, assertion: &str) -> Response {
    server.secrets().add(assertion);
    let members = json!({ "grantType": GRANT, "assertion": assertion });
    machine.ask(server, members).await
}

/// A server, a machine and the issuer that it trusts.
async fn scene() -> (FakeIssuer, TestServer, Machine) {
    let issuer = FakeIssuer::start().await;
    let server = issuer::server(&issuer, Attribute::UserName).await;
    let machine = Machine::new(&server).await;
    (issuer, server, machine)
}

/// The same, with the clock that the issuer's keys age by.
async fn scene_by_clock() -> (Arc<ManualClock>, FakeIssuer, TestServer, Machine) {
    let (clock, issuer) = (Arc::<ManualClock>::default(), FakeIssuer::start().await);
    let trusted = trusting_by(&clock, &issuer, true);
    let server = server_trusting(trusted, Attribute::UserName).await;
    let machine = Machine::new(&server).await;
    (clock, issuer, server, machine)
}

/// What an assertion by that key is answered with, new each time.
async fn word(
    server: &TestServer,
    machine: &Machine,
    issuer: &FakeIssuer,
    key: &IssuerKey,
) -> Response {
    let mut claims = issuer::claims(issuer, server);
    claims["jti"] = json!(
        server
            .context
            .request_id()
            .map(|byte| byte.to_string())
            .concat()
    );
    present(server, machine, &key.sign(&claims)).await
}

/// Nothing is begun by what is refused.
#[track_caller]
fn assert_refused(server: &TestServer, answer: &Response, why: &str) {
    assert_eq!(answer.status, 400, "{why}: {answer}");
    answer.assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().sessions(), 0, "{why}");
    assert_eq!(
        server.rows().count("SELECT count(*) FROM replay"),
        0,
        "{why}"
    );
}

#[tokio::test]
async fn the_word_of_a_trusted_issuer_signs_a_person_in_without_a_browser() {
    let (issuer, server, machine) = scene().await;
    let answer = present(
        &server,
        &machine,
        &issuer.sign(&issuer::claims(&issuer, &server)),
    )
    .await;
    let tokens = answer.assert_status(200).json();
    assert_eq!(
        tokens["scope"],
        json!(["sso:account:access", "openid", "aws"])
    );
    let aws = server.aws();
    let access = text(&tokens, "accessToken");
    aws.role_credentials(access, SANDBOX, "Developer")
        .await
        .assert_status(200);
    server.clock.advance(1);
    let refresh =
        json!({ "grantType": "refresh_token", "refreshToken": text(&tokens, "refreshToken") });
    machine.ask(&server, refresh).await.assert_status(200);
    // Less, when less is asked for.
    let mut claims = issuer::claims(&issuer, &server);
    claims["jti"] = json!("two");
    let assertion = issuer.sign(&claims);
    server.secrets().add(&assertion);
    let less =
        json!({ "grantType": GRANT, "assertion": assertion, "scope": ["sso:account:access"] });
    let less = machine.ask(&server, less).await.assert_status(200).json();
    assert_eq!(
        (&less["scope"], &less["idToken"]),
        (&json!(["sso:account:access"]), &Value::Null)
    );
    server.finish().await;
}

#[tokio::test]
async fn fed_04_only_the_issuers_own_asymmetric_signatures_count_and_nothing_is_fetched_for_others()
{
    let (issuer, server, machine) = scene().await;
    let claims = issuer::claims(&issuer, &server);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let good = issuer.sign(&claims);
    let (_, signature) = good.rsplit_once('.').expect("a signature");
    let spelled = |head: Value| format!("{}.{}.{signature}", part(&head), part(&claims));
    let public = serde_json::to_string(&issuer.key.public).expect("a key");
    let shared = encode(
        &jsonwebtoken::Header {
            alg: Algorithm::HS256,
            ..header("first")
        },
        &claims,
        &EncodingKey::from_secret(public.as_bytes()),
    );
    let other = IssuerKey::new("first");
    let with = |member: &str, value: Value| {
        let mut head = json!({ "alg": "ES256", "kid": "first" });
        head[member] = value;
        spelled(head)
    };
    let none = format!(
        "{}.{}.",
        part(&json!({ "alg": "none", "kid": "first" })),
        part(&claims)
    );
    for (why, assertion) in [
        ("none", none),
        ("HS256", shared.expect("a token")),
        ("ES384", with("alg", json!("ES384"))),
        ("RS256 with a key of ES256", with("alg", json!("RS256"))),
        ("JWE", "a.b.c.d.e".to_owned()),
        ("no kid", spelled(json!({ "alg": "ES256" }))),
        ("padding", good.replace('.', "=.")),
        ("garbage", "garbage".to_owned()),
        ("too long", "x".repeat(16_000)),
    ] {
        let answer = present(&server, &machine, &assertion).await;
        assert_refused(&server, &answer, why);
        server.clock.advance(1);
    }
    // Discovery and keys, for the one whose header could be taken.
    assert!(issuer.asked() <= 2, "{}", issuer.asked());
    let forged = present(
        &server,
        &machine,
        &sign(&other, &header("first"), &issuer::claims(&issuer, &server)),
    )
    .await;
    assert_refused(&server, &forged, "another key under the same name");
    let mut altered: Vec<&str> = good.split('.').collect();
    let other = part(&json!({ "iss": issuer.url, "sub": "bob", "aud": "reports" }));
    altered[1] = &other;
    assert_refused(
        &server,
        &present(&server, &machine, &altered.join(".")).await,
        "altered",
    );
    server.finish().await;
}

/// Signed as they are: only what their headers hold is wrong with them.
#[tokio::test]
async fn fed_04_a_header_brings_no_keys_and_no_rules() {
    let (issuer, server, machine) = scene().await;
    let claims = issuer::claims(&issuer, &server);
    let address = Some(format!("{}/elsewhere", issuer.url));
    let signed = |change: &dyn Fn(&mut jsonwebtoken::Header)| {
        let mut head = header("first");
        change(&mut head);
        sign(&issuer.key, &head, &claims)
    };
    for (why, assertion) in [
        (
            "crit",
            signed(&|head| head.crit = Some(vec!["exp".to_owned()])),
        ),
        (
            "jwk",
            signed(&|head| head.jwk = Some(issuer.key.public.clone())),
        ),
        ("jku", signed(&|head| head.jku.clone_from(&address))),
        ("x5u", signed(&|head| head.x5u.clone_from(&address))),
        ("x5c", signed(&|head| head.x5c = Some(vec![String::new()]))),
    ] {
        let answer = present(&server, &machine, &assertion).await;
        assert_refused(&server, &answer, why);
        server.clock.advance(1);
    }
    assert_eq!(issuer.asked(), 0, "nothing is fetched for them");
    server.finish().await;
}

#[tokio::test]
async fn fed_05_fed_13_an_assertion_is_for_us_in_date_short_lived_and_about_one_person() {
    let (issuer, server, machine) = scene().await;
    let now = server.context.now().epoch_seconds();
    for (why, member, value) in [
        ("another audience", "aud", json!("other")),
        ("other audiences", "aud", json!(["other", "others"])),
        ("no audience", "aud", Value::Null),
        ("an audience that is no text", "aud", json!(["reports", 1])),
        ("another issuer", "iss", json!(format!("{}/", issuer.url))),
        ("no issuer", "iss", Value::Null),
        ("expired", "exp", json!(now)),
        ("no end", "exp", Value::Null),
        ("an end as text", "exp", json!((now + 300).to_string())),
        ("an end that overflows", "exp", json!(1e300)),
        ("an end beyond all years", "exp", json!(i64::MAX)),
        ("too long a life", "exp", json!(now + 601)),
        ("no beginning", "iat", Value::Null),
        ("of the future", "iat", json!(now + 61)),
        ("of long ago", "iat", json!(now - 301)),
        ("a beginning as text", "iat", json!(now.to_string())),
        ("not yet", "nbf", json!(now + 61)),
        ("not yet, as text", "nbf", json!("0")),
        ("no id", "jti", Value::Null),
        ("an empty id", "jti", json!("")),
        ("an id that is no text", "jti", json!(1)),
        ("an endless id", "jti", json!("x".repeat(257))),
        ("nobody", "sub", json!("nobody")),
        ("no person", "sub", Value::Null),
        ("a number", "sub", json!(1)),
        ("a name with a NUL", "sub", json!("alice\u{0}")),
        ("a name in capitals", "sub", json!("ALICE")),
        ("a name and a space", "sub", json!("alice ")),
        ("a name in wide letters", "sub", json!("ａｌｉｃｅ")),
    ] {
        let mut claims = issuer::claims(&issuer, &server);
        claims[member] = value.clone();
        if value.is_null() {
            claims.as_object_mut().expect("claims").remove(member);
        }
        let answer = present(&server, &machine, &issuer.sign(&claims)).await;
        assert_refused(&server, &answer, why);
    }
    for (member, value) in [
        ("aud", json!(["other", "reports"])),
        ("exp", json!(now + 600)),
        ("iat", json!(now + 60)),
    ] {
        let mut claims = issuer::claims(&issuer, &server);
        claims[member] = value;
        claims["jti"] = json!(member);
        present(&server, &machine, &issuer.sign(&claims))
            .await
            .assert_status(200);
    }
    server.finish().await;
}

#[tokio::test]
async fn fed_13_an_assertion_counts_once_here_and_on_every_node() {
    let (issuer, server, machine) = scene().await;
    let assertion = issuer.sign(&issuer::claims(&issuer, &server));
    present(&server, &machine, &assertion)
        .await
        .assert_status(200);
    let rows = server.rows().everything();
    server.clock.advance(1);
    present(&server, &machine, &assertion)
        .await
        .assert_error(400, "InvalidGrantException");
    // Signed anew by the issuer, it is still the same one; under another id it is another.
    let mut claims = issuer::claims(&issuer, &server);
    let same = issuer.sign(&claims);
    present(&server, &machine, &same)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().everything(), rows);
    claims["jti"] = json!("another");
    present(&server, &machine, &issuer.sign(&claims))
        .await
        .assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn fed_13_a_disabled_person_is_not_signed_in_by_anybodys_word() {
    let (issuer, server, machine) = scene().await;
    admin::user::disable(&server.context, "alice")
        .await
        .expect("disabled");
    let answer = present(
        &server,
        &machine,
        &issuer.sign(&issuer::claims(&issuer, &server)),
    )
    .await;
    assert_refused(&server, &answer, "disabled");
    server.finish().await;
}

#[tokio::test]
async fn an_address_names_somebody_only_where_it_is_verified_and_theirs_alone() {
    let issuer = FakeIssuer::start().await;
    let server = issuer::server(&issuer, Attribute::Email).await;
    let machine = Machine::new(&server).await;
    server
        .tamper("UPDATE users SET email = 'alice@example.org' WHERE name = 'alice'")
        .await;
    server
        .tamper("UPDATE users SET email = 'bob@example.org' WHERE name = 'bob'")
        .await;
    let by = |email: &str, verified: Option<bool>, id: &str| {
        let mut claims = issuer::claims(&issuer, &server);
        claims["email"] = json!(email);
        claims["jti"] = json!(id);
        if let Some(verified) = verified {
            claims["email_verified"] = json!(verified);
        }
        issuer.sign(&claims)
    };
    let mut claims = issuer::claims(&issuer, &server);
    claims["email"] = json!("alice@example.org");
    for verified in [
        json!(0),
        json!(1),
        json!(null),
        json!(["true"]),
        json!("yes"),
    ] {
        claims["email_verified"] = verified;
        let answer = present(&server, &machine, &issuer.sign(&claims)).await;
        assert_refused(&server, &answer, "an address that nobody says is verified");
        server.clock.advance(1);
    }
    for (email, verified) in [
        ("alice@example.org", Some(false)),
        ("ALICE@example.org", None),
        ("alice@example.org ", None),
        ("", None),
    ] {
        let answer = present(&server, &machine, &by(email, verified, "x")).await;
        assert_refused(&server, &answer, email);
        server.clock.advance(1);
    }
    let answer = present(&server, &machine, &by("alice@example.org", Some(true), "y")).await;
    answer.assert_status(200);
    server
        .tamper("UPDATE users SET email = 'alice@example.org' WHERE name = 'bob'")
        .await;
    let answer = present(&server, &machine, &by("alice@example.org", None, "z")).await;
    answer.assert_error(400, "InvalidGrantException");
    server.finish().await;
}

#[tokio::test]
async fn fed_06_a_lying_or_broken_issuer_is_nobodys_mistake_and_leads_nowhere() {
    for manner in [
        Manner::Redirect("https://localhost:1/".to_owned()),
        Manner::NoJson,
        Manner::Endless,
        Manner::Foreign,
        Manner::Broken,
        Manner::KeysAt("http://localhost/keys".to_owned()),
        Manner::KeysAt("file:///etc/passwd".to_owned()),
        Manner::KeysAt("gopher://localhost/".to_owned()),
    ] {
        let (issuer, server, machine) = scene().await;
        issuer.behave(manner.clone());
        let assertion = issuer.sign(&issuer::claims(&issuer, &server));
        let answer = present(&server, &machine, &assertion).await;
        answer.assert_error(503, "InternalServerException");
        assert_eq!(server.rows().sessions(), 0, "{manner:?}");
        // It is not asked again at once.
        let asked = issuer.asked();
        server.clock.advance(1);
        present(&server, &machine, &assertion)
            .await
            .assert_error(503, "InternalServerException");
        assert_eq!(issuer.asked(), asked, "{manner:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn fed_06_a_silent_issuer_costs_a_few_seconds_and_nothing_else() {
    let (clock, issuer, server, machine) = scene_by_clock().await;
    issuer.behave(Manner::Silent);
    let answer = present(
        &server,
        &machine,
        &issuer.sign(&issuer::claims(&issuer, &server)),
    )
    .await;
    answer.assert_error(503, "InternalServerException");
    // Nobody waits for the fetch for ever: the next one finds an issuer that speaks again.
    issuer.behave(Manner::Honest);
    clock.advance(60);
    let claims = issuer::claims(&issuer, &server);
    present(&server, &machine, &issuer.sign(&claims))
        .await
        .assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn fed_06_known_keys_are_used_while_the_issuer_is_away() {
    let (issuer, server, machine) = scene().await;
    present(
        &server,
        &machine,
        &issuer.sign(&issuer::claims(&issuer, &server)),
    )
    .await
    .assert_status(200);
    issuer.behave(Manner::Broken);
    let mut claims = issuer::claims(&issuer, &server);
    claims["jti"] = json!("two");
    present(&server, &machine, &issuer.sign(&claims))
        .await
        .assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn fed_07_a_thousand_unknown_keys_are_asked_for_once() {
    let (issuer, server, machine) = scene().await;
    let claims = issuer::claims(&issuer, &server);
    for number in 0..1000 {
        let assertion = sign(&issuer.key, &header(&format!("k{number}")), &claims);
        let answer = present(&server, &machine, &assertion).await;
        answer.assert_error(400, "InvalidGrantException");
    }
    assert_eq!(issuer.asked(), 2, "discovery and keys, once");
    present(&server, &machine, &issuer.sign(&claims))
        .await
        .assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn fed_08_a_key_that_is_not_published_or_published_twice_signs_nothing() {
    let (issuer, server, machine) = scene().await;
    let (second, twin) = (IssuerKey::new("second"), IssuerKey::new("second"));
    issuer.publish(&[&second, &twin]);
    for (key, kid) in [(&issuer.key, "first"), (&second, "second")] {
        let answer = present(
            &server,
            &machine,
            &sign(key, &header(kid), &issuer::claims(&issuer, &server)),
        )
        .await;
        assert_refused(&server, &answer, kid);
    }
    server.finish().await;
}

#[tokio::test]
async fn fed_08_a_new_key_costs_one_fetch_and_a_withdrawn_one_is_refused_within_the_hour() {
    let (clock, issuer, server, machine) = scene_by_clock().await;
    let word = async |key: &IssuerKey, status: u16, asked: usize, why: &str| {
        let answer = word(&server, &machine, &issuer, key).await;
        assert_eq!(answer.status, status, "{why}: {answer}");
        // A fetch is two connections: what is known of the issuer, and its keys.
        assert_eq!(issuer.asked(), asked, "{why}");
    };
    let second = IssuerKey::new("second");
    word(&issuer.key, 200, 2, "the first").await;
    issuer.publish(&[&second]);
    word(&second, 400, 2, "no second fetch within the minute").await;
    clock.advance(60);
    word(&second, 200, 4, "fetched anew").await;
    word(&issuer.key, 400, 4, "withdrawn").await;
    issuer.publish(&[]);
    clock.advance(3599);
    word(&second, 200, 4, "kept for an hour").await;
    clock.advance(1);
    word(&second, 400, 6, "and no longer").await;
    // Nothing is taken on the word of an issuer that was not heard of for an hour.
    issuer.publish(&[&issuer.key]);
    clock.advance(60);
    word(&issuer.key, 200, 8, "back again").await;
    issuer.behave(Manner::Broken);
    clock.advance(3600);
    word(&issuer.key, 503, 9, "away for an hour").await;
    server.finish().await;
}

#[tokio::test]
async fn every_algorithm_that_platforms_sign_with_is_taken() {
    let (clock, issuer, server, machine) = scene_by_clock().await;
    for algorithm in [
        Algorithm::ES256,
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::EdDSA,
    ] {
        let key = IssuerKey::of("its", algorithm);
        issuer.publish(&[&key]);
        clock.advance(3600);
        let answer = word(&server, &machine, &issuer, &key).await;
        assert_eq!(answer.status, 200, "{algorithm:?}: {answer}");
        // By another key of that kind, or by another algorithm of that name.
        let other = IssuerKey::of("its", algorithm);
        let answer = word(&server, &machine, &issuer, &other).await;
        answer.assert_error(400, "InvalidGrantException");
    }
    server.finish().await;
}

#[tokio::test]
async fn por_09_an_assertion_can_be_for_one_role_of_what_the_application_has() {
    let (issuer, server, machine) = scene().await;
    let assertion = issuer.sign(&issuer::claims(&issuer, &server));
    server.secrets().add(&assertion);
    let role = format!("sso:account:{SANDBOX}:ReadOnly");
    let members = json!({ "grantType": GRANT, "assertion": assertion, "scope": [role] });
    let tokens = machine.ask(&server, members).await;
    let tokens = tokens.assert_status(200).json();
    let (aws, token) = (server.aws(), text(&tokens, "accessToken"));
    aws.role_credentials(token, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    aws.role_credentials(token, SANDBOX, "Developer")
        .await
        .assert_error(403, "ForbiddenException");
    server.finish().await;
}

#[tokio::test]
async fn ssr_01_an_issuer_in_a_private_network_is_not_called_unless_the_operator_says_so() {
    let issuer = FakeIssuer::start().await;
    let server = server_trusting(trusting(&issuer, false), Attribute::UserName).await;
    let machine = Machine::new(&server).await;
    let answer = present(
        &server,
        &machine,
        &issuer.sign(&issuer::claims(&issuer, &server)),
    )
    .await;
    answer.assert_error(503, "InternalServerException");
    assert_eq!(issuer.asked(), 0, "nothing was connected to");
    server.finish().await;
    // By its address, which is not looked up.
    let mut trusted = TrustedIssuers::new(Arc::new(ManualClock::default()));
    let url = issuer.url.replace("localhost", "127.0.0.1");
    let fetch = Fetch::new(Vec::new(), false).expect("a way");
    trusted.trust(name(), &url, fetch).expect("an issuer");
    let server = server_trusting(trusted, Attribute::UserName).await;
    let machine = Machine::new(&server).await;
    let mut claims = issuer::claims(&issuer, &server);
    claims["iss"] = json!(url);
    let answer = present(&server, &machine, &issuer.sign(&claims)).await;
    answer.assert_error(503, "InternalServerException");
    assert_eq!(issuer.asked(), 0, "nothing was connected to");
    server.finish().await;
}

#[tokio::test]
async fn ssr_01_ssr_02_keys_in_a_private_network_and_redirects_are_not_followed() {
    let (issuer, other) = (FakeIssuer::start().await, FakeIssuer::start().await);
    for manner in [
        Manner::Redirect(format!("{}/keys", other.url)),
        Manner::KeysAt(format!("{}/keys", other.url.replace("https", "http"))),
    ] {
        let server = issuer::server(&issuer, Attribute::UserName).await;
        let machine = Machine::new(&server).await;
        issuer.behave(manner.clone());
        let answer = present(
            &server,
            &machine,
            &issuer.sign(&issuer::claims(&issuer, &server)),
        )
        .await;
        answer.assert_error(503, "InternalServerException");
        assert_eq!(other.asked(), 0, "{manner:?}");
        server.finish().await;
    }
}
