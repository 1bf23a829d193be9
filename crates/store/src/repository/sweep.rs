//! Deleting what is over: in batches, so that no request waits long behind one.

use claviger_model::time::Timestamp;

use crate::statement::Statement;

/// The statements of one step: undecided device codes that ended, and everything else that ended
/// before `horizon` (24 h ago). At most 500 rows each.
pub fn steps(now: Timestamp, horizon: Timestamp) -> Vec<Statement> {
    let at = |sql: &'static str, time: Timestamp| Statement::any(sql).bind(time).even_when_full();
    vec![
        at(
            "DELETE FROM user_codes WHERE uc_mac IN \
               (SELECT uc_mac FROM user_codes WHERE exp <= $1 LIMIT 500)",
            now,
        ),
        at(
            "DELETE FROM devices WHERE did IN \
               (SELECT did FROM devices WHERE exp <= $1 AND state = 'pending' LIMIT 500)",
            now,
        ),
        at(
            "DELETE FROM devices WHERE did IN \
               (SELECT did FROM devices WHERE exp <= $1 LIMIT 500)",
            horizon,
        ),
        at(
            "DELETE FROM auth_codes WHERE cid IN \
               (SELECT cid FROM auth_codes WHERE exp <= $1 LIMIT 500)",
            horizon,
        ),
        at(
            "DELETE FROM web_sessions WHERE wid IN \
               (SELECT wid FROM web_sessions WHERE abs_exp <= $1 LIMIT 500)",
            horizon,
        ),
        at(
            "DELETE FROM sessions WHERE sid IN \
               (SELECT sid FROM sessions WHERE abs_exp <= $1 LIMIT 500)",
            horizon,
        ),
        at(
            "DELETE FROM replay WHERE digest IN \
               (SELECT digest FROM replay WHERE exp <= $1 LIMIT 500)",
            horizon,
        ),
        at(
            "DELETE FROM throttle WHERE (key_mac, window_start) IN \
               (SELECT key_mac, window_start FROM throttle WHERE window_start <= $1 LIMIT 500)",
            horizon,
        ),
    ]
}
