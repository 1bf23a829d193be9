//! The log of the built binary, at the level that tells the most.

use claviger_tests::{
    aws::{Aws, Link},
    browser::Browser,
    instance::{self, Dev, Service},
    room::Room,
    scan,
};

/// Every secret that passed is looked for in everything that was written.
#[track_caller]
fn assert_silent(secrets: &[String], texts: &[String]) {
    assert!(
        secrets.len() > 10,
        "only {} secrets were seen passing",
        secrets.len()
    );
    for text in texts {
        let found = scan::find(secrets, text);
        assert!(found.is_empty(), "{found:?}");
    }
}

async fn use_everything(link: &Link, issuer: &str) {
    let aws = &Aws::new(link.clone(), format!("{issuer}/start"));
    let browser = &mut Browser::new(link.clone(), issuer.to_owned());
    browser.sign_in("alice", "not the right password").await;

    let (client, tokens) = instance::sign_in_device(aws, browser).await;
    aws.refresh(&client, tokens.refresh_token())
        .await
        .assert_status(200);
    aws.list_accounts(&tokens.access).await.assert_status(200);
    aws.role_credentials(&tokens.access, "111122223333", "Developer")
        .await;
    aws.refresh(&client, "cvr1.made-up-refresh-token")
        .await
        .assert_status(400);
    browser.get("/start").await.assert_status(200);
    aws.logout(&tokens.access).await.assert_status(200);
}

#[tokio::test]
async fn lea_01_no_secret_appears_in_the_log_of_serve_at_any_level() {
    for format in ["text", "json"] {
        let mut service = Service::init();
        let log = format!("[log]\nfilter = \"trace\"\nformat = \"{format}\"\n");
        service.room.write("claviger.toml", &log);
        service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
        let running = service.serve().await;
        let link = service.link();
        use_everything(&link, &service.issuer()).await;
        running.terminate();
        let ended = running.end();
        ended.assert_code(0);
        assert!(
            ended.stderr.lines().count() > 20,
            "there was no log to look at:\n{ended}"
        );
        assert_silent(&link.secrets.all(), &[ended.stdout, ended.stderr]);
    }
}

#[tokio::test]
async fn lea_01_no_secret_appears_in_what_dev_shows_at_any_level() {
    let room = Room::new();
    let dev = Dev::start(&room, &["--log", "trace"]);
    let link = dev.link();
    use_everything(&link, &dev.text("issuer")).await;
    dev.running.terminate();
    let ended = dev.running.end();
    ended.assert_code(0);
    // The first line gives the seeded password away on purpose, and user codes are what `dev`
    // shows its person.
    let (_, requests) = ended.stdout.split_once('\n').unwrap_or_default();
    let secrets = link.secrets.all();
    let kept: Vec<String> = secrets
        .into_iter()
        .filter(|secret| secret != instance::PASSWORD && !is_user_code(secret))
        .collect();
    assert_silent(&kept, &[requests.to_owned(), ended.stderr]);
}

fn is_user_code(secret: &str) -> bool {
    secret.len() == 9 && secret.split('-').all(|part| part.len() == 4)
}
