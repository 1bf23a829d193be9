//! Proof of identity by password, throttled before anything is hashed.

use claviger_model::{
    audit::Action,
    directory::{User, UserState, name_key},
    network::Requester,
    secret::Secret,
    time::{Lifetime, Timestamp},
};
use claviger_store::{
    repository::{
        throttle,
        user::{self, UserWithPassword},
    },
    statement::Plan,
};

use crate::{
    audit,
    context::Context,
    error::{Error, Kind},
    keys::purpose::{MacKey, Tag},
    policy::LONGEST_PASSWORD,
    token::{
        known_browser,
        transaction::{self, Purpose},
    },
    web_session::{self, NewWebSession},
};

/// Sixteen random bytes in a cookie: ties forms to the browser that was shown them (AUT-16).
pub type BrowserId = [u8; 16];

/// A fresh browser id.
pub fn new_browser_id(context: &Context) -> BrowserId {
    context.draw()
}

/// What a sign-in form posts.
#[derive(Clone, Debug)]
pub struct PasswordSignIn {
    /// The typed name.
    pub user_name: String,
    /// The typed password.
    pub password: Secret,
    /// The known-browser cookie, if there was one: a browser that a person used before has a
    /// bucket of its own (SGN-03).
    pub known_browser: Option<Secret>,
}

/// A successful sign-in: two cookies to set.
#[derive(Clone, Debug)]
pub struct SignInDone {
    /// The web session.
    pub web_session: NewWebSession,
    /// The known-browser cookie, for 90 days.
    pub known_browser: Secret,
}

/// The window in which password checks are counted.
pub const WINDOW: Lifetime = Lifetime::minutes(10);

/// How long a browser stays known.
const KNOWN: Lifetime = Lifetime::days(90);

const WRONG: &str = "The user name or the password is not right. Check both and try again.";

/// Signs a person in. A wrong name and a wrong password are one refusal (`Kind::AccessDenied`); a
/// throttle is `Kind::TooManyRequests`. Checks are counted before anything is hashed (SGN-04).
pub async fn with_password(
    context: &Context,
    requester: &Requester,
    form: PasswordSignIn,
) -> Result<SignInDone, Error> {
    let now = context.now();
    let found = user::by_name_key(context.store.as_ref(), &name_key(&form.user_name)).await?;
    let counts = counts(context, requester, found.as_ref(), &form, now);
    count(context, &counts, now).await?;
    let overlong = form.password.reveal().len() > LONGEST_PASSWORD;
    let hash = found
        .as_ref()
        .and_then(|found| found.password_hash.as_deref());
    let right = !overlong && context.hasher.verify(&form.password, hash).await?;
    match found {
        Some(found) if right => complete(context, requester, found.user, &counts, now).await,
        _ => Err(Kind::AccessDenied.because(WRONG).into()),
    }
}

/// What one check counts under, each with its limit.
struct Counts([(Tag, u32); 2]);

fn counts(
    context: &Context,
    requester: &Requester,
    found: Option<&UserWithPassword>,
    form: &PasswordSignIn,
    now: Timestamp,
) -> Counts {
    let key = &context.keys.active().throttle;
    let limits = &context.policy.limits;
    let network = key.tag(&[b"network", requester.network().to_string().as_bytes()]);
    let person = found.map_or_else(
        || nobody(key, &form.user_name),
        |found| {
            let id = found.user.id.as_bytes();
            let known = form
                .known_browser
                .as_ref()
                .map(Secret::reveal)
                .filter(|cookie| known_browser::admits(&context.keys, cookie, found.user.id, now));
            match known {
                Some(cookie) => key.tag(&[b"browser", id, cookie.as_bytes()]),
                None => key.tag(&[b"user", id]),
            }
        },
    );
    Counts([
        (network, limits.sign_ins_per_network),
        (person, limits.sign_ins_per_user),
    ])
}

/// What a name that nobody has counts under: throttled like a person, or the throttle would tell
/// who exists. Names share 4,096 counts, so that guessing names fills no table (SGN-06).
fn nobody(key: &MacKey, user_name: &str) -> Tag {
    let [first, second, ..] = key.tag(&[b"nobody", name_key(user_name).as_bytes()]);
    key.tag(&[b"nobody", &[first, second & 0x0f]])
}

async fn count(context: &Context, counts: &Counts, now: Timestamp) -> Result<(), Error> {
    let window = window_start(now);
    let plan = counts.0.iter().fold(Plan::default(), |plan, (tag, limit)| {
        plan.then(throttle::counting(tag, window, *limit))
    });
    if context.store.apply(plan).await?.is_whole() {
        return Ok(());
    }
    Err(Kind::TooManyRequests
        .because("Too many attempts to sign in. Wait ten minutes, then try again.")
        .into())
}

async fn complete(
    context: &Context,
    requester: &Requester,
    user: User,
    counts: &Counts,
    now: Timestamp,
) -> Result<SignInDone, Error> {
    if user.state != UserState::Active {
        return Err(Kind::AccessDenied
            .because("This account is disabled. Ask your administrator to enable it.")
            .into());
    }
    let record = audit::by_person(Action::SignIn, &user, requester, now);
    let known_browser = known_browser::mint(
        &context.keys.active(),
        user.id,
        context.draw(),
        now.plus(KNOWN),
    );
    let (web_session, starting) = web_session::begin(context, requester, user, now);
    let plan = Plan::of(starting).then(audit::recording(context, &record));
    let plan = counts.0.iter().fold(plan, |plan, (tag, _)| {
        plan.then(throttle::giving_back(tag, window_start(now)))
    });
    context.store.apply(plan).await?;
    Ok(SignInDone {
        web_session,
        known_browser,
    })
}

pub(crate) fn window_start(now: Timestamp) -> Timestamp {
    let into = now
        .epoch_seconds()
        .rem_euclid(i64::from(WINDOW.as_seconds()));
    Timestamp::from_epoch_seconds(now.epoch_seconds() - into)
}

/// Seals where to go after the sign-in, for the form of that browser.
pub fn seal_next(context: &Context, browser: &BrowserId, next: &str) -> Secret {
    let expires_at = context.now().plus(context.policy.transaction_lifetime);
    let keys = context.keys.active();
    transaction::seal(
        &keys,
        context.draw(),
        Purpose::SignIn,
        browser,
        expires_at,
        next.as_bytes(),
    )
}

/// Where to go after the sign-in; `None` when the form is altered, another browser's or too old.
pub fn open_next(context: &Context, browser: &BrowserId, sealed: &str) -> Option<String> {
    let now = context.now();
    let next = transaction::open(&context.keys, Purpose::SignIn, browser, now, sealed)?;
    String::from_utf8(next).ok()
}
