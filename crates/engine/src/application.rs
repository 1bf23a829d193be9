//! Applications and the machine keys that they sign with. Configured by an operator; only the keys
//! are in the store.

use claviger_model::{
    application::{Application, ApplicationName, MachineKeyState, Workload},
    client::{Authentication, Client, GrantType},
    id::ClientRef,
    secret::Secret,
    time::{Lifetime, Timestamp},
};
use claviger_store::{
    repository::{machine_key, replay},
    statement::Statement,
};

use crate::{context::Context, error::Error, token::client_id};

/// How long after it was made a signature is remembered: longer than it is admitted (SIG-08).
const REMEMBERED: Lifetime = Lifetime::minutes(10);

/// The application that a client id names: what the operator calls it, or its ARN.
pub(crate) fn named<'a>(context: &'a Context, client_id: &str) -> Option<&'a Application> {
    let is_arn = client_id.starts_with("arn:");
    let applications = &mut context.policy.applications.iter();
    applications.find(|own| {
        own.name.as_str() == client_id
            || (is_arn && context.links.application_arn(&own.name) == client_id)
    })
}

/// An application as a client that never ends.
pub(crate) fn client_of(context: &Context, application: &Application) -> Client {
    let arn = context.links.application_arn(&application.name);
    Client {
        metadata: application.metadata.clone(),
        reference: client_id::reference(&arn),
        issued_at: Timestamp::from_epoch_seconds(0),
        expires_at: Timestamp::from_epoch_seconds(i64::MAX),
    }
}

/// What a workload's sessions name as their client.
pub(crate) fn workload_reference(context: &Context, workload: &Workload) -> ClientRef {
    let instance = context.links.ssoins();
    client_id::reference(&format!("claviger/workload/{instance}/{}", workload.name))
}

/// The grants that somebody can have here: whoever registers, and what the operator has set up.
pub fn grants(context: &Context) -> Vec<GrantType> {
    let policy = &context.policy;
    let shows_a_secret = |own: &&Application| own.client_secret.is_some();
    let configured: Vec<&GrantType> = policy
        .applications
        .iter()
        .filter(shows_a_secret)
        .flat_map(|own| &own.metadata.grant_types)
        .collect();
    let is_had = |grant: &GrantType| {
        GrantType::REGISTRABLE.contains(grant)
            || configured.contains(&grant)
            || (*grant == GrantType::JwtBearer && !policy.workloads.is_empty())
    };
    GrantType::ALL.into_iter().filter(is_had).collect()
}

/// Whether a client has shown that it is the application or the workload that the operator has named so. Any program can say
/// that it is a public one.
pub fn is_verified(context: &Context, client: ClientRef) -> bool {
    let applications = context.policy.applications.iter();
    let applications =
        applications.filter(|own| own.metadata.authentication != Authentication::None);
    let workloads = context.policy.workloads.iter();
    applications
        .map(|own| client_of(context, own).reference)
        .chain(workloads.map(|own| workload_reference(context, own)))
        .any(|own| own == client)
}

/// Whoever a signature says has signed. Unknown and disabled keys have a secret too, which nobody
/// knows, so that they take as long to refuse (SIG-03).
pub struct Machine {
    /// What must have signed.
    pub secret: Secret,
    application: Option<ApplicationName>,
}

/// The machine of an access key id.
pub async fn machine(context: &Context, access_key_id: &str) -> Result<Machine, Error> {
    let found = machine_key::by_id(context.store.as_ref(), access_key_id).await?;
    let known = found.and_then(|(key, sealed)| {
        let plain = context.keys.open_field(&sealed, &row(access_key_id))?;
        let secret = Secret::new(String::from_utf8(plain).ok()?);
        (key.state == MachineKeyState::Active).then_some((secret, key.application))
    });
    Ok(match known {
        Some((secret, application)) => Machine {
            secret,
            application: Some(application),
        },
        None => Machine {
            secret: Secret::new(claviger_model::hex::Hex(&context.draw::<20>()).to_string()),
            application: None,
        },
    })
}

/// What a sealed secret belongs to.
pub(crate) fn row(access_key_id: &str) -> String {
    format!("machine_keys|secret|{access_key_id}")
}

/// A request that a machine has signed.
#[derive(Clone, Debug)]
pub struct Signature {
    /// For which application it signs.
    pub application: ApplicationName,
    digest: [u8; 32],
    until: Timestamp,
}

impl Machine {
    /// The signature of that digest, verified by whoever asks; nothing from an unknown machine.
    pub fn signature(self, digest: [u8; 32], signed_at: Timestamp) -> Option<Signature> {
        Some(Signature {
            application: self.application?,
            digest,
            until: signed_at.plus(REMEMBERED),
        })
    }
}

impl Signature {
    /// The statement that admits it once.
    pub(crate) fn once(&self) -> Statement {
        replay::remembering(&self.digest, self.until)
    }
}
