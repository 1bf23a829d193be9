//! CreateToken, whatever the grant.

use serde_json::json;

use super::server::{Client, Server};
use crate::{
    check::{Trial, checks},
    flaw::{Checked, demand},
    sent::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "token.unknown_client" "WIRE 2.4, 3.3" ["REG-10" "TOK-03"] unknown_client;
    Quick "token.unknown_grant_type" "WIRE 3.3" ["TOK-04"] unknown_grant_type;
    Quick "token.unlisted_grant" "WIRE 3.3" ["TOK-05"] unlisted_grant;
    Quick "token.missing_members" "WIRE 3.3" ["TOK-01"] missing_members;
    Quick "token.members_of_other_grants_are_ignored" "WIRE 3.3" [] members_of_other_grants_are_ignored;
];

async fn unknown_client(server: &Server) -> Checked {
    let signed_in = server.sign_in().await?;
    let other = server.device_client().await?;
    let client = &signed_in.client;
    let cut = client
        .secret
        .get(..client.secret.len() - 1)
        .unwrap_or_default()
        .to_owned();
    for secret in [other.secret, cut, "no secret".to_owned()] {
        let thief = Client {
            secret,
            ..client.clone()
        };
        let answer = server.refresh(&thief, &signed_in.refresh).await?;
        answer.refused(401, "InvalidClientException")?;
        let error = answer.text("error")?;
        demand!(
            error == "invalid_client",
            "`error` is {error:?}, not \"invalid_client\""
        );
    }
    server
        .refreshed(client, &signed_in.refresh)
        .await
        .map(|_| ())
}

async fn unknown_grant_type(server: &Server) -> Checked {
    let client = server.device_client().await?;
    for grant in ["password", "Refresh_Token", "device_code"] {
        let answer = server.token(&client, json!({ "grantType": grant })).await?;
        answer.refused(400, "UnsupportedGrantTypeException")?;
    }
    Ok(())
}

async fn unlisted_grant(server: &Server) -> Checked {
    let client = server.device_client().await?;
    let answer = server.redeem(&client, "no-such-code", json!({})).await?;
    answer.refused(400, "UnauthorizedClientException")
}

async fn missing_members(server: &Server) -> Checked {
    let client = server.code_client().await?;
    let device = server.device_client().await?;
    let requests = [
        json!({ "clientId": device.id, "grantType": DEVICE_CODE, "deviceCode": "a" }),
        json!({ "clientSecret": device.secret, "grantType": DEVICE_CODE, "deviceCode": "a" }),
        device.with(json!({ "deviceCode": "a" })),
        device.with(json!({ "grantType": DEVICE_CODE })),
        device.with(json!({ "grantType": DEVICE_CODE, "deviceCode": "" })),
        device.with(json!({ "grantType": REFRESH_TOKEN, "refreshToken": null })),
        client.with(json!({ "grantType": AUTHORIZATION_CODE })),
    ];
    for request in requests {
        let answer = server.post("/token", &request).await?;
        answer.refused(400, "InvalidRequestException")?;
    }
    Ok(())
}

/// paws and its documentation send the user code as `code` beside the device code.
async fn members_of_other_grants_are_ignored(server: &Server) -> Checked {
    let client = server.device_client().await?;
    let device = server.device(&client).await?;
    let grant = json!({
        "grantType": DEVICE_CODE,
        "deviceCode": device.code,
        "code": device.user_code,
        "redirectUri": "http://127.0.0.1/elsewhere",
    });
    server
        .token(&client, grant)
        .await?
        .refused(400, "AuthorizationPendingException")
}
