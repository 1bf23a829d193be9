//! How a person is to be asked (OpenID Connect Core §3.1.2.1), and the mark of one who was sent to sign in again.

use claviger_model::{
    id::ClientRef,
    secret::Secret,
    time::{Lifetime, Timestamp},
};

use crate::{
    context::Context,
    token::{
        encoding::{Reader, Writer},
        transaction::{self, Purpose},
    },
};

/// How a person is to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// `prompt=none`: nothing may be shown.
    pub silently: bool,
    /// `prompt=login`: they prove anew who they are.
    pub anew: bool,
    /// `prompt=consent` or `select_account`: they are asked, and told who they are, where that could be skipped.
    pub consent: bool,
    /// `max_age`: how long ago they may have proved it at most.
    pub max_age: Option<Lifetime>,
}

impl Asking {
    /// Reads `prompt` and `max_age`, or says what is wrong with them.
    pub(crate) fn read(prompt: Option<&str>, max_age: Option<&str>) -> Result<Self, &'static str> {
        let mut asking = Self::default();
        let prompts: Vec<&str> = prompt.iter().flat_map(|prompt| prompt.split(' ')).collect();
        for (position, prompt) in prompts.iter().enumerate() {
            if prompts.iter().take(position).any(|before| before == prompt) {
                return Err("prompt names something twice");
            }
            match *prompt {
                "none" if prompts.len() == 1 => asking.silently = true,
                "login" => asking.anew = true,
                "consent" | "select_account" => asking.consent = true,
                _ => {
                    return Err(
                        "prompt must be none alone, or some of login, consent and select_account",
                    );
                }
            }
        }
        if let Some(text) = max_age {
            if !text.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("max_age must be a number of seconds");
            }
            // Whoever may have proved it longer ago than a lifetime can say may have at any time.
            let seconds = text.parse().unwrap_or(u32::MAX);
            asking.max_age = Some(Lifetime::seconds(seconds));
        }
        Ok(asking)
    }

    /// Whether a sign-in at `auth_time` is enough at `now`; `since` is when they were sent to make one for this request.
    pub(crate) fn is_met(
        self,
        auth_time: Timestamp,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let is_recent = |age: Lifetime| now <= auth_time.plus(age);
        since.is_some_and(|since| since <= auth_time)
            || (!self.anew && self.max_age.is_none_or(is_recent))
    }

    /// Whether a sign-in that was is not enough in any case.
    pub(crate) const fn wants_proof(self) -> bool {
        self.anew || self.max_age.is_some()
    }
}

/// The mark of a request of that client whose person is sent to sign in now.
pub(crate) fn mark(context: &Context, client: ClientRef, now: Timestamp) -> Secret {
    transaction::seal(
        &context.keys.active(),
        context.draw(),
        Purpose::Again,
        client.as_bytes(),
        now.plus(context.policy.transaction_lifetime),
        &Writer::default().time(now).finish(),
    )
}

/// When that mark was made, if it is one for that client and not too old.
pub(crate) fn marked_at(
    context: &Context,
    client: ClientRef,
    mark: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    let bound_to = client.as_bytes();
    let payload = transaction::open(&context.keys, Purpose::Again, bound_to, now, mark)?;
    Reader(&payload).time()
}
