//! Client ids and secrets: what is read was made by us, and reads back the same.
#![no_main]

use claviger_engine::token::client_id;
use claviger_fuzz::KEYS;
use claviger_model::secret::Secret;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (id, secret) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(client) = client_id::read_id(&KEYS, id) {
        assert_eq!(client.reference, client_id::reference(id));
    }
    if client_id::admits_secret(&KEYS, id, &Secret::from(secret)) {
        assert!(client_id::mint_secret(&KEYS, id) == Secret::from(secret));
    }
});
