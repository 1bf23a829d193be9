//! What all rounds showed: medians, how far apart they were, and ratios within each round.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    load::as_float,
    row::{ALL, CROWD, Row},
};

/// From which spread on a ratio is marked.
pub(crate) const WIDE: f64 = 0.15;

/// One row in one round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    /// Microseconds of the server's processor time for each operation.
    pub(crate) cpu: f64,
    /// The same of its database.
    pub(crate) cpu_of_database: f64,
    /// Microseconds.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) errors: u64,
    /// How often the STS was asked for each operation.
    pub(crate) reached: f64,
    /// MiB, at its end.
    pub(crate) resident: f64,
    /// Whether there was nothing left to ask for long before the row's time was over.
    pub(crate) ran_out: bool,
}

/// A middle and its ends, and how far these are from each other in parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Middle {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) spread: f64,
}

impl Middle {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        // The two in the middle of an even number.
        let lower = values.get((values.len() - 1) / 2)?;
        let median = f64::midpoint(*lower, *values.get(values.len() / 2)?);
        Some(Self {
            median,
            least,
            most,
            spread: (most - least) / median,
        })
    }

    /// Whether some rounds are above it and some are not.
    fn straddles(self, limit: f64) -> bool {
        self.least <= limit && limit < self.most
    }
}

/// All rounds: each has a sample for each row that ran.
#[derive(Default)]
pub(crate) struct Rounds(pub(crate) Vec<Vec<(Row, Sample)>>);

impl Rounds {
    fn samples(&self, row: Row) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter_map(move |round| sample(round, row))
    }

    pub(crate) fn middle(&self, row: Row, value: impl Fn(&Sample) -> f64) -> Option<Middle> {
        Middle::of(self.samples(row).map(value))
    }

    /// A value of one row divided by that of another in the same round.
    pub(crate) fn ratio(
        &self,
        row: Row,
        below: Row,
        value: impl Fn(&Sample) -> f64,
    ) -> Option<Middle> {
        let both = self
            .0
            .iter()
            .filter_map(|round| Some(value(sample(round, row)?) / value(sample(round, below)?)));
        Middle::of(both)
    }

    /// The table as people read it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{:<34} {:>9} {:>8} {:>8} {:>8} {:>6} {:>9} {:>8} {:>7}  {}\n",
            "operation",
            "per s",
            "p50 µs",
            "p99 µs",
            "p99.9",
            "errors",
            "CPU µs/op",
            "database",
            "MiB",
            "ratio of CPU, of rate (spread)"
        );
        for row in ALL {
            let middle = |value: fn(&Sample) -> f64| {
                self.middle(*row, value).map_or(0.0, |middle| middle.median)
            };
            if self.samples(*row).next().is_none() {
                continue;
            }
            let errors: u64 = self.samples(*row).map(|sample| sample.errors).sum();
            let ran_out = self.samples(*row).any(|sample| sample.ran_out);
            let _ = writeln!(
                text,
                "{:<34} {:>9.0} {:>8.0} {:>8.0} {:>8.0} {errors:>6} {:>9.1} {:>8.1} {:>7.1}  {}{}",
                row.name(),
                middle(|sample| sample.per_second),
                middle(|sample| as_float(sample.p50)),
                middle(|sample| as_float(sample.p99)),
                middle(|sample| as_float(sample.p999)),
                middle(|sample| sample.cpu),
                middle(|sample| sample.cpu_of_database),
                middle(|sample| sample.resident),
                self.verdict(*row),
                if ran_out { " (ran out)" } else { "" },
            );
        }
        text + "A ratio is the median of the ratios within each round; ~ marks one whose rounds are more than 15 % apart, and\n\
                it is undecided where some of them are above what must be and some are not. What ran out had nothing left to\n\
                ask for before its time was over, and is measured for as long as it had.\n"
    }

    fn verdict(&self, row: Row) -> String {
        if let Some(limit) = row.limit() {
            let slowest = self.middle(row, |sample| as_float(sample.p99));
            let slowest = slowest.map_or(0.0, |slowest| slowest.median);
            let word = judged(slowest, as_float(limit.must), as_float(limit.aim));
            let (must, aim) = (limit.must / 1_000, limit.aim / 1_000);
            return format!("p99 of all: {word} {must} ms (aim {aim})");
        }
        if row == Row::Crowd {
            let share = self.middle(row, |sample| sample.reached / as_float(CROWD) * 100.0);
            let share = share.map_or(0.0, |share| share.median);
            let word = judged(share, 5.0, 1.0);
            return format!("{share:.2} % reach the STS: {word} 5 % (aim 1)");
        }
        if row == Row::RefreshHalf {
            let times = self.middle(row, |sample| as_float(sample.p99) / as_float(sample.p50));
            let times = times.map_or(0.0, |times| times.median);
            return format!("p99 is {times:.1} times p50 (aim 5)");
        }
        let Some(goal) = row.goal() else {
            return String::new();
        };
        let cpu = self.ratio(row, goal.ceiling, |sample| sample.cpu);
        let rate = self.ratio(row, goal.ceiling, |sample| sample.per_second);
        let (Some(cpu), Some(rate)) = (cpu, rate) else {
            return String::new();
        };
        let mark = if cpu.spread > WIDE { "~" } else { "" };
        let word = match goal.rate {
            Some(least) if rate.median < least => "MISSES",
            _ if cpu.straddles(goal.must) => "undecided,",
            _ => judged(cpu.median, goal.must, goal.aim),
        };
        let beside = row.beside().and_then(|beside| {
            let nearer = self.ratio(row, beside, |sample| sample.cpu)?;
            Some(format!("; {:.2} to {}", nearer.median, beside.name()))
        });
        let beside = beside.unwrap_or_default();
        format!(
            "{mark}{:.2}, {:.2} ({:.0} %): {word} {} (aim {}){beside}",
            cpu.median,
            rate.median,
            cpu.spread * 100.0,
            goal.must,
            goal.aim
        )
    }

    /// The same for programs, every round of it.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = ALL
            .iter()
            .filter(|row| self.samples(**row).next().is_some())
            .map(|row| {
                let ratio = row.goal().and_then(|goal| {
                    let cpu = self.ratio(*row, goal.ceiling, |sample| sample.cpu)?;
                    Some(json!({ "to": goal.ceiling.name(), "cpu": cpu, "must": goal.must, "aim": goal.aim }))
                });
                json!({
                    "operation": row.name(),
                    "rounds": self.samples(*row).collect::<Vec<_>>(),
                    "ratio": ratio,
                })
            })
            .collect();
        json!({ "rows": rows })
    }
}

/// What a round has of a row.
fn sample(round: &[(Row, Sample)], row: Row) -> Option<&Sample> {
    let found = round.iter().find(|(own, _)| *own == row);
    found.map(|(_, sample)| sample)
}

fn judged(value: f64, must: f64, aim: f64) -> &'static str {
    if value <= aim {
        "meets the aim:"
    } else if value <= must {
        "holds"
    } else {
        "MISSES"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costing(cpu: f64) -> Sample {
        Sample {
            per_second: 1000.0,
            cpu,
            cpu_of_database: 0.0,
            p50: 1,
            p99: 2,
            p999: 3,
            errors: 0,
            reached: 0.0,
            resident: 10.0,
            ran_out: false,
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was half as fast in the second round: the ratio does not see it.
        let round = |slow: f64| {
            vec![
                (Row::CeilingConstant, costing(10.0 * slow)),
                (Row::Register, costing(15.0 * slow)),
            ]
        };
        let rounds = Rounds(vec![round(1.0), round(2.0), round(1.0)]);
        let ratio = rounds.ratio(Row::Register, Row::CeilingConstant, |sample| sample.cpu);
        let ratio = ratio.expect("two rows");
        assert!(
            (ratio.median - 1.5).abs() < 1e-9 && ratio.spread < 1e-9,
            "{ratio:?}"
        );
    }

    #[test]
    fn a_wide_spread_a_missed_goal_and_one_in_doubt_are_said() {
        let text = |costs: &[f64]| {
            let rounds = costs.iter().map(|cpu| {
                vec![
                    (Row::CeilingConstant, costing(10.0)),
                    (Row::Register, costing(*cpu)),
                ]
            });
            Rounds(rounds.collect()).text()
        };
        let missed = text(&[20.0, 30.0, 21.0]);
        assert!(missed.contains("~2.10"), "{missed}");
        assert!(missed.contains("MISSES 1.5"), "{missed}");
        let doubtful = text(&[14.0, 16.0]);
        assert!(doubtful.contains("1.50, 1.00"), "{doubtful}");
        assert!(doubtful.contains("undecided, 1.5"), "{doubtful}");
    }
}
