//! What a step gets, what it gives back, and the ways in which it can end.

mod given;

use super::*;
use crate::model::Class;

const LOG: &str =
    r#"(import "tidegate:connect/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))"#;
const OUTPUT: &str = r#"
    (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
        (func $print (param i32 i32 i32 i32)))"#;
const STATE: &str = r#"
    (import "tidegate:connect/state@0.1.0" "get" (func $get (param i32 i32 i32)))
    (import "tidegate:connect/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32)))"#;
const RUN: &str = r#"
    (import "tidegate:connect/run@0.1.0" "cancelled" (func $cancelled (result i32)))
    (import "tidegate:connect/run@0.1.0" "remaining" (func $remaining (param i32)))"#;
const CLOCK: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#;
const EMPTY: &str = "(call $answer (i32.const 1024) (i32.const 2))";

#[tokio::test]
async fn an_answer_comes_back_with_what_it_used() {
    let outcome = Bench::new().describe(&Guest::default()).await;
    assert_eq!(outcome.result.unwrap(), "{}");
    assert_eq!((outcome.usage.steps, outcome.usage.peak_memory), (1, 64 << 10));
    assert_eq!((outcome.usage.requests, outcome.usage.log_bytes), (0, 0));
}

#[tokio::test]
async fn settings_are_validated_and_migrated() {
    let bench = Bench::new();
    // Objects to settings of another length than 2.
    let guest = Guest {
        items: r#"(data (i32.const 2048) "/email") (data (i32.const 2064) "no\1b[1m")"#,
        validate: r#"
            (if (i32.eq (local.get 3) (i32.const 2)) (then (return (i32.const 64))))
            (i32.store8 (i32.const 64) (i32.const 1))
            (i32.store (i32.const 68) (i32.const 80))
            (i32.store (i32.const 72) (i32.const 1))
            (i32.store (i32.const 80) (i32.const 2048))
            (i32.store (i32.const 84) (i32.const 6))
            (i32.store (i32.const 88) (i32.const 2064))
            (i32.store (i32.const 92) (i32.const 6))
            (i32.const 64)"#,
        ..Guest::default()
    };
    let plugin = bench.load(&guest).await;
    assert_eq!(plugin.validate(step(), "acme", "{}".into()).await.result.unwrap(), Ok(()));
    let errors = plugin.validate(step(), "acme", "{ }".into()).await.result.unwrap().unwrap_err();
    assert_eq!(errors, [crate::model::FieldError::new("email", "no[1m")]);
    let migrated = plugin.migrate_settings(step(), "acme", "1.0.0", r#"{"a":1}"#.into()).await;
    assert_eq!(migrated.result.unwrap(), r#"{"a":1}"#);
}

#[tokio::test]
async fn what_a_plugin_does_not_export_cannot_be_called() {
    let plugin = Bench::new().load(&Guest::default()).await;
    let failure = plugin.check(step(), "{}".into()).await.result.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unsupported, "export.transport-check"));
}

#[tokio::test]
async fn every_trap_has_its_name() {
    let bench = Bench::new();
    let check = async |items, describe: &str, code: &str| {
        let guest = Guest { items, describe: describe.into(), ..Guest::default() };
        let failure = bench.failure(&guest).await;
        assert_eq!((failure.class, failure.code.as_str()), (Class::Internal, code), "{failure}");
    };
    check("", "unreachable", "trap.unreachable").await;
    check("(func $deep (call $deep) (call $deep))", "(call $deep) unreachable", "trap.stack").await;
    check("", "(i32.load (i32.const 65536))", "trap.memory").await;
    check("", "(i32.div_u (i32.const 1) (i32.const 0))", "trap.arithmetic").await;
    check("", "(i32.trunc_f32_s (f32.const nan))", "trap.arithmetic").await;
    let table = "(table $t 1 funcref) (type $f (func (result i32)))";
    check(table, "(call_indirect $t (type $f) (i32.const 0))", "trap.call").await;
    check(table, "(call_indirect $t (type $f) (i32.const 9))", "trap.call").await;
    bench.is_well().await;
}

#[tokio::test]
async fn an_exit_is_not_an_answer() {
    let bench = Bench::new();
    let exit = r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#;
    let failure = bench.failure(&Guest::describing(exit, "(call $exit (i32.const 1)) unreachable")).await;
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("trap.exit", "the plugin called `exit` with status 1")
    );
    let failure = bench.failure(&Guest::describing(exit, "(call $exit (i32.const 0)) unreachable")).await;
    assert_eq!(failure.message, "the plugin called `exit` with status 0");
    bench.is_well().await;
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_named() {
    let bench = Bench::new();
    for describe in [
        "(call $answer (i32.const 65000) (i32.const 2000))",
        "(call $answer (i32.const -1) (i32.const -1))",
        "(i32.const 65535)",
        "(i32.const -8)",
        "(i32.const 1)",
    ] {
        let failure = bench.failure(&Guest::describing("", describe)).await;
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (Class::Internal, "answer.invalid"),
            "{describe}: {failure}"
        );
    }
    // Not UTF-8, and a case that the contract does not know.
    let text = r#"(call $write (i32.const 2) (i32.const 2048) (i32.const 2) (i32.const 0) (i32.const 0)) unreachable"#;
    let bad_text = Guest { items: r#"(data (i32.const 2048) "\ff\ff")"#, ..Guest::describing(LOG, text) };
    assert_eq!(bench.failure(&bad_text).await.code, "answer.invalid");
    let case =
        "(call $write (i32.const 77) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) unreachable";
    assert_eq!(bench.failure(&Guest::describing(LOG, case)).await.code, "answer.invalid");
    bench.is_well().await;
}

#[tokio::test]
async fn a_handle_cannot_be_made_up() {
    let bench = Bench::new();
    let http = r#"(import "tidegate:connect/http@0.1.0" "[method]transport.path-of" (func $path (param i32 i32 i32 i32)))"#;
    for handle in [0, 1, 2, 1_000_000] {
        let body = format!(
            "(call $path (i32.const {handle}) (i32.const 0) (i32.const 0) (i32.const 256)) unreachable"
        );
        let failure = bench.failure(&Guest::describing(http, &body)).await;
        assert_eq!(failure.class, Class::Internal, "{failure}");
        assert_ne!(failure.code, "trap.unreachable", "the call came back");
    }
}

#[tokio::test]
async fn log_lines_reach_the_sink_and_are_limited() {
    let bench = Bench::with(|config| config.limits.log_bytes = Size(12));
    let line = |text: &str| {
        format!(
            "(call $write (i32.const 3) (i32.const 2048) (i32.const {}) (i32.const 0) (i32.const 0))",
            text.len()
        )
    };
    let body = format!("{} {} {} {EMPTY}", line("hello"), line("hello"), line("hello"));
    let guest = Guest { items: r#"(data (i32.const 2048) "hello")"#, ..Guest::describing(LOG, &body) };
    let lines = Arc::new(Lines::default());
    let outcome = bench.load(&guest).await.describe(Step { log: lines.clone(), ..step() }).await;
    assert!(outcome.result.is_ok(), "logging never fails");
    assert_eq!(lines.all(), ["WARN hello", "WARN hello"]);
    assert_eq!((outcome.usage.log_bytes, outcome.usage.log_dropped), (10, 1));
}

#[tokio::test]
async fn output_becomes_log_lines_and_a_flood_of_it_is_dropped() {
    let bench = Bench::new();
    let guest = Guest {
        items: r#"(data (i32.const 2048) "hi \1b[2J\nthere")"#,
        ..Guest::describing(
            OUTPUT,
            "(local $n i32)
            (call $print (call $stdout) (i32.const 2048) (i32.const 8) (i32.const 256))
            (call $print (call $stderr) (i32.const 2056) (i32.const 5) (i32.const 256))
            (loop $flood
                (call $print (call $stdout) (i32.const 2048) (i32.const 8) (i32.const 256))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $flood (i32.lt_u (local.get $n) (i32.const 400))))
            (i32.store (i32.const 256) (i32.const 0))
            (call $answer (i32.const 1024) (i32.const 2))",
        )
    };
    let bench_small = Bench::with(|config| config.limits.output_bytes = Size(808));
    let lines = Arc::new(Lines::default());
    let outcome = bench_small.load(&guest).await.describe(Step { log: lines.clone(), ..step() }).await;
    assert!(outcome.result.is_ok(), "output never fails: {:?}", outcome.result);
    let lines = lines.all();
    assert_eq!(lines[0], "INFO hi [2J");
    assert!(lines.contains(&"WARN there".to_owned()), "the line without an end is not lost");
    assert!(lines.len() < 110, "{}", lines.len());
    assert!(outcome.usage.log_dropped >= 290, "{:?}", outcome.usage);
    bench.is_well().await;
}

#[tokio::test]
async fn a_panic_of_the_guest_is_told_in_its_own_words() {
    let bench = Bench::new();
    let guest = Guest {
        items: r#"(data (i32.const 2048) "thread 'main' panicked at src/lib.rs:9:5:\nno id\nnote: run with x\n")"#,
        ..Guest::describing(
            OUTPUT,
            "(call $print (call $stderr) (i32.const 2048) (i32.const 65) (i32.const 256)) unreachable",
        )
    };
    let failure = bench.failure(&guest).await;
    assert_eq!(failure.code, "trap.unreachable");
    let words = "the plugin panicked; its last words were: thread 'main' panicked at src/lib.rs:9:5: no id";
    assert_eq!(failure.message, words);
}

#[tokio::test]
async fn a_panic_of_the_host_ends_only_the_step() {
    struct Broken;
    impl LogSink for Broken {
        fn line(&self, _line: LogLine<'_>) {
            panic!("a defect of the host");
        }
    }
    let bench = Bench::new();
    let body = format!(
        "(call $write (i32.const 2) (i32.const 1024) (i32.const 2) (i32.const 0) (i32.const 0)) {EMPTY}"
    );
    let plugin = bench.load(&Guest::describing(LOG, &body)).await;
    let outcome = plugin.describe(Step { log: Arc::new(Broken), ..step() }).await;
    let failure = outcome.result.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Internal, "internal.panic"));
    assert_eq!(outcome.usage.steps, 1);
    assert_eq!(plugin.describe(step()).await.result.unwrap(), "{}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_step_may_hand_in_what_it_has_and_is_ended_soon_after() {
    let bench = Bench::new();
    let cancel = CancellationToken::new();
    let wait = "(call $block (call $subscribe (i64.const 1000000000)))";
    let deaf = bench.load(&Guest::describing(CLOCK, &format!("{wait} {EMPTY}"))).await;
    let listening = format!("(loop $wait (br_if $wait (i32.eqz (call $cancelled)))) {EMPTY}");
    let listening = bench.load(&Guest::describing(RUN, &listening)).await;
    let cancelled = Step { cancel: cancel.clone(), ..step() };
    let ended = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(deaf.describe(cancelled), ended);
    let failure = outcome.result.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "run.cancelled"));
    assert!((350..400).contains(&outcome.usage.wall_ms), "{:?}", outcome.usage);
    let cancel = CancellationToken::new();
    let heard = listening.describe(Step { cancel: cancel.clone(), ..step() });
    let (outcome, ()) = tokio::join!(heard, async { cancel.cancel() });
    assert_eq!(outcome.result.unwrap(), "{}");
}

#[tokio::test]
async fn a_step_that_is_cancelled_before_its_turn_never_begins() {
    let bench = Bench::with(|config| config.steps_at_once = std::num::NonZeroUsize::MIN);
    let plugin = bench.load(&Guest::default()).await;
    let turn = bench.sandbox.turn().await;
    let cancel = CancellationToken::new();
    let waiting = plugin.describe(Step { cancel: cancel.clone(), ..step() });
    let (outcome, ()) = tokio::join!(waiting, async { cancel.cancel() });
    assert_eq!(outcome.result.unwrap_err().code, "run.cancelled");
    assert_eq!(outcome.usage.steps, 0);
    drop(turn);
    bench.is_well().await;
}

#[tokio::test]
async fn a_step_that_nobody_waits_for_any_more_is_gone() {
    let bench = Bench::with(|config| config.steps_at_once = std::num::NonZeroUsize::MIN);
    let wait = "(call $block (call $subscribe (i64.const 1000000000000))) unreachable";
    let plugin = bench.load(&Guest::describing(CLOCK, wait)).await;
    tokio::select! {
        biased;
        _ = plugin.describe(step()) => panic!("it waits for ever"),
        () = tokio::task::yield_now() => {}
    }
    bench.is_well().await;
}

#[test]
fn plugins_and_steps_can_go_to_any_thread() {
    fn can_move<T: Send>(_: T) {}
    fn can_share<T: Send + Sync + Clone>() {}
    can_share::<Plugin>();
    can_share::<Sandbox>();
    fn steps(plugin: &Plugin, step: fn() -> Step, request: crate::model::PullRequest) {
        can_move(plugin.describe(step()));
        can_move(plugin.pull(step(), request));
    }
    let _ = steps;
}

#[tokio::test]
async fn a_plugin_outlives_the_handle_that_loaded_it() {
    let bench = Bench::with(|config| config.limits.cpu = crate::model::Span::millis(20));
    let plugin = bench.load(&Guest::describing("", "(loop $ever (br $ever)) unreachable")).await;
    drop(bench);
    assert_eq!(
        plugin.describe(step()).await.result.unwrap_err().code,
        "limit.cpu",
        "its clockwork still runs"
    );
}

/// Answers 32 bytes of chance, the time of day, and two looks at the monotonic clock.
fn time_and_chance() -> Guest {
    let imports = r#"
        (import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))
        (import "wasi:clocks/wall-clock@0.2.6" "now" (func $now (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $tick (result i64)))
        (import "tidegate:connect/run@0.1.0" "remaining" (func $remaining (param i32)))"#;
    let body = r#"
        (call $random (i64.const 32) (i32.const 512))
        (memory.copy (i32.const 256) (i32.load (i32.const 512)) (i32.const 32))
        (call $now (i32.const 288))
        (i64.store (i32.const 304) (call $tick))
        (i64.store (i32.const 312) (call $tick))
        (call $remaining (i32.const 320))
        (call $answer (i32.const 256) (i32.const 80))"#;
    Guest::describing(imports, body)
}

#[tokio::test]
async fn the_same_seed_gives_the_same_time_and_chance() {
    let bench = Bench::new();
    let plugin = bench.load(&time_and_chance()).await;
    let with = async |random: Option<u8>| {
        let now = Timestamp::from_millis(1_600_000_000_500);
        let seed = random.map(|random| Seed { now, random: [random; 32] });
        plugin.describe(Step { seed, ..step() }).await.result.unwrap()
    };
    let seeded = with(Some(1)).await;
    assert_eq!(seeded, with(Some(1)).await);
    assert_ne!(seeded[..32], with(Some(2)).await[..32]);
    assert_ne!(with(None).await[..32], with(None).await[..32], "without a seed it is chance");

    let number = |at: usize| u64::from_le_bytes(seeded[at..at + 8].try_into().unwrap());
    assert_eq!((number(32), number(40) as u32), (1_600_000_000, 500_000_000), "the time of day");
    assert_eq!((number(48), number(56)), (0, 1_000), "the clock moves by being looked at");
    assert_eq!((number(64), number(72)), (5_000, 120_000), "the whole budget, however fast the machine");
}
