//! `POST /start/credentials`: one role's credentials, ready to copy. They are never in an
//! address and never kept by the browser (POR-14).

use askama::Template;
use axum::body::Body;
use bytes::Bytes;
use claviger_engine::person;
use claviger_model::credentials::RoleCredentials;
use http::{Response, StatusCode};

use super::{
    error::Answer,
    frame::{Frame, page},
    own_path,
    visit::Visit,
    words::{self, Moment},
};
use crate::{activity::Activity, aws_config};

#[derive(Template)]
#[template(path = "credentials.html")]
struct CredentialsPage<'a> {
    frame: Frame,
    account: &'a str,
    role: &'a str,
    shell: String,
    profile: String,
    power_shell: String,
    ends: Moment,
    left: String,
    seconds_left: u32,
    config: String,
    login: String,
}

/// `POST /start/credentials`.
pub(crate) async fn draw(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(view(&visit, &body).await)
}

async fn view(visit: &Visit, body: &Bytes) -> Answer {
    let (signed_in, form) = visit.signed_form(body, own_path::DEFAULT).await?;
    let account = form.get("account").unwrap_or_default();
    let role = form.get("role").unwrap_or_default();
    let context = visit.context();
    let drawn =
        person::role_credentials(context, &visit.requester, &signed_in, account, role).await?;
    let seconds_left = drawn.expiration.remaining(context.now()).as_seconds();
    let template = CredentialsPage {
        frame: Frame::of(&visit.app, &signed_in, own_path::DEFAULT),
        account,
        role,
        shell: shell(&drawn),
        profile: profile(&drawn, &aws_config::profile(account, role)),
        power_shell: power_shell(&drawn),
        ends: words::moment(drawn.expiration),
        left: words::span(i64::from(seconds_left)),
        seconds_left,
        config: aws_config::config(&context.links, [(account, role)]),
        login: aws_config::login(account, role),
    };
    visit.app.saw(&Activity::of(
        &signed_in,
        "drew credentials",
        StatusCode::OK,
    ));
    Ok(page(&visit.app, StatusCode::OK, &template, None))
}

fn members(drawn: &RoleCredentials) -> [(&'static str, &str); 3] {
    [
        ("AWS_ACCESS_KEY_ID", &drawn.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", drawn.secret_access_key.reveal()),
        ("AWS_SESSION_TOKEN", drawn.session_token.reveal()),
    ]
}

/// One line for each member.
fn lines(drawn: &RoleCredentials, line: impl Fn(&str, &str) -> String) -> String {
    members(drawn)
        .map(|(name, value)| line(name, value))
        .join("\n")
}

fn shell(drawn: &RoleCredentials) -> String {
    lines(drawn, |name, value| {
        format!("export {name}='{}'", value.replace('\'', r"'\''"))
    })
}

fn power_shell(drawn: &RoleCredentials) -> String {
    lines(drawn, |name, value| {
        format!("$Env:{name}='{}'", value.replace('\'', "''"))
    })
}

fn profile(drawn: &RoleCredentials, name: &str) -> String {
    let members = lines(drawn, |name, value| {
        format!("{} = {value}", name.to_lowercase())
    });
    format!("[{name}]\n{members}")
}

#[cfg(test)]
mod tests {
    use claviger_model::{secret::Secret, time::Timestamp};

    use super::*;

    #[test]
    fn three_blocks_quote_what_they_hold() {
        let drawn = RoleCredentials {
            access_key_id: "ASIAX".to_owned(),
            secret_access_key: Secret::from("a'b$c"),
            session_token: Secret::from("t+/="),
            expiration: Timestamp::from_epoch_seconds(0),
        };
        assert_eq!(
            shell(&drawn),
            "export AWS_ACCESS_KEY_ID='ASIAX'\n\
             export AWS_SECRET_ACCESS_KEY='a'\\''b$c'\n\
             export AWS_SESSION_TOKEN='t+/='"
        );
        assert!(power_shell(&drawn).contains("$Env:AWS_SECRET_ACCESS_KEY='a''b$c'\n"));
        assert_eq!(
            profile(&drawn, "p"),
            "[p]\naws_access_key_id = ASIAX\naws_secret_access_key = a'b$c\n\
             aws_session_token = t+/="
        );
    }
}
