//! Whether a network that asks without pause harms the others.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{bail, ensure};
use futures_util::future::try_join_all;
use memchr::memmem;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime,
    sync::oneshot,
    task::JoinSet,
};

use crate::{
    bench::{Bench, Effort},
    http::{Connection, connect_from},
    load::{Measured, as_float, drive, pace},
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
#[derive(Clone, Copy)]
enum Noise {
    /// What the others ask for as well.
    Lists,
    /// New clients.
    Registrations,
    /// Device codes that nobody was given.
    Polls,
}

/// Requests that are sent at once, before their answers are waited for: so that asking costs next to nothing here, where it
/// would take the processors from the server.
const PIPELINED: usize = 16;

/// Asks without pause until it is dropped, on a thread of its own.
struct Making {
    answers: Arc<AtomicU64>,
    _stop: oneshot::Sender<()>,
}

impl Making {
    fn start(address: SocketAddr, noise: Noise, access: &str) -> Self {
        let answers = Arc::<AtomicU64>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (counted, access) = (Arc::clone(&answers), access.to_owned());
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
            runtime.block_on(async {
                tokio::select! {
                    ended = make(address, noise, &access, &counted) => ended,
                    _ = stopped => Ok(()),
                }
            })
        });
        Self {
            answers,
            _stop: stop,
        }
    }
}

/// Asks, whatever the answers are, and counts them.
async fn make(
    address: SocketAddr,
    noise: Noise,
    access: &str,
    answers: &Arc<AtomicU64>,
) -> anyhow::Result<()> {
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
        let stream = connect_from(ELSEWHERE, address).await?;
        let (mut unread, mut questions) = stream.into_split();
        let (requests, answers) = (Arc::clone(&requests), Arc::clone(answers));
        asking
            .spawn(async move { while questions.write_all(requests.as_bytes()).await.is_ok() {} });
        asking.spawn(async move {
            let mut read = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = unread.read(&mut read).await {
                // One that lies across two reads is not counted.
                let heads = memmem::find_iter(read.get(..count).unwrap_or_default(), HEAD);
                answers.fetch_add(u64::try_from(heads.count()).unwrap_or(0), Ordering::Relaxed);
            }
        });
    }
    asking.join_all().await;
    Ok(())
}

/// How each answer begins.
const HEAD: &[u8] = b"HTTP/1.1 ";

const JSON: &str = "Content-Type: application/json";

/// What the others see of each noise, at 30 % of what they could do alone.
pub(crate) async fn watch(binary: &Path, effort: Effort) -> anyhow::Result<String> {
    let bench = Bench::start(binary, effort, &[], |_| ()).await?;
    let address = bench.file.service.running.address;
    let access = bench.access(SEES[0])?;
    let others = async |pace: Option<Duration>| {
        let opening = (0..OTHERS).map(|_| Connection::open(address));
        let connections = try_join_all(opening).await?.into_iter();
        let listing = connections.map(|connection| Listing {
            connection,
            access: Arc::clone(&access),
            sees: SEES[0],
        });
        let (seen, _) = drive(listing.collect(), effort.length, pace).await;
        if let Some(error) = &seen.error {
            bail!("the others met an error: {error}");
        }
        anyhow::Ok(seen)
    };
    let fastest = others(None).await?;
    let slow = pace(OTHERS, 0.3 * fastest.per_second());
    let alone = others(slow).await?;
    let mut text = format!(
        "ListAccounts by {OTHERS} connections, beside {NOISY} of another network\n\
         {:<28} {:>7} {:>8} {:>8}  {:<12} noise, answers a second\n",
        "", "per s", "p50 µs", "p99 µs", "of alone"
    );
    for (name, seen) in [
        ("as fast as they can, alone", &fastest),
        ("at 30 %, alone", &alone),
    ] {
        let _ = writeln!(text, "{}", line(name, seen, seen));
    }
    for (noise, name) in [
        (Noise::Lists, "lists"),
        (Noise::Registrations, "registrations"),
        (Noise::Polls, "polls"),
    ] {
        let making = Making::start(address, noise, &access);
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (pace, how, of) in [
            (slow, "at 30 %", &alone),
            (None, "as fast as they can", &fastest),
        ] {
            let before = making.answers.load(Ordering::Relaxed);
            let seen = others(pace).await?;
            let heard = making.answers.load(Ordering::Relaxed) - before;
            ensure!(heard > 0, "there was no noise");
            let _ = writeln!(
                text,
                "{} {:.0}",
                line(&format!("{how}, {name}"), &seen, of),
                as_float(heard) / effort.length.as_secs_f64()
            );
        }
    }
    Ok(text)
}

fn line(name: &str, seen: &Measured, alone: &Measured) -> String {
    let time = |quantile| seen.times.value_at_quantile(quantile);
    let share = format!("{:.0} %", seen.per_second() / alone.per_second() * 100.0);
    format!(
        "{name:<28} {:>7.0} {:>8} {:>8}  {share:<12}",
        seen.per_second(),
        time(0.5),
        time(0.99),
    )
}
