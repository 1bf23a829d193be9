//! Claviger: a self-hosted sign-in service that speaks the wire protocol of AWS IAM Identity
//! Center. The binary: configuration, commands, wiring. Only it reads the environment and files,
//! and ends the process.

mod exit;
mod output;
mod moment;
mod config;
mod adapter;
mod directory_file;
mod telemetry;
mod tls;
mod aws_files;
mod witness;
mod store;
mod wiring;
mod command;
mod cli;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use mimalloc::MiMalloc;
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    cli::{Cli, Command, ConfigVerb},
    exit::Exit,
};

/// The system's keeps the 19 MiB of each password check, once for every thread that ever made one, and costs a fifth
/// of a request (docs/performance.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(cli.command));
            // What still runs in the background is not worth waiting for.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Exit {
            code: exit::TEMPORARY,
            error: error.into(),
        }),
    };
    match ended {
        Ok(code) => code,
        Err(Exit { code, error }) => {
            output::note(&format!("claviger: {error:#}"));
            ExitCode::from(code)
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, Exit> {
    if !matches!(command, Command::Dev(_)) {
        leave_no_core_dump();
    }
    match command {
        Command::Dev(dev) => return command::dev::run(*dev).await,
        Command::Conformance(conformance) => return command::conformance::run(conformance).await,
        Command::Serve(serve) => command::serve::run(*serve).await?,
        Command::Init(init) => command::init::run(init).await?,
        Command::Admin(admin) => command::admin::cli::run(*admin).await?,
        Command::Oidc(oidc) => command::oidc::run(*oidc).await?,
        Command::Config(ConfigVerb::Example) => output::line(config::EXAMPLE.trim_end()),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "claviger", &mut std::io::stdout());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A core dump would put keys and passwords on a disk (LEA-06). `dev` keeps the limit, for what it
/// starts inherits it and its own keys are thrown away.
fn leave_no_core_dump() {
    let limit = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    // Lowering one's own limit is always allowed.
    let _ = setrlimit(Resource::Core, limit);
    // The limit does not bind what hands dumps to a collector (core(5)); this does.
    #[cfg(target_os = "linux")]
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lea_06_neither_files_nor_collectors_get_a_core_dump() {
        leave_no_core_dump();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        #[cfg(target_os = "linux")]
        assert_eq!(
            rustix::process::dumpable_behavior(),
            Ok(DumpableBehavior::NotDumpable)
        );
    }
}
