//! Calls of operations, from the request to the end.

use super::support::{
    engine::{Death, Disk, Mortal},
    *,
};
use crate::{
    model::{Call, CallMode, Class, Direction, HostId, Operation, Paused, Span, Status, Timestamp},
    store::Store,
    sync::{CallRequest, CallSearch, Config, Error, opener::Ready, prober::Ailing},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// A channel with an operation `send` that wants an object, and one that answers numbers.
fn chat() -> Ready {
    let send = Operation { input: json!({"type": "object", "required": ["to"]}), ..operation("send") };
    let count = Operation { output: json!({"type": "integer"}), ..operation("count") };
    let once = Operation { repeatable: false, ..operation("once") };
    ready_to_call(vec![send, count, once])
}

const INPUT: &str = r#"{"to": "+43", "exact": 1.000000000000000000001}"#;

/// A host with the channel, whose operations go by the script.
async fn host_with(script: &Arc<CallScript>) -> (Host, Ready) {
    let host = Host::new();
    let ready = host.offer_calls(&chat(), script).await;
    (host, ready)
}

fn code(error: &Error) -> &str {
    match error {
        Error::Refused(failure) => &failure.code,
        Error::Disabled(_) => "disabled",
        Error::Held(_) => "held",
        Error::Channels(_) => "channels",
        _ => "other",
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_and_stands_in_history() {
    let script = CallScript::echo();
    let (host, chat) = host_with(&script).await;
    let call = host.call(ask(&chat, "send", INPUT)).await;
    assert_eq!(stands(&call), "completed");
    assert_eq!(host.output(&call).await.as_deref(), Some(INPUT), "byte for byte");
    assert_eq!(script.asked(), [("send".to_owned(), INPUT.to_owned(), call.key.to_string())]);
    assert_eq!(call.key.as_str(), call.id.to_string(), "the host made one");

    let run = host.sync.run(call.id).await.unwrap().unwrap();
    assert_eq!(
        (run.direction, run.connector.as_str(), run.status),
        (Direction::Call, "send", Status::Completed)
    );
    assert_eq!(run.usage.steps, 1);
    let job = host.sync.job(run.job).await.unwrap().unwrap();
    assert!(job.is_over && job.runs == [run]);
    let lines = host.sync.log(call.id, None, 100).await.unwrap();
    let last = &lines.last().expect("a log").1;
    assert_eq!((last.message.as_str(), last.fields.get("pages")), ("run ended", None));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_called_is_refused_and_leaves_nothing() {
    let script = CallScript::echo();
    let (host, chat) = host_with(&script).await;
    let check = async |request: CallRequest, expected: &str| {
        let error = host.sync.calls().request(request).await.expect_err(expected);
        assert_eq!(code(&error), expected, "{error}");
    };
    check(ask(&chat, "send", "{"), "call.input-json").await;
    check(ask(&chat, "send", "{}"), "call.input").await;
    check(ask(&chat, "sent", INPUT), "operation.unknown").await;
    for timeout in [Span::secs(0), Span::secs(121)] {
        check(CallRequest { timeout: Some(timeout), ..ask(&chat, "send", INPUT) }, "call.time").await;
    }
    let mut off = chat.clone();
    off.channel.enabled = false;
    host.put(&off);
    check(ask(&chat, "send", INPUT), "disabled").await;
    let mut paused = chat.clone();
    let why = failure(Class::Auth, "http.status.401");
    paused.channel.paused = Some(Paused::because(&why, host.clock.now()));
    host.put(&paused);
    check(ask(&chat, "send", INPUT), "channel.paused").await;
    host.take_away(&chat);
    check(ask(&chat, "send", INPUT), "channels").await;
    host.put(&chat);
    let hold = host.sync.hold(&chat.channel).unwrap();
    check(ask(&chat, "send", INPUT), "held").await;
    drop(hold);
    assert_eq!(script.tries(), 0);
    assert!(host.store.calls().list(None, None, 10).await.unwrap().is_empty());
    assert!(host.store.runs().list(None, None, 10).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn faults_of_an_input_come_with_their_places() {
    let (host, chat) = host_with(&CallScript::echo()).await;
    let Err(Error::Refused(failure)) = host.sync.calls().request(ask(&chat, "send", "[]")).await else {
        panic!("it does not fit")
    };
    assert_eq!((failure.class, failure.fields[0].field.as_str()), (Class::InvalidData, ""));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_checks_the_input_and_asks_nobody() {
    let script = CallScript::echo();
    let (host, chat) = host_with(&script).await;
    let calls = host.sync.calls();
    calls.check(&ask(&chat, "send", INPUT)).await.unwrap();
    assert_eq!(code(&calls.check(&ask(&chat, "send", "{}")).await.unwrap_err()), "call.input");
    assert_eq!(code(&calls.check(&ask(&chat, "x", "{}")).await.unwrap_err()), "operation.unknown");
    assert_eq!((script.tries(), host.store.calls().list(None, None, 10).await.unwrap().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_its_schema_is_a_failure_that_may_have_been_done() {
    let script =
        CallScript::quick(|_, ask| answers(if &ask.input[..] == b"1" { b"\"one\"" } else { b"no JSON" }));
    let (host, chat) = host_with(&script).await;
    for (input, code) in [("1", "answer.schema"), ("2", "answer.json")] {
        let call = host.call(later(&chat, "count", input, input)).await;
        assert_eq!(stands(&call), format!("failed {code} unknown"));
        assert_eq!(host.output(&call).await, None);
    }
    assert_eq!(script.tries(), 2, "asked again it would answer the same");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_gets_the_first_result_and_sends_nothing() {
    let script = CallScript::quick(|number, ask| match number {
        0 => answers(&ask.input),
        _ => refuses(failure(Class::Conflict, "a.b"), 0, 0),
    });
    let (host, chat) = host_with(&script).await;
    let request = || with_key(ask(&chat, "send", INPUT), "order-42");
    let first = host.call(request()).await;
    // Blanks are no difference, and a queued request is the same one.
    for again in [
        request(),
        CallRequest { input: r#"{"exact":1.000000000000000000001,"to":"+43"}"#.into(), ..request() },
    ] {
        let again = host.ask(CallRequest { queue: true, ..again }).await;
        assert_eq!((again.repeated, again.call.id), (true, first.id));
        assert_eq!(host.output(&again.call).await.as_deref(), Some(INPUT));
    }
    let other_input = with_key(ask(&chat, "send", r#"{"to": "+1"}"#), "order-42");
    let other_operation = with_key(ask(&chat, "once", INPUT), "order-42");
    for other in [other_input, other_operation] {
        let error = host.sync.calls().request(other).await.unwrap_err();
        assert_eq!(code(&error), "call.key-taken", "{error}");
    }
    assert_eq!(script.tries(), 1);
    // A failure is a result, too; and another channel's keys are its own.
    let failed = host.call(with_key(ask(&chat, "send", INPUT), "order-43")).await;
    let again = host.ask(with_key(ask(&chat, "send", INPUT), "order-43")).await;
    assert_eq!((again.repeated, again.call.status, again.call.id), (true, Status::Failed, failed.id));
    assert_eq!(script.tries(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_asks_at_the_same_time_with_one_key_makes_one_call() {
    let script = CallScript::echo();
    let (host, chat) = host_with(&script).await;
    let requests = (0..20).map(|_| host.call(with_key(ask(&chat, "send", INPUT), "k")));
    let calls = futures_util::future::join_all(requests).await;
    assert!(calls.iter().all(|call| call.id == calls[0].id && call.status == Status::Completed));
    assert_eq!(script.tries(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_cut_off_and_tells_what_is_known() {
    for (writes, expected) in [(0, "failed call.timeout"), (1, "failed call.timeout unknown")] {
        let (host, chat) = host_with(&CallScript::endless(writes, 0)).await;
        let began = tokio::time::Instant::now();
        let request = CallRequest { timeout: Some(Span::secs(5)), ..ask(&chat, "send", INPUT) };
        let call = host.call(request).await;
        assert_eq!(stands(&call), expected);
        assert_eq!(began.elapsed().as_secs(), 5);
        let message = call.error.unwrap().message;
        assert_eq!(message.contains("outcome is unknown"), writes > 0, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_first_failure() {
    for class in [Class::Transient, Class::Internal, Class::RateLimited, Class::Auth] {
        let script = CallScript::fails_first(9, failure(class, "a.b"));
        let (host, chat) = host_with(&script).await;
        let call = host.call(ask(&chat, "send", INPUT)).await;
        assert_eq!((stands(&call).as_str(), script.tries()), ("failed a.b", 1), "{class}");
        let paused = host.shelf.channel(&chat.channel.name).paused;
        assert_eq!(paused.is_some(), class == Class::Auth, "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_outlasts_what_passes() {
    let script = CallScript::fails_first(3, failure(Class::Transient, "http.status.503"));
    let (host, chat) = host_with(&script).await;
    let called = host.ask(later(&chat, "send", INPUT, "k")).await;
    assert_eq!((called.call.status, called.call.mode), (Status::Queued, CallMode::Queued));
    let put_off = host.call_reaches(called.call.id, Status::Deferred).await;
    let deferred = put_off.deferred.expect("put off");
    assert!(deferred.until >= deferred.since.plus(Duration::from_secs(60)));
    assert_eq!(deferred.reason.code, "http.status.503");
    let call = host.sync.calls().wait(called.call.id).await.unwrap();
    assert_eq!((stands(&call).as_str(), call.tries, script.tries()), ("completed", 3, 4));
    assert!(script.asked().iter().all(|(_, _, key)| key == "k"), "every try has the same key");
    assert_eq!(call.usage.steps, 4);
}

#[tokio::test(start_paused = true)]
async fn a_trap_is_tried_once_more_and_then_fails() {
    for (failures, expected, tries) in [(1, "completed", 2), (2, "failed trap.unreachable", 2)] {
        let script = CallScript::fails_first(failures, failure(Class::Internal, "trap.unreachable"));
        let (host, chat) = host_with(&script).await;
        let call = host.call(later(&chat, "send", INPUT, "k")).await;
        assert_eq!((stands(&call).as_str(), script.tries()), (expected, tries));
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_done_without_a_key_is_not_done_twice() {
    for class in [Class::Transient, Class::Internal, Class::Limit] {
        let script = CallScript::quick(move |_, _| refuses(failure(class, "a.b"), 1, 1));
        let (host, chat) = host_with(&script).await;
        let call = host.call(later(&chat, "send", INPUT, "k")).await;
        assert_eq!((stands(&call).as_str(), script.tries()), ("failed a.b unknown", 1), "{class}");
    }
    let (host, chat) = host_with(&CallScript::endless(1, 1)).await;
    let call = host.call(later(&chat, "send", INPUT, "k")).await;
    assert_eq!(stands(&call), "failed call.timeout unknown");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_channel_that_has_to_be_mended() {
    let script = CallScript::fails_first(1, failure(Class::Auth, "http.status.401"));
    let (host, chat) = host_with(&script).await;
    let id = host.ask(later(&chat, "send", INPUT, "k")).await.call.id;
    host.call_reaches(id, Status::Deferred).await;
    assert!(host.shelf.channel(&chat.channel.name).paused.is_some());
    // Tried without being mended, it waits on and sends nothing.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(script.tries(), 1);
    host.put(&chat);
    // Whoever mends it writes its row.
    let after = crate::model::Channel { revision: 1, ..chat.channel.clone() };
    host.store.channels().update(&chat.channel, &after).await.unwrap();
    let asked_at = tokio::time::Instant::now();
    let call = host.sync.calls().wait(id).await.unwrap();
    assert_eq!((stands(&call).as_str(), script.tries()), ("completed", 2));
    assert!(asked_at.elapsed() < Duration::from_secs(1), "it was woken");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_met_an_open_breaker_goes_on_when_the_origin_is_back() {
    let script = CallScript::fails_first(1, failure(Class::Transient, "breaker.open"));
    let (mut host, chat) = host_with(&script).await;
    let probe_at = host.clock.now().plus(Duration::from_secs(30));
    host.shelf.ail(vec![Ailing { origin: "https://remote.example".into(), probe_at }]);
    host.probe();
    let id = host.ask(later(&chat, "send", INPUT, "k")).await.call.id;
    let call = host.call_reaches(id, Status::Deferred).await;
    assert_eq!(call.tries, 0, "nothing was sent, so it counts as no try");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(host.shelf.probed.lock().unwrap().contains(&chat.channel.id), "it is asked for the call's sake");
    assert_eq!(script.tries(), 1);
    host.shelf.ail(Vec::new());
    let asked_at = tokio::time::Instant::now();
    assert_eq!(stands(&host.sync.calls().wait(id).await.unwrap()), "completed");
    assert!(asked_at.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn calls_can_be_taken_back_wherever_they_stand() {
    let script = CallScript::endless(1, 0);
    let (host, chat) = host_with(&script).await;
    let going_on = host.ask(ask(&chat, "send", INPUT)).await.call.id;
    script.begun(1).await;
    assert!(host.sync.cancel(going_on).await.unwrap(), "as a run, too");
    let call = host.sync.calls().wait(going_on).await.unwrap();
    assert_eq!(stands(&call), "cancelled call.cancelled unknown");
    assert!(!host.sync.calls().cancel(going_on).await.unwrap(), "it is over");

    let script = CallScript::fails_first(99, failure(Class::Transient, "a.b"));
    let chat = host.offer_calls(&chat, &script).await;
    let waiting = host.ask(later(&chat, "send", INPUT, "k")).await.call.id;
    host.call_reaches(waiting, Status::Deferred).await;
    assert!(host.sync.calls().cancel(waiting).await.unwrap());
    let call = host.sync.calls().get(waiting).await.unwrap().unwrap();
    assert_eq!((stands(&call).as_str(), call.deferred), ("cancelled call.cancelled", None));
    let tries = script.tries();
    tokio::time::sleep(Duration::from_secs(7_200)).await;
    assert_eq!(script.tries(), tries, "nobody tries it any more");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_is_done_again_under_the_same_key() {
    let script = CallScript::fails_first(1, failure(Class::Conflict, "a.b"));
    let (host, chat) = host_with(&script).await;
    let first = host.call(with_key(ask(&chat, "send", INPUT), "k")).await;
    let again = host.sync.calls().retry(first.id).await.unwrap();
    let again = host.sync.calls().wait(again.id).await.unwrap();
    assert_eq!((stands(&again).as_str(), again.key.as_str()), ("completed", "k"));
    assert_eq!(host.output(&again).await.as_deref(), Some(INPUT));
    let asked = host.ask(with_key(ask(&chat, "send", INPUT), "k")).await;
    assert_eq!((asked.repeated, asked.call.id), (true, again.id), "the key stands for the later one");
    for (id, expected) in [(first.id, "call.retried"), (again.id, "call.not-failed")] {
        assert_eq!(code(&host.sync.calls().retry(id).await.unwrap_err()), expected);
    }
    assert_eq!(script.tries(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_with_a_call_that_goes_on_is_not_kept_still() {
    let script = CallScript::endless(0, 0);
    let (host, chat) = host_with(&script).await;
    let id = host.ask(ask(&chat, "send", INPUT)).await.call.id;
    script.begun(1).await;
    assert_eq!(code(&host.sync.hold(&chat.channel).err().expect("it is busy")), "call.busy");
    host.sync.calls().cancel(id).await.unwrap();
    host.sync.calls().wait(id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(host.sync.hold(&chat.channel).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_calls_leaves_room_for_who_waits_and_for_other_channels() {
    let script = CallScript::new(|_, ask| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            answers(&ask.input)
        })
    });
    let (host, chat) = host_with(&script).await;
    for number in 0..40 {
        host.ask(later(&chat, "send", INPUT, &format!("k{number}"))).await;
    }
    script.begun(4).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(script.tries(), 4, "four of a channel at once");
    let began = tokio::time::Instant::now();
    host.call(ask(&chat, "send", INPUT)).await;
    assert_eq!(began.elapsed().as_secs(), 10, "who waits does not stand in line");
}

#[tokio::test(start_paused = true)]
async fn old_calls_go_and_their_keys_are_free_again() {
    let script = CallScript::echo();
    let host = Host::with(Config::default(), Store::in_memory());
    let chat = host.offer_calls(&chat(), &script).await;
    let first = host.call(with_key(ask(&chat, "send", INPUT), "k")).await;
    let remove = async |before: i64| {
        let until = Timestamp::from_millis(first.ended.unwrap().as_millis() + before);
        host.store.calls().remove_ended(until, 100).await.unwrap()
    };
    // By the clock of the ids, which is the machine's, it was asked for much later.
    assert_eq!(remove(-1).await, 0);
    assert_eq!(host.ask(with_key(ask(&chat, "send", INPUT), "k")).await.call.id, first.id);
    let all = Timestamp::from_millis(i64::from(u32::MAX) * 1_000);
    assert_eq!(host.store.calls().remove_ended(all, 100).await.unwrap(), 1);
    let second = host.call(with_key(ask(&chat, "send", INPUT), "k")).await;
    assert_ne!(second.id, first.id);
    assert!(host.sync.run(first.id).await.unwrap().is_some(), "history has its own time");
}

#[tokio::test(start_paused = true)]
async fn calls_are_found_by_how_they_stand() {
    let script = CallScript::quick(|number, ask| match number % 2 {
        0 => answers(&ask.input),
        _ => refuses(failure(Class::Conflict, "a.b"), 0, 0),
    });
    let (host, chat) = host_with(&script).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(host.call(ask(&chat, "send", INPUT)).await.id);
    }
    let find = async |statuses: &[Status], limit, before| {
        let channel = Some(chat.channel.id);
        let search = CallSearch { channel, statuses: statuses.to_vec(), before, limit };
        let found = host.sync.calls().find(&search).await.unwrap();
        (found.calls.iter().map(|call| call.id).collect::<Vec<_>>(), found.next)
    };
    assert_eq!(find(&[], 10, None).await, (vec![ids[3], ids[2], ids[1], ids[0]], None));
    assert_eq!(find(&[Status::Failed], 10, None).await, (vec![ids[3], ids[1]], None));
    assert_eq!(find(&[Status::Failed], 1, None).await, (vec![ids[3]], Some(ids[3])));
    assert_eq!(find(&[Status::Failed], 1, Some(ids[3])).await, (vec![ids[1]], None));
}

/// What is left of a host that dies at a commit, and what its next life makes of it.
async fn killed_at(death: Death, request: &CallRequest, script: &Arc<CallScript>) -> (Host, Option<Call>) {
    let disk = Disk::default();
    {
        let engine = Mortal::on(&disk, death);
        let host = Host::on(&engine.store());
        let chat = host.offer_calls(&chat(), script).await;
        let request = CallRequest { channel: chat.channel.name.clone(), ..request.clone() };
        let life = async {
            if let Ok(called) = host.sync.calls().request(request).await {
                let _ = host.sync.calls().wait(called.call.id).await;
            }
        };
        tokio::select! {
            () = engine.died() => {}
            () = life => {}
        }
    }
    let store = Mortal::on(&disk, Death::Never).store();
    let channel = store.channels().by_name("test").await.unwrap();
    let host = Host::on(&store);
    let mut chat = chat();
    if let Some(channel) = channel {
        chat.channel = channel;
    }
    host.offer_calls(&chat, script).await;
    let call = store.calls().list(None, None, 10).await.unwrap().pop();
    (host, call)
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_survives_a_kill_at_any_commit_under_its_key() {
    let request = later(&chat(), "send", INPUT, "k");
    for commit in 1..=4 {
        for death in [Death::Before(commit), Death::After(commit)] {
            let script = CallScript::echo();
            let (host, call) = killed_at(death, &request, &script).await;
            // Not even asked for: whoever asked knows that, and asks again.
            let id = match call {
                Some(call) => call.id,
                None => host.ask(request.clone()).await.call.id,
            };
            let call = host.sync.calls().wait(id).await.unwrap();
            assert_eq!(stands(&call), "completed", "{death:?}");
            assert_eq!(host.output(&call).await.as_deref(), Some(INPUT), "{death:?}");
            assert!(script.tries() <= 2, "{death:?}");
            assert!(script.asked().iter().all(|(_, _, key)| key == "k"), "{death:?}");
            assert_eq!(host.ask(request.clone()).await.call.id, id, "{death:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_call_that_a_kill_cut_off_is_told_that_nobody_knows() {
    let request = with_key(ask(&chat(), "send", INPUT), "k");
    // The channel, the call, its claim, its end.
    let script = CallScript::echo();
    let (host, call) = killed_at(Death::Before(3), &request, &script).await;
    let call = host.sync.calls().wait(call.expect("a call").id).await.unwrap();
    assert_eq!(stands(&call), "failed call.interrupted unknown");
    assert_eq!(script.tries(), 1, "nobody does it again unasked");
    let again = host.ask(request).await;
    assert_eq!((again.repeated, again.call.id), (true, call.id));
    let run = host.sync.run(call.id).await.unwrap().unwrap();
    assert_eq!(run.status, Status::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_the_remote_system_keeps_no_keys_for_is_not_tried_after_a_kill() {
    let request = later(&chat(), "once", INPUT, "k");
    let script = CallScript::echo();
    let (host, call) = killed_at(Death::Before(3), &request, &script).await;
    let call = host.sync.calls().wait(call.expect("a call").id).await.unwrap();
    assert_eq!((stands(&call).as_str(), script.tries()), ("failed call.interrupted unknown", 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_calls_be_answered_and_leaves_the_others_queued() {
    let store = Store::in_memory();
    let host = Host::on(&store);
    let script = CallScript::endless(0, 0);
    let chat = host.offer_calls(&chat(), &script).await;
    let queued = host.ask(later(&chat, "send", INPUT, "q")).await.call.id;
    let waited_for = host.ask(with_key(ask(&chat, "send", INPUT), "w")).await.call.id;
    script.begun(2).await;
    host.stop().await;
    let stood = async |id| stands(&store.calls().get(id).await.unwrap().unwrap().call);
    assert_eq!(stood(queued).await, "queued");
    assert_eq!(stood(waited_for).await, "failed call.interrupted");

    let next = Host::of(HostId::from_bytes([1; 16]), Config::default(), store.clone());
    next.offer_calls(&chat, &CallScript::echo()).await;
    assert_eq!(stands(&next.sync.calls().wait(queued).await.unwrap()), "completed");
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_as_soon_as_its_plugin_is_back() {
    for code in ["plugin.missing", "plugin.quarantined"] {
        let script = CallScript::echo();
        let (host, chat) = host_with(&script).await;
        host.shelf.object(None);
        let id = host.ask(later(&chat, "send", INPUT, "k")).await.call.id;
        // Before its turn the plugin goes; the row is there already.
        host.shelf.object(Some(failure(Class::Config, code)));
        host.call_reaches(id, Status::Deferred).await;
        host.shelf.object(Some(failure(Class::Config, code)));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(script.tries(), 0, "another plugin came");
        let since = tokio::time::Instant::now();
        host.shelf.object(None);
        let call = host.sync.calls().wait(id).await.unwrap();
        assert_eq!((stands(&call).as_str(), script.tries()), ("completed", 1));
        assert!(since.elapsed() < Duration::from_secs(2), "{code}: {:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_call_proves_settings_that_were_carried_over() {
    for (script, proved) in
        [(CallScript::echo(), true), (CallScript::fails_first(1, failure(Class::Denied, "no")), false)]
    {
        let mut chat = chat();
        let old = crate::model::Migrated {
            from: chat.channel.plugin_version.clone(),
            at: Timestamp::from_millis(0),
            settings: chat.channel.settings.clone(),
            secrets: chat.channel.secrets.clone(),
        };
        chat.channel.migrated = Some(old);
        let host = Host::new();
        let chat = host.offer_calls(&chat, &script).await;
        host.call(ask(&chat, "send", INPUT)).await;
        assert_eq!(host.shelf.channel(&chat.channel.name).migrated.is_none(), proved);
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_call_is_given_up_when_it_has_waited_for_as_long_as_it_may() {
    let script = CallScript::fails_first(usize::MAX, failure(Class::Transient, "http.status.503"));
    let (host, chat) = host_with(&script).await;
    let begun = tokio::time::Instant::now();
    let hour = Some(Span::secs(3_600));
    let id = host.ask(CallRequest { expires: hour, ..later(&chat, "send", INPUT, "k") }).await.call.id;
    let call = host.sync.calls().wait(id).await.unwrap();
    assert_eq!(stands(&call), "failed call.expired");
    let error = call.error.as_ref().unwrap();
    assert!(error.message.contains("what it waited for: as the script says"), "{error}");
    let waited = begun.elapsed().as_secs();
    assert!((3_600..3_700).contains(&waited), "{waited}");
    assert!(call.deferred.is_none() && script.tries() > 1);

    // Again for as long.
    let again = host.sync.calls().retry(id).await.unwrap();
    assert_eq!(again.expires.unwrap().millis_since(again.requested), 3_600_000);
    // What waits for a channel has its end, too; and it is a week where nobody says more.
    let config = Config::default();
    assert_eq!(config.calls.expires, Span::secs(7 * 86_400));
    let held = CallScript::fails_first(1, failure(Class::Auth, "http.status.401"));
    let (host, chat) = host_with(&held).await;
    let begun = tokio::time::Instant::now();
    let id = host.ask(later(&chat, "send", INPUT, "k")).await.call.id;
    let call = host.sync.calls().wait(id).await.unwrap();
    assert_eq!((stands(&call).as_str(), held.tries()), ("failed call.expired", 1));
    assert_eq!(begun.elapsed().as_secs() / 86_400, 7);
    host.put(&chat);
    let now = host.call(ask(&chat, "send", INPUT)).await;
    assert_eq!(now.expires, None, "who waits says how long");
    for expires in [Span::secs(0), Span::secs(366 * 86_400)] {
        let request = CallRequest { expires: Some(expires), ..later(&chat, "send", INPUT, "x") };
        let refusal = host.sync.calls().request(request).await.unwrap_err();
        assert_eq!(code(&refusal), "call.expires");
    }
}
