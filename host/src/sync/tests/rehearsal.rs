//! What a dry run tells, and that it leaves nothing behind.

mod gone;

use super::support::{
    engine::{Death, Disk, Mortal},
    *,
};
use crate::{
    model::{Class, Failure, Page, Reject, Status},
    store::{Engine, Range, Want},
    sync::{
        Change, Config, Error, Event, Kind, Outcome, Request,
        export::Sink,
        import::Source,
        opener::{Ready, SourceAsk, Sources},
    },
};
use bytes::Bytes;
use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// All rows of a store.
fn rows(engine: &Arc<Mortal>) -> Vec<(Bytes, Bytes)> {
    let entries = engine.scan(Range::all(), usize::MAX, Want::Entries).unwrap();
    entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

/// What was told.
struct Told {
    changes: Vec<Change>,
    outcomes: Vec<Outcome>,
}

impl Told {
    /// `+a ~b -c !d`, with a letter a change.
    fn changes(&self) -> String {
        let one = |change: &Change| {
            let sign = match change.kind {
                Kind::Added => '+',
                Kind::Updated => '~',
                Kind::Deleted => '-',
                Kind::Quarantined => '!',
                Kind::Vanished(_) => '?',
            };
            format!("{sign}{}", change.key)
        };
        self.changes.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// Status and error code of each connector.
    fn outcomes(&self) -> Vec<String> {
        let code = |error: &Failure| format!(" {}", error.code);
        let one = |outcome: &Outcome| {
            let code = outcome.error.as_ref().map_or(String::new(), code);
            format!("{} {}{code}", outcome.connector, outcome.status)
        };
        self.outcomes.iter().map(one).collect()
    }

    /// The places of the only change, as `pointer: before -> after`.
    fn fields(&self) -> Vec<String> {
        let shown = |value: &Option<Box<serde_json::value::RawValue>>| {
            value.as_ref().map_or("absent".to_owned(), |value| value.get().to_owned())
        };
        assert_eq!(self.changes.len(), 1);
        let fields = self.changes[0].fields.iter();
        fields
            .map(|field| format!("{}: {} -> {}", field.pointer, shown(&field.before), shown(&field.after)))
            .collect()
    }
}

async fn rehearse_with(host: &Host, request: Request, shown: u64) -> Told {
    let mut rehearsal = host.sync.rehearse(&request, shown, &CancellationToken::new()).await.unwrap();
    let (mut changes, mut outcomes) = (Vec::new(), None);
    while let Some(event) = rehearsal.next().await {
        assert!(outcomes.is_none(), "the summary is the last event");
        match event {
            Event::Change(change) => changes.push(change),
            Event::Progress(_) => {}
            Event::Summary(found) => outcomes = Some(found),
        }
    }
    Told { changes, outcomes: outcomes.expect("a summary") }
}

async fn rehearse(host: &Host, channel: &Ready) -> Told {
    rehearse_with(host, all_of(channel), 1_000).await
}

/// What a dry run of `pages` tells after a sync has brought `stored`, checked against the sync itself.
async fn check(stored: &[&str], pages: Vec<Page>, changes: &str) {
    let engine = Mortal::on(&Disk::default(), Death::Never);
    let host = Host::on(&engine.store());
    let channel = ready(vec![connector("ticket")]);
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(stored)]))]).await;
    host.sync(&channel).await;
    let before = rows(&engine);

    let mut stream = vec![page(stored)];
    stream.extend(pages);
    host.offer(&channel, &[("ticket", &Script::stream(stream))]).await;
    let told = rehearse(&host, &channel).await;
    assert_eq!(told.changes(), changes);
    assert!(rows(&engine) == before, "a row has changed");

    let run = host.sync(&channel).await.remove(0);
    assert_eq!(told.outcomes[0].counters, run.counters, "a sync counts the same");
    assert_eq!((told.outcomes[0].pages, told.outcomes[0].status), (run.pages, run.status));
}

#[tokio::test(start_paused = true)]
async fn it_tells_what_a_sync_would_do_and_writes_nothing() {
    let stored = &["a@1=1", "b@1=1", "c@5=1"];
    check(stored, vec![page(&["a@1=1", "b@2=2", "c@6!", "d@1=1"])], "~b +d -c").await;
    check(stored, vec![page(&["a@1=1"])], "").await;
    check(stored, vec![page(&["c@4=9", "c@4!"])], "").await;
    check(stored, vec![page(&["b@2=not json", "x@1=2"])], "+x !b").await;
    check(&[], vec![page(&["a@1=1"])], "+a").await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_again_is_compared_with_what_was_decided_before() {
    let stored = &["a@1=1"];
    check(stored, vec![page(&["a@2=2"]), page(&["a@2=2"]), page(&["a@3=3"])], "~a ~a").await;
    check(stored, vec![page(&["a@5=2"]), page(&["a@4=3"])], "~a").await;
    check(stored, vec![page(&["a@2!"]), page(&["a@3=1"])], "-a +a").await;
    check(stored, vec![page(&["n@1=1"]), page(&["n@2!"]), page(&["n@3!"])], "+n -n").await;
}

#[tokio::test(start_paused = true)]
async fn rejects_are_told_with_their_reason() {
    let host = Host::new();
    let reason = Failure::new(crate::model::Class::InvalidData, "vendor.odd", "too odd");
    let reject = Reject { key: "r".into(), reason, payload: None };
    let pages = vec![Page { rejects: vec![reject], ..page(&["a=1"]) }];
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &Script::stream(pages))]).await;
    let told = rehearse(&host, &channel).await;
    assert_eq!(told.changes(), "+a !r");
    assert_eq!(told.changes[1].reason.as_ref().unwrap().code, "vendor.odd");
    assert_eq!(told.outcomes(), ["ticket completed-with-warnings"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_names_the_places_that_differ() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let first = page(&[r#"13@1={"status":"open","n":1}"#]);
    host.offer(&channel, &[("ticket", &Script::stream(vec![first.clone()]))]).await;
    host.sync(&channel).await;
    let pages = vec![first, page(&[r#"13@2={"status":"solved","n":1}"#])];
    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    assert_eq!(rehearse(&host, &channel).await.fields(), [r#"/status: "open" -> "solved""#]);
}

#[tokio::test(start_paused = true)]
async fn a_full_dry_run_starts_from_the_beginning() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let script = Script::stream(vec![page(&["a@5=1"]), page(&["b@1=1"])]);
    host.offer(&channel, &[("ticket", &script)]).await;
    host.sync(&channel).await;
    let script = Script::stream(vec![page(&["a@4=2"]), page(&["b@1=1", "c@1=1"])]);
    host.offer(&channel, &[("ticket", &script)]).await;
    let told = rehearse_with(&host, Request { full: true, ..all_of(&channel) }, 1_000).await;
    assert_eq!(told.changes(), "~a +c", "as in a full run the remote's word counts");
    assert_eq!(script.asked()[0].cursor, None);
    assert_eq!(host.cursor(&channel, "ticket").await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn due_keys_are_fetched_stored_ones_first_and_stay_where_they_are() {
    let engine = Mortal::on(&Disk::default(), Death::Never);
    let host = Host::on(&engine.store());
    let comment =
        crate::model::Connector { depends_on: vec![name("ticket")], page_size: 2, ..by_keys("comment") };
    let channel = ready(vec![connector("ticket"), comment]);
    // A sync of tickets alone leaves keys behind.
    let tickets = with_due(page(&["t@1=1"]), "comment", &["9", "5"]);
    host.offer(&channel, &[("ticket", &Script::stream(vec![tickets.clone()]))]).await;
    let job =
        host.sync.request(Request { connectors: vec![name("ticket")], ..all_of(&channel) }).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    assert_eq!(host.due(&channel, "comment").await, ["5", "9"]);
    let before = rows(&engine);

    let comments = Script::by_key();
    let more = with_due(page(&["u@1=1"]), "comment", &["7", "5", "1"]);
    host.offer(&channel, &[("ticket", &Script::stream(vec![tickets, more])), ("comment", &comments)]).await;
    let told = rehearse(&host, &channel).await;
    let asked: Vec<_> = comments.asked().into_iter().map(|asked| asked.keys.join(" ")).collect();
    assert_eq!(asked, ["5 9", "1 7"]);
    assert_eq!(told.changes(), "+u +c5 +c9 +c1 +c7");
    assert!(rows(&engine) == before, "a row has changed");
}

#[tokio::test(start_paused = true)]
async fn what_a_connector_remembers_is_remembered_for_its_next_page() {
    let host = Host::new();
    let script = Script::quick(|step, _| {
        let mut outcome = ok(Page { more: step == 0, next: Some(Bytes::from("1")), ..Page::default() });
        outcome.state = [("seen".to_owned(), Some(Bytes::from("yes")))].into();
        outcome
    });
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    rehearse(&host, &channel).await;
    let states: Vec<_> = script.asked().iter().map(|asked| asked.state.len()).collect();
    assert_eq!(states, [0, 1]);
    let stored = host.store.state().all(channel.channel.id, &name("ticket")).await.unwrap();
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_its_connector_and_skips_those_that_need_it() {
    let host = Host::new();
    let broken = Script::quick(|step, ask| match step {
        0 => ok(page_of(&[page(&["a=1"]), Page::default()], &ask)),
        _ => fails(Class::NotFound, "vendor.down"),
    });
    let fine = Script::stream(vec![page(&["u=1"])]);
    let channel = ready(vec![connector("ticket"), after("comment", "ticket"), connector("user")]);
    let channel = host.offer(&channel, &[("ticket", &broken), ("user", &fine)]).await;
    let told = rehearse(&host, &channel).await;
    assert_eq!(told.changes(), "+a +u", "what was found before is told");
    let ended = ["ticket failed vendor.down", "comment skipped run.dependency", "user completed"];
    assert_eq!(told.outcomes(), ended);
    assert_eq!(told.outcomes[0].pages, 1);
    assert_eq!(told.outcomes[0].usage.requests, 4, "the failed step counts");
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_host_ends_its_connector_only() {
    let host = Host::new();
    let broken = Script::quick(|_, _| panic!("on purpose"));
    let fine = Script::stream(vec![page(&["u=1"])]);
    let channel = ready(vec![connector("ticket"), connector("user")]);
    let channel = host.offer(&channel, &[("ticket", &broken), ("user", &fine)]).await;
    assert_eq!(rehearse(&host, &channel).await.outcomes(), ["ticket failed run.panic", "user completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_goes_nowhere_is_ended() {
    let config = Config { pages_without_progress: NonZeroU32::new(3).unwrap(), ..Config::default() };
    let host = Host::with(config, crate::store::Store::in_memory());
    let script = Script::quick(|_, _| ok(Page { more: true, ..Page::default() }));
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    assert_eq!(rehearse(&host, &channel).await.outcomes(), ["ticket failed run.no-progress"]);
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_changes_are_told_and_all_are_counted() {
    let host = Host::new();
    let scripts =
        ["ticket", "user"].map(|id| (id, Script::stream(vec![page(&["a=1", "b=1"]), page(&["c=1"])])));
    let scripts = scripts.each_ref().map(|(id, script)| (*id, script));
    let channel = host.offer(&ready(vec![connector("ticket"), connector("user")]), &scripts).await;
    for (shown, changes) in [(0, ""), (1, "+a +a"), (3, "+a +b +c +a +b +c")] {
        let told = rehearse_with(&host, all_of(&channel), shown).await;
        assert_eq!(told.changes(), changes);
        for outcome in &told.outcomes {
            assert_eq!((outcome.shown, outcome.counters.added), (shown, 3));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_stops_with_the_host_and_says_so() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket"), connector("user")]);
    let script = Script::endless();
    let channel = host.offer(&channel, &[("ticket", &script)]).await;
    let stop = CancellationToken::new();
    let mut rehearsal = host.sync.rehearse(&all_of(&channel), 1, &stop).await.unwrap();
    let told = async {
        script.begun(1).await;
        stop.cancel();
    };
    let (event, ()) = tokio::join!(rehearsal.next(), told);
    let Some(Event::Summary(outcomes)) = event else { panic!("{event:?}") };
    let statuses: Vec<_> = outcomes.iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses, [Status::Cancelled, Status::Cancelled]);
    assert!(rehearsal.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_ends_the_step_under_way() {
    let host = Host::new();
    let token = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&token);
    let script = Script::new(move |_, ask| {
        *seen.lock().unwrap() = Some(ask.cancel.clone());
        Box::pin(std::future::pending())
    });
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let mut rehearsal = host.sync.rehearse(&all_of(&channel), 1, &CancellationToken::new()).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(1), rehearsal.next()).await;
    assert!(waited.is_err(), "the step never ends by itself");
    drop(rehearsal);
    assert!(token.lock().unwrap().as_ref().unwrap().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn it_may_go_beside_a_run() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    host.offer(&channel, &[("ticket", &Script::endless())]).await;
    host.sync.request(all_of(&channel)).await.unwrap();
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&["a=1"])]))]).await;
    assert_eq!(rehearse(&host, &channel).await.changes(), "+a");
}

/// Notes what it is asked for.
struct Notes(Mutex<Vec<(bool, bool, bool)>>, Arc<Script>);

impl Sources for Notes {
    fn source(&self, ask: SourceAsk<'_>) -> Arc<dyn Source> {
        self.0.lock().unwrap().push((ask.run.is_some(), ask.read_only, ask.record));
        Arc::clone(&self.1) as _
    }

    fn sink(&self, _: SourceAsk<'_>) -> Arc<dyn Sink> {
        panic!("a dry run sends nothing")
    }
}

#[tokio::test(start_paused = true)]
async fn only_reading_sources_without_a_run_are_asked_for() {
    let host = Host::new();
    let notes = Arc::new(Notes(Mutex::default(), Script::stream(vec![page(&["a=1"])])));
    let sources = Arc::clone(&notes) as Arc<dyn Sources>;
    let channel = Ready { sources, ..ready(vec![connector("ticket")]) };
    host.put(&channel);
    host.store.channels().create(&channel.channel).await.unwrap();
    rehearse(&host, &channel).await;
    host.sync(&channel).await;
    let recorded = Request { record: true, ..all_of(&channel) };
    let job = host.sync.request(recorded).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    let asked = [(false, true, false), (true, false, false), (true, false, true)];
    assert_eq!(*notes.0.lock().unwrap(), asked, "a dry run is not recorded");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_synced_cannot_be_rehearsed() {
    let host = Host::new();
    let mut channel = ready(vec![connector("ticket")]);
    channel.channel.enabled = false;
    host.put(&channel);
    let refused = host.sync.rehearse(&all_of(&channel), 1, &CancellationToken::new()).await;
    assert!(matches!(refused.err(), Some(Error::Disabled(_))));
}
