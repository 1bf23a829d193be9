//! `/start`: the access portal, and for AWS CLIs the start URL.

use askama::Template;
use axum::{body::Body, extract::State};
use claviger_engine::person;
use claviger_model::access::{Account, Role};
use http::{HeaderValue, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    error::Answer,
    frame::{Frame, leave, page, see_other},
    own_path,
    visit::Visit,
};
use crate::{app::App, aws_config};

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    frame: Frame,
    accounts: Vec<AccountCard>,
    found: usize,
    total: usize,
    sought: String,
    config: String,
    login: Option<String>,
}

struct AccountCard {
    id: String,
    name: String,
    email: String,
    roles: Vec<String>,
}

/// `GET /`.
pub(crate) async fn root(State(app): State<std::sync::Arc<App>>) -> Response<Body> {
    see_other(&app, own_path::DEFAULT)
}

/// `HEAD /start`: where AWS CLI ≥ 2.35.13 learns an issuer that looks like AWS's (WIRE §1.4).
pub(crate) async fn head(State(app): State<std::sync::Arc<App>>) -> Response<Body> {
    let mut response = leave(&app, &app.context.links.aws_issuer());
    *response.status_mut() = StatusCode::FOUND;
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// `GET /start`.
pub(crate) async fn show(visit: Visit) -> Response<Body> {
    visit.finish(view(&visit).await)
}

async fn view(visit: &Visit) -> Answer {
    let sought = visit.parameter("q").unwrap_or_default();
    let signed_in = visit.signed_in(&own_address(&sought)).await?;
    let all = person::accounts(visit.context(), &signed_in).await?;
    let names = all.iter().flat_map(|(account, roles)| {
        roles
            .iter()
            .map(|role| (account.id.as_str(), role.name.as_str()))
    });
    let config = aws_config::config(&visit.context().links, names.clone());
    let login = names
        .clone()
        .next()
        .map(|(account, role)| aws_config::login(account, role));
    let total = all.len();
    let accounts: Vec<AccountCard> = all
        .iter()
        .filter_map(|(account, roles)| card(account, roles, &sought))
        .collect();
    let template = StartPage {
        frame: Frame::of(&visit.app, &signed_in, "/start"),
        found: accounts.len(),
        accounts,
        total,
        sought,
        config,
        login,
    };
    Ok(page(&visit.app, StatusCode::OK, &template, None))
}

fn own_address(sought: &str) -> String {
    match sought {
        "" => own_path::DEFAULT.to_owned(),
        sought => format!("/start?q={}", utf8_percent_encode(sought, NON_ALPHANUMERIC)),
    }
}

/// The account with its roles; only those that match where the account itself does not.
fn card(account: &Account, roles: &[Role], sought: &str) -> Option<AccountCard> {
    let words = sought.trim().to_lowercase();
    let matches = |text: &str| text.to_lowercase().contains(&words);
    let whole = [account.id.as_str(), &account.name, &account.email]
        .into_iter()
        .any(matches);
    let roles: Vec<String> = roles
        .iter()
        .map(|role| role.name.as_str())
        .filter(|name| whole || matches(name))
        .map(ToOwned::to_owned)
        .collect();
    (!roles.is_empty()).then(|| AccountCard {
        id: account.id.to_string(),
        name: account.name.clone(),
        email: account.email.clone(),
        roles,
    })
}

#[cfg(test)]
mod tests {
    use claviger_model::{
        id::{AccountId, RoleName, TargetName},
        time::Lifetime,
    };

    use super::*;

    #[test]
    fn search_finds_accounts_and_single_roles() {
        let account = Account {
            id: AccountId::parse("111122223333").expect("id"),
            name: "Production".to_owned(),
            email: "ops@example.org".to_owned(),
        };
        let role = |name| Role {
            account_id: account.id.clone(),
            name: RoleName::parse(name).expect("name"),
            target: TargetName::parse("aws").expect("target"),
            arn: String::new(),
            duration: Lifetime::hours(1),
        };
        let roles = [role("Developer"), role("ReadOnly")];
        let found = |sought| card(&account, &roles, sought).map(|card| card.roles);
        let both = Some(vec!["Developer".to_owned(), "ReadOnly".to_owned()]);
        for sought in ["", "  ", "prod", "PROD", "1222", "ops@"] {
            assert_eq!(found(sought), both, "{sought}");
        }
        assert_eq!(found("reado"), Some(vec!["ReadOnly".to_owned()]));
        assert_eq!(found("nothing"), None);
    }
}
