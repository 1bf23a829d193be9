//! A world behind the real accept loop, on a port of its own.

use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

use claviger_engine::{context::Context, policy::Policy};
use claviger_web::{
    app::App,
    server::{Limits, serve},
};
use futures_util::future::OptionFuture;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    aws::{Aws, Client, Code, Device, Link, Tokens},
    browser::Browser,
    driver::uncounted,
    http::{Connection, Request, Response},
    log,
    oauth::Oauth,
    proxy::{End, Proxy},
    scan,
    secrets::Secrets,
    seed,
    tls::Tls,
    world::{World, WorldBuilder},
};

pub use crate::seed::REDIRECT_URI;

/// A server. When it goes, none of the secrets that passed may be in the log or the audit log.
pub struct TestServer {
    world: World,
    address: SocketAddr,
    link: Link,
    log_start: usize,
    stop: Option<watch::Sender<()>>,
    task: Option<JoinHandle<()>>,
    _front: Option<Proxy>,
}

/// What is changed of a node before it serves.
type Change = Box<dyn Fn(&mut App) + Send + Sync>;

/// What a server is made of.
#[derive(Default)]
pub struct TestServerBuilder {
    world: WorldBuilder,
    public_url: Option<String>,
    trusted_proxies: Vec<String>,
    tls: Option<Tls>,
    limits: Limits,
    body_time: Option<Duration>,
    app: Option<Change>,
}

/// A device that a person signed in.
#[derive(Clone, Debug)]
pub struct SignedInDevice {
    /// Its client.
    pub client: Client,
    /// Its authorization.
    pub device: Device,
    /// Its first tokens.
    pub tokens: Tokens,
}

impl TestServerBuilder {
    /// Changes the policy from its defaults.
    #[must_use]
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        self.world = self.world.policy(change);
        self
    }

    /// Changes the world in other ways.
    #[must_use]
    pub fn world(mut self, change: impl FnOnce(WorldBuilder) -> WorldBuilder) -> Self {
        self.world = change(self.world);
        self
    }

    /// The public address; without one it is where the server listens.
    #[must_use]
    pub fn public_url(mut self, url: &str) -> Self {
        self.public_url = Some(url.to_owned());
        self
    }

    /// Believes what `network` forwards, for example `127.0.0.1/32`.
    #[must_use]
    pub fn trusting(mut self, network: &str) -> Self {
        self.trusted_proxies.push(network.to_owned());
        self
    }

    /// Holds the TLS listener itself.
    #[must_use]
    pub fn tls(mut self, tls: &Tls) -> Self {
        self.tls = Some(tls.clone());
        self
    }

    /// Changes how it treats its connections.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// One node only, whatever the suite is told: the test is about what a node counts by itself, about
    /// the order in which one node records, or about a connection.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.world = self.world.alone();
        self
    }

    /// Lets bodies take no longer than this.
    #[must_use]
    pub const fn body_time(mut self, time: Duration) -> Self {
        self.body_time = Some(time);
        self
    }

    /// Changes what each node is.
    #[must_use]
    pub fn app(mut self, change: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        self.app = Some(Box::new(change));
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestServer {
        let log_start = log::capture();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut front = Front::of(&listener, self.world.nodes()).await;
        let address = front.address;
        let public_url = self
            .public_url
            .unwrap_or_else(|| format!("http://{address}"));
        let world = self.world.public_url(public_url).build().await;
        let app = |context: &Arc<Context>| {
            let mut app = App::new(Arc::clone(context));
            let proxies = self
                .trusted_proxies
                .iter()
                .map(|net| net.parse().expect("a network"));
            app.trusted_proxies = proxies.collect();
            app.tls = self.tls.is_some();
            app.body_time = self.body_time.unwrap_or(app.body_time);
            if let Some(change) = &self.app {
                change(&mut app);
            }
            Arc::new(app)
        };
        let acceptor = self.tls.as_ref().map(Tls::acceptor);
        let limits = Limits {
            drain: Duration::ZERO,
            ..self.limits
        };
        let (stop, stopped) = watch::channel(());
        let further = front.open(&world).map(|(listener, context)| {
            let (acceptor, stopped) = (acceptor.clone(), gone(stopped.clone()));
            serve(app(context), listener, acceptor, limits, stopped)
        });
        let first = serve(
            app(&world.context),
            listener,
            acceptor,
            limits,
            gone(stopped),
        );
        let task = tokio::spawn(async {
            tokio::join!(first, OptionFuture::from(further));
        });
        let secrets = Secrets::default();
        for (_, password) in seed::PASSWORDS {
            secrets.add(password);
        }
        let host = world.context.links.host().to_owned();
        TestServer {
            world,
            address,
            link: Link {
                address,
                host,
                secrets,
            },
            log_start,
            stop: Some(stop),
            task: Some(task),
            _front: front.balancer,
        }
    }
}

/// Ready when whoever may stop it has done so or is gone.
async fn gone(mut stop: watch::Receiver<()>) {
    let _ = stop.changed().await;
}

/// What callers meet: the server itself, or a balancer before two nodes.
struct Front {
    address: SocketAddr,
    balancer: Option<Proxy>,
    second: Option<TcpListener>,
}

impl Front {
    async fn of(first: &TcpListener, nodes: u8) -> Self {
        let address = first.local_addr().expect("an address");
        if nodes < 2 {
            return Self {
                address,
                balancer: None,
                second: None,
            };
        }
        let second = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let other = second.local_addr().expect("an address");
        let balancer = Proxy::start(vec![End::Tcp(address), End::Tcp(other)]).await;
        Self {
            address: balancer.address,
            balancer: Some(balancer),
            second: Some(second),
        }
    }

    /// The second node's way in. What its nodes learn within a second they have learnt before every
    /// connection: tests do not wait.
    fn open<'a>(&mut self, world: &'a World) -> Option<(TcpListener, &'a Arc<Context>)> {
        let second = world.second.as_ref()?;
        let nodes = [Arc::clone(&world.context), Arc::clone(second)];
        let balancer = self.balancer.as_ref()?;
        balancer.before_each(move || {
            let nodes = nodes.clone();
            Box::pin(async move {
                for node in nodes {
                    // A store in trouble is what some tests are about.
                    let _ = uncounted(node.refresh()).await;
                }
            })
        });
        Some((self.second.take()?, second))
    }
}

impl TestServer {
    /// A server with everything at its default.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A server with everything at its default that is one node, whatever the suite is told: see
    /// [`TestServerBuilder::alone`].
    pub async fn start_alone() -> Self {
        Self::builder().alone().start().await
    }

    /// A server to be changed before it starts.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder::default()
    }

    /// A caller in the AWS dialect.
    pub fn aws(&self) -> Aws {
        Aws::new(self.link.clone(), self.context.links.start_url())
    }

    /// A caller in the standard dialect.
    pub fn oauth(&self) -> Oauth {
        Oauth::new(self.link.clone())
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.link.clone(), self.context.links.issuer().to_owned())
    }

    /// A browser at which a person of the seed is signed in.
    pub async fn browser_of(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let signed_in = browser.sign_in(name, password_of(name)).await;
        signed_in.assert_status(303);
        browser
    }

    /// Sends any request, with nothing added but what HTTP wants.
    pub async fn send(&self, request: Request) -> Response {
        self.link.send(&request).await
    }

    /// A raw connection.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `Host` that it answers to.
    pub fn host(&self) -> &str {
        &self.link.host
    }

    /// What the scanner looks for; a test adds secrets that pass it by.
    pub const fn secrets(&self) -> &Secrets {
        &self.link.secrets
    }

    /// alice signs in a device, from registration to tokens.
    pub async fn signed_in_device(&self) -> SignedInDevice {
        self.signed_in_device_of("alice").await
    }

    /// A person of the seed signs in a device.
    pub async fn signed_in_device_of(&self, name: &str) -> SignedInDevice {
        let client = self.aws().register().await;
        self.sign_in_device(name, client).await
    }

    /// A person of the seed signs in a device of `client`.
    pub async fn sign_in_device(&self, name: &str, client: Client) -> SignedInDevice {
        let aws = self.aws();
        let device = aws.start_device(&client).await;
        let approved = self.browser_of(name).await.approve(&device.user_code).await;
        assert!(approved.status.as_u16() < 400, "{approved}");
        let tokens = Tokens::of(&aws.poll(&client, &device).await);
        SignedInDevice {
            client,
            device,
            tokens,
        }
    }

    /// A client for codes, and a code that alice consented to.
    pub async fn code(&self) -> (Client, Code) {
        let client = self.aws().register_for_codes(REDIRECT_URI).await;
        let code = self.code_for(&client).await;
        (client, code)
    }

    /// A code for `client` that alice consented to.
    pub async fn code_for(&self, client: &Client) -> Code {
        let mut browser = self.browser_of("alice").await;
        browser.code_for(client, REDIRECT_URI).await
    }

    /// Stops the server, lets what is in flight finish, and scans. Dropping it scans as well, but
    /// waits for nothing.
    pub async fn finish(mut self) {
        self.hang_up();
        if let Some(task) = self.task.take() {
            task.await.expect("the accept loop ends well");
        }
    }

    /// The secrets that the log or the audit log hold.
    pub fn leaks(&self) -> Vec<scan::Find> {
        let secrets = self.link.secrets.all();
        let mut found = scan::find(&secrets, &log::since(self.log_start));
        let records = self.rows().audit();
        found.extend(scan::find(&secrets, &format!("{records:#?}")));
        found
    }

    fn hang_up(&mut self) {
        if let Some(stop) = self.stop.take() {
            drop(stop);
        }
    }
}

impl Deref for TestServer {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.hang_up();
        if let Some(task) = self.task.take() {
            task.abort();
        }
        // A test that failed already says why itself; a second panic would end the run.
        if !std::thread::panicking() {
            let leaks = self.leaks();
            assert!(leaks.is_empty(), "secrets were written down: {leaks:#?}");
        }
    }
}

/// The password of a person of the seed.
pub fn password_of(name: &str) -> &'static str {
    let found = seed::PASSWORDS.iter().find(|(own, _)| *own == name);
    found
        .unwrap_or_else(|| panic!("nobody is called {name} in the seed"))
        .1
}
