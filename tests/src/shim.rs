//! Breaks what a built program does with its disk and its network, at the very call that a test asks for: the
//! library of `tests/shim`, loaded into it. Its rules are told there.

use std::{fs, path::PathBuf};

use crate::{child, instance::Service, room::Room};

/// What `EIO` is called here.
pub const EIO: i32 = 5;

/// What `EINTR` is called here.
pub const EINTR: i32 = 4;

/// What `EROFS` is called here.
pub const EROFS: i32 = 30;

/// What `ENOSPC` is called here.
pub const ENOSPC: i32 = 28;

/// The rules of one program.
#[derive(Clone, Debug)]
pub struct Shim {
    rules: PathBuf,
}

impl Shim {
    /// Comes between a service and the world at its next start.
    #[track_caller]
    pub fn before(service: &mut Service) -> Self {
        let shim = Self::of(&service.room);
        service.environment = shim.environment().into();
        shim
    }

    /// Rules that lie in a room.
    pub fn of(room: &Room) -> Self {
        Self {
            rules: room.path().join("rules"),
        }
    }

    /// What a program's environment must hold.
    #[track_caller]
    pub fn environment(&self) -> [(String, String); 2] {
        let library = child::built("libclaviger_shim.so", "claviger-shim");
        [
            ("LD_PRELOAD", library.display().to_string()),
            ("CLAVIGER_SHIM", self.rules.display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// These rules hold from now on, counted from one.
    pub fn rule(&self, rules: &str) {
        let new = self.rules.with_extension("new");
        fs::write(&new, rules).expect("the rules");
        fs::rename(new, &self.rules).expect("the rules");
    }

    /// No rule holds any more.
    pub fn stop(&self) {
        self.rule("");
    }

    /// What struck so far, a line each: a fault that did not happen proves nothing.
    pub fn struck(&self) -> Vec<String> {
        let text = fs::read_to_string(self.rules.with_extension("struck"));
        let text = text.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
