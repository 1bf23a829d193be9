//! The engine over the faulty store, and the people on it.

use std::sync::Arc;

use claviger_engine::{
    client::{
        authenticate::ClientCredentials,
        register::{self, Registration},
    },
    context::{Context, Parts},
    keys::ring::{self, Keyring},
    links::Links,
    policy::Policy,
    web_session::SignedIn,
};
use claviger_model::{
    client::{Authentication, Dialect, SigningAlgorithm},
    directory::{User, UserName, UserState},
    id::{UserId, WebSessionId},
    network::Requester,
    port::clock::Clock as _,
    time::Timestamp,
};
use claviger_store::{
    driver::Driver,
    repository::user,
    sqlite::{Identity, Options, SqliteStore},
    statement::Plan,
};
use claviger_tests::{
    World, clock::ManualClock, credentials::FakeCredentials, entropy::SeededEntropy,
    hasher::CountingHasher,
};
use tempfile::TempDir;

use crate::faults::FaultyStore;

pub(crate) struct Stage {
    pub(crate) context: Context,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) faulty: Arc<FaultyStore>,
    _directory: TempDir,
}

impl Stage {
    pub(crate) async fn set(seed: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = Options::new(directory.path().join("data"));
        let identity = Identity {
            store_id: "model".to_owned(),
        };
        let store = Arc::new(SqliteStore::create(&options, &identity).expect("a store"));
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(&seed.to_string()));
        let key_file = World::builder().key_file();
        let first = ring::first(&key_file, entropy.as_ref(), clock.now());
        store.apply(first).await.expect("a first key epoch");
        let faulty = Arc::new(FaultyStore::before(Arc::clone(&store) as _));
        let keys = Keyring::load(store.as_ref(), &key_file, clock.now()).await;
        let parts = Parts {
            keys: Arc::new(keys.expect("the keys")),
            store: Arc::clone(&faulty) as _,
            clock: Arc::clone(&clock) as _,
            entropy,
            hasher: Arc::new(CountingHasher::default()),
            credentials: Arc::new(FakeCredentials::new(Arc::clone(&clock))),
            issuers: Arc::new(claviger_model::port::issuers::NoIssuers),
            links: Links::new(
                "https://sso.example.org",
                key_file.instance,
                "eu-central-1",
                &[],
            ),
            key_file,
            policy: unlimited(),
            node: "model".to_owned(),
        };
        let context = Context::open(parts).await.expect("a context");
        Self {
            context,
            clock,
            store,
            faulty,
            _directory: directory,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().epoch_seconds()
    }

    /// A person with a browser.
    pub(crate) async fn person(&self, number: u32) -> SignedIn {
        let mut bytes = [0x70; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let user = User {
            id: UserId::from_bytes(bytes),
            name: UserName::parse(&format!("person-{number}")).expect("a name"),
            display_name: "A Person".to_owned(),
            email: None,
            state: UserState::Active,
            epoch: 0,
        };
        let added = self
            .store
            .apply(Plan::of(user::adding(&user, self.clock.now())))
            .await;
        assert!(added.is_ok_and(claviger_store::statement::Applied::is_whole));
        SignedIn {
            web_session_id: WebSessionId::from_bytes(bytes),
            user,
            auth_time: self.clock.now(),
            form_token: String::new().into(),
            expires_at: Timestamp::from_epoch_seconds(i64::MAX),
        }
    }

    /// A client of that dialect that may use every grant.
    pub(crate) fn client(&self, dialect: Dialect) -> ClientCredentials {
        let grants = claviger_model::client::GrantType::REGISTRABLE;
        let registration = Registration {
            dialect,
            authentication: Authentication::Secret,
            id_token_alg: SigningAlgorithm::Es256,
            client_name: "model".to_owned(),
            grant_types: Some(
                grants
                    .iter()
                    .map(|grant| grant.as_str().to_owned())
                    .collect(),
            ),
            scopes: vec!["sso:account:access".to_owned()],
            redirect_uris: vec!["http://127.0.0.1/cb".to_owned()],
            issuer_url: Some(self.context.links.start_url()),
        };
        let registered = register::register(&self.context, &from(0), &registration);
        let registered = registered.expect("a registration");
        ClientCredentials {
            client_id: registered.client_id,
            client_secret: registered.client_secret,
        }
    }
}

/// A request from network number `network`.
pub(crate) fn from(network: u8) -> Requester {
    Requester {
        address: [10, 0, network, 1].into(),
        user_agent: None,
    }
}

/// The limits are for strangers; schedules know none.
fn unlimited() -> Policy {
    let mut policy = Policy::default();
    let limits = &mut policy.limits;
    for limit in [
        &mut limits.devices_per_network,
        &mut limits.devices_per_client,
        &mut limits.devices,
        &mut limits.wrong_codes_per_web_session,
        &mut limits.wrong_codes_per_user,
        &mut limits.wrong_codes_per_network,
        &mut limits.registrations_per_network,
        &mut limits.sessions_per_user,
    ] {
        *limit = u32::MAX;
    }
    policy
}
