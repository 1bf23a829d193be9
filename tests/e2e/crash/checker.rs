//! The promises, checked against the service once it is back for good, and against its rows.

use claviger_tests::{http::Request, rows::Rows};
use serde_json::json;

use super::{
    caller::Caller,
    history::{End, Story, Told},
    virtual_user::{expect, tokens},
};

/// R1, R4, R6: what was acknowledged works, what was ended is dead.
pub(super) async fn ask(caller: &Caller, story: &mut Story) -> Result<(), String> {
    let accounts =
        Request::get("/assignment/accounts").header("x-amz-sso_bearer_token", &story.access);
    let presented = story.current().to_owned();
    let members = json!({ "grantType": "refresh_token", "refreshToken": presented });
    let refresh = story.client.with(members);
    let (seen, _) = caller.insist(&accounts).await?;
    let (answer, _) = caller.call("/token", &refresh).await?;
    match story.end {
        End::Lives => {
            expect(&answer, 200).map_err(|why| format!("an honest client is out: {why}"))?;
            let (access, received) = tokens(&answer)?;
            story.refreshed(&presented, &received, &access)?;
            expect(&seen, 200)
        }
        End::Ended => {
            expect(&seen, 401).map_err(|why| format!("an ended session lives: {why}"))?;
            expect(&answer, 400).map_err(|why| format!("an ended session lives: {why}"))
        }
    }
}

/// R2, R3, R9: the rows tell the same as the clients, and the audit log the same as the rows. What differs, and
/// whether it is more than it should be.
pub(super) fn count(rows: &Rows, told: &Told) -> Vec<(String, bool)> {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let begun = "SELECT count(*) FROM audit WHERE action = 'session.start'";
    let over = "SELECT count(*) FROM audit WHERE action = 'session.end'";
    let agreed = "SELECT count(*) FROM audit WHERE action = 'device.approve'";
    let stories = number(told.stories.len());
    let ended = told.stories.iter().filter(|story| story.end == End::Ended);
    let received: usize = told.stories.iter().map(|story| story.refresh.len()).sum();
    let redeemed = "SELECT count(*) FROM devices WHERE state = 'redeemed'";
    let approved = "SELECT count(*) FROM devices WHERE decided_by IS NOT NULL";
    let twice = "SELECT count(*) FROM (SELECT sid FROM devices WHERE sid IS NOT NULL \
                 GROUP BY sid HAVING count(*) > 1) AS twice";
    let generations = rows.count("SELECT CAST(coalesce(sum(gen), 0) AS BIGINT) FROM sessions");
    let equal = [
        ("sessions, as stories", rows.sessions(), stories),
        (
            "live sessions",
            rows.live_sessions(),
            stories - number(ended.count()),
        ),
        ("redeemed devices", rows.count(redeemed), stories),
        ("sessions of two devices", rows.count(twice), 0),
        (
            "generations, as refresh tokens that came",
            generations,
            number(received),
        ),
        (
            "records of sessions' begin",
            rows.count(begun),
            rows.sessions(),
        ),
        (
            "records of sessions' end",
            rows.count(over),
            rows.sessions() - rows.live_sessions(),
        ),
        (
            "records of approvals",
            rows.count(agreed),
            rows.count(approved),
        ),
    ];
    let differs = |(what, found, due): (&str, i64, i64)| {
        let text = || format!("{what}: {found} in the store, {due} were due");
        (found != due).then(|| (text(), found > due))
    };
    equal.into_iter().filter_map(differs).collect()
}
