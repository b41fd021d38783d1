//! The fault matrix: every way in which a remote system or the way to it fails, in every
//! place where a channel asks it something.
//!
//! For each fault and place the table says where the run comes to stand and with which
//! class and code; the runner sees that the cursor does not move, that no record is lost,
//! and that all of them are there once the fault is over: by itself where the run is put
//! off, by a person's `sync` where it failed. The column of calls stands in `operation`,
//! those of exports in `export`.

mod export;
mod fault;
mod field;
mod operation;

use fault::{How, WAIT_ASKED};
use field::{Field, Place};
use serde_json::Value;
use std::time::Duration;
use tests::vendor::Action;

/// Class and code of a failure, and words that its message must have: what happened, and
/// where a person has to act, what to do.
type Told = (&'static str, &'static str, &'static str);

/// What becomes of a run.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// Put off; it goes on by itself.
    Deferred(Told),
    /// Put off for as long as the remote system asks.
    Waits(Told),
    /// Failed; the next sync goes on where it ended.
    Failed(Told),
    /// Failed, and the channel is held back until a person has acted.
    Paused(Told),
    /// Nothing is wrong.
    Completed,
}

/// What a check says.
#[derive(Clone, Copy, Debug)]
enum Check {
    Out(Told),
    In,
}

/// Fault, import of a page, look-up of due keys, check.
type Row = (&'static str, How, Run, Run, Check);

use Check::{In, Out};
use How::{Behind, Down, Nameless, Script, Status, StrangerAtTheDoor};
use Run::{Completed, Deferred, Failed, Paused, Waits};

const CONNECT: Told = ("transient", "net.connect", "cannot connect to 127.0.0.1");
const BROKEN: Told = ("transient", "net.body", "broke off");
const RESET: Told = ("transient", "net.reset", "without an answer");
const STRANGER: Told = ("config", "net.tls", "broker.ca-file");
const NO_TLS: Told = ("transient", "net.tls", "cannot speak TLS");
const SILENT: Told = ("transient", "net.timeout", "broker.read-timeout");
const SLOW: Told = ("transient", "net.timeout", "broker.total-timeout");
const NAME: Told = ("transient", "net.dns", "check the channel's URL");
const UNKNOWN: Told = ("auth", "http.status.401", "check the user and the token");
const UNKNOWN_USER: Told = ("auth", "http.status.401", "check both");
const NO_ADMIN: Told = ("auth", "http.status.403", "to administrators only");
const NO_TICKETS: Told = ("auth", "http.status.403", "check that the user of the token");
const FORBIDDEN: Told = ("auth", "http.status.403", "You do not have access");
const NO_EXPORT: Told = ("not-found", "http.status.404", "check that the channel's address");
const ALL_GONE: Told = ("not-found", "http.status.404", "all 12 tickets");
const NO_ZENDESK: Told = ("config", "zendesk.address", "there is no Zendesk at this address");
const LATE: Told = ("transient", "http.status.408", "in time");
const CONFLICT: Told = ("conflict", "http.status.409", "UpdateConflict");
const REFUSED: Told = ("invalid-data", "http.status.422", "answered 422");
const ENOUGH: Told = ("rate-limited", "http.status.429", "wants fewer requests");
const BROKEN_500: Told = ("transient", "http.status.500", "Internal Server Error");
const BROKEN_502: Told = ("transient", "http.status.502", "Bad Gateway");
const BROKEN_503: Told = ("transient", "http.status.503", "Service Unavailable");
const BROKEN_504: Told = ("transient", "http.status.504", "Gateway Timeout");
const CUT: Told = ("transient", "response.truncated", "ends in the middle");
const FOR_PEOPLE: Told = ("transient", "response.page", "under maintenance");
const CIRCLE: Told = ("config", "http.redirects", "check the channel's URL");
const TOO_LARGE: Told = ("limit", "limit.response-bytes", "broker.response-bytes");

#[rustfmt::skip]
const TABLE: [Row; 27] = [
    ("connect refused", Down, Deferred(CONNECT), Deferred(CONNECT), Out(CONNECT)),
    ("reset before an answer", Script(|| Action::Reset { after_bytes: None, apply: false }), Deferred(RESET), Deferred(RESET), Out(RESET)),
    ("reset mid-body", Script(|| Action::Reset { after_bytes: Some(40), apply: false }), Deferred(BROKEN), Deferred(BROKEN), Out(BROKEN)),
    ("closed mid-body", Script(|| Action::Truncate { after_bytes: None }), Deferred(BROKEN), Deferred(BROKEN), Out(BROKEN)),
    ("certificate of a stranger", StrangerAtTheDoor, Paused(STRANGER), Paused(STRANGER), Out(STRANGER)),
    ("no TLS at all", Behind, Deferred(NO_TLS), Deferred(NO_TLS), Out(NO_TLS)),
    ("slow header", Script(|| Action::SlowHeader { bytes_per_second: 50 }), Deferred(SILENT), Deferred(SILENT), Out(SILENT)),
    ("slow body", Script(|| Action::SlowBody { bytes_per_second: Some(100), pause_ms: 0 }), Deferred(SLOW), Deferred(SLOW), Out(SLOW)),
    ("silence", Script(|| Action::Hang { apply: false }), Deferred(SILENT), Deferred(SILENT), Out(SILENT)),
    ("401", Status(401), Paused(UNKNOWN), Paused(UNKNOWN), Out(UNKNOWN_USER)),
    ("403", Status(403), Paused(NO_ADMIN), Paused(NO_TICKETS), Out(FORBIDDEN)),
    ("404", Status(404), Failed(NO_EXPORT), Failed(ALL_GONE), Out(NO_ZENDESK)),
    ("408", Status(408), Deferred(LATE), Deferred(LATE), Out(LATE)),
    ("409", Status(409), Failed(CONFLICT), Failed(CONFLICT), Out(CONFLICT)),
    ("422", Status(422), Failed(REFUSED), Failed(REFUSED), Out(REFUSED)),
    ("429", Status(429), Deferred(ENOUGH), Deferred(ENOUGH), Out(ENOUGH)),
    ("429 with Retry-After", Script(fault::wait), Waits(ENOUGH), Waits(ENOUGH), Out(ENOUGH)),
    ("500", Status(500), Deferred(BROKEN_500), Deferred(BROKEN_500), Out(BROKEN_500)),
    ("502", Status(502), Deferred(BROKEN_502), Deferred(BROKEN_502), Out(BROKEN_502)),
    ("503", Status(503), Deferred(BROKEN_503), Deferred(BROKEN_503), Out(BROKEN_503)),
    ("504", Status(504), Deferred(BROKEN_504), Deferred(BROKEN_504), Out(BROKEN_504)),
    ("truncated JSON", Script(|| Action::BadJson), Deferred(CUT), Deferred(CUT), Out(CUT)),
    ("a page for people", Script(fault::maintenance), Deferred(FOR_PEOPLE), Deferred(FOR_PEOPLE), Out(FOR_PEOPLE)),
    ("JSON under a wrong content type", Script(|| Action::ContentType { value: "text/html".to_owned() }), Completed, Completed, In),
    ("redirect loop", Script(|| Action::Redirect { to: "{path}".to_owned(), code: 302 }), Paused(CIRCLE), Paused(CIRCLE), Out(CIRCLE)),
    ("10 GiB, announced", Script(|| Action::HugeBody { bytes: 10 << 30, announce: true }), Failed(TOO_LARGE), Failed(TOO_LARGE), Out(TOO_LARGE)),
    ("name that nobody knows", Nameless, Deferred(NAME), Deferred(NAME), Out(NAME)),
];

/// The same without an end in sight takes the host's limit to be read, each time.
const ENDLESS: Row = (
    "10 GiB, as they come",
    Script(|| Action::HugeBody { bytes: 10 << 30, announce: false }),
    Failed(TOO_LARGE),
    Failed(TOO_LARGE),
    Out(TOO_LARGE),
);

fn rows() -> impl Iterator<Item = Row> {
    TABLE.into_iter().chain([ENDLESS])
}

#[test]
fn an_import_stops_where_it_is_and_misses_nothing_afterwards() {
    let field = Field::new(rows().map(|(name, how, import, ..)| (name, how, import)), Place::Import);
    play(&field);
}

#[test]
fn keys_that_are_due_stay_due_until_they_are_fetched() {
    let field = Field::new(rows().map(|(name, how, _, lookup, _)| (name, how, lookup)), Place::Lookup);
    play(&field);
}

#[test]
fn a_check_says_what_is_wrong_and_when_it_is_right_again() {
    let field = Field::new(rows().map(|(name, how, .., check)| (name, how, check)), Place::Check);
    field.each(|plot| {
        plot.begin_fault(&field);
        let (exit, report) = field.check(plot);
        match plot.expected {
            In => assert_eq!((exit, &report["ok"]), (Some(0), &true.into()), "{}: {report:#}", plot.fault),
            Out(told) => {
                assert_eq!((exit, &report["ok"]), (Some(1), &false.into()), "{}: {report:#}", plot.fault);
                expect_told(plot.fault, &report["error"], told);
            }
        }
        plot.end_fault(&field);
    });
    field.each(|plot| {
        // One that asked to be left alone is left alone.
        field.wait_for(plot.fault, || Ok((field.check(plot).0 == Some(0)).then_some(())));
        let state = field.state(plot);
        assert_eq!(state.paused, Value::Null, "{}: a check pauses nothing", plot.fault);
    });
}

/// Through the fault and out of it again, all rows side by side.
fn play(field: &Field<Run>) {
    let before = field.each(|plot| field.prepare(plot));
    field.each(|plot| plot.begin_fault(field));
    let jobs = field.each(|plot| field.request(plot));
    field.each(|plot| {
        let run = come_to_stand(field, plot, &jobs[plot.number]);
        let (before, now) = (&before[plot.number], field.state(plot));
        let is_paused = matches!(plot.expected, Paused(_));
        assert_eq!(now.paused.is_object(), is_paused, "{}: {:#}", plot.fault, now.paused);
        if !matches!(plot.expected, Completed) {
            assert_eq!((now.records, now.due), (before.records, before.due), "{}: {run:#}", plot.fault);
            assert_eq!((&run["pages"], now.quarantined), (&0.into(), 0), "{}: {run:#}", plot.fault);
        }
    });
    let asked = field.each(|plot| field.cursors(plot).len());
    field.each(|plot| plot.end_fault(field));
    field.each(|plot| {
        let job = &jobs[plot.number];
        let run = match plot.expected {
            Deferred(_) | Waits(_) => field.ended(plot, job),
            Failed(_) | Paused(_) => field.sync(plot),
            Completed => field.run(job),
        };
        assert_eq!(run["status"], "completed", "{}: {run:#}", plot.fault);
        field.expect_all(plot, &run);
    });
    field.each(|plot| {
        // What failed, and the first request after it, asked from the same place on.
        let cursors = field.cursors(plot);
        let same = &cursors[..cursors.len().min(asked[plot.number] + 1)];
        let moved = same.iter().any(|cursor| *cursor != same[0]);
        assert!(!moved || matches!(plot.expected, Completed), "{}: the cursor moved: {same:?}", plot.fault);
    });
}

/// Waits until the run of the job stands where the table says.
fn come_to_stand(field: &Field<Run>, plot: &field::Plot<Run>, job: &str) -> Value {
    let (status, told) = match plot.expected {
        Deferred(told) | Waits(told) => ("deferred", Some(told)),
        Failed(told) | Paused(told) => ("failed", Some(told)),
        Completed => ("completed", None),
    };
    let run = field.wait_for(&format!("{}: '{status}' {told:?}", plot.fault), || {
        let run = field.run(job);
        let as_told = told.is_none_or(|(_, code, _)| run["error"]["code"] == code);
        let over = run["ended"].is_string();
        assert!(!over || run["status"] == status, "{}: {run:#}", plot.fault);
        // Where one try fails in another way, the next one shows.
        Ok(Some(run).filter(|run| run["status"] == status && (as_told || over)))
    });
    if let Some(told) = told {
        expect_told(plot.fault, &run["error"], told);
    }
    if status == "deferred" {
        let least = if matches!(plot.expected, Waits(_)) { WAIT_ASKED } else { Duration::from_millis(200) };
        expect_put_off(plot.fault, &run, least);
    }
    run
}

/// A run or a call is put off for that long at least.
fn expect_put_off(fault: &str, item: &Value, least: Duration) {
    let time = |name: &str| -> jiff::Timestamp {
        item["deferred"][name].as_str().expect("a time").parse().expect("a time")
    };
    let put_off = time("until").duration_since(time("since")).as_millis();
    assert!(put_off >= least.as_millis().cast_signed(), "{fault}: put off for {put_off} ms");
}

fn expect_told(fault: &str, error: &Value, (class, code, words): Told) {
    assert_eq!((&error["class"], &error["code"]), (&class.into(), &code.into()), "{fault}: {error:#}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(words), "{fault}: '{words}' is missing in: {message}");
}
