//! What is a scope, what it opens, and that nothing widens it.

use proptest::prelude::*;

use super::*;

fn set(joined: &str) -> ScopeSet {
    ScopeSet::parse_joined(joined).expect("scopes")
}

#[test]
fn the_grammar_takes_what_real_clients_register() {
    for good in [
        "sso:account:access",
        "sso-portal:*",
        "codewhisperer:completions",
        "openid",
    ] {
        assert!(Scope::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "*", ":", "a:", "a:b:c:d", "a b", "a:*:b", "ä", "a\u{0}"] {
        assert!(Scope::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn restricting_narrows_and_never_widens() {
    let granted = set("a b c");
    assert_eq!(granted.restrict(&ScopeSet::default()), Ok(granted.clone()));
    assert_eq!(granted.restrict(&set("c a")), Ok(set("a c")));
    assert_eq!(granted.restrict(&set("a d")), Err(ScopeRefused::Wider));
}

#[test]
fn legacy_means_no_scope_or_the_portal_scope_alone() {
    assert!(set("").is_legacy() && set("sso-portal:*").is_legacy());
    assert!(!set("sso-portal:* a").is_legacy() && !set("a").is_legacy());
    assert_eq!(set("a").reach(), Reach::Nothing);
    assert_eq!(set("a sso:account:access").reach(), Reach::Everything);
}

#[test]
fn por_09_confining_scopes_reach_what_they_name_and_nothing_else() {
    let reach = set("sso:account:111122223333:ReadOnly a sso:account:444455556666").reach();
    let account = |text| AccountId::parse(text).expect("an account");
    let role = |text| RoleName::parse(text).expect("a role");
    let admits = |id, name| reach.admits(&account(id), &role(name));
    assert!(admits("111122223333", "ReadOnly"));
    assert!(!admits("111122223333", "Developer") && !admits("111122223333", "readonly"));
    assert!(admits("444455556666", "ReadOnly") && admits("444455556666", "Developer"));
    assert!(!admits("777788889999", "ReadOnly"));
    // With the whole portal beside it, a confinement confines nothing.
    let both = set("sso:account:111122223333 sso:account:access").reach();
    assert_eq!(both, Reach::Everything);
    assert!(!set("sso:account:111122223333").is_legacy());
}

#[test]
fn por_09_minutes_are_a_plain_number_and_the_fewest_count() {
    assert_eq!(
        set("a sso:minutes:30 sso:minutes:5").longest(),
        Some(Lifetime::minutes(5))
    );
    assert_eq!(set("sso:account:access").longest(), None);
    assert_eq!(set("sso:minutes:30").reach(), Reach::Nothing);
    assert!(!set("sso:minutes:30").is_legacy());
    for good in ["sso:minutes:5", "sso:minutes:1440"] {
        assert!(Scope::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "sso:minutes:",
        "sso:minutes:4",
        "sso:minutes:1441",
        "sso:minutes:030",
        "sso:minutes:x",
        "sso:minutes:*",
        "sso:minutes:+30",
        "sso:minutes:99999999999",
    ] {
        assert!(Scope::parse(bad).is_err(), "{bad}");
    }
    let held = set("sso:account:access");
    assert_eq!(
        held.narrow(&set("sso:account:access sso:minutes:15")),
        Ok(set("sso:account:access sso:minutes:15"))
    );
}

#[test]
fn por_09_a_session_policy_is_the_only_one_and_is_never_lost() {
    assert_eq!(
        set("a sso:policy:read-only").session_policy(),
        Some("read-only")
    );
    let two = ScopeSet::parse_joined("sso:policy:a sso:policy:b");
    assert_eq!(two, Err(ScopeRefused::TwoPolicies));
    let held = set("sso:account:access sso:policy:a");
    assert_eq!(held.narrow(&set("sso:account:access")), Ok(held.clone()));
    assert_eq!(held.narrow(&held), Ok(held.clone()));
    let other = held.narrow(&set("sso:account:access sso:policy:b"));
    assert_eq!(other, Err(ScopeRefused::Wider));
    let free = set("sso:account:access");
    assert_eq!(free.narrow(&held), Ok(held.clone()));
    assert_eq!(free.with_limits_of(&held), held);
    // Limits stay, whatever is asked for; alone they limit all that there is.
    let limited = set("a sso:account:access sso:policy:p sso:minutes:30");
    let kept = Ok(set("a sso:policy:p sso:minutes:30"));
    assert_eq!(limited.restrict(&set("a")), kept);
    assert_eq!(limited.narrow(&set("a")), kept);
    let shorter = limited.narrow(&set("sso:minutes:5"));
    assert_eq!(
        shorter,
        Ok(set(
            "a sso:account:access sso:policy:p sso:minutes:30 sso:minutes:5"
        ))
    );
    let many: Vec<String> = (0..25)
        .map(|n| format!("sso:account:111122223333:R{n}"))
        .collect();
    let many = ScopeSet::parse(many.iter().map(String::as_str)).expect("scopes");
    assert_eq!(limited.narrow(&many), Err(ScopeRefused::TooMany));
}

#[test]
fn por_09_narrowing_gives_less_and_never_more() {
    let narrow = |held: &str, asked: &str| set(held).narrow(&set(asked)).ok();
    let account = "sso:account:111122223333";
    let role = "sso:account:111122223333:ReadOnly";
    for (held, asked) in [
        ("sso:account:access a", "a"),
        ("sso:account:access", account),
        ("sso:account:access", role),
        ("", role),
        ("sso-portal:*", account),
        (account, role),
        (account, account),
        (role, role),
    ] {
        assert_eq!(narrow(held, asked), Some(set(asked)), "{asked} of {held}");
        assert_eq!(narrow(held, ""), Some(set(held)));
    }
    for (held, asked) in [
        ("a", "b"),
        ("a", role),
        ("", "a"),
        ("", "sso:account:access"),
        (account, "sso:account:access"),
        (account, "sso-portal:*"),
        (account, "sso:account:444455556666"),
        (role, account),
        (role, "sso:account:111122223333:Admin"),
        (role, "sso:account:444455556666:ReadOnly"),
    ] {
        assert_eq!(narrow(held, asked), None, "{asked} of {held}");
    }
}

#[test]
fn por_09_giving_less_takes_the_portal_away_and_keeps_the_rest() {
    let only = "sso:account:111122223333:ReadOnly";
    let give = |held, less| set(held).give(&set(less)).ok().map(|given| given.join());
    let all = "a sso:account:access sso-portal:* b sso:account:444455556666";
    for (held, less, given) in [
        (all, "", all),
        (all, only, "a b sso:account:111122223333:ReadOnly"),
        (
            "sso:account:access",
            "sso:minutes:15 sso:policy:p",
            "sso:account:access sso:minutes:15 sso:policy:p",
        ),
        (
            "a sso:account:access sso:minutes:30",
            "sso:account:111122223333 sso:minutes:60",
            "a sso:minutes:30 sso:account:111122223333 sso:minutes:60",
        ),
        (
            "sso:account:111122223333",
            only,
            "sso:account:111122223333:ReadOnly",
        ),
        (
            only,
            "sso:minutes:15",
            "sso:account:111122223333:ReadOnly sso:minutes:15",
        ),
    ] {
        assert_eq!(give(held, less).as_deref(), Some(given), "{less} of {held}");
    }
    for (held, less) in [
        ("", only),
        ("", "sso:minutes:15"),
        ("a", "sso:minutes:15"),
        ("sso-portal:*", only),
        ("sso:account:444455556666", only),
        (only, "sso:account:111122223333"),
        ("sso:account:access", "sso:account:access"),
        ("a sso:account:access", "a"),
        (
            "sso:account:access",
            "sso:account:111122223333 sso-portal:*",
        ),
        ("sso:account:access sso:policy:p", "sso:policy:q"),
    ] {
        assert_eq!(give(held, less), None, "{less} of {held}");
    }
}

#[test]
fn what_begins_like_a_confinement_is_one_or_refused() {
    for good in [
        "sso:account:access",
        "sso:account:111122223333",
        "sso:account:111122223333:ReadOnly",
        "sso:account:111122223333:a+b=c.d@e-f_g",
    ] {
        assert!(Scope::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "sso:account:",
        "sso:account:*",
        "sso:account:Access",
        "sso:account:11112222333",
        "sso:account:111122223333:",
        "sso:account:111122223333:*",
        "sso:account:111122223333:a,b",
        "sso:account:111122223333:a:b",
        "sso:account:111122223333:a b",
        "sso:account:access:ReadOnly",
    ] {
        assert!(Scope::parse(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_mask_selects_what_it_was_made_of(names in prop::collection::vec("[a-z]{1,4}", 0..25), bits: u32) {
        let all = ScopeSet::parse(names.iter().map(String::as_str)).expect("well-formed");
        let part = all.select(bits);
        prop_assert_eq!(all.select(all.mask_of(&part)), part);
    }
}
