//! Authorization to a role is decided from the directory at the moment of the call (I9).

use claviger_tests::{
    TestServer,
    http::Response,
    seed::{self, PRODUCTION, SANDBOX},
};

const ADMIN_MISSPELLED: [&str; 4] = ["admin", "Admin%20", "%20Admin", "%EF%BC%A1dmin"];

/// 403, one sentence, nothing else.
fn assert_no_access(response: &Response) {
    response.assert_error(403, "ForbiddenException");
    assert_eq!(response.member("message"), "No access");
}

#[tokio::test]
async fn por_01_what_is_not_assigned_is_one_answer_whatever_the_reason() {
    let server = TestServer::start().await;
    let token = server.signed_in_device().await.tokens.access;
    let aws = server.aws();
    // The first call notes that the token was used; only then is a refusal free of writes.
    aws.list_accounts(&token).await.assert_status(200);
    let before = server.rows().everything();
    let mut answers = Vec::new();
    for (account, role) in [
        (PRODUCTION, "Admin"),
        (SANDBOX, "Admin"),
        (SANDBOX, "Nobody-Has-This"),
        ("999988887777", "ReadOnly"),
    ] {
        let (reads, writes) = (server.switch.reads(), server.switch.writes());
        let response = aws.role_credentials(&token, account, role).await;
        assert_no_access(&response);
        // The same work is the same time: session, then one look for the role.
        let work = (
            server.switch.reads() - reads,
            server.switch.writes() - writes,
        );
        assert_eq!(work, (2, 0), "{account} {role}");
        answers.push(response.to_string());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(server.credentials.calls(), 0);
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn por_02_a_role_of_one_account_is_none_of_another() {
    let server = TestServer::start().await;
    let token = server.signed_in_device_of("bob").await.tokens.access;
    let aws = server.aws();
    assert_no_access(&aws.role_credentials(&token, SANDBOX, "Admin").await);
    assert_eq!(server.credentials.calls(), 0);
    let given = aws.role_credentials(&token, PRODUCTION, "Admin").await;
    given.assert_status(200);
    let asked = server.credentials.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].role_arn,
        format!("arn:aws:iam::{PRODUCTION}:role/Admin")
    );
}

#[tokio::test]
async fn por_03_an_account_id_is_twelve_ascii_digits_given_once() {
    let server = TestServer::start().await;
    let token = server.signed_in_device().await.tokens.access;
    let aws = server.aws();
    let bad = [
        "account_id=11112222333",
        "account_id=1111222233334",
        "account_id=%2B11122223333",
        "account_id=+11122223333",
        "account_id=1111%202222333",
        "account_id=%20111122223333",
        "account_id=%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1",
        "account_id=%D9%A1%D9%A2%D9%A3%D9%A4%D9%A5%D9%A6%D9%A7%D9%A8%D9%A9%D9%A0%D9%A1%D9%A2",
        "account_id=111122223333%00",
        "account_id=11112222333%00",
        "account_id=111122223333&account_id=111122223333",
        "account_id=111122223333&account_id=444455556666",
        "account_id=",
        "accountId=111122223333",
        "account_id=111122223333%0d%0a",
        "account_id=%",
    ];
    for query in bad {
        let roles = aws
            .portal(&format!("/assignment/roles?{query}"), &token)
            .await;
        roles.assert_error(400, "InvalidRequestException");
        let target = format!("/federation/credentials?role_name=ReadOnly&{query}");
        let given = aws.portal(&target, &token).await;
        given.assert_error(400, "InvalidRequestException");
    }
    assert_eq!(server.credentials.calls(), 0);
}

#[tokio::test]
async fn por_04_a_role_name_with_a_delimiter_never_reaches_the_sts() {
    let server = TestServer::start().await;
    let token = server.signed_in_device().await.tokens.access;
    let aws = server.aws();
    let long = "R".repeat(65);
    let bad = [
        "role_name=a%2Fb",
        "role_name=..%2FAdmin",
        "role_name=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2FAdmin",
        "role_name=a%3Ab",
        "role_name=a%3Fb",
        "role_name=a%23b",
        "role_name=..",
        "role_name=Read%0AOnly",
        "role_name=ReadOnly%0D%0A",
        "role_name=ReadOnly%26Policy%3D%7B%7D",
        "role_name=",
        "role_name=ReadOnly&role_name=ReadOnly",
        "role_name=ReadOnly&role_name=Developer",
        "roleName=ReadOnly",
        "role_name=%ff",
        &format!("role_name={long}"),
    ];
    for query in bad {
        let target = format!("/federation/credentials?account_id={SANDBOX}&{query}");
        let given = aws.portal(&target, &token).await;
        given.assert_error(400, "InvalidRequestException");
    }
    assert_eq!(server.credentials.calls(), 0);
    // And the ARN is the table's, not made of what was asked.
    let mut directory = seed::directory();
    directory.roles[0].role.arn = "arn:aws:iam::111122223333:role/path/other-name".to_owned();
    server.apply(&directory).await;
    aws.role_credentials(&token, SANDBOX, "Developer")
        .await
        .assert_status(200);
    let asked = server.credentials.requests();
    assert_eq!(
        asked[0].role_arn,
        "arn:aws:iam::111122223333:role/path/other-name"
    );
}

#[tokio::test]
async fn por_05_role_names_match_exactly() {
    let server = TestServer::start().await;
    let token = server.signed_in_device_of("bob").await.tokens.access;
    let aws = server.aws();
    for role in ADMIN_MISSPELLED {
        let target = format!("/federation/credentials?account_id={PRODUCTION}&role_name={role}");
        assert_no_access(&aws.portal(&target, &token).await);
    }
    assert_eq!(server.credentials.calls(), 0);
    aws.role_credentials(&token, PRODUCTION, "Admin")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn por_08_a_removed_assignment_opens_nothing_at_any_node() {
    let server = TestServer::start().await;
    let other = server.node("other").start().await;
    let token = server.signed_in_device().await.tokens.access;
    for aws in [server.aws(), other.aws()] {
        aws.role_credentials(&token, SANDBOX, "Developer")
            .await
            .assert_status(200);
    }
    let mut directory = seed::directory();
    directory.roles[0].users.clear();
    server.apply(&directory).await;
    let calls = server.credentials.calls();
    for aws in [other.aws(), server.aws()] {
        assert_no_access(&aws.role_credentials(&token, SANDBOX, "Developer").await);
        let roles = aws.list_account_roles(&token, SANDBOX).await;
        assert!(!roles.text().contains("Developer"), "{roles}");
        aws.role_credentials(&token, SANDBOX, "ReadOnly")
            .await
            .assert_status(200);
    }
    assert_eq!(server.credentials.calls(), calls + 2);
}

#[tokio::test]
async fn por_08_credentials_begun_after_the_removal_is_acknowledged_are_refused() {
    let server = TestServer::start().await;
    let token = server.signed_in_device().await.tokens.access;
    let with = seed::directory();
    let mut without = seed::directory();
    without.roles[0].users.clear();
    for _ in 0..20 {
        let racers: Vec<_> = (0..4)
            .map(|_| {
                let (aws, token) = (server.aws(), token.clone());
                tokio::spawn(
                    async move { aws.role_credentials(&token, SANDBOX, "Developer").await },
                )
            })
            .collect();
        server.apply(&without).await;
        let late = server
            .aws()
            .role_credentials(&token, SANDBOX, "Developer")
            .await;
        assert_no_access(&late);
        for racer in racers {
            let status = racer.await.expect("an answer").status.as_u16();
            assert!(matches!(status, 200 | 403), "{status}");
        }
        server.apply(&with).await;
    }
}

#[tokio::test]
async fn por_13_logout_ends_one_session_wholly_and_no_other() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let first = server.signed_in_device().await;
    let second = server.signed_in_device().await;
    let before = server.rows().recorded("session.end");
    aws.logout(&first.tokens.access).await.assert_status(200);
    assert_eq!(server.rows().recorded("session.end"), before + 1);
    let again = aws.logout(&first.tokens.access).await;
    again.assert_error(401, "UnauthorizedException");
    assert_eq!(server.rows().recorded("session.end"), before + 1);
    // Access, refresh and the device code's second delivery are all dead.
    let listed = aws.list_accounts(&first.tokens.access).await;
    listed.assert_error(401, "UnauthorizedException");
    let refreshed = aws
        .refresh(&first.client, first.tokens.refresh_token())
        .await;
    refreshed.assert_error(400, "InvalidGrantException");
    let polled = aws.poll(&first.client, &first.device).await;
    polled.assert_error(400, "InvalidGrantException");
    assert_eq!(server.credentials.forgotten().len(), 1);
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (2, 1)
    );
    aws.list_accounts(&second.tokens.access)
        .await
        .assert_status(200);
    let refreshed = aws
        .refresh(&second.client, second.tokens.refresh_token())
        .await;
    refreshed.assert_status(200);
}
