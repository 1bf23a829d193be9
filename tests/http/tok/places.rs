//! Where tokens can be presented, in both dialects and at the pages, and what is said to those that do not belong there.

use claviger_tests::{
    aws::{Aws, Client, Code, DEVICE_CODE},
    browser::{Browser, form},
    html::Form,
    http::{Request, Response},
    oauth::{Oauth, Shown},
    pkce,
    seed::WIKI_SECRET,
    server::{REDIRECT_URI, password_of},
};
use serde_json::{Value, json};

use super::wallet::for_all;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A place.
pub(super) struct Place {
    pub(super) name: &'static str,
    /// The kinds that belong there.
    pub(super) takes: &'static [&'static str],
    /// The prefix by which those are told.
    pub(super) prefix: &'static str,
    no: No,
}

/// What is said there to all others.
#[derive(Clone, Copy)]
enum No {
    /// Status and exception of an AWS service.
    Aws(u16, &'static str),
    /// Status and code of the standard dialect.
    Oauth(u16, &'static str),
    /// 401 and a challenge for a bearer.
    Bearer,
    /// 200, and nothing.
    Nothing(&'static str),
    /// Back to the client with `invalid_request`.
    Back,
    /// Our own page with that status.
    Page(u16),
    /// The sign-in page.
    SignIn,
    /// On to where people sign in.
    Away,
}

const fn place(
    name: &'static str,
    takes: &'static [&'static str],
    prefix: &'static str,
    no: No,
) -> Place {
    Place {
        name,
        takes,
        prefix,
        no,
    }
}

const NO_CLIENT: No = No::Oauth(401, "invalid_client");
const NO_GRANT: No = No::Oauth(400, "invalid_grant");
const NO_AWS_CLIENT: No = No::Aws(401, "InvalidClientException");
const NO_AWS_GRANT: No = No::Aws(400, "InvalidGrantException");
const NO_SESSION: No = No::Aws(401, "UnauthorizedException");

/// All of them.
pub(super) const PLACES: [Place; 31] = [
    place("clientId", &["client id"], "cvc1.", NO_AWS_CLIENT),
    place("clientSecret", &["client secret"], "cvs1.", NO_AWS_CLIENT),
    place("deviceCode", &["device code"], "cvd1.", NO_AWS_GRANT),
    place("refreshToken", &["refresh"], "cvr1.", NO_AWS_GRANT),
    place("code", &["authorization code"], "cvz1-", NO_AWS_GRANT),
    place("ListAccounts", &["access"], "cva1.", NO_SESSION),
    place("Logout", &["access"], "cva1.", NO_SESSION),
    place("Basic id", &["client id"], "cvc1.", NO_CLIENT),
    place("Basic secret", &["client secret"], "cvs1.", NO_CLIENT),
    place("client_id", &["client id"], "cvc1.", NO_CLIENT),
    place("client_secret", &["client secret"], "cvs1.", NO_CLIENT),
    place("a device's client_id", &["client id"], "cvc1.", NO_CLIENT),
    place("device_code", &["device code"], "cvd1.", NO_GRANT),
    place("refresh_token", &["refresh"], "cvr1.", NO_GRANT),
    place("a form's code", &["authorization code"], "cvz1-", NO_GRANT),
    place(
        "introspect",
        &["access"],
        "cva1.",
        No::Nothing(r#"{"active":false}"#),
    ),
    place("revoke", &["access", "refresh"], "cvr1.", No::Nothing("{}")),
    place("userinfo", &["access"], "cva1.", No::Bearer),
    place("an application's name", &[], "", NO_CLIENT),
    place("its secret", &["application's secret"], "", NO_CLIENT),
    place("its assertion", &[], "", NO_GRANT),
    place("its subject_token", &[], "cva1.", NO_GRANT),
    place("assertion", &[], "", NO_GRANT),
    place("/authorize", &["client id"], "cvc1.", No::Page(400)),
    place("id_token_hint", &["ID token"], "", No::Back),
    place("claviger_again", &["again"], "cvt1.", No::SignIn),
    place("request", &["consent"], "cvt1.", No::Page(400)),
    place("next", &["transaction"], "cvt1.", No::Page(400)),
    place("token", &["form token"], "", No::Page(403)),
    place("claviger_session", &["cookie"], "cvw1.", No::Away),
    place("claviger_browser", &[], "", No::Page(400)),
];

/// Who presents tokens at one server: a client of each dialect, and people.
pub(super) struct Bearer {
    pub(super) aws: Aws,
    pub(super) oauth: Oauth,
    of_aws: Client,
    of_oauth: Client,
    /// Nobody is signed in here.
    stranger: Browser,
    sign_in: Form,
    /// Somebody is here, whom this form asks for consent.
    person: Browser,
    consent: Form,
}

impl Bearer {
    /// Clients of that server, and a browser at which somebody is signed in.
    pub(super) async fn of(
        (aws, of_aws): (Aws, Client),
        (oauth, of_oauth): (Oauth, Client),
        mut stranger: Browser,
        mut person: Browser,
    ) -> Self {
        let page = stranger.get("/sign-in").await;
        let sign_in = form(&page, "/sign-in")
            .fill("user_name", "alice")
            .fill("password", password_of("alice"));
        let page = person.authorize(&for_all(&of_oauth)).await;
        let consent = form(&page, "/authorize").press("Allow");
        Self {
            aws,
            oauth,
            of_aws,
            of_oauth,
            stranger,
            sign_in,
            person,
            consent,
        }
    }

    /// That `token` is nothing there.
    pub(super) async fn is_refused(&self, place: &Place, kind: &str, token: &str) {
        let answer = self.present(place, token).await;
        let told = format!("{kind} as {}", place.name);
        let status = answer.status.as_u16();
        let expected = match place.no {
            No::Aws(status, exception) => {
                let own = answer.header("x-amzn-errortype");
                assert_eq!(own, Some(exception), "{told}: {answer}");
                status
            }
            No::Oauth(status, error) => {
                answer.assert_oauth_error(status, error);
                status
            }
            No::Bearer => {
                answer.assert_oauth_challenge(401, "invalid_token");
                401
            }
            No::Nothing(body) => {
                assert_eq!(answer.text(), body, "{told}");
                200
            }
            No::Back => {
                answer.assert_sent_back(REDIRECT_URI, "invalid_request");
                303
            }
            No::Page(status) => {
                let kind = answer.header("content-type").unwrap_or_default();
                assert!(kind.starts_with("text/html"), "{told}: {answer}");
                status
            }
            No::SignIn => {
                let asked = answer.text().contains("type=\"password\"");
                assert!(asked, "{told}: {answer}");
                200
            }
            No::Away => {
                let to = answer.header("location").unwrap_or_default();
                assert!(to.starts_with("/sign-in"), "{told}: {answer}");
                303
            }
        };
        assert_eq!(status, expected, "{told}: {answer}");
    }

    async fn present(&self, place: &Place, token: &str) -> Response {
        match place.no {
            No::Aws(..) => self.at_aws(place.name, token).await,
            No::Oauth(..) | No::Bearer | No::Nothing(_) => self.at_oauth(place.name, token).await,
            No::Back | No::Page(_) | No::SignIn | No::Away => {
                self.at_pages(place.name, token).await
            }
        }
    }

    async fn at_aws(&self, place: &str, token: &str) -> Response {
        let grant = async |body: Value| self.aws.create_token(self.of_aws.with(body)).await;
        let Client { id, secret } = &self.of_aws;
        let refreshing = json!({ "grantType": "refresh_token", "refreshToken": "x" });
        match place {
            "clientId" => {
                let body = client(token, secret).with(refreshing);
                self.aws.create_token(body).await
            }
            "clientSecret" => {
                let body = client(id, token).with(refreshing);
                self.aws.create_token(body).await
            }
            "deviceCode" => grant(json!({ "grantType": DEVICE_CODE, "deviceCode": token })).await,
            "refreshToken" => {
                grant(json!({ "grantType": "refresh_token", "refreshToken": token })).await
            }
            "code" => self.aws.redeem(&self.of_aws, &code(token)).await,
            "ListAccounts" => self.aws.list_accounts(token).await,
            "Logout" => self.aws.logout(token).await,
            other => panic!("{other} is no place"),
        }
    }

    async fn at_oauth(&self, place: &str, token: &str) -> Response {
        let (oauth, own) = (&self.oauth, &self.of_oauth);
        let refreshing = async |client: &Client, shown| {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
            oauth.post_as("/token", client, shown, &fields).await
        };
        match place {
            "Basic id" => refreshing(&client(token, &own.secret), Shown::Basic).await,
            "Basic secret" => refreshing(&client(&own.id, token), Shown::Basic).await,
            "client_id" => refreshing(&client(token, &own.secret), Shown::Post).await,
            "client_secret" => refreshing(&client(&own.id, token), Shown::Post).await,
            "a device's client_id" => {
                let who = client(token, &own.secret);
                oauth.ask("/device_authorization", &who, &[]).await
            }
            "device_code" => {
                let fields = [("grant_type", DEVICE_CODE), ("device_code", token)];
                oauth.ask("/token", own, &fields).await
            }
            "refresh_token" => oauth.refresh(own, token).await,
            "a form's code" => oauth.redeem(own, &code(token)).await,
            "introspect" => oauth.introspect(own, token).await,
            "revoke" => oauth.revoke(own, token).await,
            "userinfo" => {
                let request = Request::get("/userinfo");
                let request = request.header("Authorization", format!("Bearer {token}"));
                oauth.send(request).await
            }
            other => self.as_application(other, token).await,
        }
    }

    /// Where the wiki of the seed presents tokens, and a workload.
    async fn as_application(&self, place: &str, token: &str) -> Response {
        let oauth = &self.oauth;
        let wiki = client("wiki", WIKI_SECRET);
        let itself = [("grant_type", "client_credentials")];
        let asserting = [("grant_type", JWT_BEARER), ("assertion", token)];
        let exchanging = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        match place {
            "an application's name" => {
                let who = client(token, WIKI_SECRET);
                oauth.ask("/token", &who, &itself).await
            }
            "its secret" => oauth.ask("/token", &client("wiki", token), &itself).await,
            "its assertion" => oauth.ask("/token", &wiki, &asserting).await,
            "its subject_token" => oauth.ask("/token", &wiki, &exchanging).await,
            "assertion" => oauth.post("/token", &asserting).await,
            other => panic!("{other} is no place"),
        }
    }

    async fn at_pages(&self, place: &str, token: &str) -> Response {
        let (mut stranger, mut person) = (self.stranger.clone(), self.person.clone());
        let mut asked = for_all(&self.of_oauth);
        match place {
            "/authorize" => {
                asked.retain(|(name, _)| name != "client_id");
                asked.push(("client_id".to_owned(), token.to_owned()));
                person.authorize(&asked).await
            }
            "id_token_hint" => {
                asked.push((place.to_owned(), token.to_owned()));
                person.authorize(&asked).await
            }
            "claviger_again" => {
                asked.push(("prompt".to_owned(), "login".to_owned()));
                asked.push((place.to_owned(), token.to_owned()));
                person.authorize(&asked).await
            }
            "request" | "token" => {
                person
                    .submit(&self.consent.clone().fill(place, token))
                    .await
            }
            "next" => {
                stranger
                    .submit(&self.sign_in.clone().fill(place, token))
                    .await
            }
            "claviger_session" => {
                stranger.set_cookie(place, token);
                stranger.get("/sessions").await
            }
            "claviger_browser" => {
                stranger.set_cookie(place, token);
                stranger.submit(&self.sign_in).await
            }
            other => panic!("{other} is no place"),
        }
    }
}

fn client(id: &str, secret: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret: secret.to_owned(),
    }
}

fn code(token: &str) -> Code {
    Code {
        code: token.to_owned(),
        redirect_uri: REDIRECT_URI.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    }
}
