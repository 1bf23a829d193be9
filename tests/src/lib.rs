//! The test kit: a real server in a temporary directory, and callers of it.
//!
//! Everything that the product has is real here: router, accept loop, engine, store with its
//! production settings. Clock, chance, password hasher and credential source are ports, and the
//! kit's are moved and scripted by hand. Nothing sleeps, nothing depends on order.
//!
//! Begin with [`TestServer::start`]; call it through [`TestServer::aws`] and
//! [`TestServer::browser`]; look at its rows through [`World::rows`].
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a kit that cannot set up fails its test by panicking"
)]

pub mod clock;
pub mod entropy;
pub mod hasher;
pub mod credentials;
pub mod evidence;
pub mod driver;
pub mod effort;
pub mod faulty;
pub mod seed;
pub mod log;
pub mod secrets;
pub mod scan;
pub mod background;
pub mod proxy;
pub mod rows;
pub mod child;
pub mod postgres;
pub mod tls;
pub mod issuer;
pub mod http2;
pub mod world;
pub mod tamper;
pub mod html;
pub mod http;
pub mod pkce;
pub mod aws;
pub mod oauth;
pub mod browser;
pub mod server;
pub mod people;
pub mod pages;
pub mod node;
pub mod room;
pub mod control;
pub mod instance;
pub mod shim;

pub use server::TestServer;
pub use world::World;
