//! Files that point AWS clients at an instance: a config file for those that know endpoint
//! settings (AWS CLI ≥ 2.13 and current SDKs), and endpoint rule sets for older ones, which find
//! the server by `AWS_DATA_PATH` alone (WIRE §1.2).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use claviger_engine::links::Links;
use claviger_web::aws_config;
use serde_json::json;

/// An account with the names of the roles that somebody has there.
#[derive(Clone, Debug)]
pub(crate) struct AccountRoles {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
}

/// What the files are to say.
pub(crate) struct AwsFiles<'a> {
    pub(crate) links: &'a Links,
    /// The first role of the first account is the default profile's.
    pub(crate) accounts: &'a [AccountRoles],
    /// What clients are to ask for.
    pub(crate) scopes: &'a [&'a str],
    /// A CA to trust.
    pub(crate) ca_bundle: Option<&'a Path>,
}

/// Where they were written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// For `AWS_CONFIG_FILE`.
    pub(crate) config: PathBuf,
    /// For `AWS_DATA_PATH`.
    pub(crate) data_path: PathBuf,
}

/// Writes them into `directory`.
pub(crate) fn write(directory: &Path, files: &AwsFiles<'_>) -> io::Result<Written> {
    let config = directory.join("config");
    fs::write(&config, files.config())?;
    let data_path = directory.join("models");
    let issuer = files.links.issuer();
    let services = [
        ("sso-oidc", "2019-06-10", Some(issuer)),
        ("sso", "2019-06-10", Some(issuer)),
        ("sts", "2011-06-15", files.links.sts()),
    ];
    for (service, version, url) in services {
        let Some(url) = url else { continue };
        let directory = data_path.join(service).join(version);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("endpoint-rule-set-1.json"), rule_set(url))?;
    }
    Ok(Written { config, data_path })
}

impl AwsFiles<'_> {
    fn config(&self) -> String {
        let head = "# Written by `claviger dev`, which removes it when it ends.\n\n";
        let pairs = self
            .accounts
            .iter()
            .flat_map(|account| account.roles.iter().map(move |role| (&account.id, role)));
        let section = |header: &str, account: &str, role: &str| {
            let members = aws_config::role(self.links, account, role, self.ca_bundle);
            format!("\n[{header}]\n{members}")
        };
        let first = pairs.clone().next();
        let default = first.map(|(account, role)| section("default", account, role));
        let profiles = pairs.map(|(account, role)| {
            let name = aws_config::profile(account, role);
            section(&format!("profile {name}"), account, role)
        });
        [
            head.to_owned(),
            aws_config::session(self.links, self.scopes),
        ]
        .into_iter()
        .chain(default)
        .chain(profiles)
        .collect()
    }
}

/// A rule set whose only rule is our address. Parameters that clients always pass are declared, or
/// they would refuse it.
fn rule_set(url: &str) -> String {
    let boolean = |built_in: &str| {
        json!({
            "builtIn": built_in, "required": true, "default": false, "type": "Boolean",
            "documentation": "Without effect here.",
        })
    };
    let text = |built_in: &str| {
        json!({
            "builtIn": built_in, "required": false, "type": "String",
            "documentation": "Without effect here.",
        })
    };
    json!({
        "version": "1.0",
        "parameters": {
            "Region": text("AWS::Region"),
            "UseDualStack": boolean("AWS::UseDualStack"),
            "UseFIPS": boolean("AWS::UseFIPS"),
            "UseGlobalEndpoint": boolean("AWS::STS::UseGlobalEndpoint"),
            "Endpoint": text("SDK::Endpoint"),
        },
        "rules": [{
            "conditions": [],
            "endpoint": { "url": url, "properties": {}, "headers": {} },
            "type": "endpoint",
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use claviger_model::id::InstanceId;

    use super::*;

    #[test]
    fn config_and_rule_sets_name_the_services_and_every_role() {
        let accounts = [AccountRoles {
            id: "111122223333".to_owned(),
            name: "Sandbox".to_owned(),
            roles: vec!["Dev".to_owned(), "Ops".to_owned()],
        }];
        let instance = InstanceId::from_bytes([0xab; 16]);
        let links = Links::new("http://127.0.0.1:8400", instance, "us-east-1", &[]);
        let links = links.with_own_sts("http://127.0.0.1:8400/_dev/sts".to_owned(), "s".to_owned());
        let files = AwsFiles {
            links: &links,
            accounts: &accounts,
            scopes: &["sso:account:access"],
            ca_bundle: None,
        };
        let directory = tempfile::tempdir().expect("a directory");
        let written = write(directory.path(), &files).expect("written");
        let config = fs::read_to_string(written.config).expect("the config");
        for part in [
            "[default]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = Dev\n",
            "[profile Ops-111122223333]\n",
            "[services s]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:8400\n",
        ] {
            assert!(config.contains(part), "{config}");
        }
        let rules = written
            .data_path
            .join("sts/2011-06-15/endpoint-rule-set-1.json");
        let rules = fs::read_to_string(rules).expect("rules");
        assert!(rules.contains("/_dev/sts"), "{rules}");
    }
}
