//! A tiny HTTP/1.1 client that sends exactly what it is told, and shows exactly what it got.
//!
//! One connection a request, closed after it. [`Connection`] is for tests that send bytes no
//! client would.

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use ::http::StatusCode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long the server may take; only a hanging server ever meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request, header by header.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    bare: bool,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
            bare: false,
        }
    }

    /// A GET.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A POST.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header; one that is there already is then there twice.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body with its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// Sets a form body with its content type.
    #[must_use]
    pub fn form(self, fields: &[(String, String)]) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded")
            .body(encode_form(fields))
    }

    /// Adds no header that was not asked for: no Host, no Content-Length, no Connection.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// The target.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The values of a header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// The bytes that are sent.
    pub fn encode(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut line = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        let has = |name| !self.values(name).is_empty();
        if !self.bare && !has("host") {
            line("Host", host);
        }
        self.headers
            .iter()
            .for_each(|(name, value)| line(name, value));
        let announced = has("content-length") || has("transfer-encoding");
        if !self.bare && !announced && (!self.body.is_empty() || self.method == "POST") {
            line("Content-Length", &self.body.len().to_string());
        }
        if !self.bare && !has("connection") {
            line("Connection", "close");
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers in their order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The only value of a header; `None` when it is absent, a panic when it is there twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.values(name);
        assert!(found.len() < 2, "{name} is there twice");
        found.first().copied()
    }

    /// All values of a header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}; no JSON in\n{self}"))
    }

    /// A text member of the JSON body.
    pub fn member(&self, name: &str) -> String {
        let json = self.json();
        let member = json.get(name).and_then(Value::as_str);
        member
            .unwrap_or_else(|| panic!("no text {name} in\n{self}"))
            .to_owned()
    }

    /// The status, for one-line assertions that show the whole answer when they fail.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        self
    }

    /// Asserts an error of the AWS dialect: status, bare exception name, no caching, a request
    /// id, and the members that clients read.
    #[track_caller]
    pub fn assert_error(&self, status: u16, exception: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.header("x-amzn-errortype"), Some(exception), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self}"
        );
        assert!(
            self.header("x-amzn-requestid")
                .is_some_and(|id| id.len() == 36),
            "{self}"
        );
        assert!(!self.member("message").is_empty(), "{self}");
        self
    }

    /// Asserts an error of the standard dialect: status, code, a sentence in its own words, no caching, nothing of the
    /// other dialect, and a challenge where somebody has not shown who they are.
    #[track_caller]
    pub fn assert_oauth_error(&self, status: u16, error: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.member("error"), error, "{self}");
        let because = self.member("error_description");
        assert!(because.ends_with('.') || because.contains(' '), "{self}");
        // A name with a hyphen is a header's, which no dialect has for itself.
        for word in because.split(' ').filter(|word| !word.contains('-')) {
            let camel = word.chars().zip(word.chars().skip(1));
            let camel = camel
                .filter(|(one, next)| one.is_ascii_lowercase() && next.is_ascii_uppercase())
                .count();
            assert_eq!(camel, 0, "{word} is no word of this dialect: {self}");
        }
        assert_eq!(self.header("x-amzn-errortype"), None, "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
        let json = Some("application/json");
        assert_eq!(self.header("content-type"), json, "{self}");
        let challenged = self.header("www-authenticate").is_some();
        assert_eq!(challenged, status == 401, "{self}");
        self
    }

    /// Asserts that a bearer token is not enough (RFC 6750 §3): status, code, and the challenge that names it.
    #[track_caller]
    pub fn assert_oauth_challenge(&self, status: u16, error: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.member("error"), error, "{self}");
        let challenge = self.header("www-authenticate").unwrap_or_default();
        let expected = format!("Bearer error=\"{error}\"");
        assert!(challenge.starts_with(&expected), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
        self
    }

    /// Asserts our own error page (B-ERR): it leads nowhere off this origin and repeats nothing of
    /// `echo`.
    #[track_caller]
    pub fn assert_error_page(&self, status: u16, echo: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.header("location"), None, "{self}");
        let html = self
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        assert!(html, "{self}");
        assert!(
            !self
                .text()
                .to_lowercase()
                .contains("http-equiv=\"refresh\""),
            "{self}"
        );
        assert!(
            echo.is_empty() || !self.text().contains(echo),
            "{echo} is repeated in\n{self}"
        );
        let away = crate::html::links(self.text())
            .into_iter()
            .find(|link| !link.starts_with(['/', '#']));
        assert_eq!(away, None, "{self}");
        self
    }

    /// Asserts a way back to the application with an error (B-RED).
    #[track_caller]
    pub fn assert_sent_back(&self, redirect_uri: &str, error: &str) -> &Self {
        self.assert_status(303);
        let location = self.header("location").unwrap_or_default();
        assert!(location.starts_with(&format!("{redirect_uri}?")), "{self}");
        assert_eq!(
            parameter(location, "error").as_deref(),
            Some(error),
            "{self}"
        );
        assert_eq!(parameter(location, "code"), None, "{self}");
        self
    }
}

/// Prints as one transcript: status, the headers that promise something, body. What differs from
/// run to run is named instead of shown.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        let mut headers: Vec<(String, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.as_str()))
            .collect();
        headers.sort();
        for (name, value) in headers {
            match name.as_str() {
                "date" | "content-length" | "connection" => {}
                "x-amzn-requestid" => writeln!(f, "{name}: [id]")?,
                _ => writeln!(f, "{name}: {}", Masked(value))?,
            }
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(json) => write!(f, "\n{}", Masked(&format!("{json:#}"))),
            Err(_) => write!(f, "\n{}", Masked(&String::from_utf8_lossy(&self.body))),
        }
    }
}

/// Tokens of ours as `[cva1]`: a transcript holds no secret.
struct Masked<'a>(&'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find("cv") {
            let (before, from) = rest.split_at(at);
            f.write_str(before)?;
            let length = from
                .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
                .unwrap_or(from.len());
            let (word, after) = from.split_at(length);
            match word.split_once(['.', '-']) {
                Some((prefix, tail)) if prefix.len() == 4 && tail.len() > 16 => {
                    write!(f, "[{prefix}]")?;
                }
                _ => f.write_str(word)?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

fn values<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers
        .iter()
        .filter(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// `application/x-www-form-urlencoded` of `fields`.
pub fn encode_form(fields: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{}={}", escape(name), escape(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Percent-encodes everything but letters and digits.
pub fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A parameter of a URL's query, decoded.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let pair = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(own, _)| *own == name);
    let decoded = percent_encoding::percent_decode_str(pair?.1)
        .decode_utf8()
        .ok()?;
    Some(decoded.into_owned())
}

/// A raw connection.
pub struct Connection(TcpStream);

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    /// Connects from an address of this machine.
    pub async fn open_from(from: [u8; 4], address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("an address of ours");
        Self(socket.connect(address).await.expect("a connection"))
    }

    /// Sends bytes. A server that has hung up already is no error: it shows in the answer.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Everything that the server sends until it closes the connection.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = async {
            let mut chunk = [0; 4096];
            // A reset after the answer ends it as well as a close does.
            while let Ok(count @ 1..) = self.0.read(&mut chunk).await {
                bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the server closes the connection");
        bytes
    }

    /// One request, one answer, closed.
    pub async fn exchange(address: SocketAddr, host: &str, request: &Request) -> Response {
        let mut connection = Self::open(address).await;
        connection.send(&request.encode(host)).await;
        let bytes = connection.read_to_end().await;
        read_response(&bytes).unwrap_or_else(|| {
            panic!(
                "no answer to {} {}: {:?}",
                request.method,
                request.target,
                String::from_utf8_lossy(&bytes)
            )
        })
    }

    /// One request and its whole answer, or nothing where the server is away or goes away.
    pub async fn attempt(address: SocketAddr, host: &str, request: &Request) -> Option<Response> {
        let mut connection = Self(TcpStream::connect(address).await.ok()?);
        connection.send(&request.encode(host)).await;
        let bytes = connection.read_to_end().await;
        let response = read_response(&bytes)?;
        let announced = response
            .values("content-length")
            .first()
            .map(|length| length.parse());
        let whole = announced.is_none_or(|length| length == Ok(response.body.len()));
        whole.then_some(response)
    }
}

/// Reads the first whole answer in `bytes`.
pub fn read_response(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, rest) = bytes.split_at(end);
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()?
        .split(' ')
        .nth(1)?
        .parse::<StatusCode>()
        .ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let rest = rest.get(4..)?;
    let chunked = values(&headers, "transfer-encoding").contains(&"chunked");
    let length = values(&headers, "content-length")
        .first()
        .and_then(|value| value.parse().ok());
    let body = match length {
        _ if chunked => read_chunks(rest)?,
        Some(length) => rest.get(..rest.len().min(length))?.to_vec(),
        None => rest.to_vec(),
    };
    Some(Response {
        status,
        headers,
        body,
    })
}

fn read_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let chunk = rest.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk.get(..size)?);
        rest = chunk.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_as_it_was_told() {
        let request = Request::post("/token")
            .header("X-A", "1")
            .header("X-A", "2")
            .body("{}");
        let text = String::from_utf8(request.encode("h:1")).expect("text");
        assert_eq!(
            text,
            "POST /token HTTP/1.1\r\nHost: h:1\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\n{}"
        );
        let bare = Request::get("/").bare();
        assert_eq!(bare.encode("h"), b"GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn an_answer_reads_whole_or_in_chunks() {
        let whole = read_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc").expect("one");
        assert_eq!((whole.status.as_u16(), whole.text()), (200, "ab"));
        let chunked =
            b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(read_response(chunked).expect("one").text(), "abc");
    }

    #[test]
    fn transcripts_mask_tokens() {
        let shown = Masked("a cva1.aaaaaaaaaaaaaaaaaaaaaaaa b cv c").to_string();
        assert_eq!(shown, "a [cva1] b cv c");
    }
}
