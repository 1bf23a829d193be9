//! What each request is worth under overload.

use http::{Method, request::Parts};
use memchr::memmem;

use crate::{admission::Rank, api::operation::Operation};

/// What a request is worth.
pub(crate) fn of(operation: Option<Operation>, parts: &Parts, body: &[u8]) -> Rank {
    match operation {
        Some(Operation::RegisterClient | Operation::Register) => Rank::Registration,
        Some(Operation::StartDeviceAuthorization | Operation::DeviceAuthorization) => Rank::Start,
        Some(Operation::CreateToken | Operation::Token) if is_poll(body) => Rank::Poll,
        Some(Operation::CreateToken | Operation::CreateTokenWithIam | Operation::Token) => {
            Rank::Refresh
        }
        Some(
            Operation::ListAccounts
            | Operation::ListAccountRoles
            | Operation::Introspect
            | Operation::UserInfo,
        ) => Rank::List,
        Some(Operation::GetRoleCredentials) => Rank::Credentials,
        Some(Operation::Logout | Operation::Revoke) => Rank::End,
        None => of_page(parts),
    }
}

fn of_page(parts: &Parts) -> Rank {
    match parts.uri.path() {
        "/authorize" => Rank::Authorize,
        "/start/credentials" => Rank::Credentials,
        // What ends access; what targets fetch to verify what they are shown; what every page needs.
        "/sign-out" | "/sessions" | "/sessions/end" | "/jwks" => Rank::End,
        path if path.starts_with("/.well-known/") || path.starts_with("/assets/") => Rank::End,
        path if path.starts_with("/device") || path == "/sign-in" => Rank::SignIn,
        _ if parts.method == Method::POST => Rank::SignIn,
        _ => Rank::List,
    }
}

/// Whether a token is asked for a device: by its grant type, as clients write it in JSON and in forms. Whoever writes it
/// otherwise is taken for somebody who refreshes, and gains a place.
fn is_poll(body: &[u8]) -> bool {
    let written: [&[u8]; 3] = [
        b"grant-type:device_code",
        b"grant-type%3Adevice_code",
        b"grant-type%3adevice_code",
    ];
    written
        .iter()
        .any(|grant| memmem::find(body, grant).is_some())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn rank(method: Method, target: &str, body: &str) -> Rank {
        let request = Request::builder().method(method).uri(target).body(());
        let (parts, ()) = request.expect("a request").into_parts();
        let operation = Operation::at(&parts.uri, &parts.headers);
        of(operation, &parts, body.as_bytes())
    }

    #[test]
    fn the_order_is_that_of_the_reliability_reference() {
        let poll = r#"{"grantType":"urn:ietf:params:oauth:grant-type:device_code"}"#;
        let order = [
            (Method::POST, "/client/register", "{}"),
            (Method::POST, "/device_authorization", "{}"),
            (Method::GET, "/authorize?client_id=1", ""),
            (Method::POST, "/token", poll),
            (Method::GET, "/assignment/accounts", ""),
            (Method::POST, "/sign-in", ""),
            (Method::POST, "/token", r#"{"grantType":"refresh_token"}"#),
            (Method::GET, "/federation/credentials?role_name=1", ""),
            (Method::POST, "/logout", ""),
        ];
        let ranks = order.map(|(method, target, body)| rank(method, target, body));
        assert!(ranks.is_sorted_by(|one, next| one < next), "{ranks:?}");
        assert_eq!(rank(Method::POST, "/sessions/end", ""), Rank::End);
        assert_eq!(rank(Method::GET, "/jwks", ""), Rank::End);
        assert_eq!(rank(Method::GET, "/assets/1/a.css", ""), Rank::End);
        assert_eq!(rank(Method::GET, "/sessions", ""), Rank::End);
        assert_eq!(rank(Method::POST, "/token?aws_iam=t", poll), Rank::Refresh);
        assert_eq!(rank(Method::POST, "/device/approve", ""), Rank::SignIn);
        assert_eq!(
            rank(Method::POST, "/start/credentials", ""),
            Rank::Credentials
        );
        assert_eq!(rank(Method::GET, "/start", ""), Rank::List);
    }
}
