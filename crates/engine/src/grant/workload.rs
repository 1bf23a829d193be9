//! Workload identity: a job or a service presents the token that its platform has signed for it, and
//! nothing else (RFC 7523 without a client). Rules of the operator say whose assignments it has.

use claviger_model::{
    application::Workload,
    client::{
        Authentication, Client, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm,
    },
    network::Requester,
    scope::{ACCOUNT_ACCESS, ScopeSet},
    session::SessionOrigin,
    time::Timestamp,
};

use super::{
    jwt_bearer::{invalid, judge},
    lending,
    request::{Issued, TokenRequest},
    step::Step,
};
use crate::{
    application,
    client::register::check_policy,
    context::Context,
    error::{Error, Kind},
    session::Beginning,
};

pub(crate) async fn redeem(
    context: &Context,
    requester: &Requester,
    request: &TokenRequest,
    asked: &ScopeSet,
    now: Timestamp,
) -> Result<Issued, Error> {
    let text = request.assertion.as_ref().ok_or_else(|| {
        Kind::InvalidRequest.because(
            "assertion is missing. Send the token that the platform has signed for this job.",
        )
    })?;
    let assertion = context.issuers.verify(text).await?;
    let policy = &context.policy;
    let rules = policy.issuers.get(&assertion.issuer);
    let rules = rules.ok_or_else(|| invalid("the issuer is not trusted"))?;
    let audience = rules.audience.clone();
    let audience = audience.unwrap_or_else(|| context.links.issuer().to_owned());
    let once = judge(&assertion, rules, &[audience], now)?;
    let meant = |workload: &&Workload| workload.is_meant(&assertion.issuer, &assertion.claims);
    let mut found = policy.workloads.iter().filter(meant);
    let (Some(workload), None) = (found.next(), found.next()) else {
        return Err(invalid("no workload is meant by its claims, or more than one").into());
    };
    let user = lending::user(context, &workload.user).await?;
    let user =
        user.ok_or_else(|| invalid("the workload's user is not in the directory, or disabled"))?;
    let client = client_of(context, workload)?;
    let step = Step {
        context,
        requester,
        client: &client,
        scopes: asked,
        now,
        application: None,
        once: once.into_iter().collect(),
    };
    let scopes = client.metadata.scopes.narrow(asked).map_err(|_| {
        Kind::InvalidScope.because("A workload can ask for sso:account:access or less.")
    })?;
    check_policy(context, &scopes)?;
    let beginning = Beginning::of(&client, SessionOrigin::Workload, assertion.issued_at);
    lending::begin(&step, &user, beginning, scopes).await
}

/// A workload as the client of its session.
fn client_of(context: &Context, workload: &Workload) -> Result<Client, Error> {
    let portal = ScopeSet::parse([ACCOUNT_ACCESS]);
    let name = ClientName::parse(workload.name.as_str());
    // Both are well-formed by their own types.
    let (Ok(scopes), Ok(name)) = (portal, name) else {
        return Err(invalid("the workload's name is none").into());
    };
    Ok(Client {
        metadata: ClientMetadata {
            name,
            dialect: Dialect::Aws,
            authentication: Authentication::Signature,
            grant_types: vec![GrantType::JwtBearer],
            scopes,
            redirect_uris: Vec::new(),
            id_token_alg: SigningAlgorithm::Es256,
        },
        reference: application::workload_reference(context, workload),
        issued_at: Timestamp::from_epoch_seconds(0),
        expires_at: Timestamp::from_epoch_seconds(i64::MAX),
    })
}
