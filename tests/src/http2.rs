//! HTTP/2 frame by frame (RFC 9113), for tests that send what no client would.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Frame types.
pub const DATA: u8 = 0;
/// Opens a stream.
pub const HEADERS: u8 = 1;
/// Ends a stream at once.
pub const RST_STREAM: u8 = 3;
/// Tells preferences.
pub const SETTINGS: u8 = 4;
/// Asks for an answer.
pub const PING: u8 = 6;
/// Ends the connection.
pub const GOAWAY: u8 = 7;
/// Opens a window.
pub const WINDOW_UPDATE: u8 = 8;
/// Goes on with a header block.
pub const CONTINUATION: u8 = 9;

/// The flag that ends a stream, or acknowledges SETTINGS and PING.
pub const END_STREAM: u8 = 1;
/// The flag that ends a header block.
pub const END_HEADERS: u8 = 4;

/// How much of headers the encoder may remember.
const HEADER_TABLE_SIZE: u16 = 1;

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// A connection by prior knowledge, without TLS.
pub struct Http2(TcpStream);

impl Http2 {
    /// Connects, and sends the preface with `settings`: identifiers and values.
    pub async fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        stream.write_all(preface).await.expect("the preface");
        let mut connection = Self(stream);
        let pair =
            |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
        // Without a dynamic table every answer can be read by itself.
        let settings = [&[(HEADER_TABLE_SIZE, 0)], settings].concat();
        let payload: Vec<u8> = settings.iter().flat_map(pair).collect();
        connection.send(SETTINGS, 0, 0, &payload).await;
        connection
    }

    /// Sends a frame; whether the server still takes it.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len())
            .expect("a short frame")
            .to_be_bytes();
        let mut bytes = length.into_iter().skip(1).collect::<Vec<u8>>();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.0.write_all(&bytes).await.is_ok()
    }

    /// Sends a whole request head that ends its stream.
    pub async fn request(&mut self, stream: u32, headers: &[(&str, &str)]) -> bool {
        let flags = END_STREAM | END_HEADERS;
        self.send(HEADERS, flags, stream, &encode_headers(headers))
            .await
    }

    /// The next frame; `None` once the server has hung up.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes(stream);
        Some(Frame {
            kind,
            flags,
            stream,
            payload,
        })
    }

    /// Reads until a frame of `kind`; `None` when the server hangs up before.
    pub async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// The status of the next answer. Encoders write common ones as one byte (RFC 7541 app. A),
    /// others as a literal of static name 8.
    pub async fn status(&mut self) -> Option<u16> {
        let frame = self.next_of(HEADERS).await?;
        // Changes of the table's size come first (RFC 7541 §6.3).
        let updates = frame.payload.iter().take_while(|byte| **byte >> 5 == 1);
        match frame.payload.get(updates.count()..)? {
            [0x88, ..] => Some(200),
            [0x8b, ..] => Some(304),
            [0x8c, ..] => Some(400),
            [0x8d, ..] => Some(404),
            [0x8e, ..] => Some(500),
            [0x08 | 0x18 | 0x48, literal @ ..] => read_digits(literal),
            other => panic!("no :status begins {other:02x?}"),
        }
    }
}

/// Three digits, plain or by Huffman's code (RFC 7541 app. B): those from 0 to 2 have five bits,
/// the others six.
fn read_digits(literal: &[u8]) -> Option<u16> {
    let (&length, text) = literal.split_first()?;
    let text = text.get(..usize::from(length & 0x7f))?;
    if length & 0x80 == 0 {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let mut bits = text
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let mut take = |count: usize, from: u16| {
        bits.by_ref()
            .take(count)
            .fold(from, |value, bit| value << 1 | u16::from(bit))
    };
    let mut number = 0;
    for _ in 0..3 {
        let five = take(5, 0);
        let digit = if five <= 2 {
            five
        } else {
            take(1, five) - 0x19 + 3
        };
        number = number * 10 + digit;
    }
    Some(number)
}

/// A header block of literals without indexing and without compression.
pub fn encode_headers(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "the kit's header blocks are short");
            block.push(u8::try_from(text.len()).unwrap_or_default());
            block.extend(text.as_bytes());
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_plain_and_compressed() {
        assert_eq!(read_digits(b"\x03421"), Some(421));
        // 4 is 011010, 2 is 00010, 1 is 00001.
        assert_eq!(read_digits(&[0x82, 0b0110_1000, 0b0100_0001]), Some(421));
        assert_eq!(
            read_digits(&[0x83, 0b0110_1000, 0b0010_1100, 0b1111_1111]),
            Some(413)
        );
    }
}
