//! Web identity tokens and the keys that verify them: JWS, JWK and discovery (RFC 7515, 7517, OpenID
//! Connect Discovery). Signing and encoding are `jsonwebtoken`'s.

use std::sync::Arc;

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use bytes::Bytes;
use claviger_engine::{
    issued::{Claims, Issued},
    keys::ring::{EpochKeys, Keyring},
};
use claviger_model::{
    client::SigningAlgorithm,
    id::UserId,
    port::web_identity::Statement,
    secret::{Secret, SecretBytes, SecretDer},
    time::{Lifetime, Timestamp},
};
use http::Response;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash},
};
use pkcs8::PrivateKeyInfo;
use serde_json::{Value, json};

use crate::answer;

/// How long a token is good: one call, and clocks that differ.
pub const LIFETIME: Lifetime = Lifetime::minutes(5);

/// Where AWS looks for tags and source identity in a token.
const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

/// When and by whom a statement is made.
#[derive(Clone, Debug)]
pub struct Signature<'a> {
    /// Who says it: the address below which discovery is.
    pub issuer: &'a str,
    /// When.
    pub now: Timestamp,
    /// What no other token is called.
    pub id: [u8; 16],
}

/// Signs a statement; nothing for the one key in 2³² that is none.
pub fn sign(key: &SecretBytes, statement: &Statement<'_>, by: &Signature<'_>) -> Option<Secret> {
    Pair::of(Key::P256(key))?.signed(&claims(statement, by))
}

/// How long an ID token is good.
const ID_TOKEN_LIFETIME: Lifetime = Lifetime::hours(1);

/// The ID token of whom `issued` is about, for the client of that id (OpenID Connect Core §2), with what it may know of
/// them beyond that.
pub fn id_token(
    key: Key<'_>,
    issued: &Issued,
    client_id: &str,
    person: Option<&Claims>,
    by: &Signature<'_>,
) -> Option<Secret> {
    let life = issued.expires_in.min(ID_TOKEN_LIFETIME);
    let mut claims = json!({
        "iss": by.issuer,
        "sub": issued.user_id.to_string(),
        "aud": client_id,
        "iat": by.now.epoch_seconds(),
        "exp": by.now.plus(life).epoch_seconds(),
        "auth_time": issued.auth_time.epoch_seconds(),
        "jti": claviger_model::hex::Hex(&by.id).to_string(),
    });
    if let (Some(claims), Some(person)) = (claims.as_object_mut(), person) {
        claims.extend(told(person));
        // There is one way to sign in at the pages; how others do is not known here.
        if !issued.origin.is_by_machine() {
            claims.insert("amr".to_owned(), json!(["pwd"]));
        }
    }
    if let Some(nonce) = &issued.nonce {
        claims["nonce"] = json!(nonce);
    }
    Pair::of(key)?.signed(&claims)
}

/// What a client may know of a person, by the names of OpenID Connect Core §5.1.
pub fn told(person: &Claims) -> serde_json::Map<String, Value> {
    let mut told = serde_json::Map::new();
    let mut tell = |name: &str, value: Value| told.insert(name.to_owned(), value);
    tell("sub", json!(person.user_id.to_string()));
    if let Some((name, user_name)) = &person.names {
        tell("name", json!(name));
        tell("preferred_username", json!(user_name));
    }
    if let Some(email) = &person.email {
        tell("email", json!(email));
        tell("email_verified", json!(true));
    }
    if let Some(groups) = &person.groups {
        tell("groups", json!(groups));
    }
    told
}

fn claims(statement: &Statement<'_>, by: &Signature<'_>) -> Value {
    let mut claims = json!({
        "iss": by.issuer,
        "sub": statement.user_id.to_string(),
        "aud": statement.audience,
        "iat": by.now.epoch_seconds(),
        "exp": by.now.plus(LIFETIME).epoch_seconds(),
        "jti": claviger_model::hex::Hex(&by.id).to_string(),
    });
    if let Some(name) = statement.source_identity {
        claims[SOURCE_IDENTITY] = json!(name);
    }
    if !statement.tags.is_empty() {
        let tags = statement
            .tags
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!([value])));
        let tags: serde_json::Map<_, _> = tags.collect();
        claims[TAGS] = json!({ "principal_tags": tags });
    }
    claims
}

/// A private key of ours.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// A scalar of P-256, which all but one in 2³² are: ES256.
    P256(&'a SecretBytes),
    /// PKCS #1: RS256.
    Rsa(&'a SecretDer),
}

impl<'a> Key<'a> {
    /// The key of an epoch that signs ID tokens by that algorithm.
    pub fn of_id_tokens(keys: &'a EpochKeys, algorithm: SigningAlgorithm) -> Option<Self> {
        match algorithm {
            SigningAlgorithm::Es256 => Some(Self::P256(&keys.id_token)),
            SigningAlgorithm::Rs256 => keys.id_token_rsa.as_ref().map(Self::Rsa),
        }
    }

    /// All that sign ID tokens.
    fn all_of_id_tokens(keys: &'a EpochKeys) -> impl Iterator<Item = Self> {
        let all = SigningAlgorithm::ALL.into_iter();
        all.filter_map(|algorithm| Self::of_id_tokens(keys, algorithm))
    }
}

/// An RSA key of 2048 bits, as [`Key::Rsa`] takes it. Takes some tenths of a second of a core.
pub fn new_rsa() -> Option<SecretDer> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let inner = PrivateKeyInfo::try_from(der.as_ref()).ok()?.private_key;
    Some(SecretDer::new(inner.to_vec()))
}

/// A key and its public half.
struct Pair {
    private: EncodingKey,
    public: Jwk,
    algorithm: Algorithm,
}

impl Pair {
    fn of(key: Key<'_>) -> Option<Self> {
        let (private, algorithm, named) = match key {
            Key::P256(scalar) => (p256(scalar)?, Algorithm::ES256, KeyAlgorithm::ES256),
            Key::Rsa(der) => {
                let private = EncodingKey::from_rsa_der(der.reveal());
                (private, Algorithm::RS256, KeyAlgorithm::RS256)
            }
        };
        let mut public = Jwk::from_encoding_key(&private, algorithm).ok()?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(named);
        Some(Self {
            private,
            public,
            algorithm,
        })
    }

    /// What the key is called: its thumbprint (RFC 7638).
    fn kid(&self) -> Option<String> {
        self.public.thumbprint(ThumbprintHash::SHA256).ok()
    }

    fn signed(&self, claims: &Value) -> Option<Secret> {
        let header = Header {
            kid: Some(self.kid()?),
            ..Header::new(self.algorithm)
        };
        encode(&header, claims, &self.private).ok().map(Secret::new)
    }
}

fn p256(scalar: &SecretBytes) -> Option<EncodingKey> {
    let scalar = scalar.reveal();
    let public = PrivateKey::from_private_key(&ECDH_P256, scalar).ok()?;
    let public = public.compute_public_key().ok()?;
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public.as_ref());
    Some(EncodingKey::from_ec_der(
        pair.ok()?.to_pkcs8v1().ok()?.as_ref(),
    ))
}

/// Whom an ID token of ours is about, however old it is and for whomever it was (OpenID Connect Core §3.1.2.1).
pub fn subject(ring: &Keyring, token: &str) -> Option<UserId> {
    let kid = decode_header(token).ok()?.kid?;
    let accepted = ring.all_accepted();
    let keys = accepted.iter().flat_map(|keys| Key::all_of_id_tokens(keys));
    let is_named = |pair: &Pair| pair.kid().as_ref() == Some(&kid);
    let pair = keys.filter_map(Pair::of).find(is_named)?;
    let mut validation = Validation::new(pair.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_jwk(&pair.public).ok()?;
    let said: Value = decode(token, &key, &validation).ok()?.claims;
    UserId::parse(said["sub"].as_str()?).ok()
}

/// The public halves of what these epochs sign with, for whoever verifies.
pub fn encode_jwks<'a>(epochs: impl IntoIterator<Item = &'a Arc<EpochKeys>>) -> Response<Bytes> {
    let keys = epochs.into_iter().flat_map(|keys| {
        let web_identity = [Key::P256(&keys.web_identity)].into_iter();
        web_identity.chain(Key::all_of_id_tokens(keys))
    });
    let public = keys.filter_map(|key| {
        let pair = Pair::of(key)?;
        let mut public = pair.public.clone();
        public.common.key_id = pair.kid();
        serde_json::to_value(public).ok()
    });
    let keys: Vec<Value> = public.collect();
    answer::public(&json!({ "keys": keys }))
}

/// Every claim that a token of ours may have.
pub(crate) const CLAIMS: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "jti",
    "auth_time",
    "amr",
    "nonce",
    "name",
    "preferred_username",
    "email",
    "email_verified",
    "groups",
    SOURCE_IDENTITY,
    TAGS,
];
