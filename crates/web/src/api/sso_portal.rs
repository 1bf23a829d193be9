//! ListAccounts, ListAccountRoles, GetRoleCredentials, Logout.

use std::sync::Arc;

use axum::{Extension, body::Body, extract::State};
use claviger_engine::{error::Error, portal};
use claviger_model::network::Requester;
use claviger_wire::aws::{error, portal as wire};
use http::{HeaderMap, Response, Uri};

use super::answer::finish;
use crate::app::App;

pub(crate) async fn list_accounts(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = async {
        let bearer = wire::decode_bearer(&headers)?;
        let page = wire::decode_list_accounts(uri.query())?;
        portal::accounts(&app.context, &bearer, page).await
    };
    finish(&answer.await, wire::encode_list_accounts, error::portal)
}

pub(crate) async fn list_account_roles(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = async {
        let bearer = wire::decode_bearer(&headers)?;
        let (account_id, page) = wire::decode_list_account_roles(uri.query())?;
        portal::roles(&app.context, &bearer, &account_id, page).await
    };
    finish(
        &answer.await,
        wire::encode_list_account_roles,
        error::portal,
    )
}

pub(crate) async fn get_role_credentials(
    State(app): State<Arc<App>>,
    Extension(requester): Extension<Requester>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = async {
        let bearer = wire::decode_bearer(&headers)?;
        let (account, role) = wire::decode_get_role_credentials(uri.query())?;
        portal::role_credentials(&app.context, &requester, &bearer, &account, &role).await
    };
    finish(
        &answer.await,
        wire::encode_get_role_credentials,
        error::portal,
    )
}

pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    Extension(requester): Extension<Requester>,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = async {
        let bearer = wire::decode_bearer(&headers)?;
        portal::logout(&app.context, &requester, &bearer).await
    };
    let result: Result<(), Error> = answer.await;
    finish(&result, |()| wire::encode_logout(), error::portal)
}
