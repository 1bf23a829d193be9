//! A caller that speaks the AWS dialect, member by member as SDKs do.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    http::{Connection, Request, Response, escape, parameter},
    pkce,
    secrets::Secrets,
};

/// The grant type of devices.
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The scope that opens the portal.
pub const ACCOUNT_ACCESS: &str = "sso:account:access";

/// The way to one server. Every secret that passes is noted for the scanner.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it wants to be called.
    pub host: String,
    /// What passed.
    pub secrets: Secrets,
}

impl Link {
    /// Sends a request and notes what it and its answer hold.
    pub async fn send(&self, request: &Request) -> Response {
        self.note_request(request);
        let response = Connection::exchange(self.address, &self.host, request).await;
        self.note_response(&response);
        response
    }

    fn note_request(&self, request: &Request) {
        self.secrets.add_members(request.body_bytes());
        for name in ["x-amz-sso_bearer_token", "x-amz-sso-bearer-token"] {
            request
                .values(name)
                .iter()
                .for_each(|token| self.secrets.add(token));
        }
        for value in request.values("authorization") {
            self.secrets
                .add(value.strip_prefix("Bearer ").unwrap_or_default());
        }
    }

    fn note_response(&self, response: &Response) {
        self.secrets.add_members(&response.body);
        for cookie in response.values("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            self.secrets
                .add(pair.split_once('=').map_or("", |(_, value)| value));
        }
        if let Some(code) = response
            .values("location")
            .iter()
            .find_map(|to| parameter(to, "code"))
        {
            self.secrets.add(&code);
        }
        if response
            .values("content-type")
            .iter()
            .any(|value| value.starts_with("text/html"))
        {
            let forms = crate::html::forms(&String::from_utf8_lossy(&response.body));
            let hidden = forms.iter().flat_map(|form| {
                let typed = |name: &str| form.inputs.iter().any(|(own, _)| own == name);
                form.fields.iter().filter(move |(name, _)| !typed(name))
            });
            // Form tokens and sealed transactions are long; names and numbers are no secrets, nor
            // are ids of sessions, which the audit log is to hold.
            hidden
                .filter(|(name, value)| value.len() >= 24 && name != "session")
                .for_each(|(_, value)| self.secrets.add(value));
        }
    }
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// `clientId`.
    pub id: String,
    /// `clientSecret`.
    pub secret: String,
}

impl Client {
    /// `members` with the client's id and secret added.
    pub fn with(&self, mut members: Value) -> Value {
        if let Some(members) = members.as_object_mut() {
            members.insert("clientId".to_owned(), json!(self.id));
            members.insert("clientSecret".to_owned(), json!(self.secret));
        }
        members
    }
}

/// A started device authorization.
#[derive(Clone, Debug)]
pub struct Device {
    /// `deviceCode`.
    pub device_code: String,
    /// `userCode`.
    pub user_code: String,
    /// `verificationUriComplete`.
    pub link: String,
}

/// An authorization code with what belongs to it.
#[derive(Clone, Debug)]
pub struct Code {
    /// `code`.
    pub code: String,
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// The verifier whose challenge the request held.
    pub verifier: String,
}

/// What CreateToken answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// `accessToken`.
    pub access: String,
    /// `refreshToken`.
    pub refresh: Option<String>,
    /// `expiresIn`.
    pub expires_in: i64,
}

impl Tokens {
    /// The tokens of a 200.
    #[track_caller]
    pub fn of(response: &Response) -> Self {
        response.assert_status(200);
        let json = response.json();
        let text = |name: &str| {
            json.get(name)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        Self {
            access: text("accessToken").expect("an access token"),
            refresh: text("refreshToken"),
            expires_in: json
                .get("expiresIn")
                .and_then(Value::as_i64)
                .expect("expiresIn"),
        }
    }

    /// The refresh token, which clients with scopes always have.
    pub fn refresh_token(&self) -> &str {
        self.refresh.as_deref().expect("a refresh token")
    }
}

/// The caller.
#[derive(Clone, Debug)]
pub struct Aws {
    link: Link,
    start_url: String,
    from: Option<String>,
}

impl Aws {
    /// A caller over `link` that names the instance by `start_url`.
    pub fn new(link: Link, start_url: String) -> Self {
        Self {
            link,
            start_url,
            from: None,
        }
    }

    /// The same caller as a trusted proxy would forward it; the server must trust 127.0.0.1.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        Self {
            from: Some(address.to_owned()),
            ..self.clone()
        }
    }

    /// The start URL that this caller names.
    pub fn start_url(&self) -> &str {
        &self.start_url
    }

    /// Sends any request.
    pub async fn send(&self, request: Request) -> Response {
        let request = match &self.from {
            Some(address) => request.header("X-Forwarded-For", address),
            None => request,
        };
        self.link.send(&request).await
    }

    /// Posts a JSON body.
    pub async fn call(&self, path: &str, body: &Value) -> Response {
        self.send(Request::post(path).json(body)).await
    }

    /// RegisterClient with any body.
    pub async fn register_with(&self, body: Value) -> Response {
        self.call("/client/register", &body).await
    }

    /// Registers a device client with `sso:account:access`, as the AWS CLI does.
    pub async fn register(&self) -> Client {
        let scopes = json!([ACCOUNT_ACCESS]);
        let body = json!({ "clientName": "aws-cli", "clientType": "public", "scopes": scopes });
        client(&self.register_with(body).await)
    }

    /// Registers a client for all three grants that is answered at `redirect_uri`.
    pub async fn register_for_codes(&self, redirect_uri: &str) -> Client {
        let body = self.code_client(&[redirect_uri]);
        client(&self.register_with(body).await)
    }

    /// The registration of a client for all three grants.
    pub fn code_client(&self, redirect_uris: &[&str]) -> Value {
        json!({
            "clientName": "aws-cli",
            "clientType": "public",
            "grantTypes": ["authorization_code", "refresh_token", DEVICE_CODE],
            "scopes": [ACCOUNT_ACCESS],
            "redirectUris": redirect_uris,
            "issuerUrl": self.start_url,
        })
    }

    /// StartDeviceAuthorization with any body.
    pub async fn start_device_with(&self, body: Value) -> Response {
        self.call("/device_authorization", &body).await
    }

    /// Starts a device authorization.
    pub async fn start_device(&self, client: &Client) -> Device {
        let body = client.with(json!({ "startUrl": self.start_url }));
        let response = self.start_device_with(body).await;
        response.assert_status(200);
        Device {
            device_code: response.member("deviceCode"),
            user_code: response.member("userCode"),
            link: response.member("verificationUriComplete"),
        }
    }

    /// CreateToken with any body.
    pub async fn create_token(&self, body: Value) -> Response {
        self.call("/token", &body).await
    }

    /// Polls for a device's tokens.
    pub async fn poll(&self, client: &Client, device: &Device) -> Response {
        let body = json!({ "grantType": DEVICE_CODE, "deviceCode": device.device_code });
        self.create_token(client.with(body)).await
    }

    /// Refreshes.
    pub async fn refresh(&self, client: &Client, refresh_token: &str) -> Response {
        let body = json!({ "grantType": "refresh_token", "refreshToken": refresh_token });
        self.create_token(client.with(body)).await
    }

    /// Redeems an authorization code.
    pub async fn redeem(&self, client: &Client, code: &Code) -> Response {
        self.create_token(client.with(redemption(code))).await
    }

    /// A GET at the portal with an access token.
    pub async fn portal(&self, target: &str, access_token: &str) -> Response {
        self.send(Request::get(target).header("x-amz-sso_bearer_token", access_token))
            .await
    }

    /// ListAccounts, first page.
    pub async fn list_accounts(&self, access_token: &str) -> Response {
        self.portal("/assignment/accounts", access_token).await
    }

    /// ListAccountRoles, first page.
    pub async fn list_account_roles(&self, access_token: &str, account: &str) -> Response {
        let target = format!("/assignment/roles?account_id={}", escape(account));
        self.portal(&target, access_token).await
    }

    /// GetRoleCredentials.
    pub async fn role_credentials(
        &self,
        access_token: &str,
        account: &str,
        role: &str,
    ) -> Response {
        let (account, role) = (escape(account), escape(role));
        let target = format!("/federation/credentials?account_id={account}&role_name={role}");
        self.portal(&target, access_token).await
    }

    /// Logout.
    pub async fn logout(&self, access_token: &str) -> Response {
        let request = Request::post("/logout").header("x-amz-sso_bearer_token", access_token);
        self.send(request).await
    }
}

/// The client of a 200.
#[track_caller]
pub fn client(response: &Response) -> Client {
    response.assert_status(200);
    Client {
        id: response.member("clientId"),
        secret: response.member("clientSecret"),
    }
}

/// The members that redeem a code, the client's own apart.
pub fn redemption(code: &Code) -> Value {
    json!({
        "grantType": "authorization_code",
        "code": code.code,
        "redirectUri": code.redirect_uri,
        "codeVerifier": code.verifier,
    })
}

/// The query of a sound authorization request, to be altered by tests.
pub fn authorize_query(client: &Client, redirect_uri: &str) -> Vec<(String, String)> {
    let challenge = pkce::challenge(pkce::VERIFIER);
    [
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", redirect_uri),
        ("state", "state-of-the-kit"),
        ("scopes", ACCOUNT_ACCESS),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
