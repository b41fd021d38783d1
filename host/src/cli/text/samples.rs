//! A fixed set of data for the tests of what is printed.

use crate::{
    api::view::{Call, Problem, Run},
    model::{
        CallMode, ChannelId, ChannelName, Class, Counters, Direction, IdempotencyKey, JobId, Name, RunId,
        Span, Status, Timestamp, Trigger, Usage,
    },
};
use serde_json::value::RawValue;

/// A run of 4,200 ms at a fixed time, with fixed ids.
pub(crate) fn run(connector: &str, status: Status) -> Run {
    let start = Timestamp::from_millis(1_767_225_600_000);
    let error = (status == Status::Failed)
        .then(|| Problem::new(Class::Auth, "http.status.401", "the remote system refuses the credentials"));
    Run {
        id: RunId::from_bytes([1; 16]),
        job: JobId::from_bytes([2; 16]),
        channel: ChannelName::try_new("zen").expect("a name"),
        channel_id: ChannelId::from_bytes([3; 16]),
        connector: Name::try_new(connector).expect("a name"),
        direction: Direction::Import,
        deferred: None,
        tries: 0,
        status,
        trigger: Trigger::Request,
        full: false,
        record: false,
        requested: start,
        started: Some(start),
        ended: status.has_ended().then(|| Timestamp::from_millis(start.as_millis() + 4_200)),
        pages: 3,
        total: None,
        rate: None,
        left_ms: None,
        counters: Counters {
            read: 2_500,
            added: 2_000,
            updated: 300,
            unchanged: 199,
            deleted: 0,
            quarantined: 1,
            vanished: 0,
        },
        error,
        usage: Usage { requests: 3, sent: 4, response_bytes: 2_400_000, cpu_ticks: 12, ..Usage::default() },
    }
}

/// A call of 4,200 ms at the same time.
pub(crate) fn call(operation: &str, status: Status) -> Call {
    let start = Timestamp::from_millis(1_767_225_600_000);
    let document = |text: &str| RawValue::from_string(text.to_owned()).ok();
    Call {
        id: RunId::from_bytes([1; 16]),
        channel: ChannelName::try_new("chat").expect("a name"),
        channel_id: ChannelId::from_bytes([3; 16]),
        operation: Name::try_new(operation).expect("a name"),
        idempotency_key: IdempotencyKey::try_new("order-42").expect("a key"),
        mode: CallMode::Now,
        repeated: false,
        status,
        deferred: None,
        tries: 0,
        timeout: Span::secs(60),
        expires: None,
        requested: start,
        started: Some(start),
        ended: status.has_ended().then(|| Timestamp::from_millis(start.as_millis() + 4_200)),
        input: document(r#"{"text":"hello"}"#),
        output: document(r#"{"id":7}"#).filter(|_| status == Status::Completed),
        error: None,
        outcome_unknown: false,
        usage: Usage { requests: 1, sent: 1, ..Usage::default() },
    }
}
