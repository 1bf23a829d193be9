//! An issuer that can lie: discovery and keys over TLS, on a port of this machine.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::Ed25519KeyPair,
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, KeyAlgorithm, PublicKeyUse},
};
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::tls::Tls;

/// A signing key and its public half.
#[derive(Clone)]
pub struct IssuerKey {
    private: EncodingKey,
    algorithm: Algorithm,
    /// What is published of it.
    pub public: Jwk,
}

impl IssuerKey {
    /// A new key of that name.
    pub fn new(kid: &str) -> Self {
        Self::of(kid, Algorithm::ES256)
    }

    /// A new key for that algorithm.
    pub fn of(kid: &str, algorithm: Algorithm) -> Self {
        let (private, named) = match algorithm {
            Algorithm::ES256 => {
                let pair = rcgen::KeyPair::generate().expect("a key");
                let der = pair.serialize_der();
                (EncodingKey::from_ec_der(&der), KeyAlgorithm::ES256)
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().expect("a key");
                let der = pair.to_pkcs8v1().expect("its private half");
                (EncodingKey::from_ed_der(der.as_ref()), KeyAlgorithm::EdDSA)
            }
            Algorithm::RS256 => (rsa(), KeyAlgorithm::RS256),
            Algorithm::PS256 => (rsa(), KeyAlgorithm::PS256),
            other => panic!("no issuer of the kit's signs by {other:?}"),
        };
        let mut public = Jwk::from_encoding_key(&private, algorithm).expect("a key");
        public.common.key_id = Some(kid.to_owned());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(named);
        Self {
            private,
            algorithm,
            public,
        }
    }

    /// Signs with it, and names it.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: self.public.common.key_id.clone(),
            ..Header::new(self.algorithm)
        };
        sign(self, &header, claims)
    }
}

fn rsa() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("its private half");
    // What PKCS #8 puts before the key itself (RFC 5208 §5) is as long for every key of that size.
    let (_, key) = der.as_ref().split_at(26);
    EncodingKey::from_rsa_der(key)
}

/// How it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    /// As it should.
    Honest,
    /// Sends elsewhere.
    Redirect(String),
    /// Says that it is JSON of another kind.
    NoJson,
    /// More than anybody reads.
    Endless,
    /// Another issuer's discovery document.
    Foreign,
    /// Keys at an address of its choice.
    KeysAt(String),
    /// Nothing but an error.
    Broken,
    /// Never answers.
    Silent,
}

struct State {
    keys: Vec<Jwk>,
    manner: Manner,
}

/// A running issuer.
pub struct FakeIssuer {
    /// What it calls itself.
    pub url: String,
    /// What it signs with.
    pub key: IssuerKey,
    state: Arc<Mutex<State>>,
    asked: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
    tls: Tls,
}

impl FakeIssuer {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let url = format!("https://localhost:{}", address.port());
        let tls = Tls::new();
        let key = IssuerKey::new("first");
        let state = Arc::new(Mutex::new(State {
            keys: vec![key.public.clone()],
            manner: Manner::default(),
        }));
        let asked = Arc::<AtomicUsize>::default();
        let issuer = Self {
            url,
            key,
            state,
            asked,
            heard: Arc::default(),
            tls,
        };
        let each = Connection {
            tls: issuer.tls.clone(),
            url: issuer.url.clone(),
            state: Arc::clone(&issuer.state),
            heard: Arc::clone(&issuer.heard),
        };
        tokio::spawn(serve(listener, each, Arc::clone(&issuer.asked)));
        issuer
    }

    /// Changes its manner.
    pub fn behave(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// Changes the keys that it tells.
    pub fn publish(&self, keys: &[&IssuerKey]) {
        self.state().keys = keys.iter().map(|key| key.public.clone()).collect();
    }

    /// How many connections were made to it.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The requests that it read, as they came.
    pub fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate to trust it by.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.tls.certificate()
    }

    /// Signs with its key.
    pub fn sign(&self, claims: &Value) -> String {
        sign(&self.key, &header("first"), claims)
    }
}

/// The header of a token by the key of that name.
pub fn header(kid: &str) -> Header {
    Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::ES256)
    }
}

/// A token.
pub fn sign(key: &IssuerKey, header: &Header, claims: &Value) -> String {
    encode(header, claims, &key.private).expect("a token")
}

/// What every connection needs to know of the issuer.
#[derive(Clone)]
struct Connection {
    tls: Tls,
    url: String,
    state: Arc<Mutex<State>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Connection {
    fn hear(&self, request: &str) {
        let heard = self.heard.lock();
        let mut heard = heard.unwrap_or_else(PoisonError::into_inner);
        heard.push(request.to_owned());
    }
}

async fn serve(listener: TcpListener, each: Connection, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        asked.fetch_add(1, Ordering::SeqCst);
        let own = each.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = own.tls.acceptor().accept(stream).await else {
                return;
            };
            let mut request = vec![0; 4096];
            let Ok(length) = stream.read(&mut request).await else {
                return;
            };
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            own.hear(&request);
            let Some(answer) = answer(&request, &own.url, &own.state) else {
                return std::future::pending().await;
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        });
    }
}

fn answer(request: &str, url: &str, state: &Mutex<State>) -> Option<String> {
    let state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut status, mut kind, mut more) = ("200 OK", "application/json", String::new());
    let mut body = if request.starts_with("GET /keys ") {
        json!({ "keys": state.keys })
    } else {
        json!({ "issuer": url, "jwks_uri": format!("{url}/keys") })
    };
    match &state.manner {
        Manner::Honest => {}
        Manner::Redirect(to) => {
            status = "302 Found";
            more = format!("location: {to}\r\n");
        }
        Manner::NoJson => kind = "text/html",
        Manner::Endless => body["padding"] = json!("x".repeat(300 << 10)),
        Manner::Foreign => body["issuer"] = json!(format!("{url}/")),
        Manner::KeysAt(address) => body["jwks_uri"] = json!(address),
        Manner::Broken => status = "500 Internal Server Error",
        Manner::Silent => return None,
    }
    let body = body.to_string();
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}
