//! Estates and seeds.

use claviger_tests::{aws::Tokens, instance::Dev, room::Room};
use serde_json::{Value, json};

#[tokio::test]
async fn a_big_estate_is_all_of_alice_and_can_be_paged_through() {
    let room = Room::new();
    let dev = Dev::start(&room, &["--accounts", "500", "--roles", "20"]);
    let aws = dev.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let code = json!({ "user_code": device.user_code });
    dev.control().post("approve", &code).await;
    let token = Tokens::of(&aws.poll(&client, &device).await).access;
    let (mut accounts, mut next) = (Vec::new(), String::new());
    loop {
        let page = aws
            .portal(
                &format!("/assignment/accounts?max_result=100{next}"),
                &token,
            )
            .await
            .json();
        let listed = page["accountList"].as_array().expect("accounts").clone();
        accounts.extend(
            listed
                .iter()
                .filter_map(|account| account["accountId"].as_str().map(str::to_owned)),
        );
        let Some(more) = page["nextToken"].as_str() else {
            break;
        };
        next = format!("&next_token={}", claviger_tests::http::escape(more));
    }
    let before = accounts.len();
    accounts.sort();
    accounts.dedup();
    assert_eq!((before, accounts.len()), (500, 500));
    let last = accounts.last().expect("an account");
    let roles = aws.list_account_roles(&token, last).await.json();
    assert_eq!(roles["roleList"].as_array().map(Vec::len), Some(20));
    aws.role_credentials(&token, last, "Role020")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_codes_and_another_one_others() {
    let room = Room::new();
    let mut told = Vec::new();
    for seed in ["7", "7", "8"] {
        let dev = Dev::start(&room, &["--seed", seed]);
        let aws = dev.aws();
        let client = aws.register().await;
        let device = aws.start_device(&client).await;
        told.push((
            device.user_code,
            dev.text("aws_start_url"),
            dev.text("control_token"),
        ));
    }
    let [first, again, other] = told.as_slice() else {
        panic!("three starts")
    };
    assert_eq!((&first.0, &first.1), (&again.0, &again.1));
    assert_ne!(first.0, other.0);
    assert_ne!(first.1, other.1);
    assert_ne!(first.2, again.2, "no seed decides a secret of the instance");
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let room = Room::new();
    for flags in [
        &["--roles", "3"][..],
        &["--accounts", "3", "--directory", "x"],
        &["--accounts", "0"],
        &["--seed", "1", "--expose"],
        &["--private-home"],
        &["--login", "none"],
    ] {
        room.run(&[&["dev"], flags].concat()).assert_code(2);
    }
}

#[test]
fn the_default_profile_is_the_one_that_was_chosen() {
    let room = Room::new();
    let shown = |flags: &[&str]| {
        let look = [
            "--",
            "sh",
            "-c",
            "grep -A3 '^.default' \"$AWS_CONFIG_FILE\"",
        ];
        let ended = room.run(&[&["dev"], flags, &look].concat());
        ended.assert_code(0);
        ended.stdout
    };
    let first = shown(&[]);
    assert!(
        first.contains("111122223333") && first.contains("Developer"),
        "{first}"
    );
    let chosen = shown(&["--account", "444455556666", "--role", "ReadOnly"]);
    assert!(
        chosen.contains("444455556666") && chosen.contains("ReadOnly"),
        "{chosen}"
    );
    for (flags, hint) in [
        (["--account", "1"], "111122223333, 444455556666"),
        (["--role", "Ops"], "Developer, ReadOnly"),
        (["--user", "bob"], "alice"),
    ] {
        let ended = room.run(&[&["dev"], &flags[..], &["--", "true"]].concat());
        ended.assert_code(78).assert_says(&[hint]);
    }
}

#[test]
fn the_first_line_tells_programs_where_the_control_api_is() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    assert_eq!(
        dev.text("control_url"),
        format!("{}/_dev", dev.text("issuer"))
    );
    assert!(dev.about.get("control_token").is_some_and(Value::is_string));
}
