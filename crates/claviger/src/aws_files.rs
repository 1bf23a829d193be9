//! Files that point AWS clients at an instance: a config file for those that know endpoint
//! settings (AWS CLI ≥ 2.13 and current SDKs), and endpoint rule sets for older ones, which find
//! the server by `AWS_DATA_PATH` alone (WIRE §1.2).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
    /// The sso-session's name: clients key their token cache by it.
    pub(crate) session: &'a str,
    pub(crate) start_url: &'a str,
    pub(crate) region: &'a str,
    /// Where sso-oidc and the portal are.
    pub(crate) issuer: &'a str,
    /// Where STS is.
    pub(crate) sts: &'a str,
    /// The first role of the first account is the default profile's.
    pub(crate) accounts: &'a [AccountRoles],
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
    let services = [
        ("sso-oidc", "2019-06-10", files.issuer),
        ("sso", "2019-06-10", files.issuer),
        ("sts", "2011-06-15", files.sts),
    ];
    for (service, version, url) in services {
        let directory = data_path.join(service).join(version);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("endpoint-rule-set-1.json"), rule_set(url))?;
    }
    Ok(Written { config, data_path })
}

impl AwsFiles<'_> {
    fn config(&self) -> String {
        let Self {
            session,
            start_url,
            region,
            issuer,
            sts,
            ..
        } = self;
        let mut text =
            String::from("# Written by `claviger dev`, which removes it when it ends.\n");
        let profile = |header: String, account: &str, role: &str| {
            let ca = self.ca_bundle.map_or_else(String::new, |path| {
                format!("ca_bundle = {}\n", path.display())
            });
            format!(
                "\n[{header}]\nregion = {region}\nsso_session = {session}\nsso_account_id = {account}\n\
                 sso_role_name = {role}\nservices = {session}\n{ca}"
            )
        };
        let pairs = self
            .accounts
            .iter()
            .flat_map(|account| account.roles.iter().map(move |role| (&account.id, role)));
        for (position, (account, role)) in pairs.enumerate() {
            if position == 0 {
                text.push_str(&profile("default".to_owned(), account, role));
            }
            text.push_str(&profile(format!("profile {role}-{account}"), account, role));
        }
        // The Rust SDK looks for `sso-oidc` where everybody else writes `sso_oidc`.
        let services = format!(
            "\n[sso-session {session}]\nsso_region = {region}\nsso_start_url = {start_url}\n\
             sso_registration_scopes = sso:account:access\n\
             \n[services {session}]\nsso_oidc =\n  endpoint_url = {issuer}\n\
             sso-oidc =\n  endpoint_url = {issuer}\n\
             sso =\n  endpoint_url = {issuer}\nsts =\n  endpoint_url = {sts}\n"
        );
        text + &services
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
    use super::*;

    #[test]
    fn the_config_names_session_services_and_every_role() {
        let accounts = [AccountRoles {
            id: "111122223333".to_owned(),
            name: "Sandbox".to_owned(),
            roles: vec!["Dev".to_owned(), "Ops".to_owned()],
        }];
        let files = AwsFiles {
            session: "s",
            start_url: "https://d-0123456789.awsapps.com/start",
            region: "us-east-1",
            issuer: "http://127.0.0.1:8400",
            sts: "http://127.0.0.1:8400/_dev/sts",
            accounts: &accounts,
            ca_bundle: None,
        };
        let directory = tempfile::tempdir().expect("a directory");
        let written = write(directory.path(), &files).expect("written");
        let config = fs::read_to_string(written.config).expect("the config");
        for part in [
            "[default]\nregion = us-east-1\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = Dev\n",
            "[profile Ops-111122223333]\n",
            "[services s]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:8400\n",
        ] {
            assert!(config.contains(part), "{config}");
        }
        let rules = written
            .data_path
            .join("sts/2011-06-15/endpoint-rule-set-1.json");
        assert!(
            fs::read_to_string(rules)
                .expect("rules")
                .contains("/_dev/sts")
        );
    }
}
