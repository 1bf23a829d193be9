//! What connections cost that are kept and ask for nothing (F19).

use std::{
    fmt::Write as _,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;

use crate::{
    bench::{Bench, Effort},
    http::Connection,
    load::{Measured, as_float, drive},
    process::resident,
    scenario::Registering,
};

/// How many are opened at the same time.
const AT_ONCE: usize = 256;

/// How often the one connection asks that does something.
const PACE: Duration = Duration::from_millis(2);

/// How long the server may take to end connections that ask for nothing.
const PATIENCE: Duration = Duration::from_mins(1);

/// Opens so many, looks at what they cost while they are there, and waits until the server has ended them.
pub(crate) async fn watch(binary: &Path, effort: Effort, count: usize) -> anyhow::Result<String> {
    let bench = Bench::start(binary, effort, &[], |_| ()).await?;
    let running = &bench.file.service.running;
    let (process, address) = (running.id(), running.address);
    let probe = async || {
        let registering = vec![Registering(Connection::open(address).await?)];
        anyhow::Ok(drive(registering, effort.length, Some(PACE)).await.0)
    };
    let descriptors = || open_files(process);
    let alone = probe().await?;
    // What was opened until now has ended by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (memory, files) = (resident(process)?, descriptors()?);
    let begun = Instant::now();
    let mut idle = Vec::new();
    while idle.len() < count {
        let next = idle.len()..count.min(idle.len() + AT_ONCE);
        let opening = next.map(|number| asked_once(number, address));
        idle.extend(try_join_all(opening).await?);
    }
    let opened = begun.elapsed();
    let more = descriptors()?.saturating_sub(files);
    ensure!(
        more >= count,
        "the server has kept {more} of {count} connections"
    );
    let each = (resident(process)? - memory) * 1024.0 / as_float(count);
    let beside = probe().await?;
    let left = descriptors()?.saturating_sub(files);
    ensure!(
        left >= count,
        "{left} of them were left at the end of the measurement: fewer of them, or a shorter one"
    );
    while descriptors()? > files {
        ensure!(begun.elapsed() < PATIENCE, "the server does not end them");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{count} idle connections, opened within {:.1} s",
        opened.as_secs_f64()
    );
    let _ = writeln!(
        text,
        "resident: {each:.1} KiB for each, beside {memory:.0} MiB"
    );
    let time = |seen: &Measured| {
        let at = |quantile| seen.times.value_at_quantile(quantile);
        format!(
            "p50 {} µs, p99 {} µs, {} errors",
            at(0.5),
            at(0.99),
            seen.errors
        )
    };
    let _ = writeln!(text, "RegisterClient without them: {}", time(&alone));
    let _ = writeln!(text, "RegisterClient beside them:  {}", time(&beside));
    let ended = begun.elapsed().as_secs_f64();
    let _ = writeln!(
        text,
        "all ended by the server {ended:.1} s after the first was opened"
    );
    Ok(text)
}

/// A connection that has asked for something. They come from two networks in turn, because one may not have all.
async fn asked_once(number: usize, address: SocketAddr) -> anyhow::Result<Connection> {
    let network = u8::try_from(number % 2)?;
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, network + 1, 1));
    let mut connection = Connection::open_from(from, address).await?;
    let answer = connection.look("/sign-in", "").await?;
    ensure!(answer.status.is_success(), "{}", answer.status);
    Ok(connection)
}

/// Files and connections that a process has open.
pub(crate) fn open_files(process: u32) -> anyhow::Result<usize> {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    Ok(files.context("its open files")?.count())
}
