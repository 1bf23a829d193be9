//! CreateToken with AWS's own client, one function per grant. `docs/create-token.md` shows this
//! file and says where the variables come from.
//!
//! `cargo run --example create_token -- device_code`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example reads the environment and prints"
)]

use std::{env, time::Duration};

use anyhow::Context as _;
use aws_sdk_ssooidc::{
    Client, Config,
    config::{BehaviorVersion, Region},
    error::DisplayErrorContext,
    operation::create_token::{CreateTokenOutput, builders::CreateTokenFluentBuilder},
};
use aws_smithy_http_client::{Builder, tls};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let request = connect()?
        .create_token()
        .client_id(variable("CLAVIGER_CLIENT_ID")?)
        .client_secret(variable("CLAVIGER_CLIENT_SECRET")?);
    let tokens = match env::args().nth(1).as_deref() {
        Some("device_code") => device_code(request).await?,
        Some("authorization_code") => authorization_code(request).await?,
        Some("refresh_token") => refresh_token(request).await?,
        _ => anyhow::bail!("name a grant: device_code, authorization_code or refresh_token"),
    };
    println!("{}", tokens.access_token().unwrap_or_default());
    println!("{} seconds", tokens.expires_in());
    println!("{}", tokens.refresh_token().unwrap_or_default());
    Ok(())
}

/// Asks until the person has decided.
async fn device_code(request: CreateTokenFluentBuilder) -> anyhow::Result<CreateTokenOutput> {
    let request = request
        .grant_type("urn:ietf:params:oauth:grant-type:device_code")
        .device_code(variable("CLAVIGER_DEVICE_CODE")?);
    let mut interval: u64 = variable("CLAVIGER_INTERVAL")?.parse()?;
    loop {
        let error = match request.clone().send().await {
            Ok(tokens) => return Ok(tokens),
            Err(error) => error.into_service_error(),
        };
        if error.is_slow_down_exception() {
            interval += 5;
        } else if !error.is_authorization_pending_exception() {
            anyhow::bail!("{}", DisplayErrorContext(error));
        }
        tokio::time::sleep(Duration::from_secs(interval)).await;
    }
}

/// Redeems the code that came back from `/authorize`.
async fn authorization_code(
    request: CreateTokenFluentBuilder,
) -> anyhow::Result<CreateTokenOutput> {
    let request = request
        .grant_type("authorization_code")
        .code(variable("CLAVIGER_CODE")?)
        .redirect_uri(variable("CLAVIGER_REDIRECT_URI")?)
        .code_verifier(variable("CLAVIGER_CODE_VERIFIER")?);
    Ok(request.send().await?)
}

/// Refreshes; whoever calls keeps the new refresh token.
async fn refresh_token(request: CreateTokenFluentBuilder) -> anyhow::Result<CreateTokenOutput> {
    let request = request
        .grant_type("refresh_token")
        .refresh_token(variable("CLAVIGER_REFRESH_TOKEN")?);
    Ok(request.send().await?)
}

fn connect() -> anyhow::Result<Client> {
    // Needed only where the default features of `aws-sdk-ssooidc` are off, as they are here.
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let http = Builder::new().tls_provider(provider).build_https();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(variable("CLAVIGER_ISSUER")?)
        .http_client(http)
        .build();
    Ok(Client::from_conf(config))
}

fn variable(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("{name} is not set"))
}
