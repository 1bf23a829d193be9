//! The rotation rules as one table, and what must hold whatever is presented.

use proptest::prelude::*;

use super::*;

const HOME: NetworkTag = [1; 8];
const AWAY: NetworkTag = [2; 8];
const NOW: i64 = 1_000_000;

#[expect(
    clippy::unnecessary_wraps,
    reason = "a rotation that is remembered is an option"
)]
fn at(seconds_ago: i64) -> Option<Timestamp> {
    Some(Timestamp::from_epoch_seconds(NOW - seconds_ago))
}

fn aws() -> RotationRules {
    RotationRules {
        grace: Lifetime::seconds(60),
        lost_answer: Lifetime::hours(1),
        same_network: true,
        accept_ahead: true,
        strict: false,
    }
}

fn strict() -> RotationRules {
    RotationRules {
        grace: Lifetime::ZERO,
        same_network: false,
        strict: true,
        ..aws()
    }
}

fn state(rotated: [Option<Timestamp>; 4]) -> Rotations {
    Rotations {
        generation: 6,
        generation_epoch: 1,
        used_generation: 6,
        rotated_at: rotated,
        rotated_network: Some(HOME),
        late_answers: 0,
    }
}

fn from(network: NetworkTag, generation: u32) -> Presented {
    let now = Timestamp::from_epoch_seconds(NOW);
    Presented {
        generation,
        network,
        now,
        session_ends: now.plus(Lifetime::hours(5)),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one entry a rule")]
fn the_rules_row_by_row() {
    use Convergence::{Grace, LostAnswer, SameNetwork, Unrotated};
    let once = [at(7200), None, None, None];
    let fresh = [at(5), None, None, None];
    let burst = [at(1), at(2), at(3), at(4)];
    let unused = Rotations {
        used_generation: 5,
        ..state([at(1200), None, None, None])
    };
    let ending = Presented {
        session_ends: Timestamp::from_epoch_seconds(NOW + 600),
        ..from(AWAY, 6)
    };
    let rotate = |to| Verdict::Rotate { to, ahead: false };
    let rows = [
        (
            "ref_01 the current token rotates",
            state(once),
            aws(),
            from(AWAY, 6),
            rotate(7),
        ),
        (
            "four rotations in the window keep the generation",
            state(burst),
            aws(),
            from(AWAY, 6),
            Verdict::Converge(Unrotated),
        ),
        (
            "ref_14 the last stretch keeps the generation",
            state(once),
            aws(),
            ending,
            Verdict::Converge(Unrotated),
        ),
        (
            "ref_03 a prompt retry converges",
            state(fresh),
            aws(),
            from(AWAY, 5),
            Verdict::Converge(Grace),
        ),
        (
            "ref_06 the first of three quick rotations converges",
            state([at(1), at(2), at(3), None]),
            aws(),
            from(AWAY, 3),
            Verdict::Converge(Grace),
        ),
        (
            "the fifth step back is beyond memory",
            state(burst),
            aws(),
            from(AWAY, 1),
            Verdict::Revoke,
        ),
        (
            "ref_04 a used successor and another network is theft",
            state(once),
            aws(),
            from(AWAY, 5),
            Verdict::Revoke,
        ),
        (
            "ref_05 the network that rotated may come back",
            state(once),
            aws(),
            from(HOME, 5),
            Verdict::Converge(SameNetwork),
        ),
        (
            "two steps back no network excuses",
            state([at(7200), at(7300), None, None]),
            aws(),
            from(HOME, 4),
            Verdict::Revoke,
        ),
        (
            "ref_07 an old generation is theft",
            state(once),
            aws(),
            from(HOME, 3),
            Verdict::Revoke,
        ),
        (
            "ref_09 strict leaves nothing after a rotation",
            state([at(0), None, None, None]),
            strict(),
            from(HOME, 5),
            Verdict::Revoke,
        ),
        (
            "strict always rotates",
            state(burst),
            strict(),
            from(HOME, 6),
            rotate(7),
        ),
        (
            "ref_21 a clock set back stretches no window",
            state([at(-3600), None, None, None]),
            aws(),
            from(AWAY, 5),
            Verdict::Revoke,
        ),
        (
            "a racer that read the clock earlier converges",
            state([at(-2), None, None, None]),
            aws(),
            from(AWAY, 5),
            Verdict::Converge(Grace),
        ),
        (
            "ref_22 a store behind its tokens goes on, alarmed",
            state(once),
            aws(),
            from(AWAY, 9),
            Verdict::Rotate {
                to: 10,
                ahead: true,
            },
        ),
        (
            "far ahead is no token of ours",
            state(once),
            aws(),
            from(AWAY, 11),
            Verdict::RefuseAhead,
        ),
        (
            "ahead is refused when switched off",
            state(once),
            RotationRules {
                accept_ahead: false,
                ..aws()
            },
            from(AWAY, 7),
            Verdict::RefuseAhead,
        ),
        (
            "ref_23 an unused successor may be fetched again",
            unused,
            aws(),
            from(AWAY, 5),
            Verdict::Converge(LostAnswer),
        ),
        (
            "ref_23 but not a third time",
            Rotations {
                late_answers: 2,
                ..unused
            },
            aws(),
            from(AWAY, 5),
            Verdict::Revoke,
        ),
        (
            "nor after the window",
            Rotations {
                used_generation: 5,
                ..state(once)
            },
            aws(),
            from(AWAY, 5),
            Verdict::Revoke,
        ),
    ];
    for (name, state, rules, presented, expected) in rows {
        assert_eq!(judge(&state, &rules, &presented), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn a_verdict_never_goes_back_and_never_skips(
        generation in 1_u32..20, presented in 0_u32..30, used in 0_u32..20,
        ages in prop::array::uniform4(prop::option::of(-10_i64..10_000)),
        home: bool, late in 0_u8..4, strict_mode: bool,
    ) {
        let state = Rotations {
            generation, used_generation: used.min(generation), late_answers: late,
            rotated_at: ages.map(|age| age.and_then(at)), ..state([None; 4])
        };
        let rules = if strict_mode { strict() } else { aws() };
        let presented = from(if home { HOME } else { AWAY }, presented);
        match judge(&state, &rules, &presented) {
            Verdict::Rotate { to, ahead } => {
                prop_assert_eq!(to, presented.generation + 1);
                prop_assert_eq!(ahead, presented.generation > generation);
                prop_assert!(to > generation);
            }
            Verdict::Converge(_) => prop_assert!(presented.generation <= generation),
            Verdict::Revoke => prop_assert!(presented.generation < generation),
            Verdict::RefuseAhead => prop_assert!(presented.generation > generation),
        }
    }
}
