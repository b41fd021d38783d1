//! Both sides change, and agree at rest: some sequences of the great proof, always the same.

use std::sync::Mutex;
use tests::twoway::Theatre;

/// Two of each policy.
const SEEDS: std::ops::Range<u64> = 4_000..4_008;

/// Enough for some rests, kills and conflicts in each.
const STEPS: usize = 20;

/// One after the other, so that each kill falls where its sequence has it.
const TOGETHER: usize = 1;

#[test]
fn random_edits_on_both_sides_agree_at_rest() {
    let theatre = Theatre::open().expect("a host");
    let faults = Mutex::new(Vec::new());
    theatre.play_all(SEEDS, (STEPS, TOGETHER), |seed, played| {
        let told = match played {
            Ok(played) if played.faults.is_empty() => return true,
            Ok(played) => {
                let told = played.faults.iter().map(|fault| format!("\n{fault}")).collect::<String>();
                format!("seed {seed}, {}:\n  {}{told}", played.policy, played.steps.join("\n  "))
            }
            Err(error) => format!("{error:#}"),
        };
        faults.lock().expect("no panic").push(told);
        true
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
