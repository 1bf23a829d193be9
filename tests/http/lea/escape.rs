//! LEA-04: text of strangers is text, wherever it stands.

use std::collections::BTreeSet;

use claviger_tests::{
    TestServer, html,
    pages::{HOSTILE, Page, STRANGE_SCOPE, tour},
    world::WorldBuilder,
};

/// [`HOSTILE`] as every page must write it, in text and in attributes alike.
const ESCAPED: &str = "&#34;&#39;&#62;&#60;img src=x onerror=alert(1)&#62;&#38;lt;{{7}}";

/// [`HOSTILE`] inside an address.
const IN_AN_ADDRESS: &str =
    "%22%27%3E%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%26lt%3B%7B%7B7%7D%7D";

/// The first twenty characters, which the device page gives back of a code.
const ESCAPED_START: &str = "&#34;&#39;&#62;&#60;img src=x onerr";

async fn toured() -> Vec<Page> {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    tour(&server).await
}

#[tokio::test]
async fn lea_04_every_hostile_text_on_every_page_is_escaped_and_whole() {
    for Page { name, answer } in toured().await {
        let body = answer.text();
        // Nothing of it is left once every whole, escaped spelling is taken away.
        let rest = body
            .replace(ESCAPED, "")
            .replace(ESCAPED_START, "")
            .replace(IN_AN_ADDRESS, "");
        for part in ["onerr", "alert(1)", "<img src=x", "src=x", "{{7}}", "\"'>"] {
            assert!(!rest.contains(part), "{name}: {part} in\n{rest}");
        }
        // The one script is our own file, and no tag has a handler or a script for an address.
        assert_eq!(body.matches("<script").count(), 1, "{name}");
        for tag in html::tags(body) {
            for (attribute, value) in &tag.attributes {
                assert!(!attribute.starts_with("on"), "{name}: {tag:?}");
                assert!(
                    !value.trim_start().starts_with("javascript:"),
                    "{name}: {tag:?}"
                );
                assert_ne!(attribute, "style", "{name}: {tag:?}");
            }
        }
    }
}

#[tokio::test]
async fn lea_04_the_hostile_texts_are_really_shown() {
    // Without this the test above would pass on empty pages.
    let pages = toured().await;
    let showing: BTreeSet<&str> = pages
        .iter()
        .filter(|page| html::text(page.answer.text()).contains(HOSTILE))
        .map(|page| page.name)
        .collect();
    let in_fields: BTreeSet<&str> = pages
        .iter()
        .filter(|page| {
            let forms = html::forms(page.answer.text());
            forms
                .iter()
                .flat_map(|form| &form.fields)
                .any(|(_, value)| value == HOSTILE)
        })
        .map(|page| page.name)
        .collect();
    let everywhere = [
        "start",
        "start, search",
        "credentials",
        "device",
        "device, asked",
        "device, approved",
        "sessions",
        "authorize, consent",
        "sign-out",
    ];
    for name in everywhere {
        assert!(
            showing.contains(name),
            "{name} shows nothing of it: {showing:?}"
        );
    }
    for name in ["sign-in, wrong", "sign-in, old form", "start, search"] {
        assert!(
            in_fields.contains(name),
            "{name} keeps nothing of it: {in_fields:?}"
        );
    }
    let of = |name: &str| {
        let mut found = pages.iter().filter(|page| page.name == name);
        found
            .next()
            .expect("a page of the tour")
            .answer
            .text()
            .to_owned()
    };
    // Client, agent, person and, to be chosen, the account on the page that decides; client and
    // scope on the other.
    assert_eq!(
        of("device, asked").matches(ESCAPED).count(),
        7,
        "{}",
        of("device, asked")
    );
    assert!(html::text(&of("device, asked")).contains(STRANGE_SCOPE));
    assert!(html::text(&of("authorize, consent")).contains(STRANGE_SCOPE));
    assert!(of("sessions").contains(ESCAPED));
    // Name and address of the account.
    assert!(of("start").matches(ESCAPED).count() >= 4, "{}", of("start"));
    assert!(of("device, wrong code").contains(ESCAPED_START));
}

#[tokio::test]
async fn lea_04_a_scope_cannot_be_hostile_at_all() {
    let server = TestServer::start().await;
    for scope in [HOSTILE, "<b>", "a\"b", "a'b", "a&b", "a b"] {
        let aws = server.aws();
        let mut body = aws.code_client(&[claviger_tests::server::REDIRECT_URI]);
        body["scopes"] = serde_json::json!([scope]);
        let refused = aws.register_with(body).await;
        refused.assert_error(400, "InvalidScopeException");
    }
}

#[tokio::test]
async fn lea_04_what_is_third_party_text_needs_no_script() {
    // Everything on these pages is in the HTML that was sent; the script only copies and counts.
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    let start = browser.get("/start").await;
    let path = html::tags(start.text())
        .into_iter()
        .find(|tag| tag.name == "script")
        .and_then(|tag| tag.attributes.get("src").cloned());
    let script = browser.get(&path.expect("a script")).await;
    script.assert_status(200);
    for part in [
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "fetch(",
    ] {
        assert!(!script.text().contains(part), "{part}");
    }
}
