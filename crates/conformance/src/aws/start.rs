//! The start URL: what new AWS CLIs look at before they call anything.

use url::Url;

use super::server::Server;
use crate::{
    check::{Trial, checks},
    flaw::{Checked, demand},
    http::Call,
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "start.head_names_an_aws_host" "WIRE 1.4, 4.5" [] head_names_an_aws_host;
    Quick "start.aliases_are_one_instance" "WIRE 1.4" [] aliases_are_one_instance;
];

/// Below these, a host is Amazon's in the eyes of the AWS CLI.
const AWS_OWNED: &[&str] = &[
    "app.aws",
    "portal.amazonaws.com",
    "portal.amazonaws.com.cn",
    "app.amazonwebservices.com.cn",
    "portal.amazonaws.eu",
    "api.amazonwebservices.eu",
    "awsapps.com",
    "awsapps.cn",
    "identitycenter.amazonaws.com",
    "identitycenter.amazonaws.com.cn",
    "identitycenter.amazonaws.eu",
    "identitycenter.us-gov.amazonaws.com",
];

fn is_aws_owned(host: &str) -> bool {
    AWS_OWNED.iter().any(|owned| {
        let below = host.strip_suffix(owned);
        below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    })
}

/// Where the start URL says that the instance is.
async fn alias(server: &Server, start_url: &str) -> Checked<Url> {
    let answer = server.http.send(Call::head(start_url)).await?;
    let redirects = [301, 302, 303, 307, 308].contains(&answer.status());
    demand!(
        redirects,
        "{}, and should redirect to a name under AWS's",
        answer.told()
    );
    let location = answer.header("location").unwrap_or_default();
    let alias: Url = location
        .parse()
        .map_err(|_| answer.wrong("Location is no URL"))?;
    let host = alias.host_str().unwrap_or_default();
    demand!(
        alias.scheme() == "https" && is_aws_owned(host),
        "{}: AWS CLIs from 2.35.13 on refuse the Location {location:?}, for it is not https under a name of AWS's",
        answer.told()
    );
    Ok(alias)
}

async fn head_names_an_aws_host(server: &Server) -> Checked {
    let plain = alias(server, server.start_url()).await?;
    let slash = format!("{}/", server.start_url().trim_end_matches('/'));
    let slash = alias(server, &slash).await?;
    demand!(
        plain == slash,
        "with a slash at its end, the start URL leads to {slash}, not to {plain}"
    );
    Ok(())
}

async fn aliases_are_one_instance(server: &Server) -> Checked {
    let client = server.device_client().await?;
    let alias = alias(server, server.start_url()).await?;
    let bare = server.start_url().trim_end_matches('/');
    for spelling in [format!("{bare}/"), format!("{bare}/#/"), alias.to_string()] {
        let answer = server.start_device(&client, &spelling).await?;
        demand!(
            answer.status() == 200,
            "{} for startUrl {spelling:?}",
            answer.told()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_owned_hosts_are_those_and_the_ones_below() {
        for host in [
            "awsapps.com",
            "d-1234567890.awsapps.com",
            "identitycenter.amazonaws.com",
        ] {
            assert!(is_aws_owned(host), "{host}");
        }
        for host in [
            "evilawsapps.com",
            "awsapps.com.evil.example",
            "amazonaws.com",
            "",
        ] {
            assert!(!is_aws_owned(host), "{host}");
        }
    }
}
