//! What every handler shares.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use claviger_engine::{context::Context, keys::ring::EpochKeys};
use claviger_model::{
    port::future::BoxFuture,
    time::{Lifetime, Timestamp},
};
use http::Response;
use ipnet::IpNet;

use crate::{
    activity::{Activity, Observer},
    admission::Admission,
    fault::FaultScript,
};

/// Routes that the binary adds below `/_dev/` without knowing axum.
pub trait Mounted: Send + Sync {
    /// The answer to a request below `/_dev/`, or nothing for a path it does not know.
    fn answer<'a>(
        &'a self,
        parts: &'a http::request::Parts,
        body: &'a [u8],
    ) -> BoxFuture<'a, Option<http::Response<Vec<u8>>>>;
}

/// The engine and how this server stands in the world.
pub struct App {
    /// The engine.
    pub context: Arc<Context>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What `dev` adds.
    pub mounted: Option<Arc<dyn Mounted>>,
    /// What `dev` lets requests suffer.
    pub faults: Option<Arc<dyn FaultScript>>,
    /// Who watches.
    pub observer: Option<Arc<dyn Observer>>,
    /// What the pages call this instance.
    pub title: String,
    /// Whether this process holds the TLS listener itself: only then may it pin browsers to https.
    pub tls: bool,
    /// How long a request's body may take to arrive (RES-02).
    pub body_time: Duration,
    /// Set when the server is about to stop: readiness says no.
    pub draining: AtomicBool,
    /// Who is let in under overload.
    pub admission: Admission,
    /// Bugs that handlers met.
    pub(crate) panics: Panics,
    /// What was told of the keys last.
    pub(crate) told_keys: ToldKeys,
}

/// The answer of `/jwks`, kept as long as it is of the same keys: it is made of private halves, which costs more than all
/// else that anybody may ask for.
#[derive(Default)]
pub(crate) struct ToldKeys(Mutex<Option<Told>>);

struct Told {
    /// The epochs, and whether each has an RSA key: no number is given to other keys, and none of them changes.
    of: Vec<(u8, bool)>,
    answer: Response<Bytes>,
}

impl ToldKeys {
    /// The answer that tells of `keys`, made by `tell` where it is not the last one.
    pub(crate) fn of(
        &self,
        keys: &[Arc<EpochKeys>],
        tell: impl FnOnce() -> Response<Bytes>,
    ) -> Response<Bytes> {
        let of = keys
            .iter()
            .map(|keys| (keys.epoch, keys.id_token_rsa.is_some()));
        let of: Vec<_> = of.collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(told) if told.of == of => told.answer.clone(),
            _ => kept.insert(Told { of, answer: tell() }).answer.clone(),
        }
    }
}

/// When handlers last met a bug. One costs its request alone; three in ten seconds say that this node is
/// broken, and that others should be asked (F32).
#[derive(Default)]
pub(crate) struct Panics(Mutex<[Option<Timestamp>; 3]>);

impl Panics {
    const WINDOW: Lifetime = Lifetime::seconds(10);

    /// Notes one more.
    pub(crate) fn note(&self, now: Timestamp) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [_, second, third] = *last;
        *last = [second, third, Some(now)];
    }

    fn are_too_many(&self, now: Timestamp) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter()
            .all(|one| one.is_some_and(|one| one.is_within(Self::WINDOW, now)))
    }
}

impl App {
    /// An app around `context` that trusts nobody and adds nothing.
    pub fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            trusted_proxies: Vec::new(),
            mounted: None,
            faults: None,
            observer: None,
            title: "Claviger".to_owned(),
            tls: false,
            body_time: Duration::from_secs(10),
            draining: AtomicBool::new(false),
            admission: Admission::default(),
            panics: Panics::default(),
            told_keys: ToldKeys::default(),
        }
    }

    pub(crate) fn saw(&self, activity: &Activity) {
        if let Some(observer) = &self.observer {
            observer.saw(activity);
        }
    }

    /// Whether the server may be sent requests, and why not.
    pub fn ready(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        if self.panics.are_too_many(self.context.now()) {
            return Err(
                "three requests in ten seconds met a bug: see \"a handler panicked\" in the log, and restart \
                 this node if it goes on"
                    .to_owned(),
            );
        }
        self.context.health().map_err(|error| error.to_string())
    }
}
