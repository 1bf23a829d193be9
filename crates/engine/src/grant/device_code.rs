//! The device_code grant (RFC 8628 §3.4): polls until a person has decided.

use claviger_model::{
    directory::UserState,
    grant::device::{Decision, DeviceAuthorization, Poll},
    id::SessionId,
    session::SessionOrigin,
};
use claviger_store::{
    repository::{device, session as sessions, user},
    statement::Plan,
};

use super::{
    request::{Issued, TokenRequest},
    step::{ATTEMPTS, Step},
};
use crate::{
    claims,
    error::{Error, Kind, Refusal},
    session::{self, Beginning},
    token::device_code::{self, DeviceCode},
};

pub(crate) async fn redeem(step: &Step<'_>, request: &TokenRequest) -> Result<Issued, Error> {
    let code = request.device_code.as_ref().ok_or_else(|| {
        Kind::InvalidRequest
            .because("deviceCode is missing. Send the one of StartDeviceAuthorization.")
    })?;
    let code = device_code::read(&step.context.keys, code.reveal()).ok_or_else(invalid)?;
    match poll(step, code).await {
        // Clients give up on anything but "pending" (SETTLED, TOK-10): while the store is away,
        // an authentic code in date is neither refused nor answered with an error.
        Err(Error::Refused(refusal)) if refusal.kind == Kind::Unavailable => {
            let told = if step.now < code.expires_at {
                pending()
            } else {
                expired()
            };
            Err(told.detail(refusal.detail).into())
        }
        answer => answer,
    }
}

async fn poll(step: &Step<'_>, code: DeviceCode) -> Result<Issued, Error> {
    for _ in 0..ATTEMPTS {
        let found = device::by_id(step.context.store.as_ref(), code.device_id).await?;
        let Some(device) = found else {
            // Undecided rows go when they end; the code itself still tells (DEV-08).
            return Err(if step.now < code.expires_at {
                invalid()
            } else {
                expired()
            }
            .into());
        };
        if device.client != step.client.reference {
            return Err(invalid().into());
        }
        if let Some(issued) = answer(step, &device).await? {
            return Ok(issued);
        }
    }
    Err(Step::contended())
}

/// The answer to a poll; `None` when a racer changed the row and it must be judged again.
async fn answer(step: &Step<'_>, device: &DeviceAuthorization) -> Result<Option<Issued>, Error> {
    match device.poll(step.now) {
        Poll::Pending => {
            let paced = step.context.polls.take(&device.id, step.now);
            Err(if paced { pending() } else { slow_down() }.into())
        }
        Poll::Denied => Err(denied().into()),
        Poll::Expired => Err(expired().into()),
        Poll::Spent => Err(invalid().into()),
        Poll::Redeliver(session_id) => redeliver(step, session_id).await.map(Some),
        Poll::Redeem(decision) => begin(step, device, decision).await,
    }
}

/// Begins the one session of this code. Every policy is checked again at this moment (DEV-16).
async fn begin(
    step: &Step<'_>,
    device: &DeviceAuthorization,
    decision: Decision,
) -> Result<Option<Issued>, Error> {
    let store = step.context.store.as_ref();
    let user = user::by_id(store, decision.user_id)
        .await?
        .filter(|user| user.state == UserState::Active && user.epoch == decision.user_epoch);
    let user = user.ok_or_else(denied)?;
    let scopes = step.restrict(&device.scopes)?;
    let person = claims::of_id_token(step.context, &user, &scopes).await?;
    let beginning = Beginning {
        client: device.client,
        client_name: device.client_name.clone(),
        dialect: device.dialect,
        scopes: device.scopes.clone(),
        origin: SessionOrigin::Device,
        auth_time: decision.auth_time,
        parent: None,
        longest: None,
    };
    let (begun, starting) =
        session::begin(step.context, step.requester, &user, beginning, step.now).await?;
    let redeeming = device::redeeming(device.id, device.client, begun.id, step.now);
    let applied = step.apply(Plan::of(redeeming).and(starting)).await?;
    Ok(applied.then(|| Issued {
        person,
        ..session::tokens(step.context, &begun, scopes, step.now)
    }))
}

/// Answers the code's session once more, as long as nobody has refreshed or ended it (DEV-15).
async fn redeliver(step: &Step<'_>, session_id: SessionId) -> Result<Issued, Error> {
    let found = sessions::with_user(step.context.store.as_ref(), session_id).await?;
    let (session, user) = found
        .filter(|(session, user)| {
            session.rotations.generation == 1
                && session::is_good(step.context, session, user, step.now)
        })
        .ok_or_else(invalid)?;
    let scopes = step.restrict(&session.scopes)?;
    Ok(Issued {
        person: claims::of_id_token(step.context, &user, &scopes).await?,
        ..session::tokens(step.context, &session, scopes, step.now)
    })
}

fn invalid() -> Refusal {
    Kind::InvalidGrant.because("Invalid grant provided")
}

fn pending() -> Refusal {
    Kind::AuthorizationPending.because("Authorization is still pending")
}

fn slow_down() -> Refusal {
    Kind::SlowDown.because("Polling too fast. Wait for the interval between two polls.")
}

fn denied() -> Refusal {
    Kind::AccessDenied.because("The request was denied. Start again if that was a mistake.")
}

fn expired() -> Refusal {
    Kind::ExpiredToken.because("The device code has expired. Start again.")
}
