//! Spans of time as people write them: `90d`, `8h`, `10m`, `60s`.

use claviger_model::time::Lifetime;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A span read from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Lifetime);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| {
            D::Error::custom("must be a whole number with a unit, such as 60s, 10m, 8h or 90d")
        })
    }
}

/// Reads a span of whole seconds, minutes, hours or days, up to 136 years.
pub(crate) fn parse(text: &str) -> Option<Lifetime> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = digits.parse().ok().filter(|_| plain)?;
    number.checked_mul(seconds).map(Lifetime::seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_number_and_a_unit() {
        assert_eq!(parse("60s"), Some(Lifetime::minutes(1)));
        assert_eq!(parse("8h"), Some(Lifetime::hours(8)));
        assert_eq!(parse("90d"), Some(Lifetime::days(90)));
        for bad in [
            "",
            "s",
            "60",
            "-1s",
            "+1s",
            "1.5h",
            "1 h",
            "99999999d",
            "1w",
            "é",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
