//! Writes the seeds that are tokens: `cargo run --example seeds`, in this directory.

use std::{fs, path::Path};

use claviger_engine::token::{
    access::{self, AccessClaims},
    authorization_code, client_id,
    device_code::{self, DeviceCode},
    known_browser, page, refresh,
    transaction::{self, Purpose},
    web_cookie,
};
use claviger_fuzz::{KEYS, NOW};
use claviger_model::{
    client::{Authentication, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm},
    id::{ClientRef, CodeId, DeviceId, SessionId, UserId, WebSessionId},
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    secret::SecretBytes,
    time::Lifetime,
};

fn main() -> std::io::Result<()> {
    let (keys, later) = (KEYS.active(), NOW.plus(Lifetime::hours(1)));
    let secret = SecretBytes::new([5; 32]);
    let claims = AccessClaims {
        session_id: SessionId::from_bytes([4; 16]),
        generation: 1,
        client: ClientRef::from_bytes([5; 8]),
        scope_mask: 1,
        expires_at: later,
    };
    let device = DeviceCode {
        device_id: DeviceId::from_bytes([8; 16]),
        expires_at: later,
    };
    let person = UserId::from_bytes([7; 16]);
    let tokens = [
        access::mint(&keys, &secret, &claims),
        refresh::mint(&keys, &secret, claims.session_id, 1),
        device_code::mint(&keys, device),
        authorization_code::mint(&keys, CodeId::from_bytes([3; 16])),
        web_cookie::mint(&keys, WebSessionId::from_bytes([2; 16])),
        known_browser::mint(&keys, person, [1; 8], later),
        page::mint(&keys, person, "accounts", "111122223333", later).into(),
        transaction::seal(&keys, [6; 24], Purpose::Consent, b"browser", later, b"payload"),
    ];
    let tokens: Vec<String> = tokens.iter().map(|token| token.reveal().to_owned()).collect();
    write("tokens", &tokens)?;
    let metadata = ClientMetadata {
        name: ClientName::parse("aws-cli").expect("a name"),
        dialect: Dialect::Aws,
        authentication: Authentication::Secret,
        id_token_alg: SigningAlgorithm::Es256,
        grant_types: GrantType::ALL.to_vec(),
        scopes: ScopeSet::parse_joined("sso:account:access").expect("scopes"),
        redirect_uris: vec![RedirectUri::parse("http://127.0.0.1/cb").expect("a URI")],
    };
    let id = client_id::mint_id(&KEYS, &metadata, [9; 8], NOW, later).expect("it fits");
    let secret = client_id::mint_secret(&KEYS, &id);
    write("client_id", &[format!("{id}\n{}", secret.reveal())])
}

fn write(target: &str, seeds: &[String]) -> std::io::Result<()> {
    let directory = Path::new("corpus").join(target);
    fs::create_dir_all(&directory)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(directory.join(format!("seed-{}", number + 1)), seed)?;
    }
    Ok(())
}
