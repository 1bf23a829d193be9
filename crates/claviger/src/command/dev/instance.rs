//! Makes the instance of `dev`: store, keys, directory, passwords, and the files that point AWS
//! clients at it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use claviger_engine::{
    admin::{directory, user, wanted::Directory},
    context::Context,
    keys::file::KeyFile,
    links::Links,
    policy::Policy,
};
use claviger_model::{hex::Hex, id::TargetName, port::entropy::Entropy as _, secret::Secret};
use claviger_store::{repository::access, sqlite::SqliteStore};
use claviger_sts::{assume_role as sts, target::Target, toy::ToySts};
use tempfile::TempDir;

use super::toy::{self, MountedToy};
use crate::{
    adapter::{clock::SystemClock, entropy::SystemEntropy},
    aws_files::{self, AccountRoles, AwsFiles, Written},
    command::init,
    config::settings::Paths,
    directory_file,
    exit::{CONFIGURATION, Exit, ExitCode as _},
    wiring::{self, Instance},
};

/// Everybody's password.
pub(super) const PASSWORD: &str = "correct horse";

const REGION: &str = "us-east-1";

/// What the command line asks for.
pub(super) struct Wanted {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) directory: Option<PathBuf>,
    pub(super) sts: Option<String>,
    pub(super) address: SocketAddr,
    /// The throw-away authority's certificate, when TLS is asked for.
    pub(super) authority: Option<String>,
}

/// An instance that is ready to be served.
pub(super) struct DevInstance {
    pub(super) context: Arc<Context>,
    pub(super) store: Arc<SqliteStore>,
    pub(super) toy: Option<Arc<MountedToy>>,
    pub(super) data_dir: PathBuf,
    pub(super) aws: Written,
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) user: String,
    /// What that user has.
    pub(super) accounts: Vec<AccountRoles>,
    /// Gone with the instance.
    pub(super) home: TempDir,
}

/// Makes the instance, or continues the one in the data directory.
pub(super) async fn make(wanted: Wanted) -> Result<DevInstance, Exit> {
    let home = tempfile::Builder::new().prefix("claviger-dev-").tempdir();
    let home = home.context("no temporary directory can be made")?;
    let data_dir = wanted.data_dir.unwrap_or_else(|| home.path().join("store"));
    let paths = Paths {
        key_file: data_dir.join("claviger.keys"),
        data_dir: data_dir.clone(),
    };
    let wanted_directory = read_directory(wanted.directory.as_deref()).exit(CONFIGURATION)?;
    let keys = keys(&paths).await?;
    let (store, _) = wiring::open_store(&paths)?;
    let scheme = if wanted.authority.is_some() {
        "https"
    } else {
        "http"
    };
    let issuer = format!("{scheme}://{}", wanted.address);
    let own_sts = || format!("{issuer}{}", toy::PATH);
    let links = Links::new(&issuer, keys.instance, REGION, &[])
        .with_own_sts(wanted.sts.clone().unwrap_or_else(own_sts), session_name());
    let (target, toy) = target(wanted.sts.as_deref()).await?;
    let every = wanted_directory
        .roles
        .iter()
        .map(|role| role.role.target.clone());
    let targets: HashMap<TargetName, Arc<dyn Target>> =
        every.map(|name| (name, Arc::clone(&target))).collect();
    let instance = Instance {
        links,
        policy: Policy::default(),
        credentials: wiring::vending(targets),
    };
    let context = wiring::engine(Arc::clone(&store), keys, instance).await?;
    let (user, accounts) = seed(&context, &store, &wanted_directory).await?;
    let ca_bundle = wanted
        .authority
        .map(|pem| write_ca(home.path(), &pem))
        .transpose()?;
    let aws = AwsFiles {
        links: &context.links,
        accounts: &accounts,
        ca_bundle: ca_bundle.as_deref(),
    };
    let aws = aws_files::write(home.path(), &aws).context("the AWS files cannot be written")?;
    Ok(DevInstance {
        context,
        store,
        toy,
        data_dir,
        aws,
        ca_bundle,
        user,
        accounts,
        home,
    })
}

/// The keys of the data directory, made if there are none.
async fn keys(paths: &Paths) -> Result<KeyFile, Exit> {
    if !paths.data_dir.join("claviger.db").exists() {
        return init::create(paths, true).await;
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

fn read_directory(file: Option<&Path>) -> anyhow::Result<Directory> {
    let Some(file) = file else {
        return Ok(directory_file::parse(directory_file::SEED)?);
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    directory_file::parse(&text).with_context(|| file.display().to_string())
}

/// The toy, or the STS that was asked for. A real STS is called with the keys in the environment,
/// or with made-up ones: moto and its like take any.
async fn target(
    endpoint: Option<&str>,
) -> Result<(Arc<dyn Target>, Option<Arc<MountedToy>>), Exit> {
    let Some(endpoint) = endpoint else {
        let toy = Arc::new(ToySts::new(Arc::new(SystemEntropy), Arc::new(SystemClock)));
        return Ok((Arc::clone(&toy) as _, Some(Arc::new(MountedToy(toy)))));
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "whether the default chain has keys to find"
    )]
    let has_keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    let made_up = || ("claviger-dev".to_owned(), Secret::from("claviger-dev"));
    let settings = sts::Settings {
        endpoint: Some(endpoint.to_owned()),
        credentials: (!has_keys).then(made_up),
        ..sts::Settings::of_region(REGION)
    };
    let target = wiring::aws_target(settings).await.exit(CONFIGURATION)?;
    Ok((target, None))
}

/// Makes the store equal to the directory and gives everybody the password; answers who signs in
/// and what they have.
async fn seed(
    context: &Context,
    store: &SqliteStore,
    wanted: &Directory,
) -> Result<(String, Vec<AccountRoles>), Exit> {
    directory::apply(context, wanted)
        .await
        .map_err(anyhow::Error::from)?;
    let password = Secret::from(PASSWORD);
    for person in &wanted.users {
        let name = person.name.as_str();
        user::set_password(context, name, &password, false)
            .await
            .map_err(anyhow::Error::from)?;
    }
    let first = wanted
        .users
        .first()
        .context("the directory has no user")
        .exit(CONFIGURATION)?;
    let all = user::list(context).await.map_err(anyhow::Error::from)?;
    let first = all.into_iter().find(|user| user.name == first.name);
    let first = first.context("the first user of the directory is gone")?;
    let rows = access::all_of(store, first.id)
        .await
        .map_err(anyhow::Error::from)?;
    let mut accounts: Vec<AccountRoles> = Vec::new();
    for (account, role) in rows {
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
    Ok((first.name.to_string(), accounts))
}

/// A name that no other start has. Clients key their caches by it, and neither the toy's keys nor,
/// without a data directory, the tokens outlive this one.
fn session_name() -> String {
    let mut bytes = [0; 4];
    SystemEntropy.fill(&mut bytes);
    format!("claviger-dev-{}", Hex(&bytes))
}

fn write_ca(home: &Path, pem: &str) -> anyhow::Result<PathBuf> {
    let path = home.join("ca.pem");
    std::fs::write(&path, pem).context("the CA cannot be written")?;
    Ok(path)
}
