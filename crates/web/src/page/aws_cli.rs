//! What a person pastes into their AWS configuration to use this instance.

use claviger_engine::links::Links;

/// The content for `~/.aws/config`: the session, where its services are, and a profile for each
/// of `roles`, given as account id and role name.
pub(super) fn config<'a>(
    links: &Links,
    roles: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let endpoint = links.issuer();
    let region = links.region();
    // AWS CLI ≥ 2.35.13 takes no start URL over plain http but one that looks like AWS's own,
    // which it never asks (WIRE §1.4).
    let start_url = if links.is_https() {
        links.start_url()
    } else {
        links.aws_start_url()
    };
    let head = format!(
        "[sso-session claviger]\n\
         sso_start_url = {start_url}\n\
         sso_region = {region}\n\
         sso_registration_scopes = sso:account:access\n\
         \n\
         [services claviger]\n\
         sso_oidc =\n  endpoint_url = {endpoint}\n\
         sso =\n  endpoint_url = {endpoint}\n"
    );
    roles.into_iter().fold(head, |config, (account, role)| {
        config
            + &format!(
                "\n[profile {name}]\n\
                 sso_session = claviger\n\
                 sso_account_id = {account}\n\
                 sso_role_name = {role}\n\
                 region = {region}\n\
                 services = claviger\n",
                name = profile(account, role),
            )
    })
}

/// What a role's profile is called.
pub(super) fn profile(account: &str, role: &str) -> String {
    format!("{role}-{account}")
}

/// The command that signs in with a role's profile.
pub(super) fn login(account: &str, role: &str) -> String {
    format!("aws sso login --profile {}", profile(account, role))
}

#[cfg(test)]
mod tests {
    use claviger_model::id::InstanceId;

    use super::*;

    #[test]
    fn a_plain_http_instance_is_named_by_a_start_url_that_every_cli_takes() {
        let instance = InstanceId::from_bytes([0xab; 16]);
        let config = |url| {
            config(
                &Links::new(url, instance, "eu-west-1", &[]),
                [("111122223333", "Developer")],
            )
        };
        let plain = config("http://127.0.0.1:8400");
        assert!(plain.contains("sso_start_url = https://d-ababababab.awsapps.com/start\n"));
        assert!(plain.contains("sso_oidc =\n  endpoint_url = http://127.0.0.1:8400\n"));
        assert!(plain.contains("[profile Developer-111122223333]\nsso_session = claviger\n"));
        let tls = config("https://sso.example.org");
        assert!(tls.contains("sso_start_url = https://sso.example.org/start\n"));
    }
}
