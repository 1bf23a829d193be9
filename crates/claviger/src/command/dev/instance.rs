//! Makes the instance of `dev`: store, keys, directory, passwords, and the files that point AWS
//! clients at it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use claviger_engine::{
    admin::{directory, user, wanted::Directory},
    context::Context,
    keys::file::KeyFile,
    links::Links,
    policy::Policy,
};
use claviger_model::{
    hex::Hex,
    id::TargetName,
    port::{entropy::Entropy as _, issuers::NoIssuers, web_identity::WebIdentity},
    scope::{ACCOUNT_ACCESS, Reach, Scope, ScopeSet},
    secret::Secret,
};
use claviger_store::repository::access;
use claviger_sts::{assume_role as sts, target::Target, toy::ToySts};
use tempfile::TempDir;

use super::{toy, world::World};
use crate::{
    adapter::{
        clock::MovableClock,
        entropy::{SeededEntropy, SystemEntropy},
    },
    aws_files::{self, AccountRoles, AwsFiles, Written},
    command::init,
    config::settings::Paths,
    exit::{CONFIGURATION, Exit, ExitCode as _},
    store::Store,
    wiring::{self, Instance, Ports},
};

/// Everybody's password, where nobody but this machine can use it.
const PASSWORD: &str = "correct horse";

const REGION: &str = "us-east-1";

/// What the command line asks for.
pub(super) struct Wanted {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) directory: Directory,
    pub(super) sts: Option<String>,
    /// Where it is called.
    pub(super) public_url: String,
    /// The throw-away authority's certificate, when TLS is asked for.
    pub(super) authority: Option<String>,
    /// Whether others than this machine reach it: then nothing is known beforehand.
    pub(super) exposed: bool,
    /// Makes ids, codes and keys repeat themselves.
    pub(super) seed: Option<u64>,
    /// Who signs in, and the role of the default profile.
    pub(super) choice: Choice,
}

/// Who signs in, and the role of the default profile; the first of each where left out.
#[derive(Args)]
pub(super) struct Choice {
    /// Who signs in [default: the first user of the directory]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The account of the default profile [default: the user's first]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The role of the default profile [default: the first in the account]
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// What clients ask for; may be given several times [default: sso:account:access]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).map_err(|malformed| malformed.rule.to_owned())
}

/// An instance that is ready to be served.
pub(super) struct DevInstance {
    pub(super) context: Arc<Context>,
    pub(super) store: Store,
    pub(super) world: Arc<World>,
    pub(super) toy: Option<Arc<ToySts>>,
    /// What the control API wants to see.
    pub(super) bearer: Secret,
    pub(super) data_dir: PathBuf,
    pub(super) aws: Written,
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) user: String,
    /// What clients ask for.
    pub(super) scopes: Vec<String>,
    /// What that user has.
    pub(super) accounts: Vec<AccountRoles>,
    /// Gone with the instance.
    pub(super) home: TempDir,
}

impl DevInstance {
    /// Where the control API is.
    pub(super) fn control_url(&self) -> String {
        format!("{}/_dev", self.context.links.issuer())
    }
}

/// Makes the instance, or continues the one in the data directory.
pub(super) async fn make(wanted: Wanted) -> Result<DevInstance, Exit> {
    let home = tempfile::Builder::new().prefix("claviger-dev-").tempdir();
    let home = home.context("no temporary directory can be made")?;
    let data_dir = wanted.data_dir.unwrap_or_else(|| home.path().join("store"));
    let paths = Paths {
        key_file: data_dir.join("claviger.keys"),
        data_dir: data_dir.clone(),
        store: None,
    };
    let clock = Arc::new(MovableClock::default());
    let ports = ports(&clock, wanted.seed);
    let keys = keys(&paths, &ports).await?;
    let (store, _) = Store::open(&paths).await?;
    let own_sts = || format!("{}{}", wanted.public_url, toy::PATH);
    let links = Links::new(&wanted.public_url, keys.instance, REGION, &[]).with_own_sts(
        wanted.sts.clone().unwrap_or_else(own_sts),
        format!("claviger-dev-{}", unguessable::<4>()),
    );
    let ring = wiring::keyring(&store, &keys, &ports).await?;
    let signer = wiring::signer(&links, &ring, &ports);
    let (target, toy) = target(wanted.sts.as_deref(), &ports, signer).await?;
    let every = wanted
        .directory
        .roles
        .iter()
        .map(|role| role.role.target.clone())
        .chain([TargetName::default()]);
    let targets: HashMap<TargetName, Arc<dyn Target>> =
        every.map(|name| (name, Arc::clone(&target))).collect();
    let instance = Instance {
        issuers: Arc::new(NoIssuers),
        keys: ring,
        credentials: wiring::vending(targets, &ports),
        ports: ports.clone(),
        links,
        policy: Policy::default(),
    };
    let context = wiring::engine(&store, keys, instance).await?;
    let world = World {
        context: Arc::clone(&context),
        clock,
        entropy: ports.entropy,
        password: if wanted.exposed {
            Secret::from(unguessable::<8>())
        } else {
            Secret::from(PASSWORD)
        },
        user: first_user(&wanted.directory, &wanted.choice)?,
        seed: wanted.directory,
    };
    seed(&world).await?;
    let accounts = accounts(&world, &store, &wanted.choice).await?;
    let ca_bundle = wanted
        .authority
        .map(|pem| write_ca(home.path(), &pem))
        .transpose()?;
    let scopes = wanted.choice.scopes();
    let aws = AwsFiles {
        links: &context.links,
        accounts: &accounts,
        scopes: &scopes,
        ca_bundle: ca_bundle.as_deref(),
    };
    let aws = aws_files::write(home.path(), &aws).context("the AWS files cannot be written")?;
    Ok(DevInstance {
        context,
        store,
        toy,
        bearer: Secret::from(unguessable::<16>()),
        data_dir,
        aws,
        ca_bundle,
        user: world.user.clone(),
        world: Arc::new(world),
        scopes: scopes.into_iter().map(ToOwned::to_owned).collect(),
        accounts,
        home,
    })
}

/// The system's chance, or one that repeats itself.
fn ports(clock: &Arc<MovableClock>, seed: Option<u64>) -> Ports {
    Ports {
        clock: Arc::clone(clock) as _,
        entropy: match seed {
            Some(seed) => Arc::new(SeededEntropy::new(seed)),
            None => Arc::new(SystemEntropy),
        },
    }
}

/// Random hexadecimal digits that no seed decides: names under which no other start's caches lie,
/// and secrets of the instance itself.
fn unguessable<const N: usize>() -> String {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    Hex(&bytes).to_string()
}

/// The keys of the data directory, made if there are none.
async fn keys(paths: &Paths, ports: &Ports) -> Result<KeyFile, Exit> {
    if !paths.data_dir.join("claviger.db").exists() {
        return init::create(paths, true, ports).await;
    }
    let keys = wiring::read_keys(paths, true)?;
    if keys.dev {
        return Ok(keys);
    }
    let error = anyhow::anyhow!(
        "{} belongs to a service; `claviger dev` wants a directory of its own",
        paths.data_dir.display()
    );
    Err(Exit {
        code: CONFIGURATION,
        error,
    })
}

/// The toy, or the STS that was asked for. A real STS is called with the keys in the environment,
/// or with made-up ones: moto and its like take any.
async fn target(
    endpoint: Option<&str>,
    ports: &Ports,
    signer: Arc<dyn WebIdentity>,
) -> Result<(Arc<dyn Target>, Option<Arc<ToySts>>), Exit> {
    let Some(endpoint) = endpoint else {
        let (entropy, clock) = (Arc::clone(&ports.entropy), Arc::clone(&ports.clock));
        let toy = Arc::new(ToySts::new(entropy, clock));
        return Ok((Arc::clone(&toy) as _, Some(toy)));
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "whether the default chain has keys to find"
    )]
    let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    let made_up = || sts::Identity::Key("claviger-dev".to_owned(), Secret::from("claviger-dev"));
    let settings = sts::Settings {
        endpoint: Some(endpoint.to_owned()),
        identity: if has_keys {
            sts::Identity::Ambient
        } else {
            made_up()
        },
        ..sts::Settings::of_region(REGION)
    };
    let target = wiring::aws_target(settings, signer)
        .await
        .exit(CONFIGURATION)?;
    Ok((target, None))
}

/// Whom the choice names, or the first.
fn first_user(directory: &Directory, choice: &Choice) -> Result<String, Exit> {
    let mut names = directory.users.iter().map(|user| user.name.to_string());
    let found = match &choice.user {
        Some(wanted) => names.clone().find(|name| name == wanted),
        None => names.next(),
    };
    let known = || names.collect::<Vec<_>>().join(", ");
    found
        .with_context(|| match &choice.user {
            Some(wanted) => format!("there is no user {wanted}; there is {}", known()),
            None => "the directory has no user".to_owned(),
        })
        .exit(CONFIGURATION)
}

/// Makes the store equal to the directory and gives everybody the password.
async fn seed(world: &World) -> Result<(), Exit> {
    let broken = anyhow::Error::from;
    // Meanwhile passwords are hashed.
    let completing = tokio::spawn({
        let context = Arc::clone(&world.context);
        async move { wiring::complete_keys(&context).await }
    });
    directory::apply(&world.context, &world.seed)
        .await
        .map_err(broken)?;
    for person in &world.seed.users {
        let name = person.name.as_str();
        user::set_password(&world.context, name, &world.password, false)
            .await
            .map_err(broken)?;
    }
    let completed = completing.await.context("making an RSA key")?;
    completed.context("an RSA key cannot be kept")?;
    Ok(())
}

/// What the user has, with the choice first.
async fn accounts(
    world: &World,
    store: &Store,
    choice: &Choice,
) -> Result<Vec<AccountRoles>, Exit> {
    let all = user::list(&world.context).await;
    let all = all.map_err(anyhow::Error::from)?;
    let found = all
        .into_iter()
        .find(|user| user.name.as_str() == world.user);
    let found = found.context("the first user of the directory is gone")?;
    let rows = access::all_of(store.driver().as_ref(), found.id).await;
    let mut accounts: Vec<AccountRoles> = Vec::new();
    for (account, role) in rows.map_err(anyhow::Error::from)? {
        let (id, role) = (account.id.to_string(), role.name.to_string());
        match accounts.last_mut() {
            Some(last) if last.id == id => last.roles.push(role),
            _ => accounts.push(AccountRoles {
                id,
                name: account.name,
                roles: vec![role],
            }),
        }
    }
    choice
        .prefer(&world.user, &mut accounts)
        .exit(CONFIGURATION)?;
    Ok(accounts)
}

impl Choice {
    fn scopes(&self) -> Vec<&str> {
        if self.scopes.is_empty() {
            return vec![ACCOUNT_ACCESS];
        }
        self.scopes.iter().map(Scope::as_str).collect()
    }

    /// Where nothing is chosen, what the scopes confine to: the default profile must work.
    fn confined(&self) -> anyhow::Result<(Option<String>, Option<String>)> {
        let scopes = ScopeSet::parse(self.scopes())?;
        let first = match scopes.reach() {
            Reach::Within(within) if self.account.is_none() => within.into_iter().next(),
            _ => None,
        };
        let account = first.as_ref().map(|first| first.account_id.to_string());
        let role = first
            .and_then(|first| first.role)
            .map(|role| role.to_string());
        Ok((self.account.clone().or(account), self.role.clone().or(role)))
    }

    /// Brings the chosen account and role to the front.
    fn prefer(&self, user: &str, accounts: &mut [AccountRoles]) -> anyhow::Result<()> {
        let (account, role) = self.confined()?;
        if let Some(wanted) = &account {
            let place = accounts.iter().position(|account| account.id == *wanted);
            let place = place.with_context(|| {
                let ids = accounts.iter().map(|account| account.id.as_str());
                let ids = ids.collect::<Vec<_>>().join(", ");
                format!("{user} has no role in account {wanted}, but in {ids}")
            })?;
            if let Some(front) = accounts.get_mut(..=place) {
                front.rotate_right(1);
            }
        }
        if let Some(wanted) = &role {
            let first = accounts.first_mut();
            let first = first.with_context(|| format!("{user} has no role anywhere"))?;
            let place = first.roles.iter().position(|role| role == wanted);
            let place = place.with_context(|| {
                let roles = first.roles.join(", ");
                format!(
                    "{user} has no role {wanted} in account {}, but {roles}",
                    first.id
                )
            })?;
            if let Some(front) = first.roles.get_mut(..=place) {
                front.rotate_right(1);
            }
        }
        Ok(())
    }
}

fn write_ca(home: &Path, pem: &str) -> anyhow::Result<PathBuf> {
    let path = home.join("ca.pem");
    std::fs::write(&path, pem).context("the CA cannot be written")?;
    Ok(path)
}
