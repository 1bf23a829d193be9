//! No secret in any log, at any level.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use claviger_model::{port::clock::Clock as _, secret::Secret};
use claviger_sts::{
    assume_role::{AssumeRole, Identity, Settings},
    target::Target,
    toy::ToySts,
};
use http::{Method, Uri};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    fake_sts::{FakeSts, assumed, assumed_and_broken, fault},
    fixture::{CountingEntropy, HandClock, NOW, Word, request},
    toy::signed,
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Records all that this thread traces until dropped; the tests' runtimes have one thread.
fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

fn assert_silent(log: &Log, secrets: &[&str]) {
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        told.contains("TRACE"),
        "the log must hold something to prove anything"
    );
    for secret in secrets {
        let leak = told.lines().find(|line| line.contains(secret));
        assert_eq!(leak, None, "{secret}");
    }
}

#[tokio::test]
async fn assume_role_traces_no_secret() {
    let key = Identity::Key("AKIAOURS".to_owned(), Secret::from("our-secret"));
    let audience = "of-the-token".to_owned();
    for identity in [key, Identity::Web { audience }] {
        let (log, _guard) = listen();
        for script in [assumed(), assumed_and_broken(), fault(403, "AccessDenied")] {
            let sts = FakeSts::playing(script).await;
            let settings = Settings {
                endpoint: Some(sts.url.clone()),
                identity: identity.clone(),
                ..Settings::of_region("us-east-1")
            };
            let target = AssumeRole::connect(settings, Arc::new(Word)).await.unwrap();
            let _ = target.assume(&request(1, 1)).await;
        }
        // The kit's tokens hold their audience.
        let secrets = ["our-secret", "the-secret", "the-token", "of-the-token"];
        assert_silent(&log, &secrets);
    }
}

#[tokio::test]
async fn the_toy_traces_no_secret() {
    let clock = HandClock::at(NOW);
    let toy = ToySts::new(Arc::<CountingEntropy>::default(), clock.clone());
    let (log, _guard) = listen();
    let credentials = toy.assume(&request(1, 1)).await.unwrap();
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let now = clock.now().epoch_seconds();
    let headers = signed(&credentials, &Method::POST, "/", body, now);
    let answer = toy.answer(&Method::POST, &Uri::from_static("/"), &headers, body);
    assert_eq!(answer.status(), 200);
    let secrets = [&credentials.secret_access_key, &credentials.session_token];
    assert_silent(&log, &secrets.map(Secret::reveal));
}
