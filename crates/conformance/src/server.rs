//! The server under check, and the calls that a client makes of it.

use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use url::Url;

use crate::{
    answer::Answer,
    approver::{Approver, decision::Decision},
    flaw::{Checked, Flaw},
    http::{Call, Http, encode},
    pkce,
};

pub(crate) const ACCOUNT_ACCESS: &str = "sso:account:access";
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";
pub(crate) const INVALID_GRANT: (u16, &str) = (400, "InvalidGrantException");

/// A state as clients never make it, but as the RFC allows: it must come back byte for byte.
pub(crate) const STATE: &str = "A-b_c.d~e%2Bf+g/h=i&j k";

/// What is registered: no port, so that any port is good (WIRE 4.3).
pub(crate) const REGISTERED_URI: &str = "http://127.0.0.1/oauth/callback";

/// The checked server, and whoever approves there.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) http: Http,
    start_url: String,
    approver: Approver,
    note: fn(&str),
    shared: OnceCell<Option<SignIn>>,
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

/// Adds the members of `more`, or puts them in the place of their namesakes.
pub(crate) fn merge(body: &mut Value, more: Value) {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
}

impl Server {
    pub(crate) fn new(
        http: Http,
        start_url: Option<String>,
        approver: Approver,
        note: fn(&str),
    ) -> Self {
        let start_url = start_url.unwrap_or_else(|| format!("{}/start", http.base()));
        Self {
            http,
            start_url,
            approver,
            note,
            shared: OnceCell::new(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.http.base().to_owned()
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
        self.approver
            .decide(&self.http, user_code, address, decision)
            .await
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
        let mut because = None;
        let shared = self.shared.get_or_init(|| async {
            self.sign_in()
                .await
                .map_err(|flaw| because = Some(flaw))
                .ok()
        });
        let shared = shared.await.as_ref();
        shared.ok_or_else(|| {
            because.unwrap_or_else(|| Flaw::Wrong("nobody could be signed in".to_owned()))
        })
    }

    // The browser's side.

    /// The query of an authorization request, as the AWS CLI writes it.
    pub(crate) fn authorization(&self, client: &Client) -> Vec<(&'static str, String)> {
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

    pub(crate) fn redirect_uri(&self) -> String {
        self.approver.redirect_uri()
    }

    pub(crate) fn authorize_url(&self, query: &[(&'static str, String)]) -> String {
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        format!("{}/authorize?{}", self.http.base(), encode(pairs))
    }

    /// Asks for an authorization as a browser that nobody has signed in with.
    pub(crate) async fn open(&self, query: &[(&'static str, String)]) -> Checked<Answer> {
        let call = Call::get(self.authorize_url(query)).header("accept", "text/html");
        self.http.send(call).await
    }

    /// Decides about an authorization; answers where the browser goes.
    pub(crate) async fn authorize(
        &self,
        query: &[(&'static str, String)],
        decision: Decision,
    ) -> Checked<Url> {
        let url = self.authorize_url(query);
        self.approver.authorize(&self.http, &url, decision).await
    }

    /// A code for a client, by the query of [`Self::authorization`].
    pub(crate) async fn code(&self, client: &Client) -> Checked<String> {
        let back = self
            .authorize(&self.authorization(client), Decision::Approve)
            .await?;
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

    // Time.

    pub(crate) async fn pass(&self, seconds: i64) -> Checked {
        if !self.approver.moves_the_clock() {
            (self.note)(&format!("  waits {seconds} seconds"));
        }
        self.approver.pass(&self.http, seconds).await
    }

    pub(crate) async fn return_from(&self, seconds: i64) -> Checked {
        self.approver.return_from(&self.http, seconds).await
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

/// The same with its middle character changed: the last one may hold bits that nobody reads.
pub(crate) fn garbled(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let other = |c| if c == 'A' { 'B' } else { 'A' };
    let changed = text.chars().enumerate();
    changed
        .map(|(place, c)| if place == middle { other(c) } else { c })
        .collect()
}

/// A parameter of a URL's query.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// A query in which a parameter has another value.
pub(crate) fn replace(
    mut query: Vec<(&'static str, String)>,
    name: &str,
    value: &str,
) -> Vec<(&'static str, String)> {
    for (_, own) in query.iter_mut().filter(|(own, _)| *own == name) {
        value.clone_into(own);
    }
    query
}

/// A query without a parameter.
pub(crate) fn without(
    mut query: Vec<(&'static str, String)>,
    name: &str,
) -> Vec<(&'static str, String)> {
    query.retain(|(own, _)| *own != name);
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_garbled_is_another_text_of_the_same_length() {
        for text in ["cvc1.AAAAAAAA", "x", "AB", "cvs1.xxxxxxxxx"] {
            let other = garbled(text);
            assert_ne!(other, text);
            assert_eq!(other.len(), text.len());
        }
    }
}
