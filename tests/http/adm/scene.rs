//! A server on which everything is under way: a signed-in browser, sessions of both grants, a
//! device that waits, one that is approved, a consent page.

use claviger_model::id::SessionId;
use claviger_tests::{
    TestServer,
    aws::{self, Client, Code, Device, Tokens},
    browser::Browser,
    http::Response,
    seed,
    server::{REDIRECT_URI, SignedInDevice},
};

/// Where alice's devices are.
pub(super) const HOME: &str = "192.0.2.10";

/// Another network.
pub(super) const AWAY: &str = "198.51.100.10";

/// Alice in the middle of everything.
pub(super) struct Scene {
    pub(super) server: TestServer,
    pub(super) browser: Browser,
    /// A device of hers with its session.
    pub(super) held: SignedInDevice,
    pub(super) held_id: SessionId,
    /// A code of hers, redeemed.
    pub(super) code_client: Client,
    pub(super) code: Code,
    pub(super) code_id: SessionId,
    /// A device that waits for a decision.
    pub(super) waiting: Device,
    /// A device that is approved and has not fetched its tokens.
    pub(super) approved: Device,
    /// The page that asks for consent.
    pub(super) consent: Response,
}

impl Scene {
    pub(super) async fn set() -> Self {
        let server = TestServer::builder()
            .alone()
            .trusting("127.0.0.1/32")
            .policy(|policy| policy.applications.push(seed::application()))
            .start()
            .await;
        let aws = server.aws().from(HOME);
        let mut browser = server.browser().from(HOME);
        browser
            .sign_in("alice", "correct horse")
            .await
            .assert_status(303);
        let client = aws.register().await;
        let device = aws.start_device(&client).await;
        browser.approve(&device.user_code).await.assert_status(303);
        let tokens = Tokens::of(&aws.poll(&client, &device).await);
        let held_id = newest(&server);
        let code_client = aws.register_for_codes(REDIRECT_URI).await;
        let code = server.code_for(&code_client).await;
        aws.redeem(&code_client, &code).await.assert_status(200);
        let code_id = newest(&server);
        let waiting = aws.start_device(&client).await;
        let approved = aws.start_device(&client).await;
        browser
            .approve(&approved.user_code)
            .await
            .assert_status(303);
        let query = aws::authorize_query(&code_client, REDIRECT_URI);
        let consent = browser.authorize(&query).await;
        consent.assert_status(200);
        Self {
            server,
            browser,
            held: SignedInDevice {
                client,
                device,
                tokens,
            },
            held_id,
            code_client,
            code,
            code_id,
            waiting,
            approved,
            consent,
        }
    }
}

/// The session that began last.
pub(super) fn newest(server: &TestServer) -> SessionId {
    let records = server.rows().audit().into_iter().rev();
    let mut begun = records.filter(|record| record.action == "session.start");
    let session_id = begun.next().and_then(|record| record.session_id);
    session_id.expect("a session has begun")
}
