//! One newtype for every identifier, so that two can never be swapped.

use crate::hex::Hex;

/// Why a text is no identifier of the wanted kind; safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {rule}")]
pub struct Malformed {
    /// What was read, for example `account id`.
    pub what: &'static str,
    /// The rule it broke, for example `must be 12 digits`.
    pub rule: &'static str,
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Wraps sixteen bytes drawn by the caller.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The sixteen bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Reads the 32 hexadecimal digits that `Display` writes.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                parse_hex(text)
                    .map(Self)
                    .ok_or(Malformed { what: $what, rule: "must be 32 hexadecimal digits" })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", Hex(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

random_id!(
    /// A grant's session: what a refresh token and its access tokens belong to.
    SessionId, "session id");
random_id!(
    /// A device authorization (RFC 8628).
    DeviceId, "device id");
random_id!(
    /// An authorization code's row.
    CodeId, "code id");
random_id!(
    /// A browser's sign-in.
    WebSessionId, "web session id");
random_id!(
    /// A person. Never reused, independent of the name.
    UserId, "user id");
random_id!(
    /// A group of people.
    GroupId, "group id");
random_id!(
    /// One installation: part of every key derivation, so that tokens of one instance mean
    /// nothing at another (TOK-09). Its first eight bytes make `ssoins-…`.
    InstanceId, "instance id");

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0_u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// First eight bytes of SHA-256 over the whole client id: how rows and tokens name a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientRef([u8; 8]);

impl ClientRef {
    /// Wraps eight bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The eight bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl std::fmt::Display for ClientRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

/// An AWS-style account number: exactly twelve ASCII digits, leading zeros kept (POR-03).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// Reads twelve ASCII digits.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                what: "account id",
                rule: "must be exactly 12 digits",
            })
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role's name as people and clients spell it: 1–64 of `[A-Za-z0-9_+=,.@-]` (IAM's alphabet),
/// compared exactly (POR-04, POR-05).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// Whether `text` is too long for a name or holds what could end one inside a URL, an ARN or
    /// a form: a request that asks for it is ill-formed (POR-04). Other text outside the alphabet
    /// only names a role that nobody has (POR-05).
    pub fn breaks_out(text: &str) -> bool {
        let delimits = |c: char| c.is_control() || "/:?#&\\".contains(c);
        text.chars().count() > 64 || text == ".." || text.contains(delimits)
    }

    /// Reads a name of IAM's alphabet.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) && text != ".." {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                what: "role name",
                rule: "must be 1 to 64 letters, digits or any of _+=,.@-",
            })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RoleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operator may call something in the configuration: 1–64 of `[a-z0-9-]`.
pub(crate) fn configured_name(what: &'static str, text: &str) -> Result<String, Malformed> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
        return Ok(text.to_owned());
    }
    Err(Malformed {
        what,
        rule: "must be 1 to 64 lower-case letters, digits or dashes",
    })
}

/// The name of a credential target in the configuration: 1–64 of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetName(String);

impl TargetName {
    /// Reads a lower-case name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        configured_name("target name", text).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `aws`: the target of a role that names none.
impl Default for TargetName {
    fn default() -> Self {
        Self("aws".to_owned())
    }
}

impl std::fmt::Display for TargetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_survive_display_and_parse() {
        let id = SessionId::from_bytes([0xab; 16]);
        assert_eq!(SessionId::parse(&id.to_string()), Ok(id));
        assert!(SessionId::parse("AB").is_err());
    }

    #[test]
    fn por_03_account_ids_are_twelve_ascii_digits() {
        assert!(AccountId::parse("000000000001").is_ok());
        for bad in [
            "",
            "11111111111",
            "1111111111111",
            "+11111111111",
            "١٢٣٤٥٦٧٨٩٠١٢",
            "1111 1111111",
        ] {
            assert!(AccountId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn por_04_role_names_hold_no_path_query_or_control_characters() {
        assert!(RoleName::parse("Power.User+ops@eu-1").is_ok());
        let long = "a".repeat(65);
        for bad in [
            "",
            "a/b",
            "a:b",
            "a?b",
            "a#b",
            "..",
            "a\nb",
            "a&Policy={}",
            "a b",
            long.as_str(),
        ] {
            assert!(RoleName::parse(bad).is_err(), "{bad}");
        }
    }
}
