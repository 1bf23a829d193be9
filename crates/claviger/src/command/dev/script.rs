//! The fault script: which calls of the API suffer what, how often.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use claviger_model::{port::clock::Clock, time::Timestamp};
use claviger_web::fault::{Exception, Fault, FaultScript};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::Problem;

/// The operations that a fault can befall; `*` stands for all of them.
pub(super) const OPERATIONS: [&str; 14] = [
    "RegisterClient",
    "StartDeviceAuthorization",
    "CreateToken",
    "CreateTokenWithIAM",
    "ListAccounts",
    "ListAccountRoles",
    "GetRoleCredentials",
    "Logout",
    "register",
    "device_authorization",
    "token",
    "introspect",
    "revoke",
    "userinfo",
];

const EVERY: &str = "*";

/// The longest delay: clients have given up by then.
const LONGEST_DELAY: u64 = 600_000;

/// One line of the script.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    operation: String,
    fault: Kind,
    /// How often it still happens; until cleared when left out.
    #[serde(default)]
    times: Option<u32>,
    /// Of a delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
    /// Of a short lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    SlowDown,
    TooManyRequests,
    Unavailable,
    MalformedBody,
    Delay,
    CutConnection,
    LostAnswer,
    ShortLifetime,
}

/// The script of one instance. Of several lines for one operation the oldest goes first.
pub(super) struct Script {
    clock: Arc<dyn Clock>,
    lines: Mutex<Vec<Line>>,
}

impl Script {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            lines: Mutex::default(),
        }
    }

    /// Adds a line.
    pub(super) fn add(&self, line: Line) -> Result<(), Problem> {
        line.check()?;
        self.lock().push(line);
        Ok(())
    }

    /// The lines that are left.
    pub(super) fn left(&self) -> Vec<Line> {
        self.lock().clone()
    }

    /// Clears the lines of one operation, or all.
    pub(super) fn clear(&self, operation: Option<&str>) -> Result<(), Problem> {
        operation.map_or(Ok(()), check_operation)?;
        self.lock()
            .retain(|line| operation.is_some_and(|named| line.operation != named));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_operation(operation: &str) -> Result<(), Problem> {
    if operation == EVERY || OPERATIONS.contains(&operation) {
        return Ok(());
    }
    Err(Problem::bad(format!(
        "there is no operation {operation:?}; name one of {}, or {EVERY} for all",
        OPERATIONS.join(", ")
    )))
}

impl Line {
    fn check(&self) -> Result<(), Problem> {
        check_operation(&self.operation)?;
        if self.times == Some(0) {
            return Err(Problem::bad(
                "times must be 1 or more; leave it out for \"until cleared\"",
            ));
        }
        let wants = |kind, given: bool, member, what| {
            if (self.fault == kind) == given {
                Ok(())
            } else {
                Err(Problem::bad(format!(
                    "{member} belongs to {what}, which needs it"
                )))
            }
        };
        wants(
            Kind::Delay,
            self.milliseconds.is_some(),
            "milliseconds",
            "the fault delay",
        )?;
        wants(
            Kind::ShortLifetime,
            self.seconds.is_some(),
            "seconds",
            "the fault short_lifetime",
        )?;
        if self.milliseconds.is_some_and(|long| long > LONGEST_DELAY) {
            return Err(Problem::bad(format!(
                "milliseconds must be at most {LONGEST_DELAY}"
            )));
        }
        Ok(())
    }

    fn befalls(&self, operation: &str) -> bool {
        self.operation == operation || self.operation == EVERY
    }

    fn fault(&self, operation: &'static str, now: Timestamp) -> Fault {
        let refuse =
            |fault, status, name, code| Fault::Refuse(fault, Exception { status, name, code });
        match self.fault {
            Kind::SlowDown => refuse("slow_down", 400, "SlowDownException", "slow_down"),
            Kind::TooManyRequests => {
                let fault = "too_many_requests";
                refuse(fault, 429, "TooManyRequestsException", "slow_down")
            }
            Kind::Unavailable => refuse(
                "unavailable",
                503,
                "InternalServerException",
                "server_error",
            ),
            Kind::Delay => {
                Fault::Delay(Duration::from_millis(self.milliseconds.unwrap_or_default()))
            }
            Kind::CutConnection => Fault::CutConnection,
            Kind::LostAnswer => Fault::LostAnswer,
            Kind::MalformedBody => Fault::Rewrite("malformed_body", Arc::new(break_off)),
            Kind::ShortLifetime => {
                let seconds = self.seconds.unwrap_or_default();
                Fault::Rewrite(
                    "short_lifetime",
                    Arc::new(move |body| shorten(operation, body, seconds, now)),
                )
            }
        }
    }
}

impl FaultScript for Script {
    fn next(&self, operation: &'static str) -> Option<Fault> {
        let mut lines = self.lock();
        let place = lines.iter().position(|line| line.befalls(operation))?;
        let line = lines.get_mut(place)?;
        let fault = line.fault(operation, self.clock.now());
        if let Some(times) = &mut line.times {
            *times -= 1;
            if *times == 0 {
                lines.remove(place);
            }
        }
        Some(fault)
    }
}

/// The first half of a body: no JSON any more.
fn break_off(body: &Bytes) -> Bytes {
    body.slice(..body.len() / 2)
}

/// Says that what is handed out ends in `seconds`. The server itself goes on taking it.
fn shorten(operation: &str, body: &Bytes, seconds: u32, now: Timestamp) -> Bytes {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else {
        return body.clone();
    };
    let end = now.epoch_seconds().saturating_add(i64::from(seconds));
    let (path, value) = match operation {
        "RegisterClient" => ("/clientSecretExpiresAt", json!(end)),
        "GetRoleCredentials" => (
            "/roleCredentials/expiration",
            json!(end.saturating_mul(1000)),
        ),
        "register" => ("/client_secret_expires_at", json!(end)),
        "token" | "device_authorization" => ("/expires_in", json!(seconds)),
        _ => ("/expiresIn", json!(seconds)),
    };
    if let Some(member) = answer.pointer_mut(path) {
        *member = value;
    }
    Bytes::from(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::clock::SystemClock;

    fn line(text: &str) -> Line {
        serde_json::from_str(text).expect("a line")
    }

    #[test]
    fn a_line_happens_as_often_as_it_says_and_the_oldest_goes_first() {
        let script = Script::new(Arc::new(SystemClock));
        let add = |text| script.add(line(text)).expect("added");
        add(r#"{"operation": "CreateToken", "fault": "lost_answer", "times": 2}"#);
        add(r#"{"operation": "*", "fault": "cut_connection"}"#);
        let next = |operation| script.next(operation).map(|fault| fault.name());
        assert_eq!(next("Logout"), Some("cut_connection"));
        assert_eq!(next("CreateToken"), Some("lost_answer"));
        assert_eq!(next("CreateToken"), Some("lost_answer"));
        assert_eq!(next("CreateToken"), Some("cut_connection"));
        assert_eq!(script.left().len(), 1);
        script.clear(Some("Logout")).expect("an operation");
        assert_eq!(script.left().len(), 1);
        let unknown = script.clear(Some("Sing")).expect_err("no operation");
        assert!(unknown.because.contains("CreateToken"), "{unknown:?}");
        script.clear(None).expect("all");
        assert_eq!(next("CreateToken"), None);
    }

    #[test]
    fn lines_that_make_no_sense_are_refused_with_what_would() {
        let script = Script::new(Arc::new(SystemClock));
        for (text, hint) in [
            (
                r#"{"operation": "Sing", "fault": "delay", "milliseconds": 1}"#,
                "CreateToken",
            ),
            (r#"{"operation": "*", "fault": "delay"}"#, "milliseconds"),
            (
                r#"{"operation": "*", "fault": "short_lifetime"}"#,
                "seconds",
            ),
            (
                r#"{"operation": "*", "fault": "slow_down", "seconds": 1}"#,
                "short_lifetime",
            ),
            (
                r#"{"operation": "*", "fault": "slow_down", "times": 0}"#,
                "times",
            ),
            (
                r#"{"operation": "*", "fault": "delay", "milliseconds": 600001}"#,
                "at most",
            ),
        ] {
            let refused = script.add(line(text)).expect_err(text);
            assert!(refused.because.contains(hint), "{refused:?}");
        }
        assert!(script.left().is_empty());
    }

    #[test]
    fn lifetimes_are_shortened_where_each_operation_tells_them() {
        let now = Timestamp::from_epoch_seconds(1_000);
        for (operation, body, shorter) in [
            ("CreateToken", r#"{"expiresIn":3600}"#, r#"{"expiresIn":5}"#),
            ("token", r#"{"expires_in":3600}"#, r#"{"expires_in":5}"#),
            (
                "RegisterClient",
                r#"{"clientSecretExpiresAt":9}"#,
                r#"{"clientSecretExpiresAt":1005}"#,
            ),
            (
                "GetRoleCredentials",
                r#"{"roleCredentials":{"expiration":9}}"#,
                r#"{"roleCredentials":{"expiration":1005000}}"#,
            ),
            ("Logout", "", ""),
        ] {
            let body = Bytes::from_static(body.as_bytes());
            assert_eq!(shorten(operation, &body, 5, now), shorter, "{operation}");
        }
    }
}
