//! Applications of the configuration: a name and a secret that the operator gave, and consent that may be skipped.

use claviger_engine::admin;
use claviger_model::{
    application::{Application, ApplicationName},
    client::{Authentication, GrantType},
    redirect_uri::RedirectUri,
};
use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, Code, authorize_query},
    html,
    http::{Request, Response, encode_form, parameter},
    oauth::{Oauth, Shown, tokens},
    pkce,
    seed::{PRODUCTION, SANDBOX, WIKI, WIKI_SECRET, wiki},
    server::{REDIRECT_URI, password_of},
};
use serde_json::{Value, json};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// One that keeps no secret and asks people.
fn kubernetes() -> Application {
    let mut application = wiki();
    application.name = ApplicationName::parse("kubernetes").expect("a name");
    application.metadata.authentication = Authentication::None;
    application.metadata.grant_types = GrantType::REGISTRABLE.to_vec();
    application.metadata.redirect_uris = vec![RedirectUri::parse(REDIRECT_URI).expect("a URI")];
    application.client_secret = None;
    application.skip_consent = false;
    application.user = None;
    application
}

async fn server() -> TestServer {
    let builder = TestServer::builder().policy(|policy| {
        policy.applications = vec![wiki(), kubernetes()];
    });
    let server = builder.start().await;
    server.secrets().add(WIKI_SECRET);
    server.secrets().add(pkce::VERIFIER);
    server
}

fn named(name: &str, secret: &str) -> Client {
    Client {
        id: name.to_owned(),
        secret: secret.to_owned(),
    }
}

fn the_wiki() -> Client {
    named("wiki", WIKI_SECRET)
}

/// A request for all scopes, with further parameters.
fn asking(client: &Client, redirect_uri: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut query = authorize_query(client, redirect_uri);
    query.retain(|(name, _)| name != "scopes");
    let more = more.iter();
    query.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    query
}

/// The code of an answer that goes back to the wiki.
#[track_caller]
fn code(back: &Response) -> Code {
    back.assert_status(303);
    let location = back.header("location").expect("a way back");
    assert!(location.starts_with(WIKI), "{location}");
    Code {
        code: parameter(location, "code").unwrap_or_else(|| panic!("no code in {location}")),
        redirect_uri: WIKI.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    }
}

#[track_caller]
fn assert_consent(page: &Response) {
    page.assert_status(200);
    assert!(page.text().contains("id=\"consent\""), "{page}");
}

/// The wiki's tokens of alice.
async fn signed_in(server: &TestServer) -> claviger_tests::aws::Tokens {
    let mut browser = server.browser_of("alice").await;
    let back = browser.authorize(&asking(&the_wiki(), WIKI, &[])).await;
    tokens(&server.oauth().redeem(&the_wiki(), &code(&back)).await)
}

/// What the ID token of an answer says; other tests verify its signature.
fn claims(answer: &Response) -> Value {
    let token = answer.member("id_token");
    let decoded = jsonwebtoken::dangerous::insecure_decode::<Value>(&token);
    decoded.expect("a token").claims
}

#[tokio::test]
async fn aut_21_an_application_that_the_operator_knows_may_go_unasked() {
    let server = server().await;
    let mut browser = server.browser();
    let query = asking(&the_wiki(), WIKI, &[("nonce", "n-1")]);
    // Nobody is signed in: they do that, and are at the application.
    let page = browser.authorize(&query).await;
    assert!(
        page.text().contains("Then you go on to The Wiki."),
        "{page}"
    );
    let back = browser
        .sign_in_at(&page, "alice", password_of("alice"))
        .await;
    let back = browser.follow(&back).await;
    let answer = server.oauth().redeem(&the_wiki(), &code(&back)).await;
    tokens(&answer);
    let claims = claims(&answer);
    assert_eq!(
        (&claims["aud"], &claims["nonce"]),
        (&json!("wiki"), &json!("n-1"))
    );
    assert_eq!(claims["preferred_username"], json!("alice"));
    // Who only asks for headers has no effect.
    let head = format!("/authorize?{}", encode_form(&query));
    let codes = server.rows().codes();
    let answer = browser.send(Request::new("HEAD", head)).await;
    answer.assert_status(405);
    assert_eq!(server.rows().codes(), codes);
    // The next time they see nothing at all, also where nothing may be shown.
    for more in [&[][..], &[("prompt", "none")]] {
        code(&browser.authorize(&asking(&the_wiki(), WIKI, more)).await);
    }
    let records = server.rows().audit();
    let approved: Vec<_> = records
        .iter()
        .filter(|own| own.action == "authorize.approve")
        .collect();
    assert_eq!(approved.len(), 3);
    for record in approved {
        assert!(record.detail.ends_with(", not asked"), "{}", record.detail);
        assert_eq!(record.client.as_deref(), Some("The Wiki"));
    }
    server.finish().await;
}

#[tokio::test]
async fn aut_21_whoever_wants_people_asked_or_registered_has_them_asked() {
    let server = server().await;
    let mut browser = server.browser_of("alice").await;
    for prompt in ["consent", "select_account"] {
        let query = asking(&the_wiki(), WIKI, &[("prompt", prompt)]);
        assert_consent(&browser.authorize(&query).await);
    }
    let query = asking(&the_wiki(), WIKI, &[("prompt", "consent")]);
    let page = browser.authorize(&query).await;
    assert!(!page.text().contains("unverified"), "{page}");
    // Any program can say that it is one that keeps no secret.
    let public = named("kubernetes", "");
    let page = browser.authorize(&asking(&public, REDIRECT_URI, &[])).await;
    assert_consent(&page);
    assert!(page.text().contains("unverified name"), "{page}");
    let registered = server.oauth().register(REDIRECT_URI).await;
    assert_consent(
        &browser
            .authorize(&asking(&registered, REDIRECT_URI, &[]))
            .await,
    );
    let back = browser
        .authorize(&asking(&registered, REDIRECT_URI, &[("prompt", "none")]))
        .await;
    back.assert_sent_back(REDIRECT_URI, "consent_required");
    // Whom the application takes for somebody else is not sent on as that one.
    let held = server.oauth().start_device(&the_wiki()).await;
    browser.approve(&held.user_code).await.assert_status(303);
    let of_alice = server
        .oauth()
        .poll(&the_wiki(), &held)
        .await
        .member("id_token");
    let mut bob = server.browser_of("bob").await;
    let hint = ("id_token_hint", of_alice.as_str());
    let page = bob.authorize(&asking(&the_wiki(), WIKI, &[hint])).await;
    assert!(page.text().contains("whom it knows already"), "{page}");
    let silently = [hint, ("prompt", "none")];
    let back = bob.authorize(&asking(&the_wiki(), WIKI, &silently)).await;
    back.assert_sent_back(WIKI, "login_required");
    assert_eq!(server.rows().codes(), 0);
    // Signed in, but too long ago.
    server.clock.advance(120);
    let query = asking(&the_wiki(), WIKI, &[("prompt", "none"), ("max_age", "60")]);
    browser
        .authorize(&query)
        .await
        .assert_sent_back(WIKI, "login_required");
    server.finish().await;
}

#[tokio::test]
async fn aut_18_nobody_is_sent_back_silently_who_is_not_signed_in() {
    let server = server().await;
    let query = asking(&the_wiki(), WIKI, &[("prompt", "none")]);
    let back = server.browser().authorize(&query).await;
    back.assert_sent_back(WIKI, "login_required");
    assert_eq!(server.rows().codes(), 0);
    server.finish().await;
}

#[tokio::test]
async fn uri_01_an_application_is_answered_where_the_operator_said() {
    let server = server().await;
    let mut browser = server.browser_of("alice").await;
    for elsewhere in [
        "https://wiki.example.org/callback/",
        "https://wiki.example.org/callback?x=1",
        "https://wiki.example.org.evil.example/callback",
        "http://wiki.example.org/callback",
        REDIRECT_URI,
    ] {
        let page = browser
            .authorize(&asking(&the_wiki(), elsewhere, &[]))
            .await;
        page.assert_error_page(400, elsewhere);
    }
    assert_eq!(server.rows().codes(), 0);
    server.finish().await;
}

#[tokio::test]
async fn tok_02_an_application_shows_its_own_secret_or_is_nobody() {
    let server = server().await;
    let held = signed_in(&server).await;
    let before = server.rows().everything();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", held.refresh_token()),
    ];
    let registered = server.oauth().register(REDIRECT_URI).await;
    let almost = WIKI_SECRET.strip_suffix('9').expect("a secret");
    for (client, shown) in [
        (named("wiki", almost), Shown::Basic),
        (named("wiki", almost), Shown::Post),
        (named("wiki", ""), Shown::None),
        (named("wiki", ""), Shown::Post),
        (named("wiki", &registered.secret), Shown::Basic),
        (named("Wiki", WIKI_SECRET), Shown::Basic),
        (named("kubernetes", WIKI_SECRET), Shown::Basic),
        (named(&registered.id, WIKI_SECRET), Shown::Post),
    ] {
        let answer = server
            .oauth()
            .post_as("/token", &client, shown, &fields)
            .await;
        answer.assert_oauth_error(401, "invalid_client");
    }
    assert_eq!(server.rows().everything(), before);
    for shown in [Shown::Basic, Shown::Post] {
        server.clock.advance(60);
        tokens(
            &server
                .oauth()
                .post_as("/token", &the_wiki(), shown, &fields)
                .await,
        );
    }
    // It has two names and is one client.
    let arn = server.context.links.application_arn(&wiki().name);
    let told = server
        .oauth()
        .introspect(&named(&arn, WIKI_SECRET), &held.access)
        .await;
    assert_eq!(told.assert_status(200).json()["active"], json!(true));
    server.finish().await;
}

#[tokio::test]
async fn reg_12_an_application_that_is_denied_gets_nothing() {
    let server = server().await;
    let held = signed_in(&server).await;
    let denied = admin::client::deny(&server.context, "wiki", "test").await;
    assert_eq!(denied.expect("a client"), 1);
    let answer = server
        .oauth()
        .refresh(&the_wiki(), held.refresh_token())
        .await;
    answer.assert_oauth_error(401, "invalid_client");
    let own = [("grant_type", "client_credentials")];
    let answer = server.oauth().ask("/token", &the_wiki(), &own).await;
    answer.assert_oauth_error(401, "invalid_client");
    let mut browser = server.browser_of("alice").await;
    let page = browser.authorize(&asking(&the_wiki(), WIKI, &[])).await;
    page.assert_error_page(400, "wiki");
    assert_eq!(server.rows().live_sessions(), 0);
    server.finish().await;
}

#[tokio::test]
async fn aut_01_a_public_application_needs_pkce_and_has_no_other_grants() {
    let builder = TestServer::builder().policy(|policy| {
        policy.applications = vec![wiki(), kubernetes()];
        policy.require_pkce = false;
    });
    let server = builder.start().await;
    let public = named("kubernetes", "");
    let mut browser = server.browser_of("alice").await;
    let mut query = asking(&public, REDIRECT_URI, &[]);
    query.retain(|(name, _)| !name.starts_with("code_challenge"));
    let back = browser.authorize(&query).await;
    back.assert_sent_back(REDIRECT_URI, "invalid_request");
    let own = [("grant_type", "client_credentials")];
    let answer = server.oauth().ask("/token", &public, &own).await;
    answer.assert_oauth_error(400, "unauthorized_client");
    // A device of it, and one of an application that shows who it is.
    let known = server
        .oauth()
        .start_device(&named("wiki", WIKI_SECRET))
        .await;
    let page = browser.look_up(&known.user_code).await;
    assert!(
        page.text().contains("The Wiki") && !page.text().contains("unverified"),
        "{page}"
    );
    let device = server.oauth().start_device(&public).await;
    let page = browser.look_up(&device.user_code).await;
    assert!(page.text().contains("unverified name"), "{page}");
    browser.approve(&device.user_code).await.assert_status(303);
    let answer = server.oauth().poll(&public, &device).await;
    tokens(&answer);
    assert_eq!(claims(&answer)["aud"], json!("kubernetes"));
    server.finish().await;
}

#[tokio::test]
async fn an_application_asks_in_its_own_name_and_has_what_its_user_has() {
    let server = server().await;
    let own = [("grant_type", "client_credentials")];
    let answer = server.oauth().ask("/token", &the_wiki(), &own).await;
    let held = tokens(&answer);
    assert_eq!((held.refresh, held.expires_in), (None, 3600));
    assert_eq!(
        answer.json().get("id_token"),
        None,
        "there is nobody to tell about"
    );
    assert_eq!(answer.member("scope"), ACCOUNT_ACCESS);
    let aws = server.aws();
    aws.role_credentials(&held.access, PRODUCTION, "Admin")
        .await
        .assert_status(200);
    let others = aws
        .role_credentials(&held.access, SANDBOX, "Developer")
        .await;
    others.assert_error(403, "ForbiddenException");
    let less = format!("sso:account:{SANDBOX}:ReadOnly");
    let asked = [own[0], ("scope", &less)];
    let confined = tokens(&server.oauth().ask("/token", &the_wiki(), &asked).await);
    aws.role_credentials(&confined.access, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    aws.role_credentials(&confined.access, PRODUCTION, "Admin")
        .await
        .assert_error(403, "ForbiddenException");
    for more in ["openid", "profile", "sso-portal:*"] {
        let asked = [own[0], ("scope", more)];
        let answer = server.oauth().ask("/token", &the_wiki(), &asked).await;
        answer.assert_oauth_error(400, "invalid_scope");
    }
    // Its user sees it, as what the operator calls it.
    let page = server.browser_of("bob").await.get("/sessions").await;
    let told = html::text(page.text());
    assert!(
        told.contains("The Wiki") && told.contains("by itself"),
        "{told}"
    );
    assert!(!told.contains("unverified"), "{told}");
    server
        .oauth()
        .revoke(&the_wiki(), &held.access)
        .await
        .assert_status(200);
    let ended = server.oauth().introspect(&the_wiki(), &held.access).await;
    assert_eq!(ended.json(), json!({ "active": false }));
    let disabled = admin::user::disable(&server.context, "bob").await;
    disabled.expect("bob is there");
    let answer = server.oauth().ask("/token", &the_wiki(), &own).await;
    answer.assert_oauth_error(400, "unauthorized_client");
    server.finish().await;
}

#[tokio::test]
async fn reg_04_nobody_registers_under_the_name_of_an_application() {
    let server = server().await;
    for name in ["The Wiki", " the WIKI "] {
        let mut body = Oauth::registration(REDIRECT_URI, "none");
        body["client_name"] = json!(name);
        let answer = server.oauth().register_with(&body).await;
        answer.assert_oauth_error(400, "invalid_client_metadata");
    }
    server.finish().await;
}

#[tokio::test]
async fn reg_06_client_credentials_are_for_whom_the_operator_knows() {
    let server = server().await;
    let registered = server.oauth().register(REDIRECT_URI).await;
    for grant in ["client_credentials", EXCHANGE] {
        let answer = server
            .oauth()
            .ask("/token", &registered, &[("grant_type", grant)])
            .await;
        answer.assert_oauth_error(400, "unsupported_grant_type");
    }
    assert_eq!(server.rows().sessions(), 0);
    server.finish().await;
}

#[tokio::test]
async fn rfc_8693_2_an_application_exchanges_its_token_for_less() {
    let server = server().await;
    let held = signed_in(&server).await;
    let role = format!("sso:account:{SANDBOX}:ReadOnly");
    let asked = [
        ("grant_type", EXCHANGE),
        ("subject_token", &held.access),
        ("subject_token_type", ACCESS),
        ("scope", &role),
    ];
    let answer = server.oauth().ask("/token", &the_wiki(), &asked).await;
    let less = tokens(&answer);
    assert_eq!(answer.member("issued_token_type"), ACCESS);
    assert_eq!(
        (less.refresh.as_deref(), answer.member("scope")),
        (None, role.clone())
    );
    let aws = server.aws();
    aws.role_credentials(&less.access, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    aws.role_credentials(&less.access, SANDBOX, "Developer")
        .await
        .assert_error(403, "ForbiddenException");
    let other = server.oauth().register(REDIRECT_URI).await;
    let code = server.code_for(&other).await;
    let foreign = tokens(&server.oauth().redeem(&other, &code).await);
    let before = server.rows().everything();
    // What it is not made for is said, and not left aside.
    for target in ["resource", "audience", "actor_token"] {
        let mut aimed = asked.to_vec();
        aimed.push((target, "https://other.example.org"));
        let answer = server.oauth().ask("/token", &the_wiki(), &aimed).await;
        answer.assert_oauth_error(400, "invalid_request");
    }
    let without = server.oauth().ask("/token", &the_wiki(), &asked[..1]).await;
    without.assert_oauth_error(400, "invalid_request");
    assert!(
        without.text().contains("subject_token is missing"),
        "{without}"
    );
    // Another client's token is nobody's.
    let mut stolen = asked;
    stolen[1].1 = &foreign.access;
    let answer = server.oauth().ask("/token", &the_wiki(), &stolen).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().everything(), before);
    server.finish().await;
}

#[tokio::test]
async fn both_kinds_of_application_are_on_the_page_of_sessions_and_can_be_ended_there() {
    let server = server().await;
    let held = signed_in(&server).await;
    let registered = server.oauth().register(REDIRECT_URI).await;
    let code = server.code_for(&registered).await;
    tokens(&server.oauth().redeem(&registered, &code).await);
    let mut browser = server.browser_of("alice").await;
    let page = browser.get("/sessions").await;
    let cards: Vec<&str> = page.text().split("data-session=").skip(1).collect();
    assert_eq!(cards.len(), 2, "{page}");
    let of = |name: &str| {
        let mut found = cards.iter().filter(|card| card.contains(name));
        found
            .next()
            .unwrap_or_else(|| panic!("no {name} in {page}"))
    };
    assert!(!of("The Wiki").contains("unverified"), "{page}");
    assert!(of("a tool").contains("unverified"), "{page}");
    let end = html::forms(of("The Wiki")).remove(0);
    browser.submit(&end).await.assert_status(303);
    let answer = server
        .oauth()
        .refresh(&the_wiki(), held.refresh_token())
        .await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().live_sessions(), 1);
    server.finish().await;
}
