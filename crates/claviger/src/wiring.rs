//! Plugs adapters into the engine: store, keys, clock, chance, hasher, targets.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use claviger_engine::{
    admin::keys,
    context::{Context, Parts},
    error::Error,
    keys::{file::KeyFile, ring::Keyring},
    links::Links,
    policy::Policy,
};
use claviger_federation::{fetch::Fetch, issuers::TrustedIssuers};
use claviger_model::{
    hex::Hex,
    id::TargetName,
    port::{
        clock::Clock, credential_source::CredentialSource, entropy::Entropy, issuers::Issuers,
        web_identity::WebIdentity,
    },
    secret::SecretDer,
    time::Lifetime,
};
use claviger_store::rolled_back::RolledBack;
use claviger_sts::{
    assume_role::{self as sts, AssumeRole},
    target::Target,
    targets::Targets,
};
use claviger_wire::jose;

use crate::{
    adapter::{
        clock::SystemClock, entropy::SystemEntropy, hasher::Argon2Hasher, key_file,
        web_identity::Signer,
    },
    config::settings::{IssuerAddress, Paths, Settings},
    exit::{CONFIGURATION, Exit, ExitCode as _},
    store::Store,
    tls,
};

/// The name in audit records of this node. A SQLite store has one; of those that share a PostgreSQL each is
/// another one at every start, so that no two ever number their records alike.
fn node(store: &Store, entropy: &dyn Entropy) -> String {
    if !store.is_shared() {
        return "local".to_owned();
    }
    let mut id = [0; 4];
    entropy.fill(&mut id);
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{name}-{}", Hex(&id))
}

/// How long new keys are known before they make tokens, where several nodes must know them: each looks
/// every second.
const KEYS_STAGED: Lifetime = Lifetime::seconds(10);

/// Time and chance.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Ports {
    /// The system's own.
    pub(crate) fn of_system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// With the clock that all nodes of a shared store have.
    pub(crate) async fn of_store(store: &Store) -> Self {
        Self {
            clock: store.clock().await,
            ..Self::of_system()
        }
    }
}

/// What an instance is made of besides store and keys.
pub(crate) struct Instance {
    pub(crate) keys: Arc<Keyring>,
    pub(crate) ports: Ports,
    pub(crate) links: Links,
    pub(crate) policy: Policy,
    pub(crate) credentials: Arc<dyn CredentialSource>,
    pub(crate) issuers: Arc<dyn Issuers>,
}

/// What an operator is told, at every start until it is settled, of a store that is behind its
/// witness (R12).
pub(crate) fn rolled_back(lost: RolledBack) -> String {
    format!(
        "the store has gone back in time: change {} was acknowledged, the store is at {}. What was \
         revoked since then is good again. `claviger admin sessions end --all` ends everything; \
         `claviger admin accept-rollback` goes on as it is",
        lost.witness, lost.store
    )
}

/// Reads the key file; `dev` says which kind is wanted.
pub(crate) fn read_keys(paths: &Paths, dev: bool) -> Result<KeyFile, Exit> {
    let keys = key_file::read(&paths.key_file).exit(CONFIGURATION)?;
    if keys.dev && !dev {
        let error = anyhow::anyhow!(
            "{} was made by `claviger dev`, which is no place for real keys; run `claviger init` for \
             a service",
            paths.key_file.display()
        );
        return Err(Exit {
            code: CONFIGURATION,
            error,
        });
    }
    Ok(keys)
}

/// The store's keys.
pub(crate) async fn keyring(
    store: &Store,
    file: &KeyFile,
    ports: &Ports,
) -> Result<Arc<Keyring>, Exit> {
    let driver = store.driver();
    let loaded = Keyring::load(driver.as_ref(), file, ports.clock.now()).await;
    Ok(Arc::new(loaded.exit(CONFIGURATION)?))
}

/// The engine over an open store.
pub(crate) async fn engine(
    store: &Store,
    key_file: KeyFile,
    instance: Instance,
) -> Result<Arc<Context>, Exit> {
    let Ports { clock, entropy } = instance.ports;
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let hasher = Argon2Hasher::new(Arc::clone(&entropy), cores)?;
    let node = node(store, entropy.as_ref());
    let mut policy = instance.policy;
    if store.is_shared() {
        policy.keys_staged = KEYS_STAGED;
    }
    let parts = Parts {
        store: store.driver(),
        clock,
        entropy,
        hasher: Arc::new(hasher),
        credentials: instance.credentials,
        issuers: instance.issuers,
        keys: instance.keys,
        key_file,
        policy,
        links: instance.links,
        node,
    };
    let context = Context::open(parts).await.exit(CONFIGURATION)?;
    Ok(Arc::new(context))
}

/// Makes the RSA keys that are missing: at the first start.
pub(crate) async fn complete_keys(context: &Context) -> Result<(), Error> {
    keys::complete(context, new_rsa).await
}

/// An RSA key, made while others work on.
pub(crate) fn new_rsa() -> Option<SecretDer> {
    tokio::task::block_in_place(jose::new_rsa)
}

/// The instance that settings describe.
pub(crate) async fn instance(
    settings: &Settings,
    key_file: &KeyFile,
    keys: Arc<Keyring>,
    ports: Ports,
) -> anyhow::Result<Instance> {
    let links = Links::new(
        &settings.public_url,
        key_file.instance,
        &settings.region,
        &settings.start_url_aliases,
    );
    let signer = signer(&links, &keys, &ports);
    let mut targets: HashMap<TargetName, Arc<dyn Target>> = HashMap::new();
    for (name, target) in &settings.targets {
        let assumed = aws_target(target.clone(), Arc::clone(&signer))
            .await
            .with_context(|| format!("targets.{name}"))?;
        targets.insert(name.clone(), assumed);
    }
    if targets.is_empty() {
        // Roles that name no target are AWS's, asked with the server's own identity.
        let aws = sts::Settings {
            session_tags: false,
            ..sts::Settings::of_region(&settings.region)
        };
        targets.insert(TargetName::default(), aws_target(aws, signer).await?);
    }
    Ok(Instance {
        keys,
        credentials: vending(targets, &ports),
        issuers: issuers(&settings.issuers, &ports)?,
        ports,
        links,
        policy: settings.policy.clone(),
    })
}

/// The issuers whose word is taken.
fn issuers(addresses: &[IssuerAddress], ports: &Ports) -> anyhow::Result<Arc<dyn Issuers>> {
    let mut trusted = TrustedIssuers::new(Arc::clone(&ports.clock));
    for address in addresses {
        let mut add = || -> anyhow::Result<()> {
            let roots = match &address.ca_file {
                Some(path) => tls::certificates(path)?,
                None => Vec::new(),
            };
            let fetch = Fetch::new(roots, address.private).context("the trusted certificates")?;
            Ok(trusted.trust(address.name.clone(), &address.url, fetch)?)
        };
        add().with_context(|| format!("issuers.{}", address.name))?;
    }
    Ok(Arc::new(trusted))
}

/// A credential source over targets.
pub(crate) fn vending(
    targets: HashMap<TargetName, Arc<dyn Target>>,
    ports: &Ports,
) -> Arc<dyn CredentialSource> {
    Arc::new(Targets::new(targets, Arc::clone(&ports.clock)))
}

/// Who signs for people, for targets that take a web identity.
pub(crate) fn signer(links: &Links, keys: &Arc<Keyring>, ports: &Ports) -> Arc<dyn WebIdentity> {
    Arc::new(Signer {
        issuer: links.issuer().to_owned(),
        keys: Arc::clone(keys),
        clock: Arc::clone(&ports.clock),
        entropy: Arc::clone(&ports.entropy),
    })
}

/// A target that assumes roles at an STS.
pub(crate) async fn aws_target(
    settings: sts::Settings,
    signer: Arc<dyn WebIdentity>,
) -> anyhow::Result<Arc<dyn Target>> {
    Ok(Arc::new(AssumeRole::connect(settings, signer).await?))
}
