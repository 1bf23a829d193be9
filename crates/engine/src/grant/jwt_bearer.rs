//! The jwt-bearer grant (RFC 7523): the word of a trusted issuer, presented by an application that may
//! present it (FED-13).

use claviger_model::{
    application::{Attribute, IssuerRules},
    directory::{User, UserState, name_key},
    port::issuers::{Assertion, NotVerified},
    session::SessionOrigin,
    time::{Lifetime, Timestamp},
};
use claviger_store::repository::{replay, user};
use sha2::{Digest as _, Sha256};

use super::{
    request::{Issued, TokenRequest},
    step::{Once, Step},
};
use crate::{
    claims,
    error::{Error, Kind, Refusal},
    session::Beginning,
};

/// How far an issuer's clock may be ahead of ours.
const AHEAD: Lifetime = Lifetime::seconds(60);

/// The longest `jti` that is remembered.
const LONGEST_ID: usize = 256;

pub(crate) async fn redeem(step: &mut Step<'_>, request: &TokenRequest) -> Result<Issued, Error> {
    let text = request.assertion.as_ref().ok_or_else(|| {
        Kind::InvalidRequest.because("assertion is missing. Send a JWT of a trusted issuer.")
    })?;
    let assertion = step.context.issuers.verify(text).await?;
    let policy = &step.context.policy;
    let rules = policy.issuers.get(&assertion.issuer);
    let rules = rules.ok_or_else(|| invalid("the issuer is not trusted"))?;
    let audiences = step
        .application
        .and_then(|application| application.audiences.get(&assertion.issuer))
        .ok_or_else(|| invalid("the application may not present this issuer's assertions"))?;
    let once = judge(&assertion, rules, audiences, step.now)?;
    let named = assertion.claims.get(&rules.claim);
    let named = named.ok_or_else(|| invalid("the claim that names the person is missing"))?;
    if rules.attribute == Attribute::Email
        && assertion
            .claims
            .get("email_verified")
            .is_some_and(|verified| verified != "true")
    {
        return Err(invalid("the issuer has not verified the address").into());
    }
    let user = person(step, rules.attribute, named).await?;
    step.once.extend(once);
    let beginning = Beginning::of(step.client, SessionOrigin::JwtBearer, assertion.issued_at);
    let scopes = step.narrow(&beginning.scopes)?;
    let person = claims::of_id_token(step.context, &user, &scopes).await?;
    let issued = step.begin(&user, beginning, scopes).await?;
    Ok(Issued { person, ..issued })
}

/// Refuses an authentic assertion that is not for us or not in date; answers what makes it count once,
/// where it does.
pub(super) fn judge(
    assertion: &Assertion,
    rules: &IssuerRules,
    audiences: &[String],
    now: Timestamp,
) -> Result<Option<Once>, Refusal> {
    check(assertion, rules, audiences, now).map_err(invalid)?;
    if !rules.single_use {
        return Ok(None);
    }
    let id = assertion.id.as_deref().unwrap_or_default();
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(invalid("the assertion has no id, or too long a one"));
    }
    let digest = Sha256::digest(format!("assertion|{}|{id}", assertion.issuer));
    Ok(Some(Once {
        statement: replay::remembering(&digest.into(), assertion.expires_at.plus(AHEAD)),
        refusal: invalid("the assertion was presented before"),
    }))
}

fn check(
    assertion: &Assertion,
    rules: &IssuerRules,
    audiences: &[String],
    now: Timestamp,
) -> Result<(), &'static str> {
    if !assertion
        .audiences
        .iter()
        .any(|told| audiences.contains(told))
    {
        return Err("the audience is another");
    }
    if now >= assertion.expires_at {
        return Err("the assertion has expired");
    }
    if assertion.issued_at > now.plus(AHEAD)
        || assertion
            .not_before
            .is_some_and(|from| from > now.plus(AHEAD))
    {
        return Err("the assertion is of the future");
    }
    let life = assertion.expires_at.seconds_since(assertion.issued_at);
    if !(0..=i64::from(rules.longest_life.as_seconds())).contains(&life) {
        return Err("the assertion is good for too long");
    }
    Ok(())
}

/// The one person of that name or address.
async fn person(step: &Step<'_>, attribute: Attribute, named: &str) -> Result<User, Error> {
    let store = step.context.store.as_ref();
    let found = match attribute {
        Attribute::UserName => user::by_name_key(store, &name_key(named))
            .await?
            .map(|found| found.user)
            // Letter by letter: two subjects of an issuer are two people (FED-09).
            .filter(|user| user.name.as_str() == named),
        Attribute::Email => match <[User; 1]>::try_from(user::by_email(store, named).await?) {
            Ok([user]) => Some(user),
            Err(_) => None,
        },
    };
    let found = found.filter(|user| user.state == UserState::Active);
    found.ok_or_else(|| invalid("it is about nobody here, or about more than one").into())
}

/// One sentence, whatever was wrong: it is presented by a program that must not learn who is here.
pub(super) fn invalid(detail: &'static str) -> Refusal {
    Kind::InvalidGrant
        .because("The assertion is not accepted. Get a new one; if that is refused too, ask the operator.")
        .detail(detail)
}

impl From<NotVerified> for Error {
    fn from(error: NotVerified) -> Self {
        match error {
            NotVerified::Untrusted(detail) => invalid(detail).into(),
            NotVerified::Unavailable { .. } => Kind::Unavailable
                .because("The issuer of the assertion does not answer. Try again in a moment.")
                .alarm(error.to_string())
                .into(),
        }
    }
}
