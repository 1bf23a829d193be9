//! One live token of each kind, and in each dialect where both have it.

use claviger_tests::{
    TestServer,
    aws::{Client, Code, Device, Tokens, authorize_query},
    browser::{Browser, form},
    http::{Response, parameter},
    oauth::tokens,
    seed::{WIKI_SECRET, wiki},
    server::{REDIRECT_URI, TestServerBuilder, password_of},
};

use crate::web_identity;

/// A client of one dialect with what it holds.
pub(super) struct Held {
    pub(super) client: Client,
    pub(super) code: Code,
    pub(super) device: Device,
    pub(super) tokens: Tokens,
}

impl Held {
    /// Each with the name of its kind.
    fn all(&self) -> [(&'static str, String); 7] {
        [
            ("client id", self.client.id.clone()),
            ("client secret", self.client.secret.clone()),
            ("access", self.tokens.access.clone()),
            ("refresh", self.tokens.refresh_token().to_owned()),
            ("device code", self.device.device_code.clone()),
            ("user code", self.device.user_code.clone()),
            ("authorization code", self.code.code.clone()),
        ]
    }
}

/// The tokens.
pub(super) struct Wallet {
    pub(super) server: TestServer,
    /// What a client of AWS holds.
    pub(super) aws: Held,
    /// What a client of the standard dialect holds.
    pub(super) oauth: Held,
    id_token: String,
    page_token: String,
    again: String,
    browser: Browser,
}

impl Wallet {
    pub(super) async fn filled() -> Self {
        let server = with_the_wiki(TestServer::builder()).start().await;
        let aws = of_aws(&server).await;
        let (oauth, id_token) = of_oauth(&server).await;
        let page = "/assignment/accounts?max_result=1";
        let page = server.aws().portal(page, &aws.tokens.access).await;
        let wallet = Self {
            id_token,
            page_token: page.member("nextToken"),
            again: again(&server, &oauth.client).await,
            browser: server.browser_of("alice").await,
            server,
            aws,
            oauth,
        };
        // The scanner looks for those as well that the kit does not know.
        for secret in [&wallet.again, &wallet.page_token, WIKI_SECRET] {
            wallet.server.secrets().add(secret);
        }
        wallet
    }

    /// Each with the name of its kind.
    pub(super) async fn all(&self) -> Vec<(&'static str, String)> {
        let mut browser = self.browser.clone();
        let cookie = |name| self.browser.cookie(name).expect("a cookie").to_owned();
        let consent = browser.authorize(&for_all(&self.oauth.client)).await;
        let sign_in = self.server.browser().get("/sign-in").await;
        let mut all = Vec::new();
        all.extend(self.aws.all());
        all.extend(self.oauth.all());
        all.extend([
            ("ID token", self.id_token.clone()),
            ("page token", self.page_token.clone()),
            ("cookie", cookie("claviger_session")),
            ("known browser", cookie("claviger_known")),
            ("transaction", field(&sign_in, "/sign-in", "next")),
            ("consent", field(&consent, "/authorize", "request")),
            ("form token", field(&consent, "/authorize", "token")),
            ("again", self.again.clone()),
            ("web identity", web_identity::token(&self.server)),
            ("application's secret", WIKI_SECRET.to_owned()),
        ]);
        all
    }
}

/// A server that knows the wiki of the seed.
pub(super) fn with_the_wiki(builder: TestServerBuilder) -> TestServerBuilder {
    builder.policy(|policy| policy.applications.push(wiki()))
}

/// A sound request of `client` for all that it registered.
pub(super) fn for_all(client: &Client) -> Vec<(String, String)> {
    let mut query = authorize_query(client, REDIRECT_URI);
    query.retain(|(name, _)| name != "scopes");
    query
}

/// A field of a page's form.
#[track_caller]
fn field(page: &Response, action: &str, name: &str) -> String {
    let form = form(page, action);
    form.value(name).expect(name).to_owned()
}

async fn of_aws(server: &TestServer) -> Held {
    let (client, code) = server.code().await;
    let earlier = server.code_for(&client).await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &earlier).await);
    let device = server.aws().start_device(&client).await;
    Held {
        client,
        code,
        device,
        tokens,
    }
}

/// With the ID token that came with the tokens.
async fn of_oauth(server: &TestServer) -> (Held, String) {
    let oauth = server.oauth();
    let client = oauth.register(REDIRECT_URI).await;
    let query = for_all(&client);
    let mut browser = server.browser_of("alice").await;
    let mut code = async || {
        let page = browser.authorize(&query).await;
        let back = browser.consent(&page, "Allow").await;
        let location = back.header("location").expect("a way back");
        Code {
            code: parameter(location, "code").expect("a code"),
            redirect_uri: REDIRECT_URI.to_owned(),
            verifier: claviger_tests::pkce::VERIFIER.to_owned(),
        }
    };
    let answer = oauth.redeem(&client, &code().await).await;
    let code = code().await;
    let device = oauth.start_device(&client).await;
    let held = Held {
        client,
        code,
        device,
        tokens: tokens(&answer),
    };
    (held, answer.member("id_token"))
}

/// The mark that alice has signed in again for a request of `client`.
async fn again(server: &TestServer, client: &Client) -> String {
    let mut query = for_all(client);
    query.push(("prompt".to_owned(), "login".to_owned()));
    let mut browser = server.browser();
    let page = browser.authorize(&query).await;
    let password = password_of("alice");
    let done = browser.sign_in_at(&page, "alice", password).await;
    let location = done.header("location").expect("a way on");
    parameter(location, "claviger_again").expect("a mark")
}
