//! The boxed future of `dyn` ports.

use std::{future::Future, pin::Pin};

/// A future behind a `dyn` port: sendable, borrowed from its port and arguments.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
