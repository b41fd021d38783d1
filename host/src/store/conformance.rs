//! The suite that every engine passes; the exact wording of what an engine promises.
//!
//! Each law runs on data of its own and panics where the engine breaks it. It
//! measures nothing.

use super::engine::{Engine, Entry, Range, Want};
use super::walk::{get, walk};
use super::{Batch, Error};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What the suite is run on.
pub trait Subject: Sync {
    /// Opens the data of this name, or makes it. The suite has each open only once at a time.
    fn open(&self, name: &str) -> Arc<dyn Engine>;

    /// Whether the data is there again when it is opened again.
    fn survives(&self) -> bool;
}

/// What holds of an engine without data.
type Law = fn(&dyn Engine);

/// Runs the whole suite.
///
/// # Panics
/// Where the engine breaks a law, naming it.
pub fn check(subject: &dyn Subject) {
    let laws: [(&str, Law); 10] = [
        ("values", values_come_back),
        ("sizes", values_of_any_size_come_back),
        ("large batches", large_batch_lands_whole),
        ("order", scans_are_in_order),
        ("bounds", scans_keep_to_their_range),
        ("expectations", expectations_decide),
        ("refusal", refused_batch_writes_nothing),
        ("claims", only_one_of_many_claims_succeeds),
        ("atomicity", readers_see_whole_batches),
        ("watch", watchers_are_woken),
    ];
    for (name, law) in laws {
        law(&*subject.open(name));
    }
    data_outlives_the_engine(subject);
}

fn values_come_back(engine: &dyn Engine) {
    assert_eq!(value(engine, b"a"), None, "nothing is there at first");
    commit(engine, &[(b"a", Some(b"1")), (b"b", Some(b"")), (b"c", None)]);
    assert_eq!(value(engine, b"a").as_deref(), Some(&b"1"[..]));
    assert_eq!(value(engine, b"b").as_deref(), Some(&b""[..]), "an empty value is a value");
    assert_eq!(value(engine, b"c"), None, "removing what is not there is no error");
    commit(engine, &[(b"a", Some(b"2")), (b"b", None)]);
    assert_eq!(value(engine, b"a").as_deref(), Some(&b"2"[..]), "the later value holds");
    assert_eq!(value(engine, b"b"), None, "a removed key is gone");
    commit(engine, &[(b"c", Some(b"3"))]);
    let keys = [b"c", b"b", b"a", b"c"].map(|key| key.to_vec()).to_vec();
    let values = engine.get(keys).expect("a read");
    let expected = [Some(&b"3"[..]), None, Some(b"2"), Some(b"3")];
    assert!(values.iter().map(Option::as_deref).eq(expected), "many values come in the order of their keys");
    assert!(engine.get(Vec::new()).expect("a read").is_empty(), "no keys have no values");
    engine.commit(Batch::new()).expect("an empty batch changes nothing");
    engine.flush().expect("a flush at rest");
}

fn values_of_any_size_come_back(engine: &dyn Engine) {
    let long_key = vec![b'k'; 900];
    for size in [1, 22, 23, 4_095, 4_096, 4_097, 70_000, 131_072, 1 << 20, 5_000, 3, 0] {
        let bytes: Vec<u8> = (0..size).map(|index: u32| index.to_le_bytes()[0] ^ 0x5a).collect();
        for key in [b"same", long_key.as_slice(), format!("of {size}").as_bytes()] {
            commit(engine, &[(key, Some(&bytes))]);
            assert_eq!(value(engine, key).as_deref(), Some(&bytes[..]), "{size} bytes");
        }
    }
    let entries = scan(engine, &Range::prefix(b"of "), usize::MAX);
    let total: usize = entries.iter().map(|entry| entry.value.len()).sum();
    let sizes = 1 + 22 + 23 + 4_095 + 4_096 + 4_097 + 70_000 + 131_072 + (1 << 20) + 5_000 + 3;
    assert_eq!((entries.len(), total), (12, sizes), "a scan brings them too");
}

fn large_batch_lands_whole(engine: &dyn Engine) {
    for (round, length) in [(1_u8, 10_000), (2, 9_000), (3, 100)] {
        let mut batch = Batch::new();
        for row in 0..400_u32 {
            batch.put(row.to_be_bytes().to_vec(), vec![round; length]);
        }
        batch.remove(u32::from(round).to_be_bytes().to_vec());
        engine.commit(batch).expect("a batch");
        let entries = scan(engine, &Range::all(), usize::MAX);
        let is_whole = entries.iter().all(|entry| entry.value == vec![round; length]);
        assert!(entries.len() == 399 && is_whole, "rows of {length} bytes");
    }
}

fn scans_are_in_order(engine: &dyn Engine) {
    let mut keys = fill(engine);
    let found = scan(engine, &Range::all(), usize::MAX);
    keys.sort();
    assert_eq!(keys_of(&found), keys, "the order is that of the bytes");
    assert!(found.iter().all(|entry| entry.value == entry.key), "each key has its own value");

    let mut walked = Vec::new();
    let visit = |entry: Entry| {
        walked.push(entry.key.to_vec());
        Ok(())
    };
    walk(engine, Range::all(), Want::Keys, visit).expect("a walk");
    assert_eq!(walked, keys, "going on after a key leaves nothing out and brings nothing twice");

    let bare = engine.scan(Range::all(), usize::MAX, Want::Keys).expect("a scan");
    assert_eq!(keys_of(&bare), keys, "keys without their values are the same keys");
    assert!(bare.iter().all(|entry| entry.value.is_empty()), "and come without values");
}

fn scans_keep_to_their_range(engine: &dyn Engine) {
    let mut keys = fill(engine);
    keys.sort();
    let check = |start: &[u8], end: Option<&[u8]>, limit: usize| {
        let range = Range { start: start.to_vec(), end: end.map(<[u8]>::to_vec) };
        let inside = |key: &&Vec<u8>| key.as_slice() >= start && end.is_none_or(|end| key.as_slice() < end);
        let expected: Vec<_> = keys.iter().filter(inside).take(limit).cloned().collect();
        assert_eq!(keys_of(&scan(engine, &range, limit)), expected, "{range:?}, at most {limit}");
    };
    for limit in [0, 1, 7, 100, usize::MAX] {
        check(b"", None, limit);
        check(b"a", Some(b"b"), limit);
        check(b"a\0", Some(b"a\0"), limit);
        check(b"z", Some(b"a"), limit);
        check(b"key 0300", Some(b"key 0301"), limit);
        check(b"key 0300", Some(b"key 0300\0"), limit);
        check(b"key 03", Some(b"key 1999x"), limit);
        check(b"key 1999x", None, limit);
        check(b"\xff\xff", None, limit);
    }
}

fn expectations_decide(engine: &dyn Engine) {
    commit(engine, &[(b"there", Some(b"1"))]);
    let check = |key: &[u8], expected: Option<&[u8]>, holds: bool| {
        let mut batch = Batch::new();
        match expected {
            Some(value) => batch.expect_value(key.to_vec(), value.to_vec()),
            None => batch.expect_absent(key.to_vec()),
        }
        let done = engine.commit(batch);
        assert_eq!(done.is_ok(), holds, "{key:?} expected to be {expected:?}");
        assert!(matches!(done, Ok(()) | Err(Error::Expectation)), "refused with the right error");
    };
    check(b"there", Some(b"1"), true);
    check(b"there", Some(b"2"), false);
    check(b"there", Some(b""), false);
    check(b"there", None, false);
    check(b"absent", None, true);
    check(b"absent", Some(b""), false);

    let mut batch = Batch::new();
    batch.put(b"there".to_vec(), b"2".to_vec());
    batch.expect_value(b"there".to_vec(), b"1".to_vec());
    engine.commit(batch).expect("expectations speak of the state before the batch");
    check(b"there", Some(b"2"), true);
}

fn refused_batch_writes_nothing(engine: &dyn Engine) {
    commit(engine, &[(b"a", Some(b"old")), (b"b", Some(b"old"))]);
    let mut batch = Batch::new();
    batch.put(b"a".to_vec(), b"new".to_vec());
    batch.remove(b"b".to_vec());
    batch.put(b"c".to_vec(), vec![b'c'; 10_000]);
    batch.expect_value(b"a".to_vec(), b"old".to_vec());
    batch.expect_absent(b"b".to_vec());
    assert!(matches!(engine.commit(batch), Err(Error::Expectation)));
    let values = [b"a", b"b", b"c"].map(|key| value(engine, key));
    assert_eq!(values, [Some(b"old".to_vec()), Some(b"old".to_vec()), None]);
}

fn only_one_of_many_claims_succeeds(engine: &dyn Engine) {
    const THREADS: u64 = 4;
    const EACH: u64 = 50;
    let count = || value(engine, b"count").map_or(0, |bytes| number(&bytes));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut won = 0;
                while won < EACH {
                    let before = value(engine, b"count");
                    let next = before.as_deref().map_or(0, number) + 1;
                    let mut batch = Batch::new();
                    match before {
                        Some(before) => batch.expect_value(b"count".to_vec(), before),
                        None => batch.expect_absent(b"count".to_vec()),
                    }
                    batch.put(b"count".to_vec(), next.to_be_bytes().to_vec());
                    batch.put(format!("claim {thread} {won}").into_bytes(), next.to_be_bytes().to_vec());
                    match engine.commit(batch) {
                        Ok(()) => won += 1,
                        Err(Error::Expectation) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(count(), THREADS * EACH, "no claim is lost and none counts twice");
    let mut claims: Vec<u64> = scan(engine, &Range::prefix(b"claim "), usize::MAX)
        .iter()
        .map(|entry| number(&entry.value))
        .collect();
    claims.sort_unstable();
    assert_eq!(claims, (1..=THREADS * EACH).collect::<Vec<_>>(), "each number is claimed once");
}

fn readers_see_whole_batches(engine: &dyn Engine) {
    const ROUNDS: u32 = 60;
    // Wide enough to lie in several pages of an engine, long enough to be cut.
    let round = |number: u32| {
        let mut batch = Batch::new();
        for row in 0..40_u32 {
            batch.put(
                format!("row {row:02}").into_bytes(),
                number.to_be_bytes().repeat(if row == 0 { 2_000 } else { 50 }),
            );
        }
        engine.commit(batch).expect("a batch");
    };
    round(0);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            (1..=ROUNDS).for_each(round);
            is_done.store(true, Ordering::Release);
        });
        while !is_done.load(Ordering::Acquire) {
            let entries = scan(engine, &Range::prefix(b"row "), usize::MAX);
            let first = &entries[0].value[..4];
            let is_whole = entries.iter().all(|entry| entry.value.chunks(4).all(|bytes| bytes == first));
            assert!(entries.len() == 40 && is_whole, "a scan saw half a batch");
        }
    });
    assert_eq!(
        value(engine, b"row 39").map(|bytes| bytes[..4].to_vec()),
        Some(ROUNDS.to_be_bytes().to_vec())
    );
}

fn watchers_are_woken(engine: &dyn Engine) {
    let (watch, other) = (engine.watch(b"run "), engine.watch(b"runs "));
    assert!(!watch.has_changed(), "nothing has happened");
    commit(engine, &[(b"other", Some(b"1"))]);
    assert!(!watch.has_changed(), "another prefix is no news");
    let mut refused = Batch::new();
    refused.put(b"run 1".to_vec(), b"1".to_vec());
    refused.expect_absent(b"other".to_vec());
    assert!(engine.commit(refused).is_err());
    assert!(!watch.has_changed(), "a refused batch is no news");
    commit(engine, &[(b"other", Some(b"2")), (b"run 1", Some(b"1"))]);
    assert!(watch.has_changed(), "one key of the batch has the prefix");
    assert!(!other.has_changed(), "a longer prefix is another one");
    let later = engine.watch(b"run ");
    assert!(!later.has_changed(), "what was before is no news");
    commit(engine, &[(b"run 1", None)]);
    assert!(later.has_changed(), "a removal is news");
}

fn data_outlives_the_engine(subject: &dyn Subject) {
    if !subject.survives() {
        return;
    }
    for round in 0..3_u32 {
        let engine = subject.open("reopened");
        let entries = scan(&*engine, &Range::all(), usize::MAX);
        assert_eq!(entries.len(), 300 * round as usize, "all that was flushed is there again");
        let mut batch = Batch::new();
        for row in 0..300_u32 {
            let key = [row.to_be_bytes(), round.to_be_bytes()].concat();
            batch.put(key, round.to_be_bytes().repeat(row as usize * 10));
        }
        engine.commit(batch).expect("a batch");
        engine.flush().expect("a flush");
    }
    let engine = subject.open("reopened");
    let key = [299_u32.to_be_bytes(), 1_u32.to_be_bytes()].concat();
    assert_eq!(value(&*engine, &key), Some(1_u32.to_be_bytes().repeat(2_990)), "as it was written");
}

/// Keys that are prefixes of one another, with the lowest and the highest bytes, and
/// enough others to fill many pages; written in no order. Each is its own value.
fn fill(engine: &dyn Engine) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> =
        [&b"\0"[..], b"a", b"a\0", b"a\0\0", b"a\x01", b"ab", b"a\xff", b"b", b"\xff", b"\xff\xff"]
            .map(<[u8]>::to_vec)
            .to_vec();
    // 1,237 and 2,000 have no common divisor, so each number comes once.
    keys.extend((0..2_000_u32).map(|index| format!("key {:04}", index * 1_237 % 2_000).into_bytes()));
    for keys in keys.chunks(150) {
        let mut batch = Batch::new();
        keys.iter().for_each(|key| batch.put(key.clone(), key.clone()));
        engine.commit(batch).expect("a batch");
    }
    keys
}

fn commit(engine: &dyn Engine, writes: &[(&[u8], Option<&[u8]>)]) {
    let mut batch = Batch::new();
    for (key, value) in writes {
        match value {
            Some(value) => batch.put(key.to_vec(), value.to_vec()),
            None => batch.remove(key.to_vec()),
        }
    }
    engine.commit(batch).expect("nothing was expected");
}

fn value(engine: &dyn Engine, key: &[u8]) -> Option<Vec<u8>> {
    get(engine, key.to_vec()).expect("a read").map(|bytes| bytes.to_vec())
}

fn scan(engine: &dyn Engine, range: &Range, limit: usize) -> Vec<Entry> {
    engine.scan(range.clone(), limit, Want::Entries).expect("a scan")
}

fn keys_of(entries: &[Entry]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.key.to_vec()).collect()
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("eight bytes were written"))
}
