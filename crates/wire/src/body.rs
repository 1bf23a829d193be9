//! Strict reading of JSON objects: what two parsers could read differently is refused.

use std::{borrow::Cow, fmt};

use claviger_engine::error::{Kind, Refusal};
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
};

/// The longest request body, in bytes.
pub const LIMIT: usize = 65_536;

/// How deep a body may nest.
const DEPTH: usize = 8;

/// How many members or elements a body may hold in all.
const MEMBERS: usize = 64;

/// How many most calls have.
const USUAL: usize = 8;

/// A JSON value without numbers' digits: no member of ours is a number. Texts stay where the body has them.
enum Json<'a> {
    Null,
    False,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
    Other,
}

/// Names and values; so few that looking through them is the fastest way to find one.
type Object<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// The members of a request's JSON object; secrets and tokens are among them.
pub struct Members<'a>(Object<'a>);

/// Names alone (LEA-06).
impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

impl<'a> Members<'a> {
    /// Reads a body: one object, every member once, at most 8 deep and 64 members in all.
    pub fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        let malformed = |detail: String| {
            Kind::InvalidRequest
                .because("The body must be one JSON object with each member given once.")
                .detail(detail)
        };
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let mut left = MEMBERS;
        let seed = Seed {
            depth: DEPTH,
            left: &mut left,
        };
        let value = seed
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|error| malformed(format!("{:?} at {}", error.classify(), error.column())))?;
        match value {
            Json::Object(members) => Ok(Self(members)),
            _ => Err(malformed("not an object".to_owned())),
        }
    }

    /// A text member; absent, `null` and `""` are one (WIRE §2.1).
    pub fn text(&self, name: &str, longest: usize) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(text)) if text.is_empty() => Ok(None),
            Some(Json::Text(text)) if text.len() <= longest && !text.contains('\0') => {
                Ok(Some(text))
            }
            Some(_) => Err(wrong(name, "must be text of a sane length")),
        }
    }

    /// A text member that must be there; `missing` is the sentence for when it is not.
    pub fn required(
        &self,
        name: &str,
        longest: usize,
        missing: &'static str,
    ) -> Result<&str, Refusal> {
        self.text(name, longest)?.ok_or_else(|| {
            Kind::InvalidRequest
                .because(missing)
                .detail(format!("no {name}"))
        })
    }

    /// A list of texts; absent and `null` are no list. Empty texts in it are refused.
    pub fn texts(&self, name: &str, longest: usize) -> Result<Option<Vec<String>>, Refusal> {
        let list = match self.get(name) {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Text(text)) if text.is_empty() => return Ok(None),
            Some(Json::List(list)) => list,
            Some(_) => return Err(wrong(name, "must be a list of texts")),
        };
        let text = |item: &Json<'_>| match item {
            Json::Text(text) if (1..=longest).contains(&text.len()) && !text.contains('\0') => {
                Some(text.to_string())
            }
            _ => None,
        };
        let texts: Option<Vec<String>> = list.iter().map(text).collect();
        texts
            .map(Some)
            .ok_or_else(|| wrong(name, "must be a list of texts"))
    }

    /// Whether there is such a member, whatever it holds; `null`, `false` and `""` are nothing.
    pub fn has(&self, name: &str) -> bool {
        match self.get(name) {
            None | Some(Json::Null | Json::False) => false,
            Some(Json::Text(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }

    fn get(&self, name: &str) -> Option<&Json<'a>> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value)
    }
}

fn wrong(name: &str, rule: &str) -> Refusal {
    Kind::InvalidRequest
        .because(
            "A member of the body has the wrong type or length. Compare it with the documentation.",
        )
        .detail(format!("{name} {rule}"))
}

/// Reads a value while counting depth and members.
struct Seed<'a> {
    depth: usize,
    left: &'a mut usize,
}

impl Seed<'_> {
    fn inner<E: serde::de::Error>(&mut self) -> Result<Seed<'_>, E> {
        *self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| E::custom("too many members"))?;
        let depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Seed {
            depth,
            left: self.left,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json<'de>, E> {
        Ok(if truth { Json::Other } else { Json::False })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = list.next_element_seed(self.inner()?)? {
            out.push(item);
        }
        // The last look for an element counted one that was not there.
        *self.left += 1;
        Ok(Json::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut out = Object::with_capacity(USUAL);
        while let Some(Name(name)) = map.next_key()? {
            let value = map.next_value_seed(self.inner()?)?;
            if out.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom("a member is given twice"));
            }
            out.push((name, value));
        }
        Ok(Json::Object(out))
    }
}

/// The name of a member, where the body has it unless it is escaped there.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> bool {
        Members::read(body.as_bytes()).is_err()
    }

    #[test]
    fn htp_02_depth_and_number_of_members_are_bounded() {
        let nested = |depth: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(depth - 1),
                "]".repeat(depth - 1)
            )
        };
        assert!(!refused(&nested(8)) && refused(&nested(10)) && refused(&nested(60_000)));
        let wide = |count: usize| {
            let members: Vec<String> = (0..count).map(|n| format!("\"m{n}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(!refused(&wide(64)) && refused(&wide(65)) && refused("{\"a\":1e999}"));
    }

    #[test]
    fn htp_03_duplicate_members_are_refused_at_any_depth() {
        for body in [
            r#"{"a":"1","a":"2"}"#,
            r#"{"x":{"b":1,"b":1}}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert!(refused(body), "{body}");
        }
    }

    #[test]
    fn htp_04_broken_unicode_is_refused() {
        assert!(refused(r#"{"a":"\ud800"}"#) && refused("\u{feff}{}"));
        assert!(Members::read(b"{\"a\":\"\xff\"}").is_err());
        let nul = Members::read(br#"{"a":"x\u0000"}"#).expect("an object");
        assert!(nul.text("a", 10).is_err());
    }

    #[test]
    fn htp_05_wrong_types_are_refused_and_nothing_is_absent() {
        for body in ["", "[]", "null", "\"a\"", "{} {}", "{\"a\":1", "nonsense"] {
            assert!(refused(body), "{body}");
        }
        let members = Members::read(br#"{"n":1,"z":null,"e":"","l":["a",1],"t":"x"}"#).expect("ok");
        assert!(members.text("n", 9).is_err() && members.texts("l", 9).is_err());
        assert!(members.texts("t", 9).is_err() && members.text("l", 9).is_err());
        assert_eq!(members.text("z", 9), Ok(None));
        assert_eq!(members.text("e", 9), Ok(None));
        assert_eq!(members.text("missing", 9), Ok(None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Members::read(&bytes);
        }
    }
}
