//! A switch before the real store: it counts, and it can be made to fail as a disk would.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use crate::evidence::Evidence;
use claviger_model::port::future::BoxFuture;
use claviger_store::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::Row,
};

/// How the store behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As it is.
    #[default]
    Working,
    /// Reads and writes answer that the store is away; nothing is done.
    Away,
    /// Reads work, writes answer that the store is away; nothing is written.
    ReadOnly,
    /// As on a full disk: reads work, and of the writes those that end something or make room.
    Full,
    /// Writes are done, but nobody learns so: the commit's answer is lost.
    AnswerLost,
    /// Reads and writes fail as a broken statement would: our own bug.
    Broken,
}

/// The real store behind a switch.
pub struct SwitchedStore {
    inner: Arc<dyn Driver>,
    mode: Mutex<Mode>,
    reads: AtomicUsize,
    writes: AtomicUsize,
    /// What is on its way, of each node.
    at_work: Mutex<Vec<AtWork>>,
    overlapped: AtomicUsize,
    noted: Mutex<Option<Vec<Vec<&'static str>>>>,
}

impl SwitchedStore {
    /// Puts a switch before `inner`.
    pub fn new(inner: Arc<dyn Driver>) -> Self {
        Self {
            inner,
            mode: Mutex::default(),
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            at_work: Mutex::new(vec![AtWork::default()]),
            overlapped: AtomicUsize::new(0),
            noted: Mutex::default(),
        }
    }

    /// Turns the switch.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Reads since the world began.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Plans since the world began, whatever became of them.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// The same store as a further node reaches it, by a way of its own.
    pub fn of_another_node(self: &Arc<Self>, own: Arc<dyn Driver>) -> Arc<dyn Driver> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.push(AtWork::default());
        let node = at_work.len() - 1;
        drop(at_work);
        let switch = Arc::clone(self);
        Arc::new(View { switch, node, own })
    }

    /// Begins to count the rounds of a race.
    pub fn race(self: &Arc<Self>) -> Race {
        Race {
            before: self.overlapped(),
            switch: Arc::clone(self),
            rounds: 0,
            met: 0,
        }
    }

    /// How often a plan and something of another node were on their way at once.
    fn overlapped(&self) -> usize {
        self.overlapped.load(Ordering::SeqCst)
    }

    /// A read or a plan of that node goes on its way.
    fn begin(&self, node: usize, is_plan: bool) -> Done<'_> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = at_work.iter().enumerate();
        let meets = |other: &AtWork| other.plans > 0 || (is_plan && other.reads > 0);
        if all.any(|(other, work)| other != node && meets(work)) {
            self.overlapped.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(own) = at_work.get_mut(node) {
            *own.of(is_plan) += 1;
        }
        Done {
            switch: self,
            node,
            is_plan,
        }
    }

    fn fetch_of<'a>(
        &'a self,
        (node, inner): (usize, &'a dyn Driver),
        query: Query,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>> {
        let is_counted = UNCOUNTED.try_with(|()| ()).is_err();
        if is_counted {
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
        match self.mode() {
            Mode::Away => Box::pin(std::future::ready(Err(away()))),
            Mode::Broken => Box::pin(std::future::ready(Err(broken()))),
            Mode::Working | Mode::ReadOnly | Mode::Full | Mode::AnswerLost => {
                Box::pin(async move {
                    let _done = is_counted.then(|| self.begin(node, false));
                    inner.fetch(query).await
                })
            }
        }
    }

    /// Begins to note the plans that come, or begins anew.
    pub fn note(&self) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// The plans since [`SwitchedStore::note`], each as the texts of its statements.
    pub fn noted(&self) -> Vec<Vec<&'static str>> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone().unwrap_or_default()
    }

    fn apply_of<'a>(
        &'a self,
        (node, inner): (usize, &'a dyn Driver),
        plan: Plan,
    ) -> BoxFuture<'a, Result<Applied, Error>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = noted.as_mut() {
            noted.push(plan.0.iter().map(|statement| statement.sql).collect());
        }
        drop(noted);
        match self.mode() {
            Mode::Working => Box::pin(async move {
                let _done = self.begin(node, true);
                inner.apply(plan).await
            }),
            Mode::Full if plan.applies_when_full() => inner.apply(plan),
            Mode::Away | Mode::ReadOnly | Mode::Full => Box::pin(std::future::ready(Err(away()))),
            Mode::Broken => Box::pin(std::future::ready(Err(broken()))),
            Mode::AnswerLost => Box::pin(async move {
                inner.apply(plan).await?;
                Err(Error::Unknown("the answer was lost".to_owned()))
            }),
        }
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    static UNCOUNTED: ();
}

/// Does what nodes do by themselves: its reads are nobody's.
pub async fn uncounted<T>(what: impl Future<Output = T>) -> T {
    UNCOUNTED.scope((), what).await
}

impl Driver for SwitchedStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.fetch_of((0, self.inner.as_ref()), query)
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        self.apply_of((0, self.inner.as_ref()), plan)
    }

    fn health(&self) -> Result<(), Error> {
        match self.mode() {
            Mode::Away | Mode::Full => Err(away()),
            _ => self.inner.health(),
        }
    }

    fn tells_the_time(&self) -> bool {
        self.inner.tells_the_time()
    }
}

/// How much of a node is on its way.
#[derive(Default)]
struct AtWork {
    reads: usize,
    plans: usize,
}

impl AtWork {
    const fn of(&mut self, is_plan: bool) -> &mut usize {
        if is_plan {
            &mut self.plans
        } else {
            &mut self.reads
        }
    }
}

/// What a further node sees.
struct View {
    switch: Arc<SwitchedStore>,
    node: usize,
    own: Arc<dyn Driver>,
}

impl Driver for View {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let way = (self.node, self.own.as_ref());
        self.switch.fetch_of(way, query)
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        let way = (self.node, self.own.as_ref());
        self.switch.apply_of(way, plan)
    }

    fn health(&self) -> Result<(), Error> {
        self.switch.health()
    }

    fn tells_the_time(&self) -> bool {
        self.switch.tells_the_time()
    }
}

/// Counts down however its plan ends, also when whoever asked goes away.
struct Done<'a> {
    switch: &'a SwitchedStore,
    node: usize,
    is_plan: bool,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let at_work = self.switch.at_work.lock();
        let mut at_work = at_work.unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = at_work.get_mut(self.node) {
            *own.of(self.is_plan) -= 1;
        }
    }
}

/// The rounds of a race between nodes, and in how many of them they met: a plan of one was on its way while another
/// one was at the store.
#[must_use]
pub struct Race {
    switch: Arc<SwitchedStore>,
    before: usize,
    rounds: usize,
    met: usize,
}

impl Race {
    /// A round begins: what met before it is not its own.
    pub fn round_begins(&mut self) {
        self.before = self.switch.overlapped();
    }

    /// A round is over.
    pub fn round_over(&mut self) {
        let now = self.switch.overlapped();
        self.rounds += 1;
        self.met += usize::from(now > self.before);
    }

    /// It is over; the nodes met in a quarter of its rounds at least. Says so, and what came of it.
    #[track_caller]
    pub fn over(self, what: &str) {
        let Self { rounds, met, .. } = self;
        assert!(
            met * 4 >= rounds,
            "the nodes met in {met} of {rounds} rounds"
        );
        let met = format!(
            "{what}: {rounds} rounds, in {met} of them both nodes were at the store at once"
        );
        Evidence::that(met).lost(0).doubled(0).print();
    }
}

fn away() -> Error {
    Error::Unavailable("the kit's switch is off".to_owned())
}

fn broken() -> Error {
    Error::Inconsistent {
        table: "kit",
        column: "kit",
        problem: "the kit's switch says so".to_owned(),
    }
}
