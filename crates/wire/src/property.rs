//! Properties of the decoders: no bytes make them panic, and what they take is within bounds.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use crate::{
    aws::{oidc, portal},
    media_type,
};

/// Bytes, or JSON that nearly fits.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let member = prop::sample::select(vec![
        r#""clientId":"x""#,
        r#""clientSecret":"x""#,
        r#""clientSecret":null"#,
        r#""clientName":"n""#,
        r#""clientType":"public""#,
        r#""grantType":"refresh_token""#,
        r#""grantType":7"#,
        r#""startUrl":"https://x/start""#,
        r#""scope":["a"]"#,
        r#""scopes":[null]"#,
        r#""redirectUris":["http://127.0.0.1/cb"]"#,
        r#""code":{"a":[]}"#,
        r#""refreshToken":"\u0000""#,
    ]);
    let objects = prop::collection::vec(member, 0..8)
        .prop_map(|members| format!("{{{}}}", members.join(",")).into_bytes());
    prop_oneof![any::<Vec<u8>>(), objects]
}

fn headers(rows: &[(&'static str, Vec<u8>)]) -> HeaderMap {
    let legal = |(name, value): &(&'static str, Vec<u8>)| {
        let value = HeaderValue::from_bytes(value).ok()?;
        Some((HeaderName::from_static(name), value))
    };
    let mut map = HeaderMap::new();
    for (name, value) in rows.iter().filter_map(legal) {
        map.append(name, value);
    }
    map
}

fn rows(names: Vec<&'static str>) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let value = prop_oneof![
        any::<Vec<u8>>(),
        "(Bearer |bearer  ?)?[a-z]{0,3}".prop_map(String::into_bytes),
        "application/(json|x-amz-json-1.1|x-www-form-urlencoded) ?;?.{0,9}"
            .prop_map(String::into_bytes),
    ];
    prop::collection::vec((prop::sample::select(names), value), 0..4)
}

proptest! {
    #[test]
    fn no_body_makes_an_operation_panic(body in bodies()) {
        let _ = oidc::decode_register_client(&body);
        let _ = oidc::decode_start_device_authorization(&body);
        let _ = oidc::decode_create_token(&body);
    }

    #[test]
    fn no_query_makes_a_portal_call_panic(query in "[a-z_]{0,11}(=[ -~]{0,12}&?){0,3}|\\PC{0,40}") {
        let _ = portal::decode_list_accounts(Some(&query));
        let _ = portal::decode_list_account_roles(Some(&query));
        if let Ok((account, role)) = portal::decode_get_role_credentials(Some(&query)) {
            prop_assert!(account.len() == 12 && role.len() <= 64);
        }
        let _ = oidc::aws_iam(Some(&query));
    }

    #[test]
    fn acc_06_a_bearer_token_is_the_one_value_of_its_own_header(
        rows in rows(vec!["x-amz-sso_bearer_token", "authorization", "cookie"]),
    ) {
        let headers = headers(&rows);
        let given: Vec<_> = headers.get_all("x-amz-sso_bearer_token").iter().collect();
        if let Ok(token) = portal::decode_bearer(&headers) {
            prop_assert_eq!(given.len(), 1);
            prop_assert_eq!(given.first().map(|value| value.as_bytes()), Some(token.reveal().as_bytes()));
        }
    }

    #[test]
    fn tok_07_two_content_types_are_none(
        rows in rows(vec!["content-type", "content-encoding"]),
    ) {
        let headers = headers(&rows);
        let chosen = media_type::of(&headers);
        if headers.get_all("content-type").iter().count() > 1 {
            prop_assert_eq!(chosen, media_type::MediaType::Unsupported);
        }
    }
}
