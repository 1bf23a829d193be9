//! A tour of every page there is, with text of strangers wherever a page shows any.

use claviger_engine::admin::wanted::Directory;
use serde_json::json;

use crate::{
    aws::{self, ACCOUNT_ACCESS, Client},
    browser::{Browser, form},
    driver::Mode,
    http::{Request, Response, escape},
    people::PASSWORD,
    seed::{self, SANDBOX},
    server::{REDIRECT_URI, TestServer},
};

/// What strangers call themselves: it ends attributes and tags, and says what escaping says.
pub const HOSTILE: &str = r#""'><img src=x onerror=alert(1)>&lt;{{7}}"#;

/// A scope of a stranger's own; its letters are bound, its meaning is not.
pub const STRANGE_SCOPE: &str = "strange:scope:*";

/// A page by the name of what led to it.
#[derive(Clone, Debug)]
pub struct Page {
    /// What led to it.
    pub name: &'static str,
    /// The page.
    pub answer: Response,
}

/// A directory in which every text that takes it is [`HOSTILE`].
pub fn directory() -> Directory {
    let mut person = seed::person(HOSTILE);
    HOSTILE.clone_into(&mut person.display_name);
    person.email = Some(HOSTILE.to_owned());
    let mut account = seed::account(SANDBOX, HOSTILE);
    HOSTILE.clone_into(&mut account.email);
    Directory {
        users: vec![person],
        groups: vec![seed::group(HOSTILE, &[HOSTILE])],
        accounts: vec![account],
        roles: vec![seed::role(
            SANDBOX,
            "A+b=c,d.e@f-g_h",
            &[HOSTILE],
            &[HOSTILE],
        )],
    }
}

/// Every page, each with the status it must have.
pub async fn tour(server: &TestServer) -> Vec<Page> {
    server.apply(&directory()).await;
    let mut pages = strangers(server).await;
    let mut person = server.browser_of_new(HOSTILE).await;
    pages.extend(portal(&mut person).await);
    pages.extend(devices(server, &mut person).await);
    pages.extend(applications(server, &mut person).await);
    pages.extend(trouble(server, &mut person).await);
    pages.extend(leaving(&mut person).await);
    pages
}

fn page(name: &'static str, answer: Response, status: u16) -> Page {
    assert_eq!(answer.status.as_u16(), status, "{name}: {answer}");
    let html = answer.header("content-type") == Some("text/html; charset=utf-8");
    assert!(html, "{name}: {answer}");
    Page { name, answer }
}

/// What is shown to whoever comes along.
async fn strangers(server: &TestServer) -> Vec<Page> {
    let mut browser = server.browser();
    let next = format!("/sign-in?next={}", escape(HOSTILE));
    let asked = browser.get(&next).await;
    let wrong = browser.sign_in_at(&asked, HOSTILE, "a wrong guess").await;
    let enter = form(&asked, "/sign-in");
    let old = browser
        .submit(
            &enter
                .clone()
                .fill("next", HOSTILE)
                .fill("user_name", HOSTILE),
        )
        .await;
    let empty = browser
        .submit(&enter.clone().fill("user_name", HOSTILE))
        .await;
    let foreign = Request::post("/sign-in").header("Origin", "https://evil.example");
    let foreign = browser.send(foreign.form(&enter.fields)).await;
    let no_form = browser
        .send(Request::post("/sign-in").json(&json!({})))
        .await;
    let twice = browser.send(Request::post("/sign-in").form(&[])).await;
    let unknown = browser.get(&format!("/{}", escape(HOSTILE))).await;
    let away = Request::get("/start").header("Host", "evil.example");
    let away = browser.send(away).await;
    let method = browser.send(Request::new("PUT", "/start")).await;
    let large = Request::post("/sign-in").body(vec![b'x'; 70_000]);
    let large = browser.send(large).await;
    let long = browser.get(&format!("/start?{}", "q".repeat(9000))).await;
    let bad = format!(
        "/authorize?client_id={0}&redirect_uri={0}&state={0}",
        escape(HOSTILE)
    );
    let bad = browser.get(&bad).await;
    vec![
        page("sign-in", asked, 200),
        page("sign-in, wrong", wrong, 403),
        page("sign-in, old form", old, 400),
        page("sign-in, no password", empty, 400),
        page("sign-in, another site's form", foreign, 403),
        page("sign-in, no form", no_form, 415),
        page("sign-in, empty form", twice, 400),
        page("sign-out, nobody", browser.get("/sign-out").await, 200),
        page("no such page", unknown, 404),
        page("another host", away, 421),
        page("wrong method", method, 405),
        page("large body", large, 413),
        page("long address", long, 414),
        page("authorize, no client", bad, 400),
    ]
}

/// The access portal.
async fn portal(person: &mut Browser) -> Vec<Page> {
    let start = person.get("/start").await;
    let found = person.get(&format!("/start?q={}", escape(HOSTILE))).await;
    let draw = form(&start, "/start/credentials");
    let drawn = person.submit(&draw).await;
    let stale = person.submit(&draw.clone().fill("token", HOSTILE)).await;
    let no_access = person.submit(&draw.clone().fill("role", "Nothing")).await;
    let no_role = person.submit(&draw.fill("role", HOSTILE)).await;
    vec![
        page("start", start, 200),
        page("start, search", found, 200),
        page("credentials", drawn, 200),
        page("credentials, stale form", stale, 403),
        page("credentials, no access", no_access, 403),
        page("credentials, no role", no_role, 400),
    ]
}

/// The device pages, one approved and one denied, and the session that follows.
async fn devices(server: &TestServer, person: &mut Browser) -> Vec<Page> {
    let aws = server.aws();
    let client = register(server, REDIRECT_URI).await;
    let body = client.with(json!({ "startUrl": aws.start_url() }));
    let start = || {
        let request = Request::post("/device_authorization").header("User-Agent", HOSTILE);
        aws.send(request.json(&body))
    };
    let (first, second) = (start().await, start().await);
    let empty = person.get("/device").await;
    let filled = format!("/device?user_code={}", first.member("userCode"));
    let filled = person.get(&filled).await;
    let hostile = person
        .get(&format!("/device?user_code={}", escape(HOSTILE)))
        .await;
    let wrong = person.look_up(HOSTILE).await;
    let asked = person.look_up(&first.member("userCode")).await;
    let approved = person.submit(&form(&asked, "/device/approve")).await;
    let approved = person.follow(&approved).await;
    let other = person.look_up(&second.member("userCode")).await;
    let denied = person.submit(&form(&other, "/device/deny")).await;
    let denied = person.follow(&denied).await;
    let said = format!("/device/done?answer={0}&user_code={0}", escape(HOSTILE));
    let said = person.get(&said).await;
    let grant = json!({
        "grantType": aws::DEVICE_CODE,
        "deviceCode": first.member("deviceCode"),
    });
    aws.create_token(client.with(grant))
        .await
        .assert_status(200);
    let sessions = person.get("/sessions").await;
    let end = form(&sessions, "/sessions/end");
    let nowhere = person
        .submit(&end.clone().fill("session", &"0".repeat(32)))
        .await;
    let no_session = person.submit(&end.fill("session", HOSTILE)).await;
    vec![
        page("device", empty, 200),
        page("device, filled in", filled, 200),
        page("device, hostile link", hostile, 200),
        page("device, wrong code", wrong, 404),
        page("device, asked", asked, 200),
        page("device, approved", approved, 200),
        page("device, denied", denied, 200),
        page("device, done without a code", said, 200),
        page("sessions", sessions, 200),
        page("sessions, none of that id", nowhere, 404),
        page("sessions, no id", no_session, 400),
    ]
}

/// The way of an application through `/authorize`.
async fn applications(server: &TestServer, person: &mut Browser) -> Vec<Page> {
    let client = register(server, REDIRECT_URI).await;
    let mut query = aws::authorize_query(&client, REDIRECT_URI);
    let scopes = format!("{ACCOUNT_ACCESS} {STRANGE_SCOPE}");
    for (name, value) in &mut query {
        match name.as_str() {
            "state" => HOSTILE.clone_into(value),
            "scopes" => scopes.clone_into(value),
            _ => {}
        }
    }
    let stranger = server.browser().authorize(&query).await;
    let consent = person.authorize(&query).await;
    let sealed = form(&consent, "/authorize").fill("request", HOSTILE);
    let broken = person.submit(&sealed.press("Allow")).await;
    let ipv6 = "http://[::1]:49152/cb";
    let client = register(server, ipv6).await;
    let mut query = aws::authorize_query(&client, ipv6);
    for (name, value) in &mut query {
        if name == "state" {
            HOSTILE.clone_into(value);
        }
    }
    let asked = person.authorize(&query).await;
    let onward = person.consent(&asked, "Deny").await;
    vec![
        page("authorize, sign-in", stranger, 200),
        page("authorize, consent", consent, 200),
        page("authorize, broken form", broken, 400),
        page("authorize, onward", onward, 200),
    ]
}

/// Pages while the store is away or broken.
async fn trouble(server: &TestServer, person: &mut Browser) -> Vec<Page> {
    server.switch.set(Mode::Away);
    let away = person.get("/start").await;
    let mut fresh = server.browser();
    let asked = fresh.get("/sign-in").await;
    let busy = fresh.sign_in_at(&asked, HOSTILE, PASSWORD).await;
    server.switch.set(Mode::Broken);
    let broken = person.get("/start").await;
    server.switch.set(Mode::Working);
    vec![
        page("store away", away, 503),
        page("store away, sign-in", busy, 503),
        page("store broken", broken, 500),
    ]
}

/// The way out.
async fn leaving(person: &mut Browser) -> Vec<Page> {
    let asked = person.get("/sign-out").await;
    let left = person.submit(&form(&asked, "/sign-out")).await;
    let left = person.follow(&left).await;
    vec![
        page("sign-out", asked, 200),
        page("sign-out, done", left, 200),
    ]
}

async fn register(server: &TestServer, redirect_uri: &str) -> Client {
    let aws = server.aws();
    let mut body = aws.code_client(&[redirect_uri]);
    body["clientName"] = json!(HOSTILE);
    body["scopes"] = json!([ACCOUNT_ACCESS, STRANGE_SCOPE]);
    aws::client(&aws.register_with(body).await)
}
