//! A stretch of network before a server, which breaks as networks do; it can also lead to several
//! nodes, as a balancer would.

use std::{
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

use crate::background::runtime;

/// Where the way ends.
#[derive(Clone, Debug)]
pub enum End {
    /// A port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What befalls the bytes on their way, those of connections that are open already as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather {
    /// Nothing.
    Fair,
    /// They arrive when the weather changes, and nobody is told: a partition.
    Held,
    /// The same for answers only.
    AnswersHeld,
    /// They come late.
    Late(Duration),
    /// One bit in every byte of an answer is another.
    AnswersGarbled,
    /// An answer ends after so many bytes, and with it its connection.
    AnswersCutAfter(usize),
    /// Connections end, new ones at once.
    Cut,
}

/// The way; it ends with its test.
pub struct Proxy {
    /// Where it begins.
    pub address: SocketAddr,
    way: Arc<Way>,
}

struct Way {
    ends: Vec<End>,
    /// Which end the next connection leads to; beyond the last: each in turn.
    led_to: AtomicUsize,
    connections: AtomicUsize,
    weather: watch::Sender<Weather>,
    struck: AtomicU64,
    before_each: OnceLock<BeforeEach>,
}

/// What is done before a connection goes on.
type BeforeEach = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl Proxy {
    /// A way to these ends, one connection to each in turn, in fair weather.
    pub async fn start(ends: Vec<End>) -> Self {
        let listen = async { TcpListener::bind("127.0.0.1:0").await.expect("a free port") };
        let listener = runtime().spawn(listen).await.expect("no panic");
        let address = listener.local_addr().expect("an address");
        let way = Arc::new(Way {
            led_to: AtomicUsize::new(ends.len()),
            ends,
            connections: AtomicUsize::new(0),
            weather: watch::Sender::new(Weather::Fair),
            struck: AtomicU64::new(0),
            before_each: OnceLock::new(),
        });
        runtime().spawn(accept(
            listener,
            Arc::downgrade(&way),
            way.weather.subscribe(),
        ));
        Self { address, way }
    }

    /// Leads connections that begin from now on to one end only.
    pub fn lead_to(&self, end: usize) {
        self.way.led_to.store(end, Ordering::SeqCst);
    }

    /// Does something before every connection goes on.
    pub fn before_each(
        &self,
        what: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) {
        let set = self.way.before_each.set(Box::new(what));
        assert!(set.is_ok(), "something is done already");
    }

    /// Changes the weather.
    pub fn turn(&self, weather: Weather) {
        self.way.weather.send_replace(weather);
    }

    /// How often the weather met bytes or a connection: a fault that was never met proves nothing.
    pub fn struck(&self) -> u64 {
        self.way.struck.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, way: Weak<Way>, mut weather: watch::Receiver<Weather>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (Ok((client, _)), Some(way)) = (accepted, way.upgrade()) else { return };
                tokio::spawn(lead(client, way));
            }
            // Its test is over.
            changed = weather.changed() => if changed.is_err() { return },
        }
    }
}

async fn lead(client: TcpStream, way: Arc<Way>) {
    let weather = way.weather.subscribe();
    let met = Met {
        way: Arc::downgrade(&way),
        weather,
    };
    if *met.weather.borrow() == Weather::Cut {
        met.count();
        return;
    }
    if let Some(what) = way.before_each.get() {
        what().await;
    }
    let led_to = way.led_to.load(Ordering::SeqCst);
    let turn = way.connections.fetch_add(1, Ordering::SeqCst) % way.ends.len();
    let end = way.ends.get(led_to).or_else(|| way.ends.get(turn)).cloned();
    drop(way);
    let _ = client.set_nodelay(true);
    match end {
        Some(End::Tcp(address)) => {
            if let Ok(server) = TcpStream::connect(address).await {
                let _ = server.set_nodelay(true);
                join(client, server, met).await;
            }
        }
        Some(End::Unix(path)) => {
            if let Ok(server) = UnixStream::connect(path).await {
                join(client, server, met).await;
            }
        }
        None => {}
    }
}

/// The weather where a connection is.
#[derive(Clone)]
struct Met {
    way: Weak<Way>,
    weather: watch::Receiver<Weather>,
}

impl Met {
    fn count(&self) {
        if let Some(way) = self.way.upgrade() {
            way.struck.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until the connection is to be cut, or its test is over.
    async fn cut(mut self) {
        let cut = self.weather.wait_for(|weather| *weather == Weather::Cut);
        if cut.await.is_ok() {
            self.count();
        }
    }

    /// What befalls these bytes; how many of them arrive. Nothing: the connection ends.
    async fn pass(&mut self, answer: bool, bytes: &mut [u8], passed: usize) -> Option<usize> {
        loop {
            let weather = *self.weather.borrow_and_update();
            if weather != Weather::Fair {
                self.count();
            }
            match weather {
                Weather::Held => {}
                Weather::AnswersHeld if answer => {}
                Weather::Cut => return None,
                Weather::AnswersCutAfter(whole) if answer => {
                    return Some(bytes.len().min(whole.saturating_sub(passed)));
                }
                Weather::AnswersGarbled if answer => {
                    for byte in bytes.iter_mut() {
                        *byte ^= 1;
                    }
                    return Some(bytes.len());
                }
                Weather::Late(by) => {
                    tokio::time::sleep(by).await;
                    return Some(bytes.len());
                }
                _ => return Some(bytes.len()),
            }
            self.weather.changed().await.ok()?;
        }
    }
}

async fn join(client: impl AsyncRead + AsyncWrite, server: impl AsyncRead + AsyncWrite, met: Met) {
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let both = async {
        tokio::join!(
            pump(from_client, to_server, false, met.clone()),
            pump(from_server, to_client, true, met.clone()),
        )
    };
    tokio::select! {
        _ = both => {}
        () = met.clone().cut() => {}
    }
}

/// Carries bytes until their source ends, then says so; where the weather ends an answer, waits to
/// be cut off by the other direction's end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    answer: bool,
    mut met: Met,
) {
    let mut bytes = vec![0; 16 << 10];
    let mut passed = 0;
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let piece = bytes.get_mut(..read).unwrap_or_default();
        let Some(arrive) = met.pass(answer, piece, passed).await else {
            break;
        };
        passed += arrive;
        let arriving = piece.get(..arrive).unwrap_or_default();
        if to.write_all(arriving).await.is_err() || arrive < read {
            break;
        }
    }
    let _ = to.shutdown().await;
}
