//! What `serve` and `dev` have in common: the listeners, the socket, the sweeper, and the end.

use std::{
    future::Future,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use claviger_engine::{context::Context, error::Error, sweep};
use claviger_model::time::Timestamp;
use claviger_store::{rolled_back::RolledBack, sqlite::Fatal};
use claviger_web::{
    app::App,
    operator,
    server::{self, Limits},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::admin::{execute::Owner, socket};
use crate::{
    exit::{DATA, Exit, TEMPORARY},
    store::Store,
    wiring,
    witness::{Memory, Witness},
};

/// How often what is over is deleted.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How often it is learnt what other nodes have changed.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// Further than this the wall clock may not stray from the monotonic one while deleting goes on
/// (R15).
const CLOCK_STRAY: i64 = 60;

/// A service that is about to run.
pub(crate) struct Running<'a> {
    pub(crate) app: Arc<App>,
    pub(crate) store: Store,
    pub(crate) listener: TcpListener,
    /// Where operators find liveness and readiness.
    pub(crate) operators: Option<TcpListener>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) limits: Limits,
    pub(crate) data_dir: &'a Path,
}

impl Running<'_> {
    /// Runs until `stop` is ready or the store gives up.
    pub(crate) async fn until(self, stop: impl Future<Output = ()>) -> Result<(), Exit> {
        let context = Arc::clone(&self.app.context);
        let owner = Owner {
            context: Arc::clone(&context),
            store: self.store.clone(),
        };
        let mut fatal = self.store.fatal();
        let admin = socket::bind(self.data_dir).with_context(|| {
            format!("{} cannot be opened", socket::path(self.data_dir).display())
        })?;
        let mut background = JoinSet::new();
        background.spawn(socket::serve(admin, owner));
        if self.store.is_shared() {
            background.spawn(keep_current(Arc::clone(&context)));
            background.spawn(keep_witness(
                Arc::clone(&context),
                Witness::of(self.data_dir),
                self.store.clone(),
            ));
        }
        background.spawn(keep_swept(context));
        if let Some(operators) = self.operators {
            background.spawn(operator::serve(Arc::clone(&self.app), operators));
        }
        let serving = server::serve(self.app, self.listener, self.tls, self.limits, stop);
        let ended = tokio::select! {
            () = serving => Ok(()),
            Ok(why) = fatal.wait_for(Option::is_some) => Err(exit(*why)),
        };
        // Nobody may hold the store any longer: its last words are written when it is let go.
        background.shutdown().await;
        let _ = std::fs::remove_file(socket::path(self.data_dir));
        ended
    }
}

fn exit(why: Option<Fatal>) -> Exit {
    match why {
        Some(Fatal::Corrupt) => Exit {
            code: DATA,
            error: anyhow::anyhow!("the store is damaged; restore it from a backup"),
        },
        Some(Fatal::Io) | None => Exit {
            code: TEMPORARY,
            error: anyhow::anyhow!("the disk failed; start again once it works"),
        },
    }
}

/// Learns every second what other nodes have changed.
async fn keep_current(context: Arc<Context>) {
    let mut is_behind = false;
    loop {
        tokio::time::sleep(REFRESH_EVERY).await;
        match context.refresh().await {
            Err(error) if !is_behind => {
                is_behind = true;
                tracing::warn!(%error, "what other nodes change cannot be learnt");
            }
            Err(_) => {}
            Ok(()) => is_behind = false,
        }
    }
}

/// Remembers every second how far the store is, and says so when it has gone back: a standby that lacked what
/// was acknowledged has taken over, or a backup was restored. What is remembered is compared before it is
/// replaced, that of an earlier process too.
async fn keep_witness(context: Arc<Context>, witness: Witness, store: Store) {
    let mut known = witness.read().unwrap_or_default();
    let (mut was_told, mut was_stuck) = (false, false);
    loop {
        // A store in trouble has said so elsewhere.
        if let Ok((memory, lost)) = remember(&context, &store, known.as_ref()).await {
            if let (Some(lost), false) = (lost, was_told) {
                tracing::error!("{}", wiring::rolled_back(lost));
            }
            was_told = lost.is_some();
            match memory
                .as_ref()
                .map_or(Ok(()), |memory| witness.write(memory))
            {
                Ok(()) => known = memory.or(known),
                Err(error) if !was_stuck => {
                    was_stuck = true;
                    tracing::warn!(%error, "the witness cannot be written; a store that goes back in time may go unnoticed");
                }
                Err(_) => {}
            }
        }
        tokio::time::sleep(REFRESH_EVERY).await;
    }
}

/// What is to be remembered from now on, where that is news; and what was lost of what is known.
async fn remember(
    context: &Context,
    store: &Store,
    known: Option<&Memory>,
) -> Result<(Option<Memory>, Option<RolledBack>), Error> {
    let lost = match known {
        Some(known) => context.compare(&known.seen).await?,
        None => None,
    };
    let mut seen = context.seen().await?;
    if let Some(known) = known {
        // It went back since it was compared, or this process has written nothing yet: what is known is what
        // will show it.
        if seen.is_behind(&known.seen) || (seen.seq == 0 && seen.store_id == known.seen.store_id) {
            seen = known.seen.clone();
        }
    }
    let server = store.lineage();
    let memory = Memory { seen, server };
    let is_news = known != Some(&memory);
    Ok((is_news.then_some(memory), lost))
}

/// Deletes what has been over for a day. When the wall clock has strayed from the monotonic one
/// since the round before, nothing is deleted: rounds begin anew once they agree.
async fn keep_swept(context: Arc<Context>) {
    let mut before = (Instant::now(), context.now());
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let round = (Instant::now(), context.now());
        let stray = stray(before.1, round.1, round.0 - before.0);
        before = round;
        if stray > CLOCK_STRAY {
            tracing::warn!(
                stray,
                "the clock has jumped; nothing is deleted in this round"
            );
            continue;
        }
        sweep_all(&context).await;
    }
}

async fn sweep_all(context: &Context) {
    let (begun, mut rows) = (Instant::now(), 0);
    loop {
        match sweep::sweep(context).await {
            Ok(0) => break,
            Ok(gone) => {
                rows += gone;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => {
                tracing::warn!(%error, "what is over cannot be deleted");
                break;
            }
        }
    }
    if rows > 0 {
        tracing::info!(rows, took = ?begun.elapsed(), "deleted what has been over for a day");
    }
}

/// How many seconds wall clock and monotonic clock differ by.
fn stray(before: Timestamp, now: Timestamp, elapsed: Duration) -> i64 {
    let elapsed = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
    (now.seconds_since(before) - elapsed).abs()
}

/// Reads an address to listen on.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "give an IP address and a port, such as 127.0.0.1:8400".to_owned())
}
