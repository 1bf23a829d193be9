//! Making the checks, one after another.

use std::time::Instant;

use crate::{
    approver::Approver,
    check::{Check, Pace},
    checks::checks,
    flaw::Flaw,
    http::{Http, Unreachable},
    report::{Outcome, Report, Verdict},
    server::Server,
};

/// What to check, and with whose help.
#[derive(Debug)]
pub struct Plan {
    /// The server.
    pub http: Http,
    /// What clients send as `startUrl`; `URL/start` where left out.
    pub start_url: Option<String>,
    /// Who approves.
    pub approver: Approver,
    /// Whether the slow checks are made, too; one that `only` names is made in any case.
    pub slow: bool,
    /// The checks of these names, or of these parts before the dot; all of them when empty.
    pub only: Vec<String>,
    /// Hears of everything that takes long.
    pub note: fn(&str),
}

impl Plan {
    fn holds(&self, check: &Check) -> bool {
        let is_picked = self.only.is_empty() || self.only.iter().any(|only| check.is_named(only));
        let is_meant = self.only.iter().any(|only| check.name == only);
        is_picked && (self.slow || is_meant || check.pace == Pace::Quick)
    }
}

/// Makes the checks and tells each outcome as soon as it is there.
///
/// # Errors
///
/// When nothing answers at the address: then no check says anything of the server.
pub async fn run(plan: Plan, mut on_outcome: impl FnMut(&Outcome)) -> Result<Report, Unreachable> {
    plan.http.reach().await?;
    let picked: Vec<&Check> = checks().filter(|check| plan.holds(check)).collect();
    let server = Server::new(plan.http, plan.start_url, plan.approver, plan.note);
    let mut outcomes = Vec::new();
    for check in picked {
        let began = Instant::now();
        let (verdict, reason) = match (check.run)(&server).await {
            Ok(()) => (Verdict::Passed, None),
            Err(Flaw::Wrong(reason)) => (Verdict::Failed, Some(reason)),
            Err(Flaw::Skipped(reason)) => (Verdict::Skipped, Some(reason)),
        };
        let outcome = Outcome {
            name: check.name,
            verdict,
            reason,
            wire: check.wire,
            cases: check.cases,
            milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        on_outcome(&outcome);
        outcomes.push(outcome);
    }
    Ok(Report::of(server.url(), outcomes))
}
