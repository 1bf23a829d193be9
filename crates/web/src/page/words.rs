//! Times and scopes in plain words.

use claviger_engine::{
    confinement::{self, Shown},
    context::Context,
    error::Error,
    web_session::SignedIn,
};
use claviger_model::{
    scope::{
        ACCOUNT_ACCESS, EMAIL, GROUPS, LEGACY_PORTAL, OFFLINE_ACCESS, OPENID, PROFILE, Reach,
        ScopeSet, minutes, policy,
    },
    time::Timestamp,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// A moment, for people and for machines.
pub(crate) struct Moment {
    /// `25 November 2026, 14:05 UTC`.
    pub(crate) text: String,
    /// RFC 3339, for `<time datetime>`.
    pub(crate) machine: String,
}

/// Spells a moment out. Pages know no time zone but UTC, and say so.
pub(crate) fn moment(at: Timestamp) -> Moment {
    let format =
        format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    let date = OffsetDateTime::from_unix_timestamp(at.epoch_seconds())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Moment {
        text: date.format(format).unwrap_or_default(),
        machine: date.format(&Rfc3339).unwrap_or_default(),
    }
}

/// How long ago something was.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    match now.seconds_since(at) {
        ..5 => "just now".to_owned(),
        seconds => format!("{} ago", span(seconds)),
    }
}

/// A span in its two largest units at most.
pub(crate) fn span(seconds: i64) -> String {
    let parts = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let mut left = seconds.max(0);
    let mut words = Vec::new();
    for (length, name) in parts {
        let count = left / length;
        left %= length;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            words.push(format!("{count} {name}{plural}"));
        } else if !words.is_empty() {
            break;
        }
        // Nobody counts seconds beyond the first minute.
        if words.len() == 2 || (!words.is_empty() && length == 60) {
            break;
        }
    }
    if words.is_empty() {
        "no time".to_owned()
    } else {
        words.join(" ")
    }
}

/// What scopes let an application do with the person's accounts, a sentence each.
pub(crate) async fn abilities(
    context: &Context,
    signed_in: &SignedIn,
    scopes: &ScopeSet,
) -> Result<Vec<String>, Error> {
    let confined = confinement::shown(context, signed_in, scopes).await?;
    Ok(sentences(scopes, &confined))
}

fn sentences(scopes: &ScopeSet, confined: &[Shown]) -> Vec<String> {
    let reach = scopes.reach();
    let mut sentences: Vec<String> = confined.iter().map(confinement).collect();
    if reach == Reach::Everything {
        sentences.push(PORTAL.to_owned());
    }
    if let Some(longest) = scopes.longest() {
        let long = span(i64::from(longest.as_seconds()));
        sentences.push(format!("All of it for {long} at most"));
    }
    for scope in scopes.iter() {
        let sentence = match scope {
            ACCOUNT_ACCESS | LEGACY_PORTAL => continue,
            limiting if minutes(limiting).is_some() => continue,
            limiting if policy(limiting).is_some() => {
                let name = policy(limiting).unwrap_or_default();
                format!("All of it within the policy “{name}” of your organisation")
            }
            confining if confining.starts_with("sso:account:") => continue,
            // Refreshing is what every application may do that asked for it.
            OFFLINE_ACCESS => continue,
            OPENID => "Recognise you the next time".to_owned(),
            PROFILE => "Read your name".to_owned(),
            EMAIL => "Read your email address".to_owned(),
            GROUPS => "Read which groups you are in".to_owned(),
            unknown => format!("“{unknown}”, which opens nothing here"),
        };
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

fn confinement(shown: &Shown) -> String {
    let id = &shown.account_id;
    match (&shown.account_name, &shown.role) {
        (Some(name), Some(role)) => {
            format!("Draw credentials for the role {role} in {name} ({id})")
        }
        (Some(name), None) => format!("Draw credentials for each of your roles in {name} ({id})"),
        (None, Some(role)) => format!("Nothing as {role} in {id}: you do not have that role"),
        (None, None) => format!("Nothing in {id}: you have no role there"),
    }
}

const PORTAL: &str = "See your accounts and draw credentials for each of your roles";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_speech() {
        for (seconds, text) in [
            (-3, "no time"),
            (0, "no time"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "1 minute"),
            (3_599, "59 minutes"),
            (3_600, "1 hour"),
            (3_661, "1 hour 1 minute"),
            (7_200 + 45, "2 hours"),
            (86_400 + 59, "1 day"),
            (2 * 86_400 + 3_600, "2 days 1 hour"),
        ] {
            assert_eq!(span(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn moments_name_their_zone() {
        let moment = moment(Timestamp::from_epoch_seconds(1_795_615_500));
        assert_eq!(moment.text, "25 November 2026, 14:05 UTC");
        assert_eq!(moment.machine, "2026-11-25T14:05:00Z");
    }

    #[test]
    fn scopes_are_told_once_and_unknown_ones_by_name() {
        let set = |joined| ScopeSet::parse_joined(joined).expect("scopes");
        let told = |joined| sentences(&set(joined), &[]);
        assert_eq!(told(""), [PORTAL]);
        assert_eq!(told("sso:account:access sso-portal:*"), [PORTAL]);
        assert!(told("a:b").iter().all(|text| text.contains("a:b")));
    }
}
