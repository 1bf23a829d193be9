//! Making the checks, one after another.

use std::time::Instant;

use crate::{
    approver::Approver,
    aws,
    check::{Check, Pace, Trial},
    dialect::Dialect,
    flaw::Flaw,
    http::{Http, Unreachable},
    oauth,
    report::{Outcome, Report, Verdict},
    site::Site,
};

/// What to check, and with whose help.
#[derive(Debug)]
pub struct Plan {
    /// The server.
    pub http: Http,
    /// What it speaks.
    pub dialect: Dialect,
    /// What clients of AWS send as `startUrl`; `URL/start` where left out.
    pub start_url: Option<String>,
    /// Who approves.
    pub approver: Approver,
    /// Which checks are made.
    pub picked: Picked,
    /// Hears of everything that takes long.
    pub note: fn(&str),
}

/// Some of the checks.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    /// Whether the slow checks are made, too; one that `only` names is made in any case.
    pub slow: bool,
    /// The checks of these names, or of these parts before the dot; all of them when empty.
    pub only: Vec<String>,
}

impl Picked {
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
pub async fn run(plan: Plan, on_outcome: impl FnMut(&Outcome)) -> Result<Report, Unreachable> {
    plan.http.reach().await?;
    let url = plan.http.base().to_owned();
    let site = Site::new(plan.http, plan.approver, plan.note);
    let outcomes = match plan.dialect {
        Dialect::Aws => {
            let server = aws::server::Server::new(site, plan.start_url);
            make(aws::trials(), &server, &plan.picked, on_outcome).await
        }
        Dialect::Oauth => {
            let provider = oauth::provider::Provider::discover(site).await;
            make(oauth::trials(), &provider, &plan.picked, on_outcome).await
        }
    };
    Ok(Report::of(url, outcomes))
}

async fn make<S: 'static>(
    trials: impl Iterator<Item = &'static Trial<S>>,
    server: &S,
    picked: &Picked,
    mut on_outcome: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for Trial { check, run } in trials.filter(|trial| picked.holds(&trial.check)) {
        let began = Instant::now();
        let (verdict, reason) = match run(server).await {
            Ok(()) => (Verdict::Passed, None),
            Err(Flaw::Wrong(reason)) => (Verdict::Failed, Some(reason)),
            Err(Flaw::Skipped(reason)) => (Verdict::Skipped, Some(reason)),
        };
        let outcome = Outcome {
            name: check.name,
            verdict,
            reason,
            written: check.written,
            cases: check.cases,
            milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        on_outcome(&outcome);
        outcomes.push(outcome);
    }
    outcomes
}
