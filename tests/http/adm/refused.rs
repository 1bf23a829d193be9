//! What an operator asked for and cannot have, told before it does harm.

use std::{collections::HashMap, sync::Arc};

use claviger_engine::{
    admin::{directory, user},
    error::{Error, Kind, Refusal},
    keys::{
        file::ClientRoot,
        ring::{Keyring, KeyringError},
    },
};
use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::TargetName,
    port::{
        credential_source::{CredentialSource as _, NotIssued},
        future::BoxFuture,
    },
    secret::SecretBytes,
};
use claviger_sts::{target::Target, targets::Targets};
use claviger_tests::{TestServer, World, clock::ManualClock, credentials::FakeCredentials, seed};

/// The scripted source as a target.
struct Scripted(Arc<FakeCredentials>);

impl Target for Scripted {
    fn assume<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        self.0.issue(request)
    }
}

fn name(name: &str) -> TargetName {
    TargetName::parse(name).expect("a target name")
}

/// A world whose source is the product's own, with these targets.
async fn world_with(targets: &'static [&'static str]) -> World {
    let make = move |scripted: Arc<FakeCredentials>| {
        let one = |target: &&str| {
            let scripted: Arc<dyn Target> = Arc::new(Scripted(Arc::clone(&scripted)));
            (name(target), scripted)
        };
        let all: HashMap<TargetName, Arc<dyn Target>> = targets.iter().map(one).collect();
        Targets::new(all, Arc::new(ManualClock::default()))
    };
    World::builder().source(make).build().await
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_role_of_a_target_that_is_not_configured_is_refused_before_anything_is_applied() {
    let world = world_with(&["fake"]).await;
    let mut wanted = seed::directory();
    wanted.users.push(seed::person("carol"));
    wanted.roles[1].role.target = name("elsewhere");
    let before = world.rows().everything();
    let told = [
        refusal(directory::plan(&world.context, &wanted).await),
        refusal(directory::apply(&world.context, &wanted).await),
    ];
    for refusal in told {
        assert_eq!(refusal.kind, Kind::InvalidRequest);
        assert!(refusal.because.contains("[targets]"), "{}", refusal.because);
        let named = "role 111122223333/ReadOnly names the target elsewhere";
        assert_eq!(refusal.detail, named);
    }
    assert_eq!(world.rows().everything(), before);
    wanted.roles[1].role.target = name("fake");
    assert!(directory::apply(&world.context, &wanted).await.is_ok());
}

#[tokio::test]
async fn without_any_target_every_name_is_accepted() {
    let world = world_with(&[]).await;
    let mut wanted = seed::directory();
    wanted.roles[1].role.target = name("elsewhere");
    let applied = directory::apply(&world.context, &wanted).await;
    assert_eq!(applied.expect("applied").len(), 1);
}

#[tokio::test]
async fn two_client_roots_of_one_number_are_refused() {
    let world = World::builder().build().await;
    let mut file = World::builder().key_file();
    let root = SecretBytes::new([9; 32]);
    file.previous_client_root = Some(ClientRoot {
        epoch: 1,
        root: root.clone(),
    });
    let refused = Keyring::load(world.store.as_ref(), &file, world.context.now()).await;
    let refused = refused.err().expect("refused");
    assert!(
        matches!(refused, KeyringError::SameClientRoots(1)),
        "{refused}"
    );
    assert!(refused.to_string().contains("the id 1"), "{refused}");
    file.previous_client_root = Some(ClientRoot { epoch: 0, root });
    assert!(
        Keyring::load(world.store.as_ref(), &file, world.context.now())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn adm_06_a_plan_that_does_not_hold_leaves_neither_change_nor_record() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let mut browsers = [
        server.browser_of("alice").await,
        server.browser_of("bob").await,
    ];
    let mut pages = Vec::new();
    for browser in &mut browsers {
        pages.push(browser.look_up(&device.user_code).await);
    }
    let [alice, bob] = &mut browsers;
    let approve = |page| claviger_tests::browser::form(page, "/device/approve");
    alice.submit(&approve(&pages[0])).await.assert_status(303);
    let before = server.rows().everything();
    let late = bob.submit(&approve(&pages[1])).await;
    late.assert_status(404);
    assert_eq!(server.rows().everything(), before);
    // Nor does what an operator asks of nobody, or of one who is so already.
    assert!(user::disable(&server.context, "carol").await.is_err());
    assert!(user::enable(&server.context, "bob").await.is_ok());
    let same = directory::apply(&server.context, &seed::directory()).await;
    assert_eq!(same.ok().map(|changes| changes.len()), Some(0));
    let gone = claviger_model::id::SessionId::from_bytes([7; 16]);
    let end = claviger_engine::admin::session::end(&server.context, gone).await;
    assert_eq!(refusal(end).kind, Kind::NotFound);
    assert_eq!(server.rows().everything(), before);
    user::disable(&server.context, "bob")
        .await
        .expect("disabled");
    let disabled = server.rows().everything();
    assert_eq!(user::disable(&server.context, "bob").await.ok(), Some(0));
    assert_eq!(server.rows().everything(), disabled);
}

#[tokio::test]
async fn adm_06_racing_administrators_leave_one_record_for_one_change() {
    let server = TestServer::start().await;
    let node = server.node("other").start().await;
    let both = futures_util::future::join_all((0..20).map(|number| {
        let context = if number % 2 == 0 {
            &server.context
        } else {
            &node.context
        };
        user::disable(context, "bob")
    }));
    assert!(both.await.iter().any(Result::is_ok));
    assert_eq!(server.rows().recorded("user.disable"), 1);
}
