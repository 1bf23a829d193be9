//! The log of the built binary, at the level that tells the most: with every operation behind it,
//! it holds no secret. The search itself is that of every server that a test starts, at its end
//! ([`Running`](claviger_tests::child::Running)).

use claviger_tests::{
    aws::{Aws, Link, Tokens},
    browser::{Browser, form},
    instance::{self, Dev, Service},
    room::Room,
};

use crate::parts::Moto;

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// All three grants, the portal, the pages, and what is refused.
async fn use_everything(link: &Link, issuer: &str) {
    let aws = &Aws::new(link.clone(), format!("{issuer}/start"));
    let browser = &mut Browser::new(link.clone(), issuer.to_owned());
    browser.sign_in("alice", "not the right password").await;

    let (client, tokens) = instance::sign_in_device(aws, browser).await;
    let refreshed = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    aws.list_accounts(&refreshed.access)
        .await
        .assert_status(200);
    aws.role_credentials(&refreshed.access, "111122223333", "Developer")
        .await
        .assert_status(200);
    aws.refresh(&client, "cvr1.made-up-refresh-token")
        .await
        .assert_status(400);

    let client = aws.register_for_codes(REDIRECT_URI).await;
    let code = browser.code_for(&client, REDIRECT_URI).await;
    let of_code = Tokens::of(&aws.redeem(&client, &code).await);
    aws.logout(&of_code.access).await.assert_status(200);
    aws.redeem(&client, &code).await.assert_status(400);

    let start = browser.get("/start").await;
    let shown = browser.submit(&form(&start, "/start/credentials")).await;
    shown.assert_status(200);
    for name in ["AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN="] {
        let (_, shown) = shown.text().split_once(name).expect(name);
        let shown = shown.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let end = shown.find(|c: char| c == '&' || c.is_whitespace());
        let secret = end.and_then(|end| shown.get(..end)).expect(name);
        assert!(secret.len() >= 40, "{secret} is no secret");
        link.secrets.add(secret);
    }
    browser.get("/sessions").await.assert_status(200);
    aws.logout(&refreshed.access).await.assert_status(200);

    let seen = link.secrets.all().len();
    assert!(seen > 20, "only {seen} secrets were seen passing");
}

#[tokio::test]
async fn lea_01_no_secret_appears_in_the_log_of_serve_at_any_level() {
    for format in ["text", "json"] {
        let mut service = Service::init();
        let moto = Moto::start(&service.room);
        let settings = format!(
            "[log]\nfilter = \"trace\"\nformat = \"{format}\"\n\
             [targets.aws]\nendpoint = \"{}\"\nregion = \"us-east-1\"\n\
             access_key_id = \"AKIAEXAMPLE\"\nsecret_access_key = \"of-the-service-itself\"\n",
            moto.url
        );
        service.secrets.add("of-the-service-itself");
        service.room.write("claviger.toml", &settings);
        service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
        let running = service.serve().await;
        use_everything(&service.link(), &service.issuer()).await;
        running.terminate();
        let ended = running.end();
        ended.assert_code(0);
        assert!(
            ended.stderr.lines().count() > 20,
            "there was no log to look at:\n{ended}"
        );
    }
}

#[tokio::test]
async fn lea_01_no_secret_appears_in_what_dev_shows_at_any_level() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    use_everything(&dev.link(), &dev.text("issuer")).await;
    dev.running.terminate();
    let ended = dev.running.end();
    ended.assert_code(0);
    assert!(
        ended.stderr.lines().count() > 20,
        "there was no log to look at:\n{ended}"
    );
}

/// The search can fail: a server that is told a secret of its log.
#[tokio::test]
#[should_panic = "secrets were written down"]
async fn lea_01_a_secret_in_the_log_of_a_server_fails_its_test() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    dev.link().secrets.add("RegisterClient");
    dev.aws().register().await;
}
