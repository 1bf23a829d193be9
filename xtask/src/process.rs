//! Other programs: run in the root of the repository, their failure told by the command line.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::root;

/// A program to run in the root of the repository.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(root::path())
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if is_about_xtask(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

/// What `cargo run` told this program about its own package: handed on, it would let build
/// scripts believe that their surroundings changed, and so build twice.
fn is_about_xtask(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

/// Runs it with its output passed through; an exit status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", spelled(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", spelled(command));
    }
    Ok(())
}

/// Runs it and keeps what it wrote to stdout.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", spelled(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", spelled(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{}: not UTF-8", spelled(command)))
}

/// Whether it can be run at all and exits 0, whatever it says.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// How long after its end a program's output is still waited for. What it left running may hold
/// its stdout open for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs it with stdout both passed through and written to `file`.
pub(crate) fn run_recorded(command: &mut Command, file: &Path) -> anyhow::Result<()> {
    let record = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", spelled(command)))?;
    let (done, ended) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || done.send(record_lines(stdout, record)));
    }
    let status = child.wait()?;
    match ended.recv_timeout(PATIENCE) {
        Ok(copied) => copied.context("cannot record the output")?,
        Err(_) => bail!(
            "{} left a process behind that holds its output open: end every child in its test",
            spelled(command)
        ),
    }
    if !status.success() {
        bail!("{} failed ({status})", spelled(command));
    }
    Ok(())
}

fn record_lines(stdout: ChildStdout, mut record: File) -> std::io::Result<()> {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        record.write_all(&line)?;
        line.clear();
    }
    Ok(())
}

fn spelled(command: &Command) -> String {
    let mut text = format!("`{}", command.get_program().to_string_lossy());
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    text + "`"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_line() {
        let error = run(&mut command("false", &["a", "b"])).unwrap_err();
        assert!(
            error.to_string().starts_with("`false a b` failed"),
            "{error}"
        );
    }

    #[test]
    fn output_is_recorded_and_a_failure_still_told() {
        let file = std::env::temp_dir().join(format!("claviger-xtask-{}", std::process::id()));
        let script = "echo recorded; exit 3";
        let error = run_recorded(&mut command("sh", &["-c", script]), &file).unwrap_err();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "recorded\n");
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        std::fs::remove_file(&file).unwrap();
    }
}
