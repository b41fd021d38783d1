//! What a step is given beside its arguments: the map, what is left, the time of day.

use super::*;

/// Sets `k` to `vv`, and then ends with `end`.
fn setting(end: &str) -> Guest {
    let body = format!(
        "(call $set (i32.const 2048) (i32.const 1) (i32.const 1) (i32.const 2049) (i32.const 2) (i32.const 256))
        {end}"
    );
    Guest { items: r#"(data (i32.const 2048) "kvv")"#, ..Guest::describing(STATE, &body) }
}

#[tokio::test]
async fn state_comes_out_of_a_step_that_went_well_and_of_no_other() {
    let bench = Bench::new();
    let outcome = bench.describe(&setting(EMPTY)).await;
    assert_eq!(outcome.state, BTreeMap::from([("k".into(), Some("vv".into()))]));
    let outcome = bench.describe(&setting("unreachable")).await;
    assert_eq!(
        (outcome.state, outcome.result.unwrap_err().code),
        (BTreeMap::new(), "trap.unreachable".into())
    );
}

#[tokio::test]
async fn a_guest_reads_the_state_that_the_step_was_given() {
    let bench = Bench::new();
    // Answers the value under `k` where there is one.
    let body = "(call $get (i32.const 2048) (i32.const 1) (i32.const 256))
        (if (i32.eqz (i32.load8_u (i32.const 256))) (then (return (call $answer (i32.const 1024) (i32.const 2)))))
        (call $answer (i32.load (i32.const 260)) (i32.load (i32.const 264)))";
    let guest = Guest { items: r#"(data (i32.const 2048) "kvv")"#, ..Guest::describing(STATE, body) };
    let plugin = bench.load(&guest).await;
    let state = BTreeMap::from([("k".into(), Bytes::from_static(b"[7]"))]);
    assert_eq!(plugin.describe(Step { state, ..step() }).await.result.unwrap(), "[7]");
    assert_eq!(plugin.describe(step()).await.result.unwrap(), "{}");
}

#[tokio::test]
async fn state_over_its_limit_is_an_error_that_the_guest_sees() {
    let bench = Bench::with(|config| config.limits.state_bytes = Size(2));
    // Answers the code of the error.
    let outcome = bench
        .describe(&setting("(call $answer (i32.load (i32.const 268)) (i32.load (i32.const 272)))"))
        .await;
    assert_eq!(outcome.result.unwrap(), "limit.state-bytes");
    assert_eq!(outcome.state, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_guest_can_ask_what_is_left() {
    let bench = Bench::new();
    let guest = Guest::describing(
        RUN,
        "(call $remaining (i32.const 256)) (call $answer (i32.const 256) (i32.const 32))",
    );
    let answer = bench.describe(&guest).await.result.unwrap();
    let number = |at: usize| u64::from_le_bytes(answer[at..at + 8].try_into().unwrap());
    assert!((4_900..=5_000).contains(&number(0)), "CPU: {}", number(0));
    assert_eq!(number(8), 120_000, "wall");
    assert_eq!((number(16) as u32, number(24)), (0, 0), "a step without a gateway has no requests");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_day_is_the_hosts() {
    let clock = r#"(import "wasi:clocks/wall-clock@0.2.6" "now" (func $now (param i32)))"#;
    let guest =
        Guest::describing(clock, "(call $now (i32.const 256)) (call $answer (i32.const 256) (i32.const 8))");
    let answer = Bench::new().describe(&guest).await.result.unwrap();
    assert_eq!(answer.as_ref(), 1_700_000_000_u64.to_le_bytes());
}
