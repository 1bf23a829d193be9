//! The instance of `dev` as tests move it: people and what they decide, time, beginning anew.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use claviger_engine::{
    admin::{
        directory, reset, user,
        wanted::{Directory, DirectoryGroup, DirectoryRole, DirectoryUser, check},
    },
    authorize::{self, AuthorizeError},
    consent::{self, Consent},
    context::Context,
    device::{self, Answer},
    web_session::SignedIn,
};
use claviger_model::{
    access::{Account, Role},
    directory::{User, UserName, UserState},
    id::{AccountId, RoleName, TargetName, WebSessionId},
    network::Requester,
    port::entropy::Entropy,
    secret::Secret,
    time::Lifetime,
};
use claviger_web::activity::{Activity, Observer};
use claviger_wire::authorize::decode_query;
use serde::Deserialize;

use super::problem::Problem;
use crate::adapter::clock::MovableClock;

/// Everything that the control API can move.
pub(super) struct World {
    pub(super) context: Arc<Context>,
    pub(super) clock: Arc<MovableClock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// What a reset goes back to.
    pub(super) seed: Directory,
    /// Everybody's.
    pub(super) password: Secret,
    /// Who decides where nobody is named.
    pub(super) user: String,
}

/// A person to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    name: String,
    display_name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

/// A role of an account, and who is to have it; both are made where they are missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAssignment {
    account: String,
    role: String,
    user: Option<String>,
    group: Option<String>,
}

/// Who is given a role.
enum Assignee {
    User(UserName),
    Group(String),
}

/// Who does what people do here.
pub(super) const fn requester() -> Requester {
    Requester {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
    }
}

impl World {
    /// Somebody as if they had just signed in. No browser holds a cookie of it.
    pub(super) async fn signed_in(&self, name: Option<&str>) -> Result<SignedIn, Problem> {
        let user = self.person(name.unwrap_or(&self.user)).await?;
        if user.state != UserState::Active {
            return Err(Problem::bad(format!("{} is disabled", user.name)));
        }
        let mut id = [0; 16];
        self.entropy.fill(&mut id);
        let now = self.context.now();
        Ok(SignedIn {
            web_session_id: WebSessionId::from_bytes(id),
            user,
            auth_time: now,
            form_token: Secret::from(""),
            expires_at: now.plus(Lifetime::hours(1)),
        })
    }

    async fn person(&self, name: &str) -> Result<User, Problem> {
        let users = user::list(&self.context).await?;
        let known = || {
            let names = users.iter().map(|user| user.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let found = users.iter().find(|user| user.name.as_str() == name);
        found.cloned().ok_or_else(|| {
            Problem::missing(format!("there is no user {name:?}; there is {}", known()))
        })
    }

    /// Decides about a user code, and shows it to whoever watches.
    pub(super) async fn decide(
        &self,
        user_code: &str,
        name: Option<&str>,
        answer: Answer,
        observer: &dyn Observer,
    ) -> Result<(), Problem> {
        let signed_in = self.signed_in(name).await?;
        let requester = requester();
        let (operation, deciding) = (
            match answer {
                Answer::Approve { .. } => "approved",
                Answer::Deny => "denied",
            },
            device::decide(&self.context, &requester, &signed_in, user_code, answer),
        );
        deciding.await?;
        observer.saw(&Activity {
            operation,
            person: Some(signed_in.user.name.to_string()),
            user_code: Some(user_code.to_owned()),
            status: 200,
            ..Activity::default()
        });
        Ok(())
    }

    /// Consents to what an `/authorize` address asks for; answers where the browser would go.
    pub(super) async fn authorize(
        &self,
        url: &str,
        name: Option<&str>,
        answer: Answer,
    ) -> Result<Secret, Problem> {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let query = decode_query(query, &self.context.keys);
        let request = match authorize::check(&self.context, &query) {
            Ok(request) => request,
            Err(AuthorizeError::Redirect(redirection)) => return Ok(redirection.location),
            Err(AuthorizeError::Page(refusal)) => return Err(Problem::bad(refusal.because)),
        };
        let signed_in = self.signed_in(name).await?;
        let redirection = match answer {
            Answer::Approve { less } => {
                let request = request.given(&self.context, &less)?;
                let (context, by) = (&self.context, Consent::Given);
                consent::approve(context, &requester(), &signed_in, &request, by).await?
            }
            Answer::Deny => consent::deny(&self.context, &request),
        };
        Ok(redirection.location)
    }

    /// Makes the directory as wanted; new people have everybody's password.
    pub(super) async fn apply(&self, wanted: &Directory) -> Result<usize, Problem> {
        check(wanted).map_err(|contradiction| Problem::bad(contradiction.to_string()))?;
        let before = user::list(&self.context).await?;
        let changes = directory::apply(&self.context, wanted).await?;
        let new = wanted
            .users
            .iter()
            .filter(|user| !before.iter().any(|old| old.name == user.name));
        for person in new {
            let name = person.name.as_str();
            user::set_password(&self.context, name, &self.password, false).await?;
        }
        Ok(changes.len())
    }

    /// Adds a person, and groups that are missing.
    pub(super) async fn add_user(&self, new: NewUser) -> Result<(), Problem> {
        let name = UserName::parse(&new.name).map_err(|rule| Problem::bad(rule.to_string()))?;
        let mut wanted = directory::current(&self.context).await?;
        if wanted.users.iter().any(|old| old.name == name) {
            return Err(Problem::bad(format!("there is a user {name} already")));
        }
        for group in new.groups {
            let old = wanted.groups.iter_mut().find(|old| old.name == group);
            match old {
                Some(old) => old.members.push(name.clone()),
                None => wanted.groups.push(DirectoryGroup {
                    name: group,
                    members: vec![name.clone()],
                }),
            }
        }
        wanted.users.push(DirectoryUser {
            display_name: new.display_name.unwrap_or_else(|| name.to_string()),
            email: new.email,
            name,
        });
        self.apply(&wanted).await?;
        Ok(())
    }

    /// Gives somebody a role.
    pub(super) async fn assign(&self, new: NewAssignment) -> Result<(), Problem> {
        let spelled = |rule: claviger_model::id::Malformed| Problem::bad(rule.to_string());
        let account_id = AccountId::parse(&new.account).map_err(spelled)?;
        let name = RoleName::parse(&new.role).map_err(spelled)?;
        let mut wanted = directory::current(&self.context).await?;
        let to = self.assignee(&wanted, new.user, new.group).await?;
        if !wanted.accounts.iter().any(|old| old.id == account_id) {
            wanted.accounts.push(Account {
                name: format!("Account {account_id}"),
                email: format!("{account_id}@accounts.invalid"),
                id: account_id.clone(),
            });
        }
        let is_it =
            |given: &DirectoryRole| given.role.account_id == account_id && given.role.name == name;
        if !wanted.roles.iter().any(is_it) {
            wanted.roles.push(DirectoryRole {
                role: Role {
                    arn: format!("arn:aws:iam::{account_id}:role/{name}"),
                    account_id: account_id.clone(),
                    name: name.clone(),
                    target: TargetName::default(),
                    duration: Lifetime::hours(1),
                },
                users: Vec::new(),
                groups: Vec::new(),
            });
        }
        for given in wanted.roles.iter_mut().filter(|given| is_it(given)) {
            match &to {
                Assignee::User(user) if !given.users.contains(user) => {
                    given.users.push(user.clone());
                }
                Assignee::Group(group) if !given.groups.contains(group) => {
                    given.groups.push(group.clone());
                }
                _ => {}
            }
        }
        self.apply(&wanted).await?;
        Ok(())
    }

    /// Who is meant, if they are there.
    async fn assignee(
        &self,
        directory: &Directory,
        user: Option<String>,
        group: Option<String>,
    ) -> Result<Assignee, Problem> {
        match (user, group) {
            (Some(user), None) => Ok(Assignee::User(self.person(&user).await?.name)),
            (None, Some(group)) => {
                let mut groups = directory.groups.iter().map(|known| known.name.as_str());
                if groups.clone().any(|known| known == group) {
                    return Ok(Assignee::Group(group));
                }
                let known = groups.by_ref().collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "none" } else { &known };
                Err(Problem::missing(format!(
                    "there is no group {group:?}; there is {known}"
                )))
            }
            _ => Err(Problem::bad("name either a user or a group")),
        }
    }

    /// Goes back to the seed, at the system's time. Everybody is signed out.
    pub(super) async fn reset(&self) -> Result<(), Problem> {
        self.clock.let_go();
        reset::forget_everything(&self.context).await?;
        self.apply(&self.seed).await?;
        Ok(())
    }
}
