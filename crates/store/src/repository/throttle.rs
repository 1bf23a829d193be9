//! Counts of attempts per window, so that a limit holds over all nodes and restarts.

use claviger_model::time::Timestamp;

use crate::statement::Statement;

/// The statement that counts one more under `key` in its window; it touches no row when `limit`
/// is reached, and so refuses its plan. Counting comes before verifying (SGN-04).
pub fn counting(key: &[u8; 16], window_start: Timestamp, limit: u32) -> Statement {
    Statement::one(
        "INSERT INTO throttle (key_mac, window_start, count) VALUES ($1, $2, 1) \
         ON CONFLICT (key_mac, window_start) DO UPDATE SET count = throttle.count + 1 \
         WHERE throttle.count < $3",
    )
    .bind(key)
    .bind(window_start)
    .bind(limit)
}

/// The statement that takes one count back after a success.
pub fn giving_back(key: &[u8; 16], window_start: Timestamp) -> Statement {
    Statement::any(
        "UPDATE throttle SET count = count - 1 \
         WHERE key_mac = $1 AND window_start = $2 AND count > 0",
    )
    .bind(key)
    .bind(window_start)
}
