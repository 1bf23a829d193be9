//! A token of one kind is nothing where another kind belongs, nor at another instance.

use claviger_model::id::InstanceId;
use claviger_tests::{
    TestServer,
    aws::{Aws, Client, Code, DEVICE_CODE, Device, Tokens},
    browser::Browser,
    http::{Response, escape},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

/// One live token of each kind.
struct Wallet {
    server: TestServer,
    client: Client,
    code: Code,
    device: Device,
    tokens: Tokens,
    page_token: String,
    browser: Browser,
}

/// The kinds, in the order of [`Wallet::tokens`].
const KINDS: [&str; 10] = [
    "client id",
    "client secret",
    "access",
    "refresh",
    "device code",
    "user code",
    "authorization code",
    "cookie",
    "transaction",
    "page token",
];

impl Wallet {
    async fn filled() -> Self {
        let server = TestServer::start().await;
        let (client, code) = server.code().await;
        let earlier = server.code_for(&client).await;
        let tokens = Tokens::of(&server.aws().redeem(&client, &earlier).await);
        let device = server.aws().start_device(&client).await;
        let page = server
            .aws()
            .portal("/assignment/accounts?max_result=1", &tokens.access)
            .await;
        Self {
            page_token: page.member("nextToken"),
            browser: server.browser_of("alice").await,
            server,
            client,
            code,
            device,
            tokens,
        }
    }

    async fn all(&self) -> Vec<(&'static str, String)> {
        let cookie = self.browser.cookie("claviger_session").expect("a session");
        let transaction = transaction(&self.server).await;
        let values = [
            self.client.id.clone(),
            self.client.secret.clone(),
            self.tokens.access.clone(),
            self.tokens.refresh_token().to_owned(),
            self.device.device_code.clone(),
            self.device.user_code.clone(),
            self.code.code.clone(),
            cookie.to_owned(),
            transaction,
            self.page_token.clone(),
        ];
        KINDS.into_iter().zip(values).collect()
    }
}

/// The sealed transaction of a sign-in form: its longest hidden field.
async fn transaction(server: &TestServer) -> String {
    let page = server.browser().get("/sign-in").await;
    let form = claviger_tests::browser::form(&page, "/sign-in");
    let sealed = form
        .fields
        .iter()
        .map(|(_, value)| value)
        .find(|value| value.starts_with("cvt1."));
    sealed.expect("a sealed transaction").clone()
}

/// Where a token can be presented: a kind, and what must be said to any other.
const PLACES: [(&str, u16, &str); 7] = [
    ("client id", 401, "InvalidClientException"),
    ("client secret", 401, "InvalidClientException"),
    ("device code", 400, "InvalidGrantException"),
    ("refresh", 400, "InvalidGrantException"),
    ("authorization code", 400, "InvalidGrantException"),
    ("access", 401, "UnauthorizedException"),
    ("cookie", 303, ""),
];

/// Presents `token` at a place.
async fn present(
    aws: &Aws,
    client: &Client,
    mut visitor: Browser,
    place: &str,
    token: &str,
) -> Response {
    let grant = async |body: Value| aws.create_token(client.with(body)).await;
    let as_client = |id: &str, secret: &str| json!({ "grantType": "refresh_token", "refreshToken": "x", "clientId": id, "clientSecret": secret });
    match place {
        "client id" => aws.create_token(as_client(token, &client.secret)).await,
        "client secret" => aws.create_token(as_client(&client.id, token)).await,
        "device code" => grant(json!({ "grantType": DEVICE_CODE, "deviceCode": token })).await,
        "refresh" => grant(json!({ "grantType": "refresh_token", "refreshToken": token })).await,
        "access" => aws.list_accounts(token).await,
        "authorization code" => {
            let code = Code {
                code: token.to_owned(),
                redirect_uri: REDIRECT_URI.to_owned(),
                verifier: claviger_tests::pkce::VERIFIER.to_owned(),
            };
            aws.redeem(client, &code).await
        }
        "cookie" => {
            visitor.set_cookie("claviger_session", token);
            visitor.get("/sessions").await
        }
        other => panic!("{other} is no place"),
    }
}

/// That `token` is nothing at all places but its own.
async fn assert_nothing(aws: &Aws, client: &Client, visitor: &Browser, kind: &str, token: &str) {
    for (place, status, exception) in PLACES {
        if place == kind {
            continue;
        }
        let answer = present(aws, client, visitor.clone(), place, token).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{kind} as {place}: {answer}"
        );
        assert_eq!(
            answer.header("x-amzn-errortype").unwrap_or_default(),
            exception,
            "{kind} as {place}"
        );
    }
}

/// The prefixes that tokens are told apart by.
const PREFIXES: [&str; 9] = [
    "cvc1.", "cvs1.", "cva1.", "cvr1.", "cvd1.", "cvz1-", "cvw1.", "cvt1.", "cvp1.",
];

#[tokio::test]
async fn tok_08_every_kind_is_nothing_where_another_belongs() {
    let wallet = Wallet::filled().await;
    let before = wallet.server.rows().everything();
    let aws = wallet.server.aws();
    for (kind, token) in wallet.all().await {
        assert_nothing(&aws, &wallet.client, &wallet.server.browser(), kind, &token).await;
        // Nor under the prefix of the kind that is wanted.
        let own = PREFIXES
            .into_iter()
            .find(|prefix| token.starts_with(prefix))
            .unwrap_or_default();
        let bare = token.strip_prefix(own).unwrap_or_default();
        for prefix in PREFIXES.into_iter().filter(|prefix| *prefix != own) {
            let disguised = format!("{prefix}{bare}");
            assert_nothing(
                &aws,
                &wallet.client,
                &wallet.server.browser(),
                "",
                &disguised,
            )
            .await;
        }
        if kind != "page token" {
            let target = format!("/assignment/accounts?next_token={}", escape(&token));
            let answer = aws.portal(&target, &wallet.tokens.access).await;
            answer.assert_error(400, "InvalidRequestException");
        }
    }
    let used: Vec<String> = wallet.server.rows().everything();
    assert_eq!(used, before);
    // They were good all the while.
    let Wallet {
        server,
        client,
        code,
        device,
        tokens,
        ..
    } = &wallet;
    Tokens::of(&server.aws().redeem(client, code).await);
    server
        .aws()
        .poll(client, device)
        .await
        .assert_error(400, "AuthorizationPendingException");
    Tokens::of(&server.aws().refresh(client, tokens.refresh_token()).await);
}

#[tokio::test]
async fn tok_09_tokens_of_one_instance_are_nothing_at_another() {
    let wallet = Wallet::filled().await;
    let elsewhere = TestServer::builder()
        .world(|world| world.instance(7))
        .start()
        .await;
    let client = elsewhere.aws().register_for_codes(REDIRECT_URI).await;
    let before = elsewhere.rows().everything();
    for (_, token) in wallet.all().await {
        assert_nothing(&elsewhere.aws(), &client, &elsewhere.browser(), "", &token).await;
    }
    let ours = wallet
        .client
        .with(json!({ "startUrl": elsewhere.aws().start_url() }));
    elsewhere
        .aws()
        .start_device_with(ours)
        .await
        .assert_error(401, "InvalidClientException");
    assert_eq!(elsewhere.rows().everything(), before);
}

/// The same store and the same root keys under another instance id: the id is inside every
/// derivation, so that a copy of the store under a new name shares no token.
#[tokio::test]
async fn tok_09_the_instance_is_inside_every_key_derivation() {
    let wallet = Wallet::filled().await;
    let renamed = |file: &mut claviger_engine::keys::file::KeyFile| {
        file.instance = InstanceId::from_bytes([7; 16]);
    };
    let node = wallet
        .server
        .node("renamed")
        .key_file(renamed)
        .start()
        .await;
    let client = node.aws().register_for_codes(REDIRECT_URI).await;
    for (_, token) in wallet.all().await {
        assert_nothing(&node.aws(), &client, &node.browser(), "", &token).await;
    }
    let typed = node
        .aws()
        .create_token(wallet.client.with(json!({ "grantType": "refresh_token" })))
        .await;
    typed.assert_error(401, "InvalidClientException");
    assert_eq!(
        (
            wallet.server.rows().sessions(),
            wallet.server.rows().live_sessions()
        ),
        (1, 1)
    );
    // A user code is only found under the key that stored it.
    let page = wallet
        .server
        .browser_of("alice")
        .await
        .look_up(&wallet.device.user_code)
        .await;
    page.assert_status(200);
    let mut visitor = node.browser();
    visitor
        .sign_in("alice", "correct horse")
        .await
        .assert_status(303);
    visitor
        .look_up(&wallet.device.user_code)
        .await
        .assert_status(404);
}
