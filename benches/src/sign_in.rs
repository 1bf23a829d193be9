//! People and devices, as browsers and command lines sign them in.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use html5gum::{Token, Tokenizer};
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    http::{Answer, Connection},
    service::PASSWORD,
};

/// Where applications are answered.
const REDIRECT_URI: &str = "http://127.0.0.1:8400/oauth/callback";

/// A verifier of PKCE, and its challenge (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A registered client.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Client {
    #[serde(rename = "clientId")]
    pub(crate) id: String,
    #[serde(rename = "clientSecret")]
    pub(crate) secret: String,
}

/// What a device was told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
}

/// What CreateToken gave.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

/// What every client says of itself when it registers.
pub(crate) fn registration() -> Value {
    json!({ "clientName": "bench", "clientType": "public", "scopes": ["sso:account:access"] })
}

impl Client {
    pub(crate) async fn register(connection: &mut Connection) -> anyhow::Result<Self> {
        let answer = connection.call("/client/register", &registration()).await?;
        answer.read()
    }

    /// One that is answered with codes.
    pub(crate) async fn register_for_codes(
        connection: &mut Connection,
        start_url: &str,
    ) -> anyhow::Result<Self> {
        let mut body = registration();
        body["grantTypes"] = json!(["authorization_code", "refresh_token"]);
        body["redirectUris"] = json!([REDIRECT_URI]);
        body["issuerUrl"] = start_url.into();
        connection.call("/client/register", &body).await?.read()
    }

    /// A body with this client's credentials.
    pub(crate) fn with(&self, mut members: Value) -> Value {
        members["clientId"] = self.id.clone().into();
        members["clientSecret"] = self.secret.clone().into();
        members
    }

    pub(crate) fn polling(&self, device_code: &str) -> Value {
        self.with(json!({
            "grantType": "urn:ietf:params:oauth:grant-type:device_code",
            "deviceCode": device_code,
        }))
    }

    pub(crate) fn redeeming(&self, code: &str) -> Value {
        self.with(json!({
            "grantType": "authorization_code",
            "code": code,
            "redirectUri": REDIRECT_URI,
            "codeVerifier": VERIFIER,
        }))
    }

    pub(crate) fn refreshing(&self, refresh_token: &str) -> Value {
        self.with(json!({ "grantType": "refresh_token", "refreshToken": refresh_token }))
    }

    pub(crate) async fn start(
        &self,
        connection: &mut Connection,
        start_url: &str,
    ) -> anyhow::Result<Device> {
        let body = self.with(json!({ "startUrl": start_url }));
        connection
            .call("/device_authorization", &body)
            .await?
            .read()
    }
}

/// A person's browser.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
    origin: String,
}

impl Browser {
    /// One in which somebody is signed in.
    pub(crate) async fn of(
        connection: &mut Connection,
        origin: &str,
        name: &str,
    ) -> anyhow::Result<Self> {
        let mut browser = Self {
            cookies: BTreeMap::new(),
            origin: origin.to_owned(),
        };
        let page = browser.open(connection, "/sign-in").await?;
        let mut form = Form::of(&page, "/sign-in")?;
        form.fill("user_name", name);
        form.fill("password", PASSWORD);
        let answer = browser.submit(connection, &form).await?;
        if answer.status != StatusCode::SEE_OTHER {
            bail!("{name} cannot sign in: {}", answer.status);
        }
        Ok(browser)
    }

    /// Approves a device.
    pub(crate) async fn approve(
        &mut self,
        connection: &mut Connection,
        device: &Device,
    ) -> anyhow::Result<()> {
        let page = self
            .open(
                connection,
                &format!("/device?user_code={}", device.user_code),
            )
            .await?;
        // The code is shown, and sent by the person.
        let shown = self
            .submit(connection, &Form::of(&page, "/device")?)
            .await?;
        let page = String::from_utf8_lossy(&shown.body).into_owned();
        let form = Form::of(&page, "/device/approve")?;
        let answer = self.submit(connection, &form).await?;
        if answer.status.as_u16() >= 400 {
            bail!("a device is not approved: {}", answer.status);
        }
        Ok(())
    }

    /// Allows a client to act for the person, and takes the code that comes back.
    pub(crate) async fn allow(
        &mut self,
        connection: &mut Connection,
        client: &Client,
    ) -> anyhow::Result<String> {
        let query = {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let query = query.extend_pairs([
                ("response_type", "code"),
                ("client_id", &client.id),
                ("redirect_uri", REDIRECT_URI),
                ("state", "state"),
                ("scopes", "sso:account:access"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ]);
            format!("/authorize?{}", query.finish())
        };
        let page = self.open(connection, &query).await?;
        let mut form = Form::of(&page, "/authorize")?;
        form.fields
            .push(("answer".to_owned(), "approve".to_owned()));
        let back = self.submit(connection, &form).await?;
        let location = back.headers.get(header::LOCATION);
        let location = location.context("no way back")?.to_str()?;
        let (_, query) = location.split_once('?').context("no query")?;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let code = pairs.find(|(name, _)| name == "code");
        Ok(code.context("no code")?.1.into_owned())
    }

    async fn open(&mut self, connection: &mut Connection, target: &str) -> anyhow::Result<String> {
        let cookies = self.cookies();
        let headers = [("cookie", cookies.as_str())];
        let answer = connection
            .send(Method::GET, target, &headers, Bytes::new())
            .await?;
        self.keep(&answer);
        if answer.status != StatusCode::OK {
            bail!("{target}: {}", answer.status);
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    async fn submit(&mut self, connection: &mut Connection, form: &Form) -> anyhow::Result<Answer> {
        let body = {
            let mut fields = form_urlencoded::Serializer::new(String::new());
            Bytes::from(fields.extend_pairs(&form.fields).finish())
        };
        let cookies = self.cookies();
        let headers = [
            ("cookie", cookies.as_str()),
            ("origin", self.origin.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = connection
            .send(Method::POST, &form.action, &headers, body)
            .await?;
        self.keep(&answer);
        Ok(answer)
    }

    fn cookies(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap_or_default();
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// A form of a page.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first one that goes there.
    fn of(page: &str, action: &str) -> anyhow::Result<Self> {
        let mut found: Option<Self> = None;
        for token in Tokenizer::new(page).flatten() {
            match token {
                Token::StartTag(tag) => {
                    let name = String::from_utf8_lossy(&tag.name).into_owned();
                    let get = |wanted: &str| {
                        let value = tag.attributes.get(wanted.as_bytes())?;
                        Some(String::from_utf8_lossy(value).into_owned())
                    };
                    match name.as_str() {
                        "form" if get("action").as_deref() == Some(action) => {
                            found = Some(Self {
                                action: action.to_owned(),
                                fields: Vec::new(),
                            });
                        }
                        "input" => {
                            let kind = get("type").unwrap_or_default();
                            let is_chosen = !["radio", "checkbox"].contains(&kind.as_str())
                                || get("checked").is_some();
                            if let (Some(form), Some(name), true) =
                                (&mut found, get("name"), is_chosen)
                            {
                                form.fields.push((name, get("value").unwrap_or_default()));
                            }
                        }
                        _ => {}
                    }
                }
                Token::EndTag(tag) if &*tag.name == b"form" && found.is_some() => break,
                _ => {}
            }
        }
        found.with_context(|| format!("no form that goes to {action} in {page}"))
    }

    fn fill(&mut self, name: &str, value: &str) {
        for (field, old) in &mut self.fields {
            if field == name {
                value.clone_into(old);
            }
        }
    }
}
