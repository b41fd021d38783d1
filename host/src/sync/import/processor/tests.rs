//! The rules as tables, and the laws that follow from them.
//!
//! A record is written `key@time=payload`, a deleted one `key@time!`, one that
//! does not tell its time without `@time`.

use super::*;
use crate::{
    model::{Class, Envelope, Failure, Reject},
    store::Origin,
    sync::tests::support::envelope,
};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The longest payload.
const RECORD_BYTES: usize = 20;

fn now() -> Timestamp {
    Timestamp::from_millis(1_000)
}

fn rules(full: bool) -> Rules {
    Rules { run: RunId::from_bytes([2; 16]), now: now(), full }
}

/// As an earlier run wrote it.
fn stored(text: &str) -> Record {
    let envelope = envelope(text);
    Record {
        key: RecordKey::try_new(envelope.key).unwrap(),
        parent: None,
        updated: envelope.updated_ms.map(|at| Timestamp::from_millis(at.try_into().unwrap())),
        imported: Timestamp::from_millis(1),
        run: RunId::from_bytes([1; 16]),
        payload: envelope.payload,
    }
}

fn held(key: &str) -> Quarantined {
    Quarantined {
        key: key.into(),
        reason: Failure::new(Class::InvalidData, "old", "old"),
        origin: Origin::Reject,
        size: None,
        kept: 0,
        payload: None,
        first_seen: Timestamp::from_millis(10),
        last_seen: Timestamp::from_millis(20),
        attempts: 3,
        run: RunId::from_bytes([1; 16]),
    }
}

fn reject(key: &str) -> Reject {
    Reject { key: key.into(), reason: Failure::new(Class::InvalidData, "guest", "no"), payload: None }
}

/// A store of one connector: what `decide` reads and what follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shelf {
    records: BTreeMap<RecordKey, Record>,
    quarantined: BTreeMap<String, Quarantined>,
}

impl Shelf {
    fn of(records: &[&str], quarantined: &[&str]) -> Self {
        let records = records.iter().map(|text| stored(text));
        let quarantined = quarantined.iter().map(|key| held(key));
        Self {
            records: records.map(|record| (record.key.clone(), record)).collect(),
            quarantined: quarantined.map(|entry| (entry.key.clone(), entry)).collect(),
        }
    }

    fn decide(&self, page: Vec<Envelope>, rejects: Vec<Reject>, rules: &Rules) -> Decided {
        let sheet = Sheet::new(page, rejects, Vec::new(), RECORD_BYTES);
        let find = |key: &RecordKey| self.records.get(key).cloned();
        let wards = sheet.quarantine_keys();
        let known = Known {
            records: sheet.keys().map(find).collect(),
            quarantined: wards.iter().map(|key| self.quarantined.get(key).cloned()).collect(),
        };
        decide(sheet, known, rules)
    }

    fn apply(&mut self, decided: Decided) {
        let before = i64::try_from(self.records.len()).unwrap();
        for record in decided.puts {
            self.records.insert(record.key.clone(), record);
        }
        for key in decided.deletes {
            self.records.remove(&key).expect("only what is here is deleted");
        }
        for entry in decided.quarantined {
            self.quarantined.insert(entry.key.clone(), entry);
        }
        for key in decided.released {
            self.quarantined.remove(&key).expect("only what is held is released");
        }
        assert_eq!(i64::try_from(self.records.len()).unwrap(), before + decided.growth);
    }
}

fn shown(record: &Record) -> String {
    let at = record.updated.map_or(String::new(), |at| format!("@{}", at.as_millis()));
    format!("{}{at}={}", record.key, String::from_utf8_lossy(&record.payload))
}

fn summary(decided: &Decided) -> String {
    let mut parts = Vec::new();
    parts.extend(decided.puts.iter().map(|record| format!("put {}", shown(record))));
    parts.extend(decided.deletes.iter().map(|key| format!("delete {key}")));
    let set_aside =
        |entry: &Quarantined| format!("quarantine {} {} #{}", entry.key, entry.reason.code, entry.attempts);
    parts.extend(decided.quarantined.iter().map(set_aside));
    parts.extend(decided.released.iter().map(|key| format!("release {key}")));
    let Counters { read, added, updated, unchanged, deleted, quarantined, .. } = decided.counters;
    assert_eq!(read, added + updated + unchanged + deleted + quarantined, "every record counts once");
    parts.push(format!("{added}a {updated}u {unchanged}s {deleted}d {quarantined}q"));
    parts.join(", ")
}

fn check_on(shelf: &Shelf, page: &[&str], rejects: &[&str], full: bool, expected: &str) {
    let envelopes = page.iter().map(|text| envelope(text)).collect();
    let rejects = rejects.iter().map(|key| reject(key)).collect();
    let decided = shelf.decide(envelopes, rejects, &rules(full));
    assert_eq!(summary(&decided), expected, "{page:?} on {shelf:?}");
    shelf.clone().apply(decided);
}

fn check(stored: &[&str], page: &[&str], expected: &str) {
    check_on(&Shelf::of(stored, &[]), page, &[], false, expected);
}

#[test]
fn new_and_changed_records_are_written_and_the_same_are_not() {
    check(&[], &["k@5=1"], "put k@5=1, 1a 0u 0s 0d 0q");
    check(&[], &["k=1"], "put k=1, 1a 0u 0s 0d 0q");
    check(&["k@5=1"], &["k@5=1"], "0a 0u 1s 0d 0q");
    check(&["k=1"], &["k=1"], "0a 0u 1s 0d 0q");
    check(&["k@5=1"], &["k@6=2"], "put k@6=2, 0a 1u 0s 0d 0q");
    check(&["k@5=1"], &["k@6=1"], "put k@6=1, 0a 1u 0s 0d 0q");
    check(&["k@5=1"], &["k@5=2"], "put k@5=2, 0a 1u 0s 0d 0q");
    check(&["k=1"], &["k=2"], "put k=2, 0a 1u 0s 0d 0q");
    check(&["k@5=1"], &["k=1"], "put k=1, 0a 1u 0s 0d 0q");
    check(&["a@1=1", "c@1=1"], &["a@1=1", "b@1=1", "c@2=1"], "put b@1=1, put c@2=1, 1a 1u 1s 0d 0q");
    check(&["k@5=1"], &[], "0a 0u 0s 0d 0q");
}

#[test]
fn an_older_version_does_not_overwrite_a_newer_one() {
    check(&["k@5=1"], &["k@4=2"], "0a 0u 1s 0d 0q");
    check(&["k@5=1"], &["k@4!"], "0a 0u 1s 0d 0q");
    check(&["k=1"], &["k@4=2"], "put k@4=2, 0a 1u 0s 0d 0q");
}

#[test]
fn a_full_run_takes_the_older_version_over_one_from_an_earlier_run() {
    let check = |stored: &[&str], page: &[&str], expected: &str| {
        check_on(&Shelf::of(stored, &[]), page, &[], true, expected);
    };
    check(&["k@5=1"], &["k@4=2"], "put k@4=2, 0a 1u 0s 0d 0q");
    check(&["k@5=1"], &["k@4!"], "delete k, 0a 0u 0s 1d 0q");
    check(&["k@9=1"], &["k@4=2", "k@3=3"], "put k@4=2, 0a 1u 1s 0d 0q");
    check(&["k@5=1"], &["k@5=1", "k@3=3"], "0a 0u 2s 0d 0q");
    let mut shelf = Shelf::of(&["k@5=1"], &[]);
    shelf.records.values_mut().next().unwrap().run = rules(true).run;
    check_on(&shelf, &["k@4=2"], &[], true, "0a 0u 1s 0d 0q");
}

#[test]
fn deleted_records_go_and_need_not_be_there() {
    check(&["k@5=1"], &["k@6!"], "delete k, 0a 0u 0s 1d 0q");
    check(&["k@5=1"], &["k@5!"], "delete k, 0a 0u 0s 1d 0q");
    check(&["k@5=1"], &["k!"], "delete k, 0a 0u 0s 1d 0q");
    check(&[], &["k@6!"], "0a 0u 1s 0d 0q");
}

#[test]
fn of_a_key_that_comes_twice_the_newest_wins_then_the_last() {
    check(&[], &["k@5=1", "k@6=2"], "put k@6=2, 1a 0u 1s 0d 0q");
    check(&[], &["k@6=2", "k@5=1"], "put k@6=2, 1a 0u 1s 0d 0q");
    check(&[], &["k@5=1", "k@5=2"], "put k@5=2, 1a 0u 1s 0d 0q");
    check(&[], &["k=1", "k=2"], "put k=2, 1a 0u 1s 0d 0q");
    check(&[], &["k@5=1", "k@5=1"], "put k@5=1, 1a 0u 1s 0d 0q");
    check(&[], &["k@5=1", "k@6!"], "0a 0u 2s 0d 0q");
    check(&["k@4=0"], &["k@5=1", "k@6!"], "delete k, 0a 0u 1s 1d 0q");
    check(&["k@4=0"], &["k@6!", "k@5=1"], "delete k, 0a 0u 1s 1d 0q");
    check(&[], &["k@6!", "k@5=1"], "0a 0u 2s 0d 0q");
    check(&["k@4=0"], &["k@5!", "k@6=2"], "put k@6=2, 0a 1u 1s 0d 0q");
    check(&["k@4=0"], &["k@5=1", "x@1=1", "k@4=0"], "put k@5=1, put x@1=1, 1a 1u 1s 0d 0q");
    check(&["k=2"], &["k=1", "k=2"], "0a 0u 2s 0d 0q");
}

#[test]
fn a_bad_record_is_set_aside_and_the_stored_one_stays() {
    check(&[], &["k@5={", "l=1"], "put l=1, quarantine k record.json #1, 1a 0u 0s 0d 1q");
    check(&["k@4=1"], &["k@5={"], "quarantine k record.json #1, 0a 0u 0s 0d 1q");
    check(&["k@5=1"], &["k@4={"], "0a 0u 1s 0d 0q");
    let long = format!("k=\"{}\"", "x".repeat(19));
    check(&[], &[&long], "quarantine k record.size #1, 0a 0u 0s 0d 1q");
    check(&[], &["k={", "k=["], "quarantine k record.json #2, 0a 0u 0s 0d 2q");
    check(&[], &["k={", "k=1"], "put k=1, 1a 0u 0s 0d 1q");
    check(&[], &["k=1", "k={"], "put k=1, quarantine k record.json #1, 1a 0u 0s 0d 1q");
}

#[test]
fn a_record_that_comes_good_leaves_quarantine() {
    let check = |stored: &[&str], page: &[&str], rejects: &[&str], expected: &str| {
        check_on(&Shelf::of(stored, &["k"]), page, rejects, false, expected);
    };
    check(&[], &["k=1"], &[], "put k=1, release k, 1a 0u 0s 0d 0q");
    check(&["k=1"], &["k=1"], &[], "release k, 0a 0u 1s 0d 0q");
    check(&["k=1"], &["k!"], &[], "delete k, release k, 0a 0u 0s 1d 0q");
    check(&[], &["k!"], &[], "release k, 0a 0u 1s 0d 0q");
    check(&["k@5=1"], &["k@4=2"], &[], "0a 0u 1s 0d 0q");
    check(&[], &["other=1"], &[], "put other=1, 1a 0u 0s 0d 0q");
    check(&[], &["k={"], &[], "quarantine k record.json #4, 0a 0u 0s 0d 1q");
    check(&[], &["k=1", "k={"], &[], "put k=1, quarantine k record.json #1, 1a 0u 0s 0d 1q");
    check(&[], &[], &["k"], "quarantine k guest #4, 0a 0u 0s 0d 1q");
}

/// In quarantine since a record of that time failed; by an earlier run, or by this one.
fn failed(at: u64, run: RunId) -> Shelf {
    let mut shelf = Shelf::of(&["k@4=0"], &["k"]);
    let entry = shelf.quarantined.get_mut("k").unwrap();
    let updated = Some(Timestamp::from_millis(at.try_into().unwrap()));
    (entry.origin, entry.run) = (Origin::Record { updated, parent: None }, run);
    shelf
}

#[test]
fn a_record_that_is_older_than_the_one_in_quarantine_tells_nothing_new() {
    let earlier = RunId::from_bytes([1; 16]);
    let check = |page: &[&str], run: RunId, full: bool, expected: &str| {
        check_on(&failed(6, run), page, &[], full, expected);
    };
    check(&["k@5=1"], earlier, false, "put k@5=1, 0a 1u 0s 0d 0q");
    check(&["k@4=0"], earlier, false, "0a 0u 1s 0d 0q");
    check(&["k@5!"], earlier, false, "delete k, 0a 0u 0s 1d 0q");
    check(&["k@6=1"], earlier, false, "put k@6=1, release k, 0a 1u 0s 0d 0q");
    check(&["k=1"], earlier, false, "put k=1, release k, 0a 1u 0s 0d 0q");
    check(&["k@5=1"], earlier, true, "put k@5=1, release k, 0a 1u 0s 0d 0q");
    check(&["k@5=1"], rules(true).run, true, "put k@5=1, 0a 1u 0s 0d 0q");
    check(&["k@7={", "k@6=1"], earlier, false, "put k@6=1, quarantine k record.json #4, 0a 1u 0s 0d 1q");
}

#[test]
fn a_due_key_leaves_quarantine_when_it_is_settled_and_not_rejected_again() {
    let shelf = Shelf::of(&[], &["k", "l"]);
    let check = |settled: &[&str], rejects: &[&str], expected: &str| {
        let settled = settled.iter().map(|&key| key.into()).collect();
        let sheet = Sheet::new(Vec::new(), rejects.iter().map(|key| reject(key)).collect(), settled, 20);
        let wards = sheet.quarantine_keys();
        let quarantined = wards.iter().map(|key| shelf.quarantined.get(key).cloned()).collect();
        let decided = decide(sheet, Known { quarantined, ..Known::default() }, &rules(false));
        assert_eq!(summary(&decided), expected, "{settled:?} {rejects:?}", settled = wards);
    };
    check(&["k"], &[], "release k, 0a 0u 0s 0d 0q");
    check(&["k", "l", "m"], &["l"], "quarantine l guest #4, release k, 0a 0u 0s 0d 1q");
    check(&[], &["k"], "quarantine k guest #4, 0a 0u 0s 0d 1q");
}

#[test]
fn a_record_with_a_bad_parent_is_set_aside_under_its_own_key_and_comes_good_under_it() {
    let bad = Envelope { parent: Some("a\nb".into()), ..envelope("k=1") };
    let mut shelf = Shelf::default();
    let decided = shelf.decide(vec![bad.clone()], Vec::new(), &rules(false));
    assert_eq!(summary(&decided), "quarantine k record.parent #1, 0a 0u 0s 0d 1q");
    shelf.apply(decided);
    check_on(&shelf, &["k=1"], &[], false, "put k=1, release k, 1a 0u 0s 0d 0q");
    let good = Envelope { parent: Some("p".into()), ..bad };
    let decided = shelf.decide(vec![good], Vec::new(), &rules(false));
    assert_eq!(decided.puts[0].parent.as_ref().map(RecordKey::as_str), Some("p"));
    assert_eq!(decided.released, ["k"]);
}

#[test]
fn an_entry_says_where_it_came_from() {
    let record = Envelope { parent: Some("p".into()), ..envelope("k@5={") };
    let rejects = ["due", "item 3 of the page", ""].map(reject).to_vec();
    let sheet = Sheet::new(vec![record, envelope("a\nb=1")], rejects, vec!["due".into()], RECORD_BYTES);
    let decided = decide(sheet, Known::default(), &rules(false));
    let shown: Vec<_> = decided
        .quarantined
        .iter()
        .map(|entry| (entry.key.as_str(), &entry.origin))
        .filter(|(key, _)| !key.starts_with("bad-key:"))
        .collect();
    let updated = Some(Timestamp::from_millis(5));
    let record = Origin::Record { updated, parent: Some("p".into()) };
    let expected = [("due", &Origin::Key), ("item 3 of the page", &Origin::Reject), ("k", &record)];
    assert_eq!(shown, expected);
    let unfit = decided.quarantined.iter().filter(|entry| entry.key.starts_with("bad-key:"));
    assert!(unfit.clone().count() == 2 && unfit.clone().all(|entry| entry.origin == Origin::Reject));
}

#[test]
fn rejects_are_taken_after_the_records() {
    let empty = Shelf::default();
    check_on(
        &empty,
        &["k=1"],
        &["k", "l"],
        false,
        "put k=1, quarantine k guest #1, quarantine l guest #1, 1a 0u 0s 0d 2q",
    );
}

#[test]
fn an_entry_in_quarantine_tells_its_story() {
    let decided = Shelf::of(&[], &["k"]).decide(vec![envelope("k={")], Vec::new(), &rules(false));
    let [entry] = &decided.quarantined[..] else { panic!("{decided:?}") };
    assert_eq!(entry.first_seen, Timestamp::from_millis(10));
    assert_eq!(entry.last_seen, now());
    assert_eq!(entry.payload.as_deref(), Some(&b"{"[..]));
    assert_eq!(entry.run, rules(false).run);
}

#[test]
fn of_a_long_payload_in_quarantine_the_beginning_is_kept() {
    let mut long = reject("k");
    long.payload = Some(Bytes::from(vec![b'x'; 100 << 10]));
    let decided = Shelf::default().decide(Vec::new(), vec![long], &rules(false));
    let entry = &decided.quarantined[0];
    assert_eq!(entry.payload.as_ref().map(Bytes::len), Some(64 << 10));
    assert_eq!((entry.size, entry.kept), (Some(100 << 10), 64 << 10));
}

#[test]
fn a_record_that_the_host_refused_is_kept_whole_up_to_a_bound() {
    let check = |length: usize, kept: usize| {
        let long = Envelope { payload: Bytes::from(vec![b' '; length]), ..envelope("k=1") };
        let decided = Shelf::default().decide(vec![long], Vec::new(), &rules(false));
        let entry = &decided.quarantined[0];
        assert_eq!((entry.size, entry.kept), (Some(length as u64), kept as u64));
        assert_eq!(entry.payload.as_ref().map(Bytes::len), Some(kept));
    };
    check(100 << 10, 100 << 10);
    check(4 << 20, 4 << 20);
    check((4 << 20) + 1, 64 << 10);
}

/// Pages with few keys, so that they meet; `sorted` as a remote system would
/// deliver them, oldest first.
fn pages(sorted: bool) -> impl Strategy<Value = Vec<Envelope>> {
    let payload = prop_oneof![4 => "[0-2]", 1 => Just("{".to_owned())];
    let one = ("[a-d]", proptest::option::weighted(0.8, 0..6_u64), any::<u8>(), payload);
    proptest::collection::vec(one, 0..12).prop_map(move |page| {
        let mut page: Vec<_> = page
            .into_iter()
            .map(|(key, updated_ms, dice, payload)| Envelope {
                key,
                parent: None,
                origin: None,
                updated_ms,
                deleted: dice < 50,
                payload: payload.into(),
            })
            .collect();
        if sorted {
            page.retain(|envelope| envelope.updated_ms.is_some());
            page.sort_by_key(|envelope| envelope.updated_ms);
        }
        page
    })
}

proptest! {
    #[test]
    fn importing_the_same_page_twice_changes_nothing(page in pages(false), full: bool) {
        let mut shelf = Shelf::of(&["a@3=1", "b=1"], &["c"]);
        shelf.apply(shelf.decide(page.clone(), Vec::new(), &rules(full)));
        let again = shelf.decide(page, Vec::new(), &rules(full));
        prop_assert!(!again.changes_records(), "{again:?}");
        let Counters { read, unchanged, quarantined, .. } = again.counters;
        prop_assert_eq!(read, unchanged + quarantined);
        prop_assert_eq!(again.growth, 0);
    }

    #[test]
    fn a_stream_gives_the_same_store_however_it_is_cut_into_pages(
        stream in pages(true),
        cut in any::<prop::sample::Index>(),
    ) {
        let start = Shelf::of(&["a@0=9", "b@0=9"], &["c"]);
        let (mut whole, mut parts) = (start.clone(), start);
        whole.apply(whole.decide(stream.clone(), Vec::new(), &rules(false)));
        let cut = cut.index(stream.len() + 1);
        for page in [&stream[..cut], &stream[cut..]] {
            parts.apply(parts.decide(page.to_vec(), Vec::new(), &rules(false)));
        }
        prop_assert_eq!(whole, parts);
    }
}
