//! Whole messages of sso-oidc, and the members of CreateToken as a table.

use claviger_model::{
    client::{ClientMetadata, ClientName, SigningAlgorithm},
    id::UserId,
    scope::ScopeSet,
    session::SessionOrigin,
    time::{Lifetime, Timestamp},
    user_code::UserCode,
};

use super::*;

fn body(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    String::from_utf8_lossy(response.body()).into_owned()
}

#[test]
fn register_client_answers_seconds_and_nulls() {
    let registered = Registered {
        client_id: "cvc1.x".into(),
        client_secret: Some("cvs1.y".into()),
        metadata: ClientMetadata {
            name: ClientName::parse("aws-cli").expect("a name"),
            dialect: Dialect::Aws,
            authentication: Authentication::Secret,
            id_token_alg: SigningAlgorithm::Es256,
            grant_types: Vec::new(),
            scopes: ScopeSet::default(),
            redirect_uris: Vec::new(),
        },
        issued_at: Timestamp::from_epoch_seconds(1_795_341_600),
        expires_at: Timestamp::from_epoch_seconds(1_803_117_600),
    };
    insta::assert_snapshot!(body(&encode_register_client(&registered)), @r#"{"authorizationEndpoint":null,"clientId":"cvc1.x","clientIdIssuedAt":1795341600,"clientSecret":"cvs1.y","clientSecretExpiresAt":1803117600,"tokenEndpoint":null}"#);
}

#[test]
fn start_device_authorization_answers_six_members() {
    let started = DeviceStarted {
        device_code: "cvd1.x".into(),
        user_code: UserCode::parse("KVQLCXPW").expect("a code"),
        verification_uri: "https://sso.example.org/device".into(),
        verification_uri_complete: "https://sso.example.org/device?user_code=KVQL-CXPW".into(),
        expires_in: Lifetime::seconds(600),
        interval: Lifetime::seconds(1),
    };
    insta::assert_snapshot!(body(&encode_start_device_authorization(&started)), @r#"{"deviceCode":"cvd1.x","expiresIn":600,"interval":1,"userCode":"KVQL-CXPW","verificationUri":"https://sso.example.org/device","verificationUriComplete":"https://sso.example.org/device?user_code=KVQL-CXPW"}"#);
}

#[test]
fn tok_12_create_token_answers_whole_seconds_and_all_members() {
    let issued = |refresh_token| Issued {
        access_token: "cva1.x".into(),
        expires_in: Lifetime::seconds(3600),
        refresh_token,
        scopes: ScopeSet::default(),
        exchanged: false,
        origin: SessionOrigin::Device,
        id_token_alg: SigningAlgorithm::Es256,
        user_id: UserId::from_bytes([1; 16]),
        auth_time: Timestamp::from_epoch_seconds(0),
        nonce: None,
        person: None,
    };
    insta::assert_snapshot!(body(&encode_create_token(&issued(Some("cvr1.y".into())))), @r#"{"accessToken":"cva1.x","expiresIn":3600,"idToken":null,"refreshToken":"cvr1.y","tokenType":"Bearer"}"#);
    insta::assert_snapshot!(body(&encode_create_token(&issued(None))), @r#"{"accessToken":"cva1.x","expiresIn":3600,"idToken":null,"refreshToken":null,"tokenType":"Bearer"}"#);
}

#[test]
fn the_nine_parameters_missing_null_empty_and_of_wrong_type() {
    let whole = json!({
        "clientId": "i", "clientSecret": "s", "grantType": "refresh_token", "deviceCode": "d",
        "code": "c", "refreshToken": "r", "scope": ["a"], "redirectUri": "u", "codeVerifier": "v",
    });
    let required = ["clientId", "clientSecret", "grantType"];
    for name in whole.as_object().expect("object").keys() {
        let with = |value: Option<serde_json::Value>| {
            let mut altered = whole.clone();
            let members = altered.as_object_mut().expect("object");
            match value {
                Some(value) => members.insert(name.clone(), value),
                None => members.remove(name),
            };
            decode_create_token(altered.to_string().as_bytes())
        };
        for absent in [None, Some(json!(null)), Some(json!(""))] {
            let decoded = with(absent.clone());
            assert_eq!(
                decoded.is_err(),
                required.contains(&name.as_str()),
                "{name} {absent:?}"
            );
        }
        for wrong in [
            json!(1),
            json!(true),
            json!({}),
            json!([1]),
            json!("x\u{0}"),
        ] {
            let decoded = with(Some(wrong.clone()));
            assert!(decoded.is_err(), "{name} {wrong}");
        }
        let list_where_text = with(Some(json!(["a"])));
        assert_eq!(list_where_text.is_ok(), name == "scope", "{name}");
    }
    assert!(decode_create_token(whole.to_string().as_bytes()).is_ok());
}

#[test]
fn reg_02_only_public_clients_register() {
    let with = |kind: &str| format!(r#"{{"clientName":"x","clientType":"{kind}"}}"#);
    assert!(decode_register_client(with("public").as_bytes()).is_ok());
    assert!(decode_register_client(with("confidential").as_bytes()).is_err());
    assert!(decode_register_client(br#"{"clientName":"x"}"#).is_err());
}

#[test]
fn htp_06_unknown_members_are_ignored() {
    let body = br#"{"clientName":"x","clientType":"public","logoUri":"http://evil","n":{"a":[1]}}"#;
    assert!(decode_register_client(body).is_ok());
}

#[test]
fn sig_01_only_the_exact_spelling_chooses_the_signed_call() {
    assert_eq!(aws_iam(None), AwsIam::Absent);
    assert_eq!(aws_iam(Some("x=1")), AwsIam::Absent);
    assert_eq!(aws_iam(Some("aws_iam=t")), AwsIam::Exact);
    for other in [
        "aws_iam",
        "aws_iam=true",
        "aws_iam=t&x=1",
        "aws_iam=t&aws_iam=t",
        "aws%5Fiam=t",
        "AWS_IAM=t",
        "aws_iam=",
        "a&aws_iam=t",
    ] {
        assert_eq!(aws_iam(Some(other)), AwsIam::Misspelled, "{other}");
    }
}
