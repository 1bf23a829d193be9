//! The server under check, and the calls that a client makes of it.

use std::ops::Deref;

use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::{
    answer::Answer,
    approver::decision::Decision,
    flaw::{Checked, Flaw},
    http::{Call, encode},
    pkce,
    sent::{AUTHORIZATION_CODE, DEVICE_CODE, Query, REFRESH_TOKEN, STATE, merge, parameter},
    site::Site,
};

pub(crate) const ACCOUNT_ACCESS: &str = "sso:account:access";
pub(crate) const INVALID_GRANT: (u16, &str) = (400, "InvalidGrantException");

/// What is registered: no port, so that any port is good (WIRE 4.3).
pub(crate) const REGISTERED_URI: &str = "http://127.0.0.1/oauth/callback";

/// The checked server.
#[derive(Debug)]
pub(crate) struct Server {
    site: Site,
    start_url: String,
    shared: OnceCell<Checked<SignIn>>,
}

/// A registration.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A device authorization that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) code: String,
    pub(crate) user_code: String,
    pub(crate) address: String,
}

/// A client that holds tokens.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    pub(crate) client: Client,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Client {
    /// A body with the registration's two members and these.
    pub(crate) fn with(&self, more: Value) -> Value {
        let mut body = json!({ "clientId": self.id, "clientSecret": self.secret });
        merge(&mut body, more);
        body
    }
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Server {
    pub(crate) fn new(site: Site, start_url: Option<String>) -> Self {
        let start_url = start_url.unwrap_or_else(|| format!("{}/start", site.http.base()));
        Self {
            site,
            start_url,
            shared: OnceCell::new(),
        }
    }

    pub(crate) fn start_url(&self) -> &str {
        &self.start_url
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Checked<Answer> {
        self.http.send(Call::post(path).json(body)).await
    }

    // RegisterClient.

    /// What the AWS CLI registers for the device grant.
    pub(crate) fn registration() -> Value {
        json!({
            "clientName": "claviger-conformance",
            "clientType": "public",
            "scopes": [ACCOUNT_ACCESS],
        })
    }

    /// What the AWS CLI registers for the code grant.
    pub(crate) fn code_registration(&self) -> Value {
        let mut body = Self::registration();
        merge(
            &mut body,
            json!({
                "grantTypes": [AUTHORIZATION_CODE, REFRESH_TOKEN],
                "redirectUris": [REGISTERED_URI],
                "issuerUrl": self.start_url,
            }),
        );
        body
    }

    pub(crate) async fn register(&self, body: &Value) -> Checked<Client> {
        let answer = self.post("/client/register", body).await?;
        answer.granted()?;
        Ok(Client {
            id: answer.text("clientId")?,
            secret: answer.text("clientSecret")?,
        })
    }

    pub(crate) async fn device_client(&self) -> Checked<Client> {
        self.register(&Self::registration()).await
    }

    pub(crate) async fn code_client(&self) -> Checked<Client> {
        self.register(&self.code_registration()).await
    }

    // StartDeviceAuthorization.

    pub(crate) async fn start_device(&self, client: &Client, start_url: &str) -> Checked<Answer> {
        let body = client.with(json!({ "startUrl": start_url }));
        self.post("/device_authorization", &body).await
    }

    pub(crate) async fn device(&self, client: &Client) -> Checked<Device> {
        let answer = self.start_device(client, &self.start_url).await?;
        answer.granted()?;
        Ok(Device {
            code: answer.text("deviceCode")?,
            user_code: answer.text("userCode")?,
            address: answer.text("verificationUriComplete")?,
        })
    }

    pub(crate) async fn approve(&self, device: &Device) -> Checked {
        self.decide(device, Decision::Approve).await
    }

    pub(crate) async fn decide(&self, device: &Device, decision: Decision) -> Checked {
        let Device {
            user_code, address, ..
        } = device;
        self.site.decide(user_code, address, decision).await
    }

    // CreateToken.

    pub(crate) async fn token(&self, client: &Client, grant: Value) -> Checked<Answer> {
        self.post("/token", &client.with(grant)).await
    }

    pub(crate) async fn poll(&self, client: &Client, device: &Device) -> Checked<Answer> {
        let grant = json!({ "grantType": DEVICE_CODE, "deviceCode": device.code });
        self.token(client, grant).await
    }

    pub(crate) async fn refresh(&self, client: &Client, token: &str) -> Checked<Answer> {
        let grant = json!({ "grantType": REFRESH_TOKEN, "refreshToken": token });
        self.token(client, grant).await
    }

    /// A refresh that must be served: the new refresh token.
    pub(crate) async fn refreshed(&self, client: &Client, token: &str) -> Checked<String> {
        let answer = self.refresh(client, token).await?;
        answer.granted()?;
        answer.text("refreshToken")
    }

    /// Signs a client in by the device grant.
    pub(crate) async fn sign_in(&self) -> Checked<SignIn> {
        self.sign_in_of(self.device_client().await?).await
    }

    pub(crate) async fn sign_in_of(&self, client: Client) -> Checked<SignIn> {
        let device = self.device(&client).await?;
        self.approve(&device).await?;
        let answer = self.poll(&client, &device).await?;
        answer.granted()?;
        Ok(SignIn {
            client,
            access: answer.text("accessToken")?,
            refresh: answer.text("refreshToken")?,
        })
    }

    /// A sign-in that no check ends: one for all of them, so that a person need not decide often.
    pub(crate) async fn signed_in(&self) -> Checked<&SignIn> {
        let shared = self.shared.get_or_init(|| self.sign_in()).await;
        shared.as_ref().map_err(Clone::clone)
    }

    // The browser's side.

    /// The query of an authorization request, as the AWS CLI writes it.
    pub(crate) fn authorization(&self, client: &Client) -> Query {
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", client.id.clone()),
            ("redirect_uri", self.redirect_uri()),
            ("state", STATE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
            ("scopes", ACCOUNT_ACCESS.to_owned()),
            ("code_challenge", pkce::CHALLENGE.to_owned()),
        ]
    }

    pub(crate) fn authorize_url(&self, query: &[(&'static str, String)]) -> String {
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        format!("{}/authorize?{}", self.http.base(), encode(pairs))
    }

    /// A code for a client, by the query of [`Self::authorization`].
    pub(crate) async fn code(&self, client: &Client) -> Checked<String> {
        let url = self.authorize_url(&self.authorization(client));
        let back = self.authorize(&url, Decision::Approve).await?;
        parameter(&back, "code").ok_or_else(|| {
            Flaw::Wrong("/authorize sends the browser back without `code`".to_owned())
        })
    }

    /// Redeems a code as it should be; `more` changes the request.
    pub(crate) async fn redeem(&self, client: &Client, code: &str, more: Value) -> Checked<Answer> {
        let mut grant = json!({
            "grantType": AUTHORIZATION_CODE,
            "code": code,
            "redirectUri": self.redirect_uri(),
            "codeVerifier": pkce::VERIFIER,
        });
        merge(&mut grant, more);
        self.token(client, grant).await
    }

    // The portal.

    pub(crate) async fn portal(&self, token: &str, target: &str) -> Checked<Answer> {
        self.http
            .send(Call::get(target).header("x-amz-sso_bearer_token", token))
            .await
    }

    /// Whether a token still opens the portal.
    pub(crate) async fn opens(&self, token: &str) -> Checked<Answer> {
        self.portal(token, "/assignment/accounts").await
    }

    pub(crate) async fn log_out(&self, token: &str) -> Checked<Answer> {
        let call = Call::post("/logout").header("x-amz-sso_bearer_token", token);
        self.http.send(call).await
    }

    /// An account and a role that the person has.
    pub(crate) async fn role(&self, token: &str) -> Checked<(String, String)> {
        for account in self
            .opens(token)
            .await
            .and_then(|answer| list(&answer, "accountList"))?
        {
            let Some(account) = account.get("accountId").and_then(Value::as_str) else {
                continue;
            };
            let roles = self
                .portal(token, &format!("/assignment/roles?account_id={account}"))
                .await?;
            let roles = list(&roles, "roleList")?;
            let role = roles
                .first()
                .and_then(|role| role.get("roleName"))
                .and_then(Value::as_str);
            if let Some(role) = role {
                return Ok((account.to_owned(), role.to_owned()));
            }
        }
        Err(Flaw::Skipped(
            "the person has no role; assign one".to_owned(),
        ))
    }
}

/// A list of an answer that must be there.
pub(crate) fn list(answer: &Answer, name: &str) -> Checked<Vec<Map<String, Value>>> {
    let body = answer.granted()?;
    let items = body.get(name).and_then(Value::as_array);
    let items = items.ok_or_else(|| answer.wrong(format!("`{name}` is missing or no list")))?;
    let items = items.iter().map(|item| item.as_object().cloned());
    items
        .collect::<Option<_>>()
        .ok_or_else(|| answer.wrong(format!("`{name}` holds no objects")))
}
