//! Cookies: their names, attributes, and the strict reading of them (SGN-16).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};

/// The cookies there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Who is signed in at this browser.
    Session,
    /// Which browser a form was shown to.
    Browser,
    /// That a person signed in here before.
    Known,
}

impl Cookie {
    const fn base(self) -> &'static str {
        match self {
            Self::Session => "claviger_session",
            Self::Browser => "claviger_browser",
            Self::Known => "claviger_known",
        }
    }

    /// `__Host-` pins a cookie to this very host over TLS; plain http exists on loopback only,
    /// where some browsers drop Secure cookies (SETTLED).
    fn name(self, https: bool) -> String {
        format!("{}{}", if https { "__Host-" } else { "" }, self.base())
    }

    /// The cookie's value; two of one name are none. Neighbours of our host set cookies beside
    /// ours, in letters of their own: they are passed over one by one.
    pub(crate) fn read(self, headers: &HeaderMap, https: bool) -> Option<String> {
        let name = self.name(https);
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| {
                let pair = String::from_utf8_lossy(pair);
                let (own, value) = pair.trim().split_once('=')?;
                (own == name).then(|| value.to_owned())
            });
        let first = values.next();
        if values.next().is_some() { None } else { first }
    }

    /// The header that sets it, for `max_age` seconds or until the browser closes.
    pub(crate) fn set(self, value: &str, max_age: Option<u32>, https: bool) -> HeaderValue {
        let secure = if https { "; Secure" } else { "" };
        let age = max_age.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let text = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}",
            self.name(https)
        );
        // Names and values of ours are plain ASCII.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The header that removes it.
    pub(crate) fn clear(self, https: bool) -> HeaderValue {
        self.set("", Some(0), https)
    }
}

/// The spelling of a browser id.
pub(crate) fn encode_browser(id: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// Reads a browser id.
pub(crate) fn decode_browser(text: &str) -> Option<[u8; 16]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sgn_16_attributes_are_strict_and_two_cookies_are_none() {
        let set = Cookie::Session.set("v", None, true);
        assert_eq!(
            set.to_str().expect("text"),
            "__Host-claviger_session=v; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(
            !Cookie::Session
                .set("v", None, false)
                .to_str()
                .expect("text")
                .contains("Secure")
        );
        let headers = |text: &'static str| {
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))])
        };
        let read = |text| Cookie::Session.read(&headers(text), true);
        assert_eq!(read("a=b; __Host-claviger_session=v"), Some("v".to_owned()));
        assert_eq!(
            read("__Host-claviger_session=v; __Host-claviger_session=w"),
            None
        );
        assert_eq!(read("claviger_session=v"), None);
    }
}
