//! Redirect URIs: literal comparison, loopback ports free (RFC 8252 §7.1, §7.3, RFC 9700 §2.1).
//!
//! Nothing here normalises: a URI is either spelled in the one accepted way or refused.

use crate::id::Malformed;

/// Where an authorization code is sent, exactly as the client spelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    origin_end: usize,
    port: Option<std::ops::Range<usize>>,
    kind: Kind,
}

/// Who is answered there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A listener on the person's own machine.
    Loopback,
    /// A site.
    Web,
    /// An application that the person's own system knows by the scheme (RFC 8252 §7.1).
    PrivateUse,
}

const MALFORMED: Malformed = Malformed {
    what: "redirect URI",
    rule: "must be http://127.0.0.1, http://[::1] or http://localhost with any port and path, \
           an https URI that the administrator allowed, or reverse.domain:/path",
};

impl RedirectUri {
    /// Reads `http://{127.0.0.1|[::1]|localhost}[:port][/path]`, `https://host[:port][/path]` or
    /// `reverse.domain:/path`. Whether an https origin or a private-use scheme is welcome is the caller's policy.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::read(text).ok_or(MALFORMED)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > 2048 || !text.bytes().all(is_uri_byte) {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        if scheme.contains('.') {
            return Self::of_private_use(text, scheme, rest);
        }
        let rest = rest.strip_prefix("//")?;
        let authority_length = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_length);
        let (host, port) = split_port(authority)?;
        let kind = match scheme {
            "http" if matches!(host, "127.0.0.1" | "[::1]" | "localhost") => Kind::Loopback,
            "https" if is_host_name(host) => Kind::Web,
            _ => return None,
        };
        let authority_start = scheme.len() + 3;
        let origin_end = authority_start + authority.len();
        let port = port.map(|_| authority_start + host.len()..origin_end);
        is_plain(path).then(|| Self {
            text: text.to_owned(),
            origin_end,
            port,
            kind,
        })
    }

    /// One slash and a path: what has an authority would be read in more than one way.
    fn of_private_use(text: &str, scheme: &str, path: &str) -> Option<Self> {
        let has_path = path.starts_with('/') && !path.starts_with("//");
        let legal =
            is_host_name(scheme) && scheme.starts_with(|first: char| first.is_ascii_lowercase());
        (has_path && legal && is_plain(path)).then(|| Self {
            text: text.to_owned(),
            origin_end: scheme.len() + 1,
            port: None,
            kind: Kind::PrivateUse,
        })
    }

    /// The URI as the client spelled it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, or a private-use scheme and its colon: a source for the `form-action` of a page.
    pub fn origin(&self) -> &str {
        self.text.get(..self.origin_end).unwrap_or_default()
    }

    /// Whether it leads to a listener on the person's own machine.
    pub const fn is_loopback(&self) -> bool {
        matches!(self.kind, Kind::Loopback)
    }

    /// Whether it leads to an application that the person's own system knows by the scheme.
    pub const fn is_of_private_use(&self) -> bool {
        matches!(self.kind, Kind::PrivateUse)
    }

    /// Whether it leads to the IPv6 loopback, which a Content-Security-Policy cannot name.
    pub fn is_ipv6(&self) -> bool {
        self.text.starts_with("http://[")
    }

    /// Whether `requested` may be used by a client that registered `self`: byte for byte the
    /// same, except that loopback URIs may differ in their port and an empty path equals `/`.
    pub fn admits(&self, requested: &Self) -> bool {
        if !self.is_loopback() {
            return self.text == requested.text;
        }
        requested.is_loopback() && self.without_port() == requested.without_port()
    }

    fn without_port(&self) -> (&str, &str) {
        let host_end = self
            .port
            .as_ref()
            .map_or(self.origin_end, |port| port.start);
        let host = self.text.get(..host_end).unwrap_or_default();
        match self.text.get(self.origin_end..) {
            None | Some("") => (host, "/"),
            Some(path) => (host, path),
        }
    }
}

/// A path that every reader reads alike.
fn is_plain(path: &str) -> bool {
    !path.split('/').any(|part| part == "." || part == "..")
        && !path.contains(['?', '#', ';', '*', '%', '\\'])
}

/// Splits `host:port`; a port is 1–65535 without sign or leading zero (URI-05).
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_length = match authority.strip_prefix('[') {
        Some(inner) => inner.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at_checked(host_length)?;
    if rest.is_empty() {
        return Some((host, None));
    }
    let digits = rest.strip_prefix(':')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let port: u16 = digits.parse().ok()?;
    (plain && port > 0).then_some((host, Some(port)))
}

/// A DNS name in lower case with at least one dot; no address literals.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_a_word = host
        .rsplit('.')
        .next()
        .is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()));
    host.len() <= 253 && host.contains('.') && host.split('.').all(label) && last_is_a_word
}

const fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).expect("a redirect URI")
    }

    #[test]
    fn reg_05_only_plain_loopback_or_https_uris_are_taken() {
        for good in [
            "http://127.0.0.1",
            "http://127.0.0.1/oauth/callback",
            "http://127.0.0.1:40123/oauth/callback",
            "http://[::1]:9/cb",
            "http://localhost:8080/",
            "https://app.example.org/cb",
            "com.example.app:/cb",
            "org.example.my-app:/",
        ] {
            assert!(RedirectUri::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://app.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc",
            "http://127.0.0.1/cb#f",
            "http://u@127.0.0.1/cb",
            "http://127.0.0.1/*",
            "http://127.0.0.1/../a",
            "http://127.0.0.1\\cb",
            "/cb",
            "",
            "http://127.0.0.1/cb?x=1",
            "app:/cb",
            "com.example.app:cb",
            "com.example.app://cb",
            "com.example.app:/../cb",
            "com.example.app:/cb?x=1",
            "com.example.app:/cb#f",
            "Com.example.app:/cb",
            "1.example.app:/cb",
            ".example:/cb",
            "com..example:/cb",
            "com.example_app:/cb",
            "com.example.app",
            "HTTP://127.0.0.1",
            "https://App.example/cb",
            "https://127.0.0.1/cb",
            "https://localhost/cb",
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn uri_01_an_https_uri_matches_only_itself() {
        let registered = uri("https://app.example/cb");
        assert!(registered.admits(&uri("https://app.example/cb")));
        for other in [
            "https://app.example/CB",
            "https://app.example/cb/",
            "https://app.example/cb?x",
            "https://app.example/c%62",
            "https://app.example/./cb",
            "https://app.example/x/../cb",
            "https://app.example/cb;a",
            "https://app.example:443/cb",
            "https://APP.example/cb",
            "https://app.example.evil/cb",
            "https://app.example@evil/cb",
        ] {
            assert!(
                !RedirectUri::parse(other).is_ok_and(|other| registered.admits(&other)),
                "{other}"
            );
        }
    }

    #[test]
    fn uri_01_a_private_use_uri_matches_only_itself() {
        let registered = uri("com.example.app:/cb");
        assert!(registered.is_of_private_use() && !registered.is_loopback());
        assert_eq!(registered.origin(), "com.example.app:");
        assert!(registered.admits(&registered));
        for other in [
            "com.example.app:/",
            "com.example.app:/cb/",
            "com.example.app2:/cb",
        ] {
            assert!(!registered.admits(&uri(other)), "{other}");
        }
    }

    #[test]
    fn uri_02_a_loopback_port_is_free() {
        for registered in [
            "http://127.0.0.1/oauth/callback",
            "http://127.0.0.1:40123/oauth/callback",
        ] {
            for port in [1, 49152, 65535] {
                let used = uri(&format!("http://127.0.0.1:{port}/oauth/callback"));
                assert!(uri(registered).admits(&used), "{registered} {port}");
            }
        }
        assert!(uri("http://127.0.0.1").admits(&uri("http://127.0.0.1:5/")));
    }

    #[test]
    fn uri_03_everything_else_of_a_loopback_uri_is_literal() {
        let registered = uri("http://127.0.0.1/oauth/callback");
        for other in [
            "http://127.0.0.1/other",
            "http://127.0.0.1/oauth/callback?x=1",
            "https://127.0.0.1/oauth/callback",
            "http://localhost/oauth/callback",
            "http://[::1]/oauth/callback",
            "http://127.0.0.2/oauth/callback",
            "http://127.0.0.1/oauth/callback/",
            "http://127.0.0.1/oauth",
        ] {
            assert!(
                !RedirectUri::parse(other).is_ok_and(|other| registered.admits(&other)),
                "{other}"
            );
        }
    }

    #[test]
    fn uri_04_and_05_odd_addresses_and_ports_are_refused() {
        for bad in [
            "http://127.1/cb",
            "http://2130706433/cb",
            "http://0x7f.0.0.1/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http://127.0.0.1./cb",
            "http://127.0.0.1%00/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:+80/cb",
            "http://[::1/cb",
            "http://[::1]x/cb",
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_origin_is_scheme_host_and_port() {
        assert_eq!(
            uri("http://127.0.0.1:81/cb").origin(),
            "http://127.0.0.1:81"
        );
        assert_eq!(
            uri("https://app.example.org/cb").origin(),
            "https://app.example.org"
        );
    }

    /// Texts near the edge: pieces of good and bad URIs in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "http",
            "https",
            "HTTP",
            "://",
            ":/",
            "//",
            "127.0.0.1",
            "[::1]",
            "localhost",
            "app.example",
            "evil.example",
            "127.1",
            "0x7f.1",
            "[::ffff:127.0.0.1]",
            ":",
            "0",
            "80",
            "65536",
            "/",
            "/cb",
            "@",
            "?",
            "#",
            "%2F",
            "%00",
            "..",
            ".",
            "\\",
            ";",
            "*",
            " ",
            "\t",
            "\n",
            "é",
            "u:p",
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn uri_04_whatever_is_taken_means_the_same_to_a_browser(
            text in prop_oneof![pieces(), ".{0,60}", "https?://[a-z0-9.\\[\\]:@/-]{0,40}"],
        ) {
            let Ok(uri) = RedirectUri::parse(&text) else { return Ok(()) };
            prop_assert_eq!(uri.as_str(), &text);
            prop_assert!(uri.admits(&uri));
            let browser = url::Url::parse(&text).expect("a browser can read it");
            prop_assert!(browser.username().is_empty() && browser.password().is_none());
            prop_assert!(browser.query().is_none() && browser.fragment().is_none());
            let host = browser.host_str().unwrap_or_default();
            let is_loopback = ["127.0.0.1", "[::1]", "localhost"].contains(&host);
            prop_assert_eq!(uri.is_loopback(), is_loopback);
            prop_assert_eq!(browser.scheme() == "http", is_loopback);
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            prop_assert!(rest.starts_with(host), "{} is not {}", rest, host);
        }

        #[test]
        fn uri_01_a_changed_https_uri_is_another_one(
            at in 0_usize..24, with in "[ -~]{0,2}", cut in 0_usize..2,
        ) {
            let registered = uri("https://app.example/oauth");
            let text = registered.as_str();
            let changed = format!("{}{with}{}", &text[..at], &text[at + cut..]);
            let admitted = RedirectUri::parse(&changed).is_ok_and(|uri| registered.admits(&uri));
            prop_assert_eq!(admitted, changed == text, "{}", changed);
        }

        #[test]
        fn uri_03_only_the_port_of_a_loopback_uri_is_free(
            at in 0_usize..19, with in "[ -~]{0,3}", cut in 0_usize..2,
        ) {
            let registered = uri("http://127.0.0.1/cb");
            let text = registered.as_str();
            let changed = format!("{}{with}{}", &text[..at], &text[at + cut..]);
            let port = changed
                .strip_prefix("http://127.0.0.1")
                .and_then(|rest| rest.strip_suffix("/cb"));
            let free = port.is_some_and(|port| {
                let digits = port.strip_prefix(':').unwrap_or_default();
                port.is_empty() || !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            });
            let admitted = RedirectUri::parse(&changed).is_ok_and(|uri| registered.admits(&uri));
            prop_assert!(!admitted || free, "{}", changed);
        }
    }
}
