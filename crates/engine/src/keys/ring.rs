//! The keyring: root keys by epoch, wrapped in the store, unwrapped and derived here.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use claviger_model::{
    client::SigningAlgorithm,
    id::InstanceId,
    port::entropy::Entropy,
    secret::{SecretBytes, SecretDer},
    time::{Lifetime, Timestamp},
};
use claviger_store::{
    driver::Driver,
    repository::keyring::{self, EpochRow, EpochState},
    statement::Plan,
};

use super::{
    file::{ClientRoot, KeyFile},
    purpose::{MacKey, NONCE, SealKey, expand},
};

/// Every key of one epoch.
pub struct EpochKeys {
    /// The number that tokens carry.
    pub epoch: u8,
    /// First lock of access tokens.
    pub access: MacKey,
    /// First lock of refresh tokens.
    pub refresh: MacKey,
    /// Lock of device codes.
    pub device: MacKey,
    /// How user codes are stored.
    pub user_code: MacKey,
    /// Lock of authorization codes.
    pub code: MacKey,
    /// Lock of web session cookies.
    pub web: MacKey,
    /// Lock of forms against other sites.
    pub form: MacKey,
    /// Lock of page tokens.
    pub page: MacKey,
    /// How networks are remembered.
    pub network: MacKey,
    /// How throttled names are counted.
    pub throttle: MacKey,
    /// Seals what a form carries from page to page.
    pub transaction: SealKey,
    /// The private key of web identity tokens: a scalar of P-256, which all but one in 2³² are.
    pub web_identity: SecretBytes,
    /// The private key of ID tokens.
    pub id_token: SecretBytes,
    /// That of ID tokens by RS256: PKCS #1; nothing until one was made.
    pub id_token_rsa: Option<SecretDer>,
    /// From when on it signs. Its public half is told before, so that whoever keeps our keys for a
    /// while has it by then.
    signs_from: Timestamp,
}

/// Why the keyring cannot be used. Nothing is ever made anew over an existing store.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store holds no keys: it was never initialised.
    #[error("the store holds no keys; run `claviger init`")]
    Empty,
    /// The store's keys were wrapped by another key file.
    #[error(
        "the store's keys were wrapped by key file {stored}, this key file is {given}; \
         restore the key file that belongs to this store"
    )]
    OtherKeyFile {
        /// Recorded beside the wrapped keys.
        stored: String,
        /// The id of the file that was given.
        given: String,
    },
    /// Same id, but the keys do not open.
    #[error(
        "key epoch {0} cannot be unwrapped; the key file or the store is damaged, restore both"
    )]
    Damaged(u8),
    /// The key file names two client roots by one number: every client of one of them would be lost.
    #[error(
        "both client roots of the key file have the id {0}; give the current one the id that the \
         clients of its own time carry, or restore the key file"
    )]
    SameClientRoots(u8),
    /// No epoch is active.
    #[error("no key epoch is active; restore the store from a backup")]
    NoneActive,
    /// All numbers are used up (255 rotations).
    #[error("all 255 key epochs are used up")]
    Exhausted,
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] claviger_store::error::Error),
}

/// How long the public half of a signing key is told before the key signs; longer than anybody is
/// allowed to keep what we told.
pub const PUBLISHED_AHEAD: Lifetime = Lifetime::hours(1);

/// How long a signing key is told after the next one took over; longer than what it signed is good.
const PUBLISHED_AFTER: Lifetime = Lifetime::hours(1);

/// The loaded keys. Reading them takes no store access; [`Keyring::reload`] follows a rotation.
pub struct Keyring {
    instance: InstanceId,
    kek: SealKey,
    kek_id: String,
    field: SealKey,
    clients: BTreeMap<u8, MacKey>,
    client_epoch: u8,
    epochs: RwLock<Arc<Epochs>>,
    /// When the store was last read, and whether a newer epoch than it then had was asked for since.
    looked: Mutex<Instant>,
    missed: AtomicBool,
}

#[derive(Default)]
struct Epochs {
    active: Option<Arc<EpochKeys>>,
    accepted: BTreeMap<u8, Arc<EpochKeys>>,
}

impl Keyring {
    /// Loads the store's keys with the key file's.
    pub async fn load(
        driver: &dyn Driver,
        file: &KeyFile,
        now: Timestamp,
    ) -> Result<Self, KeyringError> {
        let epoch = file.client_root.epoch;
        let previous = file.previous_client_root.as_ref();
        if previous.is_some_and(|previous| previous.epoch == epoch) {
            return Err(KeyringError::SameClientRoots(epoch));
        }
        let derive = |root: &ClientRoot| {
            (
                root.epoch,
                MacKey::derive(&root.root, file.instance, "client"),
            )
        };
        let ring = Self {
            instance: file.instance,
            kek: SealKey::of(&file.kek),
            kek_id: file.kek_id.clone(),
            field: SealKey::derive(&file.kek, file.instance, "field"),
            clients: file
                .previous_client_root
                .iter()
                .chain([&file.client_root])
                .map(derive)
                .collect(),
            client_epoch: epoch,
            epochs: RwLock::default(),
            looked: Mutex::new(Instant::now()),
            missed: AtomicBool::new(false),
        };
        ring.reload(driver, now).await?;
        Ok(ring)
    }

    /// Reads the store's keys again, after a rotation. An active epoch makes tokens from its `since` on,
    /// so that every node can know it by then; until that the one before it does.
    pub async fn reload(&self, driver: &dyn Driver, now: Timestamp) -> Result<(), KeyringError> {
        let begun = Instant::now();
        let rows = keyring::all(driver).await?;
        if rows.is_empty() {
            return Err(KeyringError::Empty);
        }
        let mut epochs = Epochs::default();
        let mut before: Option<&EpochRow> = None;
        let mut has_active = false;
        for row in &rows {
            let usable = matches!(row.state, EpochState::Active | EpochState::Verifying);
            if !usable {
                continue;
            }
            // An epoch became active when the one before it stopped being it.
            let activated = before.map_or(Timestamp::from_epoch_seconds(0), |before| before.since);
            before = Some(row);
            let keys = Arc::new(self.unwrap(row, activated.plus(PUBLISHED_AHEAD))?);
            let makes = row.state == EpochState::Verifying || row.since <= now;
            if makes || epochs.active.is_none() {
                epochs.active = Some(Arc::clone(&keys));
            }
            has_active |= row.state == EpochState::Active;
            epochs.accepted.insert(row.epoch, keys);
        }
        if !has_active {
            return Err(KeyringError::NoneActive);
        }
        *self.epochs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(epochs);
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = begun;
        self.missed.store(false, Ordering::Release);
        Ok(())
    }

    fn unwrap(&self, row: &EpochRow, signs_from: Timestamp) -> Result<EpochKeys, KeyringError> {
        if row.kek_id != self.kek_id {
            let stored = row.kek_id.clone();
            return Err(KeyringError::OtherKeyFile {
                stored,
                given: self.kek_id.clone(),
            });
        }
        let plain = self.kek.open(&row.wrapped, bound(row.epoch).as_bytes());
        let root = plain
            .and_then(|plain| <[u8; 32]>::try_from(plain).ok())
            .map(SecretBytes::new)
            .ok_or(KeyringError::Damaged(row.epoch))?;
        let rsa = row.rsa.as_ref().map(|wrapped| {
            let plain = self.kek.open(wrapped, bound_rsa(row.epoch).as_bytes());
            plain
                .map(SecretDer::new)
                .ok_or(KeyringError::Damaged(row.epoch))
        });
        let id_token_rsa = rsa.transpose()?;
        let mac = |purpose| MacKey::derive(&root, self.instance, purpose);
        Ok(EpochKeys {
            epoch: row.epoch,
            access: mac("access"),
            refresh: mac("refresh"),
            device: mac("device"),
            user_code: mac("usercode"),
            code: mac("code"),
            web: mac("web"),
            form: mac("csrf"),
            page: mac("page"),
            network: mac("netprefix"),
            throttle: mac("throttle"),
            transaction: SealKey::derive(&root, self.instance, "transaction"),
            web_identity: expand(&root, self.instance, "webidentity"),
            id_token: expand(&root, self.instance, "idtoken"),
            id_token_rsa,
            signs_from,
        })
    }

    /// The keys that new tokens are made with.
    pub fn active(&self) -> Arc<EpochKeys> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        // `reload` publishes no ring without an active epoch, and `load` begins with a reload.
        epochs.active.clone().unwrap_or_else(|| unreachable!())
    }

    /// The keys of `epoch`, while its tokens are accepted.
    pub fn accepted(&self, epoch: u8) -> Option<Arc<EpochKeys>> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        let keys = epochs.accepted.get(&epoch).cloned();
        if keys.is_none() && epochs.accepted.keys().all(|known| *known < epoch) {
            self.missed.store(true, Ordering::Release);
        }
        keys
    }

    /// Whether a token was of keys newer than ours, and the store was not read for longer than `bound`: other
    /// nodes may have made both, and refusing it would be wrong (F17).
    pub(crate) fn is_behind(&self, bound: Lifetime) -> bool {
        if !self.missed.load(Ordering::Acquire) {
            return false;
        }
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.elapsed().as_secs() >= u64::from(bound.as_seconds())
    }

    /// All accepted keys, newest first.
    pub fn all_accepted(&self) -> Vec<Arc<EpochKeys>> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        epochs.accepted.values().rev().cloned().collect()
    }

    /// The keys whose public halves are told: those that will sign, the one that does, and those that
    /// did not long ago. Newest first.
    pub fn published(&self, now: Timestamp) -> Vec<Arc<EpochKeys>> {
        let mut published = self.all_accepted();
        // What is older than a key that has signed for so long has signed nothing that is still good.
        let settled = |keys: &Arc<EpochKeys>| keys.signs_from.plus(PUBLISHED_AFTER) <= now;
        if let Some(settled) = published.iter().position(settled) {
            published.truncate(settled + 1);
        }
        published
    }

    /// The keys whose private halves sign now.
    pub fn signing(&self, now: Timestamp) -> Arc<EpochKeys> {
        let signing = ripe(&self.all_accepted(), now);
        signing.unwrap_or_else(|| unreachable!())
    }

    /// The same for ID tokens by that algorithm; nothing where no epoch has a key for it.
    pub fn signing_by(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
    ) -> Option<Arc<EpochKeys>> {
        match algorithm {
            SigningAlgorithm::Es256 => Some(self.signing(now)),
            SigningAlgorithm::Rs256 => {
                let mut published = self.published(now);
                published.retain(|keys| keys.id_token_rsa.is_some());
                ripe(&published, now)
            }
        }
    }

    /// How ID tokens can be signed.
    pub fn algorithms(&self, now: Timestamp) -> Vec<SigningAlgorithm> {
        let all = SigningAlgorithm::ALL.into_iter();
        all.filter(|algorithm| self.signs_by(*algorithm, now))
            .collect()
    }

    /// Whether they can be signed by that one.
    pub fn signs_by(&self, algorithm: SigningAlgorithm, now: Timestamp) -> bool {
        // All epochs have the other.
        algorithm == SigningAlgorithm::Es256 || self.signing_by(algorithm, now).is_some()
    }

    /// The epochs that are told and have no RSA key.
    pub(crate) fn without_rsa(&self, now: Timestamp) -> Vec<u8> {
        let published = self.published(now);
        let lacking = published.iter().filter(|keys| keys.id_token_rsa.is_none());
        lacking.map(|keys| keys.epoch).collect()
    }

    /// An RSA key as the row of `epoch` keeps it.
    pub(crate) fn wrap_rsa(&self, epoch: u8, nonce: [u8; NONCE], key: &SecretDer) -> Vec<u8> {
        self.kek
            .seal(nonce, key.reveal(), bound_rsa(epoch).as_bytes())
    }

    /// Seals a column of the store, so that it opens as that row's only.
    pub(crate) fn seal_field(&self, nonce: [u8; NONCE], plain: &[u8], row: &str) -> Vec<u8> {
        self.field.seal(nonce, plain, row.as_bytes())
    }

    /// Opens what [`Keyring::seal_field`] sealed.
    pub(crate) fn open_field(&self, sealed: &[u8], row: &str) -> Option<Vec<u8>> {
        self.field.open(sealed, row.as_bytes())
    }

    /// The key that new client ids are made with, and its number.
    pub(crate) fn client_key(&self) -> (u8, &MacKey) {
        let key = self.clients.get(&self.client_epoch);
        // `load` always inserts the current root.
        (self.client_epoch, key.unwrap_or_else(|| unreachable!()))
    }

    /// The client key of `epoch`.
    pub(crate) fn client_key_of(&self, epoch: u8) -> Option<&MacKey> {
        self.clients.get(&epoch)
    }
}

/// Of `keys`, newest first, the newest whose public half has been told for long enough; the oldest one signs on until
/// there is one.
fn ripe(keys: &[Arc<EpochKeys>], now: Timestamp) -> Option<Arc<EpochKeys>> {
    let ripe = keys.iter().find(|keys| keys.signs_from <= now);
    ripe.or(keys.last()).map(Arc::clone)
}

/// What a new store is made with: its first epoch.
pub fn first(file: &KeyFile, entropy: &dyn Entropy, now: Timestamp) -> Plan {
    let row = new_epoch(1, EpochState::Active, file, entropy, now);
    Plan::of(keyring::inserting(&row))
}

/// A fresh root key for `epoch`, wrapped by the key file.
pub(crate) fn new_epoch(
    epoch: u8,
    state: EpochState,
    file: &KeyFile,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> EpochRow {
    let mut root = [0; 32];
    entropy.fill(&mut root);
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    let wrapped = SealKey::of(&file.kek).seal(nonce, &root, bound(epoch).as_bytes());
    EpochRow {
        epoch,
        state,
        wrapped,
        kek_id: file.kek_id.clone(),
        rsa: None,
        since: now,
    }
}

/// A wrapped key opens only as what it was wrapped as.
fn bound(epoch: u8) -> String {
    format!("claviger|keyring|root|{epoch}")
}

fn bound_rsa(epoch: u8) -> String {
    format!("claviger|keyring|rsa|{epoch}")
}
