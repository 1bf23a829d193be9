//! An engine over a real store, with the kit's ports: all but HTTP.

use std::sync::Arc;

use claviger_engine::{
    context::{Context, Parts},
    keys::{
        file::{ClientRoot, KeyFile},
        ring::{self, Keyring},
    },
    links::Links,
    policy::Policy,
};
use claviger_model::{
    id::InstanceId,
    port::{
        clock::Clock as _,
        credential_source::CredentialSource,
        issuers::{Issuers, NoIssuers},
    },
    secret::SecretBytes,
};
use claviger_store::{
    driver::Driver,
    sqlite::{Identity, Options, SqliteStore},
};
use tempfile::TempDir;

use crate::{
    clock::ManualClock,
    credentials::FakeCredentials,
    driver::SwitchedStore,
    entropy::SeededEntropy,
    hasher::CountingHasher,
    postgres::{self, Place},
    rows::Rows,
    seed,
};

/// The node's name in audit records.
pub const NODE: &str = "kit";

/// The region that the kit's instance says it is in.
pub const REGION: &str = "eu-central-1";

/// An engine, its store and its ports.
pub struct World {
    /// The engine.
    pub context: Arc<Context>,
    /// That of a second node, where the suite is told to run over two.
    pub second: Option<Arc<Context>>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// The password hasher.
    pub hasher: Arc<CountingHasher>,
    /// Where credentials come from.
    pub credentials: Arc<FakeCredentials>,
    /// The switch before the store.
    pub switch: Arc<SwitchedStore>,
    /// The store itself.
    pub store: Arc<dyn Driver>,
    home: Home,
}

/// Where a store lives; gone with the world.
enum Home {
    Directory(TempDir),
    Postgres(Place),
}

impl Home {
    /// A new one, with a store: PostgreSQL's where the suite is told so, else SQLite's.
    #[expect(
        clippy::disallowed_methods,
        reason = "one suite runs on each store, by this variable"
    )]
    async fn found() -> (Self, Arc<dyn Driver>) {
        match std::env::var("CLAVIGER_TEST_STORE").as_deref() {
            Ok("postgres") => {
                let place = Place::default();
                let store = Arc::new(place.create().await);
                (Self::Postgres(place), store)
            }
            Ok(other) => panic!("CLAVIGER_TEST_STORE is postgres or nothing, not {other}"),
            Err(_) => {
                let directory = tempfile::tempdir().expect("a temporary directory");
                let mut options = Options::new(directory.path().join("data"));
                // Production keeps 16 MiB in reserve; a hundred worlds of that only wear the disk.
                options.ballast = 64 << 10;
                let identity = Identity {
                    store_id: "kit".to_owned(),
                };
                let store = SqliteStore::create(&options, &identity).expect("a new store");
                (Self::Directory(directory), Arc::new(store))
            }
        }
    }
}

impl Home {
    /// The way of a further node to the store that the first one reaches so: connections of its own, where there are any.
    async fn another_way(&self, first: &Arc<dyn Driver>) -> Arc<dyn Driver> {
        match self {
            Self::Directory(_) => Arc::clone(first),
            Self::Postgres(place) => {
                let opened = postgres::open(&place.address()).await;
                Arc::new(opened.expect("another way to the store"))
            }
        }
    }
}

/// What a world is made of.
pub struct WorldBuilder {
    policy: Policy,
    public_url: String,
    aliases: Vec<String>,
    entropy: SeededEntropy,
    instance: u8,
    planted: bool,
    issuers: Arc<dyn Issuers>,
    source: Option<Box<MakeSource>>,
    nodes: u8,
}

/// Makes a credential source around the scripted one.
type MakeSource = dyn FnOnce(Arc<FakeCredentials>) -> Arc<dyn CredentialSource> + Send;

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            public_url: "https://sso.example.org".to_owned(),
            aliases: vec!["https://corp.awsapps.com/start".to_owned()],
            entropy: SeededEntropy::of_this_test(),
            instance: 0x5a,
            planted: true,
            issuers: Arc::new(NoIssuers),
            source: None,
            nodes: nodes(),
        }
    }
}

impl WorldBuilder {
    /// Changes the policy from its defaults.
    #[must_use]
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// The address that people and programs know.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = url.into();
        self
    }

    /// The seed of all chance; without one it is the test's name.
    #[must_use]
    pub fn entropy(mut self, seed: &str) -> Self {
        self.entropy = SeededEntropy::new(seed);
        self
    }

    /// Another instance: other id, other keys.
    #[must_use]
    pub const fn instance(mut self, number: u8) -> Self {
        self.instance = number;
        self
    }

    /// One node only, whatever the suite is told.
    pub(crate) const fn alone(mut self) -> Self {
        self.nodes = 1;
        self
    }

    pub(crate) const fn nodes(&self) -> u8 {
        self.nodes
    }

    /// Leaves the directory empty.
    #[must_use]
    pub const fn unplanted(mut self) -> Self {
        self.planted = false;
        self
    }

    /// Takes the word of these issuers.
    #[must_use]
    pub fn issuers(mut self, issuers: impl Issuers + 'static) -> Self {
        self.issuers = Arc::new(issuers);
        self
    }

    /// Draws credentials from what `make` puts around the scripted source.
    #[must_use]
    pub fn source<S: CredentialSource + 'static>(
        mut self,
        make: impl FnOnce(Arc<FakeCredentials>) -> S + Send + 'static,
    ) -> Self {
        self.source = Some(Box::new(|scripted| Arc::new(make(scripted))));
        self
    }

    /// The key file of this world; keys come from the instance's number alone.
    pub fn key_file(&self) -> KeyFile {
        KeyFile {
            instance: InstanceId::from_bytes([self.instance; 16]),
            dev: true,
            kek_id: format!("kit-{}", self.instance),
            kek: SecretBytes::new([self.instance.wrapping_add(1); 32]),
            client_root: ClientRoot {
                epoch: 1,
                root: SecretBytes::new([self.instance.wrapping_add(2); 32]),
            },
            previous_client_root: None,
        }
    }

    /// Makes it.
    pub async fn build(self) -> World {
        let (home, store) = Home::found().await;
        let key_file = self.key_file();
        let clock = Arc::new(ManualClock::default());
        let entropy = self.entropy;
        let hasher = Arc::<CountingHasher>::default();
        let credentials = Arc::new(FakeCredentials::new(Arc::clone(&clock)));
        let switch = Arc::new(SwitchedStore::new(Arc::clone(&store)));
        let first = ring::first(&key_file, &entropy, clock.now());
        switch.apply(first).await.expect("a first key epoch");
        let source: Arc<dyn CredentialSource> = match self.source {
            Some(make) => make(Arc::clone(&credentials)),
            None => Arc::clone(&credentials) as _,
        };
        let entropy = Arc::new(entropy);
        let links = Links::new(&self.public_url, key_file.instance, REGION, &self.aliases);
        let node = async |name: &str, store: Arc<dyn Driver>| {
            let keys = Keyring::load(switch.as_ref(), &key_file, clock.now()).await;
            let parts = Parts {
                store,
                clock: Arc::clone(&clock) as _,
                entropy: Arc::clone(&entropy) as _,
                hasher: Arc::clone(&hasher) as _,
                credentials: Arc::clone(&source),
                issuers: Arc::clone(&self.issuers),
                keys: Arc::new(keys.expect("the keys")),
                key_file: key_file.clone(),
                policy: self.policy.clone(),
                links: links.clone(),
                node: name.to_owned(),
            };
            Arc::new(Context::open(parts).await.expect("a context"))
        };
        let context = node(NODE, Arc::clone(&switch) as _).await;
        let second = match self.nodes {
            2 => {
                let own = home.another_way(&store).await;
                Some(node("kit-2", switch.of_another_node(own)).await)
            }
            _ => None,
        };
        if self.planted {
            seed::plant(&context).await;
        }
        World {
            context,
            second,
            clock,
            hasher,
            credentials,
            switch,
            store,
            home,
        }
    }
}

/// How many nodes a server has, each connection at the next one.
#[expect(
    clippy::disallowed_methods,
    reason = "the suite runs over two nodes by this variable"
)]
fn nodes() -> u8 {
    match std::env::var("CLAVIGER_TEST_NODES").as_deref() {
        Ok("2") => 2,
        Ok(other) => panic!("CLAVIGER_TEST_NODES is 2 or nothing, not {other}"),
        Err(_) => 1,
    }
}

impl World {
    /// The way of a further node to its store.
    pub async fn another_way(&self) -> Arc<dyn Driver> {
        let own = self.home.another_way(&self.store).await;
        self.switch.of_another_node(own)
    }

    /// A world to be changed before it is made.
    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }

    /// Its rows.
    pub fn rows(&self) -> Rows {
        Rows::of(Arc::clone(&self.store))
    }

    /// How large its store is, in bytes.
    pub fn size(&self) -> i64 {
        match &self.home {
            Home::Postgres(place) => place.size(),
            Home::Directory(_) => {
                let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
                self.rows().count(sql)
            }
        }
    }

    /// All that its store keeps on a disk, each piece by its name.
    pub fn at_rest(&self) -> Vec<(String, Vec<u8>)> {
        match &self.home {
            Home::Postgres(place) => vec![("the database".to_owned(), place.dump())],
            Home::Directory(directory) => {
                let entries = std::fs::read_dir(directory.path().join("data"));
                let read = |entry: std::io::Result<std::fs::DirEntry>| {
                    let path = entry.expect("an entry").path();
                    (
                        path.display().to_string(),
                        std::fs::read(&path).expect("a file"),
                    )
                };
                entries.expect("a directory").map(read).collect()
            }
        }
    }
}
