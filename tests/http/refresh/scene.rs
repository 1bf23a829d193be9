//! What most of these tests begin with: a session whose refreshes come from places of our choice.

use claviger_engine::policy::Policy;
use claviger_tests::{
    TestServer,
    aws::{Aws, Client, Tokens},
    http::Response,
    server::TestServerBuilder,
};

/// Where the honest device is.
pub(super) const HOME: &str = "192.0.2.10";

/// The same network, another machine.
pub(super) const NEIGHBOUR: &str = "192.0.2.77";

/// Another network.
pub(super) const AWAY: &str = "198.51.100.10";

/// A server with alice's one session.
pub(super) struct Scene {
    pub(super) server: TestServer,
    pub(super) client: Client,
    pub(super) first: Tokens,
}

impl Scene {
    pub(super) async fn set() -> Self {
        Self::of(TestServer::builder()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Policy)) -> Self {
        Self::of(TestServer::builder().policy(change)).await
    }

    async fn of(builder: TestServerBuilder) -> Self {
        let server = builder.trusting("127.0.0.1/32").start().await;
        let aws = server.aws().from(HOME);
        let client = aws.register().await;
        let device = aws.start_device(&client).await;
        let approved = server
            .browser_of("alice")
            .await
            .approve(&device.user_code)
            .await;
        approved.assert_status(303);
        let first = Tokens::of(&aws.poll(&client, &device).await);
        Self {
            server,
            client,
            first,
        }
    }

    pub(super) fn at(&self, address: &str) -> Aws {
        self.server.aws().from(address)
    }

    /// What a refresh from `address` answers.
    pub(super) async fn answer(&self, address: &str, refresh_token: &str) -> Response {
        self.at(address).refresh(&self.client, refresh_token).await
    }

    /// A refresh from home that must succeed.
    pub(super) async fn refresh(&self, tokens: &Tokens) -> Tokens {
        self.refresh_at(HOME, tokens).await
    }

    /// A refresh from `address` that must succeed.
    pub(super) async fn refresh_at(&self, address: &str, tokens: &Tokens) -> Tokens {
        Tokens::of(&self.answer(address, tokens.refresh_token()).await)
    }

    /// A refresh that must be refused, in the words that one client looks for.
    pub(super) async fn refused(&self, address: &str, refresh_token: &str) {
        let answer = self.answer(address, refresh_token).await;
        answer.assert_error(400, "InvalidGrantException");
        assert_eq!(answer.member("error"), "invalid_grant");
        assert_eq!(answer.member("message"), "Invalid refresh token provided");
    }

    /// Uses an access token.
    pub(super) async fn used(&self, tokens: &Tokens) {
        self.at(HOME)
            .list_accounts(&tokens.access)
            .await
            .assert_status(200);
    }

    /// `count` rotations, far enough apart that no grace joins them.
    pub(super) async fn rotated(&self, count: usize) -> Vec<Tokens> {
        let mut all = vec![self.first.clone()];
        for _ in 0..count {
            self.server.clock.advance(120);
            let next = self.refresh(all.last().expect("one")).await;
            all.push(next);
        }
        all
    }

    /// That the session ended as a theft, and that nothing of it works any more.
    pub(super) async fn assert_stolen(&self, all: &[&Tokens]) {
        assert_eq!(self.server.rows().end_reason(), "refresh_reuse");
        assert_eq!(self.server.rows().recorded("refresh.reuse"), 1);
        self.assert_dead(all).await;
    }

    /// That no token of the session works any more.
    pub(super) async fn assert_dead(&self, all: &[&Tokens]) {
        for tokens in all {
            self.refused(HOME, tokens.refresh_token()).await;
            let told = self.at(HOME).list_accounts(&tokens.access).await;
            told.assert_error(401, "UnauthorizedException");
        }
    }

    /// That nobody has ended the session.
    pub(super) fn assert_alive(&self) {
        assert_eq!(self.server.rows().end_reason(), "");
        assert_eq!(self.server.rows().live_sessions(), 1);
    }

    pub(super) fn generation(&self) -> i64 {
        self.server.rows().generation()
    }
}
