//! The dialects, and the checks of each.

use crate::{
    aws,
    check::{Check, Trial},
    oauth,
};

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// That of AWS IAM Identity Center.
    #[default]
    Aws,
    /// OAuth 2.0 and OpenID Connect.
    Oauth,
}

impl Dialect {
    /// Every check there is of it, in the order in which they are made.
    pub fn checks(self) -> Vec<&'static Check> {
        match self {
            Self::Aws => listed(aws::trials()),
            Self::Oauth => listed(oauth::trials()),
        }
    }
}

fn listed<S: 'static>(trials: impl Iterator<Item = &'static Trial<S>>) -> Vec<&'static Check> {
    trials.map(|trial| &trial.check).collect()
}
