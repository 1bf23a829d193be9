//! RegisterClient, StartDeviceAuthorization, CreateToken.

use std::sync::Arc;

use axum::{Extension, body::Body, extract::State};
use bytes::Bytes;
use claviger_engine::{
    client::{authenticate::name_of, register},
    device, grant,
};
use claviger_model::network::Requester;
use claviger_wire::aws::{
    error,
    oidc::{self, AwsIam},
};
use http::{HeaderMap, Response, Uri};

use super::{
    answer::{finish, other_dialect},
    signed,
};
use crate::{activity::Activity, app::App};

pub(crate) async fn register_client(
    State(app): State<Arc<App>>,
    Extension(requester): Extension<Requester>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if let Some(refused) = other_dialect(&headers) {
        return refused;
    }
    let mut activity = Activity::default();
    let result = oidc::decode_register_client(&body).and_then(|registration| {
        activity.client = Some(registration.client_name.clone());
        register::register(&app.context, &requester, &registration)
    });
    activity.known_by(finish(&result, oidc::encode_register_client, error::oidc))
}

pub(crate) async fn start_device_authorization(
    State(app): State<Arc<App>>,
    Extension(requester): Extension<Requester>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if let Some(refused) = other_dialect(&headers) {
        return refused;
    }
    let mut activity = Activity::default();
    let result = match oidc::decode_start_device_authorization(&body) {
        Ok(request) => {
            activity.client = name_of(&app.context, &request.client.client_id);
            device::start(&app.context, &requester, request).await
        }
        Err(error) => Err(error),
    };
    activity.user_code = result
        .as_ref()
        .ok()
        .map(|started| started.user_code.to_string());
    activity.known_by(finish(
        &result,
        oidc::encode_start_device_authorization,
        error::oidc,
    ))
}

pub(crate) async fn create_token(
    State(app): State<Arc<App>>,
    Extension(requester): Extension<Requester>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    match oidc::aws_iam(uri.query()) {
        AwsIam::Absent => {}
        AwsIam::Exact => {
            let call = signed::Call {
                uri: &uri,
                headers: &headers,
                body: &body,
            };
            return signed::create_token_with_iam(&app, &requester, call).await;
        }
        AwsIam::Misspelled => return error::misspelled_aws_iam().map(Body::from),
    }
    if let Some(refused) = other_dialect(&headers) {
        return refused;
    }
    let mut activity = Activity::default();
    let result = match oidc::decode_create_token(&body) {
        Ok(request) => {
            activity.client = name_of(&app.context, request.caller.client_id());
            grant::pipeline::redeem(&app.context, &requester, request).await
        }
        Err(error) => Err(error),
    };
    activity.known_by(finish(&result, oidc::encode_create_token, error::oidc))
}
