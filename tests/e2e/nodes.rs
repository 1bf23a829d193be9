//! Several nodes behind one address: the AWS CLI signs in at one, and goes on at another.

use std::process::Command;

use claviger_tests::{
    child::Running,
    instance::{PASSWORD, Service},
    postgres::Place,
    proxy::{End, Proxy},
    room::Room,
};
use serde_json::{Value, json};

use crate::{
    aws_cli::user_code,
    parts::{self, Moto, aws_cli, succeed},
};

/// Two nodes on one PostgreSQL behind a balancer; what keeps them up comes last.
async fn nodes(moto: &Moto) -> (Service, Service, Proxy, Place) {
    let place = Place::default();
    let first = Service::init_in(Some(place.address()));
    let second = first.further_node();
    let ends = vec![End::Tcp(first.address), End::Tcp(second.address)];
    let balancer = Proxy::start(ends).await;
    let issuer = format!("http://{}", balancer.address);
    let settings = format!(
        "[targets.aws]\nendpoint = \"{}\"\naccess_key_id = \"test\"\nsecret_access_key = \"test\"\n",
        moto.url
    );
    let first = first.known_as(&issuer, &settings);
    let second = second.known_as(&issuer, &settings);
    (first, second, balancer, place)
}

/// What Debian's CLI, which knows no endpoint settings, reads of the service.
fn configure(room: &Room, issuer: &str) {
    room.write(
        "config",
        &format!(
            "[sso-session nodes]\nsso_region = us-east-1\nsso_start_url = {issuer}/start\n\
             sso_registration_scopes = sso:account:access\n\n\
             [default]\nregion = us-east-1\nsso_session = nodes\n\
             sso_account_id = 111122223333\nsso_role_name = Developer\n"
        ),
    );
    let boolean = json!({
        "required": true, "default": false, "type": "Boolean", "documentation": "None.",
    });
    let with = |built_in: &str, mut parameter: Value| {
        parameter["builtIn"] = built_in.into();
        parameter
    };
    let text = json!({ "required": false, "type": "String", "documentation": "None." });
    let rules = json!({
        "version": "1.0",
        "parameters": {
            "Region": with("AWS::Region", text.clone()),
            "UseDualStack": with("AWS::UseDualStack", boolean.clone()),
            "UseFIPS": with("AWS::UseFIPS", boolean),
            "Endpoint": with("SDK::Endpoint", text),
        },
        "rules": [{
            "conditions": [], "type": "endpoint",
            "endpoint": { "url": issuer, "properties": {}, "headers": {} },
        }],
    });
    for service in ["sso-oidc", "sso"] {
        let directory = room.work().join(format!("models/{service}/2019-06-10"));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("endpoint-rule-set-1.json");
        std::fs::write(path, rules.to_string()).expect("rules");
    }
}

fn aws(room: &Room, arguments: &[&str]) -> Command {
    let mut command = aws_cli(room, arguments);
    command
        .env("AWS_CONFIG_FILE", room.work().join("config"))
        .env("AWS_DATA_PATH", room.work().join("models"))
        .env("PYTHONUNBUFFERED", "1");
    command
}

/// Makes the CLI think that its token has ended, so that the next command refreshes it.
fn age(room: &Room) -> Value {
    let mut found = parts::tokens(room);
    assert_eq!(found.len(), 1, "one token");
    let (path, token) = found.pop().expect("a token");
    let mut aged = token.clone();
    aged["expiresAt"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(path, aged.to_string()).expect("the token's file");
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_cli_signs_in_at_one_node_and_refreshes_at_the_other() {
    let room = Room::new();
    let moto = Moto::start(&room);
    let (first, second, balancer, _place) = nodes(&moto).await;
    let (here, there) = (first.serve().await, second.serve().await);
    configure(&room, &first.issuer());

    balancer.lead_to(0);
    let login = Running::start(&mut aws(&room, &["sso", "login", "--no-browser"]));
    let code = login.stdout_line(user_code);
    // The person's browser comes to the other node.
    let mut browser = second.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    browser.approve(&code).await.assert_status(303);
    login.end().assert_code(0);

    // The node that signed it in is gone for good.
    here.kill();
    balancer.lead_to(1);
    let before = age(&room);
    let identity = ["sts", "get-caller-identity", "--endpoint-url", &moto.url];
    let identity = succeed(&mut aws(&room, &identity)).json();
    assert_eq!(
        identity["Arn"],
        "arn:aws:sts::111122223333:assumed-role/Developer/alice"
    );
    let after = age(&room);
    for name in ["accessToken", "refreshToken"] {
        assert_ne!(before[name], after[name], "{name} is as it was");
    }
    there.terminate();
    there.end().assert_code(0);
}
