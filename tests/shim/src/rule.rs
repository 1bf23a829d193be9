//! Rules, and how often they were met.

use std::{fs, io::Write as _, os::unix::fs::MetadataExt as _, path::PathBuf};

use libc::c_int;

/// A kind of call.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Call {
    Write,
    Sync,
    Truncate,
    Send,
    Resolve,
}

/// What befalls it.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    Fail(c_int),
    Short,
    Delay(u64),
    Kill,
    Half,
    Lose,
}

struct Rule {
    /// Nothing stands for any.
    call: Option<Call>,
    targets: Vec<String>,
    nth: u64,
    and_later: bool,
    action: Action,
    met: u64,
    text: String,
}

/// The rules as they are now.
pub(crate) struct Rules {
    path: PathBuf,
    version: Option<(u64, i64, i64)>,
    rules: Vec<Rule>,
    clock: i64,
}

impl Rules {
    /// Those of the file that the environment names.
    #[expect(
        clippy::disallowed_methods,
        reason = "a library that is preloaded has no other way to be told"
    )]
    pub(crate) fn of_environment() -> Self {
        Self {
            path: std::env::var_os("CLAVIGER_SHIM")
                .map(PathBuf::from)
                .unwrap_or_default(),
            version: None,
            rules: Vec::new(),
            clock: 0,
        }
    }

    /// What befalls this call; it is written down.
    pub(crate) fn strike(&mut self, call: Call, target: &str) -> Option<Action> {
        self.look();
        let rule = self
            .rules
            .iter_mut()
            .find_map(|rule| rule.strikes(call, target).then_some(rule))?;
        let action = rule.action;
        let line = format!("{} at {target}\n", rule.text);
        let struck = self.path.with_extension("struck");
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(struck);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
        if matches!(action, Action::Kill | Action::Half | Action::Lose) {
            let _ = fs::remove_file(&self.path);
        }
        Some(action)
    }

    /// How many seconds the calendar is ahead.
    pub(crate) fn clock(&mut self) -> i64 {
        self.look();
        self.clock
    }

    /// Reads the rules where they have changed.
    fn look(&mut self) {
        let version = fs::metadata(&self.path);
        let version = version
            .ok()
            .map(|file| (file.ino(), file.mtime(), file.mtime_nsec()));
        if version == self.version {
            return;
        }
        self.version = version;
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let clock = |line: &str| line.strip_prefix("clock ").and_then(|by| by.parse().ok());
        self.clock = text.lines().find_map(clock).unwrap_or_default();
        let rules = text.lines().filter(|line| clock(line).is_none());
        self.rules = rules.map(Rule::parse).collect();
    }
}

impl Rule {
    #[expect(
        clippy::panic,
        reason = "a rule that cannot be read would break nothing, unseen"
    )]
    fn parse(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|| panic!("no such rule: {text}"))
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let call = match words.next()? {
            "write" => Some(Call::Write),
            "sync" => Some(Call::Sync),
            "truncate" => Some(Call::Truncate),
            "send" => Some(Call::Send),
            "resolve" => Some(Call::Resolve),
            "any" => None,
            _ => return None,
        };
        let targets = words.next()?.split(',').map(str::to_owned).collect();
        let nth = words.next()?;
        let action = match (words.next()?, words.next()) {
            ("fail", Some(errno)) => Action::Fail(errno.parse().ok()?),
            ("delay", Some(milliseconds)) => Action::Delay(milliseconds.parse().ok()?),
            ("short", None) => Action::Short,
            ("kill", None) => Action::Kill,
            ("half", None) => Action::Half,
            ("lose", None) => Action::Lose,
            _ => return None,
        };
        Some(Self {
            call,
            targets,
            nth: nth.trim_end_matches('+').parse().ok()?,
            and_later: nth.ends_with('+'),
            action,
            met: 0,
            text: text.to_owned(),
        })
    }

    /// Counts the call if it is one of these, and says whether it is the one.
    fn strikes(&mut self, call: Call, target: &str) -> bool {
        let is_it = self.call.map_or(call != Call::Resolve, |own| own == call)
            && self.targets.iter().any(|part| target.contains(part));
        if !is_it {
            return false;
        }
        self.met += 1;
        self.met == self.nth || (self.and_later && self.met > self.nth)
    }
}
