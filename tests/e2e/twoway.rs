//! Both sides change, and agree at rest: some sequences of the great proof, always the same.

use tests::twoway::Theatre;

/// Five of each policy.
const SEEDS: std::ops::Range<u64> = 4_000..4_020;

/// Enough for some rests, kills and conflicts in each.
const STEPS: usize = 20;

#[test]
fn random_edits_on_both_sides_agree_at_rest() {
    let mut theatre = Theatre::open().expect("a host");
    for seed in SEEDS {
        let played = theatre.play(seed, STEPS).unwrap_or_else(|error| panic!("{error:#}"));
        assert!(
            played.faults.is_empty(),
            "seed {seed}, {}:\n  {}\n{}",
            played.policy,
            played.steps.join("\n  "),
            played.faults.join("\n")
        );
    }
}
