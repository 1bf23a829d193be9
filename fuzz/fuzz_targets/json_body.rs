//! The bodies of RegisterClient, StartDeviceAuthorization and CreateToken.
#![no_main]

use claviger_wire::aws::oidc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = oidc::decode_register_client(body);
    let _ = oidc::decode_start_device_authorization(body);
    let _ = oidc::decode_create_token(body);
});
