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
mod scenario;
mod row;
mod table;
mod plot;
mod durability;
mod bench;

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::bail;
use clap::{Parser, Subcommand};

use bench::{Bench, Effort};
use table::Rounds;

/// Measures the built server over HTTP.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The binary to measure [default: target/release/claviger]
    #[arg(long, value_name = "PATH")]
    claviger: Option<PathBuf>,
    /// How often everything is measured, one after the other
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each row is measured in each round, in seconds
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Connections that ask at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Sessions that are refreshed in turn
    #[arg(long, default_value_t = 30_000)]
    sessions: usize,
    /// Measures only the rows whose names contain this, and the ceilings that they are held against
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Looks whether everything runs, not how fast
    #[arg(long)]
    quick: bool,
    /// Where every round is written as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the ratios are drawn as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
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
    let binary = service::binary(arguments.claviger)?;
    let (effort, rounds) = if arguments.quick {
        (
            Effort {
                length: Duration::from_millis(200),
                connections: 4,
                sessions: 64,
            },
            1,
        )
    } else {
        let length = Duration::from_secs(arguments.seconds);
        let (connections, sessions) = (arguments.connections, arguments.sessions);
        (
            Effort {
                length,
                connections,
                sessions,
            },
            arguments.rounds,
        )
    };
    let mut bench = Bench::start(&binary, effort, &arguments.only, progress).await?;
    let mut seen = Rounds::default();
    for round in 1..=rounds {
        let samples = bench
            .round(&arguments.only, |row| {
                progress(&format!("round {round} of {rounds}: {row}"));
            })
            .await?;
        seen.0.push(samples);
    }
    progress("");
    print!("{}", seen.text());
    if !arguments.quick {
        for durability in bench.durability().await? {
            println!("{durability}");
        }
    }
    if let Some(path) = arguments.json {
        std::fs::write(path, format!("{:#}\n", seen.json()))?;
    }
    if let Some(path) = arguments.svg {
        std::fs::write(path, plot::ratios(&seen))?;
    }
    let errors = bench.errors();
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
