//! A caller that speaks the standard dialect: forms in, snake_case JSON out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    aws::{ACCOUNT_ACCESS, Client, Code, DEVICE_CODE, Device, Link, Tokens},
    http::{Request, Response, escape},
};

/// How a client shows that it is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `none`.
    None,
}

/// The caller.
#[derive(Clone, Debug)]
pub struct Oauth {
    link: Link,
}

impl Oauth {
    /// A caller over `link`.
    pub const fn new(link: Link) -> Self {
        Self { link }
    }

    /// Sends any request.
    pub async fn send(&self, request: Request) -> Response {
        self.link.send(&request).await
    }

    /// Posts a form, with nobody's credentials.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(self.form(path, fields)).await
    }

    /// A form, with nobody's credentials.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.link.secrets.add_fields(&fields);
        Request::post(path).form(&fields)
    }

    /// Posts a form as a client that shows itself so.
    pub async fn post_as(
        &self,
        path: &str,
        client: &Client,
        shown: Shown,
        fields: &[(&str, &str)],
    ) -> Response {
        let mut fields = fields.to_vec();
        if shown != Shown::Basic {
            fields.push(("client_id", &client.id));
        }
        if shown == Shown::Post {
            fields.push(("client_secret", &client.secret));
        }
        let request = self.form(path, &fields);
        let request = match shown {
            Shown::Basic => {
                let header = basic(client);
                self.link.secrets.add(header.trim_start_matches("Basic "));
                request.header("Authorization", header)
            }
            Shown::Post | Shown::None => request,
        };
        self.send(request).await
    }

    /// Posts a form as a client does that keeps its secret, or has none.
    pub async fn ask(&self, path: &str, client: &Client, fields: &[(&str, &str)]) -> Response {
        let shown = if client.secret.is_empty() {
            Shown::None
        } else {
            Shown::Basic
        };
        self.post_as(path, client, shown, fields).await
    }

    /// Registers with any body.
    pub async fn register_with(&self, body: &Value) -> Response {
        self.send(Request::post("/register").json(body)).await
    }

    /// The registration of a client for all three grants.
    pub fn registration(redirect_uri: &str, method: &str) -> Value {
        json!({
            "client_name": "a tool",
            "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
            "redirect_uris": [redirect_uri],
            "scope": format!("openid {ACCOUNT_ACCESS}"),
            "token_endpoint_auth_method": method,
        })
    }

    /// Registers a client for all three grants that keeps a secret.
    pub async fn register(&self, redirect_uri: &str) -> Client {
        let body = Self::registration(redirect_uri, "client_secret_basic");
        client(&self.register_with(&body).await)
    }

    /// Registers a client for all three grants that keeps none.
    pub async fn register_public(&self, redirect_uri: &str) -> Client {
        let body = Self::registration(redirect_uri, "none");
        client(&self.register_with(&body).await)
    }

    /// Starts a device authorization.
    pub async fn start_device(&self, client: &Client) -> Device {
        device(&self.ask("/device_authorization", client, &[]).await)
    }

    /// Polls for a device's tokens.
    pub async fn poll(&self, client: &Client, device: &Device) -> Response {
        let fields = [
            ("grant_type", DEVICE_CODE),
            ("device_code", &device.device_code),
        ];
        self.ask("/token", client, &fields).await
    }

    /// Refreshes.
    pub async fn refresh(&self, client: &Client, refresh_token: &str) -> Response {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.ask("/token", client, &fields).await
    }

    /// Redeems an authorization code.
    pub async fn redeem(&self, client: &Client, code: &Code) -> Response {
        self.ask("/token", client, &redemption(code)).await
    }

    /// Asks what a token is worth.
    pub async fn introspect(&self, client: &Client, token: &str) -> Response {
        self.ask("/introspect", client, &[("token", token)]).await
    }

    /// Ends what a token belongs to.
    pub async fn revoke(&self, client: &Client, token: &str) -> Response {
        self.ask("/revoke", client, &[("token", token)]).await
    }
}

/// The header of `client_secret_basic`.
pub fn basic(client: &Client) -> String {
    let pair = format!("{}:{}", escape(&client.id), escape(&client.secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// The client of a 201.
#[track_caller]
pub fn client(response: &Response) -> Client {
    response.assert_status(201);
    let secret = response.json().get("client_secret").cloned();
    let secret = secret.and_then(|secret| secret.as_str().map(ToOwned::to_owned));
    Client {
        id: response.member("client_id"),
        secret: secret.unwrap_or_default(),
    }
}

/// The device of a 200.
#[track_caller]
pub fn device(response: &Response) -> Device {
    response.assert_status(200);
    Device {
        device_code: response.member("device_code"),
        user_code: response.member("user_code"),
        link: response.member("verification_uri_complete"),
    }
}

/// The tokens of a 200.
#[track_caller]
pub fn tokens(response: &Response) -> Tokens {
    response.assert_status(200);
    let json = response.json();
    assert_eq!(response.member("token_type"), "Bearer", "{response}");
    let refresh = json.get("refresh_token").and_then(Value::as_str);
    let expires_in = json.get("expires_in").and_then(Value::as_i64);
    Tokens {
        access: response.member("access_token"),
        refresh: refresh.map(ToOwned::to_owned),
        expires_in: expires_in.expect("a lifetime"),
    }
}

/// The fields that redeem a code, the client's own apart.
pub fn redemption(code: &Code) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", &code.code),
        ("redirect_uri", &code.redirect_uri),
        ("code_verifier", &code.verifier),
    ]
}
