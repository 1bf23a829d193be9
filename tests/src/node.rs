//! A further node on a server's store: an engine with its own memory behind a port of its own.
//!
//! What nodes share is the store and nothing else; clock, chance, keys and driver may differ.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use claviger_engine::{
    context::{Context, Parts},
    keys::{file::KeyFile, ring::Keyring},
};
use claviger_model::port::{clock::Clock as _, entropy::Entropy};
use claviger_store::driver::Driver;
use claviger_web::{
    app::App,
    server::{Limits, serve},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    aws::{Aws, Link},
    browser::Browser,
    clock::ManualClock,
    entropy::SeededEntropy,
    oauth::Oauth,
    server::TestServer,
    world::World,
};

/// A node; it goes with its test.
pub struct Node {
    /// What its handlers share.
    pub app: Arc<App>,
    /// Its engine.
    pub context: Arc<Context>,
    link: Link,
    task: JoinHandle<()>,
}

/// What a node is made of.
pub struct NodeBuilder<'a> {
    server: &'a TestServer,
    name: String,
    store: Option<Arc<dyn Driver>>,
    clock: Arc<ManualClock>,
    entropy: Arc<dyn Entropy>,
    key_file: KeyFile,
}

impl TestServer {
    /// A further node on this server's store, called `name` in audit records; it believes what
    /// 127.0.0.1 forwards.
    pub fn node(&self, name: &str) -> NodeBuilder<'_> {
        let test = std::thread::current();
        let seed = format!("{} at {name}", test.name().unwrap_or("no test"));
        NodeBuilder {
            server: self,
            name: name.to_owned(),
            store: None,
            clock: Arc::clone(&self.clock),
            entropy: Arc::new(SeededEntropy::new(&seed)),
            key_file: World::builder().key_file(),
        }
    }
}

impl NodeBuilder<'_> {
    /// Another way to the store.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Driver>) -> Self {
        self.store = Some(store);
        self
    }

    /// A clock of its own.
    #[must_use]
    pub fn clock(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of chance.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Changes the key file.
    #[must_use]
    pub fn key_file(mut self, change: impl FnOnce(&mut KeyFile)) -> Self {
        change(&mut self.key_file);
        self
    }

    /// Starts it.
    pub async fn start(self) -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let server = self.server;
        let store = match self.store {
            Some(store) => store,
            None => server.another_way().await,
        };
        let keys = Keyring::load(store.as_ref(), &self.key_file, self.clock.now()).await;
        let parts = Parts {
            keys: Arc::new(keys.expect("the keys")),
            store,
            clock: self.clock,
            entropy: self.entropy,
            hasher: Arc::clone(&server.hasher) as _,
            credentials: Arc::clone(&server.credentials) as _,
            issuers: Arc::new(claviger_model::port::issuers::NoIssuers),
            key_file: self.key_file,
            policy: server.context.policy.clone(),
            links: server.context.links.clone(),
            node: self.name,
        };
        let context = Arc::new(Context::open(parts).await.expect("a context"));
        let mut app = App::new(Arc::clone(&context));
        app.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        let limits = Limits {
            drain: Duration::ZERO,
            ..Limits::default()
        };
        let never = std::future::pending::<()>();
        let app = Arc::new(app);
        let task = tokio::spawn(serve(Arc::clone(&app), listener, None, limits, never));
        let link = Link {
            address,
            host: server.host().to_owned(),
            secrets: server.secrets().clone(),
        };
        Node {
            app,
            context,
            link,
            task,
        }
    }
}

impl Node {
    /// A caller of this node in the AWS dialect.
    pub fn aws(&self) -> Aws {
        Aws::new(self.link.clone(), self.context.links.start_url())
    }

    /// A caller of this node in the standard dialect.
    pub fn oauth(&self) -> Oauth {
        Oauth::new(self.link.clone())
    }

    /// A browser without cookies at this node.
    pub fn browser(&self) -> Browser {
        Browser::new(self.link.clone(), self.context.links.issuer().to_owned())
    }

    /// A browser at this node with the cookies of `other`.
    pub fn browser_like(&self, other: &Browser) -> Browser {
        let mut browser = self.browser();
        for (name, value) in other.cookies() {
            browser.set_cookie(name, value);
        }
        browser
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}
