//! Freezes a store that a release writes, for `tests/fixtures`: it must open for ever.
//!
//! ```text
//! CLAVIGER_BIN=…/claviger cargo run -p claviger-tests --example freeze_store -- sqlite tests/fixtures/first
//! CLAVIGER_BIN=…/claviger cargo run -p claviger-tests --example freeze_store -- postgres tests/fixtures/postgres
//! ```
//!
//! The key file lies beside it, and what clients and people hold: secrets of nobody.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a program that writes its files or fails"
)]

use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use claviger_tests::{
    aws::Tokens,
    instance::{PASSWORD, Service, approve, sign_in_device},
    postgres::Place,
};
use serde_json::json;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().expect("sqlite or postgres");
    let directory = arguments.next().expect("a directory to write to");
    let directory = PathBuf::from(directory);
    fs::create_dir_all(&directory).expect("the directory");
    let place = (kind == "postgres").then(Place::default);
    let service = Service::init_in(place.as_ref().map(Place::address));
    let running = service.serve().await;
    let aws = service.aws();

    let (client, first) = sign_in_device(&aws, &mut service.browser()).await;
    let tokens = Tokens::of(&aws.refresh(&client, first.refresh_token()).await);
    let (other, ended) = sign_in_device(&aws, &mut service.browser()).await;
    aws.logout(&ended.access).await.assert_status(200);
    let waiting = aws.start_device(&client).await;
    approve(&mut service.browser(), &waiting).await;

    let copy = |name: &str| {
        let to = directory.join(name);
        fs::copy(service.room.work().join(name), to).expect("a copy");
    };
    copy("keys");
    if let Some(place) = place {
        fs::write(directory.join("claviger.sql"), place.freeze()).expect("a dump");
    } else {
        service.admin(&["backup", "claviger.db"]).assert_code(0);
        copy("claviger.db");
    }
    drop(running);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let held = json!({
        "frozen_at": now.expect("a time").as_secs(),
        "password_of_alice": PASSWORD,
        "client": { "id": client.id, "secret": client.secret },
        "access_token": tokens.access,
        "refresh_token": tokens.refresh_token(),
        "superseded_refresh_token": first.refresh_token(),
        "approved_device_code": waiting.device_code,
        "ended": {
            "client": { "id": other.id, "secret": other.secret },
            "access_token": ended.access,
            "refresh_token": ended.refresh_token(),
        },
    });
    let held = serde_json::to_string_pretty(&held).expect("JSON");
    fs::write(directory.join("held.json"), held + "\n").expect("the file");
}
