//! AssumeRole through the official client against a scripted STS.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    port::credential_source::{CredentialSource, NotIssued},
    secret::Secret,
    time::{Lifetime, Timestamp},
};
use claviger_sts::{
    assume_role::{AssumeRole, Identity, Settings},
    session_name::session_name,
    target::Target,
};

use crate::{
    fake_sts::{
        FakeSts, REQUEST_ID, Script, assumed, assumed_and_broken, assumed_at_length,
        assumed_with_web_identity, fault,
    },
    fixture::{HandClock, NOW, Word, request, targets},
};

fn settings(sts: &FakeSts) -> Settings {
    Settings {
        endpoint: Some(sts.url.clone()),
        identity: Identity::Key("AKIAOURS".to_owned(), Secret::from("our-secret")),
        timeout: Duration::from_millis(500),
        ..Settings::of_region("eu-central-1")
    }
}

async fn connect(settings: Settings) -> AssumeRole {
    AssumeRole::connect(settings, Arc::new(Word)).await.unwrap()
}

/// Asks an STS that plays `script`, through everything that stands before it.
async fn ask(script: Script) -> (Result<RoleCredentials, NotIssued>, FakeSts) {
    let sts = FakeSts::playing(script).await;
    let target = Arc::new(connect(settings(&sts)).await);
    let targets = targets(target, &HandClock::at(NOW));
    let begun = Instant::now();
    let outcome = targets.issue(&request(1, 1)).await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "por_10: within 8 s"
    );
    (outcome, sts)
}

async fn form(
    request: &CredentialRequest,
    settings: impl FnOnce(&mut Settings),
) -> BTreeMap<String, String> {
    let sts = FakeSts::playing(assumed()).await;
    let mut chosen = self::settings(&sts);
    settings(&mut chosen);
    let target = connect(chosen).await;
    target.assume(request).await.unwrap();
    let heard = sts.heard();
    assert_eq!(heard.len(), 1);
    let fields: Vec<(String, String)> = form_urlencoded::parse(heard[0].body.as_bytes())
        .into_owned()
        .collect();
    let count = fields.len();
    let form: BTreeMap<_, _> = fields.into_iter().collect();
    assert_eq!(form.len(), count, "no field twice");
    form
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn credentials_arrive_whole() {
    let (outcome, sts) = ask(assumed()).await;
    let credentials = outcome.unwrap();
    assert_eq!(credentials.access_key_id, "ASIAEXAMPLE");
    assert_eq!(credentials.secret_access_key.reveal(), "the-secret");
    assert_eq!(credentials.session_token.reveal(), "the-token");
    assert_eq!(
        credentials.expiration,
        Timestamp::from_epoch_seconds(NOW + 3600)
    );
    let head = &sts.heard()[0].head;
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Credential=AKIAOURS/"), "{head}");
    assert!(head.contains("/eu-central-1/sts/aws4_request"), "{head}");
}

#[tokio::test]
async fn por_09_a_session_policy_is_told_to_the_sts() {
    let mut request = request(1, 1);
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    request.policy_arn = Some(arn.to_owned());
    let form = form(&request, |_| {}).await;
    assert_eq!(
        form.get("PolicyArns.member.1.arn").map(String::as_str),
        Some(arn)
    );
    assert!(!form.contains_key("PolicyArns.member.2.arn"));
}

#[tokio::test]
async fn por_07_the_form_has_exactly_our_fields() {
    let mut request = request(1, 1);
    request.user_name = "x&DurationSeconds=43200&Policy={}".to_owned();
    let name = session_name(&request);
    let form = form(&request, |settings| {
        settings.external_id = Some("shared & secret".to_owned());
    })
    .await;
    assert_eq!(
        form,
        expected(&[
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &request.role_arn),
            ("RoleSessionName", &name),
            ("SourceIdentity", &name),
            ("DurationSeconds", "3600"),
            ("ExternalId", "shared & secret"),
            ("Tags.member.1.Key", "claviger-user"),
            ("Tags.member.1.Value", &name),
            ("Tags.member.2.Key", "claviger-account"),
            ("Tags.member.2.Value", "111122223333"),
            ("Tags.member.3.Key", "claviger-role"),
            ("Tags.member.3.Value", "Developer"),
        ])
    );
}

#[tokio::test]
async fn source_identity_and_tags_can_be_switched_off() {
    let mut request = request(1, 1);
    request.duration = Lifetime::minutes(15);
    let form = form(&request, |settings| {
        settings.source_identity = false;
        settings.session_tags = false;
    })
    .await;
    assert_eq!(
        form,
        expected(&[
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &request.role_arn),
            ("RoleSessionName", "alice"),
            ("DurationSeconds", "900"),
        ])
    );
}

#[tokio::test]
async fn por_15_each_target_sends_its_own_external_id() {
    for id in ["first", "second"] {
        let form = form(&request(1, 1), |settings| {
            settings.external_id = Some(id.to_owned());
        })
        .await;
        assert_eq!(form["ExternalId"], id);
    }
}

#[tokio::test]
async fn por_10_access_denied_and_faulty_roles_are_refused() {
    for (status, code) in [
        (403, "AccessDenied"),
        (400, "ValidationError"),
        (403, "RegionDisabledException"),
    ] {
        let (outcome, sts) = ask(fault(status, code)).await;
        let Err(NotIssued::Refused { detail }) = outcome else {
            panic!("{code}: {outcome:?}");
        };
        assert!(
            detail.contains(code) && detail.contains("words of the STS"),
            "{detail}"
        );
        assert!(detail.contains(REQUEST_ID), "{detail}");
        assert_eq!(sts.heard().len(), 1, "not retried");
    }
}

#[tokio::test]
async fn por_10_throttling_is_throttled_after_one_retry() {
    for (status, code) in [(400, "Throttling"), (429, "Whatever"), (503, "SlowDown")] {
        let (outcome, sts) = ask(fault(status, code)).await;
        assert!(
            matches!(outcome, Err(NotIssued::Throttled { .. })),
            "{code}: {outcome:?}"
        );
        assert!(sts.heard().len() <= 2);
    }
}

#[tokio::test]
async fn por_10_trouble_of_every_kind_is_unavailable() {
    let page = |status| Script::Answer(status, "<html><h1>Proxy</h1></html>".to_owned());
    let scripts = [
        fault(500, "InternalFailure"),
        fault(403, "ExpiredToken"),
        fault(403, "SignatureDoesNotMatch"),
        Script::Answer(200, "<AssumeRoleResponse><Assume".to_owned()),
        Script::Answer(200, String::new()),
        Script::Answer(200, r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>"#.to_owned()),
        page(200),
        page(403),
        page(502),
        Script::Hang,
        Script::Reset,
        assumed_at_length(),
        assumed_and_broken(),
    ];
    for script in scripts {
        let told: String = format!("{script:?}").chars().take(200).collect();
        let (outcome, sts) = ask(script).await;
        let Err(NotIssued::Unavailable { detail }) = outcome else {
            panic!("{told}: {outcome:?}");
        };
        for secret in ["our-secret", "the-secret", "the-token"] {
            assert!(!detail.contains(secret), "{detail}");
        }
        assert!(
            (1..=2).contains(&sts.heard().len()),
            "{told}: one retry at most"
        );
    }
}

#[tokio::test]
async fn por_10_an_unreachable_sts_is_unavailable() {
    let mut settings = settings(&FakeSts::playing(assumed()).await);
    settings.endpoint = Some("http://127.0.0.1:1".to_owned());
    let target = connect(settings).await;
    let outcome = target.assume(&request(1, 1)).await;
    assert!(
        matches!(outcome, Err(NotIssued::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn ssr_02_redirects_are_not_followed() {
    let inner = FakeSts::playing(assumed()).await;
    let (outcome, _) = ask(Script::Redirect(inner.url.clone())).await;
    assert!(
        matches!(outcome, Err(NotIssued::Unavailable { .. })),
        "{outcome:?}"
    );
    assert!(inner.heard().is_empty());
}

/// Asks by a web identity; what the STS heard.
async fn ask_by_web_identity(
    change: impl FnOnce(&mut Settings),
) -> (BTreeMap<String, String>, String) {
    let sts = FakeSts::playing(assumed_with_web_identity()).await;
    let mut settings = settings(&sts);
    settings.identity = Identity::Web {
        audience: "sts.amazonaws.com".to_owned(),
    };
    change(&mut settings);
    let credentials = connect(settings)
        .await
        .assume(&request(1, 1))
        .await
        .unwrap();
    assert_eq!(credentials.access_key_id, "ASIAEXAMPLE");
    let heard = sts.heard();
    assert_eq!(heard.len(), 1);
    let form = form_urlencoded::parse(heard[0].body.as_bytes())
        .into_owned()
        .collect();
    (form, heard[0].head.to_lowercase())
}

#[tokio::test]
async fn with_a_web_identity_the_call_is_unsigned_and_the_token_says_the_rest() {
    let (form, head) = ask_by_web_identity(|_| {}).await;
    let request = request(1, 1);
    let name = session_name(&request);
    // `Word` writes down what it is asked to sign.
    let token = format!(
        "aud=sts.amazonaws.com sub={} source={name} claviger-user={name} \
         claviger-account=111122223333 claviger-role=Developer",
        request.user_id
    );
    assert_eq!(
        form,
        expected(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &request.role_arn),
            ("RoleSessionName", &name),
            ("DurationSeconds", "3600"),
            ("WebIdentityToken", &token),
        ])
    );
    assert!(!head.contains("authorization"), "{head}");
    assert!(!head.contains("x-amz-security-token"), "{head}");
}

#[tokio::test]
async fn a_web_identity_says_no_more_than_the_target_wants() {
    let (form, _) = ask_by_web_identity(|settings| {
        settings.source_identity = false;
        settings.session_tags = false;
    })
    .await;
    let token = format!(
        "aud=sts.amazonaws.com sub={} source=",
        request(1, 1).user_id
    );
    assert_eq!(form.get("WebIdentityToken"), Some(&token));
}

#[tokio::test]
async fn a_provider_that_the_sts_does_not_know_is_our_trouble_and_not_the_persons() {
    for (code, hint) in [
        ("InvalidIdentityToken", "audience"),
        ("IDPCommunicationError", "/jwks"),
    ] {
        let sts = FakeSts::playing(fault(400, code)).await;
        let mut settings = settings(&sts);
        settings.identity = Identity::Web {
            audience: "another".to_owned(),
        };
        let outcome = connect(settings).await.assume(&request(1, 1)).await;
        let Err(NotIssued::Unavailable { detail }) = outcome else {
            panic!("{code}: {outcome:?}");
        };
        assert!(detail.contains(hint), "{detail}");
    }
}
