//! Writing, reading and deleting cassettes, on real files.

use super::{
    Config, Error,
    form::{Head, VERSION},
    prepare::{Noted, prepare},
    reader::{self, Position},
    shelf::Shelf,
    writer::{Kept, Writer},
};
use crate::{
    broker::{
        Allowance, Answered, Asked, End, Exchange, Got, Meter, Method, Player, Recording, Request, Tape,
    },
    model::{
        ChannelId, ChannelName, Class, Due, Envelope, Failure, Name, Page, PluginVersion, RunId, Size,
        Timestamp,
    },
    sandbox::Seed,
};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fs, io::Write, os::unix::fs::PermissionsExt, path::Path, sync::Arc};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

struct Bench {
    folder: TempDir,
    shelf: Arc<Shelf>,
    channel: ChannelId,
}

impl Bench {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Arc::new(Shelf::new(folder.path().join("cassettes"), config));
        Self { folder, shelf, channel: ChannelId::new() }
    }

    fn head(&self, run: RunId, plugin: &str) -> Head {
        let name = |text: &str| Name::try_new(text).expect("a name");
        Head {
            version: VERSION,
            run,
            channel_id: self.channel,
            channel: ChannelName::try_new("zen").expect("a name"),
            channel_type: name("zendesk"),
            transport: name("rest"),
            connector: name("ticket"),
            plugin: PluginVersion {
                version: "0.1.0".into(),
                sha256: super::form::Digest::of(plugin.as_bytes()).as_str().into(),
            },
            file: "zendesk.wasm".into(),
            plugin_kept: false,
            host: "0.1.0".into(),
            settings: RawValue::from_string(r#"{"token":true}"#.into()).expect("JSON"),
            base: "https://acme.example/".into(),
            parameter: None,
            created: Timestamp::from_millis(0),
            truncated: None,
        }
    }

    fn open(&self, run: RunId) -> Option<Writer> {
        self.open_with(run, "plugin")
    }

    fn open_with(&self, run: RunId, plugin: &'static str) -> Option<Writer> {
        let bytes = Some(Bytes::from_static(plugin.as_bytes()));
        Writer::open(self.shelf.clone(), self.head(run, plugin), bytes).expect("files")
    }

    fn blobs(&self) -> usize {
        fs::read_dir(self.folder.path().join("cassettes/blobs")).map_or(0, Iterator::count)
    }
}

/// A recording of one request for `path`, answered with `body`.
async fn exchange(path: &str, body: &str) -> Recording {
    let asked = Asked {
        method: "GET".into(),
        origin: None,
        path: path.into(),
        headers: Vec::new(),
        body: None,
        idempotency_key: None,
    };
    let (body, headers) = (Bytes::from(body.to_owned()), vec![("etag".to_owned(), "1".to_owned())]);
    let got = Got::Answer(Answered { status: 200, headers, body, end: End::Whole, attempts: 1 });
    let base = Url::parse("https://acme.example").expect("a URL");
    let player = Player::new(Tape { base, parameter: None, exchanges: vec![Exchange { asked, got }] });
    let (gateway, recording) = player.gateway().recording();
    let meter = Meter::new(Allowance { requests: 9, response_bytes: 1 << 20 }, CancellationToken::new());
    let request = Request {
        method: Method::Get,
        origin: None,
        path: path.into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        idempotency_key: None,
        timeout: None,
    };
    gateway.send(request, &meter).await.expect("recorded");
    recording
}

/// A step from `from` to `to` that answers one record.
async fn step(from: Option<&'static str>, to: &'static str, body: &str) -> Noted {
    let record = Envelope {
        key: to.into(),
        parent: None,
        origin: None,
        updated_ms: Some(1),
        deleted: false,
        payload: Bytes::from(body.to_owned()),
    };
    let page = Page {
        records: vec![record],
        next: Some(Bytes::from_static(to.as_bytes())),
        more: true,
        settled: vec!["9".into()],
        due: vec![Due { connector: "comment".into(), keys: vec!["7".into()] }],
        total: Some(3),
        ..Page::default()
    };
    Noted {
        cursor: from.map(|from| Bytes::from_static(from.as_bytes())),
        state: BTreeMap::from([("kept".into(), Bytes::from_static(b"\xff")), ("gone".into(), Bytes::new())]),
        keys: vec!["9".into()],
        limit: 100,
        seed: Seed { now: Timestamp::from_millis(5), random: [3; 32] },
        recording: exchange(&format!("/{to}"), body).await,
        result: Ok(page),
        writes: BTreeMap::from([("gone".into(), None), ("new".into(), Some(Bytes::from_static(b"1")))]),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test]
async fn what_is_written_is_read() {
    let bench = Bench::new();
    let run = RunId::new();
    let mut writer = bench.open(run).expect("a new one");
    let mut failed = step(Some("a"), "b", "x").await;
    failed.result = Err(Failure::new(Class::Transient, "net.dns", "no such name").retry_after_ms(Some(9)));
    for noted in [step(None, "a", "one").await, failed] {
        assert_eq!(writer.note(&prepare(noted)).expect("files"), Kept::Yes);
    }

    let recorded = reader::read(&bench.shelf, run).expect("readable");
    assert!(recorded.head.plugin_kept);
    assert_eq!(recorded.exchanges.len(), 2);
    let [first, second] = &recorded.steps[..] else { panic!("two steps") };
    assert_eq!(
        (first.limit, first.keys.as_slice(), first.seed.random),
        (100, &["9".to_owned()][..], [3; 32])
    );
    let (page, to) = first.result.as_ref().expect("a page");
    let Noted { result, .. } = step(None, "a", "one").await;
    assert_eq!(*page, result.expect("a page"));
    assert_eq!(to.cursor.as_deref(), Some(&b"a"[..]));
    assert_eq!(to.state.keys().collect::<Vec<_>>(), ["kept", "new"]);
    assert_eq!(to.state["kept"], &b"\xff"[..]);
    assert_eq!(first.from, Position { cursor: None, state: step(None, "a", "").await.state });
    assert_eq!(second.result.as_ref().expect_err("failed").retry_after_ms, Some(9));

    let summary = bench.shelf.summary(run).expect("readable");
    assert_eq!((summary.steps, summary.requests), (2, 2));
    let folder = bench.folder.path().join("cassettes");
    assert_eq!((mode(&folder), mode(&bench.shelf.steps_of(run))), (0o700, 0o600));
}

#[tokio::test]
async fn a_run_that_goes_on_adds_to_its_cassette() {
    let bench = Bench::new();
    let run = RunId::new();
    bench.open(run).expect("a new one").note(&prepare(step(None, "a", "one").await)).expect("files");
    // What a host leaves that is killed while it writes.
    let mut file = fs::OpenOptions::new().append(true).open(bench.shelf.steps_of(run)).expect("there");
    file.write_all(b"{\"from\":").expect("written");
    assert_eq!(reader::lines(&bench.shelf, run).expect("readable").len(), 1);

    bench.open(run).expect("the same").note(&prepare(step(Some("a"), "b", "two").await)).expect("files");
    assert_eq!(reader::read(&bench.shelf, run).expect("readable").steps.len(), 2);

    assert!(bench.open_with(run, "another plugin").is_none());
    let truncated = bench.shelf.summary(run).expect("readable").truncated.expect("it says so");
    assert!(truncated.contains("in the middle of the run"), "{truncated}");
    assert!(bench.open(run).is_none(), "what was cut off stays so");
}

#[tokio::test]
async fn a_recording_stops_at_its_bounds_and_says_which() {
    let large = "x".repeat(5_000);
    for (config, key) in [
        (Config { run_bytes: Size::kib(20), ..Config::default() }, "cassettes.run-bytes"),
        (Config { total_bytes: Size::kib(20), ..Config::default() }, "cassettes.total-bytes"),
    ] {
        let bench = Bench::with(config);
        let run = RunId::new();
        let mut writer = bench.open(run).expect("a new one");
        assert_eq!(writer.note(&prepare(step(None, "a", &large).await)).expect("files"), Kept::Yes);
        let second = writer.note(&prepare(step(Some("a"), "b", &"y".repeat(9_000)).await)).expect("files");
        assert!(matches!(&second, Kept::No(why) if why.contains(key)), "{second:?}");
        let summary = bench.shelf.summary(run).expect("readable");
        assert_eq!(summary.steps, 1, "the step is there whole or not at all");
        assert!(summary.truncated.is_some_and(|why| why.contains(key)));
    }
}

#[tokio::test]
async fn deleting_one_leaves_what_others_share() {
    let bench = Bench::new();
    let (one, two) = (RunId::new(), RunId::new());
    bench.open(one).expect("a new one").note(&prepare(step(None, "a", "same").await)).expect("files");
    let alone = bench.blobs();
    bench.open(two).expect("a new one").note(&prepare(step(None, "a", "same").await)).expect("files");
    assert_eq!(bench.blobs(), alone, "nothing is kept twice");
    let mut writer = bench.open(two).expect("the same");
    writer.note(&prepare(step(Some("a"), "b", "its own").await)).expect("files");
    assert!(bench.blobs() > alone);

    let listed: Vec<_> = bench.shelf.list().expect("readable").into_iter().map(|c| c.run).collect();
    assert_eq!(listed, [two, one], "the newest first");
    bench.shelf.delete(&[two]).expect("deleted");
    assert_eq!(bench.blobs(), alone);
    assert_eq!(reader::read(&bench.shelf, one).expect("whole").steps.len(), 1);
    assert!(matches!(bench.shelf.delete(&[two]), Err(Error::NoCassette(run)) if run == two));
    let after = writer.note(&prepare(step(Some("b"), "c", "late").await)).expect("files");
    assert!(matches!(after, Kept::No(_)), "a run that is still going on ends its recording");

    assert_eq!(bench.shelf.delete_of_channel(ChannelId::new()).expect("none"), 0);
    assert_eq!(bench.shelf.delete_of_channel(bench.channel).expect("deleted"), 1);
    assert_eq!(bench.blobs(), 0);
    assert_eq!(fs::read_dir(bench.folder.path().join("cassettes/plugins")).expect("there").count(), 0);
}

#[tokio::test]
async fn runs_that_are_gone_take_their_cassettes_along() {
    let bench = Bench::new();
    let (old, new, not_recorded) = (RunId::new(), RunId::new(), RunId::new());
    for (run, body) in [(old, "old"), (new, "new")] {
        bench.open(run).expect("a new one").note(&prepare(step(None, "a", body).await)).expect("files");
    }
    let all = bench.blobs();
    bench.shelf.forget(&[not_recorded]).expect("nothing to do");
    assert_eq!(bench.blobs(), all);
    bench.shelf.forget(&[not_recorded, old]).expect("deleted");
    assert!(bench.blobs() < all);
    let listed: Vec<_> = bench.shelf.list().expect("readable").into_iter().map(|c| c.run).collect();
    assert_eq!(listed, [new]);
    assert_eq!(reader::read(&bench.shelf, new).expect("whole").steps.len(), 1);
}

#[tokio::test]
async fn what_is_damaged_is_told() {
    let bench = Bench::new();
    let run = RunId::new();
    assert!(matches!(reader::read(&bench.shelf, run), Err(Error::NoCassette(_))));
    bench.open(run).expect("a new one").note(&prepare(step(None, "a", "one").await)).expect("files");
    let head = bench.head(run, "plugin");
    bench.shelf.put_head(&Head { version: VERSION + 1, ..head.clone() }).expect("files");
    let newer = reader::read(&bench.shelf, run).map(drop).expect_err("of a later version");
    assert!(newer.to_string().contains("version 2"), "{newer}");
    bench.shelf.put_head(&head).expect("files");
    for blob in fs::read_dir(bench.folder.path().join("cassettes/blobs")).expect("there") {
        fs::write(blob.expect("readable").path(), "broken").expect("written");
    }
    assert!(matches!(reader::read(&bench.shelf, run), Err(Error::Damaged { .. })));
}

#[tokio::test]
async fn what_is_shared_takes_no_place_twice() {
    let bench = Bench::with(Config { total_bytes: Size::kib(40), ..Config::default() });
    let large = "x".repeat(9_000);
    for _ in 0..6 {
        let mut writer = bench.open(RunId::new()).expect("a new one");
        assert_eq!(writer.note(&prepare(step(None, "a", &large).await)).expect("files"), Kept::Yes);
    }
}
