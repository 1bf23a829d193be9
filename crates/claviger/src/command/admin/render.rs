//! Answers as people read them: aligned columns, one thing a line.

use claviger_model::client::fools_a_reader;

use super::request::{Answer, Change};

/// The text of an answer, without a line break at its end.
pub(crate) fn render(answer: &Answer) -> String {
    match answer {
        Answer::Changes { applied, changes } => changes_text(*applied, changes),
        Answer::Users { users } => table(
            &["USER", "NAME", "EMAIL", "STATE"],
            users.iter().map(|user| {
                let email = user.email.clone().unwrap_or_default();
                vec![
                    user.name.clone(),
                    user.display_name.clone(),
                    email,
                    user.state.clone(),
                ]
            }),
        ),
        Answer::Sessions { sessions } => table(
            &["SESSION", "USER", "CLIENT", "SINCE", "UNTIL"],
            sessions.iter().map(|session| {
                vec![
                    session.id.clone(),
                    session.user.clone(),
                    session.client.clone(),
                    session.created_at.clone(),
                    session.expires_at.clone(),
                ]
            }),
        ),
        Answer::Machine(new) => format!(
            "application        {}\nclient id          {}\naccess key id      {}\n\
             secret access key  {}\n\nKeep the secret now: it is not shown again.",
            new.application, new.client_id, new.access_key_id, new.secret_access_key
        ),
        Answer::Machines { machines } => table(
            &["ACCESS KEY ID", "APPLICATION", "STATE", "SINCE"],
            machines.iter().map(|machine| {
                vec![
                    machine.access_key_id.clone(),
                    machine.application.clone(),
                    machine.state.clone(),
                    machine.created_at.clone(),
                ]
            }),
        ),
        Answer::Epochs { epochs } => table(
            &["EPOCH", "STATE", "SINCE"],
            epochs.iter().map(|epoch| {
                vec![
                    epoch.number.to_string(),
                    epoch.state.clone(),
                    epoch.since.clone(),
                ]
            }),
        ),
        Answer::Audit { records } => table(
            &[
                "TIME", "ACTION", "ACTOR", "SUBJECT", "CLIENT", "ADDRESS", "SESSION", "DETAIL",
            ],
            records.iter().map(|record| {
                let or_dash =
                    |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                vec![
                    record.at.clone(),
                    record.action.clone(),
                    record.actor.clone(),
                    record.subject.clone(),
                    or_dash(&record.client),
                    or_dash(&record.address),
                    or_dash(&record.session_id),
                    record.detail.clone(),
                ]
            }),
        ),
        Answer::Done { message } => message.clone(),
        Answer::Refused { because } => because.clone(),
    }
}

fn changes_text(applied: bool, changes: &[Change]) -> String {
    if changes.is_empty() {
        return "Store and file agree; there is nothing to change.".to_owned();
    }
    let lines = changes.iter().map(|change| {
        let sign = match change.verb.as_str() {
            "add" => '+',
            "remove" => '-',
            _ => '~',
        };
        let detail = &change.detail;
        let detail = if detail.is_empty() {
            String::new()
        } else {
            format!(" ({detail})")
        };
        format!("{sign} {}{}", plain(&change.subject), plain(&detail))
    });
    let lines = lines.collect::<Vec<_>>().join("\n");
    let count = match changes.len() {
        1 => "One change".to_owned(),
        count => format!("{count} changes"),
    };
    if applied {
        format!("{lines}\n\n{count} applied.")
    } else {
        format!("{lines}\n\n{count}, not made yet: `claviger admin apply` makes them.")
    }
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(rows.map(|row| row.iter().map(|c| plain(c)).collect()))
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Names come from strangers: what could steer a terminal, or turn what is read, is shown escaped
/// (ADM-07).
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped: Vec<char> = if fools_a_reader(c) {
                c.escape_default().collect()
            } else {
                vec![c]
            };
            escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::request::User, *};

    #[test]
    fn adm_07_columns_align_and_nothing_steers_the_terminal() {
        let user = |name: &str, display_name: &str| User {
            name: name.into(),
            display_name: display_name.into(),
            email: None,
            state: "active".into(),
        };
        let users = vec![
            user("alice", "Alice"),
            user("b", "\u{1b}[31mBob\n\u{202e}x"),
        ];
        assert_eq!(
            render(&Answer::Users { users }),
            [
                "USER   NAME                      EMAIL  STATE",
                "alice  Alice                            active",
                r"b      \u{1b}[31mBob\n\u{202e}x         active",
            ]
            .join("\n")
        );
    }
}
