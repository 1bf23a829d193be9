//! What an operator gives to `claviger` and should not have: names that steer terminals, targets
//! that nobody configured, one standard input for two secrets.

use claviger_tests::{
    child,
    instance::{DIRECTORY, Service},
    room::Room,
};

/// Ends a line, clears a screen, turns the reading direction, looks like a record.
const HOSTILE: &str = "a\n2026 user.disable\u{1b}[2J\u{9b}31m\r\u{202e}{\"seq\":1}";

/// The directory with that name of an account.
fn hostile_directory() -> String {
    let spelled: Vec<String> = HOSTILE
        .chars()
        .map(|c| format!("\\U{:08x}", u32::from(c)))
        .collect();
    let spelled = spelled.concat();
    DIRECTORY.replace("name = \"Sandbox\"", &format!("name = \"{spelled}\""))
}

#[test]
fn adm_07_no_name_steers_the_terminal_or_makes_a_line_of_its_own() {
    let service = Service::init();
    service.room.write("hostile.toml", &hostile_directory());
    let plan = service.admin(&["plan", "hostile.toml"]);
    let apply = service.admin(&["apply", "hostile.toml"]);
    // The next change tells of the name as well: what it was before.
    let again = service.admin(&["apply", "directory.toml"]);
    let audit = service.admin(&["audit"]);
    for ended in [&plan, &apply, &again, &audit] {
        ended.assert_code(0);
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!ended.stdout.contains(steers), "{ended}");
        assert!(!ended.stdout.contains("\n2026 "), "{ended}");
        let shown = r"a\n2026 user.disable\u{1b}[2J\u{9b}31m\r\u{202e}";
        assert!(ended.stdout.contains(shown), "{ended}");
    }
    let json = service.admin(&["audit", "--json"]);
    let records = json.json();
    let records = records
        .pointer("/records")
        .and_then(|records| records.as_array());
    let records = records.unwrap_or_else(|| panic!("no records in {json}"));
    // One line of the table, and one member of the list, for each record.
    assert_eq!(
        audit.stdout.trim_end().lines().count(),
        records.len() + 1,
        "{audit}"
    );
    let named = |record: &&serde_json::Value| {
        let subject = record.get("subject").and_then(|subject| subject.as_str());
        subject == Some(&format!("account 111122223333 {HOSTILE}"))
    };
    assert_eq!(records.iter().filter(named).count(), 1, "{json}");
    assert!(!json.stdout.contains('\u{1b}'), "{json}");
}

/// The directory with a role of a target that no configuration has.
fn elsewhere() -> String {
    DIRECTORY.replacen(
        "duration = \"1h\"",
        "duration = \"1h\"\ntarget = \"elsewhere\"",
        1,
    )
}

#[tokio::test]
async fn a_target_that_the_server_does_not_have_is_refused_when_it_is_applied() {
    let service = Service::init();
    service.room.write("elsewhere.toml", &elsewhere());
    let running = service.serve().await;
    for command in ["plan", "apply"] {
        let refused = service.admin(&[command, "elsewhere.toml"]);
        assert!(!refused.status.success(), "{refused}");
        refused.assert_says(&["111122223333/Developer", "elsewhere", "[targets]"]);
    }
    running.terminate();
    running.end().assert_code(0);
    // Without a server nobody knows what it will be configured with.
    let applied = service.admin(&["apply", "elsewhere.toml"]);
    applied.assert_code(0);
    assert!(
        applied.stdout.contains("role 111122223333/Developer"),
        "{applied}"
    );
}

#[test]
fn two_values_cannot_come_from_one_standard_input() {
    let room = Room::new();
    let mut twice = room.claviger(&["oidc", "--endpoint", "http://127.0.0.1:9", "create-token"]);
    twice.args(["--grant-type", "refresh_token", "--client-id", "x"]);
    twice.args(["--client-secret", "-", "--refresh-token", "-"]);
    let refused = child::run_with_input(&mut twice, "a secret of the first");
    assert!(!refused.status.success(), "{refused}");
    refused.assert_says(&["only one value", "@FILE"]);
    assert!(
        !refused.to_string().contains("a secret of the first"),
        "{refused}"
    );
}

#[test]
fn two_client_roots_of_one_number_are_named() {
    let service = Service::init();
    let keys = service.room.read("keys");
    let root = keys.split("[client_root]").nth(1).expect("a root");
    let root = root.split("\n[").next().unwrap_or(root);
    let twice = format!("{keys}\n[previous_client_root]{root}\n");
    service.room.write("other-keys", &twice);
    let list = [
        "admin",
        "user",
        "list",
        "--data-dir",
        "data",
        "--key-file",
        "other-keys",
    ];
    let refused = service.room.run(&list);
    refused
        .assert_code(78)
        .assert_says(&["both client roots", "the id 1"]);
}
