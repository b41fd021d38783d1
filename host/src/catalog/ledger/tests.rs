//! What the ledger makes of files that come, change and go.

use super::*;
use crate::catalog::{Standing, folder};
use std::fs;

const SETTLE: Duration = Duration::from_millis(300);

/// A folder of its own, a ledger that looks at it, and a time that the test sets.
struct Bench {
    folder: tempfile::TempDir,
    ledger: Ledger,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, ledger: Ledger::default(), now: Instant::now() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect(name);
    }

    fn look_after(&mut self, milliseconds: u64) -> Vec<String> {
        self.now += Duration::from_millis(milliseconds);
        let largest = crate::model::Size::mib(1);
        let look = folder::Look { folder: self.folder.path(), settle: Duration::from_secs(3_600), largest };
        self.ledger.look(folder::scan(look).expect("a folder"), self.now)
    }

    fn due(&mut self) -> Vec<(String, Ticket)> {
        let due = self.ledger.settled(SETTLE, self.now);
        due.into_iter().map(|due| (due.name, due.ticket)).collect()
    }

    fn refuse(&mut self, (name, ticket): &(String, Ticket), reason: &str) {
        let path = self.folder.path().join(name);
        let stamp = folder::read(&path, crate::model::Size::mib(1)).ok().map(|content| content.stamp);
        let result = Err(Refusal::new("test", reason));
        self.ledger.judged(name, *ticket, Verdict { stamp, sha256: Some("abc".into()), result }, self.now);
    }

    fn listed(&mut self) -> Vec<String> {
        self.ledger.changed = true;
        let entries = self.ledger.news().expect("news").entries;
        let words = |standing: &Standing| match standing {
            Standing::Refused { reason, .. } => reason.clone(),
            Standing::Settling => "settling".into(),
            Standing::Ready(..) => "ready".into(),
        };
        entries.iter().map(|entry| format!("{} {}", entry.file, words(&entry.standing))).collect()
    }
}

#[test]
fn a_file_is_judged_once_it_stands_still() {
    let mut bench = Bench::new();
    bench.look_after(0);
    bench.write("a.wasm", "1");
    bench.look_after(0);
    assert_eq!(bench.listed(), ["a.wasm settling"]);
    assert_eq!(bench.ledger.next_settled(SETTLE), Some(bench.now + SETTLE));
    bench.look_after(200);
    assert_eq!(bench.due(), []);
    bench.write("a.wasm", "1 2");
    bench.look_after(200);
    assert_eq!(bench.due(), [], "it grew, so it starts again");
    bench.look_after(299);
    assert_eq!(bench.due(), []);
    bench.look_after(1);
    assert_eq!(bench.due().len(), 1);
    assert_eq!(bench.due(), [], "it is being judged");
}

#[test]
fn an_unchanged_file_is_not_judged_again() {
    let mut bench = Bench::new();
    bench.write("a.wasm", "1");
    bench.look_after(0);
    bench.look_after(300);
    let due = bench.due();
    bench.refuse(&due[0], "no good");
    assert_eq!(bench.listed(), ["a.wasm no good"]);
    bench.look_after(60_000);
    assert_eq!(bench.due(), []);
    assert!(bench.ledger.news().is_none(), "nothing to tell");
    bench.ledger.retry();
    assert_eq!(bench.due().len(), 1, "unless somebody asks for it");
}

#[test]
fn a_verdict_on_an_older_state_is_not_taken() {
    let mut bench = Bench::new();
    bench.write("a.wasm", "1");
    bench.look_after(0);
    bench.look_after(300);
    let old = bench.due();
    bench.write("a.wasm", "1 2");
    assert_eq!(bench.look_after(10), ["a.wasm"], "its judgement is out of date");
    bench.refuse(&old[0], "old");
    assert_eq!(bench.listed(), ["a.wasm settling"]);
    bench.look_after(300);
    let new = bench.due();
    bench.refuse(&old[0], "old");
    assert_eq!(bench.listed(), ["a.wasm settling"]);
    bench.refuse(&new[0], "new");
    assert_eq!(bench.listed(), ["a.wasm new"]);
}

#[test]
fn a_file_that_changed_before_it_was_read_settles_again() {
    let mut bench = Bench::new();
    bench.write("a.wasm", "1");
    bench.look_after(0);
    bench.look_after(300);
    let due = bench.due();
    bench.write("a.wasm", "1 2");
    bench.refuse(&due[0], "of bytes that were never seen");
    assert_eq!(bench.listed(), ["a.wasm settling"]);
}

#[test]
fn a_removed_file_is_forgotten() {
    let mut bench = Bench::new();
    bench.write("a.wasm", "1");
    bench.look_after(0);
    bench.look_after(300);
    let due = bench.due();
    fs::remove_file(bench.folder.path().join("a.wasm")).expect("the file");
    assert_eq!(bench.look_after(10), ["a.wasm"]);
    bench.refuse(&due[0], "late");
    assert!(bench.listed().is_empty());
    assert_eq!(bench.ledger.open(), Open { settling: false, judging: false });
}

#[test]
fn what_is_no_plain_file_is_refused_at_once() {
    let mut bench = Bench::new();
    fs::create_dir(bench.folder.path().join("a.wasm")).expect("a folder");
    bench.look_after(0);
    assert_eq!(bench.listed(), ["a.wasm it is a folder: put the .wasm file itself here"]);
    assert_eq!(bench.ledger.open(), Open { settling: false, judging: false });
    assert_eq!(bench.due(), []);
}

#[test]
fn files_that_rested_before_the_start_do_not_wait() {
    let mut bench = Bench::new();
    bench.write("a.wasm", "1");
    let largest = crate::model::Size::mib(1);
    let look = |folder: &std::path::Path| {
        let mut found = folder::scan(folder::Look { folder, settle: SETTLE, largest }).expect("a folder");
        found.values_mut().for_each(|sighting| sighting.rested = true);
        found
    };
    let found = look(bench.folder.path());
    bench.ledger.look(found, bench.now);
    assert_eq!(bench.due().len(), 1);
    bench.write("b.wasm", "1");
    let found = look(bench.folder.path());
    bench.ledger.look(found, bench.now);
    assert_eq!(bench.due(), [], "later ones always do");
}

#[test]
fn a_judgement_that_was_broken_off_begins_again() {
    let mut bench = Bench::new();
    bench.write("a.wasm", "1");
    bench.look_after(0);
    bench.look_after(300);
    assert_eq!(bench.due().len(), 1);
    bench.ledger.broken_off(bench.now);
    bench.look_after(300);
    assert_eq!(bench.due().len(), 1);
}
