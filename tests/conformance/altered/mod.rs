//! The standard dialect done wrong: a right server, and a way to it on which a request or an answer
//! is altered. Each mutation alters one thing.

mod asked;
pub(crate) mod told;
mod memory;
mod decide;
pub(crate) mod mutation;
pub(crate) mod catalogue;

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use claviger_model::port::clock::Clock as _;
use claviger_tests::{
    TestServer, aws::Link, browser::Browser, clock::ManualClock, issuer::IssuerKey,
};
use http::Response;
use http_body_util::Full;
use tokio::sync::Mutex;

use self::{asked::Asked, memory::Memory, mutation::Mutation, told::Told};
use crate::listen::{Call, Port, Served};

/// The server and the way to it.
pub(crate) struct Altered {
    pub(crate) url: String,
    way: Arc<Way>,
    _served: Served,
    _server: TestServer,
}

/// The way: where it leads, and what happens on it.
struct Way {
    server: Link,
    /// Where somebody is signed in who decides.
    browser: Mutex<Browser>,
    clock: Arc<ManualClock>,
    memory: Mutex<Memory>,
}

impl Altered {
    /// A server and a way on which nothing happens.
    pub(crate) async fn start() -> Self {
        let port = Port::open().await;
        let url = port.url.clone();
        let server = TestServer::builder().public_url(&url).alone();
        let server = server.start().await;
        let way = Arc::new(Way {
            server: Link {
                address: server.address(),
                host: server.host().to_owned(),
                secrets: server.secrets().clone(),
            },
            browser: Mutex::new(server.browser_of("alice").await),
            clock: Arc::clone(&server.clock),
            memory: Mutex::new(Memory::new(IssuerKey::new("altered"))),
        });
        let served = port.serve({
            let way = Arc::clone(&way);
            move |call| {
                let way = Arc::clone(&way);
                async move { way.answer(call).await }
            }
        });
        Self {
            url,
            way,
            _served: served,
            _server: server,
        }
    }

    /// From now on this happens.
    pub(crate) async fn turn(&self, mutation: &Mutation) {
        self.way.memory.lock().await.turn(mutation.wrong);
    }
}

impl Way {
    async fn answer(&self, call: Call) -> Response<Full<Bytes>> {
        let mut asked = Asked::of(call);
        let mut memory = self.memory.lock().await;
        let mut told = match memory.before(&mut asked) {
            Some(told) => told,
            None => self.pass(&asked).await,
        };
        memory.after(&asked, &mut told);
        let response = told.response();
        memory.keep(asked, told);
        response
    }

    async fn pass(&self, asked: &Asked) -> Told {
        if let Some(route) = asked.path.strip_prefix("/_dev/") {
            return decide::route(self, route, &asked.json).await;
        }
        let mut told = Told::of(self.server.send(&asked.request()).await);
        // The server's own clock is the kit's, its Date that of this machine.
        let now = self.clock.now().epoch_seconds().unsigned_abs();
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
        told.set_header("date", &date);
        told
    }
}
