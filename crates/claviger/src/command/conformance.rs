//! `claviger conformance`: checks any server of either dialect from the outside.

use std::{fs, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use claviger_conformance::{
    Approver, Check, Control, Dialect, Http, Outcome, Pace, Pages, Person, Picked, Plan, Verdict,
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use url::Url;

use crate::{
    exit::{CONFIGURATION, Exit, ExitCode as _, UNAVAILABLE},
    output,
};

#[derive(Args)]
#[command(after_help = "Examples:
  claviger dev --login none -- claviger conformance
  claviger conformance https://sso.example.org --user alice --password-file password
  claviger conformance https://sso.example.org --only portal --only refresh.lost_answer
  claviger conformance https://login.example.org --dialect oauth --user alice --password-file password

Somebody has to approve devices and applications. --control-token does it by the control API of
`claviger dev`, --user and --password-file by the server's own pages; without either you are told what
to open. Each check makes clients and sessions of its own and ends only those.

Exits with 0 when no check failed, 1 when one did, 69 when the server does not answer.")]
pub(crate) struct Conformance {
    /// The server; API and pages below one address
    #[arg(env = "CLAVIGER_ISSUER", required_unless_present = "list")]
    url: Option<String>,
    /// What the server speaks: that of AWS IAM Identity Center, or OAuth 2.0 and OpenID Connect
    #[arg(long, value_enum, default_value_t)]
    dialect: Spoken,
    /// What clients of AWS send as startUrl [default: URL/start]
    #[arg(long, value_name = "URL")]
    start_url: Option<String>,
    /// The control token of `claviger dev`: approves, and moves the server's clock; --user goes before
    #[arg(
        long,
        value_name = "TOKEN",
        env = "CLAVIGER_CONTROL_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    control_token: Option<String>,
    /// Somebody who signs in at the server's pages; for the dialect of AWS somebody with a role
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file that holds the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Make the slow checks, too: they wait until codes and tokens expire, for half an hour in all
    #[arg(long)]
    slow: bool,
    /// Make only this check, or those of this part (device, portal, …); may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the checks and make none
    #[arg(long)]
    list: bool,
    /// Print one JSON document with all outcomes; the lines go to standard error
    #[arg(long)]
    json: bool,
    /// The authority of the server's certificate, PEM; the machine's own where left out
    #[arg(
        long,
        value_name = "FILE",
        env = "AWS_CA_BUNDLE",
        hide_env_values = true
    )]
    ca_bundle: Option<PathBuf>,
}

/// The dialect, as it is named here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Spoken {
    #[default]
    Aws,
    Oauth,
}

impl Spoken {
    const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Oauth => "oauth",
        }
    }

    fn checks(self) -> Vec<&'static Check> {
        self.dialect().checks()
    }

    const fn dialect(self) -> Dialect {
        match self {
            Self::Aws => Dialect::Aws,
            Self::Oauth => Dialect::Oauth,
        }
    }
}

pub(crate) async fn run(conformance: Conformance) -> Result<ExitCode, Exit> {
    if conformance.list {
        list(&conformance.dialect.checks(), conformance.json);
        return Ok(ExitCode::SUCCESS);
    }
    let json = conformance.json;
    let say = if json { output::note } else { output::line };
    let plan = plan(conformance).await.exit(CONFIGURATION)?;
    let width = width(&plan.dialect.checks());
    let tell = |outcome: &Outcome| say(&line(outcome, width));
    let report = claviger_conformance::run(plan, tell)
        .await
        .exit(UNAVAILABLE)?;
    let (passed, failed, skipped) = (report.passed, report.failed, report.skipped);
    say(&format!(
        "\n{passed} passed, {failed} failed, {skipped} skipped"
    ));
    if json {
        output::line(&serde_json::to_string(&report).context("the report cannot be written")?);
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

async fn plan(conformance: Conformance) -> anyhow::Result<Plan> {
    let approver = approver(&conformance).await?;
    let roots = conformance.ca_bundle.as_deref().map(|path| {
        let roots =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        roots.with_context(|| format!("{} cannot be read", path.display()))
    });
    let url = conformance
        .url
        .context("name the server: `claviger conformance URL`")?;
    let parsed = url.parse::<Url>().ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = parsed.with_context(|| {
        format!("{url} is no address of a server; it begins with https:// or http://")
    })?;
    let checks = conformance.dialect.checks();
    let is_unknown = |only: &&String| !checks.iter().any(|check| check.is_named(only));
    if let Some(unknown) = conformance.only.iter().find(is_unknown) {
        bail!(
            "the dialect has no check {unknown}; `claviger conformance --dialect {} --list` lists them",
            conformance.dialect.name()
        );
    }
    let http = Http::new(url, roots.transpose()?.unwrap_or_default());
    Ok(Plan {
        http: http.context("no certificate of this machine can be read; give --ca-bundle")?,
        dialect: conformance.dialect.dialect(),
        start_url: conformance.start_url,
        approver,
        picked: Picked {
            slow: conformance.slow,
            only: conformance.only,
        },
        note: output::note,
    })
}

async fn approver(conformance: &Conformance) -> anyhow::Result<Approver> {
    if let (Some(user), Some(path)) = (&conformance.user, &conformance.password_file) {
        let password = fs::read_to_string(path);
        let password = password.with_context(|| format!("{} cannot be read", path.display()))?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        return Ok(Approver::Pages(Pages::new(user.clone(), password)));
    }
    if let Some(token) = &conformance.control_token {
        return Ok(Approver::Control(Control::new(token.clone())));
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "nobody is there to approve: give --user and --password-file, or --control-token, or \
             run it in a terminal"
        );
    }
    let person = Person::new(output::note).await;
    Ok(Approver::Person(
        person.context("no port of 127.0.0.1 is free")?,
    ))
}

/// How wide the column is that tells where a check is written.
fn width(checks: &[&Check]) -> usize {
    let widths = checks.iter().map(|check| check.written.chars().count());
    widths.max().unwrap_or_default()
}

/// One line: how it ended, what it was, where it is written, and why.
fn line(outcome: &Outcome, width: usize) -> String {
    let verdict = match outcome.verdict {
        Verdict::Passed => "ok  ",
        Verdict::Failed => "FAIL",
        Verdict::Skipped => "skip",
    };
    let line = format!(
        "{verdict}  {:<45}  {:<width$}",
        outcome.name, outcome.written
    );
    match &outcome.reason {
        Some(reason) => format!("{line}  {reason}"),
        None => line.trim_end().to_owned(),
    }
}

fn list(checks: &[&Check], json: bool) {
    if json {
        let checks = checks.iter().map(|check| {
            json!({
                "name": check.name,
                "written": check.written,
                "cases": check.cases,
                "slow": check.pace == Pace::Slow,
            })
        });
        output::line(&checks.collect::<Value>().to_string());
        return;
    }
    let width = width(checks);
    for Check {
        name,
        written,
        cases,
        pace,
    } in checks
    {
        let cases = cases.join(" ");
        let slow = if *pace == Pace::Slow { "  (slow)" } else { "" };
        let line = format!("{name:<45}  {written:<width$}  {cases}{slow}");
        output::line(line.trim_end());
    }
}
