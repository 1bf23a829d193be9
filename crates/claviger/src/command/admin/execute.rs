//! Runs administrative commands on the open store.

use std::{path::PathBuf, sync::Arc};

use claviger_engine::{
    admin::{audit, client, difference, directory, keys, machine, rollback, session, user},
    context::Context,
    error::Error,
};
use claviger_model::{
    application::{ApplicationName, MachineKey},
    id::SessionId,
    secret::Secret,
    time::Timestamp,
};
use claviger_store::error as store;

use super::request::{Answer, Change, Epoch, Machine, NewMachine, Record, Request, Session, User};
use crate::{directory_file, moment::rfc3339, store::Store, wiring};

/// The open store and the engine over it.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) context: Arc<Context>,
    pub(crate) store: Store,
}

/// Runs one command; whatever goes wrong is an answer too.
pub(crate) async fn execute(owner: &Owner, request: Request) -> Answer {
    run(owner, request)
        .await
        .unwrap_or_else(|because| Answer::Refused { because })
}

async fn run(owner: &Owner, request: Request) -> Result<Answer, String> {
    let context = owner.context.as_ref();
    match request {
        Request::DirectoryPlan { file } => {
            let wanted = directory_file::parse(&file).map_err(|complaint| complaint.to_string())?;
            let changes = directory::plan(context, &wanted).await.map_err(say)?;
            Ok(spell_changes(false, changes))
        }
        Request::DirectoryApply { file } => {
            let wanted = directory_file::parse(&file).map_err(|complaint| complaint.to_string())?;
            let changes = directory::apply(context, &wanted).await.map_err(say)?;
            Ok(spell_changes(true, changes))
        }
        Request::Audit { since, limit } => {
            let since = Timestamp::from_epoch_seconds(since);
            let records = audit::read(context, since, limit).await.map_err(say)?;
            Ok(Answer::Audit {
                records: records.into_iter().map(spell_record).collect(),
            })
        }
        Request::Backup { path } => backup(owner, path).await,
        Request::KeysList => {
            let epochs = keys::list(context).await.map_err(say)?;
            Ok(Answer::Epochs {
                epochs: epochs.iter().map(spell_epoch).collect(),
            })
        }
        Request::KeysRotate => {
            let epoch = keys::rotate(context, wiring::new_rsa())
                .await
                .map_err(say)?;
            let staged = context.policy.keys_staged.as_seconds();
            let from = match staged {
                0 => "is active".to_owned(),
                staged => format!("makes tokens in {staged} s, when every node knows it"),
            };
            Ok(done(format!(
                "Key epoch {epoch} {from}. The one before it goes on verifying."
            )))
        }
        Request::ClientDeny { client_id, reason } => {
            let count = client::deny(context, &client_id, &reason)
                .await
                .map_err(say)?;
            Ok(done(format!("The client is denied; {}", ended(count, ""))))
        }
        Request::ClientAllow { client_id } => {
            client::allow(context, &client_id).await.map_err(say)?;
            Ok(done("The client may be used again."))
        }
        Request::MachineCreate { .. } | Request::MachineList | Request::MachineDisable { .. } => {
            machines(context, request).await
        }
        other => people(context, other).await,
    }
}

async fn machines(context: &Context, request: Request) -> Result<Answer, String> {
    match request {
        Request::MachineCreate { application } => {
            let name = ApplicationName::parse(&application).map_err(|error| error.to_string())?;
            let new = machine::create(context, name).await.map_err(say)?;
            Ok(Answer::Machine(NewMachine {
                application: new.key.application.to_string(),
                client_id: new.client_id,
                access_key_id: new.key.access_key_id,
                secret_access_key: new.secret_access_key.reveal().to_owned(),
            }))
        }
        Request::MachineDisable { access_key_id } => {
            machine::disable(context, &access_key_id)
                .await
                .map_err(say)?;
            Ok(done(format!(
                "{access_key_id} is disabled. Sessions that were begun with it go on: \
                 `claviger admin client deny CLIENT-ID` ends those of the application."
            )))
        }
        _ => {
            let keys = machine::list(context).await.map_err(say)?;
            Ok(Answer::Machines {
                machines: keys.into_iter().map(spell_machine).collect(),
            })
        }
    }
}

async fn people(context: &Context, request: Request) -> Result<Answer, String> {
    match request {
        Request::UserList => {
            let users = user::list(context).await.map_err(say)?;
            Ok(Answer::Users {
                users: users.into_iter().map(spell_user).collect(),
            })
        }
        Request::UserSetPassword {
            user: name,
            password,
            sign_out,
        } => {
            let password = Secret::new(password);
            let ended = user::set_password(context, &name, &password, sign_out)
                .await
                .map_err(say)?;
            let also = if sign_out {
                format!("; {} ended", sessions(ended))
            } else {
                String::new()
            };
            Ok(done(format!("The password of {name} is set{also}.")))
        }
        Request::UserDisable { user: name } => {
            let count = user::disable(context, &name).await.map_err(say)?;
            Ok(done(format!("{name} is disabled; {}", ended(count, ""))))
        }
        Request::UserEnable { user: name } => {
            user::enable(context, &name).await.map_err(say)?;
            Ok(done(format!("{name} is enabled and can sign in again.")))
        }
        Request::SessionsList { user: name } => {
            let live = session::list(context, name.as_deref()).await.map_err(say)?;
            let spelled = live
                .into_iter()
                .map(|(name, session)| spell_session(&name, &session));
            Ok(Answer::Sessions {
                sessions: spelled.collect(),
            })
        }
        Request::SessionsEnd { id } => {
            let id = SessionId::parse(&id).map_err(|error| error.to_string())?;
            session::end(context, id).await.map_err(say)?;
            Ok(done(format!("Done: {}", ended(1, ""))))
        }
        Request::SessionsEndUser { user: name } => {
            let count = session::end_all(context, &name).await.map_err(say)?;
            let text = ended(count, &format!(" of {name}"));
            Ok(done(format!("All browsers are signed out; {text}")))
        }
        Request::SessionsEndEveryone => {
            let count = session::end_everyone(context).await.map_err(say)?;
            Ok(done(format!(
                "All browsers are signed out; {}",
                ended(count, "")
            )))
        }
        Request::RollbackAccept => {
            rollback::accept(context).await.map_err(say)?;
            Ok(done("Noted. The service goes on with the store as it is."))
        }
        _ => Err("This command is not known here. Use the same release on both sides.".to_owned()),
    }
}

/// The copy takes as long as the store is large, on a thread of its own.
async fn backup(owner: &Owner, path: PathBuf) -> Result<Answer, String> {
    if path.exists() {
        return Err(format!(
            "{} is there already. Name a new file.",
            path.display()
        ));
    }
    let (store, target) = (owner.store.clone(), path.clone());
    let copied = tokio::task::spawn_blocking(move || store.backup_to(&target)).await;
    copied
        .map_err(|error| error.to_string())?
        .map_err(|error| match error {
            store::Error::Unavailable(why) => format!(
                "no backup was made: {why}. Whoever has the store open writes it: a running service \
                 needs the right to write there"
            ),
            other => other.to_string(),
        })?;
    Ok(done(format!(
        "The store is copied to {}. The key file is not in it: keep that apart.",
        path.display()
    )))
}

fn done(message: impl Into<String>) -> Answer {
    Answer::Done {
        message: message.into(),
    }
}

/// How many ended, and what a revocation does not reach (SECURITY-CASES I12).
fn ended(count: usize, of: &str) -> String {
    let what = sessions(count);
    format!(
        "{what}{of} ended. Role credentials that were handed out live until they expire: deny them \
         at AWS by aws:SourceIdentity or aws:TokenIssueTime if that is too long."
    )
}

fn sessions(count: usize) -> String {
    match count {
        0 => "no session".to_owned(),
        1 => "one session".to_owned(),
        count => format!("{count} sessions"),
    }
}

/// The operator may know the cause, unlike a client.
fn say(error: Error) -> String {
    match error {
        Error::Refused(refusal) if refusal.detail.is_empty() => refusal.because.to_owned(),
        Error::Refused(refusal) => format!("{} ({})", refusal.because, refusal.detail),
        Error::Failed(failure) => format!("{}: {}", failure.doing, failure.source),
    }
}

fn spell_changes(applied: bool, changes: Vec<difference::Change>) -> Answer {
    let spell = |change: difference::Change| Change {
        verb: match change.verb {
            difference::Verb::Add => "add",
            difference::Verb::Alter => "alter",
            difference::Verb::Remove => "remove",
        }
        .to_owned(),
        subject: change.subject,
        detail: change.detail,
    };
    Answer::Changes {
        applied,
        changes: changes.into_iter().map(spell).collect(),
    }
}

fn spell_user(user: claviger_model::directory::User) -> User {
    User {
        name: user.name.to_string(),
        display_name: user.display_name,
        email: user.email,
        state: user.state.as_str().to_owned(),
    }
}

fn spell_session(
    user: &claviger_model::directory::UserName,
    session: &claviger_model::session::Session,
) -> Session {
    Session {
        id: session.id.to_string(),
        user: user.to_string(),
        client: session.client_name.clone(),
        created_at: rfc3339(session.created_at),
        expires_at: rfc3339(session.expires_at()),
        generation: session.rotations.generation,
    }
}

fn spell_machine(key: MachineKey) -> Machine {
    Machine {
        access_key_id: key.access_key_id,
        application: key.application.to_string(),
        state: key.state.as_str().to_owned(),
        created_at: rfc3339(key.created_at),
    }
}

fn spell_epoch(epoch: &keys::Epoch) -> Epoch {
    Epoch {
        number: epoch.epoch,
        state: epoch.state.as_str().to_owned(),
        since: rfc3339(epoch.since),
    }
}

fn spell_record(entry: audit::Entry) -> Record {
    Record {
        node: entry.node,
        seq: entry.seq,
        at: rfc3339(entry.at),
        action: entry.action,
        actor: entry.actor,
        subject: entry.subject,
        session_id: entry.session_id.map(|id| id.to_string()),
        client: entry.client,
        address: entry.address,
        detail: entry.detail,
    }
}
