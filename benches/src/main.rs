//! Measures the built server over HTTP: what an operation costs the server's processor, and how that compares
//! with the ceilings of its stack in the same round. It calls none of Claviger's crates.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints a table, and how far it is"
)]

mod ceiling;
mod http;
mod load;
mod process;
mod postgres;
mod service;
mod sign_in;
mod credentials;
mod scenario;
mod row;
mod table;
mod plot;
mod durability;
mod filler;
mod bench;
mod measure;
mod growth;
mod noise;
mod idle;
mod soak;

use std::{io::IsTerminal as _, net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use anyhow::bail;
use clap::{Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};

use bench::{Bench, Effort};
use row::Row;
use table::Rounds;

/// Measures the built server over HTTP.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The binary to measure [default: target/release/claviger]
    #[arg(long, value_name = "PATH", global = true)]
    claviger: Option<PathBuf>,
    /// How often everything is measured, one after the other
    #[arg(long, default_value = "5")]
    rounds: NonZeroUsize,
    /// How long each row is measured in each round, in seconds
    #[arg(long, default_value_t = 3, global = true)]
    seconds: u64,
    /// Connections that ask at once
    #[arg(long, default_value = "32")]
    connections: NonZeroUsize,
    /// Sessions that are refreshed in turn, each four times a minute at most
    #[arg(long, default_value_t = 60_000, global = true)]
    sessions: usize,
    /// Measures only the rows whose names contain this, and the ceilings that they are held against
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Measures instead how cost grows from a thousand sessions in the store to a million
    #[arg(long, conflicts_with_all = ["only", "quick", "sessions", "seconds"])]
    growth: bool,
    /// Looks whether everything runs, not how fast
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "connections", "sessions"])]
    quick: bool,
    /// Where every round is written as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the ratios, or the growth, are drawn as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Measures instead what others see of a network that asks without pause
    Noisy,
    /// Measures instead what connections cost that are kept and ask for nothing
    Idle {
        /// How many
        #[arg(long, default_value_t = 15_000)]
        count: usize,
    },
    /// Lets a day's mix go on at 30 % of what the server can do, and looks whether its memory grows
    Soak {
        /// How long; the tokens of those who list accounts end after an hour
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=50))]
        minutes: u64,
    },
    /// Serves a ceiling; the bench starts these itself
    #[command(hide = true)]
    Ceiling {
        /// Where to listen
        listen: SocketAddr,
        #[command(subcommand)]
        which: ceiling::Ceiling,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Ceiling { listen, which }) = arguments.command {
        return ceiling::serve(which, listen).await;
    }
    allow_descriptors();
    let binary = service::binary(arguments.claviger)?;
    let (length, connections, sessions, rounds) = if arguments.quick {
        (Duration::from_millis(200), 4, 1_200, 1)
    } else {
        (
            Duration::from_secs(arguments.seconds),
            arguments.connections.get(),
            arguments.sessions,
            arguments.rounds.get(),
        )
    };
    let effort = Effort {
        length,
        connections,
        sessions,
        stored: 0,
        pace: None,
    };
    let watched = match arguments.command {
        Some(Command::Noisy) => Some(noise::watch(&binary, effort).await?),
        Some(Command::Idle { count }) => Some(idle::watch(&binary, effort, count).await?),
        Some(Command::Soak { minutes }) => {
            let length = Duration::from_secs(60 * minutes);
            Some(soak::watch(&binary, effort, length, progress).await?)
        }
        _ => None,
    };
    if let Some(text) = watched {
        progress("");
        print!("{text}");
        return Ok(());
    }
    if arguments.growth {
        let growth = growth::watch(&binary, effort, rounds, progress).await?;
        progress("");
        print!("{}", growth.text());
        write(arguments.json, || format!("{:#}\n", growth.json()))?;
        write(arguments.svg, || plot::growth(&growth.lines()))?;
        return judge(&growth.errors);
    }
    let rows = Row::wanted(&arguments.only);
    if rows.is_empty() {
        let names: Vec<String> = Row::wanted("").iter().map(|row| row.name()).collect();
        bail!(
            "no row has {:?} in its name; there are: {}",
            arguments.only,
            names.join("; ")
        );
    }
    let mut bench = Bench::start(&binary, effort, &rows, progress).await?;
    let mut seen = Rounds::default();
    for round in 1..=rounds {
        let samples = bench
            .round(&rows, |row| {
                progress(&format!("round {round} of {rounds}: {row}"));
            })
            .await?;
        seen.0.push(samples);
    }
    progress("");
    print!("{}", seen.text());
    write(arguments.json, || format!("{:#}\n", seen.json()))?;
    write(arguments.svg, || plot::ratios(&seen))?;
    judge(bench.errors())?;
    if !arguments.quick {
        for durability in bench.durability().await? {
            println!("{durability}");
        }
    }
    Ok(())
}

/// As many files as we may have: an idle connection is one.
fn allow_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

fn write(path: Option<PathBuf>, text: impl FnOnce() -> String) -> std::io::Result<()> {
    path.map_or(Ok(()), |path| std::fs::write(path, text()))
}

fn judge(errors: &[String]) -> anyhow::Result<()> {
    if !errors.is_empty() {
        bail!("not every answer was right:\n{}", errors.join("\n"));
    }
    Ok(())
}

/// Says how far it is: at a terminal in one line that changes.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    } else if !text.is_empty() {
        eprintln!("{text}");
    }
}
