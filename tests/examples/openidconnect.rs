//! The `openidconnect` crate as a relying party: one story for each way in which a client shows that it is itself.
//! `tests/e2e/relying_parties.rs` runs it. Its HTTP client is of the kit, over TLS, since it revokes over nothing less.
#![expect(clippy::expect_used, reason = "a program that succeeds or fails")]

use std::{
    cell::Cell,
    fmt::Debug,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
};

use claviger_tests::http::{Request, parameter, read_response};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthorizationCode, Client, CsrfToken,
    DeviceAuthorizationUrl, EmptyExtraTokenFields, EndpointMaybeSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IntrospectionUrl, IssuerUrl, Nonce, NonceVerifier,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl,
    RevocationUrl, Scope, StandardErrorResponse, StandardTokenResponse, SyncHttpClient,
    TokenIntrospectionResponse as _, TokenResponse as _, UserInfoClaims, UserInfoError,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType,
        CoreClientAuthMethod, CoreClientRegistrationRequest, CoreDeviceAuthorizationResponse,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreRequestTokenError, CoreResponseMode, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse,
        CoreTokenType,
    },
    registration::EmptyAdditionalClientMetadata,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring,
};

const SCOPES: [&str; 3] = ["profile", "email", "groups"];

/// The endpoints that OpenID Connect Discovery does not name.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    #[serde(rename = "device_authorization_endpoint")]
    device_authorization: DeviceAuthorizationUrl,
    #[serde(rename = "introspection_endpoint")]
    introspection: IntrospectionUrl,
    #[serde(rename = "revocation_endpoint")]
    revocation: RevocationUrl,
}

impl AdditionalProviderMetadata for Endpoints {}

/// The claim that OpenID Connect Core does not name.
#[derive(Debug, Deserialize, Serialize)]
struct Groups {
    groups: Vec<String>,
}

impl AdditionalClaims for Groups {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Granted = StandardTokenResponse<
    IdTokenFields<
        Groups,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type RelyingParty = Client<
    Groups,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Granted,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointSet,
    EndpointSet,
    EndpointSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The HTTP client.
struct Web {
    host: String,
    config: Arc<ClientConfig>,
}

impl Web {
    fn new(issuer: &str, ca_bundle: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(ca_bundle).expect("an authority");
        roots.add(authority).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            host: issuer.trim_start_matches("https://").to_owned(),
            config: Arc::new(config),
        }
    }
}

impl SyncHttpClient for Web {
    type Error = io::Error;

    fn call(&self, request: HttpRequest) -> io::Result<HttpResponse> {
        let (parts, body) = request.into_parts();
        assert_eq!(parts.uri.scheme_str(), Some("https"), "{}", parts.uri);
        let target = parts.uri.path_and_query().expect("a path");
        let mut sent = Request::new(parts.method.as_str(), target.as_str()).body(body);
        for (name, value) in &parts.headers {
            sent = sent.header(name.as_str(), value.to_str().expect("a header"));
        }
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.config), name);
        let tls = tls.map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(tls, TcpStream::connect(&self.host)?);
        stream.write_all(&sent.encode(&self.host))?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let read = read_response(&bytes).expect("an answer");
        let mut answer = openidconnect::http::Response::builder().status(read.status);
        for (name, value) in read.headers {
            answer = answer.header(name, value);
        }
        answer.body(read.body).map_err(io::Error::other)
    }
}

/// The instance under test, and the person at it.
struct Instance {
    about: Value,
    web: Web,
}

impl Instance {
    fn text(&self, name: &str) -> &str {
        let text = self.about.get(name).and_then(Value::as_str);
        text.expect("a text of the first line")
    }

    /// Does what a person would, by the control API.
    fn control(&self, route: &str, body: &Value) -> Value {
        let request =
            openidconnect::http::Request::post(format!("{}/{route}", self.text("control_url")))
                .header(
                    "Authorization",
                    format!("Bearer {}", self.text("control_token")),
                )
                .header("Content-Type", "application/json")
                .body(body.to_string().into_bytes());
        let answer = self
            .web
            .call(request.expect("a request"))
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{answer:?}");
        serde_json::from_slice(answer.body()).expect("JSON")
    }
}

/// How a client that shows itself so has its ID tokens signed: both ways are tried.
const fn algorithm(method: &CoreClientAuthMethod) -> CoreJwsSigningAlgorithm {
    match method {
        CoreClientAuthMethod::ClientSecretPost => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        _ => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    }
}

/// A registered client and its server.
struct Story<'a> {
    instance: &'a Instance,
    web: &'a Web,
    party: RelyingParty,
    method: CoreClientAuthMethod,
}

impl<'a> Story<'a> {
    /// Discovers the server and registers with it.
    fn begin(instance: &'a Instance, method: CoreClientAuthMethod) -> Self {
        let web = &instance.web;
        let issuer = IssuerUrl::new(instance.text("issuer").to_owned()).expect("an issuer");
        let metadata = Metadata::discover(&issuer, web).expect("metadata and keys");
        let redirect_uri = |port: &str| {
            RedirectUrl::new(format!("http://127.0.0.1{port}/callback")).expect("a URI")
        };
        let request = CoreClientRegistrationRequest::new(
            vec![redirect_uri("")],
            EmptyAdditionalClientMetadata {},
        )
        .set_grant_types(Some(vec![
            CoreGrantType::AuthorizationCode,
            CoreGrantType::RefreshToken,
            CoreGrantType::DeviceCode,
        ]))
        .set_id_token_signed_response_alg(Some(algorithm(&method)))
        .set_token_endpoint_auth_method(Some(method.clone()));
        let endpoint = metadata.registration_endpoint().expect("an endpoint");
        let registered = request.register(endpoint, web).expect("a registration");
        assert_eq!(
            registered.client_secret().is_some(),
            method != CoreClientAuthMethod::None,
            "a secret for whom?"
        );
        let by = match method {
            CoreClientAuthMethod::ClientSecretBasic => AuthType::BasicAuth,
            _ => AuthType::RequestBody,
        };
        let endpoints = metadata.additional_metadata().clone();
        let party = Client::from_provider_metadata(
            metadata,
            registered.client_id().clone(),
            registered.client_secret().cloned(),
        )
        .set_auth_type(by)
        .set_device_authorization_url(endpoints.device_authorization)
        .set_introspection_url(endpoints.introspection)
        .set_revocation_url(endpoints.revocation)
        .set_redirect_uri(redirect_uri(":54321"));
        Self {
            instance,
            web,
            party,
            method,
        }
    }

    /// Authorization code with PKCE, `state` and `nonce`.
    fn code(&self) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .party
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes())
            .set_pkce_challenge(challenge)
            .url();
        let back = self.instance.control("authorize", &json!({ "url": url }));
        let back = back.get("location").and_then(Value::as_str);
        let told = |name| parameter(back.expect("a way back"), name);
        // The library leaves both to its caller.
        assert_eq!(told("state").as_ref(), Some(state.secret()));
        assert_eq!(told("iss").as_deref(), Some(self.instance.text("issuer")));

        let redeem = |verifier: &PkceCodeVerifier| {
            let code = AuthorizationCode::new(told("code").expect("a code"));
            let request = self.party.exchange_code(code).expect("an endpoint");
            let verifier = PkceCodeVerifier::new(verifier.secret().clone());
            request.set_pkce_verifier(verifier).request(self.web)
        };
        let (_, guessed) = PkceCodeChallenge::new_random_sha256();
        refused(&redeem(&guessed), &CoreErrorResponseType::InvalidGrant);
        let granted = redeem(&verifier).expect("tokens");
        self.is_known(&granted, &nonce);
        refused(&redeem(&verifier), &CoreErrorResponseType::InvalidGrant);
        // Who replays a code ends what it gave.
        self.is_ended(&granted);
    }

    /// A device that is approved after it has asked in vain.
    fn sign_in_device(&self) -> Granted {
        let started = self
            .party
            .exchange_device_code()
            .add_scope(Scope::new("openid".to_owned()));
        let started: CoreDeviceAuthorizationResponse = started
            .add_scopes(scopes())
            .request(self.web)
            .expect("a device");
        let in_vain = Cell::new(0);
        let approve = |_| {
            in_vain.set(in_vain.get() + 1);
            let code = json!({ "user_code": started.user_code().secret() });
            self.instance.control("approve", &code);
        };
        let poll = self.party.exchange_device_access_token(&started);
        let poll = poll.expect("an endpoint").request(self.web, approve, None);
        let granted = poll.expect("tokens");
        assert_eq!(in_vain.get(), 1, "approved before it asked, or not at once");
        granted
    }

    /// A new pair, an ID token of the same person; then the end of both.
    fn refresh_and_revoke(&self, granted: &Granted) {
        let first = self.is_known(granted, no_nonce);
        let fresh = self.refresh(granted).expect("tokens");
        assert_ne!(
            fresh.access_token().secret(),
            granted.access_token().secret()
        );
        assert_ne!(
            fresh.refresh_token().expect("a token").secret(),
            granted.refresh_token().expect("a token").secret()
        );
        let second = self.is_known(&fresh, no_nonce);
        for claim in ["sub", "auth_time"] {
            assert_eq!(first.get(claim), second.get(claim), "{claim}");
        }
        // The one before is good until it expires, or until its session ends.
        self.is_known(granted, no_nonce);

        let token = fresh.refresh_token().expect("a token").clone();
        let revocation = self.party.revoke_token(token.into()).expect("https");
        revocation.request(self.web).expect("an end");
        self.is_ended(&fresh);
        self.is_ended(granted);
    }

    fn refresh(&self, granted: &Granted) -> Result<Granted, CoreRequestTokenError<io::Error>> {
        let token = granted.refresh_token().expect("a refresh token");
        let request = self.party.exchange_refresh_token(token);
        request.expect("an endpoint").request(self.web)
    }

    /// The ID token, userinfo and introspection tell of one person; answers what the first says.
    fn is_known(&self, granted: &Granted, nonce: impl NonceVerifier) -> Value {
        let id_token = granted.id_token().expect("an ID token");
        assert_eq!(
            id_token.signing_alg().ok(),
            Some(&algorithm(&self.method)),
            "as it registered"
        );
        let claims = id_token.claims(&self.party.id_token_verifier(), nonce);
        let claims = claims.expect("an ID token that is good");
        let access = granted.access_token();
        let request = self
            .party
            .user_info(access.clone(), Some(claims.subject().clone()));
        let info = request.expect("an endpoint").request(self.web);
        let info: UserInfoClaims<Groups, CoreGenderClaim> = info.expect("claims");
        let told = [serde_json::to_value(claims), serde_json::to_value(&info)];
        let [told, info] = told.map(|claims| claims.expect("JSON"));
        for (name, value) in person().as_object().expect("claims") {
            assert_eq!(told.get(name), Some(value), "the ID token: {told}");
            assert_eq!(info.get(name), Some(value), "userinfo: {info}");
        }

        let worth = self.party.introspect(access).request(self.web);
        if self.method == CoreClientAuthMethod::None {
            refused(&worth, &CoreErrorResponseType::InvalidClient);
            return told;
        }
        let worth = worth.expect("what the token is worth");
        assert!(worth.active(), "{worth:?}");
        assert_eq!(worth.sub(), Some(claims.subject().as_str()));
        assert_eq!(worth.iss(), Some(self.instance.text("issuer")));
        assert_eq!(worth.client_id(), Some(self.party.client_id()));
        assert_eq!(worth.username(), Some("alice"));
        let openid = Scope::new("openid".to_owned());
        let all: Vec<Scope> = [openid].into_iter().chain(scopes()).collect();
        assert_eq!(worth.scopes(), Some(&all));
        told
    }

    /// All that was granted is closed.
    fn is_ended(&self, granted: &Granted) {
        let access = granted.access_token();
        let request = self.party.user_info(access.clone(), None);
        let info = request.expect("an endpoint").request(self.web);
        let info: Result<UserInfoClaims<Groups, CoreGenderClaim>, _> = info;
        assert!(
            matches!(&info, Err(UserInfoError::Response(status, ..)) if status.as_u16() == 401),
            "{info:?}"
        );
        refused(&self.refresh(granted), &CoreErrorResponseType::InvalidGrant);
        if self.method != CoreClientAuthMethod::None {
            let worth = self.party.introspect(access).request(self.web);
            assert!(!worth.expect("what the token is worth").active());
        }
    }
}

fn scopes() -> impl Iterator<Item = Scope> {
    SCOPES.into_iter().map(|scope| Scope::new(scope.to_owned()))
}

fn person() -> Value {
    json!({
        "name": "Alice Example",
        "preferred_username": "alice",
        "email": "alice@example.org",
        "email_verified": true,
        "groups": ["engineers"],
    })
}

/// Where no nonce was sent, none may come.
fn no_nonce(nonce: Option<&Nonce>) -> Result<(), String> {
    nonce.map_or(Ok(()), |nonce| Err(format!("whose nonce is {nonce:?}?")))
}

/// Asserts that the library's own error has this code of OAuth.
fn refused<T: Debug>(
    answer: &Result<T, CoreRequestTokenError<io::Error>>,
    due: &CoreErrorResponseType,
) {
    let Err(CoreRequestTokenError::ServerResponse(told)) = answer else {
        panic!("{due:?} was due, not {answer:?}");
    };
    assert_eq!(told.error(), due);
}

fn main() {
    #[expect(clippy::disallowed_methods, reason = "told as the other stories are")]
    let about = std::env::var("CLAVIGER_ABOUT").expect("an instance");
    let about: Value = serde_json::from_str(&about).expect("JSON");
    let text = |name: &str| about.get(name).and_then(Value::as_str).expect("a text");
    let web = Web::new(text("issuer"), text("ca_bundle"));
    let instance = Instance { about, web };
    for method in [
        CoreClientAuthMethod::None,
        CoreClientAuthMethod::ClientSecretBasic,
        CoreClientAuthMethod::ClientSecretPost,
    ] {
        let story = Story::begin(&instance, method);
        story.code();
        story.refresh_and_revoke(&story.sign_in_device());
    }
}
