//! The portal: ListAccounts, ListAccountRoles, GetRoleCredentials, Logout (WIRE §5).

use bytes::Bytes;
use claviger_engine::{
    error::{Error, Kind, Refusal},
    portal::{AccountPage, Page, RolePage},
};
use claviger_model::{
    credentials::RoleCredentials,
    id::{AccountId, RoleName},
    secret::Secret,
};
use http::{HeaderMap, Response, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use crate::{answer, query::Parameters};

const BEARER_TOKEN: &str = "x-amz-sso_bearer_token";

/// The longest header worth reading.
const LONGEST_TOKEN: usize = 4096;

/// Reads the bearer token: only from its own header, once (ACC-01, ACC-06). An `Authorization`
/// header is left aside (one client signs these calls), unless it is a Bearer of another value.
pub fn decode_bearer(headers: &HeaderMap) -> Result<Secret, Error> {
    let unauthorized = || Kind::InvalidToken.because("Session token not found or invalid");
    let twice = || Kind::InvalidRequest.because("The bearer token was given twice. Send it once.");
    let mut values = headers.get_all(BEARER_TOKEN).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(twice().into());
    }
    let token = first
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let other = authorization
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, value)| {
            scheme.eq_ignore_ascii_case("bearer") && value.trim() != token
        });
    if token.is_empty() || token.len() > LONGEST_TOKEN {
        return Err(unauthorized().into());
    }
    if other {
        return Err(twice().into());
    }
    Ok(Secret::from(token))
}

/// Reads ListAccounts.
pub fn decode_list_accounts(query: Option<&str>) -> Result<Page, Error> {
    Ok(page(&Parameters::read(query.unwrap_or_default())?)?)
}

/// Reads ListAccountRoles: the account and the page.
pub fn decode_list_account_roles(query: Option<&str>) -> Result<(String, Page), Error> {
    let parameters = Parameters::read(query.unwrap_or_default())?;
    Ok((account_id(&parameters)?, page(&parameters)?))
}

/// Reads GetRoleCredentials: the account and the role's name.
pub fn decode_get_role_credentials(query: Option<&str>) -> Result<(String, String), Error> {
    let parameters = Parameters::read(query.unwrap_or_default())?;
    let role_name = parameters
        .get("role_name")
        .filter(|name| !RoleName::breaks_out(name));
    let role_name = role_name.ok_or_else(|| {
        Kind::InvalidRequest.because("role_name is missing or not the name of a role.")
    })?;
    Ok((account_id(&parameters)?, role_name.to_owned()))
}

fn account_id(parameters: &Parameters) -> Result<String, Refusal> {
    let account_id = parameters
        .get("account_id")
        .filter(|id| AccountId::parse(id).is_ok());
    account_id.map(ToOwned::to_owned).ok_or_else(|| {
        Kind::InvalidRequest.because("account_id is missing or not exactly 12 digits.")
    })
}

fn page(parameters: &Parameters) -> Result<Page, Refusal> {
    let max_results = parameters.get("max_result").map(|text| {
        let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text
            .parse()
            .ok()
            .filter(|number| plain && (1..=100).contains(number));
        number.ok_or_else(|| {
            Kind::InvalidRequest.because("max_result must be a whole number from 1 to 100.")
        })
    });
    Ok(Page {
        max_results: max_results.transpose()?,
        next_token: parameters.get("next_token").map(ToOwned::to_owned),
    })
}

/// ListAccounts' answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAccounts<'a> {
    account_list: Vec<AccountInfo<'a>>,
    next_token: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountInfo<'a> {
    account_id: &'a str,
    account_name: &'a str,
    email_address: &'a str,
}

/// Writes ListAccounts' answer.
pub fn encode_list_accounts(page: &AccountPage) -> Response<Bytes> {
    let accounts = page.accounts.iter().map(|account| AccountInfo {
        account_id: account.id.as_str(),
        account_name: &account.name,
        email_address: &account.email,
    });
    answer::json(
        StatusCode::OK,
        &ListAccounts {
            account_list: accounts.collect(),
            next_token: page.next_token.as_deref(),
        },
    )
}

/// Writes ListAccountRoles' answer.
pub fn encode_list_account_roles(page: &RolePage) -> Response<Bytes> {
    let roles: Vec<_> = page
        .roles
        .iter()
        .map(|role| json!({ "roleName": role.as_str(), "accountId": page.account_id.as_str() }))
        .collect();
    answer::json(
        StatusCode::OK,
        &json!({ "roleList": roles, "nextToken": page.next_token }),
    )
}

/// Writes GetRoleCredentials' answer; `expiration` is in milliseconds.
pub fn encode_get_role_credentials(credentials: &RoleCredentials) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &json!({
            "roleCredentials": {
                "accessKeyId": credentials.access_key_id,
                "secretAccessKey": credentials.secret_access_key.reveal(),
                "sessionToken": credentials.session_token.reveal(),
                "expiration": credentials.expiration.epoch_seconds() * 1000,
            }
        }),
    )
}

/// Writes Logout's answer: 200 and nothing.
pub fn encode_logout() -> Response<Bytes> {
    let mut response = answer::json(StatusCode::OK, &json!({}));
    *response.body_mut() = Bytes::new();
    response
}

#[cfg(test)]
mod tests {
    use claviger_model::{access::Account, time::Timestamp};
    use http::HeaderValue;

    use super::*;

    fn body(response: &Response<Bytes>) -> String {
        String::from_utf8_lossy(response.body()).into_owned()
    }

    #[test]
    fn lists_carry_their_member_and_null_on_the_last_page() {
        let account = Account {
            id: AccountId::parse("000000000001").expect("id"),
            name: "Sandbox".into(),
            email: "a@example.org".into(),
        };
        let page = AccountPage {
            accounts: vec![account],
            next_token: None,
        };
        insta::assert_snapshot!(body(&encode_list_accounts(&page)), @r#"{"accountList":[{"accountId":"000000000001","accountName":"Sandbox","emailAddress":"a@example.org"}],"nextToken":null}"#);
        let page = RolePage {
            account_id: AccountId::parse("000000000001").expect("id"),
            roles: vec![],
            next_token: Some("cvp1.x".into()),
        };
        insta::assert_snapshot!(body(&encode_list_account_roles(&page)), @r#"{"nextToken":"cvp1.x","roleList":[]}"#);
    }

    #[test]
    fn an_expiration_is_in_milliseconds() {
        let credentials = RoleCredentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "s".into(),
            session_token: "t".into(),
            expiration: Timestamp::from_epoch_seconds(1_795_356_000),
        };
        insta::assert_snapshot!(body(&encode_get_role_credentials(&credentials)), @r#"{"roleCredentials":{"accessKeyId":"ASIAEXAMPLE","expiration":1795356000000,"secretAccessKey":"s","sessionToken":"t"}}"#);
    }

    #[test]
    fn acc_01_and_06_the_token_comes_once_in_its_own_header() {
        let headers = |rows: &[(&'static str, &'static str)]| -> HeaderMap {
            let mut map = HeaderMap::new();
            for (name, value) in rows {
                map.append(*name, HeaderValue::from_static(value));
            }
            map
        };
        assert!(decode_bearer(&headers(&[(BEARER_TOKEN, "t")])).is_ok());
        assert!(
            decode_bearer(&headers(&[
                (BEARER_TOKEN, "t"),
                ("authorization", "AWS4-HMAC-SHA256 x")
            ]))
            .is_ok()
        );
        assert!(decode_bearer(&headers(&[(BEARER_TOKEN, "t"), ("authorization", "")])).is_ok());
        assert!(
            decode_bearer(&headers(&[
                (BEARER_TOKEN, "t"),
                ("authorization", "Bearer t")
            ]))
            .is_ok()
        );
        for rows in [
            vec![],
            vec![(BEARER_TOKEN, "")],
            vec![("authorization", "Bearer t")],
            vec![("cookie", "token=t")],
            vec![(BEARER_TOKEN, "t"), (BEARER_TOKEN, "t")],
            vec![(BEARER_TOKEN, "t"), ("authorization", "Bearer u")],
        ] {
            assert!(decode_bearer(&headers(&rows)).is_err(), "{rows:?}");
        }
    }

    #[test]
    fn por_03_04_12_ill_formed_parameters_are_refused() {
        let credentials = |query: &str| decode_get_role_credentials(Some(query)).is_ok();
        assert!(credentials("role_name=Admin&account_id=111122223333"));
        assert!(credentials("account_id=111122223333&role_name=a%2Bb%40c"));
        for query in [
            "role_name=Admin",
            "account_id=111122223333",
            "role_name=Admin&account_id=11112222333",
            "role_name=Admin&account_id=1111222233334",
            "role_name=Admin&account_id=%2B11122223333",
            "role_name=Admin&account_id=111122223333&account_id=111122223333",
            "role_name=Admin&account_id=11112222333%00",
            "role_name=a%2Fb&account_id=111122223333",
            "role_name=a%0A&account_id=111122223333",
            "role_name=a%26Policy%3D%7B%7D&account_id=111122223333",
            "role_name=&account_id=111122223333",
        ] {
            assert!(!credentials(query), "{query}");
        }
        for query in [
            "max_result=0",
            "max_result=101",
            "max_result=-1",
            "max_result=1e2",
            "max_result=+5",
            "max_result=1&max_result=1",
        ] {
            assert!(decode_list_accounts(Some(query)).is_err(), "{query}");
        }
        assert_eq!(
            decode_list_accounts(Some("max_result=100"))
                .expect("a page")
                .max_results,
            Some(100)
        );
    }
}
