//! What a token reaches, as its holder sees it: the lists, and the credentials that it draws.

use claviger_tests::{
    TestServer, aws,
    http::Response,
    seed::{PRODUCTION, SANDBOX},
    server::SignedInDevice,
};
use serde_json::{Value, json};

pub(super) const ACCOUNT_ACCESS: &str = "sso:account:access";

pub(super) fn only(account: &str, role: &str) -> String {
    format!("sso:account:{account}:{role}")
}

pub(super) fn all_of(account: &str) -> String {
    format!("sso:account:{account}")
}

/// Somebody's device that asked for these scopes.
pub(super) async fn device_of(server: &TestServer, name: &str, scopes: &[&str]) -> SignedInDevice {
    let body = json!({ "clientName": "agent", "clientType": "public", "scopes": scopes });
    let client = aws::client(&server.aws().register_with(body).await);
    server.sign_in_device(name, client).await
}

/// What a token is shown: each account with its roles.
pub(super) async fn seen(server: &TestServer, token: &str) -> Vec<(String, Vec<String>)> {
    let aws = server.aws();
    let mut seen = Vec::new();
    for account in texts(&aws.list_accounts(token).await, "accountList", "accountId") {
        let roles = aws.list_account_roles(token, &account).await;
        seen.push((account, texts(&roles, "roleList", "roleName")));
    }
    seen
}

pub(super) fn texts(page: &Response, list: &str, member: &str) -> Vec<String> {
    let json = page.assert_status(200).json();
    let items = json.get(list).and_then(Value::as_array).expect("a list");
    let text = |item: &Value| {
        item.get(member)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    items.iter().filter_map(text).collect()
}

pub(super) fn roles(account: &str, names: &[&str]) -> (String, Vec<String>) {
    (
        account.to_owned(),
        names.iter().map(|&name| name.to_owned()).collect(),
    )
}

/// Every role that anybody has, and those of them that the token draws.
pub(super) async fn drawn(server: &TestServer, token: &str) -> Vec<(String, String)> {
    let mut drawn = Vec::new();
    for account in [SANDBOX, PRODUCTION] {
        for role in ["Admin", "Developer", "ReadOnly"] {
            let answer = server.aws().role_credentials(token, account, role).await;
            if answer.status == 200 {
                drawn.push((account.to_owned(), role.to_owned()));
            } else {
                answer.assert_error(403, "ForbiddenException");
                assert_eq!(answer.member("message"), "No access");
            }
        }
    }
    drawn
}

pub(super) fn pair(account: &str, role: &str) -> (String, String) {
    (account.to_owned(), role.to_owned())
}
