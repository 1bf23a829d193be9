//! The two lists and their pages.

use std::collections::BTreeMap;

use claviger_engine::admin::wanted::Directory;
use claviger_tests::{
    TestServer,
    http::{Response, escape},
    seed::{self, PRODUCTION, SANDBOX},
};
use serde_json::Value;

/// The token of the next page, if there is one.
fn next(page: &Response) -> Option<String> {
    let json = page.assert_status(200).json();
    json.get("nextToken")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned)
}

/// The texts of `member` in the list `list`.
fn texts(page: &Response, list: &str, member: &str) -> Vec<String> {
    let json = page.json();
    let items = json.get(list).and_then(Value::as_array).expect("a list");
    let text = |item: &Value| {
        item.get(member)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    items.iter().filter_map(text).collect()
}

#[tokio::test]
async fn por_12_a_page_token_serves_one_person_in_one_list_for_one_hour() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let alice = server.signed_in_device().await;
    let bob = server.signed_in_device_of("bob").await.tokens.access;
    let token = alice.tokens.access.clone();
    let page = aws
        .portal("/assignment/accounts?max_result=1", &token)
        .await;
    let accounts = next(&page).expect("a second page");
    let first_roles = format!("/assignment/roles?max_result=1&account_id={SANDBOX}");
    let roles = next(&aws.portal(&first_roles, &token).await).expect("a second page");
    let list = |token: &str| format!("/assignment/accounts?next_token={}", escape(token));
    let roles_of = |account: &str, token: &str| {
        format!(
            "/assignment/roles?account_id={account}&next_token={}",
            escape(token)
        )
    };
    aws.portal(&list(&accounts), &token)
        .await
        .assert_status(200);
    aws.portal(&roles_of(SANDBOX, &roles), &token)
        .await
        .assert_status(200);
    let refused = [
        (list(&accounts), &bob),
        (list(&roles), &token),
        (roles_of(SANDBOX, &accounts), &token),
        (roles_of(PRODUCTION, &roles), &token),
        (roles_of(SANDBOX, &roles), &bob),
        (list("cvp1."), &token),
        (list(&accounts.to_uppercase()), &token),
        (list(&format!("{accounts}A")), &token),
        (list(&token), &token),
    ];
    for (target, bearer) in refused {
        let answer = aws.portal(&target, bearer).await;
        answer.assert_error(400, "InvalidRequestException");
    }
    // The page token outlives the access token; a fresh one shows that it ends by itself.
    server.clock.advance(3599);
    aws.portal(&list(&accounts), &token)
        .await
        .assert_status(200);
    server.clock.advance(1);
    let refreshed = aws
        .refresh(&alice.client, alice.tokens.refresh_token())
        .await;
    refreshed.assert_status(200);
    let expired = aws
        .portal(&list(&accounts), &refreshed.member("accessToken"))
        .await;
    expired.assert_error(400, "InvalidRequestException");
}

#[tokio::test]
async fn por_12_no_altered_page_token_is_read() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let token = server.signed_in_device().await.tokens.access;
    let page = aws
        .portal("/assignment/accounts?max_result=1", &token)
        .await;
    let good = next(&page).expect("a second page");
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let altered = String::from_utf8(bytes).expect("text");
        let target = format!("/assignment/accounts?next_token={}", escape(&altered));
        let answer = aws.portal(&target, &token).await;
        answer.assert_error(400, "InvalidRequestException");
    }
}

#[tokio::test]
async fn por_12_a_page_has_one_to_a_hundred_entries() {
    let server = TestServer::start().await;
    let token = server.signed_in_device().await.tokens.access;
    for size in [
        "0",
        "101",
        "-1",
        "1e2",
        "+5",
        "1.0",
        "0x10",
        "%EF%BC%91",
        "1&max_result=1",
    ] {
        for target in [
            format!("/assignment/accounts?max_result={size}"),
            format!("/assignment/roles?account_id={SANDBOX}&max_result={size}"),
        ] {
            let answer = server.aws().portal(&target, &token).await;
            answer.assert_error(400, "InvalidRequestException");
        }
    }
    for size in ["1", "100"] {
        let target = format!("/assignment/accounts?max_result={size}");
        server
            .aws()
            .portal(&target, &token)
            .await
            .assert_status(200);
    }
}

/// Accounts numbered 1 to `count`, each with twenty roles of alice, and one of bob alone.
fn wide(numbers: impl Iterator<Item = u32>) -> Directory {
    let ids: Vec<String> = numbers.map(|number| format!("{number:012}")).collect();
    let mut directory = Directory {
        users: vec![seed::person("alice"), seed::person("bob")],
        accounts: ids.iter().map(|id| seed::account(id, id)).collect(),
        ..Directory::default()
    };
    for id in &ids {
        let role = |number: u32| seed::role(id, &format!("Role{number:02}"), &["alice"], &[]);
        directory.roles.extend((0..20).map(role));
    }
    directory
        .accounts
        .push(seed::account("999999999999", "Foreign"));
    directory
        .roles
        .push(seed::role("999999999999", "Foreign", &["bob"], &[]));
    directory
}

#[tokio::test]
async fn por_17_pages_stay_whole_while_assignments_change() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let token = server.signed_in_device().await.tokens.access;
    // Even accounts come and go with each page; odd ones stay.
    let all = wide(1..=60);
    let odd = wide((1..=60).filter(|number| number % 2 == 1));
    server.apply(&all).await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut order = Vec::new();
    let mut target = "/assignment/accounts?max_result=7".to_owned();
    for round in 0.. {
        let page = aws.portal(&target, &token).await;
        let next = next(&page);
        for id in texts(&page, "accountList", "accountId") {
            *seen.entry(id.clone()).or_default() += 1;
            order.push(id);
        }
        server.apply(if round % 2 == 0 { &odd } else { &all }).await;
        match next {
            Some(next) => {
                target = format!(
                    "/assignment/accounts?max_result=7&next_token={}",
                    escape(&next)
                );
            }
            None => break,
        }
    }
    assert!(order.is_sorted(), "{order:?}");
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    assert!(!seen.contains_key("999999999999"));
    for number in (1..=60).filter(|number| number % 2 == 1) {
        assert!(
            seen.contains_key(&format!("{number:012}")),
            "{number} was skipped"
        );
    }
}

#[tokio::test]
async fn por_17_all_roles_of_an_account_are_listed_once() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let token = server.signed_in_device().await.tokens.access;
    server.apply(&wide(1..=2)).await;
    let first = "/assignment/roles?account_id=000000000001&max_result=6".to_owned();
    let (mut target, mut roles) = (first.clone(), Vec::new());
    loop {
        let page = aws.portal(&target, &token).await;
        roles.extend(texts(&page, "roleList", "roleName"));
        match next(&page) {
            Some(next) => target = format!("{first}&next_token={}", escape(&next)),
            None => break,
        }
    }
    let expected: Vec<String> = (0..20).map(|number| format!("Role{number:02}")).collect();
    assert_eq!(roles, expected);
    // An account without a role of hers is one that does not exist.
    for account in ["999999999999", "888888888888"] {
        let foreign = aws.list_account_roles(&token, account).await;
        foreign.assert_error(403, "ForbiddenException");
        assert_eq!(foreign.member("message"), "No access");
    }
}
