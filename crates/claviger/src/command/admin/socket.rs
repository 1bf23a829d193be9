//! The socket in the data directory over which a running server is administered. Only its owner
//! can open it; one line of JSON goes in, one comes out.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::{fs::PermissionsExt as _, net},
    path::{Path, PathBuf},
    time::Duration,
};

use claviger_store::postgres::address::Address;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

use super::{
    execute::{Owner, execute},
    request::{Answer, Request},
};
use crate::config::settings::Paths;

/// What goes in.
#[derive(Serialize, Deserialize)]
struct Line<R> {
    /// The PostgreSQL that the command is meant for, where it names one.
    store: Option<String>,
    request: R,
}

/// The longest line: directories of large estates travel in one.
const LONGEST: u64 = 8 * 1024 * 1024;

/// How long a command may take: a backup of a large store takes minutes.
const PATIENCE: Duration = Duration::from_mins(30);

/// Where the socket of a data directory lies.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("claviger.sock")
}

/// Opens the socket. One that lies there is a dead one's, unless somebody answers.
pub(crate) fn bind(data_dir: &Path) -> io::Result<UnixListener> {
    let path = path(data_dir);
    if net::UnixStream::connect(&path).is_ok() {
        let why = "another node has this data directory; give each one its own --data-dir";
        return Err(io::Error::new(ErrorKind::AddrInUse, why));
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers commands until it is dropped.
pub(crate) async fn serve(listener: UnixListener, owner: Owner) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let owner = owner.clone();
                tokio::spawn(async move {
                    let conversed = tokio::time::timeout(PATIENCE, converse(stream, &owner));
                    let conversed = conversed
                        .await
                        .unwrap_or_else(|elapsed| Err(elapsed.into()));
                    if let Err(error) = conversed {
                        tracing::warn!(%error, "an administrative command was broken off");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the administrative socket does not accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, owner: &Owner) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LONGEST))
        .read_line(&mut line)
        .await?;
    let answer = match serde_json::from_str::<Line<Request>>(&line) {
        Ok(Line { store, request }) => match other_store(store, owner) {
            Some(because) => Answer::Refused { because },
            None => execute(owner, request).await,
        },
        Err(_) => Answer::Refused {
            because: "The command cannot be read. Use the same release on both sides.".to_owned(),
        },
    };
    write.write_all(&to_line(&answer)?).await
}

/// Why a command is not for this server: it would change another store than the one that was named.
fn other_store(named: Option<String>, owner: &Owner) -> Option<String> {
    let (named, own) = (named?, owner.store.address());
    if own.is_some_and(|own| own.identity() == named) {
        return None;
    }
    let own = own.map_or_else(
        || "the one in its data directory".to_owned(),
        Address::identity,
    );
    Some(format!(
        "The store that is named is {named}; the server that runs on this data directory has {own}. \
         Nothing was done. Name that one or none, or another --data-dir."
    ))
}

/// Sends a command to the server that runs on the data directory; `None` when none runs there.
pub(crate) async fn send(paths: &Paths, request: &Request) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(path(&paths.data_dir)).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let store = paths.store.as_ref().map(Address::identity);
    stream
        .write_all(&to_line(&Line { store, request })?)
        .await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(Some(serde_json::from_str(&line)?))
}

fn to_line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
