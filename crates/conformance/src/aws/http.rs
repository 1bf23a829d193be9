//! What holds for every call: media types, JSON, errors, headers.

use std::collections::BTreeSet;

use serde_json::json;

use super::server::Server;
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, demand},
    http::Call,
    sent::{DEVICE_CODE, REFRESH_TOKEN, merge},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "http.media_types" "WIRE 2.1" [] media_types;
    Quick "http.form_on_the_json_route" "WIRE 2.1" ["TOK-07"] form_on_the_json_route;
    Quick "http.authorization_is_ignored" "WIRE 2.1" ["SIG-02"] authorization_is_ignored;
    Quick "http.null_and_empty_are_absent" "WIRE 2.1" [] null_and_empty_are_absent;
    Quick "http.unknown_members_are_ignored" "WIRE 2.1" ["HTP-06"] unknown_members_are_ignored;
    Quick "http.duplicate_members" "WIRE 2.1" ["HTP-03"] duplicate_members;
    Quick "http.malformed_bodies" "WIRE 2.3, 3.3" ["HTP-05"] malformed_bodies;
    Quick "http.large_body" "WIRE 2.1, 2.3" ["HTP-01"] large_body;
    Quick "http.unknown_route" "WIRE 2.3" ["HTP-12"] unknown_route;
    Quick "http.wrong_method" "WIRE 2.3" ["TOK-07"] wrong_method;
    Quick "http.request_ids" "WIRE 2.2, 2.3" [] request_ids;
    Quick "http.date" "WIRE 2.2, 2.6" [] date;
    Quick "http.no_cookies_on_api_answers" "WIRE 2.2" ["HDR-06"] no_cookies_on_api_answers;
    Quick "http.unsigned_call_with_iam" "WIRE 3.4" ["SIG-01"] unsigned_call_with_iam;
];

/// A registration by any request.
async fn register(server: &Server, call: impl FnOnce(Call, String) -> Call) -> Checked<Answer> {
    let body = Server::registration().to_string();
    server
        .http
        .send(call(Call::post("/client/register"), body))
        .await
}

async fn media_types(server: &Server) -> Checked {
    for kind in [
        "application/json",
        "application/x-amz-json-1.1",
        "application/json; charset=utf-8",
    ] {
        let answer = register(server, |call, body| call.body(kind, body)).await?;
        demand!(
            answer.status() == 200,
            "{} for Content-Type {kind:?}",
            answer.told()
        );
    }
    let answer = register(server, Call::bare_body).await?;
    demand!(
        answer.status() == 200,
        "{} without a Content-Type",
        answer.told()
    );
    Ok(())
}

async fn form_on_the_json_route(server: &Server) -> Checked {
    let call = Call::post("/client/register").form([("clientName", "a"), ("clientType", "public")]);
    server.http.send(call).await?.refused_at_all()
}

async fn authorization_is_ignored(server: &Server) -> Checked {
    let signature = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/sso-oauth/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024";
    for authorization in [signature, ""] {
        let answer = register(server, |call, body| {
            let call = call.body("application/x-amz-json-1.1", body);
            call.header("authorization", authorization)
                .header("x-amz-date", "20261123T100000Z")
        });
        let answer = answer.await?;
        demand!(
            answer.status() == 200,
            "{} with an Authorization header, as paws sends it",
            answer.told()
        );
    }
    Ok(())
}

async fn null_and_empty_are_absent(server: &Server) -> Checked {
    let mut body = Server::registration();
    merge(
        &mut body,
        json!({ "grantTypes": null, "redirectUris": null, "issuerUrl": "" }),
    );
    let answer = server.post("/client/register", &body).await?;
    demand!(
        answer.status() == 200,
        "{} with members that are null or empty",
        answer.told()
    );
    let mut body = Server::registration();
    merge(&mut body, json!({ "clientName": "" }));
    server
        .post("/client/register", &body)
        .await?
        .refused_at_all()
}

async fn unknown_members_are_ignored(server: &Server) -> Checked {
    let mut body = Server::registration();
    merge(
        &mut body,
        json!({ "aMemberOfTomorrow": { "a": [1, null] } }),
    );
    let answer = server.post("/client/register", &body).await?;
    demand!(
        answer.status() == 200,
        "{} with a member that it does not know",
        answer.told()
    );
    Ok(())
}

async fn duplicate_members(server: &Server) -> Checked {
    let body = r#"{"clientName":"one","clientType":"public","clientName":"two"}"#;
    let call = Call::post("/client/register").body("application/json", body);
    server
        .http
        .send(call)
        .await?
        .refused(400, "InvalidRequestException")
}

async fn malformed_bodies(server: &Server) -> Checked {
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "{\"clientId\":1}",
        "{\"clientId\":\"a\"",
        "\u{feff}{}",
    ];
    for body in bodies {
        let call = Call::post("/token").body("application/json", body);
        let answer = server.http.send(call).await?;
        demand!(
            answer.status() == 400 && answer.exception() == Some("InvalidRequestException"),
            "{} for the body {body:?}, and should be 400 InvalidRequestException",
            answer.told()
        );
        answer.readable()?;
    }
    Ok(())
}

async fn large_body(server: &Server) -> Checked {
    let mut body = Server::registration();
    merge(&mut body, json!({ "unknown": "x".repeat(2 << 20) }));
    // A server may hang up while the body is still on its way; the answer can be lost then.
    if let Ok(answer) = server.post("/client/register", &body).await {
        answer.refused_at_all()?;
        demand!(
            answer.status() == 413,
            "{} for a body of 2 MiB, and should be 413",
            answer.told()
        );
    }
    server.device_client().await.map(|_| ())
}

async fn unknown_route(server: &Server) -> Checked {
    for path in ["/no-such-route", "/token/", "//token", "/%74oken"] {
        let call = Call::post(path).json(&json!({}));
        let answer = server.http.send(call).await?;
        demand!(
            answer.status() == 404,
            "{}, and should be 404",
            answer.told()
        );
        answer.readable()?;
    }
    Ok(())
}

async fn wrong_method(server: &Server) -> Checked {
    let answer = server.http.send(Call::get("/token")).await?;
    demand!(
        answer.status() == 405,
        "{}, and should be 405",
        answer.told()
    );
    answer.readable()
}

async fn request_ids(server: &Server) -> Checked {
    let mut ids = BTreeSet::new();
    let unknown = json!({ "clientId": "a", "clientSecret": "b", "grantType": DEVICE_CODE, "deviceCode": "c" });
    let answers = [
        server
            .post("/client/register", &Server::registration())
            .await?,
        server
            .post("/client/register", &Server::registration())
            .await?,
        server.post("/token", &unknown).await?,
        server.opens("no-token").await?,
        server.http.send(Call::get("/no-such-route")).await?,
    ];
    for answer in &answers {
        let id = answer.header("x-amzn-requestid").unwrap_or_default();
        demand!(!id.is_empty(), "{} without x-amzn-RequestId", answer.told());
        demand!(
            ids.insert(id.to_owned()),
            "{} with the x-amzn-RequestId of another call",
            answer.told()
        );
    }
    Ok(())
}

async fn date(server: &Server) -> Checked {
    let answer = server
        .post("/client/register", &Server::registration())
        .await?;
    let (date, issued) = (answer.date()?, answer.whole("clientIdIssuedAt")?);
    demand!(
        (date - issued).abs() <= 5,
        "Date is {} seconds off the time that the same answer holds; SDKs set their clocks by it",
        date - issued
    );
    Ok(())
}

async fn no_cookies_on_api_answers(server: &Server) -> Checked {
    let answers = [
        server
            .post("/client/register", &Server::registration())
            .await?,
        server.post("/token", &json!({})).await?,
        server.opens("no-token").await?,
    ];
    for answer in answers {
        demand!(
            answer.header("set-cookie").is_none(),
            "{} and sets a cookie",
            answer.told()
        );
    }
    Ok(())
}

async fn unsigned_call_with_iam(server: &Server) -> Checked {
    let signed_in = server.signed_in().await?;
    let grant = json!({ "grantType": REFRESH_TOKEN, "refreshToken": signed_in.refresh });
    let answer = server
        .post("/token?aws_iam=t", &signed_in.client.with(grant))
        .await?;
    answer.refused_at_all()
}
