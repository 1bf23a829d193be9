//! `claviger admin`: the same commands with the same answers, whether a server runs on the data
//! directory or not.

use claviger_tests::{
    child::{self, Ended},
    instance::{PASSWORD, Service},
    room::Room,
};

use crate::transcript::{assert_transcript, run, show};

/// Runs a command on a service and shows it.
fn transcript(service: &Service, arguments: &[&str]) -> String {
    let mut whole = vec!["admin"];
    whole.extend(arguments);
    show(&whole, &service.admin(arguments))
}

/// A story of commands that ends where it began.
const STORY: [&[&str]; 18] = [
    &["plan", "directory.toml"],
    &["plan", "changed.toml"],
    &["apply", "changed.toml"],
    &["apply", "changed.toml"],
    &["user", "list"],
    &["user", "disable", "carol"],
    &["user", "list"],
    &["user", "enable", "carol"],
    &["machine", "create", "gone", "--config", "claviger.toml"],
    &["machine", "create", "No Name", "--config", "claviger.toml"],
    &["machine", "create", "reports", "--config", "claviger.toml"],
    &["machine", "list"],
    &["machine", "disable", "CVMKNONE"],
    &["machine", "list", "--json"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["keys", "list"],
    &[
        "user",
        "set-password",
        "carol",
        "--password-file",
        "password",
        "--sign-out",
    ],
];

/// A service that knows an application.
fn service() -> Service {
    let mut service = Service::init();
    let application = "[applications.reports]\ngrants = [\"token_exchange\"]\n\
                       scopes = [\"sso:account:access\"]\n";
    service.room.write("claviger.toml", application);
    service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
    service
}

fn tell(service: &Service) -> String {
    let changed = claviger_tests::instance::DIRECTORY
        .replace(
            "name = \"bob\"\ndisplay_name = \"Bob Example\"",
            "name = \"carol\"",
        )
        .replace(
            "duration = \"1h\"\nusers = [\"alice\"]",
            "duration = \"2h\"\nusers = [\"carol\"]",
        );
    service.room.write("changed.toml", &changed);
    let told: Vec<String> = STORY
        .iter()
        .map(|command| transcript(service, command))
        .collect();
    told.join("\n")
}

#[test]
fn without_a_server_it_works_on_the_store_itself() {
    let service = service();
    assert_transcript!("admin_story", tell(&service));
}

#[tokio::test]
async fn with_a_running_server_it_says_the_very_same() {
    let service = service();
    let running = service.serve().await;
    assert_transcript!("admin_story", tell(&service));
    let mut browser = service.browser();
    browser.sign_in("carol", PASSWORD).await.assert_status(303);
    drop(running);
}

#[test]
fn it_can_be_scripted() {
    let service = Service::init();
    let users = service.admin(&["user", "list", "--json"]);
    users.assert_code(0);
    let names: Vec<String> = users
        .json()
        .pointer("/users")
        .and_then(|users| users.as_array().cloned())
        .unwrap_or_else(|| panic!("no users in {users}"))
        .iter()
        .filter_map(|user| user.get("name")?.as_str().map(ToOwned::to_owned))
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    let mut apply = service
        .room
        .claviger(&["admin", "apply", "-", "--data-dir", "data"]);
    let apply = apply.args(["--key-file", "keys"]);
    let ended = child::run_with_input(apply, claviger_tests::instance::DIRECTORY);
    ended.assert_code(0);
    assert!(ended.stdout.contains("nothing to change"), "{ended}");
}

#[tokio::test]
async fn disabling_a_person_ends_everything_at_once() {
    let service = Service::init();
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    service.admin(&["user", "disable", "alice"]).assert_code(0);
    service
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_error(401, "UnauthorizedException");
    let refused = service.aws().refresh(&client, tokens.refresh_token()).await;
    refused.assert_error(400, "InvalidGrantException");
    drop(running);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let service = Service::init();
    let running = service.serve().await;
    let (_, first) = service.sign_in_device().await;
    let (_, second) = service.sign_in_device().await;
    assert_transcript!(
        "admin_sessions",
        transcript(&service, &["sessions", "list", "--user", "alice"])
    );
    let ids = session_ids(&service.admin(&["sessions", "list", "--json"]));
    assert_eq!(ids.len(), 2, "{ids:?}");
    let newest = ids.first().expect("a session");
    assert_transcript!(
        "admin_sessions_end",
        transcript(&service, &["sessions", "end", newest])
    );
    let accepted = [&first, &second].map(|tokens| tokens.access.clone());
    let aws = service.aws();
    let mut statuses = Vec::new();
    for access in &accepted {
        statuses.push(aws.list_accounts(access).await.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "one of the two is ended");
    service
        .admin(&["sessions", "end", "--user", "alice"])
        .assert_code(0);
    for access in &accepted {
        aws.list_accounts(access)
            .await
            .assert_error(401, "UnauthorizedException");
    }
    assert!(session_ids(&service.admin(&["sessions", "list", "--json"])).is_empty());
    drop(running);
}

#[tokio::test]
async fn what_is_done_while_no_server_runs_holds_when_one_does() {
    let service = Service::init();
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    let (_, others) = service.sign_in_device().await;
    running.terminate();
    running.end().assert_code(0);

    assert_eq!(
        session_ids(&service.admin(&["sessions", "list", "--json"])).len(),
        2
    );
    assert!(actions(&service.admin(&["audit"])).contains("session.start alice"));
    service
        .admin(&["client", "deny", &client.id])
        .assert_code(0);
    assert_eq!(
        session_ids(&service.admin(&["sessions", "list", "--json"])).len(),
        1
    );
    service.admin(&["keys", "rotate"]).assert_code(0);

    let running = service.serve().await;
    let aws = service.aws();
    aws.list_accounts(&tokens.access)
        .await
        .assert_error(401, "UnauthorizedException");
    aws.list_accounts(&others.access).await.assert_status(200);
    running.kill();

    service.admin(&["sessions", "end", "--all"]).assert_code(0);
    let _running = service.serve().await;
    aws.list_accounts(&others.access)
        .await
        .assert_error(401, "UnauthorizedException");
}

fn session_ids(listed: &Ended) -> Vec<String> {
    listed.assert_code(0);
    let sessions = listed
        .json()
        .pointer("/sessions")
        .and_then(|list| list.as_array().cloned());
    sessions
        .unwrap_or_else(|| panic!("no sessions in {listed}"))
        .iter()
        .filter_map(|session| session.get("id")?.as_str().map(ToOwned::to_owned))
        .collect()
}

#[tokio::test]
async fn a_denied_client_is_out_until_it_is_allowed_again() {
    let service = Service::init();
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    let deny = ["client", "deny", &client.id, "--reason", "stolen laptop"];
    assert_transcript!("admin_client_deny", transcript(&service, &deny));
    let aws = service.aws();
    aws.refresh(&client, tokens.refresh_token())
        .await
        .assert_error(401, "InvalidClientException");
    aws.list_accounts(&tokens.access)
        .await
        .assert_error(401, "UnauthorizedException");
    assert_transcript!(
        "admin_client_allow",
        transcript(&service, &["client", "allow", &client.id])
    );
    let device = aws.start_device(&client).await;
    assert!(!device.user_code.is_empty());
    drop(running);
}

#[tokio::test]
async fn the_audit_log_tells_what_happened_and_no_secret() {
    let service = Service::init();
    let running = service.serve().await;
    let link = service.link();
    let aws = claviger_tests::aws::Aws::new(link.clone(), service.aws().start_url().to_owned());
    let mut browser = claviger_tests::browser::Browser::new(link.clone(), service.issuer());
    let (_, tokens) = claviger_tests::instance::sign_in_device(&aws, &mut browser).await;
    aws.logout(&tokens.access).await.assert_status(200);
    let audit = service.admin(&["audit", "--since", "1h"]);
    assert_transcript!("admin_audit", actions(&audit));
    let json = service.admin(&["audit", "--json"]);
    let texts = [
        audit.to_string(),
        json.to_string(),
        running.stderr(),
        running.stdout(),
    ];
    for text in texts {
        let found = claviger_tests::scan::find(&link.secrets.all(), &text);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Action, actor and subject of each record: columns move with ids and addresses.
fn actions(audit: &Ended) -> String {
    audit.assert_code(0);
    let words = |line: &str| {
        line.split_whitespace()
            .skip(1)
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    audit
        .stdout
        .lines()
        .map(words)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_directory_that_is_wrong_is_answered_with_line_and_key() {
    let service = Service::init();
    let wrong = [
        (
            "unknown key",
            "[[user]]\nname = \"dave\"\nemial = \"dave@example.org\"\n",
        ),
        (
            "unknown member",
            "[[group]]\nname = \"ops\"\nmembers = [\"nobody\"]\n",
        ),
        (
            "bad account",
            "[[account]]\nid = \"1234\"\nname = \"Short\"\n",
        ),
        (
            "twice",
            "[[user]]\nname = \"dave\"\n\n[[user]]\nname = \"Dave\"\n",
        ),
        (
            "bad role",
            "[[account]]\nid = \"111122223333\"\nname = \"A\"\n\n[[account.role]]\nname = \"R\"\n\
             arn = \"arn:aws:iam::111122223333:role/R\"\nduration = \"1 week\"\n",
        ),
        ("no TOML", "[[user]\nname = \"dave\"\n"),
    ];
    let mut told = String::new();
    for (what, text) in wrong {
        service.room.write("wrong.toml", text);
        let apply = transcript(&service, &["apply", "wrong.toml"]);
        told = format!("{told}# {what}\n{apply}\n");
    }
    told.push_str(&transcript(&service, &["plan", "absent.toml"]));
    assert_transcript!("admin_wrong_directory", told);
    let users = service.admin(&["user", "list"]);
    assert!(!users.stdout.contains("dave"), "{users}");
}

#[test]
fn what_does_not_exist_is_named() {
    let service = Service::init();
    let commands: [&[&str]; 5] = [
        &["user", "disable", "nobody"],
        &["sessions", "end", "00000000000000000000000000000000"],
        &["sessions", "end", "x"],
        &["sessions", "list", "--user", "nobody"],
        &["client", "deny", "no-client"],
    ];
    let told: Vec<String> = commands
        .iter()
        .map(|command| transcript(&service, command))
        .collect();
    assert_transcript!("admin_unknown", told.join("\n"));
}

#[test]
fn a_password_needs_a_terminal_or_a_file_and_some_length() {
    let service = Service::init();
    assert_transcript!(
        "admin_no_terminal",
        transcript(&service, &["user", "set-password", "bob"])
    );
    service.room.write("short", "hunter2");
    let short = ["user", "set-password", "bob", "--password-file", "short"];
    assert_transcript!("admin_short_password", transcript(&service, &short));
}

#[test]
fn without_an_instance_it_names_init() {
    let room = Room::new();
    let list = [
        "admin",
        "user",
        "list",
        "--data-dir",
        "data",
        "--key-file",
        "keys",
    ];
    assert_transcript!("admin_no_instance", run(&room, &list));
}
