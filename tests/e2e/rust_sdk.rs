//! The Rust SDK: the SSO provider of `aws-config`, which reads the person's own configuration.
//!
//! It reads its environment from this process, which tests must not change; so the story is told
//! in a child of this very test binary.

use claviger_tests::{instance::Dev, room::Room};

use crate::parts::{self, Moto};

/// Set in the child.
const CHILD: &str = "CLAVIGER_E2E_RUST_SDK";

#[test]
fn credentials_of_the_default_profile_reach_moto() {
    let room = Room::new();
    let moto = Moto::start(&room);
    let dev = Dev::start(&room, &["--sts", &moto.url]);
    let mut sign_in = parts::python(&room, "sign_in.py", &["--expires-in", "60"]);
    parts::point(&mut sign_in, &dev);
    parts::succeed(&mut sign_in);

    let this = std::env::current_exe().expect("the path of this test");
    let mut child = room.command(this);
    parts::point(&mut child, &dev);
    child
        .env(CHILD, "1")
        .args(["--exact", "rust_sdk::told_in_a_child", "--nocapture"]);
    let ended = parts::succeed(&mut child);
    let arn = "arn is arn:aws:sts::111122223333:assumed-role/Developer/alice";
    assert!(ended.stdout.contains(arn), "{ended}");
}

/// The child's part; told directly it has nothing to do.
#[tokio::test]
async fn told_in_a_child() {
    #[expect(clippy::disallowed_methods, reason = "whether this is the child")]
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http)
        .load()
        .await;
    let identity = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await;
    let identity = identity.expect("the caller's identity");
    println!("arn is {}", identity.arn().expect("an ARN"));
}
