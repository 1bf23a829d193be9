//! The documents of the query protocol, letter for letter as AWS writes them.

use http::{HeaderValue, Response, header::CONTENT_TYPE};

use super::{answer::Fault, keys::Identity};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(super) fn response(outcome: Result<Identity, Fault>, request_id: &str) -> Response<Vec<u8>> {
    let (status, document) = match outcome {
        Ok(identity) => (http::StatusCode::OK, caller(&identity, request_id)),
        Err(fault) => (fault.status, error(&fault, request_id)),
    };
    let mut response = Response::new(document.into_bytes());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn caller(identity: &Identity, request_id: &str) -> String {
    format!(
        r#"<GetCallerIdentityResponse xmlns="{NAMESPACE}">
  <GetCallerIdentityResult>
    <Arn>{}</Arn>
    <UserId>{}</UserId>
    <Account>{}</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>{request_id}</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
"#,
        escaped(&identity.arn),
        escaped(&identity.user_id),
        escaped(&identity.account),
    )
}

fn error(fault: &Fault, request_id: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="{NAMESPACE}">
  <Error>
    <Type>Sender</Type>
    <Code>{}</Code>
    <Message>{}</Message>
  </Error>
  <RequestId>{request_id}</RequestId>
</ErrorResponse>
"#,
        fault.code,
        escaped(&fault.message),
    )
}

/// Text for an element. Characters that XML 1.0 forbids become U+FFFD.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => escaped.push(character),
            _ => escaped.push('\u{fffd}'),
        }
        escaped
    })
}
