//! RegisterClient, StartDeviceAuthorization, CreateToken.

use bytes::Bytes;
use claviger_engine::{
    client::{authenticate::name_of, register},
    device, grant,
};
use claviger_wire::aws::{
    error,
    oidc::{self, AwsIam},
};
use http::Response;

use super::{
    answer::{finish, other_dialect},
    call::Call,
};

pub(super) fn register_client(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = other_dialect(call.headers) {
        return refused;
    }
    let result = oidc::decode_register_client(call.body).and_then(|registration| {
        call.tell(|seen, _| seen.client = Some(registration.client_name.clone()));
        register::register(&call.app.context, call.requester, &registration)
    });
    finish(&result, oidc::encode_register_client, error::oidc)
}

pub(super) async fn start_device_authorization(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = other_dialect(call.headers) {
        return refused;
    }
    let result = match oidc::decode_start_device_authorization(call.body) {
        Ok(request) => {
            call.tell(|seen, app| seen.client = name_of(&app.context, &request.client.client_id));
            device::start(&call.app.context, call.requester, request).await
        }
        Err(error) => Err(error),
    };
    if let Ok(started) = &result {
        call.tell(|seen, _| seen.user_code = Some(started.user_code.to_string()));
    }
    finish(
        &result,
        oidc::encode_start_device_authorization,
        error::oidc,
    )
}

pub(super) async fn create_token(call: &mut Call<'_>) -> Response<Bytes> {
    if oidc::aws_iam(call.uri.query()) != AwsIam::Absent {
        return error::misspelled_aws_iam();
    }
    if let Some(refused) = other_dialect(call.headers) {
        return refused;
    }
    let result = match oidc::decode_create_token(call.body) {
        Ok(request) => {
            call.tell(|seen, app| {
                seen.client = name_of(&app.context, request.caller.client_id());
            });
            grant::pipeline::redeem(&call.app.context, call.requester, request).await
        }
        Err(error) => Err(error),
    };
    finish(&result, oidc::encode_create_token, error::oidc)
}
