//! The user code of a device authorization (RFC 8628 §6.1).

/// Twenty letters without vowels: no words, no look-alikes with digits.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Eight letters of a twenty-letter alphabet, 34.6 bits; shown as `XXXX-XXXX`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCode([u8; 8]);

impl UserCode {
    /// How many random bytes [`UserCode::draw`] wants: enough that running out is out of reach.
    pub const ENTROPY: usize = 32;

    /// Makes a code of random bytes, uniformly: bytes of 240 and above are passed over, since 256
    /// is no multiple of 20. `None` when too few bytes remain (probability below 10⁻¹⁸).
    pub fn draw(random: &[u8; Self::ENTROPY]) -> Option<Self> {
        let mut letters = random
            .iter()
            .filter(|byte| **byte < 240)
            .filter_map(|byte| ALPHABET.get(usize::from(byte % 20)));
        let mut code = [0_u8; 8];
        for letter in &mut code {
            *letter = *letters.next()?;
        }
        Some(Self(code))
    }

    /// Reads what a person typed: ASCII case, spaces and hyphens do not matter, anything else
    /// makes it no code at all (DEV-02).
    pub fn parse(typed: &str) -> Option<Self> {
        let mut letters = typed.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| {
            u8::try_from(c.to_ascii_uppercase())
                .ok()
                .filter(|b| ALPHABET.contains(b))
        });
        let mut code = [0_u8; 8];
        for letter in &mut code {
            *letter = letters.next()??;
        }
        letters.next().is_none().then_some(Self(code))
    }

    /// The eight letters, the canonical form that is MAC'd for the store.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl std::fmt::Display for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, letter) in self.0.iter().enumerate() {
            let hyphen = if position == 4 { "-" } else { "" };
            write!(f, "{hyphen}{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dev_02_typing_habits_do_not_matter_look_alikes_do() {
        let code = UserCode::parse("BCDF-GHJK");
        assert!(code.is_some());
        for same in ["bcdf ghjk", "BCDFGHJK", " bcdf-ghjk "] {
            assert_eq!(UserCode::parse(same), code, "{same}");
        }
        for other in [
            "ＢCDFGHJK",
            "ВCDFGHJK",
            "BCDFGHJ",
            "BCDFGHJKL",
            "ACDFGHJK",
            "",
            "BCDF_GHJK",
        ] {
            assert_eq!(UserCode::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_drawn_code_reads_back(random: [u8; 32]) {
            if let Some(code) = UserCode::draw(&random) {
                prop_assert_eq!(UserCode::parse(&code.to_string()), Some(code));
            }
        }
    }
}
