//! The applications that an operator knows.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use claviger_model::{
    application::{Application, ApplicationName, IssuerName},
    client::{Authentication, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm},
    directory::UserName,
    redirect_uri::RedirectUri,
    scope::{self, Reach, ScopeSet},
    secret::Secret,
};

use crate::config::raw::{self, Configuration, Grant};

/// The fewest characters of a secret, which nobody types.
const SHORTEST_SECRET: usize = 32;

pub(super) fn all(file: &Configuration) -> anyhow::Result<Vec<Application>> {
    let application = |(name, raw): (&String, &raw::Application)| {
        read(file, name, raw).with_context(|| format!("applications.{name}"))
    };
    file.applications.iter().map(application).collect()
}

fn read(file: &Configuration, name: &str, raw: &raw::Application) -> anyhow::Result<Application> {
    let audiences_of_targets = file
        .targets
        .values()
        .map(|target| target.audience.as_deref());
    if audiences_of_targets
        .flatten()
        .any(|audience| audience == name)
    {
        bail!(
            "a target has the audience {name}: it would take the application's ID tokens for tokens of its own. Call \
             one of them otherwise"
        );
    }
    let client_secret = client_secret(raw)?;
    let authentication = match (&client_secret, raw.public.unwrap_or(false)) {
        (Some(_), true) => {
            bail!("a public application keeps no secret: give client_secret or public = true")
        }
        (Some(_), false) => Authentication::Secret,
        (None, true) => Authentication::None,
        (None, false) => Authentication::Signature,
    };
    let grant_types: Vec<GrantType> = raw.grants.iter().copied().map(grant_type).collect();
    check_grants(raw, authentication, &grant_types)?;
    let scopes = scopes(file, raw, authentication)?;
    let own = scopes.without_people();
    ensure!(
        raw.user.is_none() || !(own.is_empty() || own.reach() == Reach::Nothing),
        "scopes must name one that opens accounts, such as sso:account:access: with client_credentials there is \
         nobody to tell about"
    );
    let redirect_uris = redirect_uris(raw, authentication)?;
    let user = raw.user.as_deref().map(UserName::parse).transpose();
    Ok(Application {
        name: ApplicationName::parse(name)?,
        metadata: ClientMetadata {
            name: ClientName::parse(raw.title.as_deref().unwrap_or(name)).context("title")?,
            dialect: match authentication {
                Authentication::Signature => Dialect::Aws,
                Authentication::Secret | Authentication::None => Dialect::Oauth,
            },
            authentication,
            grant_types,
            scopes,
            redirect_uris,
            id_token_alg: match raw.id_token_signed_response_alg {
                raw::SigningAlgorithm::Es256 => SigningAlgorithm::Es256,
                raw::SigningAlgorithm::Rs256 => SigningAlgorithm::Rs256,
            },
        },
        client_secret,
        skip_consent: raw.skip_consent.unwrap_or(false),
        user: user.context("user")?,
        audiences: audiences(file, raw)?,
    })
}

fn client_secret(raw: &raw::Application) -> anyhow::Result<Option<Secret>> {
    let secret = raw::secret(
        "client_secret",
        raw.client_secret.as_ref(),
        raw.client_secret_file.as_deref(),
    )?;
    if let Some(secret) = &secret {
        ensure!(
            secret.reveal().len() >= SHORTEST_SECRET,
            "client_secret must have at least {SHORTEST_SECRET} characters; `openssl rand -hex 32` makes a good one"
        );
        // In `Authorization: Basic` everything else is encoded by some clients and sent as it is by others.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        ensure!(
            secret.reveal().bytes().all(is_plain),
            "client_secret must be made of letters, digits and -._~ alone; `openssl rand -hex 32` makes a good one"
        );
    }
    Ok(secret)
}

const fn grant_type(grant: Grant) -> GrantType {
    match grant {
        Grant::AuthorizationCode => GrantType::AuthorizationCode,
        Grant::RefreshToken => GrantType::RefreshToken,
        Grant::DeviceCode => GrantType::DeviceCode,
        Grant::JwtBearer => GrantType::JwtBearer,
        Grant::TokenExchange => GrantType::TokenExchange,
        Grant::ClientCredentials => GrantType::ClientCredentials,
    }
}

/// Whether it can use its grants, and has what goes with them.
fn check_grants(
    raw: &raw::Application,
    authentication: Authentication,
    grant_types: &[GrantType],
) -> anyhow::Result<()> {
    let has = |grant| grant_types.contains(&grant);
    let begins = |grant: &GrantType| *grant != GrantType::RefreshToken;
    if !grant_types.iter().any(begins) {
        bail!("grants must name one that begins a session, such as authorization_code");
    }
    if has(GrantType::AuthorizationCode) == raw.redirect_uris.is_empty() {
        bail!("redirect_uris go with the grant authorization_code: give both, or neither");
    }
    if has(GrantType::JwtBearer) == raw.audiences.is_empty() {
        bail!(
            "audiences go with the grant jwt_bearer: give both, or neither. They name an issuer and \
             what its assertions must be for, as in audiences = {{ okta = [\"reports\"] }}"
        );
    }
    if has(GrantType::ClientCredentials) != raw.user.is_some() {
        bail!(
            "user goes with the grant client_credentials: give both, or neither. The application has the \
             assignments of that user where it asks in its own name"
        );
    }
    let all_may = |may: &[GrantType]| grant_types.iter().all(|grant| may.contains(grant));
    match authentication {
        Authentication::Signature if !all_may(&GrantType::SIGNED) => bail!(
            "the grants device_code and client_credentials need a client_secret (device_code: or public = true)"
        ),
        Authentication::None if !all_may(&GrantType::REGISTRABLE) => bail!(
            "a public application may use authorization_code, refresh_token and device_code: it cannot show that it \
             is itself. Give it a client_secret for the others"
        ),
        _ => Ok(()),
    }
}

fn scopes(
    file: &Configuration,
    raw: &raw::Application,
    authentication: Authentication,
) -> anyhow::Result<ScopeSet> {
    let scopes = ScopeSet::parse(raw.scopes.iter().map(String::as_str)).context("scopes")?;
    if scopes.is_legacy() {
        bail!("scopes must name at least one, such as sso:account:access");
    }
    // AWS clients name scopes of AWS's own applications, and are not told that those open nothing.
    let unknown = scopes.iter().find(|scope| !scope::is_known(scope));
    if let (Some(unknown), true) = (unknown, authentication != Authentication::Signature) {
        bail!("scopes: {unknown} opens nothing here; leave it out");
    }
    if let Some(policy) = scopes.session_policy()
        && !file.session_policies.contains_key(policy)
    {
        bail!("scopes: there is no session policy {policy}; add it to [session_policies]");
    }
    Ok(scopes)
}

fn redirect_uris(
    raw: &raw::Application,
    authentication: Authentication,
) -> anyhow::Result<Vec<RedirectUri>> {
    let is_https = |uri: &RedirectUri| uri.as_str().starts_with("https://");
    let is_app =
        |uri: &RedirectUri| uri.is_of_private_use() && authentication == Authentication::None;
    let read = |text: &String| {
        RedirectUri::parse(text)
            .ok()
            .filter(|uri| uri.is_loopback() || is_https(uri) || is_app(uri))
            .with_context(|| {
                format!(
                    "redirect_uris: {text} must be https on a host with a dot in its name, or http on 127.0.0.1, [::1] \
                     or localhost, without query and fragment; a public application may have a private-use scheme \
                     with a dot, such as com.example.app:/callback"
                )
            })
    };
    let redirect_uris: anyhow::Result<Vec<_>> = raw.redirect_uris.iter().map(read).collect();
    let redirect_uris = redirect_uris?;
    let is_skipped = raw.skip_consent.unwrap_or(false);
    if is_skipped && (redirect_uris.is_empty() || !redirect_uris.iter().all(is_https)) {
        bail!(
            "skip_consent needs redirect_uris that are https: at others any program on a person's machine can be \
             answered"
        );
    }
    Ok(redirect_uris)
}

fn audiences(
    file: &Configuration,
    raw: &raw::Application,
) -> anyhow::Result<BTreeMap<IssuerName, Vec<String>>> {
    let audiences = |(issuer, audiences): (&String, &Vec<String>)| {
        if !file.issuers.contains_key(issuer) {
            bail!("audiences: there is no issuer {issuer}; add [issuers.{issuer}]");
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            bail!("audiences: {issuer} needs at least one, and none may be empty");
        }
        Ok((IssuerName::parse(issuer)?, audiences.clone()))
    };
    raw.audiences.iter().map(audiences).collect()
}
