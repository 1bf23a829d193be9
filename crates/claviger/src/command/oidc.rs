//! `claviger oidc`: the calls of sso-oidc by hand, one flag per parameter, through the official
//! client; against Claviger or AWS.

use anyhow::{Context as _, bail};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_ssooidc::{Client, error::ProvideErrorMetadata};
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::result::SdkError;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::output;

/// Flags of all three calls stand apart from the calls' own.
const SERVICE: &str = "The service";

#[derive(Args)]
#[command(after_help = "Examples:
  claviger oidc register-client --endpoint http://127.0.0.1:8400 --client-name demo \\
    --scope sso:account:access
  claviger oidc create-token --endpoint http://127.0.0.1:8400 --client-id @id --client-secret @secret \\
    --grant-type refresh_token --refresh-token -

A value of a secret that begins with @ names a file that holds it; - reads standard input.
Without --endpoint the call goes where AWS configuration says, or to AWS in --region.")]
pub(crate) struct Oidc {
    /// Where sso-oidc is: the URL of a Claviger instance
    #[arg(long, global = true, value_name = "URL", help_heading = SERVICE)]
    endpoint: Option<String>,
    /// The AWS region whose IAM Identity Center is called
    #[arg(long, global = true, value_name = "REGION", help_heading = SERVICE)]
    region: Option<String>,
    #[command(subcommand)]
    call: Call,
}

#[derive(Subcommand)]
enum Call {
    /// RegisterClient: a client id and secret, good for 90 days
    #[command(after_help = "Example:
  claviger oidc register-client --endpoint http://127.0.0.1:8400 --client-name demo \\
    --scope sso:account:access --grant-type authorization_code --grant-type refresh_token \\
    --redirect-uri http://127.0.0.1/callback --issuer-url http://127.0.0.1:8400/start")]
    RegisterClient(RegisterClient),
    /// StartDeviceAuthorization: a device code, and a user code for a person to approve
    #[command(after_help = "Example:
  claviger oidc start-device-authorization --endpoint http://127.0.0.1:8400 \\
    --client-id … --client-secret @secret --start-url http://127.0.0.1:8400/start")]
    StartDeviceAuthorization(StartDeviceAuthorization),
    /// CreateToken: an access token for a device code, an authorization code or a refresh token
    #[command(after_help = "Examples:
  claviger oidc create-token --client-id … --client-secret @secret \\
    --grant-type urn:ietf:params:oauth:grant-type:device_code --device-code …
  claviger oidc create-token --client-id … --client-secret @secret --grant-type authorization_code \\
    --code … --redirect-uri http://127.0.0.1:8080/callback --code-verifier …
  claviger oidc create-token --client-id … --client-secret @secret --grant-type refresh_token \\
    --refresh-token -")]
    CreateToken(CreateToken),
}

#[derive(Args)]
struct RegisterClient {
    /// What the client is called on the approval page
    #[arg(long)]
    client_name: String,
    /// Only `public` exists
    #[arg(long, default_value = "public")]
    client_type: String,
    /// A scope; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A redirect URI; may be given several times
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A grant type; may be given several times; without any: device code and refresh token
    #[arg(long = "grant-type", value_name = "GRANT")]
    grant_types: Vec<String>,
    /// The start URL or issuer of the instance; needed for authorization_code
    #[arg(long, value_name = "URL")]
    issuer_url: Option<String>,
}

#[derive(Args)]
struct StartDeviceAuthorization {
    #[command(flatten)]
    client: Credentials,
    /// The start URL of the instance
    #[arg(
        long,
        value_name = "URL",
        env = "CLAVIGER_START_URL",
        hide_env_values = true
    )]
    start_url: String,
}

#[derive(Args)]
struct Credentials {
    /// The clientId of RegisterClient
    #[arg(long, env = "CLAVIGER_CLIENT_ID", hide_env_values = true)]
    client_id: String,
    /// The clientSecret of RegisterClient
    #[arg(
        long,
        env = "CLAVIGER_CLIENT_SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    client_secret: String,
}

// Codes and verifiers are drawn from an alphabet that has a hyphen: one that begins with it is a
// value all the same.
#[derive(Args)]
struct CreateToken {
    #[command(flatten)]
    client: Credentials,
    /// urn:ietf:params:oauth:grant-type:device_code, authorization_code or refresh_token
    #[arg(long, value_name = "GRANT")]
    grant_type: String,
    /// The deviceCode of StartDeviceAuthorization
    #[arg(long, allow_hyphen_values = true)]
    device_code: Option<String>,
    /// The code that came back from /authorize
    #[arg(long, allow_hyphen_values = true)]
    code: Option<String>,
    /// The refreshToken of the last CreateToken
    #[arg(
        long,
        env = "CLAVIGER_REFRESH_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    refresh_token: Option<String>,
    /// A scope that the access token is restricted to; may be given several times
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// The redirect URI that /authorize was given
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<String>,
    /// The verifier whose challenge /authorize was given
    #[arg(long, allow_hyphen_values = true)]
    code_verifier: Option<String>,
}

/// Reads what flags name. `@FILE` and `-` keep secrets out of the process list and the shell's
/// history.
#[derive(Default)]
struct Input {
    spent: bool,
}

impl Input {
    fn read(&mut self, value: String) -> anyhow::Result<String> {
        let read = if value == "-" {
            if std::mem::replace(&mut self.spent, true) {
                bail!("only one value can come from standard input; give the other one as @FILE");
            }
            std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")?
        } else if let Some(path) = value.strip_prefix('@') {
            std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?
        } else {
            return Ok(value);
        };
        Ok(read.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn read_some(&mut self, value: Option<String>) -> anyhow::Result<Option<String>> {
        value.map(|value| self.read(value)).transpose()
    }
}

/// Makes the call and prints its answer as JSON.
pub(crate) async fn run(oidc: Oidc) -> anyhow::Result<()> {
    let client = connect(oidc.endpoint, oidc.region).await?;
    let answer = match oidc.call {
        Call::RegisterClient(call) => register_client(&client, call).await,
        Call::StartDeviceAuthorization(call) => start_device_authorization(&client, call).await,
        Call::CreateToken(call) => create_token(&client, call).await,
    };
    output::line(&format!("{:#}", answer?));
    Ok(())
}

async fn connect(endpoint: Option<String>, region: Option<String>) -> anyhow::Result<Client> {
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .no_credentials();
    if let Some(endpoint) = endpoint {
        // The official client wants a region even where the endpoint leaves nothing to choose.
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        loader = loader.endpoint_url(endpoint).region(Region::new(region));
    } else if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        bail!("give --endpoint URL for a Claviger instance, or --region for AWS");
    }
    Ok(Client::new(&config))
}

async fn register_client(client: &Client, call: RegisterClient) -> anyhow::Result<Value> {
    let list = |items: Vec<String>| (!items.is_empty()).then_some(items);
    let answer = client
        .register_client()
        .client_name(call.client_name)
        .client_type(call.client_type)
        .set_scopes(list(call.scopes))
        .set_redirect_uris(list(call.redirect_uris))
        .set_grant_types(list(call.grant_types))
        .set_issuer_url(call.issuer_url)
        .send()
        .await
        .map_err(explain)?;
    Ok(json!({
        "clientId": answer.client_id(),
        "clientSecret": answer.client_secret(),
        "clientIdIssuedAt": answer.client_id_issued_at(),
        "clientSecretExpiresAt": answer.client_secret_expires_at(),
        "authorizationEndpoint": answer.authorization_endpoint(),
        "tokenEndpoint": answer.token_endpoint(),
    }))
}

async fn start_device_authorization(
    client: &Client,
    call: StartDeviceAuthorization,
) -> anyhow::Result<Value> {
    let mut input = Input::default();
    let answer = client
        .start_device_authorization()
        .client_id(input.read(call.client.client_id)?)
        .client_secret(input.read(call.client.client_secret)?)
        .start_url(call.start_url)
        .send()
        .await
        .map_err(explain)?;
    Ok(json!({
        "deviceCode": answer.device_code(),
        "userCode": answer.user_code(),
        "verificationUri": answer.verification_uri(),
        "verificationUriComplete": answer.verification_uri_complete(),
        "expiresIn": answer.expires_in(),
        "interval": answer.interval(),
    }))
}

async fn create_token(client: &Client, call: CreateToken) -> anyhow::Result<Value> {
    let mut input = Input::default();
    let answer = client
        .create_token()
        .client_id(input.read(call.client.client_id)?)
        .client_secret(input.read(call.client.client_secret)?)
        .grant_type(call.grant_type)
        .set_device_code(input.read_some(call.device_code)?)
        .set_code(input.read_some(call.code)?)
        .set_refresh_token(input.read_some(call.refresh_token)?)
        .set_scope((!call.scope.is_empty()).then_some(call.scope))
        .set_redirect_uri(call.redirect_uri)
        .set_code_verifier(input.read_some(call.code_verifier)?)
        .send()
        .await
        .map_err(explain)?;
    Ok(json!({
        "accessToken": answer.access_token(),
        "tokenType": answer.token_type(),
        "expiresIn": answer.expires_in(),
        "refreshToken": answer.refresh_token(),
        "idToken": answer.id_token(),
    }))
}

/// The service's name for the error, its words, and what to do next.
fn explain<E, R>(error: SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    // The official client shows a request that it could not send whole, secrets and all: of its
    // own words only those about the connection are passed on.
    let about_connection = match &error {
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        SdkError::TimeoutError(_) | SdkError::ServiceError(_) => true,
        _ => false,
    };
    if !about_connection {
        return anyhow::anyhow!(
            "the call cannot be made; --endpoint must be the URL of a service that speaks sso-oidc, \
             such as http://127.0.0.1:8400"
        );
    }
    let Some(service) = error.as_service_error() else {
        return anyhow::Error::new(error).context(
            "the service cannot be reached; check --endpoint, and that the instance runs",
        );
    };
    let Some(name) = service.code() else {
        return anyhow::anyhow!(
            "what answers there does not speak sso-oidc\nhint: --endpoint is the URL of the instance, \
             such as http://127.0.0.1:8400"
        );
    };
    let words = service.message().unwrap_or("no explanation was given");
    anyhow::anyhow!("{name}: {words}\nhint: {}", hint(name))
}

fn hint(name: &str) -> &'static str {
    match name {
        "AuthorizationPendingException" => {
            "nobody has approved the user code yet; approve it in the browser, then call again"
        }
        "SlowDownException" => "wait a few seconds before the next call",
        "AccessDeniedException" => "the person declined; start again if that was a mistake",
        "ExpiredTokenException" => "the code is too old; call start-device-authorization again",
        "InvalidClientException" => {
            "the client id and secret do not belong together or have expired; call register-client \
             again"
        }
        "InvalidGrantException" => {
            "the code or token is used up, expired, or another client's; begin the flow again"
        }
        "InvalidScopeException" => "ask only for scopes that were registered",
        "UnauthorizedClientException" => "register the client with that grant type",
        "UnsupportedGrantTypeException" => {
            "use authorization_code, refresh_token or \
             urn:ietf:params:oauth:grant-type:device_code"
        }
        "InvalidRedirectUriException" => "register http://127.0.0.1 with any path",
        "UnknownOperationException" => {
            "--endpoint is the URL of the instance without a path: http://127.0.0.1:8400, not …/start"
        }
        "InvalidRequestException" | "InvalidClientMetadataException" => {
            "compare the flags with --help"
        }
        _ => "try again; if it stays, ask whoever runs the service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_its_flag_or_a_file_and_standard_input_is_read_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        std::fs::write(&path, "s3cret\n").expect("written");
        let mut input = Input::default();
        let mut read = |text: &str| input.read(text.to_owned()).ok();
        assert_eq!(read("plain").as_deref(), Some("plain"));
        assert_eq!(
            read(&format!("@{}", path.display())).as_deref(),
            Some("s3cret")
        );
        assert_eq!(read("@/nowhere"), None);
        let mut spent = Input { spent: true };
        assert!(spent.read("-".to_owned()).is_err());
    }
}
