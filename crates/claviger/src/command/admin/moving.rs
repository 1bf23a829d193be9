//! `claviger admin store copy`: from the data directory to a PostgreSQL.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use claviger_store::{
    copy::{self, Copied, CopyError, Progress},
    sqlite::{Options, SqliteStore},
};
use serde_json::json;

use crate::{
    config::settings::Paths,
    exit::{CONFIGURATION, DATA, Exit, TEMPORARY},
    output,
    store::{postgres_exit, sqlite_exit},
    wiring,
};

/// Copies the store, says how far it is, and shows what was compared.
pub(crate) async fn copy(paths: &Paths, as_json: bool) -> Result<(), Exit> {
    let Some(to) = &paths.store else {
        return Err(Exit {
            code: CONFIGURATION,
            error: anyhow!(
                "where to? Name the PostgreSQL by --store, CLAVIGER_STORE, or store_file in the configuration"
            ),
        });
    };
    let opened = SqliteStore::open(&Options::new(&paths.data_dir));
    let (from, opened) = opened.map_err(sqlite_exit)?;
    if let Some(lost) = opened.rolled_back {
        return Err(Exit {
            code: DATA,
            error: anyhow!("nothing was copied: {}", wiring::rolled_back(lost)),
        });
    }
    let mut meter = Meter::default();
    let copied = copy::copy(&Arc::new(from), to, |progress| meter.show(progress)).await;
    meter.end();
    let copied = copied.map_err(|error| match error {
        CopyError::To(error) => postgres_exit(error),
        error => Exit {
            code: TEMPORARY,
            error: error.into(),
        },
    })?;
    let text = if as_json {
        json(&copied)
    } else {
        let from = paths.data_dir.display();
        format!(
            "{}\n\nEvery row is in {to}, and counts and digests agree.\n\n\
             Next:\n  claviger serve    # with the same --store, key file and public_url\n\n\
             The store in {from} is as it was. Serve from one of the two only; keep it until the new \
             one has a backup, then remove it.",
            table(&copied)
        )
    };
    output::line(&text);
    Ok(())
}

fn json(copied: &[Copied]) -> String {
    let tables: Vec<_> = copied
        .iter()
        .map(|one| json!({ "table": one.table, "rows": one.rows, "digest": one.digest }))
        .collect();
    json!({ "tables": tables }).to_string()
}

fn table(copied: &[Copied]) -> String {
    let wide = copied.iter().map(|one| one.table.len()).max();
    let wide = wide.unwrap_or_default();
    let line = |one: &Copied| {
        let digest = one.digest.get(..16).unwrap_or_default();
        format!("{:wide$}  {:>10}  {digest}", one.table, one.rows)
    };
    let lines: Vec<String> = copied.iter().map(line).collect();
    lines.join("\n")
}

/// Says how far it is: at a terminal in one line that changes, elsewhere a line every ten seconds.
struct Meter {
    begun: Instant,
    told: Option<Instant>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            told: None,
        }
    }
}

impl Meter {
    fn show(&mut self, progress: Progress<'_>) {
        let at_terminal = io::stderr().is_terminal();
        let every = Duration::from_millis(if at_terminal { 200 } else { 10_000 });
        let last = self.told.unwrap_or(self.begun);
        if last.elapsed() < every {
            return;
        }
        self.told = Some(Instant::now());
        let Progress { table, rows, of } = progress;
        let percent = rows.saturating_mul(100) / of.max(1);
        let line = format!("{percent:3} %  {rows} of {of} rows  ({table})");
        // Whoever closed standard error does not want to know.
        let _ = if at_terminal {
            write!(io::stderr(), "\r\x1b[K{line}")
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }

    /// Leaves the line.
    fn end(&self) {
        if self.told.is_some() && io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
