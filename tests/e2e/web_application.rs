//! The web application of the README, configured as docs/oauth.md has it.

use claviger_tests::{
    child::Running,
    instance::{PASSWORD, Service},
};
use serde_json::json;

use crate::parts;

const README: &str = include_str!("../../README.md");
const PAGE: &str = include_str!("../../docs/oauth.md");

const SECRET: &str = "5d41402abc4b2a76b9719d911017c592aa";

/// The first block of that language below a heading.
fn block<'a>(page: &'a str, heading: &str, language: &str) -> &'a str {
    let (_, below) = page.split_once(heading).expect("the heading");
    let (_, from) = below
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    from.split_once("```").expect("its end").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_application_signs_people_in_with_the_lines_of_the_readme() {
    let program = block(README, "## Sign people in", "python");
    let lines = program.lines().filter(|line| !line.trim().is_empty());
    assert!(lines.count() <= 20, "as short as it says");
    let mut service = Service::init();
    let room = &service.room;
    room.write("wiki.py", program);
    room.write("wiki.secret", &format!("{SECRET}\n"));
    room.write(
        "claviger.toml",
        block(PAGE, "## An application of yours", "toml"),
    );
    service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
    let _running = service.serve().await;
    let mut flask = parts::flask(&service.room, "wiki");
    flask
        .env("CLAVIGER_URL", service.issuer())
        .env("CLIENT_SECRET", SECRET);
    let flask = Running::start(&mut flask);
    let wiki = flask.stderr_line(|line| {
        let (_, url) = line.split_once("Running on ")?;
        Some(url.trim().to_owned())
    });
    let about = json!({
        "issuer": service.issuer(), "user": "alice", "password": PASSWORD, "application": wiki,
    });
    let mut story = parts::python(&service.room, "web_application.py", &[]);
    parts::succeed(story.env("CLAVIGER_ABOUT", about.to_string()));
}
