//! A browser: cookies, forms, and the headers that browsers add. It follows nothing by itself and
//! runs no script.

use std::collections::BTreeMap;

use crate::{
    aws::{self, Client, Code, Link},
    html::{self, Form},
    http::{Request, Response, encode_form, escape, parameter},
    pkce,
};

/// A browser with its cookies.
#[derive(Clone, Debug)]
pub struct Browser {
    link: Link,
    origin: String,
    cookies: BTreeMap<String, String>,
    from: Option<String>,
}

impl Browser {
    /// A browser without cookies, at `origin`.
    pub fn new(link: Link, origin: String) -> Self {
        Self {
            link,
            origin,
            cookies: BTreeMap::new(),
            from: None,
        }
    }

    /// The same browser as a trusted proxy would forward it; the server must trust 127.0.0.1.
    #[must_use]
    pub fn from(mut self, address: &str) -> Self {
        self.from = Some(address.to_owned());
        self
    }

    /// A cookie, by the end of its name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = self.cookies.iter().filter(|(own, _)| own.ends_with(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// Sets a cookie to any value, by its whole name.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// All cookies by their names.
    pub const fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Sends any request with the cookies and keeps those of the answer.
    pub async fn send(&mut self, request: Request) -> Response {
        let mut request = request.header("Accept", "text/html,application/xhtml+xml");
        if !self.cookies.is_empty() {
            let pairs = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            request = request.header("Cookie", pairs.collect::<Vec<_>>().join("; "));
        }
        if let Some(address) = &self.from {
            request = request.header("X-Forwarded-For", address);
        }
        let response = self.link.send(&request).await;
        self.keep_cookies(&response);
        response
    }

    /// Opens a page by its path, or by a link to this server.
    pub async fn get(&mut self, target: &str) -> Response {
        let target = target.strip_prefix(&self.origin).unwrap_or(target);
        self.send(Request::get(target).header("Sec-Fetch-Site", "same-origin"))
            .await
    }

    /// Opens the page that an answer redirects to.
    pub async fn follow(&mut self, response: &Response) -> Response {
        let target = response.header("location");
        let target = target
            .unwrap_or_else(|| panic!("no Location in\n{response}"))
            .to_owned();
        self.get(&target).await
    }

    /// Sends a form as it is filled in.
    pub async fn submit(&mut self, form: &Form) -> Response {
        for (_, value) in form
            .fields
            .iter()
            .filter(|(name, _)| is_password(form, name))
        {
            self.link.secrets.add(value);
        }
        if form.method == "get" {
            return self
                .get(&format!("{}?{}", form.action, encode_form(&form.fields)))
                .await;
        }
        let request = Request::post(&form.action)
            .header("Origin", &self.origin)
            .header("Sec-Fetch-Site", "same-origin")
            .form(&form.fields);
        self.send(request).await
    }

    /// Opens the sign-in page and sends its form.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Response {
        let page = self.get("/sign-in").await;
        self.sign_in_at(&page, name, password).await
    }

    /// Fills in the sign-in form of `page`.
    pub async fn sign_in_at(&mut self, page: &Response, name: &str, password: &str) -> Response {
        let form = form(page, "/sign-in")
            .fill_first("text", name)
            .fill_first("password", password);
        self.submit(&form).await
    }

    /// Types a user code into the device page: the page that asks for a decision.
    pub async fn look_up(&mut self, user_code: &str) -> Response {
        let page = self.get("/device").await;
        let form = form(&page, "/device").fill_first("text", user_code);
        self.submit(&form).await
    }

    /// Types a user code and approves it.
    pub async fn approve(&mut self, user_code: &str) -> Response {
        let page = self.look_up(user_code).await;
        self.submit(&form(&page, "/device/approve")).await
    }

    /// Types a user code and denies it.
    pub async fn deny(&mut self, user_code: &str) -> Response {
        let page = self.look_up(user_code).await;
        self.submit(&form(&page, "/device/deny")).await
    }

    /// Opens `/authorize` with a query.
    pub async fn authorize(&mut self, query: &[(String, String)]) -> Response {
        self.get(&format!("/authorize?{}", encode_form(query)))
            .await
    }

    /// Presses the button of the consent page that begins with `text`.
    pub async fn consent(&mut self, page: &Response, text: &str) -> Response {
        let forms = html::forms(page.text()).into_iter();
        let mut forms = forms.filter(|form| form.buttons.iter().any(|(own, _)| own.contains(text)));
        let form = forms
            .next()
            .unwrap_or_else(|| panic!("no button {text} in\n{page}"));
        self.submit(&form.press(text)).await
    }

    /// Allows `client` to act for whoever is signed in, and takes the code that comes back.
    pub async fn code_for(&mut self, client: &Client, redirect_uri: &str) -> Code {
        let query = aws::authorize_query(client, redirect_uri);
        let page = self.authorize(&query).await;
        let back = self.consent(&page, "Allow").await;
        let location = back
            .header("location")
            .unwrap_or_else(|| panic!("no way back in\n{back}"));
        self.link.secrets.add(pkce::VERIFIER);
        Code {
            code: parameter(location, "code").expect("a code"),
            redirect_uri: redirect_uri.to_owned(),
            verifier: pkce::VERIFIER.to_owned(),
        }
    }

    fn keep_cookies(&mut self, response: &Response) {
        for cookie in response.values("set-cookie") {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The form of a page that is sent to `action`, whatever query it adds.
#[track_caller]
pub fn form(page: &Response, action: &str) -> Form {
    let forms = html::forms(page.text());
    let found = forms
        .into_iter()
        .find(|form| form.action.split('?').next() == Some(action));
    found.unwrap_or_else(|| panic!("no form for {action} in\n{page}"))
}

/// A query parameter, encoded.
pub fn query(name: &str, value: &str) -> String {
    format!("{name}={}", escape(value))
}

fn is_password(form: &Form, name: &str) -> bool {
    form.inputs
        .iter()
        .any(|(own, kind)| own == name && kind == "password")
}
