//! The control API below `/_dev/`: JSON in and out, with a bearer of its own. `serve` has no such
//! thing.

use std::sync::Arc;

use claviger_engine::device::Answer;
use claviger_model::{port::future::BoxFuture, scope::ScopeSet, secret::Secret, time::Timestamp};
use claviger_sts::toy::ToySts;
use claviger_web::{activity::Observer, app::Mounted};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::{
    journal::Journal,
    problem::Problem,
    script::{Line, Script},
    toy,
    world::World,
};
use crate::{
    command::admin::{
        execute::{Owner, execute},
        request,
    },
    directory_file,
    moment::rfc3339,
};

/// The routes, for whoever asks for another one.
const ROUTES: &str = "GET instance, events, faults, clock; POST approve, deny, authorize, users, \
                      assignments, clock, tokens/expire, admin, faults, reset; PUT directory; \
                      DELETE faults";

/// The control API of one instance, and the toy STS beside it.
pub(super) struct Control {
    pub(super) bearer: Secret,
    pub(super) world: Arc<World>,
    pub(super) owner: Owner,
    pub(super) script: Arc<Script>,
    pub(super) journal: Arc<Journal>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) toy: Option<Arc<ToySts>>,
    /// What `GET instance` answers.
    pub(super) about: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    user_code: String,
    user: Option<String>,
    /// A confining scope: give it less.
    only: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    url: String,
    user: Option<String>,
    #[serde(default)]
    deny: bool,
    /// A confining scope: give it less.
    only: Option<String>,
}

/// How to move the clock; what is given is done in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    /// Seconds since 1970.
    now: Option<i64>,
    /// Seconds; negative goes back.
    advance: Option<i64>,
    frozen: Option<bool>,
}

impl Mounted for Control {
    fn answer<'a>(
        &'a self,
        parts: &'a Parts,
        body: &'a [u8],
    ) -> BoxFuture<'a, Option<Response<Vec<u8>>>> {
        Box::pin(async move {
            let of_toy = self.toy.as_ref();
            if let Some(answered) = of_toy.and_then(|toy| toy::answer(toy, parts, body)) {
                return Some(answered);
            }
            let answered = if self.admits(parts) {
                self.route(parts, body).await
            } else {
                Err(Problem {
                    status: 401,
                    because: "send `Authorization: Bearer` with the control token of this start"
                        .to_owned(),
                })
            };
            Some(answered.map_or_else(
                |problem| answer(problem.status, &json!({ "error": problem.because })),
                |value| answer(200, &value),
            ))
        })
    }
}

impl Control {
    fn admits(&self, parts: &Parts) -> bool {
        let given = parts.headers.get(header::AUTHORIZATION);
        let given = given
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        given.is_some_and(|given| {
            given
                .as_bytes()
                .ct_eq(self.bearer.reveal().as_bytes())
                .into()
        })
    }

    async fn route(&self, parts: &Parts, body: &[u8]) -> Result<Value, Problem> {
        let path = parts.uri.path().strip_prefix("/_dev/").unwrap_or_default();
        match (&parts.method, path) {
            (&Method::GET, "instance") => Ok(self.about.clone()),
            (&Method::GET, "events") => {
                let after = parameter(parts, "after").map(|number| {
                    number
                        .parse()
                        .map_err(|_| Problem::bad("after must be the number of an event"))
                });
                Ok(json!({ "events": self.journal.after(after.transpose()?.unwrap_or(0)) }))
            }
            (&Method::GET, "faults") => Ok(json!({ "faults": self.script.left() })),
            (&Method::POST, "faults") => {
                self.script.add(read::<Line>(body)?)?;
                Ok(json!({ "faults": self.script.left() }))
            }
            (&Method::DELETE, "faults") => {
                self.script
                    .clear(parameter(parts, "operation").as_deref())?;
                Ok(json!({ "faults": self.script.left() }))
            }
            (&Method::GET, "clock") => Ok(self.clock()),
            (&Method::POST, "clock") => self.move_clock(&read::<Move>(body)?),
            (&Method::POST, "tokens/expire") => {
                let lifetime = self.world.context.policy.access_token_lifetime;
                self.world.clock.advance(i64::from(lifetime.as_seconds()));
                Ok(self.clock())
            }
            (&Method::POST, "approve") => self.decide(body, false).await,
            (&Method::POST, "deny") => self.decide(body, true).await,
            (&Method::POST, "authorize") => self.authorize(body).await,
            (&Method::PUT, "directory") => self.put_directory(body).await,
            (&Method::POST, "users") => {
                self.world.add_user(read(body)?).await?;
                Ok(json!({}))
            }
            (&Method::POST, "assignments") => {
                self.world.assign(read(body)?).await?;
                Ok(json!({}))
            }
            (&Method::POST, "admin") => self.administer(body).await,
            (&Method::POST, "reset") => self.reset().await,
            _ => Err(Problem::missing(format!("there is {ROUTES}"))),
        }
    }

    fn clock(&self) -> Value {
        let setting = self.world.clock.setting();
        let now = self.world.context.now();
        json!({
            "now": now.epoch_seconds(),
            "time": rfc3339(now),
            "ahead": setting.ahead,
            "frozen": setting.frozen_at.is_some(),
        })
    }

    fn move_clock(&self, by: &Move) -> Result<Value, Problem> {
        let clock = &self.world.clock;
        // Beyond this, times cannot be written down any more.
        let is_time = |second: i64| (0..=253_402_300_799).contains(&second);
        let now = by.now.unwrap_or(self.world.context.now().epoch_seconds());
        if !is_time(now.saturating_add(by.advance.unwrap_or(0))) {
            return Err(Problem::bad("that is not between the years 1970 and 9999"));
        }
        if let Some(now) = by.now {
            clock.set(Timestamp::from_epoch_seconds(now));
        }
        if let Some(seconds) = by.advance {
            clock.advance(seconds);
        }
        if let Some(frozen) = by.frozen {
            clock.freeze(frozen);
        }
        Ok(self.clock())
    }

    async fn decide(&self, body: &[u8], denies: bool) -> Result<Value, Problem> {
        let Decision {
            user_code,
            user,
            only,
        } = read(body)?;
        let answer = answer_of(denies, only.as_deref())?;
        let observer = self.observer.as_ref();
        self.world
            .decide(&user_code, user.as_deref(), answer, observer)
            .await?;
        Ok(json!({}))
    }

    async fn authorize(&self, body: &[u8]) -> Result<Value, Problem> {
        let Consent {
            url,
            user,
            deny,
            only,
        } = read(body)?;
        let answer = answer_of(deny, only.as_deref())?;
        let location = self.world.authorize(&url, user.as_deref(), answer).await?;
        Ok(json!({ "location": location.reveal() }))
    }

    async fn put_directory(&self, body: &[u8]) -> Result<Value, Problem> {
        let text = std::str::from_utf8(body).map_err(|_| Problem::bad("send TOML in UTF-8"))?;
        let wanted = directory_file::parse(text).map_err(|why| Problem::bad(why.to_string()))?;
        Ok(json!({ "changes": self.world.apply(&wanted).await? }))
    }

    /// The commands of `claviger admin`, as its socket takes them.
    async fn administer(&self, body: &[u8]) -> Result<Value, Problem> {
        let command = read::<request::Request>(body)?;
        let answered = execute(&self.owner, command).await;
        if let request::Answer::Refused { because } = answered {
            return Err(Problem::bad(because));
        }
        serde_json::to_value(answered).map_err(|why| Problem::bad(why.to_string()))
    }

    async fn reset(&self) -> Result<Value, Problem> {
        self.script.clear(None)?;
        self.world.reset().await?;
        self.journal.forget();
        Ok(json!({}))
    }
}

/// What a person answers, by what they are said to.
fn answer_of(denies: bool, only: Option<&str>) -> Result<Answer, Problem> {
    match (denies, only) {
        (true, None) => Ok(Answer::Deny),
        (true, Some(_)) => Err(Problem::bad("only goes with an approval; leave it out")),
        (false, only) => ScopeSet::parse_joined(only.unwrap_or_default())
            .map(|less| Answer::Approve { less })
            .map_err(|why| Problem::bad(format!("only: {why}"))),
    }
}

fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|why| Problem::bad(format!("the body: {why}")))
}

fn answer(status: u16, body: &Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
