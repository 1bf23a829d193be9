//! `--store postgres://…`: the same service from a database that nodes share.

use claviger_tests::{
    aws::Tokens,
    instance::{PASSWORD, Service},
    postgres::Place,
    shim::Shim,
};

fn service() -> (Place, Service) {
    let place = Place::default();
    let service = Service::init_in(Some(place.address()));
    (place, service)
}

#[tokio::test]
async fn what_one_node_begins_another_goes_on_with() {
    let (_place, first) = service();
    let second = first.further_node();
    let (running, other) = (first.serve().await, second.serve().await);
    let (here, there) = (first.aws(), second.aws());
    // A code is asked for at one, approved at the other, and redeemed at the first.
    let client = here.register().await;
    let device = here.start_device(&client).await;
    let mut browser = second.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    let approved = browser.approve(&device.user_code).await;
    approved.assert_status(303);
    let tokens = Tokens::of(&here.poll(&client, &device).await);
    there.list_accounts(&tokens.access).await.assert_status(200);
    // An answer that was lost is given again by whichever node is asked.
    let again = Tokens::of(&there.poll(&client, &device).await);
    assert_eq!(again.refresh_token(), tokens.refresh_token());
    let next = there.refresh(&client, tokens.refresh_token()).await;
    let next = Tokens::of(&next);
    here.list_accounts(&next.access).await.assert_status(200);
    // What ends at one has ended at the other, at once.
    here.logout(&next.access).await.assert_status(200);
    there
        .list_accounts(&next.access)
        .await
        .assert_error(401, "UnauthorizedException");
    there
        .refresh(&client, next.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    running.kill();
    other.kill();
}

/// Both calendars are within what is borne, and forty seconds from each other. What one node wrote would come
/// from the future at the other, and a retry be taken for theft, if they did not go by the database's.
#[tokio::test]
async fn f15_a_retry_at_a_node_that_is_behind_is_no_theft() {
    let (_place, mut first) = service();
    let mut second = first.further_node();
    Shim::before(&mut first).rule("clock 20");
    Shim::before(&mut second).rule("clock -20");
    let (running, other) = (first.serve().await, second.serve().await);
    let (here, there) = (first.aws(), second.aws());
    let (client, oldest) = first.sign_in_device().await;
    let older = Tokens::of(&here.refresh(&client, oldest.refresh_token()).await);
    let newest = Tokens::of(&here.refresh(&client, older.refresh_token()).await);
    let retried = there.refresh(&client, oldest.refresh_token()).await;
    let retried = Tokens::of(&retried);
    for access in [&newest.access, &retried.access] {
        there.list_accounts(access).await.assert_status(200);
    }
    // Both say that something is wrong.
    for node in [running, other] {
        node.stderr_line(|line| line.contains("clock is not the database's").then_some(()));
        node.kill();
    }
}

#[tokio::test]
async fn a_node_that_is_killed_leaves_everything_to_the_others() {
    let (_place, first) = service();
    let second = first.further_node();
    let (running, other) = (first.serve().await, second.serve().await);
    let (client, tokens) = first.sign_in_device().await;
    running.kill();
    let next = second.aws().refresh(&client, tokens.refresh_token()).await;
    let next = Tokens::of(&next);
    // And it comes back to what happened without it.
    let running = first.serve().await;
    first
        .aws()
        .list_accounts(&next.access)
        .await
        .assert_status(200);
    running.kill();
    other.kill();
}

#[test]
fn administrators_need_no_running_node_and_are_told_who_backs_up() {
    let (place, service) = service();
    let listed = service.admin(&["user", "list"]);
    assert!(listed.assert_code(0).stdout.contains("alice"), "{listed}");
    let ended = service.admin(&["backup", "backup.db"]);
    ended
        .assert_code(1)
        .assert_says(&["no backup was made", "pg_dump"]);
    assert_eq!(
        place.sql("SELECT count(*) FROM users WHERE name = 'alice'"),
        "1"
    );
}

#[test]
fn init_leaves_an_existing_store_and_its_own_key_file_alone() {
    let (place, service) = service();
    let keys = service.room.read("keys");
    let mut again = Service::at(claviger_tests::room::Room::new());
    again.store = service.store.clone();
    let ended = again.init_again();
    ended
        .assert_code(78)
        .assert_says(&["there is a store in", "already"]);
    assert!(
        !again.room.work().join("keys").exists(),
        "no key file for nothing"
    );
    assert_eq!(service.room.read("keys"), keys);
    assert_eq!(place.sql("SELECT count(*) FROM keyring"), "1");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_its_password() {
    for (address, code, says) in [
        ("postgres://claviger:hunter2@", 1, "is not understood"),
        (
            "postgres://claviger:hunter2@db.example/store?sslmode=prefer",
            1,
            "sslmode=verify-full",
        ),
        (
            "postgres://claviger:hunter2@127.0.0.1:9/store",
            75,
            "cannot be reached",
        ),
    ] {
        let mut service = Service::at(claviger_tests::room::Room::new());
        service.store = Some(address.to_owned());
        let ended = service.init_again();
        ended.assert_code(code).assert_says(&[says]);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!told.contains("hunter2"), "{told}");
    }
}
