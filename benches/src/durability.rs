//! Whether what was measured was durable: how often a server told the kernel to write through, counted from outside.

use std::{fmt, fs, path::Path, process::Stdio};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{
    load::{Outcome, Worker},
    process::family,
    scenario::Refreshing,
};

/// Rotations that are watched.
const WATCHED: u64 = 200;

/// What one connection did, one refresh after the other.
pub(crate) struct Durability {
    store: &'static str,
    syncs: u64,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, syncs } = self;
        write!(
            f,
            "durable: {WATCHED} rotations on {store} by one connection, {syncs} calls of fsync or fdatasync"
        )
    }
}

/// Watches a server and its children while one connection refreshes. Each answer must have had a sync of its own before
/// it: one who waits for an answer has nobody to share a commit with.
pub(crate) async fn watch(
    store: &'static str,
    process: u32,
    refreshing: &mut Refreshing,
    room: &Path,
) -> anyhow::Result<Durability> {
    let report = room.join("syncs");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"]);
    command.arg(&report);
    let watched = family(process);
    for process in &watched {
        command.args(["-p", &process.to_string()]);
    }
    command.stderr(Stdio::piped()).kill_on_drop(true);
    let started = command.spawn();
    let mut strace = started.context("strace counts the syncs: apt-get install strace")?;
    let stderr = strace.stderr.take().context("no stderr")?;
    let mut said = BufReader::new(stderr).lines();
    let mut attached = 0;
    while attached < watched.len()
        && let Some(line) = said.next_line().await?
    {
        attached += usize::from(line.contains("attached"));
    }
    ensure!(
        attached == watched.len(),
        "strace may not watch process {process}"
    );
    let saying = tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    for _ in 0..WATCHED {
        if let Outcome::Out = refreshing.once().await? {
            bail!("too few sessions for {WATCHED} rotations");
        }
    }
    let id = strace.id().context("strace has ended")?;
    let id = Pid::from_raw(id.try_into()?).context("no process")?;
    kill_process(id, Signal::INT)?;
    strace.wait().await?;
    saying.await?;
    let syncs = count(&fs::read_to_string(&report)?);
    ensure!(
        syncs >= WATCHED,
        "{store}: {WATCHED} rotations were answered after {syncs} syncs alone"
    );
    Ok(Durability { store, syncs })
}

/// The calls in a table of strace's: the fourth column, before that of errors, which may be empty.
fn count(report: &str) -> u64 {
    let is_sync = |name: &str| ["fsync", "fdatasync"].contains(&name);
    report
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns.last().is_some_and(|name| is_sync(name)))
        .filter_map(|columns| columns.get(3)?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_both_kinds_are_counted() {
        let report = "% time     seconds  usecs/call     calls    errors syscall\n\
                      ------ ----------- ----------- --------- --------- ----------------\n \
                      99.00    0.013432        1343        10           fsync\n  \
                      1.00    0.000132         132         1         1 fdatasync\n\
                      ------ ----------- ----------- --------- --------- ----------------\n\
                      100.00    0.013564        1233        11         1 total\n";
        assert_eq!(count(report), 11);
        assert_eq!(count(""), 0);
    }
}
