//! Redirect URIs: what is taken is kept as spelled and admits itself.
#![no_main]

use claviger_model::redirect_uri::RedirectUri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(uri) = RedirectUri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert!(uri.admits(&uri) && text.starts_with(uri.origin()));
    }
});
