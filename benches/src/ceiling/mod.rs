//! What the stack can do at best: the same HTTP with next to nothing behind it.

mod exchange;
mod constant;
mod postgres;
mod sqlite;
mod sts;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Subcommand;

pub(crate) use exchange::ROWS;
use exchange::Way;
use sqlite::Layout;
pub(crate) use sts::ASKED;

/// A server that shows a limit.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Ceiling {
    /// Parses the JSON body, and answers 300 bytes of JSON
    Constant,
    /// The same after one guarded UPDATE, durable, many to a commit
    Sqlite {
        /// Where its database is to lie
        directory: PathBuf,
        /// Which rows lie beside each other
        #[arg(value_enum)]
        layout: Layout,
    },
    /// The same against PostgreSQL
    Postgres {
        /// Its address, as tokio-postgres takes it
        address: String,
        /// How statements go there
        #[arg(value_enum)]
        way: Way,
    },
    /// No ceiling: an STS that gives everybody credentials
    Sts {
        /// After so many milliseconds
        delay: u64,
    },
}

/// Serves until it is killed.
pub(crate) async fn serve(ceiling: Ceiling, listen: SocketAddr) -> anyhow::Result<()> {
    let router = match ceiling {
        Ceiling::Constant => constant::router(),
        Ceiling::Sqlite { directory, layout } => sqlite::router(&directory, layout)?,
        Ceiling::Postgres { address, way } => postgres::router(&address, way).await?,
        Ceiling::Sts { delay } => sts::router(Duration::from_millis(delay)),
    };
    let listener = tokio::net::TcpListener::bind(listen).await?;
    Ok(axum::serve(listener, router).await?)
}
