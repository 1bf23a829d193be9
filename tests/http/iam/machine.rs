//! A machine that signs as every SDK does.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use claviger_engine::admin;
use claviger_model::application::{ApplicationName, NewMachineKey};
use claviger_tests::{
    TestServer,
    aws::{self, Client},
    http::{Request, Response, parameter},
    pkce, seed,
    server::REDIRECT_URI,
    world::REGION,
};
use serde_json::{Value, json};

pub(super) const TARGET: &str = "/token?aws_iam=t";

/// A machine key and what else goes into a signature.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) client_id: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) host: String,
    /// Seconds that its clock is ahead.
    pub(super) ahead: i64,
    pub(super) headers: Vec<(String, String)>,
}

/// A server with the application of the seed.
pub(super) async fn server() -> TestServer {
    let builder = TestServer::builder();
    builder
        .policy(|policy| policy.applications.push(seed::application()))
        .start()
        .await
}

/// The same behind a proxy on its own machine, which says where requests come from.
pub(super) async fn server_trusting_itself() -> TestServer {
    let builder = TestServer::builder().trusting("127.0.0.1/32");
    builder
        .policy(|policy| policy.applications.push(seed::application()))
        .start()
        .await
}

impl Machine {
    /// A new key of the application `reports`.
    pub(super) async fn new(server: &TestServer) -> Self {
        let name = ApplicationName::parse("reports").expect("a name");
        let made = admin::machine::create(&server.context, name).await;
        let NewMachineKey {
            key,
            secret_access_key,
            client_id,
        } = made.expect("a machine key");
        server.secrets().add(secret_access_key.reveal());
        Self {
            key_id: key.access_key_id,
            secret: secret_access_key.reveal().to_owned(),
            client_id,
            region: REGION.to_owned(),
            service: "sso-oauth".to_owned(),
            host: server.host().to_owned(),
            ahead: 0,
            headers: Vec::new(),
        }
    }

    /// Its application, as browsers name it.
    pub(super) fn client(&self) -> Client {
        Client {
            id: self.client_id.clone(),
            secret: String::new(),
        }
    }

    /// The signed request.
    pub(super) fn request(&self, server: &TestServer, members: &Value) -> Request {
        let body = members.to_string();
        let identity = Credentials::new(&self.key_id, &self.secret, None, None, "test").into();
        let now = server.context.now().epoch_seconds() + self.ahead;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(now.unsigned_abs()))
            .settings(SigningSettings::default())
            .build()
            .expect("parameters")
            .into();
        let mut headers = vec![
            ("host", self.host.as_str()),
            ("content-type", "application/json"),
        ];
        let own = self.headers.iter();
        headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
        let signable = SignableRequest::new(
            "POST",
            TARGET,
            headers.clone().into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        );
        let signed = sign(signable.expect("a request"), &parameters).expect("a signature");
        let (instructions, _) = signed.into_parts();
        let mut request = Request::post(TARGET);
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        request.body(body)
    }

    /// Asks with `members` and the application's id.
    pub(super) async fn ask(&self, server: &TestServer, members: Value) -> Response {
        let mut members = members;
        members["clientId"] = json!(self.client_id);
        server.send(self.request(server, &members)).await
    }

    /// Where it calls from, as a proxy tells it.
    pub(super) fn from(&mut self, address: &str) {
        self.headers = vec![("x-forwarded-for".to_owned(), address.to_owned())];
    }

    /// A code that alice consented to.
    pub(super) async fn code(&self, server: &TestServer) -> Code {
        // All that it may have: it names no scopes.
        let mut query = aws::authorize_query(&self.client(), REDIRECT_URI);
        query.retain(|(name, _)| name != "scopes");
        let mut browser = server.browser_of("alice").await;
        let page = browser.authorize(&query).await;
        let back = browser.consent(&page, "Allow").await;
        let location = back.header("location").expect("a way back");
        server.secrets().add(pkce::VERIFIER);
        Code(parameter(location, "code").expect("a code"))
    }

    /// A code that alice consented to, redeemed.
    pub(super) async fn sign_in(&self, server: &TestServer) -> Value {
        let code = self.code(server).await;
        let answer = self.ask(server, code.members()).await;
        answer.assert_status(200).json()
    }
}

/// An authorization code.
pub(super) struct Code(String);

impl Code {
    /// What redeems it.
    pub(super) fn members(&self) -> Value {
        json!({
            "grantType": "authorization_code",
            "code": self.0,
            "redirectUri": REDIRECT_URI,
            "codeVerifier": pkce::VERIFIER,
        })
    }
}

/// A text of an answer.
#[track_caller]
pub(super) fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    let text = answer.get(name).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no {name} in {answer}"))
}
