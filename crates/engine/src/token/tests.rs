//! Every kind of token: what was made is read, and nothing else is.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use claviger_model::{
    client::{Authentication, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm},
    id::{ClientRef, CodeId, DeviceId, InstanceId, SessionId, UserId, WebSessionId},
    port::{entropy::Entropy, future::BoxFuture},
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    secret::{Secret, SecretBytes},
    time::Timestamp,
};
use claviger_store::{
    driver::Driver,
    error::Error,
    repository::keyring::{EpochRow, EpochState},
    statement::{Applied, Plan, Query},
    value::{Row, Value},
};
use proptest::prelude::*;

use super::{
    access::{self, AccessClaims},
    authorization_code, client_id,
    device_code::{self, DeviceCode},
    known_browser, page, refresh, transaction,
    transaction::Purpose,
    web_cookie,
};
use crate::keys::{
    file::{ClientRoot, KeyFile},
    ring::{Keyring, new_epoch},
};

/// Holds one row of the keyring and nothing else.
struct OneEpoch(EpochRow);

impl Driver for OneEpoch {
    fn fetch(&self, _: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let row = Row(vec![
            Value::from(self.0.epoch),
            Value::from(self.0.state.as_str()),
            Value::from(self.0.wrapped.clone()),
            Value::from(self.0.kek_id.clone()),
            Value::Null,
            Value::from(self.0.since),
        ]);
        Box::pin(std::future::ready(Ok(vec![row])))
    }

    fn apply(&self, _: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(std::future::ready(Err(Error::Unavailable(String::new()))))
    }

    fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The same byte over and over: two rings made of the same byte have the same roots.
struct Same(u8);

impl Entropy for Same {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn ring(instance: u8, roots: u8, epoch: u8) -> Keyring {
    let root = || SecretBytes::new([roots; 32]);
    let file = KeyFile {
        instance: InstanceId::from_bytes([instance; 16]),
        dev: false,
        kek_id: "kek".to_owned(),
        kek: root(),
        client_root: ClientRoot {
            epoch,
            root: root(),
        },
        previous_client_root: None,
    };
    let row = new_epoch(epoch, EpochState::Active, &file, &Same(roots), NOW);
    let driver = OneEpoch(row);
    let mut loading = pin!(Keyring::load(&driver, &file, NOW));
    match loading
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Ok(ring)) => ring,
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => panic!("the one row is there at once"),
    }
}

fn own_ring() -> Keyring {
    ring(1, 2, 3)
}

const NOW: Timestamp = Timestamp::from_epoch_seconds(1_800_000_000);
const LATER: Timestamp = Timestamp::from_epoch_seconds(1_800_003_600);
const SECRET: SecretBytes = SecretBytes::new([0x5e; 32]);
const PERSON: UserId = UserId::from_bytes([7; 16]);
const BROWSER: &[u8] = b"browser";

/// A kind of token: a live one of it, and whether a text is one.
struct Sample {
    name: &'static str,
    text: String,
    admits: fn(&Keyring, &str) -> bool,
}

fn metadata() -> ClientMetadata {
    ClientMetadata {
        name: ClientName::parse("aws-cli").expect("a name"),
        dialect: Dialect::Aws,
        authentication: Authentication::Secret,
        id_token_alg: SigningAlgorithm::Es256,
        grant_types: GrantType::REGISTRABLE.to_vec(),
        scopes: ScopeSet::parse_joined("sso:account:access").expect("scopes"),
        redirect_uris: vec![RedirectUri::parse("http://127.0.0.1/cb").expect("a URI")],
    }
}

fn own_client_id(ring: &Keyring) -> String {
    client_id::mint_id(ring, &metadata(), [9; 8], NOW, LATER).expect("it fits")
}

fn claims() -> AccessClaims {
    AccessClaims {
        session_id: SessionId::from_bytes([4; 16]),
        generation: 6,
        client: ClientRef::from_bytes([5; 8]),
        scope_mask: 1,
        expires_at: LATER,
    }
}

fn samples(ring: &Keyring) -> Vec<Sample> {
    let keys = ring.active();
    let id = own_client_id(ring);
    let device = DeviceCode {
        device_id: DeviceId::from_bytes([8; 16]),
        expires_at: LATER,
    };
    let of = |name, text: &Secret, admits| Sample {
        name,
        text: text.reveal().to_owned(),
        admits,
    };
    vec![
        of("client id", &Secret::from(id.as_str()), |ring, text| {
            client_id::read_id(ring, text).is_some()
        }),
        of(
            "client secret",
            &client_id::mint_secret(ring, &id),
            |ring, text| {
                client_id::admits_secret(ring, &own_client_id(&own_ring()), &Secret::from(text))
            },
        ),
        of(
            "access token",
            &access::mint(&keys, &SECRET, &claims()),
            |ring, text| access::read(ring, text).is_some_and(|token| token.belongs_to(&SECRET)),
        ),
        of(
            "refresh token",
            &refresh::mint(&keys, &SECRET, claims().session_id, 6),
            |ring, text| refresh::read(ring, text).is_some_and(|token| token.belongs_to(&SECRET)),
        ),
        of(
            "device code",
            &device_code::mint(&keys, device),
            |ring, text| device_code::read(ring, text).is_some(),
        ),
        of(
            "authorization code",
            &authorization_code::mint(&keys, CodeId::from_bytes([3; 16])),
            |ring, text| authorization_code::read(ring, text).is_some(),
        ),
        of(
            "web cookie",
            &web_cookie::mint(&keys, WebSessionId::from_bytes([2; 16])),
            |ring, text| web_cookie::read(ring, text).is_some(),
        ),
        of(
            "known browser",
            &known_browser::mint(&keys, PERSON, [1; 8], LATER),
            |ring, text| known_browser::admits(ring, text, PERSON, NOW),
        ),
        of(
            "transaction",
            &transaction::seal(&keys, [6; 24], Purpose::Consent, BROWSER, LATER, b"payload"),
            |ring, text| transaction::open(ring, Purpose::Consent, BROWSER, NOW, text).is_some(),
        ),
        of(
            "page token",
            &Secret::new(page::mint(&keys, PERSON, "accounts", "111122223333", LATER)),
            |ring, text| page::read(ring, PERSON, "accounts", NOW, text).is_some(),
        ),
    ]
}

/// Every text that is nearly `text`: cut, flipped, lengthened, padded, spaced, re-cased.
fn near_misses(text: &str) -> Vec<String> {
    let mut misses: Vec<String> = (0..text.len()).map(|end| text[..end].to_owned()).collect();
    for position in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        for bit in 0..7 {
            bytes[position] ^= 1 << bit;
            misses.extend(String::from_utf8(bytes.clone()));
            bytes[position] ^= 1 << bit;
        }
        let (before, after) = text.split_at(position);
        for between in [" ", "\n", "\0", "=", "%3D"] {
            misses.push(format!("{before}{between}{after}"));
        }
        misses.push(format!("{before}{}", &after[1..]));
    }
    for added in ["A", "=", "==", ".", " ", "\n", "-", "\u{301}", "AAAA", text] {
        misses.push(format!("{text}{added}"));
    }
    misses.push(text.to_uppercase());
    misses.push(text.to_lowercase());
    misses.push(text.chars().rev().collect());
    misses.push(format!("{text}{}", "A".repeat(5_000)));
    misses.retain(|miss| miss != text);
    misses
}

fn refuses_near_misses(name: &str) {
    let ring = own_ring();
    let samples = samples(&ring);
    let sample = samples
        .iter()
        .find(|sample| sample.name == name)
        .expect("a kind");
    assert!((sample.admits)(&ring, &sample.text), "the {name} itself");
    for miss in near_misses(&sample.text) {
        assert!(
            !(sample.admits)(&ring, &miss),
            "{name} {miss:?} for {:?}",
            sample.text
        );
    }
}

#[test]
fn ref_12_a_damaged_refresh_token_is_none() {
    refuses_near_misses("refresh token");
}

#[test]
fn acc_02_a_damaged_access_token_is_none() {
    refuses_near_misses("access token");
}

#[test]
fn reg_10_a_damaged_client_id_or_secret_is_none() {
    refuses_near_misses("client id");
    refuses_near_misses("client secret");
}

#[test]
fn dev_09_a_damaged_device_code_is_none() {
    refuses_near_misses("device code");
}

#[test]
fn every_other_damaged_token_is_none() {
    for name in [
        "authorization code",
        "web cookie",
        "known browser",
        "transaction",
        "page token",
    ] {
        refuses_near_misses(name);
    }
}

#[test]
fn tok_08_no_kind_passes_for_another_not_even_under_its_prefix() {
    let ring = own_ring();
    let samples = samples(&ring);
    for presented in &samples {
        for asked in &samples {
            let is_same = presented.name == asked.name;
            let admitted = (asked.admits)(&ring, &presented.text);
            assert_eq!(admitted, is_same, "{} as {}", presented.name, asked.name);
            let disguised = format!("{}{}", &asked.text[..5], &presented.text[5..]);
            let admitted = (asked.admits)(&ring, &disguised);
            assert_eq!(
                admitted, is_same,
                "{} disguised as {}",
                presented.name, asked.name
            );
        }
    }
}

#[test]
fn tok_09_tokens_of_another_instance_are_none_even_with_the_same_roots() {
    let own = own_ring();
    for (what, other) in [("instance", ring(9, 2, 3)), ("roots", ring(1, 9, 3))] {
        for (sample, own_sample) in samples(&other).iter().zip(samples(&own)) {
            assert!(
                !(sample.admits)(&own, &sample.text),
                "{} of another {what}",
                sample.name
            );
            assert!(
                !(sample.admits)(&other, &own_sample.text),
                "{} there",
                sample.name
            );
        }
    }
}

#[test]
fn acc_09_tokens_of_an_unknown_epoch_are_none() {
    let (own, other) = (own_ring(), ring(1, 2, 4));
    for sample in samples(&other) {
        assert!(!(sample.admits)(&own, &sample.text), "{}", sample.name);
    }
}

#[test]
fn the_second_lock_is_the_sessions_own() {
    let ring = own_ring();
    let keys = ring.active();
    let stranger = SecretBytes::new([0x5f; 32]);
    let access = access::mint(&keys, &SECRET, &claims());
    let access = access::read(&ring, access.reveal()).expect("the first lock holds");
    assert!(access.belongs_to(&SECRET) && !access.belongs_to(&stranger));
    let refresh = refresh::mint(&keys, &SECRET, claims().session_id, 6);
    let refresh = refresh::read(&ring, refresh.reveal()).expect("the first lock holds");
    assert!(refresh.belongs_to(&SECRET) && !refresh.belongs_to(&stranger));
}

#[test]
fn bound_tokens_open_only_for_what_they_are_bound_to() {
    let ring = own_ring();
    let keys = ring.active();
    let sealed = transaction::seal(&keys, [6; 24], Purpose::Consent, BROWSER, LATER, b"payload");
    let open = |purpose, browser, now| {
        transaction::open(&ring, purpose, browser, now, sealed.reveal()).is_some()
    };
    assert!(open(Purpose::Consent, BROWSER, NOW));
    assert!(!open(Purpose::SignIn, BROWSER, NOW) && !open(Purpose::Consent, b"other", NOW));
    assert!(!open(Purpose::Consent, BROWSER, LATER));
    let token = page::mint(&keys, PERSON, "accounts", "1", LATER);
    let stranger = UserId::from_bytes([8; 16]);
    let read = |person, list, now| page::read(&ring, person, list, now, &token);
    assert_eq!(read(PERSON, "accounts", NOW).as_deref(), Some("1"));
    assert_eq!(read(stranger, "accounts", NOW), None);
    assert_eq!(read(PERSON, "account", NOW), None);
    assert_eq!(read(PERSON, "accounts", LATER), None);
    let cookie = known_browser::mint(&keys, PERSON, [1; 8], LATER);
    let admits = |person, now| known_browser::admits(&ring, cookie.reveal(), person, now);
    assert!(admits(PERSON, NOW) && !admits(stranger, NOW) && !admits(PERSON, LATER));
}

#[test]
fn tokens_stay_within_their_sizes_and_alphabet() {
    for sample in samples(&own_ring()) {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(
            sample.text.chars().all(legal),
            "{}: {}",
            sample.name,
            sample.text
        );
        assert!(sample.text.len() <= 512, "{}", sample.name);
    }
}

proptest! {
    #[test]
    fn no_text_is_a_token_by_chance(text in "cv[a-z]1[.-][A-Za-z0-9_-]{0,200}|\\PC{0,300}") {
        let ring = own_ring();
        for sample in samples(&ring) {
            prop_assert!(!(sample.admits)(&ring, &text), "{}", sample.name);
        }
    }

    #[test]
    fn an_access_token_reads_back(
        sid: [u8; 16], generation: u32, cref: [u8; 8], scope_mask: u32, end in 0_i64..1 << 40,
    ) {
        let ring = own_ring();
        let claims = AccessClaims {
            session_id: SessionId::from_bytes(sid),
            generation,
            client: ClientRef::from_bytes(cref),
            scope_mask,
            expires_at: Timestamp::from_epoch_seconds(end),
        };
        let text = access::mint(&ring.active(), &SECRET, &claims);
        prop_assert_eq!(access::read(&ring, text.reveal()).map(|token| token.claims), Some(claims));
    }

    #[test]
    fn a_refresh_token_reads_back_and_is_the_only_one(sid: [u8; 16], generation: u32) {
        let ring = own_ring();
        let mint = |generation| {
            refresh::mint(&ring.active(), &SECRET, SessionId::from_bytes(sid), generation)
        };
        let text = mint(generation);
        prop_assert!(text == mint(generation));
        prop_assert!(text != mint(generation.wrapping_add(1)));
        let token = refresh::read(&ring, text.reveal());
        let read = token.map(|token| (*token.session_id.as_bytes(), token.generation));
        prop_assert_eq!(read, Some((sid, generation)));
    }

    #[test]
    fn a_client_id_reads_back(
        name in "[a-zA-Z0-9 äöü]{1,30}[a-z]",
        scopes in prop::collection::vec("[a-z]{1,9}:[a-z]{1,9}", 0..8),
        ports in prop::collection::vec(1_u16.., 0..5),
        nonce: [u8; 8],
        authentication in prop::sample::select(vec![Authentication::Secret, Authentication::None]),
        id_token_alg in prop::sample::select(vec![SigningAlgorithm::Es256, SigningAlgorithm::Rs256]),
    ) {
        let ring = own_ring();
        let uri = |port: &u16| RedirectUri::parse(&format!("http://127.0.0.1:{port}/cb"));
        let metadata = ClientMetadata {
            name: ClientName::parse(&name).expect("a name"),
            dialect: Dialect::Oauth,
            authentication,
            id_token_alg,
            grant_types: vec![GrantType::DeviceCode],
            scopes: ScopeSet::parse(scopes.iter().map(String::as_str)).expect("scopes"),
            redirect_uris: ports.iter().map(uri).collect::<Result<_, _>>().expect("URIs"),
        };
        let id = client_id::mint_id(&ring, &metadata, nonce, NOW, LATER).expect("it fits");
        let client = client_id::read_id(&ring, &id).expect("it reads back");
        prop_assert_eq!(client.metadata, metadata);
        prop_assert_eq!((client.issued_at, client.expires_at), (NOW, LATER));
        prop_assert!(client_id::admits_secret(&ring, &id, &client_id::mint_secret(&ring, &id)));
    }

    #[test]
    fn a_transaction_opens_to_what_was_sealed(payload: Vec<u8>, nonce: [u8; 24]) {
        let ring = own_ring();
        let sealed =
            transaction::seal(&ring.active(), nonce, Purpose::SignIn, BROWSER, LATER, &payload);
        let opened = transaction::open(&ring, Purpose::SignIn, BROWSER, NOW, sealed.reveal());
        prop_assert_eq!(opened, Some(payload));
    }
}
