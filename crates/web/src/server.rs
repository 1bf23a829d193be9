//! The accept loop: bounded connections, TLS, and a stop that finishes what is in flight.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use claviger_model::network::NetworkPrefix;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::{
    app::App,
    layer::{gate, requester},
    router::router,
    share::{self, Share, Shares},
};

/// How the server treats its connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at one time; three quarters of them for one network that is no trusted proxy.
    pub connections: usize,
    /// How long a handshake, and then the head of a request, may take (RES-01).
    pub head: Duration,
    /// How long a peer may leave an answer unread (RES-02).
    pub unread: Duration,
    /// How long the server still accepts after it was told to stop, for balancers to notice.
    pub drain: Duration,
    /// How long requests in flight may take to finish after that.
    pub finish: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            head: Duration::from_secs(10),
            unread: Duration::from_secs(30),
            drain: Duration::from_secs(3),
            finish: Duration::from_secs(10),
        }
    }
}

const MOST_HEADERS: usize = 64;
const HEAD_SIZE: usize = 16 * 1024;
const STREAMS: u32 = 64;

/// Serves until `stop` is ready and everything in flight is done.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let server = Server {
        app: Arc::clone(&app),
        router: router(Arc::clone(&app)),
        tls,
        limits,
        networks: Arc::default(),
    };
    let accepting = async {
        loop {
            let Ok(permit) = Arc::clone(&connections).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => server.spawn(stream, peer, permit, &graceful),
                // Out of descriptors: what is open goes on; a short pause keeps this loop cool.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    let stopping = async {
        stop.await;
        app.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(limits.drain).await;
    };
    tokio::select! {
        () = accepting => {}
        () = stopping => {}
    }
    drop(listener);
    if tokio::time::timeout(limits.finish, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still in flight when the server stopped");
    }
}

#[derive(Clone)]
struct Server {
    app: Arc<App>,
    router: axum::Router,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    /// The connections of each network.
    networks: Arc<Shares>,
}

impl Server {
    /// A place for somebody who connects; nothing where their network has too many.
    fn share(&self, peer: SocketAddr) -> Result<Option<Share>, ()> {
        let address = peer.ip().to_canonical();
        if requester::is_trusted(&self.app.trusted_proxies, address) {
            return Ok(None);
        }
        let most = share::of_one(self.limits.connections);
        let share = self.networks.take(NetworkPrefix::of(address), most);
        share.map(Some).ok_or(())
    }

    fn spawn(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
        graceful: &GracefulShutdown,
    ) {
        let Ok(share) = self.share(peer) else {
            tracing::debug!(%peer, "its network has too many connections");
            return;
        };
        let server = self.clone();
        let watcher = graceful.watcher();
        // Small answers should not wait for more.
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            match server.tls.clone() {
                None => server.converse(stream, peer, watcher).await,
                Some(acceptor) => {
                    let shaken =
                        tokio::time::timeout(server.limits.head, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        server.converse(stream, peer, watcher).await;
                    }
                }
            }
            drop((permit, share));
        });
    }

    async fn converse(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let spoken = Arc::<Spoken>::default();
        let silent = silence(Arc::clone(&spoken), self.limits.head);
        let service = service_fn(move |request| {
            let answering = spoken.begin();
            // In a box, so that a connection that waits does not keep room for it.
            let passing = gate::pass(Arc::clone(&self.app), self.router.clone(), peer, request);
            Box::pin(async {
                let _answering = answering;
                passing.await
            })
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_headers(MOST_HEADERS)
            .max_buf_size(HEAD_SIZE);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(HEAD_SIZE).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(30));
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.unread));
        let connection = builder
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
            .into_owned();
        tokio::select! {
            ended = watcher.watch(connection) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
            }
            () = silent => tracing::debug!("a connection brought no request in time"),
        }
    }
}

/// What a connection has asked for.
#[derive(Default)]
struct Spoken {
    requests: AtomicUsize,
    answered: AtomicUsize,
}

/// A request that is not answered yet.
struct Answering(Arc<Spoken>);

impl Spoken {
    fn begin(self: &Arc<Self>) -> Answering {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ready when a connection has brought no request for so long and waits for no answer: until the first byte tells the
/// protocol no other timer runs, and in HTTP/2 none ever does (RES-01, RES-06).
async fn silence(spoken: Arc<Spoken>, limit: Duration) {
    loop {
        let before = spoken.requests.load(Ordering::Relaxed);
        tokio::time::sleep(limit).await;
        let answered = spoken.answered.load(Ordering::Relaxed);
        if answered == before && spoken.requests.load(Ordering::Relaxed) == before {
            return;
        }
    }
}
