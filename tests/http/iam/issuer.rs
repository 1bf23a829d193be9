//! The kit's issuer, trusted by a server as a configuration would have it.

use std::sync::Arc;

use claviger_federation::{fetch::Fetch, issuers::TrustedIssuers};
use claviger_model::{
    application::{Attribute, IssuerName, IssuerRules},
    time::Lifetime,
};
use claviger_tests::{TestServer, clock::ManualClock, issuer::FakeIssuer, seed};
use serde_json::{Value, json};

/// Trusts it, in a private network or not.
pub(super) fn trusting(issuer: &FakeIssuer, private: bool) -> TrustedIssuers {
    trusting_by(&Arc::default(), issuer, private)
}

/// The same, with keys that age by `clock`.
pub(super) fn trusting_by(
    clock: &Arc<ManualClock>,
    issuer: &FakeIssuer,
    private: bool,
) -> TrustedIssuers {
    let fetch = Fetch::new(vec![issuer.certificate()], private).expect("a way");
    let mut trusted = TrustedIssuers::new(Arc::clone(clock) as _);
    trusted
        .trust(name(), &issuer.url, fetch)
        .expect("an issuer");
    trusted
}

/// A server that trusts it.
pub(super) async fn server(issuer: &FakeIssuer, attribute: Attribute) -> TestServer {
    server_trusting(trusting(issuer, true), attribute).await
}

/// Claims that would be taken.
pub(super) fn claims(issuer: &FakeIssuer, server: &TestServer) -> Value {
    let now = server.context.now().epoch_seconds();
    json!({
        "iss": issuer.url, "sub": "alice", "aud": "reports", "jti": "one",
        "iat": now, "nbf": now, "exp": now + 300,
    })
}

pub(super) fn name() -> IssuerName {
    IssuerName::parse("fake").expect("a name")
}

pub(super) async fn server_trusting(trusted: TrustedIssuers, attribute: Attribute) -> TestServer {
    let builder = TestServer::builder();
    builder
        .policy(|policy| {
            policy.applications.push(seed::application());
            let rules = IssuerRules {
                claim: match attribute {
                    Attribute::UserName => "sub".to_owned(),
                    Attribute::Email => "email".to_owned(),
                },
                attribute,
                longest_life: Lifetime::minutes(10),
                single_use: true,
                audience: None,
            };
            policy.issuers.insert(name(), rules);
        })
        .world(|world| world.issuers(trusted))
        .start()
        .await
}
