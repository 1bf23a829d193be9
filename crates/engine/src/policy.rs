//! Lifetimes, limits and switches, with the defaults of SECURITY-CASES A7.

use std::collections::BTreeMap;

use claviger_model::{
    application::{Application, IssuerName, IssuerRules, Workload},
    client::Dialect,
    rotation::RotationRules,
    time::Lifetime,
};

/// What an operator may set. Checked by the binary; the engine takes it as it is.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether `/authorize` refuses a request without an S256 challenge. A challenge that was
    /// sent is enforced either way.
    pub require_pkce: bool,
    /// How long a registration lives.
    pub client_lifetime: Lifetime,
    /// How long a device code may be approved and redeemed.
    pub device_code_lifetime: Lifetime,
    /// How often a device may poll.
    pub poll_interval: Lifetime,
    /// How long an authorization code may be redeemed.
    pub authorization_code_lifetime: Lifetime,
    /// How long a sign-in or consent form may be sent back.
    pub transaction_lifetime: Lifetime,
    /// How long an access token lives; the session's end may shorten it.
    pub access_token_lifetime: Lifetime,
    /// How long an access token of a client without scopes lives: it cannot be refreshed.
    pub legacy_access_token_lifetime: Lifetime,
    /// When a session ends whatever happens.
    pub session_lifetime: Lifetime,
    /// When a session ends without a refresh.
    pub session_idle: Lifetime,
    /// When a browser's sign-in ends whatever happens.
    pub web_session_lifetime: Lifetime,
    /// When a browser's sign-in ends without a request.
    pub web_session_idle: Lifetime,
    /// The refresh rules of clients that registered in the AWS dialect.
    pub aws_rotation: RotationRules,
    /// The refresh rules of clients that registered in the OAuth dialect.
    pub oauth_rotation: RotationRules,
    /// Whether credentials end with the session (at the earliest after 15 min).
    pub cap_credentials_to_session: bool,
    /// `https://host[:port]` origins that open registration may redirect to.
    pub allowed_origins: Vec<String>,
    /// Client names that open registration may not take, compared without case.
    pub reserved_names: Vec<String>,
    /// Applications that may call CreateTokenWithIAM.
    pub applications: Vec<Application>,
    /// Policies that a login can be limited by: their ARNs by the names that scopes call them.
    pub session_policies: BTreeMap<String, String>,
    /// How long new keys are known before they make tokens: nothing for a node that is alone.
    pub keys_staged: Lifetime,
    /// Programs that sign in by a token of their own platform.
    pub workloads: Vec<Workload>,
    /// How far the word of trusted issuers goes.
    pub issuers: BTreeMap<IssuerName, IssuerRules>,
    /// The caps.
    pub limits: Limits,
}

/// Caps on what strangers can make the server do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Undecided device authorizations per network prefix.
    pub devices_per_network: u32,
    /// Undecided device authorizations per client.
    pub devices_per_client: u32,
    /// Undecided device authorizations in all.
    pub devices: u32,
    /// Password checks per account in ten minutes.
    pub sign_ins_per_user: u32,
    /// Password checks per network prefix in ten minutes.
    pub sign_ins_per_network: u32,
    /// Wrong user codes per browser session in ten minutes.
    pub wrong_codes_per_web_session: u32,
    /// Wrong user codes per person in ten minutes.
    pub wrong_codes_per_user: u32,
    /// Wrong user codes per network prefix in ten minutes.
    pub wrong_codes_per_network: u32,
    /// Registrations per network prefix in a minute.
    pub registrations_per_network: u32,
    /// Live sessions per person; the one idle longest ends when one more begins.
    pub sessions_per_user: u32,
}

impl Default for Policy {
    fn default() -> Self {
        let aws_rotation = RotationRules {
            grace: Lifetime::seconds(60),
            lost_answer: Lifetime::hours(1),
            same_network: true,
            accept_ahead: true,
            strict: false,
        };
        Self {
            require_pkce: true,
            client_lifetime: Lifetime::days(90),
            device_code_lifetime: Lifetime::minutes(10),
            poll_interval: Lifetime::seconds(1),
            authorization_code_lifetime: Lifetime::seconds(60),
            transaction_lifetime: Lifetime::minutes(10),
            access_token_lifetime: Lifetime::hours(1),
            legacy_access_token_lifetime: Lifetime::hours(8),
            session_lifetime: Lifetime::hours(8),
            session_idle: Lifetime::hours(8),
            web_session_lifetime: Lifetime::hours(8),
            web_session_idle: Lifetime::minutes(30),
            aws_rotation,
            oauth_rotation: RotationRules {
                grace: Lifetime::seconds(30),
                lost_answer: Lifetime::minutes(10),
                same_network: false,
                ..aws_rotation
            },
            cap_credentials_to_session: false,
            allowed_origins: Vec::new(),
            reserved_names: Vec::new(),
            applications: Vec::new(),
            keys_staged: Lifetime::seconds(0),
            session_policies: BTreeMap::new(),
            workloads: Vec::new(),
            issuers: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            devices_per_network: 500,
            devices_per_client: 20,
            devices: 100_000,
            sign_ins_per_user: 10,
            sign_ins_per_network: 300,
            wrong_codes_per_web_session: 5,
            wrong_codes_per_user: 10,
            wrong_codes_per_network: 30,
            registrations_per_network: 6_000,
            sessions_per_user: 200,
        }
    }
}

impl Policy {
    /// The refresh rules for clients of `dialect`.
    pub const fn rotation(&self, dialect: Dialect) -> &RotationRules {
        match dialect {
            Dialect::Aws => &self.aws_rotation,
            Dialect::Oauth => &self.oauth_rotation,
        }
    }
}

/// The fewest characters a password may have (NIST SP 800-63B §5.1.1.2).
pub const SHORTEST_PASSWORD: usize = 8;

/// The most bytes a password may have (SGN-08).
pub const LONGEST_PASSWORD: usize = 1024;
