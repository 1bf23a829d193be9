//! A device authorization (RFC 8628): pending, then approved or denied, then redeemed.

use crate::{
    client::Dialect,
    id::{ClientRef, DeviceId, SessionId, UserId},
    scope::ScopeSet,
    time::{Lifetime, Timestamp},
};

/// How long a redeemed code may be redeemed again by its client, as long as the session it made
/// is untouched: the answer may have been lost (DEV-15).
pub const REDELIVERY: Lifetime = Lifetime::seconds(60);

/// What is true of a device authorization in every state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// Its id, the one inside the device code.
    pub id: DeviceId,
    /// The client that asked.
    pub client: ClientRef,
    /// What that client calls itself.
    pub client_name: String,
    /// The dialect the client registered in.
    pub dialect: Dialect,
    /// What it asks for.
    pub scopes: ScopeSet,
    /// The address that asked, shown to the person who decides.
    pub requester_address: String,
    /// The `User-Agent` that asked.
    pub requester_agent: Option<String>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When the codes end.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: DeviceState,
}

/// What became of a device authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has decided.
    Pending,
    /// A person said yes.
    Approved(Decision),
    /// A person said no.
    Denied(Decision),
    /// The client has its session.
    Redeemed {
        /// Who had said yes.
        approved: Decision,
        /// The one session that came of it.
        session_id: SessionId,
        /// When.
        at: Timestamp,
    },
}

/// Who decided, when, and under which proof of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The person.
    pub user_id: UserId,
    /// When they decided.
    pub at: Timestamp,
    /// When they had proved who they are.
    pub auth_time: Timestamp,
    /// Their epoch at that moment; a raised one voids the decision (DEV-16).
    pub user_epoch: i64,
}

/// What a poll with the right client is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Nobody has decided yet.
    Pending,
    /// A person said no.
    Denied,
    /// Too late.
    Expired,
    /// Begin the session.
    Redeem(Decision),
    /// Answer the session that this code made once more, if it is untouched.
    Redeliver(SessionId),
    /// Used up.
    Spent,
}

impl DeviceAuthorization {
    /// Judges a poll at `now`. A decision outlives its code only as `Expired` (DEV-10).
    pub fn poll(&self, now: Timestamp) -> Poll {
        match self.state {
            DeviceState::Redeemed { session_id, at, .. } => {
                if at.is_within(REDELIVERY, now) {
                    Poll::Redeliver(session_id)
                } else {
                    Poll::Spent
                }
            }
            _ if now >= self.expires_at => Poll::Expired,
            DeviceState::Pending => Poll::Pending,
            DeviceState::Denied(_) => Poll::Denied,
            DeviceState::Approved(decision) => Poll::Redeem(decision),
        }
    }

    /// Whether a person who typed the code may still decide: nobody has, and time remains.
    pub fn awaits_decision(&self, now: Timestamp) -> bool {
        self.state == DeviceState::Pending && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(state: DeviceState) -> DeviceAuthorization {
        DeviceAuthorization {
            id: DeviceId::from_bytes([1; 16]),
            client: ClientRef::from_bytes([2; 8]),
            client_name: "aws-cli".into(),
            dialect: Dialect::Aws,
            scopes: ScopeSet::default(),
            requester_address: "192.0.2.1".into(),
            requester_agent: None,
            created_at: Timestamp::from_epoch_seconds(0),
            expires_at: Timestamp::from_epoch_seconds(600),
            state,
        }
    }

    #[test]
    fn every_state_before_and_after_expiry() {
        let at = Timestamp::from_epoch_seconds;
        let by = Decision {
            user_id: UserId::from_bytes([3; 16]),
            at: at(10),
            auth_time: at(5),
            user_epoch: 0,
        };
        let session_id = SessionId::from_bytes([4; 16]);
        let redeemed = DeviceState::Redeemed {
            approved: by,
            session_id,
            at: at(580),
        };
        let rows = [
            (DeviceState::Pending, 599, Poll::Pending),
            (DeviceState::Pending, 600, Poll::Expired),
            (DeviceState::Denied(by), 599, Poll::Denied),
            (DeviceState::Denied(by), 600, Poll::Expired),
            (DeviceState::Approved(by), 599, Poll::Redeem(by)),
            (DeviceState::Approved(by), 600, Poll::Expired),
            (redeemed, 639, Poll::Redeliver(session_id)),
            (redeemed, 640, Poll::Spent),
        ];
        for (state, now, expected) in rows {
            assert_eq!(device(state).poll(at(now)), expected, "{state:?} at {now}");
        }
    }
}
