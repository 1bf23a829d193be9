//! What holds for all of sso-oidc, RegisterClient, StartDeviceAuthorization.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    Call,
    mutation::Mutation,
    pages,
    reply::{Answered, Reply},
    state::{Client, Device, Progress, State, texts},
};

pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const GRANTS: [&str; 3] = ["authorization_code", "refresh_token", DEVICE_CODE];
const KNOWN: [&str; 16] = [
    "clientName",
    "clientType",
    "scopes",
    "redirectUris",
    "grantTypes",
    "issuerUrl",
    "clientId",
    "clientSecret",
    "startUrl",
    "grantType",
    "deviceCode",
    "code",
    "redirectUri",
    "codeVerifier",
    "refreshToken",
    "scope",
];

/// A JSON object in which no member stands twice.
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Unique;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
                let mut read = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if read.insert(name, value).is_some() {
                        return Err(de::Error::custom("twice"));
                    }
                }
                Ok(Unique(read))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

pub(super) type Body = Map<String, Value>;

pub(super) fn invalid_request() -> Reply {
    Reply::refuse("InvalidRequestException", 400)
}

pub(super) fn invalid_grant() -> Reply {
    Reply::refuse("InvalidGrantException", 400)
}

/// What holds for all three, then the operation.
pub(super) fn respond(
    state: &mut State,
    call: &Call,
    operation: fn(&mut State, &Body) -> Answered,
) -> Reply {
    read(state, call)
        .and_then(|body| operation(state, &body))
        .unwrap_or_else(|refusal| refusal)
}

fn read(state: &State, call: &Call) -> Answered<Body> {
    let iam = call.parameter("aws_iam").is_some();
    if iam && !state.is(Mutation::UnsignedIamCallServed) {
        return Err(Reply::refuse("AccessDeniedException", 403));
    }
    if state.is(Mutation::AuthorizationRefused) && call.header("authorization").is_some() {
        return Err(Reply::refuse("AccessDeniedException", 403));
    }
    if call.body.len() > 64 << 10 && !state.is(Mutation::LargeBodyTaken) {
        return Err(Reply::refuse("InvalidRequestException", 413));
    }
    let kind = call
        .header("content-type")
        .and_then(|kind| kind.split(';').next());
    match kind {
        Some("application/x-amz-json-1.1") if state.is(Mutation::AmzJsonRefused) => {
            return Err(Reply::refuse("InvalidRequestException", 415));
        }
        Some("application/x-www-form-urlencoded") if state.is(Mutation::FormTakenForJson) => {
            let fields = url::form_urlencoded::parse(&call.body).into_owned();
            return Ok(fields
                .map(|(name, value)| (name, Value::from(value)))
                .collect());
        }
        None | Some("application/json" | "application/x-amz-json-1.1") => {}
        Some(_) => return Err(Reply::refuse("InvalidRequestException", 415)),
    }
    let read = if state.is(Mutation::DuplicateMemberTaken) {
        serde_json::from_slice::<Body>(&call.body)
    } else {
        serde_json::from_slice::<Unique>(&call.body).map(|Unique(body)| body)
    };
    let broken = if state.is(Mutation::MalformedBodyIs500) {
        Reply::refuse("InternalServerException", 500)
    } else {
        invalid_request()
    };
    let mut body = read.map_err(|_| broken)?;
    if body.keys().any(|name| !KNOWN.contains(&name.as_str()))
        && state.is(Mutation::UnknownMemberRefused)
    {
        return Err(invalid_request());
    }
    let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    if body.values().any(is_empty) && state.is(Mutation::NullRefused) {
        return Err(invalid_request());
    }
    body.retain(|_, value| !is_empty(value));
    let lists = ["scopes", "redirectUris", "grantTypes", "scope"];
    let is_well = |(name, value): (&String, &Value)| {
        !KNOWN.contains(&name.as_str())
            || value.is_array() == lists.contains(&name.as_str())
                && (value.is_array() || value.is_string())
    };
    if body.iter().all(is_well) {
        Ok(body)
    } else {
        Err(invalid_request())
    }
}

/// A member that must be there.
pub(super) fn text(body: &Body, name: &str) -> Answered<String> {
    let text = body.get(name).and_then(Value::as_str);
    text.map(ToOwned::to_owned).ok_or_else(invalid_request)
}

pub(super) fn register(state: &mut State, body: &Body) -> Answered {
    let (name, kind) = (text(body, "clientName")?, text(body, "clientType")?);
    let is_control = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    if name.contains(is_control) && !state.is(Mutation::ControlCharactersInName)
        || kind != "public" && !state.is(Mutation::ConfidentialClient)
    {
        return Err(Reply::refuse("InvalidClientMetadataException", 400));
    }
    let mut grants = texts(body, "grantTypes");
    let is_known = |grant: &String| GRANTS.contains(&grant.as_str());
    if !grants.iter().all(is_known) && !state.is(Mutation::UnknownGrantRegistered) {
        return Err(Reply::refuse("UnsupportedGrantTypeException", 400));
    }
    let redirect_uris = texts(body, "redirectUris");
    let is_foreign =
        |uri: &String| !is_loopback(uri) && !state.is(Mutation::ForeignRedirectRegistered);
    let has_port =
        |uri: &String| uri.matches(':').count() > 1 && state.is(Mutation::RedirectWithPortRefused);
    let is_missing = grants.iter().any(|grant| grant == GRANTS[0])
        && redirect_uris.is_empty()
        && !state.is(Mutation::CodeGrantWithoutRedirect);
    if is_missing
        || redirect_uris
            .iter()
            .any(|uri| is_foreign(uri) || has_port(uri))
    {
        return Err(Reply::refuse("InvalidRedirectUriException", 400));
    }
    if grants.is_empty() {
        grants = vec![GRANTS[1].to_owned(), DEVICE_CODE.to_owned()];
    }
    let id = if state.is(Mutation::OneClientForAll) {
        "client".to_owned()
    } else {
        state.draw("client")
    };
    let client = Client {
        secret: if state.is(Mutation::OneClientForAll) {
            "secret".to_owned()
        } else {
            state.draw("secret")
        },
        id: id.clone(),
        grants,
        redirect_uris,
        scopes: texts(body, "scopes"),
    };
    let issued = state.now();
    let expires = issued + 90 * 86_400;
    let number = |seconds: i64| match () {
        () if state.is(Mutation::RegistrationInMilliseconds) => json!(seconds * 1000),
        () if state.is(Mutation::RegistrationAsStrings) => json!(seconds.to_string()),
        () => json!(seconds),
    };
    let reply = Reply::json(&json!({
        "clientId": id,
        "clientSecret": client.secret,
        "clientIdIssuedAt": issued,
        "clientSecretExpiresAt": number(expires),
    }));
    state.clients.insert(id, client);
    Ok(reply)
}

/// Loopback http as a literal, without user, query or fragment.
fn is_loopback(uri: &str) -> bool {
    let literal = ["http://127.0.0.1", "http://[::1]"];
    let rest = literal.iter().find_map(|host| uri.strip_prefix(host));
    rest.is_some_and(|rest| {
        (rest.is_empty() || rest.starts_with(['/', ':'])) && !rest.contains(['@', '?', '#'])
    })
}

pub(super) fn authenticate(state: &State, body: &Body) -> Answered<Client> {
    let (id, secret) = (text(body, "clientId")?, text(body, "clientSecret")?);
    let known = state.clients.get(&id);
    let known =
        known.filter(|client| client.secret == secret || state.is(Mutation::SecretUnchecked));
    let status = if state.is(Mutation::WrongSecretIs400) {
        400
    } else {
        401
    };
    known
        .cloned()
        .ok_or_else(|| Reply::refuse("InvalidClientException", status))
}

pub(super) fn start_device(state: &mut State, body: &Body) -> Answered {
    let start_url = text(body, "startUrl")?;
    let client = authenticate(state, body)?;
    let bare = start_url
        .split('#')
        .next()
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned();
    let is_alias = bare == pages::ALIAS && !state.is(Mutation::AliasUnknown);
    if bare != format!("{}/start", state.url) && !is_alias && !state.is(Mutation::StartUrlUnchecked)
    {
        return Err(invalid_request());
    }
    let code = state.draw("device");
    let user_code = state.draw_user_code();
    let query = if state.is(Mutation::VerificationUriWithQuery) {
        "?lang=en"
    } else {
        ""
    };
    let uri = format!("{}/device{query}", state.url);
    let number = |number: i64| {
        if state.is(Mutation::DeviceNumbersAsStrings) {
            json!(number.to_string())
        } else {
            json!(number)
        }
    };
    let reply = Reply::json(&json!({
        "deviceCode": code,
        "userCode": user_code,
        "verificationUri": uri,
        "verificationUriComplete": format!("{uri}?user_code={user_code}"),
        "expiresIn": number(600),
        "interval": number(i64::from(!state.is(Mutation::IntervalZero))),
    }));
    let device = Device {
        client: client.id,
        user_code,
        began: state.now(),
        polls: 0,
        progress: Progress::Pending,
    };
    state.devices.insert(code, device);
    Ok(reply)
}

/// Whether a redirect URI is the registered one: any port, the same host and path.
pub(super) fn is_registered(state: &State, client: &Client, uri: &str) -> bool {
    let bare = |uri: &str| {
        let mut url: Url = uri.parse().ok()?;
        let is_plain =
            url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
        if !state.is(Mutation::RegisteredPortDemanded) {
            url.set_port(None).ok()?;
        }
        is_plain.then(|| url.to_string())
    };
    client.redirect_uris.iter().any(|own| {
        let is_equal = bare(uri).is_some_and(|uri| bare(own) == Some(uri));
        is_equal || state.is(Mutation::RedirectByPrefix) && uri.starts_with("http://127.0.0.1")
    })
}
