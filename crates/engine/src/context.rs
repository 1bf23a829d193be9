//! What every use case borrows: ports, store, keys, policy. Built once.

use std::{
    collections::HashSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use claviger_model::{
    id::{ClientRef, DeviceId},
    network::NetworkPrefix,
    port::{
        clock::Clock, credential_source::CredentialSource, entropy::Entropy,
        hasher::PasswordHasher, issuers::Issuers,
    },
    rotation::NetworkTag,
    time::{Lifetime, Timestamp},
};
use claviger_store::{
    driver::Driver,
    repository::{
        self,
        rollback::{self, Seen},
    },
    rolled_back::RolledBack,
};

use crate::{
    error::Error,
    keys::{
        file::KeyFile,
        purpose::MacKey,
        ring::{Keyring, KeyringError},
    },
    links::Links,
    policy::Policy,
    throttle::{Buckets, Counter},
};

/// What the binary brings.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Driver>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of chance.
    pub entropy: Arc<dyn Entropy>,
    /// The password hasher.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Where credentials come from.
    pub credentials: Arc<dyn CredentialSource>,
    /// Whose word is taken.
    pub issuers: Arc<dyn Issuers>,
    /// The store's keys, loaded with the key file's.
    pub keys: Arc<Keyring>,
    /// The key file's content.
    pub key_file: KeyFile,
    /// Lifetimes, limits, switches.
    pub policy: Policy,
    /// Our own addresses.
    pub links: Links,
    /// This node's name in audit records.
    pub node: String,
}

/// Ports, store, keys and policy, ready for use.
pub struct Context {
    /// The store.
    pub(crate) store: Arc<dyn Driver>,
    /// Where credentials come from.
    pub(crate) credentials: Arc<dyn CredentialSource>,
    pub(crate) issuers: Arc<dyn Issuers>,
    /// Lifetimes, limits, switches.
    pub policy: Policy,
    /// Our own addresses.
    pub links: Links,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Arc<dyn PasswordHasher>,
    /// The keys.
    pub keys: Arc<Keyring>,
    pub(crate) key_file: KeyFile,
    pub(crate) node: String,
    pub(crate) audit_sequence: AtomicI64,
    pub(crate) denied_clients: RwLock<HashSet<ClientRef>>,
    pub(crate) polls: Buckets<DeviceId>,
    pub(crate) device_starts: Counter<StartKey>,
    pub(crate) registrations: Counter<NetworkPrefix>,
    /// How many requests there were, and by what chance they are called.
    requests: AtomicU64,
    requests_of: u128,
}

/// What device starts are counted by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum StartKey {
    Network(NetworkPrefix),
    Client(ClientRef),
    All,
}

/// Keys that a node remembers for its in-memory counts; some 20 MiB at worst.
const COUNTED: usize = 200_000;

fn draw<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

impl Context {
    /// Loads what lives in memory.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        let store = parts.store;
        let next = repository::audit::last_sequence(store.as_ref(), &parts.node).await? + 1;
        let denied = repository::denied_client::all(store.as_ref()).await?;
        let policy = parts.policy;
        Ok(Self {
            credentials: parts.credentials,
            issuers: parts.issuers,
            links: parts.links,
            clock: parts.clock,
            hasher: parts.hasher,
            keys: parts.keys,
            key_file: parts.key_file,
            node: parts.node,
            audit_sequence: AtomicI64::new(next),
            denied_clients: RwLock::new(denied.into_iter().collect()),
            polls: Buckets::new(5, policy.poll_interval, COUNTED),
            device_starts: Counter::new(policy.device_code_lifetime, start_keys(&policy)),
            registrations: Counter::new(Lifetime::minutes(1), COUNTED),
            requests: AtomicU64::new(0),
            requests_of: u128::from_be_bytes(draw(parts.entropy.as_ref())),
            entropy: parts.entropy,
            policy,
            store,
        })
    }

    /// The present second; a use case reads it once.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the store can serve.
    pub fn health(&self) -> Result<(), Error> {
        Ok(self.store.health()?)
    }

    /// What an operator should know although the store can serve.
    pub fn caution(&self) -> Option<&'static str> {
        self.store.caution()
    }

    /// Whether this node may say no: [`Context::now`] is to be believed, and it knows all keys that others
    /// may have made tokens of. One that was asleep or cut off must not refuse what it only does not know.
    pub fn can_judge(&self) -> bool {
        let staged = self.policy.keys_staged;
        // Somebody who looked within half of that time knows keys before they are used.
        let is_behind = staged > Lifetime::seconds(0)
            && self
                .keys
                .is_behind(Lifetime::seconds(staged.as_seconds() / 2));
        self.store.tells_the_time() && !is_behind
    }

    /// Sixteen bytes to call a request by: no secret, and no two alike, so that no request waits for chance.
    pub fn request_id(&self) -> [u8; 16] {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        // Odd factors lose nothing; neighbours look as if they were none.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (self.requests_of ^ u128::from(spread)).to_be_bytes()
    }

    pub(crate) fn draw<const N: usize>(&self) -> [u8; N] {
        draw(self.entropy.as_ref())
    }

    /// Forgets what this node counts and knows of denied clients, as a new one would begin.
    pub(crate) fn forget_counts(&self) {
        self.polls.forget_all();
        self.device_starts.forget_all();
        self.registrations.forget_all();
        self.denied_clients
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Learns what other nodes have changed: keys, and clients that were denied or allowed again.
    pub async fn refresh(&self) -> Result<(), KeyringError> {
        let store = self.store.as_ref();
        self.keys.reload(store, self.now()).await?;
        let denied = repository::denied_client::all(store).await?;
        *self
            .denied_clients
            .write()
            .unwrap_or_else(PoisonError::into_inner) = denied.into_iter().collect();
        Ok(())
    }

    /// How far the store is, as this node's own records tell.
    pub async fn seen(&self) -> Result<Seen, Error> {
        Ok(rollback::seen(self.store.as_ref(), &self.node).await?)
    }

    /// Whether the store has lost what was seen; if so it is marked, until an operator accepts it.
    pub async fn compare(&self, seen: &Seen) -> Result<Option<RolledBack>, Error> {
        Ok(rollback::compare(self.store.as_ref(), seen).await?)
    }

    pub(crate) fn is_denied(&self, client: ClientRef) -> bool {
        self.denied_clients
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&client)
    }
}

/// Every waiting device is counted under its client and its network, and all of them together: the
/// table holds whatever the total cap admits, so that it is never emptied.
fn start_keys(policy: &Policy) -> usize {
    usize::try_from(policy.limits.devices)
        .unwrap_or(usize::MAX)
        .saturating_mul(2)
        .saturating_add(8)
}

/// How a network is remembered: eight bytes of its MAC.
pub(crate) fn network_tag(key: &MacKey, network: NetworkPrefix) -> NetworkTag {
    let mut tag = NetworkTag::default();
    let mac = key.tag(&[network.to_string().as_bytes()]);
    tag.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
    tag
}
