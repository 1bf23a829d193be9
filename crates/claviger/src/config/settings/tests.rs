//! What a configuration may say, and what is refused.

use super::*;
use crate::config::EXAMPLE;

fn load(text: &str) -> anyhow::Result<Settings> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("claviger.toml");
    std::fs::write(&path, text).expect("written");
    Settings::load(&Flags {
        config: Some(path),
        ..Flags::default()
    })
}

fn refused(text: &str) -> String {
    format!("{:#}", load(text).expect_err(text))
}

#[test]
fn nothing_at_all_is_enough_for_loopback() {
    let settings = Settings::load(&Flags::default()).expect("settings");
    assert_eq!(settings.public_url, "http://127.0.0.1:8400");
    assert!(settings.policy.require_pkce && settings.targets.is_empty());
}

#[test]
fn the_example_is_the_defaults_and_each_commented_key_is_known() {
    load(EXAMPLE).expect("the example as it is");
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let error = load(&uncommented).err().map(|error| format!("{error:#}"));
    // What is left to complain about is a file of the example that is not there.
    assert!(
        error
            .as_ref()
            .is_none_or(|error| error.contains("cannot be read")),
        "{error:?}"
    );
    toml::from_str::<Configuration>(&uncommented).expect("every key is known");
}

#[test]
fn unknown_keys_are_refused_with_their_line_and_secrets_are_not_shown() {
    let error = refused("title = \"x\"\nregoin = \"us-east-1\"\n");
    assert!(
        error.contains("line 2") && error.contains("regoin"),
        "{error}"
    );
    let error = refused("[targets.aws]\nsecret_access_key = [\"hunter2\"]\n");
    assert!(
        error.contains("line 2") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_listener_beyond_loopback_needs_tls_or_a_named_proxy() {
    let error = refused("listen = \"0.0.0.0:8400\"\n");
    assert!(
        error.contains("--tls-cert") && error.contains("trusted_proxies"),
        "{error}"
    );
    refused("listen = \"0.0.0.0:8400\"\npublic_url = \"https://sso.example.org\"\n");
    let error = refused("public_url = \"https://sso.example.org\"\n");
    assert!(error.contains("trusted_proxies"), "{error}");
    load(
        "listen = \"0.0.0.0:8400\"\npublic_url = \"https://sso.example.org\"\n\
         trusted_proxies = [\"10.0.0.1\", \"192.0.2.0/24\"]\n",
    )
    .expect("behind a proxy");
    let tls = "[tls]\ncert = \"c\"\nkey = \"k\"\n";
    let error = refused(&format!("listen = \"0.0.0.0:443\"\n{tls}"));
    assert!(error.contains("public_url"), "{error}");
    let own = load(&format!("listen = \"127.0.0.1:443\"\n{tls}")).expect("with TLS");
    assert_eq!(own.public_url, "https://127.0.0.1");
}

#[test]
fn origins_and_aliases_that_would_match_nothing_are_refused() {
    for origin in [
        "https://app.example.org/",
        "https://App.example.org",
        "https://app.example.org:443",
        "https://app.example.org/cb",
        "http://app.example.org",
        "app.example.org",
        "",
    ] {
        let error = refused(&format!("[registration]\nallowed_origins = [\"{origin}\"]"));
        let hint = "must be written as https://app.example.org";
        assert!(error.contains(hint), "{origin}: {error}");
    }
    for alias in [
        "corp",
        "http://corp.awsapps.com/start",
        " https://corp.awsapps.com/start",
        "https://x@corp.awsapps.com/start",
        "https://:x@corp.awsapps.com/start",
        "https://corp.awsapps.com/start?x",
        "https:corp.awsapps.com",
    ] {
        let error = refused(&format!("start_url_aliases = [\"{alias}\"]"));
        assert!(
            error.contains("example.awsapps.com/start"),
            "{alias}: {error}"
        );
    }
    let text = "start_url_aliases = [\"https://Corp.awsapps.com/start/#/\"]\n[registration]\n\
                allowed_origins = [\"https://app.example.org\", \"https://a.example:8443\"]";
    assert!(load(text).is_ok());
}

const SECRET: &str = "client_secret = \"0123456789-0123456789-0123456789\"";
const CALLBACK: &str = "redirect_uris = [\"https://wiki.example.org/cb\"]";
const LOCAL: &str = "redirect_uris = [\"http://127.0.0.1/cb\"]";
const OF_AN_APP: &str = "redirect_uris = [\"com.example.app:/cb\"]";
const CODES: &str = "grants = [\"authorization_code\"]\nscopes = [\"openid\"]";
const OWN: &str = "grants = [\"client_credentials\"]\nscopes = [\"sso:account:access\"]";
const BOT: &str = "user = \"bot\"";
const SKIP: &str = "skip_consent = true";
const PUBLIC: &str = "public = true";

fn application(lines: &[&str]) -> String {
    format!("[applications.wiki]\n{}", lines.join("\n"))
}

#[track_caller]
fn assert_refused(rows: &[(&[&str], &str)]) {
    for (lines, hint) in rows {
        let text = application(lines);
        let error = refused(&text);
        assert!(
            error.contains("applications.wiki") && error.contains(hint),
            "{text}: {error}"
        );
    }
}

#[test]
fn applications_whose_grants_could_not_work_say_what_is_missing() {
    let no_own = "grants = [\"client_credentials\"]\nscopes = [\"openid\", \"sso:minutes:30\"]";
    assert_refused(&[
        (&[CODES, CALLBACK, SECRET, BOT], "client_credentials"),
        (&[CODES, SECRET], "redirect_uris"),
        (&["grants = []\nscopes = [\"openid\"]", SECRET], "begins"),
        (
            &[
                "grants = [\"refresh_token\"]\nscopes = [\"openid\"]",
                SECRET,
            ],
            "begins",
        ),
        (&[OWN, SECRET], "user"),
        (&[OWN, BOT], "client_secret"),
        (&[OWN, BOT, PUBLIC], "cannot show"),
        (&[no_own, SECRET, BOT], "opens accounts"),
        (
            &[
                "grants = [\"client_credentials\"]\nscopes = [\"openid\"]",
                SECRET,
                BOT,
            ],
            "opens accounts",
        ),
        (
            &["grants = [\"device_code\"]\nscopes = [\"openid\"]"],
            "client_secret",
        ),
        (
            &[
                "grants = [\"device_code\"]\nscopes = [\"openid\", \"wiki:read\"]",
                SECRET,
            ],
            "wiki:read",
        ),
    ]);
}

#[test]
fn applications_that_would_not_be_safe_say_why() {
    let encoded = "client_secret = \"0123456789+0123456789/0123456789=\"";
    let target = "[targets.store]\nmethod = \"web_identity\"\naudience = \"wiki\"";
    let bare = "redirect_uris = [\"https://localhost/cb\"]";
    assert_refused(&[
        (
            &[CODES, CALLBACK, "client_secret = \"short\""],
            "at least 32",
        ),
        (&[CODES, CALLBACK, encoded], "letters, digits"),
        (&[CODES, CALLBACK, SECRET, PUBLIC], "keeps no secret"),
        (&[CODES, CALLBACK, SECRET, target], "ID tokens"),
        (&[CODES, LOCAL, SECRET, SKIP], "https"),
        (&[CODES, OF_AN_APP, PUBLIC, SKIP], "https"),
        (&[OWN, SECRET, BOT, SKIP], "https"),
        (&[CODES, OF_AN_APP, SECRET], "private-use"),
        (&[CODES, bare, SECRET], "with a dot"),
    ]);
}

#[test]
fn applications_that_work_are_taken() {
    let rows: [&[&str]; 5] = [
        &[CODES, CALLBACK, SECRET, SKIP],
        &[CODES, LOCAL, SECRET],
        &[CODES, OF_AN_APP, PUBLIC],
        &[OWN, SECRET, BOT],
        &[CODES, CALLBACK],
    ];
    for lines in rows {
        let text = application(lines);
        load(&text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
    }
}

#[test]
fn values_out_of_range_say_what_is_right() {
    for (text, hint) in [
        ("public_url = \"http://sso.example.org\"", "must be https"),
        (
            "public_url = \"https://sso.example.org/x\"",
            "without a path",
        ),
        ("[lifetimes]\naccess_token = \"15m\"", "1800s"),
        ("[lifetimes]\nsession = \"91d\"", "between"),
        ("[lifetimes]\nsession = \"soon\"", "60s, 10m, 8h or 90d"),
        ("region = \"US East\"", "us-east-1"),
        ("[targets.a]\naccess_key_id = \"A\"", "both"),
        ("[targets.a]\nmethod = \"magic\"", "web_identity"),
        (
            "[targets.a]\nmethod = \"web_identity\"\naccess_key_id = \"A\"\nsecret_access_key = \"s\"",
            "needs no keys",
        ),
        (
            "[targets.a]\nmethod = \"web_identity\"\nexternal_id = \"4711\"",
            "external_id",
        ),
        ("[targets.a]\naudience = \"a\"", "web_identity"),
        ("[tls]\ncert = \"c\"", "both"),
        ("trusted_proxies = [\"x\"]", "no address"),
        ("trusted_proxies = [\"0.0.0.0/0\"]", "everybody"),
        ("[refresh]\ngrace = \"11m\"", "refresh.grace"),
        ("[limits]\nconnections = 0", "between 1"),
        (
            "[registration]\nallowed_origins = [\"https://App.example.org/\"]",
            "lower case",
        ),
        ("start_url_aliases = [\"corp\"]", "awsapps.com/start"),
    ] {
        let error = refused(text);
        assert!(error.contains(hint), "{text}: {error}");
    }
}
