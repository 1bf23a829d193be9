//! The server under check, and the calls that a client of the standard dialect makes of it.

use std::ops::Deref;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    client::{Client, Shown},
    documents::Documents,
};
use crate::{
    answer::{Answer, Refusal},
    approver::decision::Decision,
    flaw::{Checked, Flaw},
    http::{Call, encode},
    pkce,
    sent::{AUTHORIZATION_CODE, DEVICE_CODE, Query, REFRESH_TOKEN, STATE, merge, parameter},
    site::Site,
};

pub(super) const INVALID_REQUEST: Refusal = (400, "invalid_request");
pub(super) const INVALID_CLIENT: Refusal = (401, "invalid_client");
pub(super) const INVALID_GRANT: Refusal = (400, "invalid_grant");

/// What the ID token must hold.
pub(super) const NONCE: &str = "n-0S6_WzA2Mj";

/// What is asked for, as far as the server knows it; the first alone is the narrower wish.
const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The checked server.
#[derive(Debug)]
pub(crate) struct Provider {
    site: Site,
    pub(super) documents: Documents,
    shared: OnceCell<Checked<SignIn>>,
}

/// A device authorization that has begun.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) code: String,
    pub(super) user_code: String,
    pub(super) address: String,
    pub(super) expires_in: i64,
}

/// A client that holds tokens.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    pub(super) client: Client,
    pub(super) answer: Answer,
    pub(super) access: String,
}

impl SignIn {
    pub(super) fn of(client: Client, answer: Answer) -> Checked<Self> {
        answer.granted()?;
        Ok(Self {
            client,
            access: answer.text("access_token")?,
            answer,
        })
    }

    /// Its refresh token; servers need not give one.
    pub(super) fn refresh(&self) -> Checked<String> {
        let body = self.answer.json()?;
        let token = body.get("refresh_token").and_then(Value::as_str);
        let none = || Flaw::Skipped("this server gives no refresh token".to_owned());
        token.map(ToOwned::to_owned).ok_or_else(none)
    }
}

impl Deref for Provider {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Provider {
    pub(crate) async fn discover(site: Site) -> Self {
        Self {
            documents: Documents::read(&site.http).await,
            site,
            shared: OnceCell::new(),
        }
    }

    // What it says of itself.

    /// The address of an endpoint, or why the check is not made.
    pub(super) fn endpoint(&self, name: &str) -> Checked<&str> {
        self.documents.text(name)
    }

    /// The scopes that are asked for.
    pub(super) fn scopes(&self) -> Vec<&'static str> {
        let known = self.documents.list("scopes_supported");
        let is_known = |scope: &&str| known.as_ref().is_none_or(|known| known.contains(scope));
        SCOPES.into_iter().filter(is_known).collect()
    }

    /// Ends the check where the server knows nothing of OpenID Connect.
    pub(super) fn speaks_openid(&self) -> Checked {
        self.endpoint("jwks_uri")?;
        if self.scopes().contains(&"openid") {
            return Ok(());
        }
        Err(Flaw::Skipped(
            "the metadata list no scope `openid`".to_owned(),
        ))
    }

    /// The grants that are registered: those of the checks that the server has.
    pub(super) fn grants(&self) -> impl Iterator<Item = &'static str> {
        // What holds where nothing is told (RFC 8414 §2).
        let told = [AUTHORIZATION_CODE, "implicit"];
        let told = self.documents.list_or("grant_types_supported", &told);
        let all = [AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE].into_iter();
        all.filter(move |grant| told.contains(grant))
    }

    /// The ways to show oneself that the server knows.
    pub(super) fn ways(&self) -> Vec<Shown> {
        let told = self.documents.list_or(
            "token_endpoint_auth_methods_supported",
            &[Shown::Basic.method()],
        );
        let ways = Shown::ALL.into_iter();
        ways.filter(|shown| told.contains(&shown.method()))
            .collect()
    }

    /// The way of the clients here that keep a secret.
    pub(super) fn secretly(&self) -> Shown {
        let ways = self.ways();
        let with_secret = ways.into_iter().find(|shown| *shown != Shown::None);
        with_secret.unwrap_or(Shown::Basic)
    }

    // Registration.

    pub(super) fn registration(&self, shown: Shown) -> Value {
        json!({
            "client_name": "claviger-conformance",
            // It listens on the person's own machine (OpenID Connect Registration §2).
            "application_type": "native",
            "grant_types": self.grants().collect::<Vec<_>>(),
            "response_types": ["code"],
            "redirect_uris": [self.redirect_uri()],
            "scope": self.scopes().join(" "),
            "token_endpoint_auth_method": shown.method(),
        })
    }

    pub(super) async fn register(&self, body: &Value) -> Checked<Answer> {
        let call = Call::post(self.endpoint("registration_endpoint")?).json(body);
        self.http.send(call).await
    }

    /// A registration that must be taken, with other members.
    pub(super) async fn client_with(&self, shown: Shown, more: Value) -> Checked<Client> {
        if !self.ways().contains(&shown) {
            let method = shown.method();
            return Err(Flaw::Skipped(format!("the metadata list no `{method}`")));
        }
        let mut body = self.registration(shown);
        merge(&mut body, more);
        let answer = self.register(&body).await?;
        if answer.status() != 201 {
            return Err(answer.wrong("a client cannot be registered"));
        }
        let secret = match shown {
            Shown::None => String::new(),
            Shown::Basic | Shown::Post => answer.text("client_secret")?,
        };
        Ok(Client {
            id: answer.text("client_id")?,
            secret,
            shown,
        })
    }

    /// A client that keeps a secret.
    pub(super) async fn client(&self) -> Checked<Client> {
        self.client_with(self.secretly(), json!({})).await
    }

    /// A client that keeps none.
    pub(super) async fn public_client(&self) -> Checked<Client> {
        self.client_with(Shown::None, json!({})).await
    }

    // The browser's side.

    /// The query of an authorization request.
    pub(super) fn authorization(&self, client: &Client) -> Query {
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", client.id.clone()),
            ("redirect_uri", self.redirect_uri()),
            ("scope", self.scopes().join(" ")),
            ("state", STATE.to_owned()),
            ("nonce", NONCE.to_owned()),
            ("code_challenge", pkce::CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    pub(super) fn authorize_url(&self, query: &Query) -> Checked<String> {
        let endpoint = self.endpoint("authorization_endpoint")?;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        Ok(format!("{endpoint}{joint}{}", encode(pairs)))
    }

    /// The code that comes of a query when somebody says yes.
    pub(super) async fn code_of(&self, query: &Query) -> Checked<String> {
        let url = self.authorize_url(query)?;
        let back = self.authorize(&url, Decision::Approve).await?;
        parameter(&back, "code")
            .ok_or_else(|| Flaw::Wrong("the browser is sent back without `code`".to_owned()))
    }

    pub(super) async fn code(&self, client: &Client) -> Checked<String> {
        self.code_of(&self.authorization(client)).await
    }

    // The endpoints that are posted to.

    /// Posts a form to an endpoint as a client.
    pub(super) async fn ask(
        &self,
        endpoint: &str,
        client: &Client,
        fields: Query,
    ) -> Checked<Answer> {
        let call = client.call(Call::post(self.endpoint(endpoint)?), fields);
        self.http.send(call).await
    }

    pub(super) async fn token(&self, client: &Client, fields: Query) -> Checked<Answer> {
        self.ask("token_endpoint", client, fields).await
    }

    /// The fields that redeem a code as it should be.
    pub(super) fn redemption(&self, code: &str) -> Query {
        vec![
            ("grant_type", AUTHORIZATION_CODE.to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri()),
            ("code_verifier", pkce::VERIFIER.to_owned()),
        ]
    }

    pub(super) async fn redeem(&self, client: &Client, code: &str) -> Checked<Answer> {
        self.token(client, self.redemption(code)).await
    }

    pub(super) async fn refresh(&self, client: &Client, token: &str) -> Checked<Answer> {
        self.token(client, refreshing(token)).await
    }

    pub(super) async fn introspect(&self, client: &Client, token: &str) -> Checked<Answer> {
        let fields = vec![("token", token.to_owned())];
        self.ask("introspection_endpoint", client, fields).await
    }

    pub(super) async fn revoke(&self, client: &Client, token: &str) -> Checked<Answer> {
        let fields = vec![("token", token.to_owned())];
        self.ask("revocation_endpoint", client, fields).await
    }

    pub(super) async fn userinfo(&self, token: &str) -> Checked<Answer> {
        let call = Call::get(self.endpoint("userinfo_endpoint")?);
        let bearer = format!("Bearer {token}");
        self.http.send(call.header("authorization", &bearer)).await
    }

    // Devices.

    pub(super) async fn start_device(&self, client: &Client) -> Checked<Answer> {
        let scope = vec![("scope", self.scopes().join(" "))];
        self.ask("device_authorization_endpoint", client, scope)
            .await
    }

    pub(super) async fn device(&self, client: &Client) -> Checked<Device> {
        let answer = self.start_device(client).await?;
        answer.granted()?;
        let complete = answer.text("verification_uri_complete");
        Ok(Device {
            code: answer.text("device_code")?,
            user_code: answer.text("user_code")?,
            address: complete.or_else(|_| answer.text("verification_uri"))?,
            expires_in: answer.whole("expires_in")?,
        })
    }

    pub(super) async fn decide(&self, device: &Device, decision: Decision) -> Checked {
        let Device {
            user_code, address, ..
        } = device;
        self.site.decide(user_code, address, decision).await
    }

    pub(super) async fn poll(&self, client: &Client, device: &Device) -> Checked<Answer> {
        let fields = vec![
            ("grant_type", DEVICE_CODE.to_owned()),
            ("device_code", device.code.clone()),
        ];
        self.token(client, fields).await
    }

    // Sign-ins.

    /// Signs a client in that keeps a secret.
    pub(super) async fn sign_in(&self) -> Checked<SignIn> {
        let client = self.client().await?;
        let query = self.authorization(&client);
        self.sign_in_by(client, &query).await
    }

    /// Signs a client in by this query.
    pub(super) async fn sign_in_by(&self, client: Client, query: &Query) -> Checked<SignIn> {
        let code = self.code_of(query).await?;
        let answer = self.redeem(&client, &code).await?;
        SignIn::of(client, answer)
    }

    /// A sign-in that no check ends: one for all of them, so that a person need not decide often.
    pub(super) async fn signed_in(&self) -> Checked<&SignIn> {
        let shared = self.shared.get_or_init(|| self.sign_in()).await;
        shared.as_ref().map_err(Clone::clone)
    }

    /// Whether an access token is still worth something, by whoever tells.
    pub(super) async fn is_good(&self, client: &Client, access: &str) -> Checked<bool> {
        match self.userinfo(access).await {
            Ok(answer) => Ok(answer.status() == 200),
            Err(Flaw::Skipped(_)) => {
                let answer = self.introspect(client, access).await?;
                Ok(answer.granted()?.get("active") == Some(&Value::Bool(true)))
            }
            Err(flaw) => Err(flaw),
        }
    }
}

/// The fields of a refresh.
pub(super) fn refreshing(token: &str) -> Query {
    vec![
        ("grant_type", REFRESH_TOKEN.to_owned()),
        ("refresh_token", token.to_owned()),
    ]
}
