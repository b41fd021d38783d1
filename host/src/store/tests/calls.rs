//! Calls of operations, and the keys that stand for them.

use super::{channel, commit, name, on_both, rows, time};
use crate::model::{
    Call, CallMode, Channel, IdempotencyKey, JobId, RunId, Span, Status, Timestamp, Trigger, Usage,
};
use crate::store::{Batch, Error, KeptCall, Store};

pub(super) fn call(channel: &Channel, status: Status) -> Call {
    let id = RunId::new();
    Call {
        id,
        job: JobId::new(),
        channel_id: channel.id,
        channel: channel.name.clone(),
        operation: name("send"),
        key: IdempotencyKey::of(id),
        mode: CallMode::Queued,
        trigger: Trigger::Request,
        timeout: Span::secs(60),
        status,
        deferred: None,
        tries: 0,
        expires: None,
        due: time(1),
        holder: None,
        requested: time(1),
        started: None,
        ended: status.has_ended().then(|| time(5)),
        error: None,
        cut_off: false,
        outcome_unknown: false,
        usage: Usage::default(),
    }
}

/// With its key, its input and its output.
pub(super) fn put(batch: &mut Batch, call: &Call) {
    batch.claim_call_key(call, None);
    batch.put_call(call);
    batch.put_call_input(call.id, b"1");
    batch.put_call_output(call.id, b"2");
}

async fn ids(store: &Store, of: Option<&Channel>) -> Vec<RunId> {
    let calls = store.calls().list(of.map(|channel| channel.id), None, 10).await.expect("read");
    calls.iter().map(|call| call.id).collect()
}

#[tokio::test]
async fn calls_are_found_by_id_key_channel_and_whether_they_go_on() {
    on_both(async |store| {
        let (a, b) = (channel("a"), channel("b"));
        let calls = [call(&a, Status::Completed), call(&b, Status::Queued), call(&a, Status::Deferred)];
        commit(&store, |batch| calls.iter().for_each(|call| put(batch, call))).await;
        assert_eq!(ids(&store, None).await, [calls[2].id, calls[1].id, calls[0].id]);
        assert_eq!(ids(&store, Some(&a)).await, [calls[2].id, calls[0].id]);
        let older = store.calls().list(Some(a.id), Some(calls[2].id), 10).await.expect("read");
        assert_eq!(older, [calls[0].clone()]);
        let live: Vec<_> =
            store.calls().live().await.expect("read").into_iter().map(|kept| kept.call.id).collect();
        assert_eq!(live, [calls[1].id, calls[2].id], "the oldest first");
        let by_key = store.calls().by_key(a.id, &calls[0].key).await.expect("read").expect("a call");
        assert_eq!(by_key.call, calls[0]);
        assert!(
            store.calls().by_key(b.id, &calls[0].key).await.expect("read").is_none(),
            "keys are a channel's own"
        );
        assert_eq!(store.calls().input(calls[0].id).await.expect("read").as_deref(), Some(&b"1"[..]));
        assert_eq!(store.calls().output(calls[0].id).await.expect("read").as_deref(), Some(&b"2"[..]));
        let run = store.runs().get(calls[0].id).await.expect("read").expect("it is a run, too");
        assert_eq!(run, calls[0].as_run());
    })
    .await;
}

#[tokio::test]
async fn who_writes_a_call_expects_it_as_it_was() {
    on_both(async |store| {
        let a = channel("a");
        let first = call(&a, Status::Queued);
        commit(&store, |batch| put(batch, &first)).await;
        let kept = store.calls().get(first.id).await.expect("read").expect("a call");
        let claim = |expected: &KeptCall| {
            let mut batch = Batch::new();
            batch.expect_call(expected);
            batch.put_call(&Call { status: Status::Running, ..expected.call.clone() });
            batch
        };
        store.commit(claim(&kept)).await.expect("as it was");
        assert!(matches!(store.commit(claim(&kept)).await, Err(Error::Expectation)));
        let written = KeptCall::written(Call { status: Status::Running, ..first.clone() });
        store.commit(claim(&written)).await.expect("just written");

        let same_key = Call { key: first.key.clone(), ..call(&a, Status::Queued) };
        let mut batch = Batch::new();
        put(&mut batch, &same_key);
        assert!(matches!(store.commit(batch).await, Err(Error::Expectation)), "the key is taken");
        commit(&store, |batch| batch.claim_call_key(&same_key, Some(first.id))).await;
    })
    .await;
}

#[tokio::test]
async fn old_calls_go_with_their_keys_and_leave_history() {
    on_both(async |store| {
        let a = channel("a");
        let (done, live) = (call(&a, Status::Completed), call(&a, Status::Deferred));
        let late = Call { ended: Some(Timestamp::from_millis(i64::MAX)), ..call(&a, Status::Failed) };
        commit(&store, |batch| [&done, &live, &late].into_iter().for_each(|call| put(batch, call))).await;
        // Ids are made by the machine's clock.
        let until = RunId::new().time().plus_millis(60_000);
        assert_eq!(store.calls().remove_ended(time(4), 10).await.expect("written"), 0);
        assert_eq!(store.calls().remove_ended(until, 10).await.expect("written"), 1);
        assert_eq!(ids(&store, Some(&a)).await, [late.id, live.id]);
        assert!(store.calls().by_key(a.id, &done.key).await.expect("read").is_none());
        assert!(store.calls().input(done.id).await.expect("read").is_none());
        assert!(store.runs().get(done.id).await.expect("read").is_some());
        let left = rows(&store).len();
        assert_eq!(store.calls().remove_ended(until, 10).await.expect("written"), 0);
        assert_eq!(rows(&store).len(), left);
    })
    .await;
}
