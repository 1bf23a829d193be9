//! The portal: accounts, roles, credentials, logout.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::server::{INVALID_GRANT, Server, SignIn, list};
use crate::{
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    http::{Call, encode},
    sent::{garbled, merge},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "portal.accounts" "WIRE 5.1" [] accounts;
    Quick "portal.pages" "WIRE 5.1" ["POR-07"] pages;
    Quick "portal.page_size" "WIRE 5.1" [] page_size;
    Quick "portal.roles" "WIRE 5.1" [] roles;
    Quick "portal.credentials" "WIRE 5.1, 5.4" [] credentials;
    Quick "portal.unassigned_role" "WIRE 5.2" ["POR-01"] unassigned_role;
    Quick "portal.missing_parameters" "WIRE 5.2" [] missing_parameters;
    Quick "portal.without_a_token" "WIRE 5, 5.2" ["ACC-05"] without_a_token;
    Quick "portal.garbled_token" "WIRE 5.2" ["ACC-01"] garbled_token;
    Quick "portal.token_without_the_scope" "WIRE 3.5" ["ACC-04"] token_without_the_scope;
    Quick "portal.logout" "WIRE 5.3" ["REF-08"] logout;
];

const NOBODY: (u16, &str) = (401, "UnauthorizedException");

fn text<'a>(item: &'a Map<String, Value>, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_account_id(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

async fn accounts(server: &Server) -> Checked {
    let answer = server.opens(&server.signed_in().await?.access).await?;
    for account in list(&answer, "accountList")? {
        let id = text(&account, "accountId");
        demand!(
            is_account_id(id),
            "`accountId` is {id:?}, not a text of 12 digits"
        );
        for name in ["accountName", "emailAddress"] {
            demand!(
                !text(&account, name).is_empty(),
                "account {id} has no `{name}`; aws-sso-cli needs it"
            );
        }
    }
    Ok(())
}

/// All items of a list, drawn one page at a time.
async fn walk(
    server: &Server,
    token: &str,
    page: &str,
    name: &str,
) -> Checked<Vec<Map<String, Value>>> {
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    let mut target = page.to_owned();
    loop {
        let answer = server.portal(token, &target).await?;
        let found = list(&answer, name)?;
        demand!(
            found.len() <= 1,
            "{} items on a page with max_result=1",
            found.len()
        );
        items.extend(found);
        match answer.granted()?.get("nextToken") {
            None | Some(Value::Null) => return Ok(items),
            Some(Value::String(next)) if !next.is_empty() => {
                demand!(
                    seen.insert(next.clone()),
                    "`nextToken` repeats: paginators end with an error"
                );
                target = format!("{page}&{}", encode([("next_token", next.as_str())]));
            }
            Some(_) => return Err(answer.wrong("`nextToken` is empty or no text")),
        }
    }
}

async fn pages(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let all = list(&server.opens(token).await?, "accountList")?;
    if all.len() < 2 {
        return Err(Flaw::Skipped(
            "the person has fewer than two accounts".to_owned(),
        ));
    }
    let one_by_one = walk(
        server,
        token,
        "/assignment/accounts?max_result=1",
        "accountList",
    )
    .await?;
    let ids = |list: &[Map<String, Value>]| -> Vec<String> {
        list.iter()
            .map(|item| text(item, "accountId").to_owned())
            .collect()
    };
    demand!(
        ids(&all) == ids(&one_by_one),
        "in pages of one the accounts are {:?}, at once they are {:?}",
        ids(&one_by_one),
        ids(&all)
    );
    let answer = server
        .portal(token, "/assignment/accounts?next_token=no-such-page")
        .await?;
    answer.refused(400, "InvalidRequestException")
}

async fn page_size(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    for size in ["0", "101", "-1", "many"] {
        let target = format!("/assignment/accounts?max_result={size}");
        let answer = server.portal(token, &target).await?;
        answer.refused(400, "InvalidRequestException")?;
    }
    server
        .portal(token, "/assignment/accounts?max_result=100")
        .await?
        .granted()
        .map(|_| ())
}

async fn roles(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let (account, _) = server.role(token).await?;
    let answer = server
        .portal(token, &format!("/assignment/roles?account_id={account}"))
        .await?;
    for role in list(&answer, "roleList")? {
        demand!(
            !text(&role, "roleName").is_empty(),
            "a role has no `roleName`"
        );
        let of = text(&role, "accountId");
        demand!(
            of == account,
            "a role of account {account} has the `accountId` {of:?}"
        );
    }
    Ok(())
}

/// The query of GetRoleCredentials.
fn draw(account: &str, role: &str) -> String {
    format!(
        "/federation/credentials?{}",
        encode([("role_name", role), ("account_id", account)])
    )
}

async fn credentials(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let (account, role) = server.role(token).await?;
    let answer = server.portal(token, &draw(&account, &role)).await?;
    let body = answer.granted()?;
    let found = body.get("roleCredentials").and_then(Value::as_object);
    let found = found.ok_or_else(|| answer.wrong("`roleCredentials` is missing"))?;
    for name in ["accessKeyId", "secretAccessKey", "sessionToken"] {
        demand!(
            !text(found, name).is_empty(),
            "the credentials have no `{name}`"
        );
    }
    let expiration = found.get("expiration").cloned().unwrap_or_default();
    let Some(expiration) = expiration.as_i64() else {
        return Err(answer.wrong(format!("`expiration` is {expiration}, not a whole number")));
    };
    let left = expiration / 1000 - answer.date()?;
    demand!(
        (60..=43_200 + 60).contains(&left),
        "`expiration` is {expiration}, which is no time of the next 12 hours in milliseconds"
    );
    Ok(())
}

async fn unassigned_role(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let (account, role) = server.role(token).await?;
    let mut words = BTreeSet::new();
    for (account, role) in [
        (account.as_str(), "NoSuchRole"),
        ("999999999999", role.as_str()),
    ] {
        let answer = server.portal(token, &draw(account, role)).await?;
        answer.refused(403, "ForbiddenException")?;
        words.insert(answer.text("message")?);
    }
    demand!(
        words.len() == 1,
        "an unknown role and an unknown account are told apart: {words:?}"
    );
    demand!(
        words.contains("No access"),
        "`message` is {words:?}, not \"No access\""
    );
    Ok(())
}

async fn missing_parameters(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let targets = [
        "/federation/credentials",
        "/federation/credentials?role_name=Developer",
        "/federation/credentials?account_id=111122223333",
        "/assignment/roles",
    ];
    for target in targets {
        server
            .portal(token, target)
            .await?
            .refused(400, "InvalidRequestException")?;
    }
    Ok(())
}

async fn without_a_token(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let target = "/assignment/accounts";
    server
        .http
        .send(Call::get(target))
        .await?
        .refused_as(&[NOBODY])?;
    for token in ["", "no-token", &format!("Bearer {token}")] {
        server.portal(token, target).await?.refused_as(&[NOBODY])?;
    }
    // A token belongs into a header of its own.
    let bearer = Call::get(target).header("authorization", &format!("Bearer {token}"));
    server.http.send(bearer).await?.refused_at_all()
}

async fn garbled_token(server: &Server) -> Checked {
    let token = &server.signed_in().await?.access;
    let length = token.len();
    let part = |end: usize| token.get(..end).unwrap_or_default().to_owned();
    for other in [
        part(length - 1),
        part(length / 2),
        format!("{token}A"),
        garbled(token),
    ] {
        server.opens(&other).await?.refused_as(&[NOBODY])?;
    }
    Ok(())
}

/// Tokens for other products of AWS's must not open accounts.
async fn token_without_the_scope(server: &Server) -> Checked {
    let mut body = Server::registration();
    merge(
        &mut body,
        json!({ "scopes": ["codewhisperer:completions"] }),
    );
    let client = server.register(&body).await?;
    let SignIn { access, .. } = server.sign_in_of(client).await?;
    let refusals = &[NOBODY, (403, "ForbiddenException")];
    server.opens(&access).await?.refused_as(refusals)
}

async fn logout(server: &Server) -> Checked {
    let SignIn {
        client,
        access,
        refresh,
    } = server.sign_in().await?;
    let answer = server.log_out(&access).await?;
    demand!(
        answer.status() == 200,
        "{}, and should answer 200",
        answer.told()
    );
    server.opens(&access).await?.refused_as(&[NOBODY])?;
    server
        .refresh(&client, &refresh)
        .await?
        .refused_as(&[INVALID_GRANT])
}
