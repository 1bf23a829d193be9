//! The Rust SDK: the SSO provider of `aws-config`, which reads the person's own configuration from
//! its environment; so the program is a child, `tests/examples/rust_sdk.rs`.

use claviger_tests::{child, instance::Dev, room::Room};
use serde_json::Value;

use crate::parts::{self, Moto};

#[test]
fn credentials_of_the_default_profile_reach_sts_and_s3_of_moto() {
    let room = Room::new();
    let moto = Moto::start(&room);
    let dev = Dev::start(&room, &["--sts", &moto.url]);
    // So near its end that the SDK refreshes the token before it uses it.
    let mut sign_in = parts::python(&room, "sign_in.py", &["--expires-in", "60"]);
    parts::point(&mut sign_in, &dev);
    parts::succeed(&mut sign_in);
    let before = token(&room);

    let mut program = room.command(child::example("rust_sdk"));
    parts::point(&mut program, &dev);
    let ended = parts::succeed(program.arg(&moto.url));
    let said = [
        "arn arn:aws:sts::111122223333:assumed-role/Developer/alice\n",
        "bucket of-rust\n",
    ];
    for line in said {
        assert!(ended.stdout.contains(line), "{ended}");
    }
    let after = token(&room);
    for member in ["accessToken", "refreshToken"] {
        let (before, after) = (before.get(member), after.get(member));
        assert!(after.is_some_and(Value::is_string), "{member} is gone");
        assert_ne!(before, after, "{member} was not refreshed");
    }
}

/// The one cached token of the room.
#[track_caller]
fn token(room: &Room) -> Value {
    let tokens = parts::tokens(room);
    let [(_, token)] = tokens.as_slice() else {
        panic!("one token, not {tokens:?}");
    };
    token.clone()
}
