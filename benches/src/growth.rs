//! How cost grows with the sessions in the store.

use std::{fmt::Write as _, path::Path, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    bench::{Bench, Effort},
    row::{GROWING, Row},
    table::{Middle, Rounds},
};

/// Sessions in the store.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// How far apart the costs at all sizes may be, in parts of the least.
const APART: f64 = 0.15;

/// Sessions that are used: the others lie there.
const USED: usize = 8_000;

/// How long each row is measured in each round: so short that a thousand sessions are not refreshed more often than they
/// may be, for whoever must wait leaves the others alone.
const LENGTH: Duration = Duration::from_millis(500);

/// How often each session may be refreshed four times.
const MINUTE: Duration = Duration::from_secs(62);

/// What was seen at each size.
pub(crate) struct Growth {
    sizes: Vec<(usize, Rounds)>,
    /// How long the server took to start at each of them.
    starts: Vec<Duration>,
    pub(crate) errors: Vec<String>,
}

/// Measures stores of all sizes in turn, in each round.
pub(crate) async fn watch(
    binary: &Path,
    effort: Effort,
    rounds: usize,
    tell: impl Fn(&str) + Copy,
) -> anyhow::Result<Growth> {
    let mut benches = Vec::new();
    for stored in SIZES {
        let sessions = stored.min(USED);
        let effort = Effort {
            length: LENGTH,
            sessions,
            stored,
            ..effort
        };
        benches.push(Bench::start(binary, effort, GROWING, tell).await?);
    }
    let mut sizes: Vec<_> = SIZES.map(|size| (size, Rounds::default())).into();
    for round in 1..=rounds {
        let next = Instant::now() + MINUTE;
        for (bench, (size, seen)) in benches.iter_mut().zip(&mut sizes) {
            let told = |row: &str| tell(&format!("round {round} of {rounds}: {size}, {row}"));
            seen.0.push(bench.round(GROWING, told).await?);
        }
        if round < rounds {
            sleep_until(next).await;
        }
    }
    let errors = benches.iter().flat_map(Bench::errors).cloned().collect();
    Ok(Growth {
        sizes,
        starts: benches.iter().map(Bench::ready_after).collect(),
        errors,
    })
}

impl Growth {
    /// Microseconds of processor time for each operation, the database's among them, at each size.
    fn costs(&self, row: Row) -> Vec<Middle> {
        let cost =
            |rounds: &Rounds| rounds.middle(row, |sample| sample.cpu + sample.cpu_of_database);
        self.sizes
            .iter()
            .filter_map(|(_, rounds)| cost(rounds))
            .collect()
    }

    /// The most, in parts of the least.
    fn apart(costs: &[Middle]) -> f64 {
        let (least, most) = costs
            .iter()
            .fold((f64::MAX, 0.0_f64), |(least, most), cost| {
                (least.min(cost.median), most.max(cost.median))
            });
        most / least - 1.0
    }

    /// The table as people read it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{:<34}", "CPU µs/op, sessions in the store:");
        for (size, _) in &self.sizes {
            let _ = write!(text, " {size:>10}");
        }
        text += "  apart\n";
        for row in GROWING {
            let costs = self.costs(*row);
            let _ = write!(text, "{:<34}", row.name());
            for cost in &costs {
                let mark = if cost.spread > crate::table::WIDE {
                    "~"
                } else {
                    ""
                };
                let _ = write!(text, " {:>10}", format!("{mark}{:.1}", cost.median));
            }
            let apart = Self::apart(&costs);
            let word = if apart <= APART { "holds" } else { "MISSES" };
            let _ = writeln!(
                text,
                "  {:.0} %: {word} {:.0} %",
                apart * 100.0,
                APART * 100.0
            );
        }
        let _ = write!(text, "{:<34}", "serve to its first connection, ms");
        for start in &self.starts {
            let _ = write!(text, " {:>10}", start.as_millis());
        }
        let _ = write!(text, "\n{:<34}", "resident on SQLite at the end, MiB");
        for (_, rounds) in &self.sizes {
            let resident = rounds.middle(Row::List(5), |sample| sample.resident);
            let _ = write!(
                text,
                " {:>10.1}",
                resident.map_or(0.0, |resident| resident.most)
            );
        }
        text + "\n~ marks rounds that are more than 15 % apart.\n"
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let sizes = self.sizes.iter();
        let sizes: Vec<Value> = sizes
            .map(|(size, rounds)| json!({ "sessions": size, "seen": rounds.json() }))
            .collect();
        json!({ "growth": sizes })
    }

    /// Each row as a line: its name, and its cost at each size.
    pub(crate) fn lines(&self) -> Vec<(String, Vec<(usize, f64)>)> {
        let line = |row: &Row| {
            let sizes = self.sizes.iter().map(|(size, _)| *size);
            let costs = self.costs(*row).into_iter().map(|cost| cost.median);
            (row.name(), sizes.zip(costs).collect())
        };
        GROWING.iter().map(line).collect()
    }
}
