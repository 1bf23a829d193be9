//! Client ids and secrets: registration stores nothing, the id carries it all (SECURITY-CASES D1).

use claviger_model::{
    client::{
        Authentication, Client, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm,
    },
    id::ClientRef,
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    secret::Secret,
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::encoding::{CLIENT_ID, CLIENT_SECRET, Reader, Writer, decode, encode, lock, locked_by};
use crate::keys::ring::Keyring;

/// The longest client id, in characters: it travels in the URL of `/authorize`.
pub const LONGEST: usize = 2048;

/// Bytes that tell equal registrations of one second apart.
pub const NONCE: usize = 8;

/// The id that carries `metadata`, or `None` when it would be too long.
pub fn mint_id(
    keys: &Keyring,
    metadata: &ClientMetadata,
    nonce: [u8; NONCE],
    issued_at: Timestamp,
    expires_at: Timestamp,
) -> Option<String> {
    let (epoch, key) = keys.client_key();
    let head = Writer::default()
        .bytes(&[epoch])
        .bytes(&nonce)
        .time(issued_at)
        .time(expires_at)
        .bytes(&[flags(metadata)])
        .text(metadata.name.as_str())
        .text(&metadata.scopes.join());
    let body = metadata
        .redirect_uris
        .iter()
        .fold(head, |body, uri| body.text(uri.as_str()))
        .finish();
    let id = encode(CLIENT_ID, &body, &[lock(key, CLIENT_ID, &body)])
        .reveal()
        .to_owned();
    (id.len() <= LONGEST).then_some(id)
}

/// The client behind an authentic id; whether it is still in date is the caller's to judge.
pub fn read_id(keys: &Keyring, id: &str) -> Option<Client> {
    if id.len() > LONGEST {
        return None;
    }
    let bytes = decode(CLIENT_ID, id)?;
    let (body, tag) = bytes.split_last_chunk::<16>()?;
    let key = keys.client_key_of(*body.first()?)?;
    if !locked_by(key, CLIENT_ID, body, tag) {
        return None;
    }
    let mut reader = Reader(body);
    let _epoch_and_nonce: [u8; 1 + NONCE] = reader.array()?;
    let (issued_at, expires_at) = (reader.time()?, reader.time()?);
    let flags = reader.byte()?;
    let name = ClientName::parse(reader.text()?).ok()?;
    let scopes = ScopeSet::parse_joined(reader.text()?).ok()?;
    let mut redirect_uris = Vec::new();
    while !reader.is_at_end() {
        redirect_uris.push(RedirectUri::parse(reader.text()?).ok()?);
    }
    let grant_types = GrantType::REGISTRABLE
        .into_iter()
        .filter(|grant| flags & grant_bit(*grant) != 0)
        .collect();
    let dialect = if flags & OAUTH != 0 {
        Dialect::Oauth
    } else {
        Dialect::Aws
    };
    let authentication = if flags & SECRETLESS != 0 {
        Authentication::None
    } else {
        Authentication::Secret
    };
    let id_token_alg = if flags & RS256 != 0 {
        SigningAlgorithm::Rs256
    } else {
        SigningAlgorithm::Es256
    };
    let metadata = ClientMetadata {
        name,
        dialect,
        authentication,
        grant_types,
        scopes,
        redirect_uris,
        id_token_alg,
    };
    Some(Client {
        metadata,
        reference: reference(id),
        issued_at,
        expires_at,
    })
}

/// The secret of a client id: a MAC of it, so that nothing need be stored.
pub fn mint_secret(keys: &Keyring, id: &str) -> Secret {
    let (epoch, key) = keys.client_key();
    let mac = key.mac(&[CLIENT_SECRET.0.as_bytes(), &[epoch], id.as_bytes()]);
    encode(CLIENT_SECRET, &[&[epoch], mac.as_slice()].concat(), &[])
}

/// Whether `secret` belongs to `id`.
pub fn admits_secret(keys: &Keyring, id: &str, secret: &Secret) -> bool {
    let Some(bytes) = decode(CLIENT_SECRET, secret.reveal()) else {
        return false;
    };
    let Some((&epoch, presented)) = bytes.split_first() else {
        return false;
    };
    let Some(key) = keys.client_key_of(epoch) else {
        return false;
    };
    key.mac(&[CLIENT_SECRET.0.as_bytes(), &[epoch], id.as_bytes()])
        .ct_eq(presented)
        .into()
}

/// The short name of a client id in rows and tokens.
pub fn reference(id: &str) -> ClientRef {
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let mut bytes = [0; 8];
    bytes
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    ClientRef::from_bytes(bytes)
}

const OAUTH: u8 = 0x80;
const SECRETLESS: u8 = 0x40;
const RS256: u8 = 0x20;

const fn grant_bit(grant: GrantType) -> u8 {
    match grant {
        GrantType::DeviceCode => 1,
        GrantType::AuthorizationCode => 2,
        GrantType::RefreshToken => 4,
        // Applications only, whose ids carry nothing.
        GrantType::JwtBearer | GrantType::TokenExchange | GrantType::ClientCredentials => 0,
    }
}

fn flags(metadata: &ClientMetadata) -> u8 {
    let dialect = match metadata.dialect {
        Dialect::Aws => 0,
        Dialect::Oauth => OAUTH,
    };
    let authentication = match metadata.authentication {
        Authentication::Secret | Authentication::Signature => 0,
        Authentication::None => SECRETLESS,
    };
    let id_token_alg = match metadata.id_token_alg {
        SigningAlgorithm::Es256 => 0,
        SigningAlgorithm::Rs256 => RS256,
    };
    metadata
        .grant_types
        .iter()
        .fold(dialect | authentication | id_token_alg, |flags, grant| {
            flags | grant_bit(*grant)
        })
}
