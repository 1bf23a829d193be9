//! What all pages share: the frame around them and the headers that hold them (HDR-02).

use askama::Template;
use axum::body::Body;
use claviger_engine::web_session::SignedIn;
use claviger_model::{redirect_uri::RedirectUri, secret::Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::asset;
use crate::app::App;

/// What the template `frame.html` wants to know.
pub(crate) struct Frame {
    /// What the instance is called.
    pub(crate) title: String,
    /// Who is signed in.
    pub(crate) person: Option<Person>,
    /// The path of the page in the navigation, or nothing.
    pub(crate) here: &'static str,
}

/// A person, as a page names them.
pub(crate) struct Person {
    /// What the directory calls them.
    pub(crate) display_name: String,
    /// What they sign in as.
    pub(crate) name: String,
    /// What each form must carry.
    pub(crate) form_token: Secret,
}

impl Frame {
    /// For a page that knows nobody.
    pub(crate) fn anonymous(app: &App) -> Self {
        Self {
            title: app.title.clone(),
            person: None,
            here: "",
        }
    }

    /// For a page of a signed-in person.
    pub(crate) fn of(app: &App, signed_in: &SignedIn, here: &'static str) -> Self {
        let user = &signed_in.user;
        let person = Person {
            display_name: user.display_name.clone(),
            name: user.name.as_str().to_owned(),
            form_token: signed_in.form_token.clone(),
        };
        Self {
            title: app.title.clone(),
            person: Some(person),
            here,
        }
    }

    /// The navigation: path and name.
    pub(crate) const fn places() -> [(&'static str, &'static str); 3] {
        [
            ("/start", "Accounts"),
            ("/device", "Device"),
            ("/sessions", "Sessions"),
        ]
    }

    /// The token for forms; none for strangers, whose forms carry a sealed one of their own.
    pub(crate) fn form_token(&self) -> &str {
        self.person
            .as_ref()
            .map_or("", |person| person.form_token.reveal())
    }

    /// The style sheet's path.
    pub(crate) fn style() -> String {
        asset::STYLE.path()
    }

    /// The script's path.
    pub(crate) fn script() -> String {
        asset::SCRIPT.path()
    }

    /// The icon's path.
    pub(crate) fn icon() -> String {
        asset::ICON.path()
    }
}

/// Renders a page. `leads_to` is the validated address that its forms end up at, when it is one
/// of the authorize chain.
pub(crate) fn page(
    app: &App,
    status: StatusCode,
    template: &impl Template,
    leads_to: Option<&RedirectUri>,
) -> Response<Body> {
    // Rendering writes to a String: only a bug in a template could fail.
    let (status, text) = template.render().map_or_else(
        |error| {
            tracing::error!(%error, "a template failed");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something broke here. Try again.".to_owned(),
            )
        },
        |text| (status, text),
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    // Origins are ASCII of a checked alphabet.
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy(leads_to)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    harden(app, headers);
    response
}

/// 303, so that a POST becomes a GET (AUT-23).
pub(crate) fn see_other(app: &App, location: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // What we redirect to is ours or validated: header-safe ASCII.
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    harden(app, response.headers_mut());
    response
}

/// 303 to another site, which does not learn where the person came from (LEA-05).
pub(crate) fn leave(app: &App, location: &str) -> Response<Body> {
    let mut response = see_other(app, location);
    hide_referrer(response.headers_mut());
    response
}

/// For what leads off our origin.
pub(crate) fn hide_referrer(headers: &mut HeaderMap) {
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
}

fn harden(app: &App, headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: Chromium would send `Origin: null` with our own forms (SETTLED).
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// `[::1]` is no legal source; the way back to it is a page, not a redirect (SETTLED).
fn content_security_policy(leads_to: Option<&RedirectUri>) -> String {
    let origin = leads_to
        .filter(|uri| !uri.is_ipv6())
        .map_or(String::new(), |uri| format!(" {}", uri.origin()));
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
         form-action 'self'{origin}; frame-ancestors 'none'; base-uri 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hdr_02_forms_lead_home_or_to_the_one_validated_origin() {
        let policy = |uri: &str| {
            let uri = RedirectUri::parse(uri).expect("uri");
            content_security_policy(Some(&uri))
        };
        assert!(
            content_security_policy(None).contains("form-action 'self'; frame-ancestors 'none'")
        );
        assert!(
            policy("http://127.0.0.1:35747/cb")
                .contains("form-action 'self' http://127.0.0.1:35747;")
        );
        assert!(
            policy("https://app.example/cb").contains("form-action 'self' https://app.example;")
        );
        assert!(policy("http://[::1]:99/cb").contains("form-action 'self';"));
    }
}
