//! RegisterClient.

use serde_json::json;

use super::server::{ACCOUNT_ACCESS, Server};
use crate::{
    answer::Refusal,
    check::{Trial, checks},
    flaw::{Checked, demand},
    sent::{AUTHORIZATION_CODE, merge},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "register.public_client" "WIRE 3.1" [] public_client;
    Quick "register.equal_requests_are_two_clients" "WIRE 3.1" [] equal_requests_are_two_clients;
    Quick "register.every_client_of_wire" "WIRE 3.1, 4.3" [] every_client_of_wire;
    Quick "register.only_public_clients" "WIRE 3.1" ["REG-02"] only_public_clients;
    Quick "register.only_loopback_redirects" "WIRE 4.3" ["REG-05" "URI-04"] only_loopback_redirects;
    Quick "register.unknown_grant" "WIRE 3.1" ["REG-06"] unknown_grant;
    Quick "register.code_grant_needs_a_redirect_uri" "WIRE 3.1" [] code_grant_needs_a_redirect_uri;
    Quick "register.name_without_control_characters" "WIRE 3.1" ["REG-03"] name_without_control_characters;
];

const DAY: i64 = 86_400;

async fn refused(server: &Server, more: serde_json::Value, refusals: &[Refusal]) -> Checked {
    let mut body = Server::registration();
    merge(&mut body, more);
    let answer = server.post("/client/register", &body).await?;
    answer.refused_as(refusals)
}

async fn public_client(server: &Server) -> Checked {
    let answer = server
        .post("/client/register", &Server::registration())
        .await?;
    answer.granted()?;
    answer.text("clientId")?;
    answer.text("clientSecret")?;
    let (issued, expires) = (
        answer.whole("clientIdIssuedAt")?,
        answer.whole("clientSecretExpiresAt")?,
    );
    let date = answer.date()?;
    demand!(
        (issued - date).abs() <= 60,
        "`clientIdIssuedAt` is {issued}, which is not the time of the answer ({date}) in seconds"
    );
    let lifetime = expires - issued;
    demand!(
        (DAY..=366 * DAY).contains(&lifetime),
        "`clientSecretExpiresAt` is {expires}: {lifetime} seconds after `clientIdIssuedAt`, which is no lifetime of a registration"
    );
    Ok(())
}

async fn equal_requests_are_two_clients(server: &Server) -> Checked {
    let (one, other) = (server.device_client().await?, server.device_client().await?);
    demand!(
        one.id != other.id,
        "two equal registrations got the same `clientId`"
    );
    Ok(())
}

/// Each row of WIRE's table of what clients register.
async fn every_client_of_wire(server: &Server) -> Checked {
    let code = json!([AUTHORIZATION_CODE, "refresh_token"]);
    let issuer = server.start_url();
    let clients = [
        json!({ "clientName": "botocore-client-1795341600", "clientType": "public" }),
        json!({ "clientName": "botocore-client-corp", "clientType": "public", "scopes": [ACCOUNT_ACCESS] }),
        json!({
            "clientName": "botocore-client-corp", "clientType": "public", "scopes": [ACCOUNT_ACCESS],
            "grantTypes": code, "redirectUris": ["http://127.0.0.1/oauth/callback"], "issuerUrl": issuer,
        }),
        json!({
            "clientName": "Amazon Q Developer for command line", "clientType": "public",
            "scopes": ["codewhisperer:completions", "codewhisperer:analysis", "codewhisperer:conversations"],
            "grantTypes": code, "redirectUris": ["http://127.0.0.1:40123/oauth/callback"], "issuerUrl": issuer,
        }),
        json!({
            "clientName": "aws-sso-cli", "clientType": "public", "scopes": [ACCOUNT_ACCESS],
            "grantTypes": code, "redirectUris": ["http://127.0.0.1"], "issuerUrl": issuer,
        }),
        json!({
            "clientName": "aws-sso-cli", "clientType": "public",
            "grantTypes": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        }),
        json!({ "clientName": "Granted CLI", "clientType": "public", "scopes": ["sso-portal:*"] }),
    ];
    for body in clients {
        let answer = server.post("/client/register", &body).await?;
        demand!(answer.status() == 200, "{} for {body}", answer.told());
    }
    Ok(())
}

async fn only_public_clients(server: &Server) -> Checked {
    let refusals = &[
        (400, "InvalidRequestException"),
        (400, "InvalidClientMetadataException"),
    ];
    refused(server, json!({ "clientType": "confidential" }), refusals).await
}

async fn only_loopback_redirects(server: &Server) -> Checked {
    let uris = [
        "http://app.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://user@127.0.0.1/callback",
        "http://127.0.0.1/callback#fragment",
        "http://127.1/callback",
        "http://2130706433/callback",
        "javascript:alert(1)",
        "/callback",
    ];
    for uri in uris {
        let mut body = server.code_registration();
        merge(&mut body, json!({ "redirectUris": [uri] }));
        let answer = server.post("/client/register", &body).await?;
        demand!(
            answer.status() == 400 && answer.exception() == Some("InvalidRedirectUriException"),
            "{} for redirect URI {uri:?}, and should be 400 InvalidRedirectUriException",
            answer.told()
        );
    }
    Ok(())
}

async fn unknown_grant(server: &Server) -> Checked {
    for grant in ["password", "implicit", "client_credentials"] {
        let refusals = &[(400, "UnsupportedGrantTypeException")];
        refused(server, json!({ "grantTypes": [grant] }), refusals).await?;
    }
    Ok(())
}

async fn code_grant_needs_a_redirect_uri(server: &Server) -> Checked {
    let mut body = server.code_registration();
    merge(&mut body, json!({ "redirectUris": null }));
    let answer = server.post("/client/register", &body).await?;
    answer.refused_as(&[
        (400, "InvalidRedirectUriException"),
        (400, "InvalidRequestException"),
    ])
}

async fn name_without_control_characters(server: &Server) -> Checked {
    for name in ["two\nlines", "right\u{202e}to left", "bell\u{7}"] {
        let refusals = &[
            (400, "InvalidClientMetadataException"),
            (400, "InvalidRequestException"),
        ];
        refused(server, json!({ "clientName": name }), refusals).await?;
    }
    Ok(())
}
