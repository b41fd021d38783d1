//! Every limit of a step: it fires, it has its name, and the engine is well
//! afterwards.

use super::*;
use crate::model::{Class, Span};

const RANDOM: &str =
    r#"(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))"#;
const CLOCK: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#;

/// `describe` of the guest ends with the code, and its message names the
/// setting.
async fn check(bench: &Bench, guest: &Guest, code: &str, setting: &str) {
    let outcome = bench.describe(guest).await;
    let failure = outcome.result.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Limit, code), "{failure}");
    assert!(failure.message.ends_with(&format!("(`sandbox.limits.{setting}`)")), "{failure}");
    assert_eq!(outcome.usage.steps, 1);
    bench.is_well().await;
}

#[tokio::test]
async fn an_endless_loop_ends_at_its_cpu_time() {
    let bench = Bench::with(|config| config.limits.cpu = Span::millis(50));
    let guest = Guest::describing("", "(loop $ever (br $ever)) unreachable");
    check(&bench, &guest, "limit.cpu", "cpu").await;
    let usage = bench.describe(&guest).await.usage;
    assert_eq!(usage.cpu_ticks, 6, "the five that are allowed, and the one that ended it");
    assert!(usage.wall_ms >= 40, "{usage:?}");
}

#[tokio::test]
async fn an_endless_loop_at_the_start_of_an_instance_ends_too() {
    let bench = Bench::with(|config| config.limits.cpu = Span::millis(30));
    let guest = Guest { items: "(func $s (loop $ever (br $ever))) (start $s)", ..Guest::default() };
    check(&bench, &guest, "limit.cpu", "cpu").await;
}

#[tokio::test]
async fn an_endless_loop_leaves_others_their_turn() {
    let bench = Bench::with(|config| config.limits.cpu = Span::secs(30));
    let plugin = bench.load(&Guest::describing("", "(loop $ever (br $ever)) unreachable")).await;
    let cancel = CancellationToken::new();
    let looping = plugin.describe(Step { cancel: cancel.clone(), ..step() });
    let others = async {
        for _ in 0..10 {
            bench.is_well().await;
        }
        cancel.cancel();
    };
    // Both on one thread: the loop itself has to give way.
    let (looped, ()) = tokio::join!(looping, others);
    assert_eq!(looped.result.unwrap_err().code, "run.cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_waits_ends_at_its_time_on_the_clock() {
    let bench = Bench::new();
    let guest =
        Guest::describing(CLOCK, "(call $block (call $subscribe (i64.const 1000000000000))) unreachable");
    check(&bench, &guest, "limit.wall", "wall").await;
    let usage = bench.describe(&guest).await.usage;
    assert!((120_000..121_000).contains(&usage.wall_ms), "{usage:?}");
    assert!(usage.cpu_ticks <= 1, "{usage:?}");
}

#[tokio::test]
async fn memory_that_is_refused_and_missed_is_named() {
    let bench = Bench::with(|config| config.limits.memory = Size::mib(2));
    let greedy = Guest::describing(
        "",
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
    );
    check(&bench, &greedy, "limit.memory", "memory").await;
    assert_eq!(bench.describe(&greedy).await.usage.peak_memory, 2 << 20);
    let bomb = Guest { memory: 65_536, ..Guest::default() };
    check(&bench, &bomb, "limit.memory", "memory").await;
    assert_eq!(bench.describe(&bomb).await.usage.peak_memory, 0);
}

#[tokio::test]
async fn a_guest_can_live_with_less_memory_than_it_wants() {
    let bench = Bench::with(|config| config.limits.memory = Size::mib(2));
    let modest = Guest::describing(
        "",
        "(drop (memory.grow (i32.const 1000))) (call $answer (i32.const 1024) (i32.const 2))",
    );
    assert_eq!(bench.describe(&modest).await.result.unwrap(), "{}");
}

#[tokio::test]
async fn a_manifest_can_ask_for_more_memory() {
    let bench = Bench::with(|config| {
        (config.limits.memory, config.limits.max_memory) = (Size::mib(2), Size::mib(8));
    });
    let guest = Guest { memory: 64, ..Guest::default() };
    let plugin = bench.load(&guest).await;
    let with = |memory| plugin.describe(Step { memory, ..step() });
    assert_eq!(with(None).await.result.unwrap_err().code, "limit.memory");
    assert_eq!(with(Some(4 << 20)).await.usage.peak_memory, 4 << 20);
    let greedy = bench.load(&Guest { memory: 129, ..Guest::default() }).await;
    let failure = greedy.describe(Step { memory: Some(1 << 40), ..step() }).await.result.unwrap_err();
    assert_eq!(failure.message, "the plugin needs more than 8MiB of memory (`sandbox.limits.max-memory`)");
}

#[tokio::test]
async fn a_table_that_is_refused_and_missed_is_named() {
    let bench = Bench::new();
    let greedy = Guest {
        items: "(table $t 1 funcref)",
        describe:
            "(loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 64)) (i32.const -1))))
            unreachable"
                .into(),
        ..Guest::default()
    };
    check(&bench, &greedy, "limit.table-elements", "table-elements").await;
    let bomb = Guest { items: "(table $t 20001 funcref)", ..Guest::default() };
    check(&bench, &bomb, "limit.table-elements", "table-elements").await;
}

#[tokio::test]
async fn the_number_of_memories_tables_and_instances_is_limited() {
    let tables = Guest { items: "(table 1 funcref) (table 1 funcref) (table 1 funcref)", ..Guest::default() };
    for (code, setting, change) in [
        ("limit.memories", "memories", (|limits| limits.memories = 0) as fn(&mut Limits)),
        ("limit.tables", "tables", |limits| limits.tables = 2),
        ("limit.instances", "instances", |limits| limits.instances = 0),
    ] {
        let bench = Bench::with(|config| change(&mut config.limits));
        let failure = bench.failure(&tables).await;
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.ends_with(&format!("(`sandbox.limits.{setting}`)")), "{failure}");
        if code == "limit.tables" {
            bench.is_well().await;
        }
    }
}

#[tokio::test]
async fn handles_are_limited() {
    let guest = Guest::describing(
        CLOCK,
        "(loop $ever (drop (call $subscribe (i64.const 1))) (br $ever)) unreachable",
    );
    let bench = Bench::with(|config| (config.limits.handles, config.limits.resources) = (100, 1_000));
    check(&bench, &guest, "limit.handles", "handles").await;
    let bench = Bench::with(|config| (config.limits.handles, config.limits.resources) = (1_000, 100));
    check(&bench, &guest, "limit.resources", "resources").await;
    check(&Bench::new(), &guest, "limit.resources", "resources").await;
}

#[tokio::test]
async fn data_of_one_call_is_limited_both_as_answer_and_as_argument() {
    let bench = Bench::with(|config| config.limits.call_bytes = Size::kib(16));
    let answer =
        |length: u32| Guest::describing("", &format!("(call $answer (i32.const 0) (i32.const {length}))"));
    assert_eq!(bench.describe(&answer(16 << 10)).await.result.unwrap().len(), 16 << 10);
    check(&bench, &answer((16 << 10) + 1), "limit.call-bytes", "call-bytes").await;
    let log = r#"(import "tidegate:connect/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))"#;
    let argument = Guest::describing(
        log,
        "(call $write (i32.const 2) (i32.const 0) (i32.const 20000) (i32.const 0) (i32.const 0)) unreachable",
    );
    check(&bench, &argument, "limit.call-bytes", "call-bytes").await;
}

#[tokio::test]
async fn an_answer_of_a_gibibyte_is_not_even_read() {
    let bench = Bench::new();
    let guest = Guest::describing("", "(call $answer (i32.const 0) (i32.const 0x40000000))");
    let failure = bench.failure(&guest).await;
    assert_eq!(failure.code, "answer.invalid", "{failure}");
    bench.is_well().await;
}

#[tokio::test]
async fn randomness_is_limited_over_the_whole_step() {
    let bench = Bench::new();
    let at_once = Guest::describing(RANDOM, "(call $random (i64.const 65537) (i32.const 256)) unreachable");
    check(&bench, &at_once, "limit.random", "random-bytes").await;
    let bit_by_bit = Guest::describing(
        RANDOM,
        "(loop $ever (call $random (i64.const 1000) (i32.const 256)) (br $ever)) unreachable",
    );
    check(&bench, &bit_by_bit, "limit.random", "random-bytes").await;
    let endless = Guest::describing(RANDOM, "(call $random (i64.const -1) (i32.const 256)) unreachable");
    check(&bench, &endless, "limit.random", "random-bytes").await;
}

#[tokio::test]
async fn a_thousand_broken_steps_leave_nothing_behind() {
    let bench = Bench::new();
    let plugin = bench.load(&Guest::describing("", "unreachable")).await;
    for _ in 0..1_000 {
        assert_eq!(plugin.describe(step()).await.result.unwrap_err().code, "trap.unreachable");
    }
    bench.is_well().await;
}
