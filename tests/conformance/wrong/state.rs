//! What the wrong server remembers.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use super::mutation::Mutation;

pub(super) const ACCOUNT_ACCESS: &str = "sso:account:access";

/// How long a token or code whose answer was lost may be sent again, in seconds.
pub(super) const GRACE: i64 = 60;

#[derive(Debug)]
pub(super) struct State {
    pub(super) url: String,
    mutation: Option<Mutation>,
    pub(super) ahead: i64,
    drawn: u64,
    pub(super) clients: HashMap<String, Client>,
    pub(super) devices: HashMap<String, Device>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) sessions: Vec<Session>,
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) grants: Vec<String>,
    pub(super) redirect_uris: Vec<String>,
    pub(super) scopes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    Approved,
    Denied,
    /// By which session, and when.
    Redeemed(usize, i64),
}

#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) client: String,
    pub(super) user_code: String,
    pub(super) began: i64,
    pub(super) polls: u32,
    pub(super) progress: Progress,
}

#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) session: Option<usize>,
}

/// A session with every token that it has had; the last refresh token is the current one.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    pub(super) access: Vec<String>,
    pub(super) refresh: Vec<String>,
    pub(super) rotated: i64,
    pub(super) access_is_dead: bool,
    pub(super) refresh_is_dead: bool,
}

impl State {
    pub(super) fn new(url: String, mutation: Option<Mutation>) -> Self {
        Self {
            url,
            mutation,
            ahead: 0,
            drawn: 0,
            clients: HashMap::new(),
            devices: HashMap::new(),
            codes: HashMap::new(),
            sessions: Vec::new(),
        }
    }

    /// Whether this switch is on.
    pub(super) fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Seconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "it is a server of its own")]
    pub(super) fn now(&self) -> i64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a time");
        i64::try_from(now.as_secs()).expect("a time") + self.ahead
    }

    /// A name that nobody else has.
    pub(super) fn draw(&mut self, kind: &str) -> String {
        self.drawn += 1;
        format!(
            "{kind}-{:016x}Z",
            self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )
    }

    /// A user code that no other device shows.
    pub(super) fn draw_user_code(&mut self) -> String {
        if self.is(Mutation::UserCodeRepeated) {
            return "BBBB-BBBB".to_owned();
        }
        self.drawn += 1;
        let letters = b"BCDFGHJKLMNPQRSTVWXZ";
        let mut rest = self.drawn;
        let mut code = String::new();
        for place in 0..8 {
            if place == 4 {
                code.push('-');
            }
            code.push(char::from(
                letters[usize::try_from(rest % 20).expect("small")],
            ));
            rest /= 20;
        }
        code
    }

    /// Begins a session of a client, or renews one: an access token, and a refresh token where the
    /// scopes have one.
    pub(super) fn begin(&mut self, client: &Client) -> usize {
        let mut session = Session {
            client: client.id.clone(),
            scopes: client.scopes.clone(),
            access: Vec::new(),
            refresh: Vec::new(),
            rotated: self.now(),
            access_is_dead: false,
            refresh_is_dead: false,
        };
        let has_refresh = client.scopes.iter().any(|scope| scope != "sso-portal:*");
        if has_refresh || self.is(Mutation::RefreshTokenWithoutScopes) {
            session.refresh.push(self.draw("refresh"));
        }
        self.sessions.push(session);
        self.sessions.len() - 1
    }

    /// A further access token of a session.
    pub(super) fn new_access(&mut self, session: usize) -> String {
        let mut token = self.draw("access");
        if self.is(Mutation::TokenWithComma) {
            token.push(',');
        }
        self.sessions[session].access.push(token.clone());
        token
    }

    /// Ends a session with all its tokens.
    pub(super) fn end(&mut self, session: usize) {
        self.sessions[session].access_is_dead = true;
        self.sessions[session].refresh_is_dead = true;
    }
}

/// Scopes as a list of a body has them.
pub(super) fn texts(body: &Map<String, Value>, name: &str) -> Vec<String> {
    let items = body
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    items
        .filter_map(Value::as_str)
        .map(ToOwned::to_owned)
        .collect()
}
