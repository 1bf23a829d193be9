//! One connection that is kept, and what comes back on it.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

/// An answer whose body was read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body of a 200.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        if self.status != StatusCode::OK {
            anyhow::bail!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("an answer that is not what was due")
    }
}

/// Connects from an address of ours.
pub(crate) async fn connect_from(from: IpAddr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(address).await
}

/// A connection to a server.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// A new one.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        Self::speak(TcpStream::connect(address).await?, address).await
    }

    /// One from an address of ours.
    pub(crate) async fn open_from(from: IpAddr, address: SocketAddr) -> anyhow::Result<Self> {
        Self::speak(connect_from(from, address).await?, address).await
    }

    async fn speak(stream: TcpStream, address: SocketAddr) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: address.to_string(),
        })
    }

    /// Sends a request, and reads its answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// A call of the API.
    pub(crate) async fn call(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let json = [("content-type", "application/json")];
        let body = Bytes::from(body.to_string());
        self.send(Method::POST, path, &json, body).await
    }

    /// A call of the portal.
    pub(crate) async fn look(&mut self, target: &str, access: &str) -> anyhow::Result<Answer> {
        let bearer = [("x-amz-sso_bearer_token", access)];
        self.send(Method::GET, target, &bearer, Bytes::new()).await
    }
}
