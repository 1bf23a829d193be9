//! Errors of AWS against the published models. The error table is in `crate::table`.

use serde_json::Value;

use super::*;

fn model(text: &str) -> Value {
    serde_json::from_str(text).expect("a service model")
}

fn published(model: &Value, name: &str) -> Option<u16> {
    let shape = &model["shapes"][name];
    shape["exception"].as_bool()?;
    let status = shape["error"]["httpStatusCode"]
        .as_u64()
        .or_else(|| shape["fault"].as_bool().map(|_| 500));
    status.and_then(|status| u16::try_from(status).ok())
}

#[test]
fn names_and_statuses_are_those_of_the_models() {
    let oidc_model = model(include_str!("../../../models/sso-oidc.json"));
    let portal_model = model(include_str!("../../../models/sso.json"));
    // Signatures are AWS's front ends' matter, which no model tells.
    let modelled = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::SignatureReplayed);
    for kind in modelled {
        let oidc = oidc_exception(kind);
        let known = published(&oidc_model, oidc.name).expect(oidc.name);
        // A store that is away is no fault of the model's 500: clients try a 503 again.
        let due = if kind == Kind::Unavailable {
            503
        } else {
            known
        };
        assert_eq!(oidc.status, due, "{kind:?}");
        for member in ["error", "error_description"] {
            let members = &oidc_model["shapes"][oidc.name]["members"];
            assert!(
                members.get(member).is_some(),
                "{} lacks {member}",
                oidc.name
            );
        }
        let portal = portal_exception(kind);
        let published = match kind {
            // Not modelled, but what the real service sends, and what a failure looks like.
            Kind::AccessDenied => Some(403),
            Kind::Unavailable => Some(503),
            _ => published(&portal_model, portal.name),
        };
        assert_eq!(published, Some(portal.status), "{kind:?}");
    }
}

#[test]
fn an_error_is_sent_whole_in_both_manners() {
    let pending = Error::from(Kind::AuthorizationPending.because("Authorization is still pending"));
    insta::assert_snapshot!(transcript(&oidc(&pending)), @r#"
400
cache-control: no-store
content-type: application/json
referrer-policy: no-referrer
x-amzn-errortype: AuthorizationPendingException
x-content-type-options: nosniff

{"error":"authorization_pending","error_description":"Authorization is still pending","message":"Authorization is still pending"}
"#);
    let denied = Error::from(
        Kind::AccessDenied
            .because("No access")
            .detail("secret detail"),
    );
    insta::assert_snapshot!(transcript(&portal(&denied)), @r#"
403
cache-control: no-store
content-type: application/json
referrer-policy: no-referrer
x-amzn-errortype: ForbiddenException
x-content-type-options: nosniff

{"__type":"ForbiddenException","message":"No access"}
"#);
}

fn transcript(response: &Response<Bytes>) -> String {
    let mut headers: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(response.body());
    format!(
        "{}\n{}\n\n{body}",
        response.status().as_u16(),
        headers.join("\n")
    )
}
