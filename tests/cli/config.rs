//! The configuration file.

use claviger_tests::{instance::Service, room::Room};

use crate::transcript::{assert_transcript, run};

#[tokio::test]
async fn the_example_is_accepted_as_it_is_printed() {
    let mut service = Service::init();
    let example = service.room.succeed(&["config", "example"]).stdout;
    service.room.write("claviger.toml", &example);
    service.arguments = vec!["--config".to_owned(), "claviger.toml".to_owned()];
    let running = service.serve().await;
    running.terminate();
    running.end().assert_code(0);
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let room = Room::new();
    room.write(
        "claviger.toml",
        "title = \"Example\"\nregoin = \"us-east-1\"\n",
    );
    let serve = ["serve", "--config", "claviger.toml"];
    assert_transcript!("config_unknown_key", run(&room, &serve));
}

#[tokio::test]
async fn a_secret_is_read_from_its_file_and_never_shown() {
    let mut service = Service::init();
    let target =
        "[targets.aws]\nendpoint = \"http://127.0.0.1:9\"\naccess_key_id = \"AKIAEXAMPLE\"\n";
    let with_file = format!("{target}secret_access_key_file = \"sts.secret\"\n");
    service.room.write("claviger.toml", &with_file);
    service.arguments = vec!["--config".to_owned(), "claviger.toml".to_owned()];

    let missing = service.launch().end();
    assert_transcript!("config_secret_file_missing", missing);

    service.room.write("sts.secret", "hunter2hunter2\n");
    let running = service.serve().await;
    running.terminate();
    let ended = running.end();
    ended.assert_code(0);
    assert!(!ended.to_string().contains("hunter2"), "{ended}");

    let both = format!("{with_file}secret_access_key = \"hunter2hunter2\"\n");
    service.room.write("claviger.toml", &both);
    let ended = service.launch().end();
    ended
        .assert_code(78)
        .assert_says(&["targets.aws", "not both"]);
    assert!(!ended.to_string().contains("hunter2"), "{ended}");
}
