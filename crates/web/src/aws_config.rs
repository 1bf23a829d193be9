//! The AWS configuration that points a person's AWS clients at this instance: AWS CLI ≥ 2.13 and
//! current SDKs read its `services` section (WIRE §1.2).

use std::path::Path;

use claviger_engine::links::Links;
use claviger_model::scope::ACCOUNT_ACCESS;

/// The sections that stand once: the sso-session, which asks for `scopes`, and its services.
pub fn session(links: &Links, scopes: &[&str]) -> String {
    let (name, endpoint) = (links.session_name(), links.issuer());
    let sts = links.sts().map_or_else(String::new, |sts| {
        format!("sts =\n  endpoint_url = {sts}\n")
    });
    // The Rust SDK looks for `sso-oidc` where everybody else reads `sso_oidc`.
    format!(
        "[sso-session {name}]\n\
         sso_start_url = {start_url}\n\
         sso_region = {region}\n\
         sso_registration_scopes = {scopes}\n\
         \n\
         [services {name}]\n\
         sso_oidc =\n  endpoint_url = {endpoint}\n\
         sso-oidc =\n  endpoint_url = {endpoint}\n\
         sso =\n  endpoint_url = {endpoint}\n{sts}",
        scopes = scopes.join(","),
        start_url = links.sso_start_url(),
        region = links.region(),
    )
}

/// The section of one role, without its header. `ca_bundle` is a CA that clients are to trust.
pub fn role(links: &Links, account: &str, role: &str, ca_bundle: Option<&Path>) -> String {
    let (name, region) = (links.session_name(), links.region());
    let ca = ca_bundle.map_or_else(String::new, |path| {
        format!("ca_bundle = {}\n", path.display())
    });
    format!(
        "sso_session = {name}\n\
         sso_account_id = {account}\n\
         sso_role_name = {role}\n\
         region = {region}\n\
         services = {name}\n{ca}"
    )
}

/// What a role's profile is called.
pub fn profile(account: &str, role: &str) -> String {
    format!("{role}-{account}")
}

/// What a person is to put into `~/.aws/config` for `roles`, given as account id and role name.
pub(crate) fn config<'a>(
    links: &Links,
    roles: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    roles.into_iter().fold(
        session(links, &[ACCOUNT_ACCESS]),
        |config, (account, name)| {
            let profile = profile(account, name);
            let members = role(links, account, name, None);
            format!("{config}\n[profile {profile}]\n{members}")
        },
    )
}

/// The command that signs in with a role's profile.
pub(crate) fn login(account: &str, role: &str) -> String {
    format!("aws sso login --profile {}", profile(account, role))
}

#[cfg(test)]
mod tests {
    use claviger_model::id::InstanceId;

    use super::*;

    fn links(url: &str) -> Links {
        Links::new(url, InstanceId::from_bytes([0xab; 16]), "eu-west-1", &[])
    }

    #[test]
    fn a_plain_http_instance_is_named_by_a_start_url_that_every_cli_takes() {
        let plain = session(&links("http://127.0.0.1:8400"), &[ACCOUNT_ACCESS]);
        assert!(plain.contains("sso_start_url = https://d-ababababab.awsapps.com/start\n"));
        let tls = session(&links("https://sso.example.org"), &[ACCOUNT_ACCESS]);
        assert!(tls.contains("sso_start_url = https://sso.example.org/start\n"));
    }

    #[test]
    fn every_section_hangs_together_and_sts_is_named_where_it_is_not_aws() {
        let url = "https://sso.example.org";
        let roles = [("111122223333", "Dev"), ("444455556666", "Ops")];
        insta::assert_snapshot!(config(&links(url), roles), @r"
[sso-session claviger-abababab]
sso_start_url = https://sso.example.org/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[services claviger-abababab]
sso_oidc =
  endpoint_url = https://sso.example.org
sso-oidc =
  endpoint_url = https://sso.example.org
sso =
  endpoint_url = https://sso.example.org

[profile Dev-111122223333]
sso_session = claviger-abababab
sso_account_id = 111122223333
sso_role_name = Dev
region = eu-west-1
services = claviger-abababab

[profile Ops-444455556666]
sso_session = claviger-abababab
sso_account_id = 444455556666
sso_role_name = Ops
region = eu-west-1
services = claviger-abababab
");
        let own = links(url).with_own_sts("http://127.0.0.1:5000".to_owned(), "s".to_owned());
        let ca = Some(Path::new("/ca.pem"));
        let all = session(&own, &[ACCOUNT_ACCESS]) + &role(&own, "111122223333", "Dev", ca);
        for part in [
            "[services s]\n",
            "sts =\n  endpoint_url = http://127.0.0.1:5000\n",
            "sso_session = s\n",
            "services = s\nca_bundle = /ca.pem\n",
        ] {
            assert!(all.contains(part), "{all}");
        }
    }
}
