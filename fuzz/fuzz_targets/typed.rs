//! What people type and clients ask for: user codes, scopes, names, verifiers, ids.
#![no_main]

use claviger_model::{
    client::ClientName,
    directory::{UserName, name_key},
    id::{AccountId, RoleName, SessionId, TargetName},
    pkce::{CodeChallenge, CodeVerifier},
    scope::ScopeSet,
    user_code::UserCode,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(code) = UserCode::parse(text) {
        assert!(UserCode::parse(&code.to_string()) == Some(code));
    }
    if let Ok(scopes) = ScopeSet::parse_joined(text) {
        assert_eq!(ScopeSet::parse_joined(&scopes.join()), Ok(scopes));
    }
    if let Ok(name) = ClientName::parse(text) {
        assert!((1..=64).contains(&name.as_str().len()));
        assert_eq!(ClientName::parse(name.as_str()), Ok(name));
    }
    if let Ok(name) = UserName::parse(text) {
        assert_eq!(name.key(), name_key(text));
    }
    if let Ok(id) = SessionId::parse(text) {
        assert!(id.to_string().eq_ignore_ascii_case(text));
    }
    let _ = (AccountId::parse(text), RoleName::parse(text), TargetName::parse(text));
    let _ = (CodeChallenge::parse(text), CodeVerifier::parse(text).is_ok());
});
