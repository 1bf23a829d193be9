//! One request by a person's browser: who it is, whether its form is ours.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{FromRequestParts, rejection::ExtensionRejection},
};
use bytes::Bytes;
use claviger_engine::{
    context::Context,
    sign_in::BrowserId,
    web_session::{self, SignedIn},
};
use claviger_model::network::Requester;
use claviger_wire::{
    media_type::{self, MediaType},
    query::Parameters,
};
use http::{HeaderMap, Response, Uri, header, request::Parts};

use super::{
    error::{Answer, Stop, finish},
    own_path,
};
use crate::{
    app::App,
    cookie::{self, Cookie},
};

/// A request and what is needed to answer it.
pub(crate) struct Visit {
    /// The app.
    pub(crate) app: Arc<App>,
    /// Who sent it.
    pub(crate) requester: Requester,
    headers: HeaderMap,
    uri: Uri,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let Extension(requester) = Extension::from_request_parts(parts, app).await?;
        let (headers, uri) = (parts.headers.clone(), parts.uri.clone());
        Ok(Self {
            app: Arc::clone(app),
            requester,
            headers,
            uri,
        })
    }
}

impl Visit {
    /// The engine.
    pub(crate) fn context(&self) -> &Context {
        &self.app.context
    }

    /// Path and query as the browser sent them.
    pub(crate) fn target(&self) -> &str {
        self.uri
            .path_and_query()
            .map_or(own_path::DEFAULT, |target| target.as_str())
    }

    /// The raw query.
    pub(crate) fn raw_query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// A parameter of the query; a query that cannot be read has none (DEV-28).
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let parameters = Parameters::read(self.raw_query()).ok()?;
        parameters.get(name).map(ToOwned::to_owned)
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, cookie: Cookie) -> Option<String> {
        cookie.read(&self.headers, self.context().links.is_https())
    }

    /// The id of the browser, if it has one.
    pub(crate) fn browser(&self) -> Option<BrowserId> {
        cookie::decode_browser(&self.cookie(Cookie::Browser)?)
    }

    /// The person who is signed in, if anybody.
    pub(crate) async fn person(&self) -> Result<Option<SignedIn>, Stop> {
        match self.cookie(Cookie::Session) {
            None => Ok(None),
            Some(cookie) => Ok(web_session::current(self.context(), &cookie).await?),
        }
    }

    /// The person who is signed in; strangers sign in first and go on at `next`.
    pub(crate) async fn signed_in(&self, next: &str) -> Result<SignedIn, Stop> {
        self.person()
            .await?
            .ok_or_else(|| Stop::SignIn(next.to_owned()))
    }

    /// The form in `body`, if this site sent it.
    pub(crate) fn form(&self, body: &Bytes) -> Result<Parameters, Stop> {
        if !is_own(&self.headers, self.context().links.issuer()) {
            return Err(Stop::Foreign);
        }
        if media_type::of(&self.headers) != MediaType::Form {
            return Err(Stop::NotAForm);
        }
        let text = std::str::from_utf8(body).map_err(|_| Stop::NotAForm)?;
        Ok(Parameters::read(text)?)
    }

    /// The form in `body`, if this site sent it and it is one of this very sign-in (DEV-18).
    pub(crate) async fn signed_form(
        &self,
        body: &Bytes,
        next: &str,
    ) -> Result<(SignedIn, Parameters), Stop> {
        let form = self.form(body)?;
        let signed_in = self.signed_in(next).await?;
        let token = form.get("token").unwrap_or_default();
        if web_session::admits_form(self.context(), &signed_in, token) {
            Ok((signed_in, form))
        } else {
            Err(Stop::Stale)
        }
    }

    /// The response to an answer.
    pub(crate) fn finish(&self, answer: Answer) -> Response<Body> {
        finish(&self.app, answer)
    }
}

/// Whether a POST comes from a page of `origin`, by what browsers say about it. Programs say
/// nothing; for them the form's own token decides.
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let all = |name: &str, good: &[&str]| {
        headers
            .get_all(name)
            .iter()
            .all(|value| good.iter().any(|good| value == good))
    };
    all(header::ORIGIN.as_str(), &[origin]) && all("sec-fetch-site", &["same-origin", "none"])
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn sgn_17_only_our_own_pages_send_forms() {
        let own = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            is_own(&headers.collect(), "https://sso.example.org")
        };
        assert!(own(&[]));
        assert!(own(&[
            ("origin", "https://sso.example.org"),
            ("sec-fetch-site", "same-origin")
        ]));
        for foreign in [
            [("origin", "null"), ("sec-fetch-site", "same-origin")],
            [
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            [
                ("origin", "http://sso.example.org"),
                ("sec-fetch-site", "same-origin"),
            ],
            [
                ("origin", "https://sso.example.org:444"),
                ("sec-fetch-site", "same-origin"),
            ],
            [
                ("origin", "https://sso.example.org"),
                ("sec-fetch-site", "same-site"),
            ],
            [
                ("origin", "https://sso.example.org"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(!own(&foreign), "{foreign:?}");
        }
    }
}
