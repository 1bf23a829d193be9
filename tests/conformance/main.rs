//! `claviger conformance`: green on servers that do it right, red on each that does one thing wrong.
#![expect(
    clippy::expect_used,
    reason = "a server that cannot go on fails its test by panicking"
)]

mod command;
mod wrong;

use std::collections::BTreeSet;

use claviger_conformance::{Approver, Control, Http, Plan, Report, Verdict};

use crate::wrong::{CONTROL_TOKEN, Wrong, mutation};

/// All checks, the slow ones too: the wrong server's clock is moved.
async fn check(server: &Wrong) -> Report {
    let url = server.url.parse().expect("a URL");
    let plan = Plan {
        http: Http::new(url, Vec::new()).expect("a way there"),
        start_url: None,
        approver: Approver::Control(Control::new(CONTROL_TOKEN.to_owned())),
        slow: true,
        only: Vec::new(),
        note: |_| {},
    };
    claviger_conformance::run(plan, |_| ())
        .await
        .expect("a report")
}

/// The checks that failed, with why.
fn failed(report: &Report) -> Vec<(&'static str, &str)> {
    let failed = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed);
    failed
        .map(|check| (check.name, check.reason.as_deref().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_server_without_a_fault_is_green() {
    let report = check(&Wrong::start(None).await).await;
    assert_eq!(failed(&report), []);
    assert_eq!(report.skipped, 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_behaviour_is_caught() {
    let mut missed = Vec::new();
    for (mutation, expected) in mutation::ALL {
        let report = check(&Wrong::start(Some(*mutation)).await).await;
        let failed = failed(&report);
        if !failed.iter().any(|(name, _)| name == expected) {
            missed.push(format!(
                "{mutation:?}: {expected} is green; red are {failed:#?}"
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A check that nothing can turn red proves nothing.
#[test]
fn each_check_catches_something() {
    let caught: BTreeSet<&str> = mutation::ALL.iter().map(|(_, check)| *check).collect();
    let checks: BTreeSet<&str> = claviger_conformance::checks()
        .map(|check| check.name)
        .collect();
    assert_eq!(caught, checks);
}
