//! The command line.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::command::{
    admin::cli::Admin, conformance::Conformance, dev::Dev, init::Init, oidc::Oidc, serve::Serve,
};

#[derive(Parser)]
#[command(
    name = "claviger",
    version = VERSION,
    about = "A self-hosted sign-in service that speaks the wire protocol of AWS IAM Identity Center",
    after_help = "Try it:\n  claviger dev\n\nRun it:\n  claviger init && claviger serve",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The release and the commit that it was built from.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("CLAVIGER_COMMIT"),
    ")"
);

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a seeded, throw-away instance on this machine; with a command: sign in and run it
    Dev(Box<Dev>),
    /// Run the service
    Serve(Box<Serve>),
    /// Make key file and store of a new instance
    Init(Init),
    /// Administer an instance: directory, people, sessions, clients, keys, audit, backup
    Admin(Box<Admin>),
    /// Make the calls of sso-oidc by hand, against Claviger or AWS
    Oidc(Box<Oidc>),
    /// Check any server of either dialect from the outside
    Conformance(Conformance),
    /// The configuration file
    #[command(
        subcommand,
        after_help = "Example:\n  claviger config example > claviger.toml"
    )]
    Config(ConfigVerb),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  claviger completions bash > /etc/bash_completion.d/claviger"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print a commented configuration file with all defaults
    #[command(after_help = "Example:\n  claviger config example > claviger.toml")]
    Example,
}
