//! The part of the control API that the checks need, by a browser and the kit's clock.

use claviger_tests::http::encode_form;
use serde_json::{Value, json};

use super::{Way, told::Told};
use crate::listen::fields;

pub(super) async fn route(way: &Way, route: &str, body: &Value) -> Told {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut browser = way.browser.lock().await;
    match route {
        "approve" => drop(browser.approve(text("user_code")).await),
        "deny" => drop(browser.deny(text("user_code")).await),
        "authorize" => {
            let button = if body.get("deny") == Some(&json!(true)) {
                "Deny"
            } else {
                "Allow"
            };
            let query = text("url").split_once('?').unwrap_or_default().1;
            let page = browser
                .get(&format!(
                    "/authorize?{}",
                    encode_form(&fields(query.as_bytes()))
                ))
                .await;
            let back = if page.header("location").is_some() {
                page
            } else {
                browser.consent(&page, button).await
            };
            return Told::new(200, json!({ "location": back.header("location") }));
        }
        _ => {
            let seconds = body.get("advance").and_then(Value::as_i64);
            way.clock.advance(seconds.unwrap_or_default());
        }
    }
    Told::new(200, json!({}))
}
