//! The endpoints of the standard dialect: the same use cases, other words.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use bytes::Bytes;
use claviger_engine::{
    application, claims,
    client::{authenticate::name_of, register as registration},
    device, grant,
    introspect::introspect as look,
    revoke::revoke as end,
};
use claviger_wire::{
    face::Face,
    media_type::MediaType,
    oauth::{self as wire, error, metadata::Offered},
};
use http::{Response, StatusCode};

use super::{
    answer::{finish, unless},
    call::Call,
    id_token,
};
use crate::app::App;

/// What there is to know of this server.
pub(crate) async fn metadata(State(app): State<Arc<App>>) -> Response<Body> {
    let context = &app.context;
    let offered = Offered {
        issuer: context.links.issuer(),
        grants: &application::grants(context),
        algorithms: &context.keys.algorithms(context.now()),
    };
    wire::metadata::encode(&offered).map(Body::from)
}

/// What is wrong with the form of a call whose parameters are in its body: another type of it, or parameters in the
/// address, where logs would keep them (TOK-07).
fn not_a_form(call: &Call<'_>) -> Option<Response<Bytes>> {
    let because = "Send the parameters in the body, and none in the address.";
    let in_address = call.uri.query().is_some();
    unless(MediaType::Form, Face::Oauth, call.headers)
        .or_else(|| in_address.then(|| Face::Oauth.malformed(StatusCode::BAD_REQUEST, because)))
}

pub(super) fn register(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = unless(MediaType::Aws, Face::Oauth, call.headers) {
        return refused;
    }
    let result = wire::register::decode(call.body).and_then(|(asked, method)| {
        call.tell(|seen, _| seen.client = Some(asked.client_name.clone()));
        let registered = registration::register(&call.app.context, call.requester, &asked)?;
        Ok((registered, method))
    });
    finish(
        &result,
        |(registered, method)| wire::register::encode(registered, method),
        error::refuse_registration,
    )
}

pub(super) async fn device_authorization(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = not_a_form(call) {
        return refused;
    }
    let answer = async {
        let request = wire::device::decode(call.headers, call.body)?;
        call.tell(|seen, app| seen.client = name_of(&app.context, &request.client.client_id));
        let started = device::start(&call.app.context, call.requester, request).await?;
        call.tell(|seen, _| seen.user_code = Some(started.user_code.to_string()));
        Ok(started)
    };
    finish(&answer.await, wire::device::encode, error::refuse)
}

pub(super) async fn token(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = not_a_form(call) {
        return refused;
    }
    let answer = async {
        let request = wire::token::decode(call.headers, call.body)?;
        let client_id = request.caller.client_id().to_owned();
        call.tell(|seen, app| seen.client = name_of(&app.context, &client_id));
        let context = &call.app.context;
        let issued = grant::pipeline::redeem(context, call.requester, request).await?;
        let id_token = id_token::of(call.app, &issued, &client_id, issued.person.as_ref());
        Ok((issued, id_token))
    };
    finish(
        &answer.await,
        |(issued, id_token)| wire::token::encode(issued, id_token.as_ref()),
        error::refuse,
    )
}

pub(super) async fn userinfo(call: &mut Call<'_>) -> Response<Bytes> {
    let told = match wire::userinfo::decode(call.headers) {
        Ok(Some(token)) => claims::behind(&call.app.context, &token).await,
        Ok(None) => return wire::userinfo::missing(),
        Err(error) => Err(error),
    };
    finish(&told, wire::userinfo::encode, wire::userinfo::refuse)
}

pub(super) async fn introspect(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = not_a_form(call) {
        return refused;
    }
    let context = &call.app.context;
    let answer = async {
        let (client, token) = wire::introspect::decode(call.headers, call.body)?;
        look(context, &client, &token).await
    };
    let issuer = context.links.issuer();
    finish(
        &answer.await,
        |active| wire::introspect::encode(issuer, active.as_ref()),
        error::refuse,
    )
}

pub(super) async fn revoke(call: &mut Call<'_>) -> Response<Bytes> {
    if let Some(refused) = not_a_form(call) {
        return refused;
    }
    let answer = async {
        let (client, token) = wire::revoke::decode(call.headers, call.body)?;
        end(&call.app.context, call.requester, &client, &token).await
    };
    finish(&answer.await, |()| wire::revoke::encode(), error::refuse)
}
