//! Device authorization (RFC 8628; AWS StartDeviceAuthorization): start, look up, decide.

use claviger_model::{
    audit::Action,
    client::{Client, GrantType},
    grant::device::{Decision, DeviceAuthorization, DeviceState},
    id::{ClientRef, DeviceId},
    network::{NetworkPrefix, Requester},
    scope::ScopeSet,
    secret::Secret,
    time::{Lifetime, Timestamp},
    user_code::UserCode,
};
use claviger_store::{
    repository::device::{self, Outcome},
    repository::throttle,
    statement::Plan,
};

use crate::{
    audit,
    client::authenticate::{ClientCredentials, authenticate},
    confinement,
    context::{Context, StartKey},
    error::{Error, Kind, Refusal},
    keys::purpose::Tag,
    sign_in::window_start,
    token::device_code,
    web_session::SignedIn,
};

/// What a device asks.
#[derive(Clone, Debug)]
pub struct StartDevice {
    /// Who asks.
    pub client: ClientCredentials,
    /// AWS `startUrl`: must name this instance where it is given.
    pub start_url: Option<String>,
    /// `scope`; all that is registered where none is named.
    pub scopes: Vec<String>,
}

/// What a device is told.
#[derive(Clone, Debug)]
pub struct DeviceStarted {
    /// `deviceCode`.
    pub device_code: Secret,
    /// `userCode`, shown as `XXXX-XXXX`.
    pub user_code: UserCode,
    /// `verificationUri`.
    pub verification_uri: String,
    /// `verificationUriComplete`.
    pub verification_uri_complete: String,
    /// `expiresIn`.
    pub expires_in: Lifetime,
    /// `interval`.
    pub interval: Lifetime,
}

/// How often a fresh user code is drawn when one is taken: with 10⁵ pending codes among
/// 2.6·10¹⁰ even the second draw is rare.
const DRAWS: usize = 4;

/// Starts a device authorization.
pub async fn start(
    context: &Context,
    requester: &Requester,
    request: StartDevice,
) -> Result<DeviceStarted, Error> {
    let now = context.now();
    let client = authenticate(context, &request.client, now)?;
    if !client.may_use(GrantType::DeviceCode) {
        return Err(Kind::UnauthorizedClient
            .because("This client did not register the device_code grant. Register it again.")
            .into());
    }
    let elsewhere = |url: &String| !context.links.name_this_instance(url);
    if request.start_url.as_ref().is_some_and(elsewhere) {
        return Err(Kind::InvalidRequest
            .because("startUrl is not the start URL of this instance. Check sso_start_url.")
            .into());
    }
    let client = asking_for(client, &request.scopes)?;
    let load = StartLoad::of(&client, requester);
    load.admit(context, now)?;
    let started = draw(context, requester, &client, now).await;
    if started.is_err() {
        // Nothing waits; a store that was away must not look like a client that asks too much.
        load.undo(context);
    }
    started
}

/// The client with no more scopes than it asks for now (RFC 8628 §3.1).
fn asking_for(mut client: Client, scopes: &[String]) -> Result<Client, Refusal> {
    let asked = ScopeSet::parse(scopes.iter().map(String::as_str));
    let asked = asked.and_then(|asked| client.metadata.scopes.restrict(&asked));
    client.metadata.scopes = asked.map_err(|error| {
        Kind::InvalidScope
            .because("A scope is asked for that the client did not register. Ask for less.")
            .detail(error.to_string())
    })?;
    Ok(client)
}

/// What a waiting device is counted by, and how much of the total it takes.
struct StartLoad {
    client: ClientRef,
    network: Option<NetworkPrefix>,
    burden: u32,
}

impl StartLoad {
    fn of(client: &Client, requester: &Requester) -> Self {
        let metadata = &client.metadata;
        let agent = requester.user_agent.as_deref();
        Self {
            client: client.reference,
            network: Some(requester.network()),
            burden: burden(metadata.name.as_str(), &metadata.scopes, agent),
        }
    }

    fn of_waiting(device: &DeviceAuthorization) -> Self {
        let network = device.requester_address.parse().ok();
        let agent = device.requester_agent.as_deref();
        Self {
            client: device.client,
            network: network.map(NetworkPrefix::of),
            burden: burden(&device.client_name, &device.scopes, agent),
        }
    }

    fn admit(&self, context: &Context, now: Timestamp) -> Result<(), Refusal> {
        let limits = &context.policy.limits;
        let limit = |key: &StartKey| match key {
            StartKey::Client(_) => limits.devices_per_client,
            StartKey::Network(_) => limits.devices_per_network,
            StartKey::All => limits.devices,
        };
        let keys = self.keys();
        for (position, (key, burden)) in keys.iter().enumerate() {
            if !context
                .device_starts
                .admit_many(key, *burden, limit(key), now)
            {
                for (key, burden) in keys.iter().take(position) {
                    context.device_starts.undo(key, *burden);
                }
                return Err(Kind::TooManyRequests.because(
                    "Too many devices are waiting for approval. Finish or wait ten minutes, then try again.",
                ));
            }
        }
        Ok(())
    }

    fn undo(&self, context: &Context) {
        for (key, burden) in self.keys() {
            context.device_starts.undo(&key, burden);
        }
    }

    fn give_back(&self, context: &Context) {
        for (key, burden) in self.keys() {
            context.device_starts.give_back(&key, burden);
        }
    }

    fn keys(&self) -> Vec<(StartKey, u32)> {
        let network = self.network.map(|network| (StartKey::Network(network), 1));
        [
            (StartKey::Client(self.client), 1),
            (StartKey::All, self.burden),
        ]
        .into_iter()
        .chain(network)
        .collect()
    }
}

/// How many ordinary waiting devices take as much room as one with these texts, which strangers
/// choose: the total cap binds bytes (DEV-26). A row that overflows takes a page of its own.
fn burden(client_name: &str, scopes: &ScopeSet, agent: Option<&str>) -> u32 {
    let texts = client_name.len() + scopes.join().len() + agent.map_or(0, str::len);
    match texts {
        0..=350 => 1,
        351..=900 => 2,
        _ => 8,
    }
}

async fn draw(
    context: &Context,
    requester: &Requester,
    client: &Client,
    now: Timestamp,
) -> Result<DeviceStarted, Error> {
    for _ in 0..DRAWS {
        if let Some(started) = try_start(context, requester, client, now).await? {
            return Ok(started);
        }
    }
    Err(Kind::Unavailable
        .because("No user code is free. Try again in a moment.")
        .into())
}

/// One draw of a user code; `None` when it is taken.
async fn try_start(
    context: &Context,
    requester: &Requester,
    client: &Client,
    now: Timestamp,
) -> Result<Option<DeviceStarted>, Error> {
    let Some(user_code) = UserCode::draw(&context.draw()) else {
        return Ok(None);
    };
    let keys = context.keys.active();
    let expires_in = context.policy.device_code_lifetime;
    let authorization = DeviceAuthorization {
        id: DeviceId::from_bytes(context.draw()),
        client: client.reference,
        client_name: client.metadata.name.as_str().to_owned(),
        dialect: client.metadata.dialect,
        scopes: client.metadata.scopes.clone(),
        requester_address: requester.address.to_string(),
        requester_agent: requester.user_agent.clone(),
        created_at: now,
        expires_at: now.plus(expires_in),
        state: DeviceState::Pending,
    };
    let mac = keys.user_code.tag(&[user_code.as_bytes()]);
    if !context
        .store
        .apply(device::starting(&authorization, &mac))
        .await?
        .is_whole()
    {
        return Ok(None);
    }
    let code = device_code::DeviceCode {
        device_id: authorization.id,
        expires_at: authorization.expires_at,
    };
    let verification_uri = context.links.verification_uri();
    Ok(Some(DeviceStarted {
        device_code: device_code::mint(&keys, code),
        user_code,
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        expires_in,
        interval: context.policy.poll_interval,
    }))
}

/// The undecided authorization behind a typed code. Unknown, expired, used and denied codes are
/// one refusal (`Kind::NotFound`); too many wrong ones are `Kind::TooManyRequests` (DEV-04).
pub async fn look_up(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    typed: &str,
) -> Result<(UserCode, DeviceAuthorization), Error> {
    let now = context.now();
    let attempt = find(context, requester, signed_in, typed, now).await?;
    if !attempt.found.awaits_decision(now) {
        return Err(unknown_code().into());
    }
    context.store.apply(attempt.give_back).await?;
    Ok((attempt.code, attempt.found))
}

/// What a person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Give that device the access that it asks for, or `less` of it.
    Approve {
        /// Scopes that confine or limit; none for all that it asks for.
        less: ScopeSet,
    },
    /// Do not; also takes back an approval that has not been redeemed (DEV-13).
    Deny,
}

impl Answer {
    /// Approval of all that the device asks for.
    pub fn everything() -> Self {
        Self::Approve {
            less: ScopeSet::default(),
        }
    }
}

/// Writes a person's decision down, once. Refused with `Kind::NotFound` when somebody else was
/// first, time ran out, or the device already has its session.
pub async fn decide(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    typed: &str,
    answer: Answer,
) -> Result<DeviceAuthorization, Error> {
    let now = context.now();
    let Attempt {
        found: authorization,
        give_back,
        ..
    } = find(context, requester, signed_in, typed, now).await?;
    let decision = Decision {
        user_id: signed_in.user.id,
        at: now,
        auth_time: signed_in.auth_time,
        user_epoch: signed_in.user.epoch,
    };
    let (outcome, action, state, given) = match answer {
        Answer::Approve { less } => (
            Outcome::Approved,
            Action::DeviceApprove,
            DeviceState::Approved(decision),
            confinement::given(context, &authorization.scopes, &less),
        ),
        Answer::Deny => (
            Outcome::Denied,
            Action::DeviceDeny,
            DeviceState::Denied(decision),
            Ok(authorization.scopes.clone()),
        ),
    };
    let scopes = match given {
        Ok(scopes) => scopes,
        Err(refused) => {
            // The code was right.
            context.store.apply(give_back).await?;
            return Err(refused.into());
        }
    };
    let mut record = audit::by_person(action, &signed_in.user, requester, now);
    record.client = Some(authorization.client_name.clone());
    record.detail = format!("device asked from {}", authorization.requester_address);
    let mut plan = Plan::of(device::deciding(authorization.id, outcome, decision, now));
    if scopes != authorization.scopes {
        record.detail = format!("{}, given {}", record.detail, scopes.join());
        plan = plan.then(device::confining(authorization.id, &scopes));
    }
    let plan = plan.then(audit::recording(context, &record)).and(give_back);
    if !context.store.apply(plan).await?.is_whole() {
        return Err(unknown_code().into());
    }
    if authorization.state == DeviceState::Pending {
        // What was decided waits no longer.
        StartLoad::of_waiting(&authorization).give_back(context);
    }
    Ok(DeviceAuthorization {
        state,
        scopes,
        ..authorization
    })
}

/// The authorization of a typed code in any state. The attempt is counted as a
/// wrong one before the code is looked up, and taken back when it was right, so that no number of
/// parallel guesses gets past the limits.
async fn find(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    typed: &str,
    now: Timestamp,
) -> Result<Attempt, Error> {
    let counted = wrong_code_counts(context, requester, signed_in);
    let window = window_start(now);
    let plan = counted.iter().fold(Plan::default(), |plan, (tag, limit)| {
        plan.then(throttle::counting(tag, window, *limit))
    });
    if !context.store.apply(plan).await?.is_whole() {
        return Err(Kind::TooManyRequests
            .because("Too many wrong codes. Wait ten minutes, then try again.")
            .into());
    }
    let code = UserCode::parse(typed).ok_or_else(unknown_code)?;
    for keys in context.keys.all_accepted() {
        let mac = keys.user_code.tag(&[code.as_bytes()]);
        if let Some(found) = device::by_user_code(context.store.as_ref(), &mac).await? {
            let give_back = counted.iter().fold(Plan::default(), |plan, (tag, _)| {
                plan.then(throttle::giving_back(tag, window))
            });
            return Ok(Attempt {
                code,
                found,
                give_back,
            });
        }
    }
    Err(unknown_code().into())
}

/// A typed code that exists, and the plan that takes back what it was counted.
struct Attempt {
    code: UserCode,
    found: DeviceAuthorization,
    give_back: Plan,
}

fn wrong_code_counts(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
) -> [(Tag, u32); 3] {
    let key = &context.keys.active().throttle;
    let limits = &context.policy.limits;
    let web_session = key.tag(&[b"code/web", signed_in.web_session_id.as_bytes()]);
    let user = key.tag(&[b"code/user", signed_in.user.id.as_bytes()]);
    let network = key.tag(&[b"code/network", requester.network().to_string().as_bytes()]);
    [
        (web_session, limits.wrong_codes_per_web_session),
        (user, limits.wrong_codes_per_user),
        (network, limits.wrong_codes_per_network),
    ]
}

fn unknown_code() -> Refusal {
    Kind::NotFound.because(
        "This code is not waiting for approval. Check it on your device, or start again there.",
    )
}
