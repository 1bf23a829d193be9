//! The toy STS: what it mints, and whom it recognises.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use claviger_model::{credentials::RoleCredentials, port::clock::Clock, secret::Secret};
use claviger_sts::{target::Target, toy::ToySts};
use http::{HeaderMap, HeaderName, Method, Response, Uri};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::{
    fake_sts::read_request,
    fixture::{CountingEntropy, HandClock, NOW, SystemClock, request},
};

const CALLER: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";
const PATH: &str = "/_dev/sts/";

fn toy(clock: Arc<dyn Clock>) -> Arc<ToySts> {
    Arc::new(ToySts::new(Arc::<CountingEntropy>::default(), clock))
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

/// Headers that sign the request as every SDK does.
pub(crate) fn signed(
    credentials: &RoleCredentials,
    method: &Method,
    target: &str,
    body: &[u8],
    at: i64,
) -> HeaderMap {
    let identity = Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.reveal(),
        Some(credentials.session_token.reveal().to_owned()),
        None,
        "test",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("sts")
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(at.try_into().unwrap()))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let mut all = headers(&[
        ("host", "127.0.0.1:8400"),
        ("content-type", "application/x-www-form-urlencoded"),
    ]);
    let given = all.clone();
    let pairs = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let signable =
        SignableRequest::new(method.as_str(), target, pairs, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        all.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    all.insert("user-agent", "added later".parse().unwrap());
    all
}

fn post(toy: &ToySts, headers: &HeaderMap, body: &[u8]) -> (u16, String) {
    told(toy.answer(&Method::POST, &Uri::from_static(PATH), headers, body))
}

fn told(response: Response<Vec<u8>>) -> (u16, String) {
    assert_eq!(response.headers()["content-type"], "text/xml");
    let status = response.status().as_u16();
    (status, String::from_utf8(response.into_body()).unwrap())
}

fn assert_fault(answer: &(u16, String), status: u16, code: &str) {
    assert_eq!(answer.0, status, "{}", answer.1);
    assert!(
        answer.1.contains(&format!("<Code>{code}</Code>")),
        "{}",
        answer.1
    );
}

#[tokio::test]
async fn keys_look_like_those_of_aws() {
    let toy = toy(HandClock::at(NOW));
    let first = toy.assume(&request(1, 1)).await.unwrap();
    let second = toy.assume(&request(1, 1)).await.unwrap();
    let id = first.access_key_id.strip_prefix("ASIA").unwrap();
    assert_eq!(id.len(), 16);
    assert!(
        id.bytes()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')),
        "{id}"
    );
    assert_eq!(first.secret_access_key.reveal().len(), 40);
    assert_eq!(first.expiration.epoch_seconds(), NOW + 3600);
    assert_ne!(first.access_key_id, second.access_key_id);
    assert_ne!(first.secret_access_key, second.secret_access_key);
    assert_ne!(first.session_token, second.session_token);
}

#[tokio::test]
async fn get_caller_identity_answers_as_aws_does() {
    let toy = toy(HandClock::at(NOW));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let headers = signed(&credentials, &Method::POST, PATH, CALLER, NOW);
    let (status, body) = post(&toy, &headers, CALLER);
    assert_eq!(status, 200, "{body}");
    let line = |element: &str| {
        let start = body.find(&format!("<{element}>")).unwrap() + element.len() + 2;
        let end = body.find(&format!("</{element}>")).unwrap();
        body[start..end].to_owned()
    };
    assert_eq!(
        line("Arn"),
        "arn:aws:sts::111122223333:assumed-role/DeveloperRole/alice"
    );
    assert_eq!(line("Account"), "111122223333");
    let user = line("UserId");
    assert!(
        user.starts_with("AROA") && user.ends_with(":alice") && user.len() == 27,
        "{user}"
    );
    assert_eq!(line("RequestId").len(), 36);
    assert!(body.starts_with(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <GetCallerIdentityResult>"
    ));
}

#[tokio::test]
async fn paths_are_verified_as_received() {
    let toy = toy(HandClock::at(NOW));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    for target in [
        "/",
        "/_dev/sts",
        "/_dev/sts/",
        "/a%20b/%C3%A9/",
        "/x//y/../z",
    ] {
        let headers = signed(&credentials, &Method::POST, target, CALLER, NOW);
        let uri = target.parse().unwrap();
        let (status, body) = told(toy.answer(&Method::POST, &uri, &headers, CALLER));
        assert_eq!(status, 200, "{target}: {body}");
        let other = "/elsewhere".parse().unwrap();
        let answer = told(toy.answer(&Method::POST, &other, &headers, CALLER));
        assert_fault(&answer, 403, "SignatureDoesNotMatch");
    }
}

#[tokio::test]
async fn the_query_string_may_bear_the_action() {
    let toy = toy(HandClock::at(NOW));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let target = "/_dev/sts?Version=2011-06-15&Action=GetCallerIdentity";
    let headers = signed(&credentials, &Method::GET, target, b"", NOW);
    let answer = told(toy.answer(&Method::GET, &target.parse().unwrap(), &headers, b""));
    assert_eq!(answer.0, 200, "{}", answer.1);
}

#[tokio::test]
async fn what_was_changed_after_signing_does_not_match() {
    let toy = toy(HandClock::at(NOW));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let genuine = signed(&credentials, &Method::POST, PATH, CALLER, NOW);

    let longer = [CALLER, b"&More=1"].concat();
    assert_fault(&post(&toy, &genuine, &longer), 403, "SignatureDoesNotMatch");

    for name in ["host", "content-type"] {
        let mut headers = genuine.clone();
        headers.insert(name, "changed".parse().unwrap());
        assert_fault(&post(&toy, &headers, CALLER), 403, "SignatureDoesNotMatch");
        headers.remove(name);
        assert_fault(&post(&toy, &headers, CALLER), 403, "SignatureDoesNotMatch");
    }

    let mut wrong = credentials.clone();
    wrong.secret_access_key = Secret::from("another");
    let headers = signed(&wrong, &Method::POST, PATH, CALLER, NOW);
    assert_fault(&post(&toy, &headers, CALLER), 403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn keys_and_tokens_must_be_of_the_toys_own_making() {
    let toy = toy(HandClock::at(NOW));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let mut unknown = credentials.clone();
    unknown.access_key_id = "ASIAABCDEFGHIJKLMNOP".to_owned();
    let mut mixed = credentials.clone();
    mixed.session_token = toy.assume(&request(1, 1)).await.unwrap().session_token;
    for stranger in [unknown, mixed] {
        let headers = signed(&stranger, &Method::POST, PATH, CALLER, NOW);
        assert_fault(&post(&toy, &headers, CALLER), 403, "InvalidClientTokenId");
    }
    let mut headers = signed(&credentials, &Method::POST, PATH, CALLER, NOW);
    headers.remove("x-amz-security-token");
    assert_fault(&post(&toy, &headers, CALLER), 403, "InvalidClientTokenId");
}

#[tokio::test]
async fn time_is_told_apart() {
    let clock = HandClock::at(NOW);
    let toy = toy(clock.clone());
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let early = signed(&credentials, &Method::POST, PATH, CALLER, NOW);
    clock.advance(16 * 60);
    assert_fault(&post(&toy, &early, CALLER), 403, "SignatureDoesNotMatch");

    clock.advance(3600);
    let late = signed(
        &credentials,
        &Method::POST,
        PATH,
        CALLER,
        NOW + 3600 + 16 * 60,
    );
    assert_fault(&post(&toy, &late, CALLER), 403, "ExpiredToken");
}

#[tokio::test]
async fn what_is_not_get_caller_identity_is_refused() {
    let toy = toy(HandClock::at(NOW));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    for (body, code) in [
        (
            &b"Action=AssumeRole&Version=2011-06-15"[..],
            "InvalidAction",
        ),
        (
            b"Action=GetCallerIdentity&Version=2000-01-01",
            "InvalidAction",
        ),
        (b"Action=<script>&Version=2011-06-15", "InvalidAction"),
        (b"", "MissingAction"),
    ] {
        let headers = signed(&credentials, &Method::POST, PATH, body, NOW);
        let answer = post(&toy, &headers, body);
        assert_fault(&answer, 400, code);
        assert!(!answer.1.contains("<script>"), "{}", answer.1);
    }
}

#[tokio::test]
async fn unsigned_requests_are_refused() {
    let toy = toy(HandClock::at(NOW));
    assert_fault(
        &post(&toy, &HeaderMap::new(), CALLER),
        403,
        "MissingAuthenticationToken",
    );
    let broken = headers(&[
        ("host", "a"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=x"),
    ]);
    assert_fault(&post(&toy, &broken, CALLER), 400, "IncompleteSignature");
}

#[tokio::test]
async fn the_official_client_learns_who_it_is() {
    let toy = toy(Arc::new(SystemClock));
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/_dev/sts", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let heard = read_request(&mut connection).await.unwrap();
            let mut lines = heard.head.lines();
            let mut words = lines.next().unwrap().split(' ');
            let method: Method = words.next().unwrap().parse().unwrap();
            let uri: Uri = words.next().unwrap().parse().unwrap();
            let pairs: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
            let answer = toy.answer(&method, &uri, &headers(&pairs), heard.body.as_bytes());
            let head = format!(
                "HTTP/1.1 {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.status(),
                answer.body().len()
            );
            connection.write_all(head.as_bytes()).await.unwrap();
            connection.write_all(answer.body()).await.unwrap();
        }
    });
    let identity = official_client(&url, &credentials)
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::111122223333:assumed-role/DeveloperRole/alice")
    );

    let mut forged = credentials;
    forged.secret_access_key = Secret::from("another");
    let refused = official_client(&url, &forged)
        .get_caller_identity()
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        aws_sdk_sts::error::ProvideErrorMetadata::code(&refused),
        Some("SignatureDoesNotMatch")
    );
}

fn official_client(url: &str, credentials: &RoleCredentials) -> aws_sdk_sts::Client {
    let configuration = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new("us-east-1"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .credentials_provider(Credentials::new(
            &credentials.access_key_id,
            credentials.secret_access_key.reveal(),
            Some(credentials.session_token.reveal().to_owned()),
            None,
            "test",
        ))
        .build();
    aws_sdk_sts::Client::from_conf(configuration)
}
