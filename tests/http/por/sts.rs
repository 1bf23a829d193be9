//! The portal over the product's own credential source: cache, bulkhead, one target apart.

use std::{collections::HashMap, sync::Arc};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::TargetName,
    port::{
        clock::Clock,
        credential_source::{CredentialSource as _, NotIssued},
        future::BoxFuture,
    },
};
use claviger_sts::{target::Target, targets::Targets};
use claviger_tests::{
    TestServer,
    clock::ManualClock,
    credentials::FakeCredentials,
    evidence::Evidence,
    seed::{PRODUCTION, SANDBOX},
};
use serde_json::Value;
use tokio::sync::Semaphore;

/// The scripted source as one STS, behind a door.
struct Sts {
    scripted: Arc<FakeCredentials>,
    door: Arc<Semaphore>,
}

impl Target for Sts {
    fn assume<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        Box::pin(async move {
            let answer = self.scripted.issue(request).await;
            let _through = self.door.acquire().await;
            answer
        })
    }
}

/// A server whose source is the product's, with that STS as the target `fake`.
async fn server_behind(door: &Arc<Semaphore>) -> TestServer {
    let door = Arc::clone(door);
    let make = |scripted: Arc<FakeCredentials>| {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let name = TargetName::parse("fake").expect("a name");
        let sts: Arc<dyn Target> = Arc::new(Sts { scripted, door });
        Targets::new(HashMap::from([(name, sts)]), clock)
    };
    TestServer::builder()
        .world(|world| world.source(make))
        .policy(|policy| policy.limits.devices_per_client = 1000)
        .start()
        .await
}

async fn key_of(server: &TestServer, token: &str, role: &str) -> String {
    let given = server.aws().role_credentials(token, SANDBOX, role).await;
    let json = given.assert_status(200).json();
    let key = json
        .pointer("/roleCredentials/accessKeyId")
        .and_then(Value::as_str);
    key.expect("a key").to_owned()
}

#[tokio::test]
async fn por_11_cached_credentials_stay_with_their_session_and_end_with_it() {
    let server = server_behind(&Arc::new(Semaphore::new(1))).await;
    let alice = server.signed_in_device().await;
    let again = server.signed_in_device().await.tokens.access;
    let bob = server.signed_in_device_of("bob").await.tokens.access;
    let own = key_of(&server, &alice.tokens.access, "ReadOnly").await;
    assert_eq!(
        key_of(&server, &alice.tokens.access, "ReadOnly").await,
        own,
        "not cached at all"
    );
    assert_eq!(server.credentials.calls(), 1);
    let others = [
        key_of(&server, &bob, "ReadOnly").await,
        key_of(&server, &again, "ReadOnly").await,
        key_of(&server, &alice.tokens.access, "Developer").await,
    ];
    assert!(!others.contains(&own), "{others:?}");
    assert_eq!(server.credentials.calls(), 4);
    let aws = server.aws();
    aws.logout(&alice.tokens.access).await.assert_status(200);
    let after = aws
        .role_credentials(&alice.tokens.access, SANDBOX, "ReadOnly")
        .await;
    after.assert_error(401, "UnauthorizedException");
    assert_eq!(server.credentials.calls(), 4);
}

#[tokio::test]
async fn por_11_a_removed_assignment_is_not_served_from_the_cache() {
    let server = server_behind(&Arc::new(Semaphore::new(1))).await;
    let token = server.signed_in_device().await.tokens.access;
    key_of(&server, &token, "Developer").await;
    let mut directory = claviger_tests::seed::directory();
    directory.roles[0].users.clear();
    server.apply(&directory).await;
    let after = server
        .aws()
        .role_credentials(&token, SANDBOX, "Developer")
        .await;
    after.assert_error(403, "ForbiddenException");
}

#[tokio::test]
async fn res_08_a_hanging_sts_holds_256_calls_and_nothing_else() {
    let door = Arc::new(Semaphore::new(0));
    let server = server_behind(&door).await;
    let device = server.signed_in_device().await;
    let mut tokens = vec![device.tokens.access.clone()];
    // Equal requests of one session are one call: 75 sessions of four roles are three hundred.
    let (client, mut browser) = (device.client.clone(), server.browser_of("alice").await);
    for _ in 1..75 {
        let started = server.aws().start_device(&client).await;
        browser.approve(&started.user_code).await.assert_status(303);
        tokens.push(
            server
                .aws()
                .poll(&client, &started)
                .await
                .member("accessToken"),
        );
    }
    let roles = [SANDBOX, PRODUCTION].map(|id| [(id, "Developer"), (id, "ReadOnly")]);
    let calls: Vec<_> = tokens
        .iter()
        .flat_map(|token| {
            roles
                .iter()
                .flatten()
                .map(move |role| (token.clone(), *role))
        })
        .map(|(token, (account, role))| {
            let aws = server.aws();
            tokio::spawn(async move { aws.role_credentials(&token, account, role).await })
        })
        .collect();
    let mut refused = Vec::new();
    while refused.len() < 300 - 256 {
        tokio::task::yield_now().await;
        let finished = calls.iter().filter(|call| call.is_finished()).count();
        refused.resize(finished, ());
    }
    // Meanwhile everything else is served.
    let aws = server.aws();
    aws.list_accounts(&device.tokens.access)
        .await
        .assert_status(200);
    let refreshed = aws
        .refresh(&device.client, device.tokens.refresh_token())
        .await;
    refreshed.assert_status(200);
    assert_eq!(server.credentials.calls(), 256);
    door.add_permits(1);
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for call in calls {
        let answer = call.await.expect("an answer");
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
    }
    assert_eq!(statuses, HashMap::from([(200, 256), (429, 44)]));
    Evidence::that("an STS that hangs, three hundred calls: 44 of them 429")
        .answers(256, 44, 0)
        .print();
}
