//! Redeeming authorization codes: verifiers, owners, replays, races, ends (AUT-04..10).

use claviger_tests::{
    TestServer,
    aws::{Code, Tokens},
    effort::rounds,
    pkce,
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

use super::altered;

#[tokio::test]
async fn aut_04_a_verifier_that_is_absent_or_ill_formed_redeems_nothing() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let redeem = async |verifier: Value| {
        let body = altered(&code, "codeVerifier", verifier);
        server.aws().create_token(client.with(body)).await
    };
    let long = "x".repeat(129);
    for ill in [
        "x",
        &"x".repeat(42),
        &long,
        &"ä".repeat(43),
        &format!("{}=", pkce::VERIFIER),
        &"x y".repeat(20),
    ] {
        let refused = redeem(json!(ill)).await;
        refused.assert_error(400, "InvalidRequestException");
    }
    assert_eq!(server.rows().code_failures(), 0, "ill-formed has no effect");
    for (number, absent) in (1..).zip([Value::Null, json!("")]) {
        redeem(absent)
            .await
            .assert_error(400, "InvalidRequestException");
        assert_eq!(server.rows().code_failures(), number, "absent is counted");
    }
    assert_eq!(server.rows().sessions(), 0);
    Tokens::of(&server.aws().redeem(&client, &code).await);
}

#[tokio::test]
async fn aut_05_a_wrong_verifier_is_counted_and_five_burn_the_code() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let wrong = Code {
        verifier: "x".repeat(43),
        ..code.clone()
    };
    for number in 1..=4 {
        server
            .aws()
            .redeem(&client, &wrong)
            .await
            .assert_error(400, "InvalidGrantException");
        assert_eq!(server.rows().code_failures(), number);
    }
    Tokens::of(&server.aws().redeem(&client, &code).await);

    let burned = server.code_for(&client).await;
    let wrong = Code {
        verifier: "x".repeat(43),
        ..burned.clone()
    };
    for _ in 1..=5 {
        server
            .aws()
            .redeem(&client, &wrong)
            .await
            .assert_error(400, "InvalidGrantException");
    }
    let refused = server.aws().redeem(&client, &burned).await;
    refused.assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().sessions(), 1);
}

#[tokio::test]
async fn aut_06_another_clients_code_is_refused_and_stays_its_owners() {
    let server = TestServer::start().await;
    let (owner, code) = server.code().await;
    let thief = server.aws().register_for_codes(REDIRECT_URI).await;
    let before = server.rows().everything();
    for _ in 0..6 {
        let refused = server.aws().redeem(&thief, &code).await;
        refused.assert_error(400, "InvalidGrantException");
    }
    assert_eq!(server.rows().everything(), before);
    Tokens::of(&server.aws().redeem(&owner, &code).await);
}

#[tokio::test]
async fn aut_07_a_fully_valid_replay_ends_the_session() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(200);

    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (1, 0)
    );
    assert_eq!(server.rows().end_reason(), "code_replay");
    assert_eq!(server.rows().recorded("code.replay"), 1);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(401);
    let refreshed = server.aws().refresh(&client, tokens.refresh_token()).await;
    refreshed.assert_error(400, "InvalidGrantException");

    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(
        server.rows().recorded("code.replay"),
        1,
        "it had ended already"
    );
    assert_eq!(server.rows().sessions(), 1);
}

#[tokio::test]
async fn aut_07_a_code_that_aged_after_its_redemption_still_tells_a_replay() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    Tokens::of(&server.aws().redeem(&client, &code).await);
    server.clock.advance(600);
    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().end_reason(), "code_replay");
}

/// At two nodes and in both dialects.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn aut_08_of_fifty_parallel_redemptions_one_wins_and_the_session_ends() {
    let rounds = rounds();
    let server = TestServer::start().await;
    let node = server.node("other").start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut race = server.switch.race();
    for round in 1..=rounds {
        let code = server.code_for(&client).await;
        race.round_begins();
        let racers: Vec<_> = (0..50)
            .map(|number| {
                let (aws, oauth) = if number % 2 == 0 {
                    (server.aws(), server.oauth())
                } else {
                    (node.aws(), node.oauth())
                };
                let (client, code) = (client.clone(), code.clone());
                let in_aws_words = number % 4 < 2;
                tokio::spawn(async move {
                    let answer = if in_aws_words {
                        aws.redeem(&client, &code).await
                    } else {
                        oauth.redeem(&client, &code).await
                    };
                    (in_aws_words, answer)
                })
            })
            .collect();
        let mut won = Vec::new();
        for racer in racers {
            match racer.await.expect("a racer") {
                (true, answer) if answer.status == 200 => won.push(answer.member("accessToken")),
                (false, answer) if answer.status == 200 => won.push(answer.member("access_token")),
                (true, answer) => {
                    answer.assert_error(400, "InvalidGrantException");
                }
                (false, answer) => {
                    answer.assert_oauth_error(400, "invalid_grant");
                }
            }
        }
        race.round_over();
        let [access] = won.try_into().expect("one winner");
        let sessions = i64::try_from(round).expect("few");
        assert_eq!(
            (server.rows().sessions(), server.rows().live_sessions()),
            (sessions, 0)
        );
        assert_eq!(server.rows().recorded("session.start"), round);
        assert_eq!(server.rows().recorded("code.replay"), round);
        node.aws().list_accounts(&access).await.assert_status(401);
        server.clock.advance(60);
    }
    race.over("AUT-08, fifty redemptions of one code");
}

#[tokio::test]
async fn aut_09_a_code_lives_sixty_seconds() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    server.clock.advance(60);
    let before = server.rows().everything();
    server
        .aws()
        .redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.rows().sessions(), 0);
    let fresh = server.code_for(&client).await;
    server.clock.advance(59);
    Tokens::of(&server.aws().redeem(&client, &fresh).await);
}

#[tokio::test]
async fn aut_10_a_flawed_replay_ends_nothing() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    let other = server.aws().register_for_codes(REDIRECT_URI).await;
    let before = server.rows().everything();
    let wrong_verifier = Code {
        verifier: "y".repeat(43),
        ..code.clone()
    };
    let wrong_uri = Code {
        redirect_uri: "http://127.0.0.1:2/oauth/callback".to_owned(),
        ..code.clone()
    };
    for refused in [
        server.aws().redeem(&client, &wrong_verifier).await,
        server.aws().redeem(&client, &wrong_uri).await,
        server.aws().redeem(&other, &code).await,
    ] {
        refused.assert_error(400, "InvalidGrantException");
    }
    assert_eq!(server.rows().everything(), before);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(200);
}
