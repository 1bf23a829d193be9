//! AssumeRole at a real STS, through the official client; or AssumeRoleWithWebIdentity, for which the
//! server needs no key of the cloud's.
//!
//! Every field of the call comes from our own tables and travels as one form field that the client
//! encodes (POR-07). The external id is this target's own, whatever the role (POR-15).

mod error;
mod http_client;

use std::{borrow::Cow, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::Credentials;
use aws_sdk_sts::{
    Client,
    types::{Credentials as Given, PolicyDescriptorType, Tag},
};
use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    port::{
        credential_source::NotIssued,
        future::BoxFuture,
        web_identity::{Statement, WebIdentity},
    },
    secret::Secret,
    time::Timestamp,
};

use crate::{session_name::session_name, target::Target};

/// The whole call with its one retry; inside the 8 s that a target has (POR-10).
const OPERATION_TIMEOUT: Duration = Duration::from_millis(7500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 2;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// How one STS is reached and what it is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The endpoint's URL, `http` or `https`. Absent: AWS's own of the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Who we are to the STS.
    pub identity: Identity,
    /// The external id that this target's roles ask for; none with a web identity.
    pub external_id: Option<String>,
    /// Whether to send the person as `SourceIdentity`. The roles' trust policies must then allow
    /// `sts:SetSourceIdentity`; some other STS reject the field.
    pub source_identity: bool,
    /// Whether to send session tags. The trust policies must then allow `sts:TagSession`.
    pub session_tags: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// Who asks an STS for credentials.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The default chain of the AWS SDKs.
    Ambient,
    /// An access key id and its secret.
    Key(String, Secret),
    /// The person, by a token that we sign for this audience.
    Web {
        /// The `aud` of the token, as the STS's identity provider has it.
        audience: String,
    },
}

impl Settings {
    /// AWS's endpoint of `region`, the default credential chain, source identity and tags sent.
    pub fn of_region(region: impl Into<String>) -> Self {
        Self {
            endpoint: None,
            region: region.into(),
            identity: Identity::Ambient,
            external_id: None,
            source_identity: true,
            session_tags: true,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Why a target's settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Not an absolute http or https URL.
    #[error("STS endpoint `{0}` is no http or https URL: write it as https://sts.example.org")]
    Endpoint(String),
    /// Not made of lower-case letters, digits and dashes.
    #[error("STS region `{0}` is no region name: write it as us-east-1")]
    Region(String),
}

/// A target that asks an STS for AssumeRole.
pub struct AssumeRole {
    client: Client,
    by: By,
    external_id: Option<String>,
    source_identity: bool,
    session_tags: bool,
}

/// By what an STS knows that it may answer.
enum By {
    /// The signature of the call.
    Signature,
    /// A token for this audience.
    Token(String, Arc<dyn WebIdentity>),
}

impl AssumeRole {
    /// Sets the client up. Nothing is sent yet; the default chain is asked at the first call.
    /// `signer` signs who people are where the settings want that.
    pub async fn connect(
        settings: Settings,
        signer: Arc<dyn WebIdentity>,
    ) -> Result<Self, InvalidSettings> {
        check(&settings)?;
        let by = match &settings.identity {
            Identity::Web { audience } => By::Token(audience.clone(), signer),
            Identity::Ambient | Identity::Key(..) => By::Signature,
        };
        Ok(Self {
            client: client(&settings).await,
            by,
            external_id: settings.external_id,
            source_identity: settings.source_identity,
            session_tags: settings.session_tags,
        })
    }

    async fn ask(&self, request: &CredentialRequest) -> Result<RoleCredentials, NotIssued> {
        let name = session_name(request);
        let seconds = i32::try_from(request.duration.as_seconds()).unwrap_or(i32::MAX);
        let tags = if self.session_tags {
            tags(request, &name)
        } else {
            Vec::new()
        };
        let limited = request.policy_arn.as_ref();
        let limited = limited.map(|arn| vec![PolicyDescriptorType::builder().arn(arn).build()]);
        let source_identity = self.source_identity.then_some(name.as_str());
        let given = match &self.by {
            By::Signature => {
                let call = self.client.assume_role().role_arn(&request.role_arn);
                call.role_session_name(&name)
                    .set_source_identity(source_identity.map(ToOwned::to_owned))
                    .duration_seconds(seconds)
                    .set_policy_arns(limited)
                    .set_external_id(self.external_id.clone())
                    .set_tags((!tags.is_empty()).then(|| as_fields(&tags)).transpose()?)
                    .send()
                    .await
                    .map_err(|failure| error::not_issued(&failure))?
                    .credentials
            }
            By::Token(audience, signer) => {
                let token = signer.token(&Statement {
                    audience,
                    user_id: request.user_id,
                    source_identity,
                    tags,
                })?;
                let call = self.client.assume_role_with_web_identity();
                call.role_arn(&request.role_arn)
                    .role_session_name(&name)
                    .duration_seconds(seconds)
                    .set_policy_arns(limited)
                    .web_identity_token(token.reveal())
                    .send()
                    .await
                    .map_err(|failure| error::not_issued(&failure))?
                    .credentials
            }
        };
        credentials(given)
    }
}

impl Target for AssumeRole {
    fn assume<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        Box::pin(self.ask(request))
    }
}

/// Tags for attribute-based policies (`aws:PrincipalTag/claviger-user`). A person whose name has
/// no place in a tag is known by her session name there, so that two people never share a tag.
fn tags<'a>(
    request: &'a CredentialRequest,
    session_name: &'a str,
) -> Vec<(&'static str, Cow<'a, str>)> {
    let tags = [
        ("claviger-user", session_name),
        ("claviger-account", request.account_id.as_str()),
        ("claviger-role", request.role_name.as_str()),
    ];
    tags.map(|(key, value)| (key, value.chars().map(taggable).collect()))
        .into()
}

fn as_fields(tags: &[(&'static str, Cow<'_, str>)]) -> Result<Vec<Tag>, NotIssued> {
    let fields = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(*key).value(&**value).build());
    fields
        .collect::<Result<_, _>>()
        .map_err(|failure| NotIssued::Unavailable {
            detail: failure.to_string(),
        })
}

/// A tag's value takes no comma, which session and role names may hold; `:` stands in, which they
/// may not, so that distinct names stay distinct.
const fn taggable(character: char) -> char {
    if character == ',' { ':' } else { character }
}

fn credentials(given: Option<Given>) -> Result<RoleCredentials, NotIssued> {
    let incomplete = || NotIssued::Unavailable {
        detail: "the STS answered without complete credentials".to_owned(),
    };
    let given = given.ok_or_else(incomplete)?;
    if [
        &given.access_key_id,
        &given.secret_access_key,
        &given.session_token,
    ]
    .iter()
    .any(|member| member.is_empty())
    {
        return Err(incomplete());
    }
    Ok(RoleCredentials {
        expiration: Timestamp::from_epoch_seconds(given.expiration.secs()),
        access_key_id: given.access_key_id,
        secret_access_key: Secret::new(given.secret_access_key),
        session_token: Secret::new(given.session_token),
    })
}

/// The client follows no redirect (SSR-02), takes its endpoint from the settings alone (SSR-04)
/// and reads no long answer (POR-10).
async fn client(settings: &Settings) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(settings.timeout)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF);
    let region = Region::new(settings.region.clone());
    let bare = || {
        aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client::bounded())
    };
    let builder = match &settings.identity {
        // The call is not signed: nothing of the environment is asked for keys.
        Identity::Web { .. } => bare(),
        Identity::Key(id, secret) => bare().credentials_provider(Credentials::new(
            id,
            secret.reveal(),
            None,
            None,
            "configuration",
        )),
        Identity::Ambient => {
            let chain = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http_client::bounded())
                .region(region.clone())
                .load()
                .await;
            aws_sdk_sts::config::Builder::from(&chain)
        }
    };
    let mut builder = builder
        .region(region)
        .timeout_config(timeouts)
        .retry_config(retries);
    builder.set_endpoint_url(settings.endpoint.clone());
    Client::from_conf(builder.build())
}

fn check(settings: &Settings) -> Result<(), InvalidSettings> {
    let region = settings.region.as_str();
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || !region.bytes().all(legal) {
        return Err(InvalidSettings::Region(region.to_owned()));
    }
    let Some(endpoint) = &settings.endpoint else {
        return Ok(());
    };
    let url = endpoint.parse::<http::Uri>().ok();
    let scheme = url.as_ref().and_then(http::Uri::scheme_str);
    match scheme {
        Some("http" | "https") => Ok(()),
        _ => Err(InvalidSettings::Endpoint(endpoint.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Mute;

    impl WebIdentity for Mute {
        fn token(&self, _: &Statement<'_>) -> Result<Secret, NotIssued> {
            Ok(Secret::from(""))
        }
    }

    #[tokio::test]
    async fn settings_that_cannot_work_are_refused_at_once() {
        let mut settings = Settings::of_region("us-east-1");
        for endpoint in ["sts.example.org", "ftp://sts.example.org", "not a url", ""] {
            settings.endpoint = Some(endpoint.to_owned());
            assert!(
                AssumeRole::connect(settings.clone(), Arc::new(Mute))
                    .await
                    .is_err(),
                "{endpoint}"
            );
        }
        for region in ["", "us east", "evil.example.org/#"] {
            let settings = Settings::of_region(region);
            assert!(
                AssumeRole::connect(settings, Arc::new(Mute)).await.is_err(),
                "{region}"
            );
        }
    }
}
