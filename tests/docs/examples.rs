//! Each example of the page against the built program, one language a test: the device code while
//! it is still pending, then an authorization code, then a refresh.

use std::collections::BTreeSet;

use crate::{
    page::{block, blocks},
    terminal::Terminal,
};

/// A language, and what the reader types for device code, authorization code and refresh token.
type Language = (&'static str, [&'static str; 3]);

const CURL: Language = (
    "bash",
    [
        ". ./device-code.curl.sh",
        ". ./authorization-code.curl.sh",
        ". ./refresh-token.curl.sh",
    ],
);

const CLAVIGER: Language = (
    "bash",
    [
        ". ./device-code.claviger.sh",
        ". ./authorization-code.claviger.sh",
        ". ./refresh-token.claviger.sh",
    ],
);

const PYTHON: Language = (
    "python",
    [
        "python3 device_code.py",
        "python3 authorization_code.py",
        "python3 refresh_token.py",
    ],
);

const JAVASCRIPT: Language = (
    "javascript",
    [
        "node device-code.mjs",
        "node authorization-code.mjs",
        "node refresh-token.mjs",
    ],
);

const RUST: Language = (
    "rust",
    [
        "create_token device_code",
        "create_token authorization_code",
        "create_token refresh_token",
    ],
);

const LANGUAGES: [Language; 5] = [CURL, CLAVIGER, PYTHON, JAVASCRIPT, RUST];

/// What every tour runs besides.
const SETUP: [&str; 5] = [
    "setup.sh",
    "start-device.sh",
    "authorize.py",
    "authorize.sh",
    "keep.sh",
];

/// What is compared with the server instead of being run.
const SHAPES: [&str; 2] = ["answer.json", "error.json"];

/// Paws is on no registry that a fresh machine reaches; `http::paws` speaks its wire shape.
const PAWS: [&str; 3] = ["device-code.R", "authorization-code.R", "refresh-token.R"];

#[tokio::test]
async fn curl_redeems_all_three_grants() {
    tour(CURL).await;
}

#[tokio::test]
async fn claviger_oidc_redeems_all_three_grants() {
    tour(CLAVIGER).await;
}

#[tokio::test]
async fn python_redeems_all_three_grants() {
    tour(PYTHON).await;
}

#[tokio::test]
async fn javascript_redeems_all_three_grants() {
    tour(JAVASCRIPT).await;
}

#[tokio::test]
async fn rust_redeems_all_three_grants() {
    tour(RUST).await;
}

#[test]
fn the_rust_block_is_the_example_byte_for_byte() {
    let example = include_str!("../../crates/claviger/examples/create_token.rs");
    assert_eq!(block("create_token.rs").text, example);
}

#[test]
fn every_block_is_run_but_that_of_r() {
    let mut known: BTreeSet<&str> = SETUP.into_iter().chain(SHAPES).chain(PAWS).collect();
    for (_, commands) in LANGUAGES {
        known.extend(commands.iter().filter_map(|command| file_of(command)));
    }
    let there: BTreeSet<_> = blocks().iter().map(|block| block.name).collect();
    assert_eq!(there, known);
    assert_eq!(there.len(), blocks().len(), "two blocks have the same name");
    for (language, commands) in LANGUAGES {
        for name in commands.iter().filter_map(|command| file_of(command)) {
            assert_eq!(block(name).language, language, "{name}");
        }
    }
    for name in PAWS {
        assert_eq!(block(name).language, "r", "{name}");
    }
}

/// The block that a command runs.
fn file_of(command: &'static str) -> Option<&'static str> {
    match command.split_once(' ')? {
        ("create_token", _) => Some("create_token.rs"),
        (_, file) => Some(file.trim_start_matches("./")),
    }
}

async fn tour((_, [device_code, authorization_code, refresh_token]): Language) {
    let mut terminal = Terminal::open().await;
    terminal.run(". ./setup.sh");
    let link = start_device(&mut terminal);
    terminal.begin(device_code);
    terminal.approve_once_asked(&link).await;
    let first = Printed::by(&terminal.end());
    first.opens_the_portal(&terminal).await;

    terminal.begin(". ./authorize.sh");
    terminal.allow().await;
    terminal.end();
    let second = Printed::by(&terminal.run(authorization_code));
    second.opens_the_portal(&terminal).await;
    assert_ne!(first.refresh, second.refresh, "two sessions");

    let link = start_device(&mut terminal);
    terminal.approve(&link).await;
    terminal.run(". ./keep.sh");
    let refreshed = Printed::by(&terminal.run(refresh_token));
    refreshed.opens_the_portal(&terminal).await;
    let again = Printed::by(&terminal.run(refresh_token));
    assert_eq!(refreshed.refresh, again.refresh, "racing callers converge");
    let before = terminal.run("echo \"$CLAVIGER_REFRESH_TOKEN\"");
    assert_ne!(refreshed.refresh, before.trim(), "a refresh rotates");
}

/// Starts a device; answers the link that the reader opens.
fn start_device(terminal: &mut Terminal) -> String {
    let told = terminal.run(". ./start-device.sh");
    let link = told.lines().find_map(|line| line.strip_prefix("Open "));
    link.unwrap_or_else(|| panic!("no link in {told}"))
        .to_owned()
}

/// What an example printed, whether as lines or as JSON.
struct Printed {
    access: String,
    refresh: String,
}

impl Printed {
    fn by(text: &str) -> Self {
        let words: Vec<_> = text
            .split(|c: char| c.is_whitespace() || "\",:{}".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        let only = |prefix: &str| {
            let mut found = words.iter().filter(|word| word.starts_with(prefix));
            let first = found
                .next()
                .unwrap_or_else(|| panic!("no {prefix} in {text}"));
            assert!(found.next().is_none(), "more than one {prefix} in {text}");
            (*first).to_owned()
        };
        let seconds = words.iter().filter_map(|word| word.parse::<u32>().ok());
        assert_eq!(seconds.collect::<Vec<_>>(), [3600], "{text}");
        Self {
            access: only("cva1."),
            refresh: only("cvr1."),
        }
    }

    async fn opens_the_portal(&self, terminal: &Terminal) {
        let accounts = terminal.dev.aws().list_accounts(&self.access).await;
        accounts.assert_status(200);
    }
}
