//! Registration (REG): what is taken, what is refused, and that nothing is stored.

use claviger_tests::aws::ACCOUNT_ACCESS;
use serde_json::{Value, json};

mod open;
mod members;
mod standing;

/// A device client's registration with one member changed.
fn registration(name: &str, value: Value) -> Value {
    let mut body = json!({
        "clientName": "aws-cli",
        "clientType": "public",
        "scopes": [ACCOUNT_ACCESS],
    });
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    body
}
