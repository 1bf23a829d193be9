//! Scopes: what a client asked to be able to do (RFC 6749 §3.3).

use std::borrow::Cow;

use crate::{
    id::{AccountId, Malformed, RoleName},
    time::Lifetime,
};

/// The scope that opens the portal API (ListAccounts, GetRoleCredentials, …).
pub const ACCOUNT_ACCESS: &str = "sso:account:access";

/// The scope that asks for an ID token (OpenID Connect Core §3.1.2.1).
pub const OPENID: &str = "openid";

/// The scope that asks for a person's names (OpenID Connect Core §5.4).
pub const PROFILE: &str = "profile";

/// The scope that asks for a person's address (OpenID Connect Core §5.4).
pub const EMAIL: &str = "email";

/// The scope that asks for the names of a person's groups.
pub const GROUPS: &str = "groups";

/// The scope that asks for a refresh token (OpenID Connect Core §11); whoever registered that grant has one in
/// any case.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The scopes that are about a person, and open nothing of the portal.
pub const ABOUT_PEOPLE: [&str; 5] = [OPENID, PROFILE, EMAIL, GROUPS, OFFLINE_ACCESS];

/// The legacy scope of clients that know no refresh; it opens the portal API as well.
pub const LEGACY_PORTAL: &str = "sso-portal:*";

/// Before an account's id in the scopes that confine: `sso:account:111122223333` reaches what the
/// person has in that account, `sso:account:111122223333:ReadOnly` that role alone.
const CONFINED: &str = "sso:account:";

/// Before a number of minutes in the scopes that end a login early: `sso:minutes:30`.
const MINUTES: &str = "sso:minutes:";

/// Before the name of a session policy of the operator's, in the scope that credentials are limited by:
/// `sso:policy:read-only`.
const POLICY: &str = "sso:policy:";

/// The fewest and the most minutes that a scope may give: clients refresh from a quarter of an hour
/// before the end, and a day is longer than most logins.
const MINUTES_RANGE: std::ops::RangeInclusive<u32> = 5..=1440;

/// The most scopes a client may hold: they fit one bit each into an access token.
pub const MAX_SCOPES: usize = 25;

/// One scope: one to three segments of `[A-Za-z0-9_-]{1,50}` parted by `:`; the last may be `*`. What
/// begins like a confining one must be one: a slip of the pen must not open nothing in silence.
/// Other names that no rule of ours knows are kept and open nothing (SETTLED: real clients register
/// `codewhisperer:*` families).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// Reads one scope.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        // What nearly every client asks for takes no memory.
        if text == ACCOUNT_ACCESS {
            return Ok(Self(Cow::Borrowed(ACCOUNT_ACCESS)));
        }
        if text.starts_with(CONFINED) {
            return match Confinement::parse(text) {
                Some(_) => Ok(Self(text.to_owned().into())),
                None => Err(Malformed {
                    what: "scope",
                    rule: "must be sso:account:access, sso:account:ID or sso:account:ID:ROLE with an \
                           account's 12 digits",
                }),
            };
        }
        if text.starts_with(MINUTES) && minutes(text).is_none() {
            return Err(Malformed {
                what: "scope",
                rule: "must be sso:minutes:N with a number from 5 to 1440",
            });
        }
        let malformed = Malformed {
            what: "scope",
            rule: "must be one to three parts of letters, digits, _ or -, joined by colons",
        };
        let segments: Vec<&str> = text.split(':').collect();
        let legal = |segment: &&str| {
            (1..=50).contains(&segment.len())
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        let Some((last, front)) = segments.split_last() else {
            return Err(malformed);
        };
        let well_formed = segments.len() <= 3
            && front.iter().all(legal)
            && (legal(last) || (*last == "*" && !front.is_empty()));
        if well_formed {
            Ok(Self(text.to_owned().into()))
        } else {
            Err(malformed)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long a scope lets a login last, if it says so.
pub fn minutes(scope: &str) -> Option<Lifetime> {
    let number = scope.strip_prefix(MINUTES)?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let number = number.parse().ok().filter(|_| plain)?;
    MINUTES_RANGE
        .contains(&number)
        .then(|| Lifetime::minutes(number))
}

/// The session policy that a scope names, if it names one.
pub fn policy(scope: &str) -> Option<&str> {
    scope.strip_prefix(POLICY)
}

/// Whether a scope means something here, if it is well-formed. Others open nothing.
pub fn is_known(scope: &str) -> bool {
    scope == ACCOUNT_ACCESS
        || ABOUT_PEOPLE.contains(&scope)
        || Confinement::parse(scope).is_some()
        || is_limit(scope)
}

/// Whether a scope takes away instead of giving: whoever has it is not rid of it by asking for less.
fn is_limit(scope: &str) -> bool {
    minutes(scope).is_some() || policy(scope).is_some()
}

/// One account that a token is confined to, or one role of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confinement {
    /// The account.
    pub account_id: AccountId,
    /// The only role; any that the person has where left out.
    pub role: Option<RoleName>,
}

/// Prints as the scope that confines to it.
impl std::fmt::Display for Confinement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{CONFINED}{}", self.account_id)?;
        self.role
            .as_ref()
            .map_or(Ok(()), |role| write!(f, ":{role}"))
    }
}

impl Confinement {
    /// Reads the scope that [`Display`](std::fmt::Display) writes.
    pub fn parse(scope: &str) -> Option<Self> {
        let rest = scope.strip_prefix(CONFINED)?;
        let (account_id, role) = match rest.split_once(':') {
            // A comma would end the scope in most clients' settings.
            Some((account_id, role)) if !role.contains(',') => (account_id, Some(role)),
            Some(_) => return None,
            None => (rest, None),
        };
        Some(Self {
            account_id: AccountId::parse(account_id).ok()?,
            role: role.map(RoleName::parse).transpose().ok()?,
        })
    }
}

/// What a token opens of the portal (POR-09). It is never more than the person has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing of it.
    Nothing,
    /// All that the person has.
    Everything,
    /// What the person has of these: distinct, by account and role.
    Within(Vec<Confinement>),
}

impl Reach {
    /// Whether credentials of that role may be drawn, if the person has it.
    pub fn admits(&self, account_id: &AccountId, role: &RoleName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Within(within) => within.iter().any(|own| {
                own.account_id == *account_id && own.role.as_ref().is_none_or(|own| own == role)
            }),
        }
    }
}

impl Reach {
    /// Whether all of that is within reach.
    fn covers(&self, less: &Confinement) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Within(within) => within.iter().any(|own| {
                own.account_id == less.account_id && (own.role.is_none() || own.role == less.role)
            }),
        }
    }
}

/// An ordered list of distinct scopes, at most [`MAX_SCOPES`]. The order is part of the value: an
/// access token names scopes by their position in the session's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(Vec<Scope>);

/// Why scopes are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeRefused {
    /// One of them is not a scope at all.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// More than [`MAX_SCOPES`].
    #[error("no more than {MAX_SCOPES} scopes may be asked for")]
    TooMany,
    /// More than one session policy: credentials of both could do what either allows.
    #[error("no more than one session policy may be asked for")]
    TwoPolicies,
    /// More than was granted before.
    #[error("a scope is asked for that was not granted")]
    Wider,
}

impl ScopeSet {
    /// Collects scopes in their order; a repeated one counts once.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeRefused> {
        let mut scopes: Vec<Scope> = Vec::new();
        for text in texts {
            let scope = Scope::parse(text)?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
            if scopes.len() > MAX_SCOPES {
                return Err(ScopeRefused::TooMany);
            }
        }
        if scopes
            .iter()
            .filter(|scope| policy(scope.as_str()).is_some())
            .count()
            > 1
        {
            return Err(ScopeRefused::TwoPolicies);
        }
        Ok(Self(scopes))
    }

    /// Reads the form that [`ScopeSet::join`] writes.
    pub fn parse_joined(text: &str) -> Result<Self, ScopeRefused> {
        Self::parse(text.split(' ').filter(|part| !part.is_empty()))
    }

    /// The scopes joined by single spaces, the form of RFC 6749 and of our rows.
    pub fn join(&self) -> String {
        self.0
            .iter()
            .map(Scope::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The scopes in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Scope::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `scope` is among them.
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }

    /// What remains without the scopes that tell about people.
    #[must_use]
    pub fn without_people(&self) -> Self {
        let kept = self.0.iter();
        Self(
            kept.filter(|scope| !ABOUT_PEOPLE.contains(&scope.as_str()))
                .cloned()
                .collect(),
        )
    }

    /// What of `self` remains when only `asked` is wanted: everything for an empty list, a
    /// refusal when `asked` names what `self` lacks.
    pub fn restrict(&self, asked: &Self) -> Result<Self, ScopeRefused> {
        if asked.is_empty() {
            return Ok(self.clone());
        }
        if asked.iter().any(|scope| !self.contains(scope)) {
            return Err(ScopeRefused::Wider);
        }
        let kept = |own: &&Scope| asked.contains(own.as_str()) || is_limit(own.as_str());
        Ok(Self(self.0.iter().filter(kept).cloned().collect()))
    }

    /// The bit mask of `part` over the positions of `self`; scopes that `self` lacks set no bit.
    pub fn mask_of(&self, part: &Self) -> u32 {
        self.iter()
            .enumerate()
            .filter(|(_, scope)| part.contains(scope))
            .fold(0, |mask, (position, _)| mask | (1_u32 << position))
    }

    /// The scopes whose bits are set in `mask`.
    #[must_use]
    pub fn select(&self, mask: u32) -> Self {
        let chosen = self
            .0
            .iter()
            .enumerate()
            .filter(|(position, _)| mask & (1 << position) != 0);
        Self(chosen.map(|(_, scope)| scope.clone()).collect())
    }

    /// No scope, or the legacy one only: clients of before 2022 that get an 8 h access token and
    /// no refresh token (WIRE §3.5).
    pub fn is_legacy(&self) -> bool {
        self.iter().all(|scope| scope == LEGACY_PORTAL)
    }

    /// Whether there is something of the portal here that a person can give less of. A client without
    /// scopes has nothing that limits could stand beside.
    pub fn can_be_lessened(&self) -> bool {
        !self.is_legacy() && self.reach() != Reach::Nothing
    }

    /// These as a person gives them: `less` holds confinements, in the place of all that opens the portal,
    /// and limits. All of these where it is empty.
    pub fn give(&self, less: &Self) -> Result<Self, ScopeRefused> {
        let confines = |scope: &str| Confinement::parse(scope).is_some();
        let takes_away = |scope: &str| confines(scope) || is_limit(scope);
        let gives_less = self.can_be_lessened() && less.iter().all(takes_away);
        if !less.is_empty() && !gives_less {
            return Err(ScopeRefused::Wider);
        }
        let opens =
            |scope: &str| [ACCOUNT_ACCESS, LEGACY_PORTAL].contains(&scope) || confines(scope);
        let replaced = less.iter().any(confines);
        let kept = self.iter().filter(|scope| !(replaced && opens(scope)));
        self.narrow(&Self::parse(kept.chain(less.iter()))?)
    }

    /// What is asked for of these: of them themselves, or less of the portal than they open. All of them
    /// where nothing is asked for. It is never more (RFC 8693 §2.1).
    pub fn narrow(&self, asked: &Self) -> Result<Self, ScopeRefused> {
        if asked.is_empty() {
            return Ok(self.clone());
        }
        let reach = self.reach();
        let own = self.session_policy();
        let fits = |asked: &str| own.is_none_or(|own| own == asked);
        let held = |scope: &Scope| {
            self.0.contains(scope)
                || minutes(scope.as_str()).is_some()
                || policy(scope.as_str()).is_some_and(fits)
                || Confinement::parse(scope.as_str()).is_some_and(|less| reach.covers(&less))
        };
        if !asked.0.iter().all(held) {
            return Err(ScopeRefused::Wider);
        }
        // Limits alone limit all that there is.
        let limits_alone = asked.iter().all(is_limit);
        let base = if limits_alone { self } else { asked };
        let narrowed = base.clone().with_limits_of(self).with_limits_of(asked);
        if narrowed.len() > MAX_SCOPES {
            return Err(ScopeRefused::TooMany);
        }
        Ok(narrowed)
    }

    /// The session policy that credentials are limited by.
    pub fn session_policy(&self) -> Option<&str> {
        self.iter().find_map(policy)
    }

    /// These, with the limits of `other`.
    #[must_use]
    pub fn with_limits_of(mut self, other: &Self) -> Self {
        let limits = other.0.iter().filter(|scope| is_limit(scope.as_str()));
        let lacking: Vec<_> = limits
            .filter(|limit| !self.0.contains(limit))
            .cloned()
            .collect();
        self.0.extend(lacking);
        self
    }

    /// How long a login with these lasts at most, where they say so.
    pub fn longest(&self) -> Option<Lifetime> {
        self.iter().filter_map(minutes).min()
    }

    /// How much of the portal a token opens that carries exactly these.
    pub fn reach(&self) -> Reach {
        if self.is_legacy() || self.contains(ACCOUNT_ACCESS) || self.contains(LEGACY_PORTAL) {
            return Reach::Everything;
        }
        let mut within: Vec<_> = self.iter().filter_map(Confinement::parse).collect();
        if within.is_empty() {
            return Reach::Nothing;
        }
        within.sort();
        Reach::Within(within)
    }
}

#[cfg(test)]
mod tests;
