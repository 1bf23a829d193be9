//! A sign-in without a browser: the grants of the production code, in process, with the person's
//! part played by [`World`].

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::ValueEnum;
use claviger_engine::{
    client::{
        authenticate::ClientCredentials,
        register::{self, Registered, Registration},
    },
    device::{self, Answer, StartDevice},
    grant::{
        pipeline,
        request::{Issued, TokenRequest},
    },
};
use claviger_model::{
    client::{Authentication, Dialect, GrantType, SigningAlgorithm},
    pkce::{CodeChallenge, CodeVerifier},
    secret::Secret,
};
use url::Url;

use super::{
    problem::Problem,
    world::{World, requester},
};

/// By which grant a child is signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Login {
    /// The device grant
    #[default]
    Device,
    /// An authorization code with PKCE
    Pkce,
    /// Not at all: the command signs in by itself
    None,
}

/// Where the authorization code would go; nobody listens there.
const REDIRECT_URI: &str = "http://127.0.0.1/oauth/callback";

impl World {
    /// Signs `user` in; nothing for [`Login::None`].
    pub(super) async fn log_in(
        &self,
        login: Login,
        user: &str,
        scopes: &[String],
    ) -> anyhow::Result<Option<(Registered, Issued)>> {
        Ok(match login {
            Login::None => None,
            Login::Device => Some(self.by_device(user, scopes).await?),
            Login::Pkce => Some(self.by_code(user, scopes).await?),
        })
    }

    fn register(&self, grant: Option<GrantType>, scopes: &[String]) -> anyhow::Result<Registered> {
        let registration = Registration {
            dialect: Dialect::Aws,
            authentication: Authentication::Secret,
            id_token_alg: SigningAlgorithm::Es256,
            client_name: "claviger-dev".to_owned(),
            grant_types: grant.map(|grant| {
                let grants = [grant, GrantType::RefreshToken];
                grants.map(|grant| grant.as_str().to_owned()).into()
            }),
            scopes: scopes.to_vec(),
            redirect_uris: grant.map(|_| REDIRECT_URI.to_owned()).into_iter().collect(),
            issuer_url: grant.map(|_| self.context.links.start_url()),
        };
        Ok(register::register(
            &self.context,
            &requester(),
            &registration,
        )?)
    }

    async fn by_device(
        &self,
        user: &str,
        scopes: &[String],
    ) -> anyhow::Result<(Registered, Issued)> {
        let registered = self.register(None, scopes)?;
        let start = StartDevice {
            client: credentials(&registered),
            start_url: Some(self.context.links.start_url()),
            scopes: Vec::new(),
        };
        let started = device::start(&self.context, &requester(), start).await?;
        let code = started.user_code.to_string();
        let signed_in = self.signed_in(Some(user)).await.map_err(told)?;
        device::decide(
            &self.context,
            &requester(),
            &signed_in,
            &code,
            Answer::everything(),
        )
        .await?;
        let request = TokenRequest {
            device_code: Some(started.device_code),
            ..asking(&registered, GrantType::DeviceCode)
        };
        let issued = pipeline::redeem(&self.context, &requester(), request).await?;
        Ok((registered, issued))
    }

    async fn by_code(&self, user: &str, scopes: &[String]) -> anyhow::Result<(Registered, Issued)> {
        let registered = self.register(Some(GrantType::AuthorizationCode), scopes)?;
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        let verifier = URL_SAFE_NO_PAD.encode(bytes);
        let challenge = CodeChallenge::of(&CodeVerifier::parse(&verifier)?);
        let mut url = Url::parse(self.context.links.issuer())?.join("/authorize")?;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &registered.client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scopes", scopes.join(" ").as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        let location = self
            .authorize(url.as_str(), Some(user), Answer::everything())
            .await
            .map_err(told)?;
        let location = Url::parse(location.reveal())?;
        let mut answered = location.query_pairs();
        let code = answered.find(|(name, _)| name == "code");
        let (_, code) = code.context("the request for a code was refused")?;
        let request = TokenRequest {
            code: Some(Secret::from(code.as_ref())),
            redirect_uri: Some(REDIRECT_URI.to_owned()),
            code_verifier: Some(Secret::from(verifier.as_str())),
            ..asking(&registered, GrantType::AuthorizationCode)
        };
        let issued = pipeline::redeem(&self.context, &requester(), request).await?;
        Ok((registered, issued))
    }
}

fn told(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!(problem.because)
}

fn credentials(registered: &Registered) -> ClientCredentials {
    ClientCredentials {
        client_id: registered.client_id.clone(),
        client_secret: registered.client_secret.clone(),
    }
}

fn asking(registered: &Registered, grant: GrantType) -> TokenRequest {
    TokenRequest::new(credentials(registered), grant.as_str())
}
