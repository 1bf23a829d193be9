//! Tables as a whole: what they are made of, and what tells two of them apart.

use std::fmt;

use claviger_model::hex::Hex;
use sha2::{Digest as _, Sha256};

use crate::value::{Row, Value};

/// A table of a store.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: u64,
}

/// How many rows, and what they are, whatever their order: the digests of all, added bit by bit. No two rows
/// of a table are the same, so that none is hidden by another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) rows: u64,
    sum: [u8; 32],
}

impl Digest {
    /// Adds a row.
    pub(crate) fn add(&mut self, row: &Row) {
        let mut hash = Sha256::new();
        for value in &row.0 {
            let (kind, integer, bytes): (u8, _, &[u8]) = match value {
                Value::Null => (0, [0; 8], &[]),
                Value::Integer(value) => (1, value.to_be_bytes(), &[]),
                Value::Text(text) => (2, [0; 8], text.as_bytes()),
                Value::Bytes(bytes) => (3, [0; 8], bytes),
            };
            hash.update([kind]);
            hash.update(integer);
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        }
        self.rows += 1;
        for (sum, byte) in self.sum.iter_mut().zip(hash.finalize()) {
            *sum ^= byte;
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.sum).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[Value]]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add(&Row(row.to_vec()));
        }
        digest
    }

    #[test]
    fn only_the_same_rows_have_the_same_digest() {
        let text = |text: &str| Value::Text(text.to_owned());
        let one = [text("a"), Value::Integer(1)];
        let other = [text("b"), Value::Null];
        let whole = of(&[&one, &other]);
        assert_eq!(whole, of(&[&other, &one]), "whatever their order");
        for different in [
            of(&[&one]),
            of(&[&one, &[text("b"), Value::Integer(0)]]),
            of(&[&one, &[text("b"), text("")]]),
            of(&[&one, &[Value::Bytes(b"b".to_vec()), Value::Null]]),
            of(&[&[text("a"), Value::Null], &[text("b"), Value::Integer(1)]]),
            of(&[&one, &[text(""), text("b")]]),
        ] {
            assert_ne!(whole, different);
        }
    }
}
