//! The checks of the standard dialect: green on a right server, red on each thing that goes wrong before it.

use std::collections::BTreeSet;

use claviger_conformance::{Dialect, Report, Verdict};

use crate::{
    altered::{
        Altered, catalogue,
        mutation::{Mutation, tells},
        told::Told,
    },
    check, failed, names,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_fault_is_green() {
    let server = Altered::start().await;
    let report = check(Dialect::Oauth, &server.url, &[]).await;
    assert_eq!(failed(&report), []);
    assert_eq!(report.skipped, 0, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_behaviour_is_caught() {
    let server = Altered::start().await;
    let mut missed = Vec::new();
    for mutation in catalogue::all() {
        server.turn(mutation).await;
        let report = check(Dialect::Oauth, &server.url, &[mutation.check]).await;
        if report.failed != 1 {
            let (check, name) = (mutation.check, mutation.name);
            missed.push(format!("{check} does not see {name}: {report:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A check that nothing can turn red proves nothing.
#[test]
fn each_check_catches_something() {
    let caught: BTreeSet<&str> = catalogue::all().map(|mutation| mutation.check).collect();
    assert_eq!(caught, names(Dialect::Oauth));
}

async fn turned(mutation: &Mutation) -> Report {
    let server = Altered::start().await;
    server.turn(mutation).await;
    check(Dialect::Oauth, &server.url, &[]).await
}

fn skipped(report: &Report) -> Vec<(&'static str, &str)> {
    let skipped = report.checks.iter();
    let skipped = skipped.filter(|check| check.verdict == Verdict::Skipped);
    skipped
        .map(|check| (check.name, check.reason.as_deref().unwrap_or_default()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_has_not_is_skipped() {
    let without = tells("", "", |_, _, told| {
        for name in [
            "device_authorization_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "userinfo_endpoint",
        ] {
            told.leave_out(name);
        }
    });
    let report = turned(&without).await;
    let parts = ["device.", "introspect.", "revoke.", "openid.userinfo"];
    for (name, reason) in skipped(&report) {
        assert!(
            reason.starts_with("the metadata name no `"),
            "{name}: {reason}"
        );
    }
    for check in &report.checks {
        if parts.iter().any(|part| check.name.starts_with(part)) {
            assert_eq!(check.verdict, Verdict::Skipped, "{check:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_where_nobody_registers_is_known_by_its_metadata() {
    let without = tells("", "", |_, _, told| told.leave_out("registration_endpoint"));
    let report = turned(&without).await;
    assert_eq!(failed(&report), []);
    let skipped = skipped(&report);
    assert_eq!(report.passed + skipped.len(), names(Dialect::Oauth).len());
    let expected = "the metadata name no `registration_endpoint`";
    for (name, reason) in &skipped {
        assert_eq!(*reason, expected, "{name}");
    }
    let is_skipped = |name: &str| skipped.iter().any(|(own, _)| *own == name);
    assert!(is_skipped("register.answer") && is_skipped("authorize.code_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn either_document_is_enough() {
    let hidden = [
        tells("", "", |_, asked, told| {
            hide(asked.is("/.well-known/openid-configuration"), told);
        }),
        tells("", "", |_, asked, told| {
            hide(asked.is("/.well-known/oauth-authorization-server"), told);
        }),
    ];
    for hidden in hidden {
        let report = turned(&hidden).await;
        assert_eq!(failed(&report), []);
        let expected = (
            "metadata.both_documents_say_the_same",
            "the server has one document only",
        );
        assert_eq!(skipped(&report), [expected]);
    }
}

fn hide(what: bool, told: &mut Told) {
    if what {
        *told = Told::page(404, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_document_nothing_passes() {
    let hidden = tells("", "", |_, asked, told| {
        hide(asked.path.starts_with("/.well-known/"), told);
    });
    let report = turned(&hidden).await;
    assert_eq!(report.passed, 0, "{report:#?}");
    for (name, reason) in failed(&report) {
        assert!(reason.contains("/.well-known/"), "{name}: {reason}");
    }
}
