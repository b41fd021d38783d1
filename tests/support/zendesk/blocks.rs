//! Made-up records as JSON, a hundred at a time, kept while there is room.
//!
//! A page of untouched records is then a few slices of what lies here, and costs
//! nothing to make.

use super::collection::Seeds;
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

/// Records of a block.
const SIZE: u64 = 100;
/// At most so many bytes are kept: more than 100,000 tickets.
const ROOM: usize = 192 << 20;

/// The blocks that are kept, the oldest first to go.
#[derive(Default)]
pub(super) struct Blocks {
    kept: HashMap<u64, Block>,
    order: VecDeque<u64>,
    bytes: usize,
}

#[derive(Clone)]
struct Block {
    bytes: Bytes,
    /// Where each record begins, and where a further one would.
    starts: Vec<usize>,
}

impl Blocks {
    /// These records in pieces, parted by commas within a piece.
    pub(super) fn slices<S: Seeds>(&mut self, seeds: &S, range: Range<u64>) -> Vec<Bytes> {
        let mut slices = Vec::new();
        let mut next = range.start;
        while next < range.end {
            let block = next / SIZE;
            let stop = range.end.min((block + 1) * SIZE);
            slices.push(self.block(seeds, block).slice(next % SIZE..stop - block * SIZE));
            next = stop;
        }
        slices
    }

    /// Makes blocks from the first record on, as long as there is room.
    pub(super) fn fill<S: Seeds>(&mut self, seeds: &S) {
        for number in 0..seeds.count().div_ceil(SIZE) {
            if self.bytes >= ROOM {
                return;
            }
            self.block(seeds, number);
        }
    }

    fn block<S: Seeds>(&mut self, seeds: &S, number: u64) -> Block {
        if let Some(block) = self.kept.get(&number) {
            return block.clone();
        }
        let block = Block::of(seeds, number);
        self.bytes += block.bytes.len();
        self.kept.insert(number, block.clone());
        self.order.push_back(number);
        while self.bytes > ROOM {
            let Some(gone) = self.order.pop_front().and_then(|oldest| self.kept.remove(&oldest)) else {
                break;
            };
            self.bytes -= gone.bytes.len();
        }
        block
    }
}

impl Block {
    fn of<S: Seeds>(seeds: &S, number: u64) -> Self {
        let range = number * SIZE..seeds.count().min((number + 1) * SIZE);
        let mut bytes = Vec::with_capacity(S::ROOM * usize::try_from(SIZE).unwrap_or_default());
        let mut starts = vec![0];
        for index in range {
            seeds.write(index, &mut bytes);
            bytes.push(b',');
            starts.push(bytes.len());
        }
        Self { bytes: bytes.into(), starts }
    }

    /// Records of the block, without the comma after the last.
    fn slice(&self, records: Range<u64>) -> Bytes {
        let at = |record: u64| self.starts[usize::try_from(record).unwrap_or(usize::MAX)];
        self.bytes.slice(at(records.start)..at(records.end) - 1)
    }
}
