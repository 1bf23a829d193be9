//! `claviger conformance`: green on servers that do it right, red on each that does one thing wrong.
#![expect(
    clippy::expect_used,
    reason = "a server that cannot go on fails its test by panicking"
)]

mod listen;
mod wrong;
mod altered;
mod command;
mod standard;

use std::collections::BTreeSet;

use claviger_conformance::{Approver, Control, Dialect, Http, Picked, Plan, Report, Verdict};

use crate::wrong::{CONTROL_TOKEN, Wrong, mutation};

/// These checks or all of them, the slow ones too: the clocks of the servers here are moved.
async fn check(dialect: Dialect, url: &str, only: &[&str]) -> Report {
    let url = url.parse().expect("a URL");
    let plan = Plan {
        http: Http::new(url, Vec::new()).expect("a way there"),
        dialect,
        start_url: None,
        approver: Approver::Control(Control::new(CONTROL_TOKEN.to_owned())),
        picked: Picked {
            slow: true,
            only: only.iter().map(|name| (*name).to_owned()).collect(),
        },
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
    let server = Wrong::start(None).await;
    let report = check(Dialect::Aws, &server.url, &[]).await;
    assert_eq!(failed(&report), []);
    assert_eq!(report.skipped, 0, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_behaviour_is_caught() {
    let mut missed = Vec::new();
    for (mutation, expected) in mutation::ALL {
        let server = Wrong::start(Some(*mutation)).await;
        let report = check(Dialect::Aws, &server.url, &[]).await;
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
    assert_eq!(caught, names(Dialect::Aws));
}

fn names(dialect: Dialect) -> BTreeSet<&'static str> {
    let checks = dialect.checks();
    checks.iter().map(|check| check.name).collect()
}
