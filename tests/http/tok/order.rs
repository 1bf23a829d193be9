//! Who asks comes first, then what kind of grant, then the grant: an earlier failure hides all
//! later ones and spends nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, Code, DEVICE_CODE, Device, Tokens, client, redemption},
    http::Request,
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

/// A client with one live credential of each grant.
struct Grants {
    server: TestServer,
    client: Client,
    device: Device,
    code: Code,
    tokens: Tokens,
}

impl Grants {
    async fn alive() -> Self {
        let server = TestServer::start().await;
        let (client, code) = server.code().await;
        let earlier = server.code_for(&client).await;
        let tokens = Tokens::of(&server.aws().redeem(&client, &earlier).await);
        let device = server.aws().start_device(&client).await;
        let approved = server
            .browser_of("alice")
            .await
            .approve(&device.user_code)
            .await;
        approved.assert_status(303);
        Self {
            server,
            client,
            device,
            code,
            tokens,
        }
    }

    /// The members of a request of each grant, the client's own apart.
    fn bodies(&self) -> [Value; 3] {
        [
            redemption(&self.code),
            json!({ "grantType": DEVICE_CODE, "deviceCode": self.device.device_code }),
            json!({ "grantType": "refresh_token", "refreshToken": self.tokens.refresh_token() }),
        ]
    }

    /// That nothing was spent: each grant still gives tokens.
    async fn assert_unspent(&self) {
        assert_eq!(
            (
                self.server.rows().sessions(),
                self.server.rows().generation()
            ),
            (1, 1)
        );
        assert_eq!(
            (
                self.server.rows().live_sessions(),
                self.server.rows().device_state()
            ),
            (1, "approved".to_owned())
        );
        for body in self.bodies() {
            Tokens::of(&self.server.aws().create_token(self.client.with(body)).await);
        }
        assert_eq!(self.server.rows().sessions(), 3);
    }
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body.as_object_mut()
        .expect("an object")
        .insert(name.to_owned(), value);
    body
}

#[tokio::test]
async fn tok_01_without_client_credentials_it_is_no_request() {
    let grants = Grants::alive().await;
    let before = grants.server.rows().everything();
    for body in grants.bodies() {
        let whole = grants.client.with(body.clone());
        for absent in [json!(null), json!("")] {
            for name in ["clientId", "clientSecret"] {
                let refused = grants
                    .server
                    .aws()
                    .create_token(with(whole.clone(), name, absent.clone()))
                    .await;
                refused.assert_error(400, "InvalidRequestException");
            }
        }
        grants
            .server
            .aws()
            .create_token(body)
            .await
            .assert_error(400, "InvalidRequestException");
    }
    assert_eq!(grants.server.rows().everything(), before);
    grants.assert_unspent().await;
}

/// The AWS dialect knows no Basic credentials; what comes in the header is nobody's.
#[tokio::test]
async fn tok_02_basic_credentials_are_none_in_this_dialect() {
    let grants = Grants::alive().await;
    let good = STANDARD.encode(format!("{}:{}", grants.client.id, grants.client.secret));
    for body in grants.bodies() {
        for header in [
            format!("Basic {good}"),
            "Basic !".to_owned(),
            "Basic".to_owned(),
            format!("Basic {}", STANDARD.encode("no colon")),
        ] {
            let request = Request::post("/token")
                .header("Authorization", header)
                .json(&body);
            let refused = grants.server.send(request).await;
            refused.assert_error(400, "InvalidRequestException");
            assert_eq!(refused.header("www-authenticate"), None);
        }
    }
    grants.assert_unspent().await;
}

#[tokio::test]
async fn tok_03_a_wrong_client_secret_spends_nothing() {
    let grants = Grants::alive().await;
    let other = grants.server.aws().register_for_codes(REDIRECT_URI).await;
    let before = grants.server.rows().everything();
    let id = grants.client.id.clone();
    let cut = grants
        .client
        .secret
        .get(..grants.client.secret.len() - 1)
        .expect("a secret")
        .to_owned();
    for secret in [
        other.secret.clone(),
        id.clone(),
        "x".to_owned(),
        cut,
        format!("{}A", grants.client.secret),
    ] {
        let wrong = Client {
            id: id.clone(),
            secret,
        };
        for body in grants.bodies() {
            let refused = grants.server.aws().create_token(wrong.with(body)).await;
            refused.assert_error(401, "InvalidClientException");
        }
    }
    // Whoever it is comes before what is asked.
    let wrong = Client {
        id,
        secret: other.secret,
    };
    for grant in ["password", "REFRESH_TOKEN"] {
        let refused = grants
            .server
            .aws()
            .create_token(wrong.with(json!({ "grantType": grant })))
            .await;
        refused.assert_error(401, "InvalidClientException");
    }
    assert_eq!(grants.server.rows().everything(), before);
    grants.assert_unspent().await;
}

#[tokio::test]
async fn tok_04_a_grant_type_is_spelled_exactly() {
    let grants = Grants::alive().await;
    let before = grants.server.rows().everything();
    let send = async |body: Value| {
        grants
            .server
            .aws()
            .create_token(grants.client.with(body))
            .await
    };
    for body in grants.bodies() {
        let own = body
            .get("grantType")
            .and_then(Value::as_str)
            .expect("a grant type")
            .to_owned();
        for unknown in [
            own.to_uppercase(),
            format!(" {own}"),
            format!("{own} "),
            "device_code".to_owned(),
            "password".to_owned(),
            "client_credentials".to_owned(),
            "implicit".to_owned(),
            "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
            "urn:ietf:params:oauth:grant-type:token-exchange".to_owned(),
        ] {
            let refused = send(with(body.clone(), "grantType", json!(unknown))).await;
            refused.assert_error(400, "UnsupportedGrantTypeException");
        }
        for ill_formed in [
            json!(null),
            json!(""),
            json!(1),
            json!([own]),
            json!({}),
            json!(true),
        ] {
            let refused = send(with(body.clone(), "grantType", ill_formed)).await;
            refused.assert_error(400, "InvalidRequestException");
        }
    }
    assert_eq!(grants.server.rows().everything(), before);
    grants.assert_unspent().await;
}

#[tokio::test]
async fn tok_05_a_client_without_the_grant_spends_nothing() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let registration = |grants: Value| with(aws.code_client(&[REDIRECT_URI]), "grantTypes", grants);
    let codes = client(
        &aws.register_with(registration(json!(["authorization_code"])))
            .await,
    );
    let devices = client(&aws.register_with(registration(json!([DEVICE_CODE]))).await);
    let code = server.code_for(&codes).await;
    let device = aws.start_device(&devices).await;
    server
        .browser_of("alice")
        .await
        .approve(&device.user_code)
        .await
        .assert_status(303);
    let before = server.rows().everything();
    let device_body = json!({ "grantType": DEVICE_CODE, "deviceCode": device.device_code });
    let refresh_body = json!({ "grantType": "refresh_token", "refreshToken": "anything" });
    for (client, body) in [
        (&codes, device_body.clone()),
        (&codes, refresh_body.clone()),
        (&devices, redemption(&code)),
        (&devices, refresh_body),
        // What the client may not do is told before what is missing.
        (&codes, json!({ "grantType": DEVICE_CODE })),
    ] {
        let refused = aws.create_token(client.with(body)).await;
        refused.assert_error(400, "UnauthorizedClientException");
    }
    assert_eq!(server.rows().everything(), before);
    Tokens::of(&aws.redeem(&codes, &code).await);
    Tokens::of(&aws.create_token(devices.with(device_body)).await);
}

/// Settled: documented callers send members of two grants; only the named one counts.
#[tokio::test]
async fn tok_06_members_of_another_grant_are_left_aside_and_unspent() {
    let grants = Grants::alive().await;
    let all = json!({
        "code": grants.code.code,
        "redirectUri": grants.code.redirect_uri,
        "codeVerifier": grants.code.verifier,
        "deviceCode": grants.device.device_code,
        "refreshToken": grants.tokens.refresh_token(),
        "scope": [ACCOUNT_ACCESS],
    });
    let send = async |grant: &str| {
        let body = with(grants.client.with(all.clone()), "grantType", json!(grant));
        Tokens::of(&grants.server.aws().create_token(body).await)
    };
    let rows = grants.server.rows();
    send("refresh_token").await;
    assert_eq!((rows.sessions(), rows.generation()), (1, 2));
    assert_eq!(rows.device_state(), "approved");
    send(DEVICE_CODE).await;
    assert_eq!(
        (rows.sessions(), rows.device_state()),
        (2, "redeemed".to_owned())
    );
    let unspent = "SELECT count(*) FROM auth_codes WHERE sid IS NULL";
    assert_eq!(rows.count(unspent), 1);
    send("authorization_code").await;
    assert_eq!((rows.sessions(), rows.count(unspent)), (3, 0));
    assert_eq!(rows.live_sessions(), 3);
    // A refused grant does not fall back to another one that is there.
    let broken = with(all.clone(), "refreshToken", json!("broken"));
    let body = with(
        grants.client.with(broken),
        "grantType",
        json!("refresh_token"),
    );
    grants
        .server
        .aws()
        .create_token(body)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!((rows.sessions(), rows.live_sessions()), (3, 3));
}

#[tokio::test]
async fn tok_12_every_answer_has_the_members_that_clients_read() {
    let grants = Grants::alive().await;
    let check = |answer: &claviger_tests::http::Response| {
        answer.assert_status(200);
        assert_eq!(answer.member("tokenType"), "Bearer");
        assert!(answer.member("accessToken").starts_with("cva1."));
        assert!(answer.member("refreshToken").starts_with("cvr1."));
        let expires_in = answer.json().get("expiresIn").and_then(Value::as_i64);
        assert_eq!(expires_in, Some(3600), "{answer}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(
            answer.member("accessToken").len() <= 512 && answer.member("refreshToken").len() <= 512
        );
    };
    let mut refresh_token = grants.tokens.refresh_token().to_owned();
    for body in grants.bodies() {
        check(
            &grants
                .server
                .aws()
                .create_token(grants.client.with(body))
                .await,
        );
    }
    // Each refresh, whether it rotates or answers once more.
    for _ in 0..8 {
        let answer = grants
            .server
            .aws()
            .refresh(&grants.client, &refresh_token)
            .await;
        check(&answer);
        check(
            &grants
                .server
                .aws()
                .refresh(&grants.client, &refresh_token)
                .await,
        );
        refresh_token = answer.member("refreshToken");
    }
}

#[tokio::test]
async fn tok_12_a_client_without_scopes_has_a_long_access_token_and_no_refresh_token() {
    let server = TestServer::start().await;
    for scopes in [json!([]), json!(["sso-portal:*"])] {
        let body = json!({ "clientName": "old", "clientType": "public", "scopes": scopes });
        let client = client(&server.aws().register_with(body).await);
        let device = server.aws().start_device(&client).await;
        server
            .browser_of("alice")
            .await
            .approve(&device.user_code)
            .await
            .assert_status(303);
        let tokens = Tokens::of(&server.aws().poll(&client, &device).await);
        assert_eq!((tokens.refresh, tokens.expires_in), (None, 8 * 3600));
        server
            .aws()
            .list_accounts(&tokens.access)
            .await
            .assert_status(200);
    }
}
