//! A server of which is known what it costs.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with us.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// How long it took from its start until it took connections, to some milliseconds.
    pub(crate) ready_after: Duration,
}

impl Running {
    /// Starts it, and waits until it takes connections at `address`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{command:?} cannot be started"))?;
        let mut running = Self {
            child,
            address,
            ready_after: Duration::ZERO,
        };
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(ended) = running.child.try_wait()? {
                bail!("{command:?} has ended: {ended}");
            }
            if begun.elapsed() > PATIENCE {
                bail!("{command:?} does not listen at {address}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        running.ready_after = begun.elapsed();
        Ok(running)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop, and waits for that.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Processor time that a process has taken, user and system.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("a stat without a name")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks * 1_000_000 / per_second))
}

/// Processor time of a server and of all that it started and that lives.
pub(crate) fn cpu_of_family(process: u32) -> anyhow::Result<Duration> {
    let children = family(process).into_iter().skip(1);
    // A child that has just ended has nothing to tell.
    let of_children: Duration = children.filter_map(|child| cpu(child).ok()).sum();
    Ok(cpu(process)? + of_children)
}

/// A process, and all below it that live.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    std::iter::once(process)
        .chain(children.flat_map(family))
        .collect()
}

/// Memory that it holds, in MiB.
pub(crate) fn resident(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}
