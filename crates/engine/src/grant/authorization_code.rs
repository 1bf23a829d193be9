//! The authorization_code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.6).

use claviger_model::{
    audit::Action,
    directory::{User, UserState},
    grant::authorization_code::{AuthorizationCode, CodeVerdict, Redemption},
    id::SessionId,
    pkce::CodeVerifier,
    secret::Secret,
    session::{EndReason, SessionOrigin},
};
use claviger_store::{
    repository::{authorization_code as codes, session as sessions, user},
    statement::Plan,
};

use super::{
    request::{Issued, TokenRequest},
    step::{ATTEMPTS, Step},
};
use crate::{
    audit, claims,
    error::{Error, Kind, Refusal},
    session::{self, Beginning},
    token::authorization_code,
};

pub(crate) async fn redeem(step: &Step<'_>, request: &TokenRequest) -> Result<Issued, Error> {
    let code = request.code.as_ref().ok_or_else(|| {
        Kind::InvalidRequest
            .because("code is missing. Send the one that came back from /authorize.")
    })?;
    let verifier = request
        .code_verifier
        .as_ref()
        .map(|text| CodeVerifier::parse(text.reveal()));
    let verifier = verifier.transpose().map_err(|_| {
        Kind::InvalidRequest
            .because("codeVerifier must be 43 to 128 letters, digits or any of -._~ (RFC 7636).")
    })?;
    let presented = Redemption {
        client: step.client.reference,
        redirect_uri: request.redirect_uri.as_deref().unwrap_or_default(),
        verifier: verifier.as_ref(),
    };
    if request.redirect_uri.is_none() {
        return Err(without_redirect_uri(step, code, &presented).await);
    }
    let id = authorization_code::read(&step.context.keys, code.reveal()).ok_or_else(invalid)?;
    for _ in 0..ATTEMPTS {
        let found = codes::by_id(step.context.store.as_ref(), id).await?;
        let code = found.ok_or_else(invalid)?;
        match code.judge(&presented, step.now) {
            CodeVerdict::Refuse => return Err(invalid().into()),
            CodeVerdict::Count => return Err(count(step, &code, invalid()).await),
            CodeVerdict::CountMissingVerifier => {
                return Err(count(step, &code, verifier_missing()).await);
            }
            CodeVerdict::Replay(session_id) => return Err(replayed(step, session_id).await),
            CodeVerdict::Redeem => {
                if let Some(issued) = begin(step, &code).await? {
                    return Ok(issued);
                }
            }
        }
    }
    Err(Step::contended())
}

/// No redirect URI is a bad request whatever the code is, and a failure of the code if it is this
/// client's (URI-07).
async fn without_redirect_uri(step: &Step<'_>, code: &Secret, presented: &Redemption<'_>) -> Error {
    let missing = Kind::InvalidRequest
        .because("redirectUri is missing. Send the one that /authorize was given.");
    let Some(id) = authorization_code::read(&step.context.keys, code.reveal()) else {
        return missing.into();
    };
    match codes::by_id(step.context.store.as_ref(), id).await {
        Ok(Some(code)) if code.judge(presented, step.now) == CodeVerdict::Count => {
            count(step, &code, missing).await
        }
        Ok(_) => missing.into(),
        Err(error) => error.into(),
    }
}

/// Counts a failure of the right client, then refuses.
async fn count(step: &Step<'_>, code: &AuthorizationCode, refusal: Refusal) -> Error {
    match step
        .context
        .store
        .apply(Plan::of(codes::counting_failure(code.id)))
        .await
    {
        Ok(_) => refusal.into(),
        Err(error) => error.into(),
    }
}

/// A fully valid second redemption: somebody has the code who should not (RFC 6749 §4.1.2). The
/// session ends, and nobody is told more than that the code is invalid.
async fn replayed(step: &Step<'_>, session_id: SessionId) -> Error {
    match end_replayed(step, session_id).await {
        Ok(()) => {
            let detail = format!("code redeemed twice, session {session_id} was ended");
            invalid().alarm(detail).into()
        }
        Err(error) => error,
    }
}

async fn end_replayed(step: &Step<'_>, session_id: SessionId) -> Result<(), Error> {
    let store = step.context.store.as_ref();
    let Some((session, user)) = sessions::with_user(store, session_id).await? else {
        return Ok(());
    };
    let record = audit::on_session(
        Action::CodeReplay,
        &user,
        &session,
        step.requester,
        step.now,
    );
    let plan = Plan::of(sessions::ending(
        session_id,
        EndReason::CodeReplay,
        step.now,
    ))
    .then(audit::recording(step.context, &record));
    // An unmet guard means that it had ended already.
    store.apply(plan).await?;
    step.context.credentials.forget(session_id);
    Ok(())
}

/// Begins the one session of this code; `None` when a racer was faster.
async fn begin(step: &Step<'_>, code: &AuthorizationCode) -> Result<Option<Issued>, Error> {
    let store = step.context.store.as_ref();
    let good = |user: &User| user.state == UserState::Active && user.epoch == code.user_epoch;
    let user = user::by_id(store, code.user_id)
        .await?
        .filter(good)
        .ok_or_else(invalid)?;
    let scopes = step.restrict(&code.scopes)?;
    let person = claims::of_id_token(step.context, &user, &scopes).await?;
    let beginning = Beginning {
        client: code.client,
        client_name: code.client_name.clone(),
        dialect: code.dialect,
        scopes: code.scopes.clone(),
        origin: SessionOrigin::AuthorizationCode,
        auth_time: code.auth_time,
        parent: None,
        longest: None,
    };
    let (begun, starting) =
        session::begin(step.context, step.requester, &user, beginning, step.now).await?;
    let redeeming = codes::redeeming(code.id, code.client, begun.id, step.now);
    let applied = step.apply(Plan::of(redeeming).and(starting)).await?;
    Ok(applied.then(|| Issued {
        nonce: code.nonce.clone(),
        person,
        ..session::tokens(step.context, &begun, scopes, step.now)
    }))
}

fn invalid() -> Refusal {
    Kind::InvalidGrant.because("Invalid grant provided")
}

fn verifier_missing() -> Refusal {
    Kind::InvalidRequest
        .because("codeVerifier is missing. Send the one whose challenge /authorize was given.")
}
