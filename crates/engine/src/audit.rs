//! Audit records as statements of the plan that changes the state (R9, ADM-06).

use std::sync::atomic::Ordering;

use claviger_model::{
    audit::{Action, Record},
    directory::User,
    network::Requester,
    session::Session,
    time::Timestamp,
};
use claviger_store::{repository::audit, statement::Statement};

use crate::context::Context;

/// The statement that writes `record`; goes into the plan of the change it records.
pub(crate) fn recording(context: &Context, record: &Record) -> Statement {
    let seq = context.audit_sequence.fetch_add(1, Ordering::Relaxed);
    audit::appending(&context.node, seq, record)
}

/// A record of what a person did from a browser or through a client.
pub(crate) fn by_person(
    action: Action,
    user: &User,
    requester: &Requester,
    now: Timestamp,
) -> Record {
    Record {
        at: now,
        action,
        actor: user.name.as_str().to_owned(),
        subject: user.name.as_str().to_owned(),
        session_id: None,
        client: None,
        address: Some(requester.address.to_string()),
        detail: String::new(),
    }
}

/// A record of what happened to a session.
pub(crate) fn on_session(
    action: Action,
    user: &User,
    session: &Session,
    requester: &Requester,
    now: Timestamp,
) -> Record {
    Record {
        session_id: Some(session.id),
        client: Some(session.client_name.clone()),
        ..by_person(action, user, requester, now)
    }
}

/// A record of what the operator did.
pub(crate) fn by_operator(action: Action, subject: &str, detail: String, now: Timestamp) -> Record {
    Record {
        at: now,
        action,
        actor: "operator".to_owned(),
        subject: subject.to_owned(),
        session_id: None,
        client: None,
        address: None,
        detail,
    }
}
