//! The name under which a person acts at a target (POR-06).
//!
//! It stands in every log line of the target, so it stays readable; it is a join key of audits, so
//! no two people share one and one person keeps hers.

use claviger_model::{credentials::CredentialRequest, id::UserId};
use sha2::{Digest, Sha256};

/// STS accepts 2 to 64 characters.
const LENGTH: std::ops::RangeInclusive<usize> = 2..=64;
/// Stands between the readable part and the hash, and in no unchanged name: a name that holds it
/// counts as changed, so that nobody can be named like somebody else's altered name.
const SEPARATOR: char = '=';
/// Sixty-four bits: two people meet by chance after billions.
const HASH_DIGITS: usize = 16;

/// The role session name of the request: 2 to 64 of `[A-Za-z0-9_+=,.@-]`.
///
/// The user's name if STS takes it as it is; otherwise what can be read of it, an equals sign and
/// a hash of the user id.
pub fn session_name(request: &CredentialRequest) -> String {
    let name = request.user_name.as_str();
    let unchanged = LENGTH.contains(&name.len())
        && name
            .chars()
            .all(|character| legal(character) && character != SEPARATOR);
    if unchanged {
        return name.to_owned();
    }
    let readable: String = name
        .chars()
        .map(|character| if legal(character) { character } else { '_' })
        .take(LENGTH.end() - HASH_DIGITS - 1)
        .collect();
    format!("{readable}{SEPARATOR}{}", short_hash(request.user_id))
}

fn legal(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}

fn short_hash(user: UserId) -> String {
    let digest = Sha256::digest(user.as_bytes());
    let first = digest
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{first:0HASH_DIGITS$x}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use claviger_model::{
        id::{AccountId, RoleName, SessionId, TargetName},
        time::Lifetime,
    };
    use proptest::prelude::*;

    use super::*;

    fn named(user: u8, name: &str) -> String {
        session_name(&CredentialRequest {
            target: TargetName::parse("aws").unwrap(),
            account_id: AccountId::parse("111122223333").unwrap(),
            role_name: RoleName::parse("Developer").unwrap(),
            role_arn: "arn:aws:iam::111122223333:role/Developer".to_owned(),
            duration: Lifetime::hours(1),
            policy_arn: None,
            user_id: UserId::from_bytes([user; 16]),
            user_name: name.to_owned(),
            session_id: SessionId::from_bytes([1; 16]),
        })
    }

    fn taken_by_sts(name: &str) -> bool {
        LENGTH.contains(&name.len()) && name.chars().all(legal)
    }

    #[test]
    fn por_06_session_names_are_legal_distinct_and_stable() {
        let long = "n".repeat(200);
        let names = [
            "a b",
            "a_b",
            "a+b",
            &long,
            "a/b",
            "a\u{1f600}b",
            "",
            "x",
            "\u{e9}",
            "a=b",
            "x&DurationSeconds=43200&Policy={}",
        ];
        let mut seen = HashSet::new();
        for (user, name) in (1..).zip(names) {
            let given = named(user, name);
            assert!(taken_by_sts(&given), "{name}: {given}");
            assert_eq!(given, named(user, name));
            assert!(seen.insert(given), "{name}");
        }
        assert!(!seen.contains(&named(99, "a b")));
    }

    #[test]
    fn a_legal_name_stays_as_it_is() {
        assert_eq!(named(1, "alice"), "alice");
        assert_eq!(named(1, "a+b@example.org"), "a+b@example.org");
        assert_eq!(named(1, &"n".repeat(64)), "n".repeat(64));
    }

    #[test]
    fn a_changed_name_stays_readable() {
        let name = named(1, "Zoë Müller");
        assert!(name.starts_with("Zo__M_ller="), "{name}");
        assert_eq!(named(1, &"n".repeat(65)).len(), 64);
    }

    #[test]
    fn nobody_can_take_an_altered_name() {
        let altered = named(1, "a b");
        assert_ne!(named(2, &altered), altered);
    }

    proptest! {
        #[test]
        fn every_name_becomes_one_that_sts_takes(name in any::<String>(), user in any::<u8>()) {
            prop_assert!(taken_by_sts(&named(user, &name)));
        }

        #[test]
        fn two_people_never_share_a_name(a in "[ -~\u{e9}]{0,70}", b in "[ -~\u{e9}]{0,70}") {
            prop_assume!(a != b);
            prop_assert_ne!(named(1, &a), named(2, &b));
        }
    }
}
