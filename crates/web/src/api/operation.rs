//! The operations of the API: where each lies, and who answers it. One look at the address decides, without a router.

use std::time::Duration;

use bytes::Bytes;
use claviger_wire::{
    aws::oidc::{self, AwsIam},
    face::Face,
    media_type::{self, MediaType},
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use super::{call::Call, oauth, signed, sso_oidc, sso_portal};

/// An operation: those of AWS in the words of its models, then those of the standard dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    RegisterClient,
    StartDeviceAuthorization,
    CreateToken,
    CreateTokenWithIam,
    ListAccounts,
    ListAccountRoles,
    GetRoleCredentials,
    Logout,
    Register,
    DeviceAuthorization,
    Token,
    Introspect,
    Revoke,
    UserInfo,
}

/// How long a handler may take: one deadline covers the store, its queue and every retry (R7).
const HANDLER_TIME: Duration = Duration::from_secs(3);

/// How long one may take that waits for others: targets, which have their own, shorter limits,
/// and the queue of the password hasher.
pub(crate) const PATIENT_HANDLER_TIME: Duration = Duration::from_secs(15);

impl Operation {
    /// The operation at an address, which for two of them the type of the body chooses; every other address is for
    /// people.
    pub(crate) fn at(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let is_form = || media_type::of(headers) == MediaType::Form;
        Some(match uri.path() {
            "/client/register" => Self::RegisterClient,
            "/device_authorization" if is_form() => Self::DeviceAuthorization,
            "/device_authorization" => Self::StartDeviceAuthorization,
            "/token" if oidc::aws_iam(uri.query()) == AwsIam::Exact => Self::CreateTokenWithIam,
            "/token" if is_form() => Self::Token,
            "/token" => Self::CreateToken,
            "/register" => Self::Register,
            "/introspect" => Self::Introspect,
            "/revoke" => Self::Revoke,
            "/userinfo" => Self::UserInfo,
            "/assignment/accounts" => Self::ListAccounts,
            "/assignment/roles" => Self::ListAccountRoles,
            "/federation/credentials" => Self::GetRoleCredentials,
            "/logout" => Self::Logout,
            _ => return None,
        })
    }

    /// Whose words its answers are in.
    pub(crate) const fn face(self) -> Face {
        match self {
            Self::RegisterClient
            | Self::StartDeviceAuthorization
            | Self::CreateToken
            | Self::CreateTokenWithIam => Face::Oidc,
            Self::ListAccounts
            | Self::ListAccountRoles
            | Self::GetRoleCredentials
            | Self::Logout => Face::Portal,
            Self::Register
            | Self::DeviceAuthorization
            | Self::Token
            | Self::Introspect
            | Self::Revoke
            | Self::UserInfo => Face::Oauth,
        }
    }

    /// Its name in the AWS models, or what the RFCs call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RegisterClient => "RegisterClient",
            Self::StartDeviceAuthorization => "StartDeviceAuthorization",
            Self::CreateToken => "CreateToken",
            Self::CreateTokenWithIam => "CreateTokenWithIAM",
            Self::ListAccounts => "ListAccounts",
            Self::ListAccountRoles => "ListAccountRoles",
            Self::GetRoleCredentials => "GetRoleCredentials",
            Self::Logout => "Logout",
            Self::Register => "register",
            Self::DeviceAuthorization => "device_authorization",
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::UserInfo => "userinfo",
        }
    }

    /// How long it may take.
    pub(crate) const fn time(self) -> Duration {
        match self {
            Self::GetRoleCredentials => PATIENT_HANDLER_TIME,
            _ => HANDLER_TIME,
        }
    }

    /// The methods that it takes, as `Allow` lists them.
    const fn allowed(self) -> &'static str {
        match self {
            Self::ListAccounts | Self::ListAccountRoles | Self::GetRoleCredentials => "GET,HEAD",
            Self::UserInfo => "GET,HEAD,POST",
            _ => "POST",
        }
    }
}

/// Answers a call.
pub(crate) async fn answer(operation: Operation, mut call: Call<'_>) -> Response<Bytes> {
    let allowed = operation.allowed();
    if !allowed
        .split(',')
        .any(|method| method == call.method.as_str())
    {
        let mut refused = operation
            .face()
            .unknown_operation(StatusCode::METHOD_NOT_ALLOWED);
        let headers = refused.headers_mut();
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        return refused;
    }
    let call = &mut call;
    let answer = match operation {
        Operation::RegisterClient => sso_oidc::register_client(call),
        Operation::StartDeviceAuthorization => sso_oidc::start_device_authorization(call).await,
        Operation::CreateToken => sso_oidc::create_token(call).await,
        Operation::CreateTokenWithIam => signed::create_token_with_iam(call).await,
        Operation::ListAccounts => sso_portal::list_accounts(call).await,
        Operation::ListAccountRoles => sso_portal::list_account_roles(call).await,
        Operation::GetRoleCredentials => sso_portal::get_role_credentials(call).await,
        Operation::Logout => sso_portal::logout(call).await,
        Operation::Register => oauth::register(call),
        Operation::DeviceAuthorization => oauth::device_authorization(call).await,
        Operation::Token => oauth::token(call).await,
        Operation::Introspect => oauth::introspect(call).await,
        Operation::Revoke => oauth::revoke(call).await,
        Operation::UserInfo => oauth::userinfo(call).await,
    };
    if call.method == Method::HEAD {
        return without_body(answer);
    }
    answer
}

/// What HEAD answers: all that GET does but the body.
fn without_body(answer: Response<Bytes>) -> Response<Bytes> {
    let (mut head, body) = answer.into_parts();
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(head, Bytes::new())
}
