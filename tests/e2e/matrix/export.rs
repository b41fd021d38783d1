//! The columns of exports: every fault, while a ticket that was made here is created there, and
//! while one that was changed here is updated.
//!
//! Whatever happens, the change stays in the outbox until it is known to be done, and it is done
//! once: by itself where the run is put off, by a person's `sync` where it failed, and by `outbox
//! retry` where the change was refused. What was done does not come back as an import's change.

use super::{
    BROKEN, BROKEN_500, BROKEN_502, BROKEN_503, BROKEN_504, CIRCLE, CONFLICT, CONNECT, CUT, ENOUGH,
    FOR_PEOPLE, LATE, NAME, NO_TLS, REFUSED, RESET, SILENT, SLOW, STRANGER, TOO_LARGE, Told, expect_put_off,
    expect_told,
    fault::WAIT_ASKED,
    field::{Field, Place, Plot, TICKETS},
    rows,
};
use serde_json::{Value, json};

/// What becomes of a change that goes out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Export {
    /// The run is put off; it goes on by itself.
    Deferred(Told),
    /// Put off for as long as the remote system asks.
    Waits(Told),
    /// The run failed, and the channel is held back until a person has acted.
    Paused(Told),
    /// The run failed; the change goes out with the next one.
    Failed(Told),
    /// The run goes on without the change, which waits for a person in quarantine.
    Refused(Told),
    /// The remote system says that it has no such record: a conflict of the whole record.
    Gone,
    Completed,
}

/// Fault, creation, update.
type Row = (&'static str, Export, Export);

use Export::{Completed, Deferred, Failed, Gone, Paused, Refused, Waits};

const UNKNOWN: Told = ("auth", "http.status.401", "401");
const FORBIDDEN: Told = ("auth", "http.status.403", "You do not have access");
const MISSING: Told = ("not-found", "http.status.404", "RecordNotFound");

/// As many and in the same order as in the table of runs.
#[rustfmt::skip]
const TABLE: [Row; 28] = [
    ("connect refused", Deferred(CONNECT), Deferred(CONNECT)),
    ("reset before an answer", Deferred(RESET), Deferred(RESET)),
    ("reset mid-body", Deferred(BROKEN), Deferred(BROKEN)),
    ("closed mid-body", Deferred(BROKEN), Deferred(BROKEN)),
    ("certificate of a stranger", Paused(STRANGER), Paused(STRANGER)),
    ("no TLS at all", Deferred(NO_TLS), Deferred(NO_TLS)),
    ("slow header", Deferred(SILENT), Deferred(SILENT)),
    ("slow body", Deferred(SLOW), Deferred(SLOW)),
    ("silence", Deferred(SILENT), Deferred(SILENT)),
    ("401", Paused(UNKNOWN), Paused(UNKNOWN)),
    ("403", Paused(FORBIDDEN), Paused(FORBIDDEN)),
    ("404", Refused(MISSING), Gone),
    ("408", Deferred(LATE), Deferred(LATE)),
    ("409", Failed(CONFLICT), Failed(CONFLICT)),
    ("422", Refused(REFUSED), Refused(REFUSED)),
    ("429", Deferred(ENOUGH), Deferred(ENOUGH)),
    ("429 with Retry-After", Waits(ENOUGH), Waits(ENOUGH)),
    ("500", Deferred(BROKEN_500), Deferred(BROKEN_500)),
    ("502", Deferred(BROKEN_502), Deferred(BROKEN_502)),
    ("503", Deferred(BROKEN_503), Deferred(BROKEN_503)),
    ("504", Deferred(BROKEN_504), Deferred(BROKEN_504)),
    ("truncated JSON", Deferred(CUT), Deferred(CUT)),
    ("a page for people", Deferred(FOR_PEOPLE), Deferred(FOR_PEOPLE)),
    ("JSON under a wrong content type", Completed, Completed),
    ("redirect loop", Paused(CIRCLE), Paused(CIRCLE)),
    ("10 GiB, announced", Failed(TOO_LARGE), Failed(TOO_LARGE)),
    ("name that nobody knows", Deferred(NAME), Deferred(NAME)),
    ("10 GiB, as they come", Failed(TOO_LARGE), Failed(TOO_LARGE)),
];

#[test]
fn a_ticket_that_was_made_here_is_created_once_whatever_happens() {
    play(Place::Create, |(_, create, _)| create);
}

#[test]
fn a_change_that_was_made_here_stays_until_it_is_there() {
    play(Place::Update, |(.., update)| update);
}

/// Through the fault and out of it again, all rows side by side.
fn play(place: Place, column: impl Fn(Row) -> Export) {
    let rows = rows().zip(TABLE).map(|((name, how, ..), row)| {
        assert_eq!(name, row.0, "the tables go in the same order");
        (name, how, column(row))
    });
    let field = Field::new(rows, place);
    field.each(|plot| field.prepare(plot));
    field.each(|plot| plot.begin_fault(&field));
    let jobs = field.each(|plot| {
        field.write(plot);
        field.export(plot)
    });
    field.each(|plot| {
        come_to_stand(&field, plot, &jobs[plot.number]);
        expect_kept(&field, plot);
    });
    field.each(|plot| plot.end_fault(&field));
    field.each(|plot| {
        match plot.expected {
            Deferred(_) | Waits(_) => {
                let run = field.ended(plot, &jobs[plot.number]);
                assert_eq!(run["status"], "completed", "{}: {run:#}", plot.fault);
            }
            Failed(_) | Paused(_) => drop(field.sync(plot)),
            Refused(_) => field.again(plot),
            Gone => return expect_back(&field, plot),
            Completed => {}
        }
        field.wait_for(&format!("{}: an empty outbox", plot.fault), || {
            Ok(field.outbox(plot).is_empty().then_some(()))
        });
        expect_done(&field, plot);
    });
}

/// Waits until the run of the job stands where the table says.
fn come_to_stand(field: &Field<Export>, plot: &Plot<Export>, job: &str) {
    let (status, told) = match plot.expected {
        Deferred(told) | Waits(told) => ("deferred", Some(told)),
        Failed(told) | Paused(told) => ("failed", Some(told)),
        Refused(_) => ("completed-with-warnings", None),
        Gone | Completed => ("completed", None),
    };
    let run = field.wait_for(&format!("{}: '{status}' {told:?}", plot.fault), || {
        let Some(run) = field.begun(plot, job) else { return Ok(None) };
        let as_told = told.is_none_or(|(_, code, _)| run["error"]["code"] == code);
        let over = run["ended"].is_string();
        assert!(!over || run["status"] == status, "{}: {run:#}", plot.fault);
        // Where one try fails in another way, the next one shows.
        Ok(Some(run).filter(|run| run["status"] == status && (as_told || over)))
    });
    if let Some(told) = told {
        expect_told(plot.fault, &run["error"], told);
    }
    if matches!(plot.expected, Waits(_)) {
        expect_put_off(plot.fault, &run, WAIT_ASKED);
    }
    let counted = ["added", "updated"].map(|name| run["counters"][name].as_u64().unwrap_or_default());
    let done = u64::from(plot.expected == Completed);
    assert_eq!(counted.iter().sum::<u64>(), done, "{}: what is not known to be done: {run:#}", plot.fault);
    let is_paused = matches!(plot.expected, Paused(_));
    assert_eq!(field.paused(plot).is_object(), is_paused, "{}: {run:#}", plot.fault);
}

/// While the fault lasts, the change waits, and nothing says that it was done.
fn expect_kept(field: &Field<Export>, plot: &Plot<Export>) {
    let rows = field.outbox(plot);
    let refused = match plot.expected {
        Completed | Gone => {
            assert_eq!(rows, Vec::<Value>::new(), "{}", plot.fault);
            return;
        }
        Refused(told) => Some(told),
        _ => None,
    };
    assert_eq!(rows.len(), 1, "{}: {rows:#?}", plot.fault);
    let kind = if field.place == Place::Create { "create" } else { "update" };
    let found = (&rows[0]["kind"], &rows[0]["refused"], &rows[0]["key"]);
    assert_eq!(found, (&kind.into(), &refused.is_some().into(), &field.key().into()), "{}", plot.fault);
    if let Some(told) = refused {
        expect_told(plot.fault, &rows[0]["failure"], told);
    }
    let quarantined = field.quarantined(plot);
    assert_eq!(quarantined.len(), usize::from(refused.is_some()), "{}: {quarantined:#?}", plot.fault);
    assert!(quarantined.iter().all(|entry| entry["kind"] == "export"), "{}: {quarantined:#?}", plot.fault);
    assert!(plot.new_tickets() <= 1, "{}: {} were created", plot.fault, plot.new_tickets());
}

/// The change is there, once, and comes back as nobody's.
fn expect_done(field: &Field<Export>, plot: &Plot<Export>) {
    let record = field.record(plot);
    let (new, id) = match field.place {
        Place::Create => {
            (1, record["remote"].as_str().unwrap_or_else(|| panic!("{}: {record:#}", plot.fault)))
        }
        _ => (0, field.key()),
    };
    assert_eq!(plot.new_tickets(), new, "{}", plot.fault);
    let there = plot.fake.ticket(id.parse().expect("an id")).expect("a ticket");
    assert_eq!(there["subject"], "Ours", "{}: {there:#}", plot.fault);
    let state = field.state(plot);
    assert_eq!((state.records, state.quarantined), (TICKETS + new, 0), "{}", plot.fault);
    assert_eq!(state.paused, Value::Null, "{}", plot.fault);
    field.sync(plot);
    let changed = field.imported_since(plot);
    assert_eq!(changed, Vec::<Value>::new(), "{}: our own change came back as theirs", plot.fault);
    assert_eq!(field.state(plot).records, TICKETS + new, "{}", plot.fault);
}

/// The record went as the policy says, with the edit in the conflict; now that it is there after
/// all, a full reading brings it back, and nothing was made in its place.
fn expect_back(field: &Field<Export>, plot: &Plot<Export>) {
    let conflicts = field.conflicts(plot);
    assert_eq!(conflicts.len(), 1, "{}", plot.fault);
    let fields = &conflicts[0]["fields"][0];
    assert_eq!((&fields["field"], &fields["local"]["subject"]), (&"".into(), &"Ours".into()), "{fields:#}");
    assert_eq!(field.state(plot).records, TICKETS - 1, "{}", plot.fault);
    field.read_all(plot);
    assert_eq!((field.state(plot).records, plot.new_tickets()), (TICKETS, 0), "{}", plot.fault);
}

impl Field<Export> {
    fn key(&self) -> &'static str {
        if self.place == Place::Create { "order-17" } else { "1" }
    }

    /// Somebody makes or changes a ticket here.
    fn write(&self, plot: &Plot<Export>) {
        let path = format!("/channels/{}/records/ticket/{}", plot.channel, self.key());
        let written = match self.place {
            Place::Create => self.api.put(&path, &json!({ "subject": "Ours", "description": "Made here" })),
            _ => self.api.patch(&path, &json!({ "subject": "Ours" })),
        };
        assert!(written.expect(plot.fault)["outgoing"].is_object(), "{}", plot.fault);
    }

    /// Asks for an export; its job.
    fn export(&self, plot: &Plot<Export>) -> String {
        let path = format!("/channels/{}/sync", plot.channel);
        let wish = json!({ "connectors": ["ticket"], "direction": "export" });
        let job = self.api.post(&path, &wish).expect(plot.fault);
        job["job"].as_str().expect("an id").to_owned()
    }

    /// The run of tickets of a job that has begun.
    fn begun(&self, plot: &Plot<Export>, job: &str) -> Option<Value> {
        let job = self.api.get(&format!("/jobs/{job}")).expect(plot.fault);
        job["runs"].as_array()?.iter().find(|run| run["connector"] == "ticket").cloned()
    }

    fn items(&self, plot: &Plot<Export>, path: &str) -> Vec<Value> {
        self.api.get(path).expect(plot.fault)["items"].as_array().expect("a list").clone()
    }

    fn outbox(&self, plot: &Plot<Export>) -> Vec<Value> {
        self.items(plot, &format!("/channels/{}/outbox", plot.channel))
    }

    fn quarantined(&self, plot: &Plot<Export>) -> Vec<Value> {
        self.items(plot, &format!("/quarantine?channel={}", plot.channel))
    }

    fn conflicts(&self, plot: &Plot<Export>) -> Vec<Value> {
        self.items(plot, &format!("/conflicts?channel={}", plot.channel))
    }

    fn record(&self, plot: &Plot<Export>) -> Value {
        let path = format!("/channels/{}/records/ticket/{}", plot.channel, self.key());
        self.api.get(&path).expect(plot.fault)
    }

    /// A person asks for the refused change again.
    fn again(&self, plot: &Plot<Export>) {
        let path = format!("/channels/{}/outbox/retry", plot.channel);
        let one = json!({ "connector": "ticket", "key": self.key() });
        self.api.post(&path, &one).expect(plot.fault);
    }

    fn read_all(&self, plot: &Plot<Export>) {
        let path = format!("/channels/{}/sync", plot.channel);
        let wish = json!({ "connectors": ["ticket"], "direction": "import", "full": true });
        let job = self.api.post(&path, &wish).expect(plot.fault);
        let run = self.ended(plot, job["job"].as_str().expect("an id"));
        assert_eq!(run["status"], "completed", "{}: {run:#}", plot.fault);
    }

    /// Imports after the first one that changed something.
    fn imported_since(&self, plot: &Plot<Export>) -> Vec<Value> {
        let mut runs = self.items(plot, &format!("/runs?channel={}&connector=ticket", plot.channel));
        runs.retain(|run| run["direction"] == "import");
        runs.pop();
        runs.retain(|run| ["added", "updated", "deleted"].iter().any(|name| run["counters"][name] != 0));
        runs
    }
}
