//! Machine keys: making, listing and stopping them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_model::{
    application::{ApplicationName, MachineKey, MachineKeyState, NewMachineKey},
    audit::Action,
    secret::Secret,
};
use claviger_store::{repository::machine_key, statement::Plan};

use crate::{
    application::row,
    audit,
    context::Context,
    error::{Error, Kind},
};

/// The alphabet of AWS's ids.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Makes a key for an application. Its secret is told this once.
pub async fn create(
    context: &Context,
    application: ApplicationName,
) -> Result<NewMachineKey, Error> {
    let mut known = context.policy.applications.iter();
    if !known.any(|known| known.name == application) {
        return Err(Kind::NotFound
            .because("There is no such application. Add it to [applications] of the configuration and start again.")
            .detail(application.to_string())
            .into());
    }
    let now = context.now();
    let letters = context.draw::<16>();
    let letters = letters
        .iter()
        .filter_map(|byte| BASE32.get(usize::from(byte % 32)));
    let id: String = letters.map(|&letter| char::from(letter)).collect();
    let key = MachineKey {
        access_key_id: format!("CVMK{id}"),
        application,
        state: MachineKeyState::Active,
        created_at: now,
    };
    let secret = Secret::new(STANDARD.encode(context.draw::<30>()));
    let plain = secret.reveal().as_bytes();
    let sealed = context
        .keys
        .seal_field(context.draw(), plain, &row(&key.access_key_id));
    let record = audit::by_operator(
        Action::MachineCreate,
        key.application.as_str(),
        format!("access key {}", key.access_key_id),
        now,
    );
    let plan = Plan::of(machine_key::adding(&key, sealed)).then(audit::recording(context, &record));
    context.store.apply(plan).await?;
    Ok(NewMachineKey {
        client_id: context.links.application_arn(&key.application),
        secret_access_key: secret,
        key,
    })
}

/// All keys, oldest first.
pub async fn list(context: &Context) -> Result<Vec<MachineKey>, Error> {
    Ok(machine_key::all(context.store.as_ref()).await?)
}

/// Stops a key: nothing that it signs is admitted from now on. Sessions that it began go on.
pub async fn disable(context: &Context, access_key_id: &str) -> Result<(), Error> {
    let now = context.now();
    let record = audit::by_operator(Action::MachineDisable, access_key_id, String::new(), now);
    let plan =
        Plan::of(machine_key::disabling(access_key_id)).then(audit::recording(context, &record));
    if context.store.apply(plan).await?.is_whole() {
        return Ok(());
    }
    Err(Kind::NotFound
        .because(
            "There is no active machine key of that id. `claviger admin machine list` shows them.",
        )
        .into())
}
