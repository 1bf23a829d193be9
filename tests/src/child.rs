//! Built programs as children: run to their end, or watched line by line. None outlives its test,
//! none is waited for without a deadline.

use std::{
    fmt,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{scan, secrets::Secrets};

/// How long anything may take; only something that hangs ever meets it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The built claviger: `CLAVIGER_BIN`, or the one beside the running test.
#[expect(
    clippy::disallowed_methods,
    reason = "which binary is tested is for the caller to say"
)]
pub fn claviger() -> PathBuf {
    let path = std::env::var_os("CLAVIGER_BIN")
        .map_or_else(|| target_directory().join("claviger"), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there; run `cargo build -p claviger` first, or name one in CLAVIGER_BIN",
        path.display()
    );
    path
}

/// A built example of this workspace.
pub fn example(name: &str) -> PathBuf {
    let path = target_directory().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not there; run `cargo build --workspace --example {name}` first",
        path.display()
    );
    path
}

/// Something else of this workspace that cargo builds.
#[track_caller]
pub fn built(name: &str, package: &str) -> PathBuf {
    let path = target_directory().join(name);
    assert!(
        path.exists(),
        "{} is not there; run `cargo build -p {package}` first",
        path.display()
    );
    path
}

/// Where cargo put the running test.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let debug = test.parent().and_then(|deps| deps.parent());
    debug.expect("a target directory").to_owned()
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code and shows everything when it is another one.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Asserts that standard error holds each of `parts`.
    #[track_caller]
    pub fn assert_says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing in\n{self}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in\n{self}"))
    }
}

/// Prints as one transcript.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status.code() {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "{}", self.status)?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// Runs a command to its end, without standard input.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    Running::start(command).end()
}

/// Runs a command that reads `input`.
#[track_caller]
pub fn run_with_input(command: &mut Command, input: &str) -> Ended {
    let mut running = Running::start_piped(command);
    running.say(input);
    running.close_input();
    running.end()
}

/// What a child has written so far.
#[derive(Debug, Default)]
struct Heard {
    lines: Vec<String>,
    closed: bool,
}

/// One stream of a child, read by a thread of its own.
#[derive(Clone, Debug, Default)]
struct Stream(Arc<(Mutex<Heard>, Condvar)>);

impl Stream {
    fn listen(source: impl Read + Send + 'static) -> Self {
        let stream = Self::default();
        let ours = stream.clone();
        thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while let Ok(1..) = source.read_until(b'\n', &mut line) {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                ours.lock().lines.push(text);
                ours.0.1.notify_all();
                line.clear();
            }
            ours.lock().closed = true;
            ours.0.1.notify_all();
        });
        stream
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` answers something, the stream ends, or patience does.
    fn wait<T>(&self, mut found: impl FnMut(&Heard) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.lock();
        loop {
            if let Some(found) = found(&heard) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if heard.closed || left.is_zero() {
                return None;
            }
            let waited = self.0.1.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn text(&self) -> String {
        let heard = self.lock();
        heard
            .lines
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }
}

/// A child that runs; it is killed when this is dropped. What a server wrote is then searched for
/// secrets (LEA-01).
#[derive(Debug)]
pub struct Running {
    shown: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
    /// What a server must never write.
    secrets: Option<Secrets>,
}

impl Running {
    /// Starts a command without standard input.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a server whose callers add what they send and receive to `secrets`.
    #[track_caller]
    pub fn start_server(command: &mut Command, secrets: &Secrets) -> Self {
        let mut running = Self::start(command);
        running.secrets = Some(secrets.clone());
        running
    }

    /// Starts a command that is spoken to by [`Running::say`].
    #[track_caller]
    pub fn start_piped(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::piped()))
    }

    #[track_caller]
    fn spawn(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{shown} cannot be run: {error}"));
        let stdout = Stream::listen(child.stdout.take().expect("standard output"));
        let stderr = Stream::listen(child.stderr.take().expect("standard error"));
        Self {
            shown,
            child,
            stdout,
            stderr,
            secrets: None,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub fn say(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("a piped child");
        // A child that is gone already says so by how it ended.
        let _ = input.write_all(text.as_bytes());
        let _ = input.flush();
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for a line of standard output that `pick` picks something from.
    #[track_caller]
    pub fn stdout_line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> T {
        self.line(&self.stdout, &pick)
    }

    /// Waits for a line of standard error that `pick` picks something from.
    #[track_caller]
    pub fn stderr_line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> T {
        self.line(&self.stderr, &pick)
    }

    #[track_caller]
    fn line<T>(&self, stream: &Stream, pick: &dyn Fn(&str) -> Option<T>) -> T {
        let found = stream.wait(|heard| heard.lines.iter().find_map(|line| pick(line)));
        found.unwrap_or_else(|| {
            panic!(
                "{} never wrote the line\n--- stdout\n{}--- stderr\n{}",
                self.shown,
                self.stdout.text(),
                self.stderr.text()
            )
        })
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The secrets that a server wrote. Where it prints for its person, their password and user
    /// codes are no leak.
    fn leaks(&self) -> Vec<scan::Find> {
        let Some(secrets) = &self.secrets else {
            return Vec::new();
        };
        let ends = |stream: &Stream| {
            let _ = stream.wait(|heard| heard.closed.then_some(()));
            stream.text()
        };
        let (stdout, stderr) = (ends(&self.stdout), ends(&self.stderr));
        let mut found = scan::find(&secrets.all(), &stderr);
        found.extend(scan::find(&secrets.all_but_shown(), &stdout));
        found.extend([stdout, stderr].iter().flat_map(|text| scan::tokens(text)));
        found
    }

    /// Whether it has not ended.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        signal(self.id(), "TERM");
    }

    /// Ends it at once, as the loss of the machine would.
    pub fn kill(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stderr.text()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            // Closed streams are the usual sign of the end; the status follows at once.
            let _ = self.stdout.wait(|heard| heard.closed.then_some(()));
            match self.child.try_wait().expect("the status of a child") {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!(
                    "{} does not end\n--- stdout\n{}--- stderr\n{}",
                    self.shown,
                    self.stdout.text(),
                    self.stderr.text()
                ),
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let _ = self.stderr.wait(|heard| heard.closed.then_some(()));
        Ended {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let leaks = self.leaks();
        if leaks.is_empty() {
            return;
        }
        let found = format!("secrets were written down: {leaks:#?}\nby {}", self.shown);
        // A second panic would end the run.
        if thread::panicking() {
            let _ = writeln!(std::io::stderr(), "{found}");
        } else {
            panic!("{found}");
        }
    }
}

/// Sends a signal by its name.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "no signal {name} for {process}"
    );
}

/// Waits until `condition` holds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
