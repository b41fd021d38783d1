//! Records of one kind: made-up ones that nobody has touched, and real ones over them.
//!
//! Every record has one position in the order of changes. Seeds keep the first ones;
//! a change takes the record out of its place and puts it at the end. So a reader who
//! goes on from a position meets every later change, and meets nothing twice that has
//! not changed. This is what the vendor's cursors promise.

use super::blocks::Blocks;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Where made-up records come from.
pub(super) trait Seeds {
    /// Room for one record as JSON, in bytes; more is fine.
    const ROOM: usize;
    /// How many there are.
    fn count(&self) -> u64;
    /// The id of the one with index 0; the others follow.
    fn first_id(&self) -> u64;
    /// When that one was last changed; never before the one ahead of it.
    fn at(&self, index: u64) -> i64;
    /// Writes that one as JSON.
    fn write(&self, index: u64, out: &mut Vec<u8>);
}

/// A record that somebody has made or changed.
pub(super) struct Entry {
    /// Its properties.
    pub(super) value: Map<String, Value>,
    /// When it was last changed.
    pub(super) at: i64,
    /// Whether it is deleted.
    pub(super) deleted: bool,
}

struct Placed {
    entry: Entry,
    rendered: Bytes,
    position: u64,
}

/// The records.
pub(super) struct Collection<S> {
    seeds: S,
    touched: BTreeSet<u64>,
    /// Gone for good: nobody tells of them any more.
    purged: HashSet<u64>,
    entries: HashMap<u64, Placed>,
    log: BTreeMap<u64, u64>,
    next_position: u64,
    next_id: u64,
    blocks: Blocks,
}

/// Which part of the changes to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The position to begin at.
    pub(super) from: u64,
    /// At most so many records.
    pub(super) limit: u64,
    /// Nothing that has changed later than that.
    pub(super) until: i64,
    /// Whether deleted records are left out.
    pub(super) deleted: Deleted,
}

/// What to do with deleted records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    Shown,
    LeftOut,
}

/// A page of changes.
pub(super) struct Page {
    /// Records as JSON; some pieces hold many, parted by commas.
    pub(super) pieces: Vec<Bytes>,
    /// The number of records.
    pub(super) count: u64,
    /// The position to go on from.
    pub(super) next: u64,
    /// When the last record was changed.
    pub(super) at: i64,
    /// Whether nothing more is to be had now.
    pub(super) end: bool,
}

impl<S: Seeds> Collection<S> {
    pub(super) fn new(seeds: S) -> Self {
        Self {
            touched: BTreeSet::new(),
            purged: HashSet::new(),
            entries: HashMap::new(),
            log: BTreeMap::new(),
            next_position: seeds.count(),
            next_id: seeds.first_id() + seeds.count(),
            blocks: Blocks::default(),
            seeds,
        }
    }

    /// Makes as many pages ready as there is room for.
    pub(super) fn prepare(&mut self) {
        self.blocks.fill(&self.seeds);
    }

    /// An id that nobody has.
    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// The ids that have ever been given, deleted ones included.
    pub(super) fn ids(&self) -> std::ops::Range<u64> {
        self.seeds.first_id()..self.next_id
    }

    /// Whether there is such a record, not deleted.
    pub(super) fn is_there(&self, id: u64) -> bool {
        match self.entries.get(&id) {
            Some(placed) => !placed.entry.deleted,
            None => self.seed(id).is_some(),
        }
    }

    /// How many there are, not deleted.
    pub(super) fn len(&self) -> u64 {
        let all = self.next_id - self.seeds.first_id();
        let deleted = self.entries.values().filter(|placed| placed.entry.deleted).count();
        all - (deleted + self.purged.len()) as u64
    }

    /// The record as JSON, deleted or not.
    pub(super) fn rendered(&self, id: u64) -> Option<Bytes> {
        if let Some(placed) = self.entries.get(&id) {
            return Some(placed.rendered.clone());
        }
        let mut out = Vec::with_capacity(S::ROOM);
        self.seeds.write(self.seed(id)?, &mut out);
        Some(out.into())
    }

    /// The record's properties, deleted or not.
    pub(super) fn value(&self, id: u64) -> Option<Map<String, Value>> {
        match self.entries.get(&id) {
            Some(placed) => Some(placed.entry.value.clone()),
            None => serde_json::from_slice(&self.rendered(id)?).ok(),
        }
    }

    /// When the record was last changed.
    pub(super) fn at(&self, id: u64) -> Option<i64> {
        match self.entries.get(&id) {
            Some(placed) => Some(placed.entry.at),
            None => self.seed(id).map(|index| self.seeds.at(index)),
        }
    }

    /// Whether the record is one that was made up.
    pub(super) fn seed_index(&self, id: u64) -> Option<u64> {
        id.checked_sub(self.seeds.first_id()).filter(|index| *index < self.seeds.count())
    }

    /// The same, where it is still as it was made up.
    fn seed(&self, id: u64) -> Option<u64> {
        self.seed_index(id).filter(|_| !self.purged.contains(&id))
    }

    /// The records that somebody has made or changed.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|(id, placed)| (*id, &placed.entry))
    }

    /// Puts a record at the end of the order of changes.
    pub(super) fn put(&mut self, id: u64, entry: Entry) {
        if let Some(index) = self.seed_index(id) {
            self.touched.insert(index);
        }
        if let Some(before) = self.entries.get(&id) {
            self.log.remove(&before.position);
        }
        let position = self.next_position;
        self.next_position += 1;
        self.log.insert(position, id);
        let rendered = serde_json::to_vec(&entry.value).expect("a JSON object can be written").into();
        self.entries.insert(id, Placed { entry, rendered, position });
    }

    /// Takes a record away without a trace: it is in no list, and no change tells of it.
    /// False where there is none.
    pub(super) fn purge(&mut self, id: u64) -> bool {
        let before = self.entries.remove(&id);
        if let Some(placed) = &before {
            self.log.remove(&placed.position);
        }
        if before.is_none() && self.seed(id).is_none() {
            return false;
        }
        self.touched.extend(self.seed_index(id));
        self.purged.insert(id);
        true
    }

    /// The position of the first record that has changed then or later.
    pub(super) fn seek(&self, start: i64) -> u64 {
        let (mut low, mut high) = (0, self.seeds.count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.seeds.at(middle) < start { low = middle + 1 } else { high = middle }
        }
        if low < self.seeds.count() {
            return low;
        }
        let later = self.log.iter().find(|(_, id)| self.entries[id].entry.at >= start);
        later.map_or(self.next_position, |(position, _)| *position)
    }

    /// Reads changes.
    pub(super) fn page(&mut self, window: Window) -> Page {
        let mut page = Page { pieces: Vec::new(), count: 0, next: window.from, at: 0, end: false };
        self.read_seeds(window, &mut page);
        self.read_entries(window, &mut page);
        page.end = !self.has_more(Window { from: page.next, ..window });
        page
    }

    fn read_seeds(&mut self, window: Window, page: &mut Page) {
        let count = self.seeds.count();
        while page.count < window.limit && page.next < count {
            let stop = self.touched.range(page.next..).next().copied().unwrap_or(count);
            let stop = stop.min(page.next + (window.limit - page.count));
            if stop == page.next {
                page.next += 1;
                continue;
            }
            page.pieces.extend(self.blocks.slices(&self.seeds, page.next..stop));
            page.count += stop - page.next;
            page.at = self.seeds.at(stop - 1);
            page.next = stop;
        }
    }

    fn read_entries(&self, window: Window, page: &mut Page) {
        if page.next < self.seeds.count() {
            return;
        }
        for (position, id) in self.log.range(page.next..) {
            let placed = &self.entries[id];
            if page.count == window.limit || placed.entry.at > window.until {
                return;
            }
            page.next = position + 1;
            if window.shows(&placed.entry) {
                page.pieces.push(placed.rendered.clone());
                page.count += 1;
                page.at = placed.entry.at;
            }
        }
    }

    fn has_more(&self, window: Window) -> bool {
        let left = self.seeds.count().saturating_sub(window.from);
        let untouched = left > self.touched.range(window.from..).count() as u64;
        let visible = |entry: &Entry| entry.at <= window.until && window.shows(entry);
        untouched || self.log.range(window.from..).any(|(_, id)| visible(&self.entries[id].entry))
    }
}

impl Window {
    fn shows(&self, entry: &Entry) -> bool {
        self.deleted == Deleted::Shown || !entry.deleted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers(u64);

    impl Seeds for Numbers {
        const ROOM: usize = 8;
        fn count(&self) -> u64 {
            self.0
        }
        fn first_id(&self) -> u64 {
            1
        }
        fn at(&self, index: u64) -> i64 {
            i64::try_from(index / 2).expect("small") * 10
        }
        fn write(&self, index: u64, out: &mut Vec<u8>) {
            out.extend_from_slice(format!("{{\"id\":{}}}", index + 1).as_bytes());
        }
    }

    fn ids(page: &Page) -> Vec<u64> {
        let text = page
            .pieces
            .iter()
            .map(|piece| String::from_utf8(piece.to_vec()).expect("text"))
            .collect::<Vec<_>>()
            .join(",");
        let values: Vec<Value> = serde_json::from_str(&format!("[{text}]")).expect("JSON");
        values.iter().map(|value| value["id"].as_u64().expect("an id")).collect()
    }

    fn window(from: u64, limit: u64) -> Window {
        Window { from, limit, until: 1_000, deleted: Deleted::Shown }
    }

    fn change(records: &mut Collection<Numbers>, id: u64, at: i64, deleted: bool) {
        let value = [("id".to_owned(), Value::from(id))].into_iter().collect();
        records.put(id, Entry { value, at, deleted });
    }

    #[test]
    fn every_record_comes_once_and_a_changed_one_again_at_the_end() {
        let mut records = Collection::new(Numbers(5));
        let first = records.page(window(0, 2));
        assert_eq!((ids(&first), first.next, first.end), (vec![1, 2], 2, false));
        change(&mut records, 1, 500, false);
        change(&mut records, 4, 500, false);
        let second = records.page(window(first.next, 2));
        assert_eq!((ids(&second), second.end), (vec![3, 5], false));
        let third = records.page(window(second.next, 10));
        assert_eq!((ids(&third), third.end), (vec![1, 4], true));
        change(&mut records, 1, 600, false);
        let fourth = records.page(window(third.next, 10));
        assert_eq!((ids(&fourth), fourth.end), (vec![1], true));
    }

    #[test]
    fn a_page_that_ends_with_the_last_record_says_so() {
        let mut records = Collection::new(Numbers(4));
        assert!(records.page(window(0, 4)).end);
        change(&mut records, 4, 500, false);
        change(&mut records, 3, 500, false);
        let page = records.page(window(0, 2));
        assert_eq!((ids(&page), page.end), (vec![1, 2], false));
        let page = records.page(window(page.next, 2));
        assert_eq!((ids(&page), page.end), (vec![4, 3], true));
    }

    #[test]
    fn what_is_too_new_waits_and_is_not_skipped() {
        let mut records = Collection::new(Numbers(1));
        change(&mut records, 1, 2_000, false);
        let hidden = records.page(window(0, 10));
        assert_eq!((ids(&hidden), hidden.end), (vec![], true));
        let shown = records.page(Window { until: 2_000, ..window(hidden.next, 10) });
        assert_eq!(ids(&shown), [1]);
    }

    #[test]
    fn deleted_records_can_be_left_out() {
        let mut records = Collection::new(Numbers(2));
        change(&mut records, 2, 500, true);
        assert_eq!(ids(&records.page(window(0, 10))), [1, 2]);
        assert_eq!(ids(&records.page(Window { deleted: Deleted::LeftOut, ..window(0, 10) })), [1]);
        assert!(!records.is_there(2) && records.is_there(1) && !records.is_there(3));
        assert_eq!(records.len(), 1);
    }

    #[test]
    fn a_purged_record_leaves_no_trace() {
        let mut records = Collection::new(Numbers(4));
        change(&mut records, 2, 500, false);
        assert!(records.purge(2) && records.purge(3));
        assert!(!records.purge(2) && !records.purge(3) && !records.purge(9));
        assert_eq!(ids(&records.page(window(0, 10))), [1, 4]);
        assert_eq!((records.len(), records.is_there(3), records.value(3)), (2, false, None));
        assert!(records.page(window(1, 1)).end);
    }

    #[test]
    fn a_start_time_finds_the_first_change_then_or_later() {
        let mut records = Collection::new(Numbers(5));
        change(&mut records, 2, 500, false);
        for (start, position) in
            [(-5, 0), (0, 0), (1, 2), (10, 2), (11, 4), (20, 4), (21, 5), (500, 5), (501, 6)]
        {
            assert_eq!(records.seek(start), position, "{start}");
        }
    }
}
