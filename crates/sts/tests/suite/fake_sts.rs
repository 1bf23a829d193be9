//! An STS on a socket: it plays one script per call and remembers what it was sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// AWS sends it as a header too, which is where the SDK looks.
pub(crate) const REQUEST_ID: &str = "c6104cbe-af31-11e0-8154-cbc7ccf896c7";

/// What one call is answered with.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Status and body.
    Answer(u16, String),
    /// A redirect to the URL.
    Redirect(String),
    /// Reads and never answers.
    Hang,
    /// Closes the connection without an answer.
    Reset,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct FakeSts {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl FakeSts {
    /// Plays `script` at every call.
    pub(crate) async fn playing(script: Script) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let ears = heard.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, script.clone(), ears.clone()));
            }
        });
        Self { url, heard }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// One call per connection.
async fn serve(mut connection: TcpStream, script: Script, ears: Arc<Mutex<Vec<Heard>>>) {
    let Some(heard) = read_request(&mut connection).await else {
        return;
    };
    ears.lock().unwrap().push(heard);
    match script {
        Script::Answer(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} Scripted\r\ncontent-type: text/xml\r\nx-amzn-requestid: {REQUEST_ID}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = connection
                .write_all(format!("{head}{body}").as_bytes())
                .await;
        }
        Script::Redirect(url) => {
            let answer = format!(
                "HTTP/1.1 307 Scripted\r\nlocation: {url}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _ = connection.write_all(answer.as_bytes()).await;
        }
        Script::Hang => {
            let mut rest = Vec::new();
            let _ = connection.read_to_end(&mut rest).await;
        }
        Script::Reset => {}
    }
}

pub(crate) async fn read_request(connection: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let head_length = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_length].to_vec()).ok()?;
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0);
    while bytes.len() < head_length + length {
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_length..].to_vec()).ok()?;
    Some(Heard { head, body })
}

/// AWS's answer to AssumeRole.
pub(crate) fn assumed() -> Script {
    Script::Answer(
        200,
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE:alice</AssumedRoleId>
      <Arn>arn:aws:sts::111122223333:assumed-role/DeveloperRole/alice</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAEXAMPLE</AccessKeyId>
      <SecretAccessKey>the-secret</SecretAccessKey>
      <SessionToken>the-token</SessionToken>
      <Expiration>2026-11-25T01:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</AssumeRoleResponse>"#
            .to_owned(),
    )
}

/// The same, as the answer of the other operation.
pub(crate) fn assumed_with_web_identity() -> Script {
    match assumed() {
        Script::Answer(status, body) => Script::Answer(
            status,
            body.replace("AssumeRoleRes", "AssumeRoleWithWebIdentityRes"),
        ),
        other => other,
    }
}

/// The same, made 10 MiB long by a comment: nothing but its length is wrong with it.
pub(crate) fn assumed_at_length() -> Script {
    match assumed() {
        Script::Answer(status, body) => {
            let comment = format!("<!--{}--><AssumeRoleResult>", "x".repeat(10 << 20));
            Script::Answer(status, body.replacen("<AssumeRoleResult>", &comment, 1))
        }
        other => other,
    }
}

/// Credentials in a document that breaks only after them.
pub(crate) fn assumed_and_broken() -> Script {
    match assumed() {
        Script::Answer(status, body) => {
            Script::Answer(status, body.replace("2026-11-25T01:00:00Z", "tomorrow"))
        }
        other => other,
    }
}

/// An error document of AWS's.
pub(crate) fn fault(status: u16, code: &str) -> Script {
    Script::Answer(
        status,
        format!(
            r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>words of the STS</Message></Error>
  <RequestId>{REQUEST_ID}</RequestId>
</ErrorResponse>"#
        ),
    )
}
