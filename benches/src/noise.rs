//! Whether a network that asks without pause harms the others.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use clap::ValueEnum;
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    task::JoinSet,
};

use crate::{
    bench::{Bench, Effort},
    http::Connection,
    load::{Measured, drive},
    process::Running,
    scenario::Listing,
    service::SEES,
};

/// Connections of everybody else.
const OTHERS: usize = 64;

/// Connections of the network that asks without pause.
const NOISY: usize = 512;

/// The address of those: not in the network of the others.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));

/// What it asks for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Noise {
    /// What the others ask for as well
    Lists,
    /// New clients
    Registrations,
    /// Device codes that nobody was given
    Polls,
}

/// Requests that are sent at once, before their answers are waited for: so that asking costs next to nothing here, where it
/// would take the processors from the server.
const PIPELINED: usize = 16;

/// Asks until somebody ends this process, whatever the answers are.
pub(crate) async fn make(address: SocketAddr, noise: Noise, access: &str) -> anyhow::Result<()> {
    let (line, header, body) = match noise {
        Noise::Lists => (
            "GET /assignment/accounts",
            format!("x-amz-sso_bearer_token: {access}"),
            String::new(),
        ),
        Noise::Registrations => (
            "POST /client/register",
            JSON.to_owned(),
            json!({ "clientName": "noise", "clientType": "public" }).to_string(),
        ),
        Noise::Polls => (
            "POST /token",
            JSON.to_owned(),
            json!({
                "clientId": "x",
                "clientSecret": "x",
                "grantType": "urn:ietf:params:oauth:grant-type:device_code",
                "deviceCode": "cvd1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            })
            .to_string(),
        ),
    };
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let requests: Arc<str> = request.repeat(PIPELINED).into();
    let mut asking = JoinSet::new();
    for _ in 0..NOISY {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(ELSEWHERE, 0))?;
        let (mut answers, mut questions) = socket.connect(address).await?.into_split();
        let requests = Arc::clone(&requests);
        asking
            .spawn(async move { while questions.write_all(requests.as_bytes()).await.is_ok() {} });
        asking.spawn(async move {
            let mut unread = vec![0; 16 * 1024];
            while matches!(answers.read(&mut unread).await, Ok(1..)) {}
        });
    }
    asking.join_all().await;
    Ok(())
}

const JSON: &str = "Content-Type: application/json";

fn listing(connection: Connection, access: &Arc<str>) -> Listing {
    Listing {
        connection,
        access: Arc::clone(access),
        sees: SEES[0],
    }
}

/// What the others see of each noise, at 30 % of what they could do alone.
pub(crate) async fn watch(binary: &Path, effort: Effort) -> anyhow::Result<String> {
    let bench = Bench::start(binary, effort, &[], |_| ()).await?;
    let address = bench.file.service.running.address;
    let access = bench.access(SEES[0])?;
    let others = async |pace: Option<Duration>| {
        let opening = (0..OTHERS).map(|_| Connection::open(address));
        let connections = try_join_all(opening).await?.into_iter();
        let listing = connections.map(|connection| listing(connection, &access));
        let (seen, _) = drive(listing.collect(), effort.length, pace).await;
        if let Some(error) = &seen.error {
            anyhow::bail!("the others met an error: {error}");
        }
        anyhow::Ok(seen)
    };
    let fastest = others(None).await?;
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    let pace = Duration::from_secs_f64(OTHERS as f64 / (0.3 * fastest.per_second()));
    let mut text = format!(
        "{:<52} {:>7} {:>8} {:>8}  of what it is alone\n",
        "ListAccounts by 64 connections", "per s", "p50 µs", "p99 µs"
    );
    let mut line = |name: &str, seen: &Measured, alone: f64| {
        let time = |quantile| seen.times.value_at_quantile(quantile);
        let _ = writeln!(
            text,
            "{name:<52} {:>7.0} {:>8} {:>8}  {:.0} %",
            seen.per_second(),
            time(0.5),
            time(0.99),
            seen.per_second() / alone * 100.0
        );
    };
    line("as fast as it can, alone", &fastest, fastest.per_second());
    let alone = others(Some(pace)).await?;
    line("at 30 %, alone", &alone, alone.per_second());
    for noise in Noise::value_variants() {
        let Some(name) = noise.to_possible_value() else {
            continue;
        };
        let name = name.get_name();
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["noise", &address.to_string(), name, &access]);
        let _making = Running::start(&mut command, address)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let seen = others(Some(pace)).await?;
        let of = format!("beside {NOISY} connections of another network, {name}");
        line(&format!("at 30 %, {of}"), &seen, alone.per_second());
        let seen = others(None).await?;
        line(
            &format!("as fast as it can, {of}"),
            &seen,
            fastest.per_second(),
        );
    }
    Ok(text)
}
