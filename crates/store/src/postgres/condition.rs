//! What a store knows of its server: whether it answers, and which one it must not be.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use claviger_model::{port::clock::Clock, time::Timestamp};

use crate::error::Error;

/// How many seconds a node's clock may be from the database's (F15).
const FARTHEST: i64 = 30;

/// From how many on an operator hears of it.
pub(super) const WORTH_A_WORD: i64 = 5;

/// What the database's clock showed when it was last asked, beside the machine's own.
struct Dial {
    clock: Arc<dyn Clock>,
    /// Milliseconds.
    there: i64,
    asked: Instant,
}

impl Dial {
    /// What the database's clock shows now, by what has passed since.
    fn now(&self) -> i64 {
        let since = i64::try_from(self.asked.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.there.saturating_add(since).div_euclid(1000)
    }

    /// How many seconds the machine's clock is ahead now: one that jumps is noticed at once, and not when the
    /// database is asked the next time.
    fn ahead(&self) -> i64 {
        self.clock.now().epoch_seconds().saturating_sub(self.now())
    }
}

/// Which server: every promotion of a standby begins a new timeline of the same system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// What a cluster is given when it is made; zero where the server does not tell.
    pub system: i64,
    /// Counted from one; zero where the server does not tell.
    pub timeline: u32,
}

/// Shared by all connections.
#[derive(Default)]
pub(super) struct Condition {
    /// What the last probe met.
    trouble: Mutex<Option<Error>>,
    /// The server with the highest timeline: one below it was replaced and lives on (F16).
    lineage: Mutex<Lineage>,
    /// Whether a server of another system was met.
    met_another: AtomicBool,
    /// Whether one of the system that is known was met, replaced or not.
    met_own: AtomicBool,
    /// Whether decisions go by the database's clock: before it was asked there are none.
    wants_time: AtomicBool,
    /// This node's clock beside the database's; nothing while nobody compares them.
    dial: RwLock<Option<Dial>>,
    /// Whether the last write was given up.
    writes_fail: AtomicBool,
    /// The host that served last.
    host: AtomicUsize,
    /// Raised when a connection fell silent: those made before are not to be trusted either.
    suspicion: AtomicU64,
    /// Whether a commit may be lost with the primary.
    asynchronous: AtomicBool,
}

impl Condition {
    /// `Ok` while this machine's clock is the database's, or nearly so. Decisions go by the database's; but a
    /// clock that is far off, or that jumps, is a sign that this machine counts seconds wrongly as well (R15).
    pub(super) fn tells_the_time(&self) -> Result<(), Error> {
        if self.wants_time.load(Ordering::Acquire) && self.now().is_none() {
            let why = "PostgreSQL has not told the time yet";
            return Err(Error::Unavailable(why.to_owned()));
        }
        let ahead = self.ahead();
        if ahead.abs() <= FARTHEST {
            return Ok(());
        }
        Err(Error::Unavailable(format!(
            "this machine's clock is {} s {} the database's; set it right",
            ahead.abs(),
            if ahead > 0 { "ahead of" } else { "behind" }
        )))
    }

    /// How many seconds this node's clock is ahead.
    pub(super) fn ahead(&self) -> i64 {
        let dial = self.dial.read().unwrap_or_else(PoisonError::into_inner);
        dial.as_ref().map_or(0, Dial::ahead)
    }

    /// The database's time; nothing while nobody has asked.
    pub(super) fn now(&self) -> Option<Timestamp> {
        let dial = self.dial.read().unwrap_or_else(PoisonError::into_inner);
        let dial = dial.as_ref()?;
        Some(Timestamp::from_epoch_seconds(dial.now()))
    }

    /// Notes what the database's clock shows now, in milliseconds.
    pub(super) fn compare(&self, clock: Arc<dyn Clock>, there: i64) {
        let dial = Dial {
            clock,
            there,
            asked: Instant::now(),
        };
        let mut before = self.dial.write().unwrap_or_else(PoisonError::into_inner);
        *before = Some(dial);
    }

    pub(super) fn health(&self) -> Result<(), Error> {
        self.tells_the_time()?;
        let trouble = self.trouble.lock();
        let trouble = trouble.unwrap_or_else(PoisonError::into_inner);
        trouble.clone().map_or(Ok(()), Err)
    }

    /// Notes what a probe met; answers whether that is news.
    pub(super) fn note(&self, met: Result<(), Error>) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let news = trouble.is_some() != met.is_err();
        *trouble = met.err();
        news
    }

    /// From now on the database's clock decides.
    pub(super) fn want_time(&self) {
        self.wants_time.store(true, Ordering::Release);
    }

    /// One that remembers a server.
    pub(super) fn knowing(server: Lineage) -> Self {
        Self {
            lineage: Mutex::new(server),
            ..Self::default()
        }
    }

    /// Takes notice of a server; `Err` with why it must not be written to. That it is of another system is the same for
    /// the whole life of a store: what was acknowledged by one is not on the other.
    pub(super) fn admit(&self, server: Lineage) -> Result<(), String> {
        let mut seen = self.lineage.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.system != 0 && server.system != 0 && seen.system != server.system {
            self.met_another.store(true, Ordering::Release);
            return Err(
                "it is not the database that was served before, nor a standby of it".to_owned(),
            );
        }
        self.met_own.store(true, Ordering::Release);
        if seen.timeline > server.timeline {
            return Err(format!(
                "the server is on timeline {}, but timeline {} was seen: it is a primary that was \
                 replaced, and must not be written to",
                server.timeline, seen.timeline
            ));
        }
        *seen = server;
        Ok(())
    }

    /// Whether a server of another system was met.
    pub(super) fn met_another(&self) -> bool {
        self.met_another.load(Ordering::Acquire)
    }

    /// Whether nothing but such servers was met.
    pub(super) fn met_only_others(&self) -> bool {
        self.met_another() && !self.met_own.load(Ordering::Acquire)
    }

    /// The server that replaced all others.
    pub(super) fn lineage(&self) -> Lineage {
        *self.lineage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether a write was done or given up.
    pub(super) fn has_written(&self, done: bool) {
        self.writes_fail.store(!done, Ordering::Release);
    }

    pub(super) fn writes_fail(&self) -> bool {
        self.writes_fail.load(Ordering::Acquire)
    }

    pub(super) fn host(&self) -> usize {
        self.host.load(Ordering::Acquire)
    }

    pub(super) fn set_host(&self, host: usize) {
        self.host.store(host, Ordering::Release);
    }

    pub(super) fn suspicion(&self) -> u64 {
        self.suspicion.load(Ordering::Acquire)
    }

    pub(super) fn suspect_all(&self) {
        self.suspicion.fetch_add(1, Ordering::AcqRel);
    }

    /// What there is to know of a server that answers.
    pub(super) fn caution(&self) -> Option<&'static str> {
        self.asynchronous.load(Ordering::Acquire).then_some(
            "PostgreSQL has no synchronous standby: what it acknowledged can be lost with its machine. Set \
             synchronous_standby_names",
        )
    }

    /// Answers whether that is news.
    pub(super) fn set_asynchronous(&self, asynchronous: bool) -> bool {
        self.asynchronous.swap(asynchronous, Ordering::AcqRel) != asynchronous
    }
}
