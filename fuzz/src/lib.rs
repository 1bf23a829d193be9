//! A keyring for the targets that read tokens: one epoch, always the same keys.

use std::{
    pin::pin,
    sync::{LazyLock, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use claviger_engine::keys::{
    file::{ClientRoot, KeyFile},
    ring::{self, Keyring},
};
use claviger_model::{
    id::InstanceId,
    port::{entropy::Entropy, future::BoxFuture},
    secret::SecretBytes,
    time::Timestamp,
};
use claviger_store::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::Row,
};

/// The keys that every token of the corpus was made with.
pub static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let file = key_file();
    let driver = OneRow::default();
    let made = now(driver.apply(ring::first(&file, &Sevens, NOW)));
    made.expect("the first epoch");
    now(Keyring::load(&driver, &file, Timestamp::from_epoch_seconds(0))).expect("the keyring")
});

/// The moment of every run.
pub const NOW: Timestamp = Timestamp::from_epoch_seconds(1_800_000_000);

fn key_file() -> KeyFile {
    KeyFile {
        instance: InstanceId::from_bytes([1; 16]),
        dev: true,
        kek_id: "fuzz".to_owned(),
        kek: SecretBytes::new([2; 32]),
        client_root: ClientRoot {
            epoch: 1,
            root: SecretBytes::new([3; 32]),
        },
        previous_client_root: None,
    }
}

/// The value of a future that waits for nothing.
/// What a future that never waits gives.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("one row is there at once"),
    }
}

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Remembers the last row that was written, which is the keyring's.
#[derive(Default)]
struct OneRow(Mutex<Vec<Row>>);

impl Driver for OneRow {
    fn fetch(&self, _: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        let rows = plan.0.into_iter().map(|statement| Row(statement.parameters));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rows.collect();
        Box::pin(std::future::ready(Ok(Applied::Whole { changed: 1 })))
    }

    fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}
