//! CreateTokenWithIAM: the one call that a machine signs (WIRE §3.4).

use bytes::Bytes;
use claviger_engine::{
    application::{self, Signature},
    client::authenticate::name_of,
    error::Error,
    grant,
};
use claviger_sigv4::{Claim, Invalid, Received};
use claviger_wire::{
    aws::{error, oidc},
    face::Face,
};
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::{
    answer::{self, other_dialect},
    call::Call,
    id_token,
};

/// What SDKs sign for (WIRE §3.4).
const SERVICE: &str = "sso-oauth";

pub(super) async fn create_token_with_iam(call: &mut Call<'_>) -> Response<Bytes> {
    let app = call.app;
    if host(call) != Some(app.context.links.host()) {
        let because = "This call was signed for another host. Use the endpoint of this instance.";
        return Face::Oidc.malformed(StatusCode::MISDIRECTED_REQUEST, because);
    }
    if let Some(refused) = other_dialect(call.headers) {
        return refused;
    }
    let signature = match verify(call).await {
        Ok(signature) => signature,
        Err(refused) => return refused,
    };
    let result = async {
        let request = oidc::decode_create_token_with_iam(call.body, signature)?;
        let client_id = request.caller.client_id().to_owned();
        call.tell(|seen, app| seen.client = name_of(&app.context, &client_id));
        let issued = grant::pipeline::redeem(&app.context, call.requester, request).await?;
        let id_token = id_token::of(app, &issued, &client_id, None);
        Ok::<_, Error>((issued, id_token))
    };
    let result = result.await;
    answer::finish(
        &result,
        |(issued, id_token)| oidc::encode_create_token_with_iam(issued, id_token.as_ref()),
        error::oidc,
    )
}

/// The host that the call was sent to, by its header or the authority of HTTP/2; the gate has seen that
/// there is one.
fn host<'a>(call: &Call<'a>) -> Option<&'a str> {
    let header = call.headers.get(header::HOST);
    header.map_or_else(
        || call.uri.authority().map(http::uri::Authority::as_str),
        |host| host.to_str().ok(),
    )
}

/// Who signed; everything else is refused before the body is looked into.
async fn verify(call: &Call<'_>) -> Result<Signature, Response<Bytes>> {
    let app = call.app;
    let refuse = |reason: Invalid| {
        tracing::debug!(target: "claviger::refusal", because = %reason);
        error::unsigned(reason)
    };
    let mut headers = call.headers.clone();
    if let (None, Some(host)) = (headers.get(header::HOST), host(call)) {
        let host = HeaderValue::from_str(host);
        headers.insert(header::HOST, host.map_err(|_| refuse(Invalid::Mismatch))?);
    }
    let claim = Claim::read(&headers).map_err(refuse)?;
    if claim.region != app.context.links.region() || claim.service != SERVICE {
        return Err(refuse(Invalid::Incomplete(
            "Credential must name the region of this instance and the service sso-oauth",
        )));
    }
    let machine = application::machine(&app.context, &claim.access_key_id).await;
    let machine = machine.map_err(|error| {
        answer::log(&error);
        error::oidc(&error)
    })?;
    let received = Received {
        method: &Method::POST,
        uri: call.uri,
        headers: &headers,
        body: call.body,
    };
    let verdict = claim.verify(received, &machine.secret, app.context.now());
    let Some(signature) = machine.signature(claim.digest(), claim.signed_at) else {
        tracing::debug!(target: "claviger::refusal", because = "unknown machine key");
        return Err(error::unknown_machine());
    };
    verdict.map_err(refuse)?;
    // No machine key has one.
    if claim.session_token.is_some() {
        return Err(error::unknown_machine());
    }
    Ok(signature)
}
