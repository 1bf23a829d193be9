//! Points in time as people and AWS clients spell them.

use claviger_model::time::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `2026-11-23T10:00:00Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(time.epoch_seconds())
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| time.epoch_seconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_the_aws_cli_spells_them() {
        let time = Timestamp::from_epoch_seconds(1_795_341_600);
        assert_eq!(rfc3339(time), "2026-11-22T10:00:00Z");
    }
}
