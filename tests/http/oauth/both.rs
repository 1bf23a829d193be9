//! Both dialects at one server: what began in one is finished in the other, or refused cleanly. Which rules hold is the
//! client's own, whichever words it uses.

use claviger_tests::{TestServer, aws::Tokens, oauth::tokens, server::REDIRECT_URI};

#[tokio::test]
async fn tok_08_a_client_of_aws_finishes_every_grant_in_the_standard_dialect() {
    let server = TestServer::start().await;
    let (aws, oauth) = (server.aws(), server.oauth());
    let client = aws.register_for_codes(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    let held = tokens(&oauth.redeem(&client, &code).await);
    let device = aws.start_device(&client).await;
    let answer = oauth.poll(&client, &device).await;
    answer.assert_oauth_error(400, "authorization_pending");
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    tokens(&oauth.poll(&client, &device).await);
    let refreshed = tokens(&oauth.refresh(&client, held.refresh_token()).await);
    // And goes on in its own.
    Tokens::of(&aws.refresh(&client, refreshed.refresh_token()).await);
    assert_eq!(
        server
            .rows()
            .only_text("SELECT DISTINCT dialect FROM sessions"),
        "aws"
    );
}

#[tokio::test]
async fn tok_08_a_client_of_the_standard_dialect_finishes_every_grant_in_that_of_aws() {
    let server = TestServer::start().await;
    let (aws, oauth) = (server.aws(), server.oauth());
    let client = oauth.register(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    let held = Tokens::of(&aws.redeem(&client, &code).await);
    let device = oauth.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    Tokens::of(&aws.poll(&client, &device).await);
    let refreshed = Tokens::of(&aws.refresh(&client, held.refresh_token()).await);
    tokens(&oauth.refresh(&client, refreshed.refresh_token()).await);
    assert_eq!(
        server
            .rows()
            .only_text("SELECT DISTINCT dialect FROM sessions"),
        "oauth"
    );
    // Whoever keeps no secret cannot say what that dialect asks for.
    let public = oauth.register_public(REDIRECT_URI).await;
    let answer = aws.refresh(&public, refreshed.refresh_token()).await;
    answer.assert_error(400, "InvalidRequestException");
}

#[tokio::test]
async fn tok_08_a_signed_call_is_no_form() {
    let server = TestServer::start().await;
    let client = server.oauth().register(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    let held = tokens(&server.oauth().redeem(&client, &code).await);
    let before = server.rows().everything();
    let refreshing = [
        ("client_id", client.id.as_str()),
        ("client_secret", &client.secret),
        ("grant_type", "refresh_token"),
        ("refresh_token", held.refresh_token()),
    ];
    let form = server.oauth().form("/token?aws_iam=t", &refreshing);
    let answer = server.send(form).await;
    answer.assert_error(415, "InvalidRequestException");
    assert_eq!(server.rows().everything(), before);
}
