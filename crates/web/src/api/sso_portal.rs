//! ListAccounts, ListAccountRoles, GetRoleCredentials, Logout.

use bytes::Bytes;
use claviger_engine::{error::Error, portal};
use claviger_wire::aws::{error, portal as wire};
use http::Response;

use super::{answer::finish, call::Call};

pub(super) async fn list_accounts(call: &Call<'_>) -> Response<Bytes> {
    let answer = async {
        let bearer = wire::decode_bearer(call.headers)?;
        let page = wire::decode_list_accounts(call.uri.query())?;
        portal::accounts(&call.app.context, &bearer, page).await
    };
    finish(&answer.await, wire::encode_list_accounts, error::portal)
}

pub(super) async fn list_account_roles(call: &Call<'_>) -> Response<Bytes> {
    let answer = async {
        let bearer = wire::decode_bearer(call.headers)?;
        let (account_id, page) = wire::decode_list_account_roles(call.uri.query())?;
        portal::roles(&call.app.context, &bearer, &account_id, page).await
    };
    finish(
        &answer.await,
        wire::encode_list_account_roles,
        error::portal,
    )
}

pub(super) async fn get_role_credentials(call: &Call<'_>) -> Response<Bytes> {
    let answer = async {
        let bearer = wire::decode_bearer(call.headers)?;
        let (account, role) = wire::decode_get_role_credentials(call.uri.query())?;
        let context = &call.app.context;
        portal::role_credentials(context, call.requester, &bearer, &account, &role).await
    };
    finish(
        &answer.await,
        wire::encode_get_role_credentials,
        error::portal,
    )
}

pub(super) async fn logout(call: &Call<'_>) -> Response<Bytes> {
    let answer = async {
        let bearer = wire::decode_bearer(call.headers)?;
        portal::logout(&call.app.context, call.requester, &bearer).await
    };
    let result: Result<(), Error> = answer.await;
    finish(&result, |()| wire::encode_logout(), error::portal)
}
