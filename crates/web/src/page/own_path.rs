//! Where a person may be sent after the sign-in: pages of ours and nothing else (SGN-20).

/// Where to go when nothing better is known.
pub(crate) const DEFAULT: &str = "/start";

/// The pages that ask for a sign-in.
const PAGES: [&str; 5] = [
    DEFAULT,
    "/device",
    "/device/done",
    "/sessions",
    "/authorize",
];

/// `next` if it is one of our pages, with or without a query; otherwise [`DEFAULT`].
pub(crate) fn or_default(next: &str) -> &str {
    let (path, query) = next.split_once('?').unwrap_or((next, ""));
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#');
    if PAGES.contains(&path) && query.bytes().all(plain) {
        next
    } else {
        DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sgn_20_only_our_own_pages_are_next() {
        for own in [
            "/start",
            "/start?q=a%20b",
            "/device?user_code=BCDF-GHJK",
            "/authorize?a=b&c=%2F",
            "/sessions",
        ] {
            assert_eq!(or_default(own), own);
        }
        for foreign in [
            "",
            "//evil",
            "/\\evil",
            "/%09/evil",
            "https:evil",
            "https://evil.example/start",
            "/start/../evil",
            "/start#x",
            "/start?x\\y",
            "/start?a\r\nLocation: x",
            "/start?a b",
            "/start@evil",
            "start",
            "/sign-out",
            "/device/approve?user_code=BCDF-GHJK",
            "/START",
        ] {
            assert_eq!(or_default(foreign), DEFAULT, "{foreign:?}");
        }
    }
}
