//! The directory that every test begins with, and the passwords in it.

use std::collections::BTreeMap;

use claviger_engine::{
    admin::{
        directory, user,
        wanted::{Directory, DirectoryGroup, DirectoryRole, DirectoryUser},
    },
    context::Context,
};
use claviger_model::{
    access::{Account, Role},
    application::{Application, ApplicationName, IssuerName},
    client::{Authentication, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm},
    directory::UserName,
    id::{AccountId, RoleName, TargetName},
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    secret::Secret,
    time::Lifetime,
};

/// Where the kit's own code clients are answered.
pub const REDIRECT_URI: &str = "http://127.0.0.1:49152/oauth/callback";

/// People and their passwords.
pub const PASSWORDS: [(&str, &str); 2] = [("alice", "correct horse"), ("bob", "battery staple")];

/// The account in which alice is a Developer and both may read.
pub const SANDBOX: &str = "111122223333";

/// The account in which, besides, bob is an Admin through his group.
pub const PRODUCTION: &str = "444455556666";

/// The directory: alice is a Developer by herself, `readers` (alice, bob) are ReadOnly through
/// their group, `operators` (bob) are Admin in the second account.
pub fn directory() -> Directory {
    Directory {
        users: vec![person("alice"), person("bob")],
        groups: vec![
            group("readers", &["alice", "bob"]),
            group("operators", &["bob"]),
        ],
        accounts: vec![
            account(SANDBOX, "Sandbox"),
            account(PRODUCTION, "Production"),
        ],
        roles: vec![
            role(SANDBOX, "Developer", &["alice"], &[]),
            role(SANDBOX, "ReadOnly", &[], &["readers"]),
            role(PRODUCTION, "Developer", &["alice"], &[]),
            role(PRODUCTION, "ReadOnly", &[], &["readers"]),
            role(PRODUCTION, "Admin", &[], &["operators"]),
        ],
    }
}

/// An application that may use every grant, and present what `fake` says to `reports`.
pub fn application() -> Application {
    let scopes = ["sso:account:access", "openid", "aws"];
    Application {
        name: ApplicationName::parse("reports").expect("a name"),
        metadata: ClientMetadata {
            name: ClientName::parse("Reports").expect("a name"),
            dialect: Dialect::Aws,
            authentication: Authentication::Signature,
            id_token_alg: SigningAlgorithm::Es256,
            grant_types: GrantType::SIGNED.to_vec(),
            scopes: ScopeSet::parse(scopes).expect("scopes"),
            redirect_uris: vec![RedirectUri::parse(REDIRECT_URI).expect("a URI")],
        },
        client_secret: None,
        skip_consent: false,
        user: None,
        audiences: BTreeMap::from([(
            IssuerName::parse("fake").expect("a name"),
            vec!["reports".to_owned()],
        )]),
    }
}

/// Where [`wiki`] is answered.
pub const WIKI: &str = "https://wiki.example.org/callback";

/// What [`wiki`] shows to be itself.
pub const WIKI_SECRET: &str = "of-the-wiki-0123456789-0123456789";

/// An application with every grant that shows itself by a secret, and is bob where it asks for itself.
pub fn wiki() -> Application {
    let scopes = ["openid", "profile", "sso:account:access"];
    Application {
        name: ApplicationName::parse("wiki").expect("a name"),
        metadata: ClientMetadata {
            name: ClientName::parse("The Wiki").expect("a name"),
            dialect: Dialect::Oauth,
            authentication: Authentication::Secret,
            id_token_alg: SigningAlgorithm::Es256,
            grant_types: GrantType::ALL.to_vec(),
            scopes: ScopeSet::parse(scopes).expect("scopes"),
            redirect_uris: vec![RedirectUri::parse(WIKI).expect("a URI")],
        },
        client_secret: Some(Secret::from(WIKI_SECRET)),
        skip_consent: true,
        user: Some(UserName::parse("bob").expect("a name")),
        audiences: BTreeMap::new(),
    }
}

/// Writes the directory and the passwords.
pub async fn plant(context: &Context) {
    directory::apply(context, &directory())
        .await
        .expect("the directory is sound");
    for (name, password) in PASSWORDS {
        user::set_password(context, name, &Secret::from(password), false)
            .await
            .expect("the password is fit");
    }
}

/// A person of the file.
pub fn person(name: &str) -> DirectoryUser {
    DirectoryUser {
        name: user_name(name),
        display_name: format!("{} Example", name.to_uppercase()),
        email: Some(format!("{name}@example.org")),
    }
}

/// A group of the file.
pub fn group(name: &str, members: &[&str]) -> DirectoryGroup {
    DirectoryGroup {
        name: name.to_owned(),
        members: members.iter().map(|name| user_name(name)).collect(),
    }
}

/// An account of the file.
pub fn account(id: &str, name: &str) -> Account {
    Account {
        id: account_id(id),
        name: name.to_owned(),
        email: format!("{}@example.org", name.to_lowercase()),
    }
}

/// A role of the file, one hour long, at the target `fake`.
pub fn role(account: &str, name: &str, users: &[&str], groups: &[&str]) -> DirectoryRole {
    DirectoryRole {
        role: Role {
            account_id: account_id(account),
            name: RoleName::parse(name).expect("a role name"),
            target: TargetName::parse("fake").expect("a target name"),
            arn: format!("arn:aws:iam::{account}:role/{name}"),
            duration: Lifetime::hours(1),
        },
        users: users.iter().map(|name| user_name(name)).collect(),
        groups: groups.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn user_name(name: &str) -> UserName {
    UserName::parse(name).expect("a user name")
}

fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).expect("an account id")
}
