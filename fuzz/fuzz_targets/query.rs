//! Query strings: the portal's calls, `aws_iam`, and what `/authorize` reads.
#![no_main]

use claviger_wire::{
    aws::{oidc, portal},
    query::Parameters,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    let _ = portal::decode_list_accounts(Some(query));
    let _ = portal::decode_list_account_roles(Some(query));
    let _ = portal::decode_get_role_credentials(Some(query));
    let _ = oidc::aws_iam(Some(query));
    let lenient = Parameters::read_lenient(query);
    let strict = Parameters::read(query);
    let repeats = lenient.as_ref().is_ok_and(|(_, repeated)| !repeated.is_empty());
    assert_eq!(strict.is_ok(), lenient.is_ok() && !repeats);
});
