//! What an application gets by a code and a refresh token, and what it does not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use claviger_engine::admin;
use claviger_model::{id::UserId, port::web_identity::Statement};
use claviger_tests::{TestServer, aws::Tokens, evidence::Evidence, http::Request, seed::SANDBOX};
use claviger_wire::jose::{self, Signature};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use super::machine::{Machine, server, text};

#[tokio::test]
async fn an_application_redeems_a_code_and_refreshes_it() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    assert_eq!(text(&first, "tokenType"), "Bearer");
    assert_eq!(first["expiresIn"], 3600);
    assert_eq!(
        text(&first, "issuedTokenType"),
        "urn:ietf:params:oauth:token-type:access_token"
    );
    assert_eq!(
        first["scope"],
        json!(["sso:account:access", "openid", "aws"])
    );
    assert_eq!(
        first["awsAdditionalDetails"],
        json!({ "identityContext": null })
    );
    let credentials = server
        .aws()
        .role_credentials(text(&first, "accessToken"), SANDBOX, "Developer")
        .await;
    credentials.assert_status(200);
    server.clock.advance(1);
    let refresh = |token: &str| json!({ "grantType": "refresh_token", "refreshToken": token });
    let second = machine
        .ask(&server, refresh(text(&first, "refreshToken")))
        .await;
    let second = second.assert_status(200).json();
    assert_ne!(text(&first, "refreshToken"), text(&second, "refreshToken"));
    server
        .aws()
        .list_accounts(text(&second, "accessToken"))
        .await
        .assert_status(200);
    // Less, when less is asked for; never more.
    server.clock.advance(1);
    let mut less = refresh(text(&second, "refreshToken"));
    less["scope"] = json!(["aws"]);
    let less = machine.ask(&server, less).await.assert_status(200).json();
    assert_eq!(less["scope"], json!(["aws"]));
    assert_eq!(less["idToken"], Value::Null);
    server
        .aws()
        .list_accounts(text(&less, "accessToken"))
        .await
        .assert_error(403, "ForbiddenException");
    let mut more = refresh(text(&less, "refreshToken"));
    more["scope"] = json!(["sso:account:access", "codewhisperer:completions"]);
    machine
        .ask(&server, more)
        .await
        .assert_error(400, "InvalidScopeException");
    server.finish().await;
}

#[tokio::test]
async fn an_id_token_tells_who_it_is_about_and_verifies_by_what_is_published() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let told = server.send(Request::get("/jwks")).await;
    let keys: JwkSet = serde_json::from_value(told.assert_status(200).json()).expect("keys");
    let token = text(&first, "idToken");
    let kid = decode_header(token)
        .expect("a header")
        .kid
        .expect("a key id");
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("the key")).expect("a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.set_audience(&[&machine.client_id]);
    validation.set_issuer(&[server.context.links.issuer()]);
    let claims: Value = decode(token, &key, &validation)
        .expect("a good token")
        .claims;
    let now = server.context.now().epoch_seconds();
    assert_eq!(
        (&claims["iat"], &claims["exp"]),
        (&json!(now), &json!(now + 3600))
    );
    assert_eq!(claims["auth_time"], json!(now));
    let people = admin::user::list(&server.context).await.expect("people");
    let alice = people
        .iter()
        .find(|user| user.name.as_str() == "alice")
        .expect("alice");
    assert_eq!(text(&claims, "sub"), alice.id.to_string());
    // What signs for targets signs nothing else.
    let signing = server.context.keys.signing(server.context.now());
    let statement = Statement {
        audience: "sts.amazonaws.com",
        user_id: UserId::from_bytes([7; 16]),
        source_identity: None,
        tags: vec![],
    };
    let by = Signature {
        issuer: server.context.links.issuer(),
        now: server.context.now(),
        id: server.context.request_id(),
    };
    let web_identity = jose::sign(&signing.web_identity, &statement, &by).expect("a token");
    let header = decode_header(web_identity.reveal()).expect("a header");
    assert_ne!(header.kid, Some(kid));
    server.finish().await;
}

#[tokio::test]
async fn an_applications_code_is_no_clients_and_a_clients_no_applications() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let code = server.code_for(&machine.client()).await;
    let (client, own) = server.code().await;
    let aws = server.aws();
    aws.redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    let ask = |code: &claviger_tests::aws::Code| {
        json!({
            "grantType": "authorization_code",
            "code": code.code,
            "redirectUri": code.redirect_uri,
            "codeVerifier": code.verifier,
        })
    };
    machine
        .ask(&server, ask(&own))
        .await
        .assert_error(400, "InvalidGrantException");
    let mut wrong = ask(&code);
    wrong["codeVerifier"] = json!("x".repeat(43));
    machine
        .ask(&server, wrong)
        .await
        .assert_error(400, "InvalidGrantException");
    machine.ask(&server, ask(&code)).await.assert_status(200);
    let tokens = Tokens::of(&aws.redeem(&client, &own).await);
    let refresh = json!({ "grantType": "refresh_token", "refreshToken": tokens.refresh_token() });
    machine
        .ask(&server, refresh)
        .await
        .assert_error(400, "InvalidGrantException");
    server.finish().await;
}

#[tokio::test]
async fn grants_that_are_not_offered_or_not_given_are_refused() {
    let server = claviger_tests::TestServer::builder()
        .policy(|policy| {
            let mut application = claviger_tests::seed::application();
            application.metadata.grant_types =
                vec![claviger_model::client::GrantType::AuthorizationCode];
            policy.applications.push(application);
        })
        .start()
        .await;
    let machine = Machine::new(&server).await;
    for (grant, exception) in [
        (
            "urn:ietf:params:oauth:grant-type:device_code",
            "UnsupportedGrantTypeException",
        ),
        ("password", "UnsupportedGrantTypeException"),
        ("refresh_token", "UnauthorizedClientException"),
        (
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "UnauthorizedClientException",
        ),
        (
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "UnauthorizedClientException",
        ),
    ] {
        let answer = machine.ask(&server, json!({ "grantType": grant })).await;
        answer.assert_error(400, exception);
    }
    let first = machine.sign_in(&server).await;
    assert_eq!(first["refreshToken"], Value::Null, "it may not refresh");
    // Nobody registers such a grant, nor uses it without a signature.
    for grant in ["jwt-bearer", "token-exchange"] {
        let grant = format!("urn:ietf:params:oauth:grant-type:{grant}");
        let members = json!({ "clientName": "x", "clientType": "public", "grantTypes": [grant] });
        let answer = server
            .send(Request::post("/client/register").json(&members))
            .await;
        answer.assert_error(400, "UnsupportedGrantTypeException");
        let client = server.aws().register().await;
        let members =
            client.with(json!({ "grantType": grant, "assertion": "x", "subjectToken": "x" }));
        let answer = server.send(Request::post("/token").json(&members)).await;
        answer.assert_error(400, "UnsupportedGrantTypeException");
    }
    server.finish().await;
}

#[tokio::test]
async fn reg_12_an_application_that_is_denied_is_refused_and_its_sessions_end() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let first = machine.sign_in(&server).await;
    let ended = admin::client::deny(&server.context, &machine.client_id, "stolen").await;
    assert_eq!(ended.expect("denied"), 1);
    server
        .aws()
        .list_accounts(text(&first, "accessToken"))
        .await
        .assert_error(401, "UnauthorizedException");
    server.clock.advance(1);
    let refresh =
        json!({ "grantType": "refresh_token", "refreshToken": text(&first, "refreshToken") });
    machine
        .ask(&server, refresh)
        .await
        .assert_error(401, "InvalidClientException");
    server.finish().await;
}

#[tokio::test]
async fn por_09_an_application_is_not_rid_of_its_limits_by_asking_for_less() {
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let server = claviger_tests::TestServer::builder()
        .policy(|policy| {
            policy
                .session_policies
                .insert("read-only".to_owned(), arn.to_owned());
            let mut application = claviger_tests::seed::application();
            let scopes = [
                "sso:account:access",
                "sso:policy:read-only",
                "sso:minutes:30",
            ];
            application.metadata.scopes =
                claviger_model::scope::ScopeSet::parse(scopes).expect("scopes");
            policy.applications.push(application);
        })
        .start()
        .await;
    let machine = Machine::new(&server).await;
    // `code_for` asks for sso:account:access alone.
    let code = server.code_for(&machine.client()).await;
    let redeem = json!({
        "grantType": "authorization_code",
        "code": code.code,
        "redirectUri": code.redirect_uri,
        "codeVerifier": code.verifier,
        "scope": ["sso:account:access"],
    });
    let first = machine.ask(&server, redeem).await.assert_status(200).json();
    assert_eq!(first["expiresIn"], 1800);
    server.clock.advance(1);
    let exchange = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subjectToken": text(&first, "accessToken"),
        "subjectTokenType": "urn:ietf:params:oauth:token-type:access_token",
        "scope": ["sso:account:access"],
    });
    let child = machine
        .ask(&server, exchange.clone())
        .await
        .assert_status(200)
        .json();
    for token in [text(&first, "accessToken"), text(&child, "accessToken")] {
        let drawn = server
            .aws()
            .role_credentials(token, SANDBOX, "Developer")
            .await;
        drawn.assert_status(200);
        let asked = server.credentials.requests();
        assert_eq!(
            asked.last().expect("a request").policy_arn.as_deref(),
            Some(arn)
        );
    }
    // More scopes than a session can hold are refused, not stored.
    let mut many = exchange.clone();
    let roles = (0..25).map(|number| format!("sso:account:{SANDBOX}:R{number}"));
    many["scope"] = json!(roles.collect::<Vec<_>>());
    machine
        .ask(&server, many)
        .await
        .assert_error(400, "InvalidScopeException");
    let mut unknown = exchange;
    unknown["scope"] = json!(["sso:account:access", "sso:policy:other"]);
    machine
        .ask(&server, unknown)
        .await
        .assert_error(400, "InvalidScopeException");
    server.finish().await;
}

#[tokio::test]
async fn res_10_machines_make_room_among_their_own_and_never_end_what_they_came_from() {
    let server = claviger_tests::TestServer::builder()
        .policy(|policy| {
            policy
                .applications
                .push(claviger_tests::seed::application());
            policy.limits.sessions_per_user = 2;
        })
        .start()
        .await;
    let machine = Machine::new(&server).await;
    let person = server.signed_in_device().await;
    let first = machine.sign_in(&server).await;
    let mut children = Vec::new();
    for _ in 0..3 {
        server.clock.advance(1);
        let exchange = json!({
            "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subjectToken": text(&first, "accessToken"),
            "subjectTokenType": "urn:ietf:params:oauth:token-type:access_token",
        });
        let child = machine
            .ask(&server, exchange)
            .await
            .assert_status(200)
            .json();
        children.push(text(&child, "accessToken").to_owned());
    }
    let aws = server.aws();
    for alive in [
        &person.tokens.access,
        text(&first, "accessToken"),
        &children[1],
        &children[2],
    ] {
        aws.list_accounts(alive).await.assert_status(200);
    }
    aws.list_accounts(&children[0])
        .await
        .assert_error(401, "UnauthorizedException");
    server.finish().await;
}

/// Whether a token is good by the keys that are told now.
async fn verifies(server: &TestServer, token: &str, audience: &str) -> bool {
    let told = server.send(Request::get("/jwks")).await;
    let keys: JwkSet = serde_json::from_value(told.assert_status(200).json()).expect("keys");
    let kid = decode_header(token).expect("a header").kid.expect("a kid");
    let Some(key) = keys.find(&kid) else {
        return false;
    };
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    // The server's clock is the kit's.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).expect("a key");
    decode::<Value>(token, &key, &validation).is_ok()
}

/// What a target that takes a web identity is sent now.
fn web_identity(server: &TestServer) -> String {
    let context = &server.context;
    let now = context.now();
    let statement = Statement {
        audience: "sts.amazonaws.com",
        user_id: UserId::from_bytes([7; 16]),
        source_identity: None,
        tags: Vec::new(),
    };
    let by = Signature {
        issuer: context.links.issuer(),
        now,
        id: context.request_id(),
    };
    let signed = jose::sign(&context.keys.signing(now).web_identity, &statement, &by);
    signed.expect("a token").reveal().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_signing_keys_rotate_under_load_and_every_token_verifies_at_once() {
    let server = server().await;
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let once = async |machine: &Machine, tokens: &Value| {
        let refresh = text(tokens, "refreshToken");
        let refresh =
            json!({ "grantType": "refresh_token", "refreshToken": refresh, "scope": ["openid"] });
        // A busy session is answered with the same tokens, and an equal request counts once.
        let number = done.fetch_add(4, Ordering::Relaxed).to_string();
        let mut machine = machine.clone();
        machine.headers = vec![("x-number".to_owned(), number)];
        let answer = machine.ask(&server, refresh).await;
        let tokens = answer.assert_status(200).json();
        assert!(verifies(&server, text(&tokens, "idToken"), &machine.client_id).await);
        let token = web_identity(&server);
        assert!(verifies(&server, &token, "sts.amazonaws.com").await);
        tokens
    };
    let work = async || {
        let machine = Machine::new(&server).await;
        let mut tokens = machine.sign_in(&server).await;
        while !stop.load(Ordering::Relaxed) {
            tokens = once(&machine, &tokens).await;
        }
        (machine, tokens)
    };
    let rotate = async {
        for epoch in 2..=6 {
            let due = done.load(Ordering::Relaxed) + 40;
            while done.load(Ordering::Relaxed) < due {
                tokio::task::yield_now().await;
            }
            let rotated = admin::keys::rotate(&server.context, None)
                .await
                .expect("rotated");
            assert_eq!(rotated, epoch);
        }
        stop.store(true, Ordering::Relaxed);
    };
    let working = futures_util::future::join_all((0..4).map(|_| work()));
    let (workers, ()) = futures_util::future::join(working, rotate).await;
    // The newest key was told for an hour; now it signs.
    let kid = || decode_header(web_identity(&server)).expect("a header").kid;
    let before = kid();
    server.clock.advance(3600);
    assert_ne!(kid(), before);
    for (machine, tokens) in &workers {
        once(machine, tokens).await;
    }
    server.finish().await;
    Evidence::that("five rotations while ID tokens were out").print();
}
