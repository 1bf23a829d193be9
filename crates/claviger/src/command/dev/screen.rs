//! What `dev` shows: who can sign in, the line to paste, then a quiet line per request.

use claviger_web::activity::{Activity, Observer};
use serde_json::{Value, json};

use super::instance::DevInstance;
use crate::{aws_files::AccountRoles, output};

/// Shows an instance and its requests, to people or to programs.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    json: bool,
}

impl Screen {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// The first thing that is shown.
    pub(super) fn welcome(self, instance: &DevInstance, exposed: bool) {
        let text = if self.json {
            describe(instance).to_string()
        } else {
            greet(instance)
        };
        output::line(&text);
        if exposed {
            output::note(
                "claviger: others than this machine can reach this instance. Its password and control \
                 token are random; whoever has them is alice. It is no place for real secrets.",
            );
        }
    }
}

/// What a program must know of the instance.
pub(super) fn describe(instance: &DevInstance) -> Value {
    let links = &instance.context.links;
    let accounts: Vec<_> = instance
        .accounts
        .iter()
        .map(|account| json!({ "id": account.id, "name": account.name, "roles": account.roles }))
        .collect();
    json!({
        "issuer": links.issuer(),
        "start_url": links.start_url(),
        "aws_start_url": instance.context.links.sso_start_url(),
        "region": links.region(),
        "user": instance.user,
        "password": instance.world.password.reveal(),
        "accounts": accounts,
        "aws_config_file": instance.aws.config,
        "aws_data_path": instance.aws.data_path,
        "ca_bundle": instance.ca_bundle,
        "data_dir": instance.data_dir,
        "control_url": instance.control_url(),
        "control_token": instance.bearer.reveal(),
    })
}

/// How many accounts, and roles of each, a greeting names.
const SHOWN: usize = 8;

fn greet(instance: &DevInstance) -> String {
    let width = instance
        .accounts
        .iter()
        .map(|account| account.name.chars().count())
        .max();
    let width = width.unwrap_or_default();
    let line = |(position, account): (usize, &AccountRoles)| {
        let label = if position == 0 { "Accounts" } else { "" };
        let AccountRoles { id, name, roles } = account;
        let shown = roles.iter().take(SHOWN).cloned();
        let shown: Vec<_> = shown.chain(more_than_shown(roles.len())).collect();
        format!("  {label:<10} {id}  {name:<width$}  {}\n", shown.join(", "))
    };
    let accounts = instance.accounts.iter().take(SHOWN).enumerate().map(line);
    let more = more_than_shown(instance.accounts.len());
    let more = more.map(|more| format!("  {:<10} {more}\n", ""));
    let accounts = accounts.chain(more).collect::<Vec<_>>().concat();
    format!(
        "Claviger is ready at {start}\n\n\
         \x20 {sign_in:<10} {user}, password: {password}\n\
         {accounts}\n\
         Paste this line into another terminal to point any AWS CLI at it:\n\n\
         \x20 {line}\n\n\
         then:\n\n\
         \x20 aws sso login\n\
         \x20 aws sts get-caller-identity\n\n\
         Ctrl-C ends it{gone}; the next start has a line and a login of its own. Requests:\n",
        start = instance.context.links.start_url(),
        sign_in = "Sign in as",
        user = instance.user,
        password = instance.world.password.reveal(),
        line = paste(instance),
        gone = if instance.data_dir.starts_with(instance.home.path()) {
            " and removes its store"
        } else {
            ""
        },
    )
}

fn more_than_shown(count: usize) -> Option<String> {
    let more = count.checked_sub(SHOWN).filter(|more| *more > 0)?;
    Some(format!("and {more} more"))
}

/// The one line that points a shell's AWS clients at the instance.
fn paste(instance: &DevInstance) -> String {
    let quote =
        |path: &std::path::Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let ca = instance
        .ca_bundle
        .as_deref()
        .map_or_else(String::new, |path| {
            format!(" AWS_CA_BUNDLE={}", quote(path))
        });
    format!(
        "export AWS_CONFIG_FILE={} AWS_DATA_PATH={}{ca}",
        quote(&instance.aws.config),
        quote(&instance.aws.data_path)
    )
}

impl Observer for Screen {
    fn saw(&self, activity: &Activity) {
        if self.json {
            output::line(&to_json(activity));
        } else if let Some(text) = to_line(activity) {
            output::line(&text);
        }
    }
}

fn to_json(activity: &Activity) -> String {
    json!({
        "operation": activity.operation,
        "client": activity.client,
        "person": activity.person,
        "user_code": activity.user_code,
        "status": activity.status,
        "error": activity.error,
        "fault": activity.fault,
    })
    .to_string()
}

/// One line, or none for a poll that is still pending: those come every second.
fn to_line(activity: &Activity) -> Option<String> {
    if activity.error.as_deref() == Some("AuthorizationPendingException") {
        return None;
    }
    let code = activity.user_code.clone().unwrap_or_default();
    let client = activity.client.clone().unwrap_or_default();
    let words = if let Some(person) = &activity.person {
        // Without a code, as on the consent page, the application says what it was about.
        let what = if code.is_empty() { client } else { code };
        vec![person.clone(), activity.operation.to_owned(), what]
    } else {
        let status = match &activity.error {
            Some(error) => format!("{} {error}", activity.status),
            None if activity.status == 0 => String::new(),
            None if code.is_empty() => activity.status.to_string(),
            None => String::new(),
        };
        let fault = activity.fault.map(|fault| format!("fault {fault}"));
        let fault = fault.unwrap_or_default();
        vec![activity.operation.to_owned(), client, code, status, fault]
    };
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    Some(
        words
            .join(" ")
            .chars()
            .filter(|c| !c.is_control())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_quiet_and_name_what_matters() {
        let seen = |operation,
                    client: Option<&str>,
                    person: Option<&str>,
                    code: Option<&str>,
                    status,
                    error: Option<&str>| Activity {
            operation,
            client: client.map(str::to_owned),
            person: person.map(str::to_owned),
            user_code: code.map(str::to_owned),
            status,
            error: error.map(str::to_owned),
            fault: None,
        };
        let line = |activity: Activity| to_line(&activity);
        assert_eq!(
            line(seen(
                "StartDeviceAuthorization",
                Some("aws-cli"),
                None,
                Some("BCDF-GHJK"),
                200,
                None
            )),
            Some("StartDeviceAuthorization aws-cli BCDF-GHJK".to_owned())
        );
        assert_eq!(
            line(seen(
                "approved",
                None,
                Some("alice"),
                Some("BCDF-GHJK"),
                303,
                None
            )),
            Some("alice approved BCDF-GHJK".to_owned())
        );
        assert_eq!(
            line(seen("CreateToken", None, None, None, 200, None)),
            Some("CreateToken 200".to_owned())
        );
        let pending = Some("AuthorizationPendingException");
        assert_eq!(
            line(seen("CreateToken", None, None, None, 400, pending)),
            None
        );
        assert_eq!(
            line(seen(
                "CreateToken",
                Some("x\u{1b}[2J"),
                None,
                None,
                400,
                Some("InvalidGrantException")
            )),
            Some("CreateToken x[2J 400 InvalidGrantException".to_owned())
        );
    }
}
