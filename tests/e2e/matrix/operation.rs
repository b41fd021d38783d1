//! The column of calls: every fault, while a queued call creates something there.
//!
//! Whatever happens, the thing is made once: by itself where the call is put off, after a
//! person has acted where it waits for its channel, and by `call retry` where it failed.

use super::{
    BROKEN, BROKEN_500, BROKEN_502, BROKEN_503, BROKEN_504, CIRCLE, CONFLICT, CONNECT, CUT, ENOUGH,
    FOR_PEOPLE, LATE, NAME, NO_TLS, REFUSED, RESET, SILENT, SLOW, STRANGER, TOO_LARGE, Told, expect_put_off,
    expect_told,
    fault::WAIT_ASKED,
    field::{Field, Place, Plot},
    rows,
};
use serde_json::Value;

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// Put off; it goes on by itself.
    Deferred(Told),
    /// Put off for as long as the remote system asks.
    Waits(Told),
    /// Waits until a person has mended the channel, which is paused.
    Held(Told),
    /// Failed: nobody tries it again unasked.
    Failed(Told),
    Completed,
}

use Call::{Completed, Deferred, Failed, Held, Waits};

const UNKNOWN: Told = ("auth", "http.status.401", "401");
const FORBIDDEN: Told = ("auth", "http.status.403", "403");
const MISSING: Told = ("not-found", "http.status.404", "404");

/// Fault and what becomes of the call; as many and in the same order as in the table of runs.
#[rustfmt::skip]
const TABLE: [(&str, Call); 28] = [
    ("connect refused", Deferred(CONNECT)),
    ("reset before an answer", Deferred(RESET)),
    ("reset mid-body", Deferred(BROKEN)),
    ("closed mid-body", Deferred(BROKEN)),
    ("certificate of a stranger", Held(STRANGER)),
    ("no TLS at all", Deferred(NO_TLS)),
    ("slow header", Deferred(SILENT)),
    ("slow body", Deferred(SLOW)),
    ("silence", Deferred(SILENT)),
    ("401", Held(UNKNOWN)),
    ("403", Held(FORBIDDEN)),
    ("404", Failed(MISSING)),
    ("408", Deferred(LATE)),
    ("409", Failed(CONFLICT)),
    ("422", Failed(REFUSED)),
    ("429", Deferred(ENOUGH)),
    ("429 with Retry-After", Waits(ENOUGH)),
    ("500", Deferred(BROKEN_500)),
    ("502", Deferred(BROKEN_502)),
    ("503", Deferred(BROKEN_503)),
    ("504", Deferred(BROKEN_504)),
    ("truncated JSON", Deferred(CUT)),
    ("a page for people", Deferred(FOR_PEOPLE)),
    ("JSON under a wrong content type", Completed),
    ("redirect loop", Held(CIRCLE)),
    ("10 GiB, announced", Failed(TOO_LARGE)),
    ("name that nobody knows", Deferred(NAME)),
    ("10 GiB, as they come", Failed(TOO_LARGE)),
];

#[test]
fn a_queued_call_is_done_once_whatever_happens_to_it() {
    let rows = rows().zip(TABLE).map(|((name, how, ..), (same, call))| {
        assert_eq!(name, same, "the tables go in the same order");
        (name, how, call)
    });
    let field = Field::new(rows, Place::Operation);
    field.each(|plot| plot.begin_fault(&field));
    let calls = field.each(|plot| field.queue(plot));
    field.each(|plot| {
        let call = come_to_stand(&field, plot, &calls[plot.number]);
        let is_held = matches!(plot.expected, Held(_));
        assert_eq!(field.paused(plot).is_object(), is_held, "{}: {call:#}", plot.fault);
    });
    field.each(|plot| plot.end_fault(&field));
    field.each(|plot| {
        let first = &calls[plot.number];
        let id = match plot.expected {
            Failed(_) => field.retry(first),
            Held(_) => {
                field.enable(plot);
                first.clone()
            }
            Deferred(_) | Waits(_) | Completed => first.clone(),
        };
        let call = field.wait_for(&format!("{}: the end of the call", plot.fault), || {
            let call = field.call(&id);
            Ok(Some(call).filter(|call| call["ended"].is_string()))
        });
        assert_eq!(call["status"], "completed", "{}: {call:#}", plot.fault);
        assert_eq!(call["output"]["answer"]["ticket"]["subject"], "called", "{}: {call:#}", plot.fault);
        assert_eq!(plot.new_tickets(), 1, "{}: {call:#}", plot.fault);
    });
}

/// Waits until the call stands where the table says.
fn come_to_stand(field: &Field<Call>, plot: &Plot<Call>, id: &str) -> Value {
    let (status, told) = match plot.expected {
        Deferred(told) | Waits(told) | Held(told) => ("deferred", Some(told)),
        Failed(told) => ("failed", Some(told)),
        Completed => ("completed", None),
    };
    let call = field.wait_for(&format!("{}: '{status}' {told:?}", plot.fault), || {
        let call = field.call(id);
        let over = call["ended"].is_string();
        assert!(!over || call["status"] == status, "{}: {call:#}", plot.fault);
        // Once the channel is paused, that is what the call waits for.
        let as_told = told.is_none_or(|(_, code, _)| {
            call["error"]["code"] == code || call["error"]["code"] == "channel.paused"
        });
        // Where one try fails in another way, the next one shows.
        Ok(Some(call).filter(|call| call["status"] == status && (as_told || over)))
    });
    if let Some(told) = told
        && call["error"]["code"] != "channel.paused"
    {
        expect_told(plot.fault, &call["error"], told);
    }
    if matches!(plot.expected, Waits(_)) {
        expect_put_off(plot.fault, &call, WAIT_ASKED);
    }
    call
}
