//! The catalog through its face, with small plugins in folders of their own.

pub(crate) mod guest;
mod traps;

use self::guest::{Guest, manifest};
use super::*;
use crate::{clock::Clock, model::Size, sandbox};
use bytes::Bytes;
use std::time::Duration;
use tokio::task::JoinSet;

/// A catalog over a folder of its own.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) catalog: Catalog,
    watcher: Watcher,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(tempfile::tempdir().expect("a folder"))
    }

    /// Over a folder that may hold something already. It settles fast, and looks
    /// only when it is asked to or hinted at.
    fn with(folder: tempfile::TempDir) -> Self {
        Self::over(folder, Config::default())
    }

    fn with_config(config: Config) -> Self {
        Self::over(tempfile::tempdir().expect("a folder"), config)
    }

    fn over(folder: tempfile::TempDir, config: Config) -> Self {
        let mut limits = sandbox::Config::default();
        limits.limits.component_bytes = Size::mib(1);
        limits.limits.cpu = Span::secs(600);
        let sandbox = Sandbox::new(sandbox::Setup {
            config: limits,
            clock: Clock::system(),
            compiler: None,
            cache: folder.path().join("cache"),
        });
        let config = Config { settle: Span::millis(20), rescan: Span::secs(3_600), ..config };
        let plugins = folder.path().join("plugins");
        let (catalog, watcher) =
            Catalog::build(config, plugins, sandbox.expect("a sandbox")).expect("a catalog");
        Self { folder, catalog, watcher }
    }

    /// Puts a file in place as a careful program does: whole, by its name.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        put(&self.folder, name, bytes);
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.plugins().join(name)).expect(name);
    }

    fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// `file: ready 1.0.0`, or the reason.
    fn listed(&self) -> Vec<String> {
        self.catalog.entries().iter().map(shown).collect()
    }

    async fn listed_after_reload(&self) -> Vec<String> {
        self.catalog.reload().await;
        self.listed()
    }

    /// `type: file version`.
    fn offered(&self) -> Vec<String> {
        let offers = self.catalog.offers().into_iter();
        offers
            .map(|offer| format!("{}: {} {}", offer.channel_type.id, offer.file, offer.manifest.version))
            .collect()
    }
}

fn put(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    let whole = folder.path().join("whole");
    fs::write(&whole, bytes).expect("a file");
    let plugins = folder.path().join("plugins");
    fs::create_dir_all(&plugins).expect("a folder");
    fs::rename(whole, plugins.join(name)).expect(name);
}

fn shown(entry: &Entry) -> String {
    match &entry.standing {
        Standing::Settling => format!("{}: settling", entry.file),
        Standing::Ready(manifest, _) => format!("{}: ready {}", entry.file, manifest.version),
        Standing::Refused { reason, .. } => format!("{}: {reason}", entry.file),
    }
}

fn version(types: &[&str], version: &str) -> Bytes {
    Guest::described(&manifest(types, version)).build()
}

/// Waits for what another task is about to do.
async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it happens within a minute");
}

#[tokio::test]
async fn a_dropped_replaced_and_removed_file_shows() {
    let bench = Bench::new();
    assert!(bench.listed_after_reload().await.is_empty());
    bench.put("desk.wasm", version(&["desk"], "1.0.0"));
    assert_eq!(bench.listed_after_reload().await, ["desk.wasm: ready 1.0.0"]);
    let entry = bench.catalog.entries()[0].clone();
    let bytes = fs::read(bench.plugins().join("desk.wasm")).expect("the file");
    assert_eq!(entry.sha256, Some(trust::sha256(&bytes)));
    assert_eq!(entry.size, bytes.len() as u64);
    let old = bench.catalog.offer("desk").expect("an offer");
    bench.put("desk.wasm", version(&["desk", "mail"], "2.0.0"));
    assert_eq!(bench.listed_after_reload().await, ["desk.wasm: ready 2.0.0"]);
    assert_eq!(bench.offered(), ["desk: desk.wasm 2.0.0", "mail: desk.wasm 2.0.0"]);
    assert_eq!(old.manifest.version, "1.0.0", "whoever runs the old version keeps it");
    bench.remove("desk.wasm");
    assert!(bench.listed_after_reload().await.is_empty());
    assert!(bench.catalog.offer("desk").is_none());
    let words = "no plugin offers the channel type 'desk': desk.wasm is gone from the plugins folder";
    assert_eq!(bench.catalog.absence("desk"), words);
}

#[tokio::test]
async fn bad_files_are_listed_with_their_reason_and_hurt_nobody() {
    let bench = Bench::new();
    let described = |text: &[u8]| Guest { described: text.into(), ..Guest::offering(&[]) }.build();
    let differing = Guest { embedded: Some(b"{}".into()), ..Guest::offering(&["desk"]) };
    for (name, bytes, words) in [
        ("a-empty.wasm", Bytes::new(), "the file is empty"),
        ("b-text.wasm", Bytes::from("hello, world"), "the file is text, not a compiled component"),
        ("c-module.wasm", Bytes::from_static(b"\0asm\x01\0\0\0"), "module"),
        ("d-cut.wasm", version(&["desk"], "1.0.0").slice(..200), "damaged or only half there"),
        ("e-no-json.wasm", described(b"so what"), "what `describe` answers is not JSON"),
        (
            "f-schema.wasm",
            described(b"{}"),
            "the manifest does not follow its schema at /: \"manifest\" is a required",
        ),
        ("g-differs.wasm", differing.build(), "is not the one that the plugin describes"),
        ("h-big.wasm", vec![0; (1 << 20) + 1].into(), "the file has 1048577 bytes, more than the 1MiB"),
        ("i.cwasm", Bytes::from("x"), "native code"),
    ] {
        bench.put(name, bytes);
        bench.catalog.reload().await;
        let entry = bench.catalog.entries().iter().find(|entry| entry.file == name).expect(name).clone();
        assert!(shown(&entry).contains(words), "{}", shown(&entry));
    }
    bench.put("z-good.wasm", version(&["desk"], "1.0.0"));
    bench.catalog.reload().await;
    assert_eq!(bench.offered(), ["desk: z-good.wasm 1.0.0"]);
    assert_eq!(bench.catalog.entries().len(), 10);
}

#[tokio::test]
async fn of_two_files_with_one_channel_type_the_first_keeps_it() {
    let bench = Bench::new();
    let refused = |file, holder| {
        let rule = "offers already: remove one of the two files";
        format!("{file}: it offers the channel type 'desk', which {holder} {rule}")
    };
    bench.put("b.wasm", version(&["desk"], "1.0.0"));
    bench.catalog.reload().await;
    bench.put("a.wasm", version(&["desk", "mail"], "2.0.0"));
    assert_eq!(
        bench.listed_after_reload().await,
        [refused("a.wasm", "b.wasm"), "b.wasm: ready 1.0.0".into()]
    );
    assert_eq!(bench.offered(), ["desk: b.wasm 1.0.0"], "a refused file offers nothing at all");
    assert!(bench.catalog.absence("mail").ends_with("not in use: a.wasm"));
    bench.put("b.wasm", version(&["desk"], "1.1.0"));
    bench.catalog.reload().await;
    assert_eq!(bench.offered(), ["desk: b.wasm 1.1.0"], "a new version of the first file is still the first");
    bench.remove("b.wasm");
    assert_eq!(bench.listed_after_reload().await, ["a.wasm: ready 2.0.0"]);
    bench.put("b.wasm", version(&["desk"], "1.1.0"));
    assert_eq!(bench.listed_after_reload().await[1], refused("b.wasm", "a.wasm"));
    let again = Bench::with(bench.folder);
    again.catalog.reload().await;
    assert_eq!(again.listed()[0], "a.wasm: ready 2.0.0", "after a restart the first by name has it");
    again.put("a.wasm", version(&["mail"], "3.0.0"));
    again.catalog.reload().await;
    assert_eq!(again.offered(), ["desk: b.wasm 1.1.0", "mail: a.wasm 3.0.0"], "set free by a new version");
}

#[tokio::test]
async fn a_file_that_is_replaced_by_a_bad_one_runs_on_and_says_so() {
    let bench = Bench::new();
    let good = version(&["desk"], "1.0.0");
    bench.put("desk.wasm", &good);
    bench.catalog.reload().await;
    bench.put("desk.wasm", "");
    let listed = bench.listed_after_reload().await;
    let digest = &trust::sha256(&good)[..12];
    assert_eq!(
        listed,
        [format!(
            "desk.wasm: the file is empty; version 1.0.0 from before (sha256 {digest}…) goes on until the file is mended or removed, or the host stops"
        )]
    );
    assert_eq!(bench.offered(), ["desk: desk.wasm 1.0.0"]);
    bench.remove("desk.wasm");
    bench.catalog.reload().await;
    assert!(bench.offered().is_empty());
}

#[tokio::test]
async fn the_same_bytes_are_not_compiled_again() {
    let bench = Bench::new();
    let bytes = version(&["desk"], "1.0.0");
    bench.put("desk.wasm", &bytes);
    bench.catalog.reload().await;
    let before = bench.catalog.offer("desk").expect("an offer");
    bench.put("desk.wasm", &bytes);
    bench.catalog.reload().await;
    let after = bench.catalog.offer("desk").expect("an offer");
    assert!(Arc::ptr_eq(&before.manifest, &after.manifest));
}

#[tokio::test]
async fn a_running_watcher_needs_no_reload() {
    let bench = Bench::new();
    let Bench { folder, catalog, watcher } = bench;
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    tasks.spawn(watcher.run(stop.clone()));
    put(&folder, "desk.wasm", version(&["desk"], "1.0.0"));
    until(|| catalog.offer("desk").is_some()).await;
    fs::write(folder.path().join("plugins/mail.wasm"), version(&["mail"], "1.0.0")).expect("a file");
    until(|| catalog.offer("mail").is_some()).await;
    fs::remove_file(folder.path().join("plugins/desk.wasm")).expect("the file");
    until(|| catalog.offer("desk").is_none()).await;
    catalog.reload().await;
    assert_eq!(catalog.entries().len(), 1);
    stop.cancel();
    tasks.join_next().await.expect("the task").expect("no panic");
    assert!(catalog.offer("mail").is_some(), "what was taken up stays");
}

#[tokio::test]
async fn a_slow_file_holds_up_no_other() {
    let Bench { folder, catalog, watcher } = Bench::new();
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    put(&folder, "a.wasm", Guest { endless: true, ..Guest::offering(&["slow"]) }.build());
    tasks.spawn(watcher.run(stop.clone()));
    until(|| !catalog.entries().is_empty()).await;
    put(&folder, "b.wasm", version(&["desk"], "1.0.0"));
    until(|| catalog.offer("desk").is_some()).await;
    let listed: Vec<_> = catalog.entries().iter().map(shown).collect();
    assert_eq!(listed, ["a.wasm: settling", "b.wasm: ready 1.0.0"]);
    assert!(catalog.absence("slow").contains("not in use: a.wasm"));
    stop.cancel();
    tasks.join_next().await.expect("the task").expect("no panic");
}

#[tokio::test]
async fn a_file_is_inspected_without_being_taken_up() {
    let bench = Bench::new();
    let elsewhere = bench.folder.path().join("new.wasm");
    fs::write(&elsewhere, version(&["desk"], "1.0.0")).expect("a file");
    let entry = bench.catalog.inspect(&elsewhere).await;
    assert_eq!(shown(&entry), "new.wasm: ready 1.0.0");
    assert!(entry.sha256.is_some());
    assert!(bench.offered().is_empty());
    let missing = bench.catalog.inspect(&bench.folder.path().join("none.wasm")).await;
    assert!(shown(&missing).starts_with("none.wasm: the file cannot be read"));
}

#[tokio::test]
async fn reloads_that_come_together_all_end() {
    let bench = Bench::new();
    bench.put("desk.wasm", version(&["desk"], "1.0.0"));
    let catalog = &bench.catalog;
    tokio::join!(catalog.reload(), catalog.reload(), catalog.reload());
    assert_eq!(bench.offered(), ["desk: desk.wasm 1.0.0"]);
    // A caller that goes away leaves the work to the next one.
    bench.put("desk.wasm", version(&["desk"], "2.0.0"));
    let given_up = tokio::time::timeout(Duration::from_millis(1), catalog.reload()).await;
    assert!(given_up.is_err(), "a file takes longer than that to settle");
    catalog.reload().await;
    assert_eq!(bench.offered(), ["desk: desk.wasm 2.0.0"]);
}

#[test]
fn the_configuration_refuses_typos() {
    let config: Config = toml::from_str("settle = \"1s\"").expect("a configuration");
    assert_eq!(config, Config { settle: Span::secs(1), ..Config::default() });
    assert!(toml::from_str::<Config>("setle = \"1s\"").is_err());
}
