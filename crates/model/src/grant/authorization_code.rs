//! An authorization code (RFC 6749 §4.1): issued, then redeemed once, or burned.

use crate::{
    client::Dialect,
    id::{ClientRef, CodeId, SessionId, UserId, WebSessionId},
    pkce::{CodeChallenge, CodeVerifier},
    scope::ScopeSet,
    time::Timestamp,
};

/// How many wrong redemptions burn a code (AUT-05).
pub const FAILURES_THAT_BURN: i64 = 5;

/// An authorization code as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Its id, the one inside the code.
    pub id: CodeId,
    /// The client it was made for.
    pub client: ClientRef,
    /// What that client calls itself.
    pub client_name: String,
    /// The dialect the client registered in.
    pub dialect: Dialect,
    /// The redirect URI of the authorization request, port and all.
    pub redirect_uri: String,
    /// The challenge that was sent, if any: one that was sent is always enforced.
    pub challenge: Option<CodeChallenge>,
    /// What was consented to.
    pub scopes: ScopeSet,
    /// Who consented.
    pub user_id: UserId,
    /// Their epoch at that moment.
    pub user_epoch: i64,
    /// The browser session they consented in.
    pub web_session_id: WebSessionId,
    /// When they had proved who they are.
    pub auth_time: Timestamp,
    /// What the client wants to find in its ID token.
    pub nonce: Option<String>,
    /// When the code ends: 60 s after it was made.
    pub expires_at: Timestamp,
    /// Wrong redemptions so far.
    pub failures: i64,
    /// The session it was redeemed for.
    pub redeemed: Option<SessionId>,
}

/// What a client presents with a code.
#[derive(Clone, Debug)]
pub struct Redemption<'a> {
    /// The authenticated client.
    pub client: ClientRef,
    /// Its `redirect_uri`.
    pub redirect_uri: &'a str,
    /// Its `code_verifier`, well-formed.
    pub verifier: Option<&'a CodeVerifier>,
}

/// What is to be done about a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeVerdict {
    /// Begin the session.
    Redeem,
    /// Refuse and change nothing: another client's, expired, burned, or a flawed replay (AUT-10).
    Refuse,
    /// Refuse and count a failure of the right client.
    Count,
    /// The verifier is missing where a challenge was sent: say so, and count it.
    CountMissingVerifier,
    /// A second, fully valid redemption: refuse and end the session (AUT-07).
    Replay(SessionId),
}

impl AuthorizationCode {
    /// Judges a redemption at `now`. Nothing that fails the ownership check has an effect (I3).
    pub fn judge(&self, presented: &Redemption<'_>, now: Timestamp) -> CodeVerdict {
        if presented.client != self.client {
            return CodeVerdict::Refuse;
        }
        let flaw = self.flaw(presented);
        match (self.redeemed, flaw) {
            (Some(session_id), None) => CodeVerdict::Replay(session_id),
            (Some(_), Some(_)) => CodeVerdict::Refuse,
            (None, _) if now >= self.expires_at || self.failures >= FAILURES_THAT_BURN => {
                CodeVerdict::Refuse
            }
            (None, Some(verdict)) => verdict,
            (None, None) => CodeVerdict::Redeem,
        }
    }

    fn flaw(&self, presented: &Redemption<'_>) -> Option<CodeVerdict> {
        if presented.redirect_uri != self.redirect_uri {
            return Some(CodeVerdict::Count);
        }
        match (&self.challenge, presented.verifier) {
            (None, None) => None,
            (Some(challenge), Some(verifier)) if challenge.matches(verifier) => None,
            (Some(_), None) => Some(CodeVerdict::CountMissingVerifier),
            (Some(_) | None, Some(_)) => Some(CodeVerdict::Count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn code() -> AuthorizationCode {
        AuthorizationCode {
            id: CodeId::from_bytes([1; 16]),
            client: ClientRef::from_bytes([2; 8]),
            client_name: "aws-cli".into(),
            dialect: Dialect::Aws,
            redirect_uri: "http://127.0.0.1:81/cb".into(),
            challenge: CodeChallenge::parse(CHALLENGE).ok(),
            scopes: ScopeSet::default(),
            user_id: UserId::from_bytes([3; 16]),
            user_epoch: 0,
            web_session_id: WebSessionId::from_bytes([4; 16]),
            auth_time: Timestamp::from_epoch_seconds(0),
            nonce: None,
            expires_at: Timestamp::from_epoch_seconds(60),
            failures: 0,
            redeemed: None,
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table: one entry a verdict")]
    fn the_verdicts_row_by_row() {
        let session = SessionId::from_bytes([9; 16]);
        let right = CodeVerifier::parse(RIGHT).expect("verifier");
        let wrong = CodeVerifier::parse(&"x".repeat(43)).expect("verifier");
        let spent = AuthorizationCode {
            redeemed: Some(session),
            ..code()
        };
        let burned = AuthorizationCode {
            failures: 5,
            ..code()
        };
        let bare = AuthorizationCode {
            challenge: None,
            ..code()
        };
        let (mine, theirs) = (ClientRef::from_bytes([2; 8]), ClientRef::from_bytes([7; 8]));
        let (uri, other_uri) = ("http://127.0.0.1:81/cb", "http://127.0.0.1:82/cb");
        let rows = [
            (
                "right",
                code(),
                mine,
                uri,
                Some(&right),
                59,
                CodeVerdict::Redeem,
            ),
            (
                "aut_04 absent verifier",
                code(),
                mine,
                uri,
                None,
                1,
                CodeVerdict::CountMissingVerifier,
            ),
            (
                "aut_05 wrong verifier",
                code(),
                mine,
                uri,
                Some(&wrong),
                1,
                CodeVerdict::Count,
            ),
            (
                "aut_05 burned",
                burned,
                mine,
                uri,
                Some(&right),
                1,
                CodeVerdict::Refuse,
            ),
            (
                "aut_06 other client",
                code(),
                theirs,
                uri,
                Some(&right),
                1,
                CodeVerdict::Refuse,
            ),
            (
                "aut_07 replay",
                spent.clone(),
                mine,
                uri,
                Some(&right),
                1,
                CodeVerdict::Replay(session),
            ),
            (
                "aut_09 late",
                code(),
                mine,
                uri,
                Some(&right),
                60,
                CodeVerdict::Refuse,
            ),
            (
                "aut_10 flawed replay",
                spent.clone(),
                mine,
                uri,
                Some(&wrong),
                1,
                CodeVerdict::Refuse,
            ),
            (
                "aut_10 replay elsewhere",
                spent.clone(),
                mine,
                other_uri,
                Some(&right),
                1,
                CodeVerdict::Refuse,
            ),
            (
                "aut_10 replay by another",
                spent,
                theirs,
                uri,
                Some(&right),
                1,
                CodeVerdict::Refuse,
            ),
            (
                "uri_07 other port",
                code(),
                mine,
                other_uri,
                Some(&right),
                1,
                CodeVerdict::Count,
            ),
            (
                "no challenge, no verifier",
                bare.clone(),
                mine,
                uri,
                None,
                1,
                CodeVerdict::Redeem,
            ),
            (
                "verifier without challenge",
                bare,
                mine,
                uri,
                Some(&right),
                1,
                CodeVerdict::Count,
            ),
        ];
        for (name, code, client, redirect_uri, verifier, now, expected) in rows {
            let presented = Redemption {
                client,
                redirect_uri,
                verifier,
            };
            let verdict = code.judge(&presented, Timestamp::from_epoch_seconds(now));
            assert_eq!(verdict, expected, "{name}");
        }
    }
}
