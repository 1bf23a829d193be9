//! Whether the server stays as it is: a day's mix at 30 % of what it can do, for a while.

use std::{
    fmt::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::anyhow;

use crate::{
    bench::{Bench, Effort},
    idle::open_files,
    load::{as_float, pace},
    process::resident,
    row::Row,
};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// One look.
struct Look {
    hours: f64,
    /// MiB.
    resident: f64,
    files: usize,
    /// Bytes of the log of SQLite.
    log: u64,
}

/// Measures how fast it can be, lets it go on at a third of that for so long, and tells what became of it.
pub(crate) async fn watch(
    binary: &Path,
    effort: Effort,
    length: Duration,
    tell: impl Fn(&str) + Copy,
) -> anyhow::Result<String> {
    let mut bench = Bench::start(binary, effort, &[Row::Mix], tell).await?;
    tell("how fast it can be");
    let fastest = bench.measure(Row::Mix).await?.per_second;
    bench.effort.pace = pace(effort.connections, 0.3 * fastest);
    bench.effort.length = length;
    tell(&format!(
        "{} minutes at 30 % of {fastest:.0} a second",
        length.as_secs() / 60
    ));
    let process = bench.file.service.running.id();
    let log = bench
        .room
        .path()
        .join("sqlite-service/data/claviger.db-wal");
    let is_done = Arc::new(AtomicBool::new(false));
    let looking = {
        let is_done = Arc::clone(&is_done);
        thread::spawn(move || look(process, &log, &is_done))
    };
    let sample = bench.measure(Row::Mix).await;
    is_done.store(true, Ordering::Relaxed);
    let looks = looking.join().map_err(|_| anyhow!("nobody looked"))??;
    let sample = sample?;
    anyhow::ensure!(
        sample.per_second > 0.27 * fastest,
        "{:.0} a second, of {:.0} that were due: more --sessions",
        sample.per_second,
        0.3 * fastest
    );
    let mut text = format!(
        "{:.0} a second, p50 {} µs, p99 {} µs, {} errors, {:.1} µs of processor time each\n",
        sample.per_second, sample.p50, sample.p99, sample.errors, sample.cpu
    );
    // What it takes once, it takes in the first quarter.
    let settled = looks.get(looks.len() / 4..).unwrap_or_default();
    let least = settled
        .iter()
        .map(|look| look.resident)
        .fold(f64::MAX, f64::min);
    let most = settled.iter().map(|look| look.resident).fold(0.0, f64::max);
    let _ = writeln!(
        text,
        "resident: {least:.1} to {most:.1} MiB after the first quarter, {:+.2} MiB an hour",
        slope(settled)
    );
    let files = settled.iter().map(|look| look.files);
    let (fewest, largest) = (files.clone().min(), files.max());
    let _ = writeln!(
        text,
        "open files: {} to {}",
        fewest.unwrap_or_default(),
        largest.unwrap_or_default()
    );
    let log = looks.iter().map(|look| look.log).max().unwrap_or_default();
    let _ = writeln!(text, "log of SQLite: {} KiB at most", log / 1024);
    if let Some(error) = bench.errors().first() {
        anyhow::bail!("{text}not every answer was right: {error}");
    }
    Ok(text)
}

fn look(process: u32, log: &Path, is_done: &AtomicBool) -> anyhow::Result<Vec<Look>> {
    let begun = Instant::now();
    let mut looks = Vec::new();
    while !is_done.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        looks.push(Look {
            hours: begun.elapsed().as_secs_f64() / 3600.0,
            resident: resident(process)?,
            files: open_files(process)?,
            log: log.metadata().map_or(0, |file| file.len()),
        });
    }
    Ok(looks)
}

/// MiB an hour, by least squares.
fn slope(looks: &[Look]) -> f64 {
    let count = as_float(looks.len());
    let mean = |value: fn(&Look) -> f64| looks.iter().map(value).sum::<f64>() / count;
    let (hours, memory) = (mean(|look| look.hours), mean(|look| look.resident));
    let (mut together, mut square) = (0.0, 0.0);
    for look in looks {
        together += (look.hours - hours) * (look.resident - memory);
        square += (look.hours - hours).powi(2);
    }
    if square > 0.0 { together / square } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_a_line() {
        let look = |hours: f64| Look {
            hours,
            resident: 3.0f64.mul_add(hours, 40.0),
            files: 1,
            log: 0,
        };
        let looks: Vec<_> = [0.0, 0.5, 1.0, 2.0].map(look).into();
        assert!((slope(&looks) - 3.0).abs() < 1e-9);
        assert!(slope(&looks[..1]).abs() < 1e-9);
    }
}
