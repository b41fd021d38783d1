//! What must be true at rest, said by somebody who knows nothing of how a host works.
//!
//! It keeps what was done on which side and in which order, and when a sync is known to
//! have come through. What it cannot know it allows: it never demands more than follows.

use super::step::{Policy, Side};
use serde_json::Value;
use std::fmt;

/// A field of a ticket that both sides can set.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The values that it can have; empty: any text, never the same one twice.
    pub(super) choices: &'static [&'static str],
}

/// The fields that are edited. The first two never have the same value twice, so that it
/// is known whose a value is.
pub(super) const FIELDS: [Field; 4] = [
    Field { name: "subject", choices: &[] },
    Field { name: "recipient", choices: &[] },
    Field { name: "priority", choices: &["low", "normal", "high", "urgent"] },
    Field { name: "type", choices: &["problem", "incident", "question", "task"] },
];

/// A record of the model, by when it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordId(pub(super) usize);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// A value that somebody has set.
#[derive(Clone, Debug)]
struct Write {
    at: usize,
    side: Side,
    field: usize,
    value: String,
    /// The value that stood there on the same side.
    before: Option<String>,
    /// The stretch without any run in which it was done.
    quiet: Option<usize>,
}

/// A record as the model knows it. What was before the last rest is in `rested` alone.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) born: Side,
    /// Values by field as both sides had them at the last rest; none: not born by then.
    rested: Option<Vec<Option<String>>>,
    writes: Vec<Write>,
    deletes: Vec<(usize, Side)>,
    /// How often it was deleted remotely: where the local side wins, it is created anew then.
    pub(super) removed: usize,
    /// Gone on both sides at a rest.
    gone: bool,
    /// A person would have to decide: no more is asked of it than a reason.
    held: bool,
}

/// What is known of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// One may have gone on from here.
    Attempt,
    /// Both sides were brought together, and nothing went on any more.
    Synced,
    /// Nothing goes on, and nothing can.
    Still,
}

/// What is to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// On both sides.
    There,
    /// On neither side.
    Gone,
    /// Either, but the same on both.
    Either,
}

/// The model of one sequence.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) records: Vec<Record>,
    now: usize,
    marks: Vec<(usize, Mark)>,
    quiet: Option<usize>,
}

impl Model {
    /// A new record, with its values in the order of `FIELDS`.
    pub(super) fn create(&mut self, side: Side, values: Vec<String>) {
        let id = RecordId(self.records.len());
        self.records.push(Record {
            born: side,
            rested: None,
            writes: Vec::new(),
            deletes: Vec::new(),
            removed: 0,
            gone: false,
            held: false,
        });
        for (field, value) in values.into_iter().enumerate() {
            self.edit(side, id, field, (value, None));
        }
    }

    /// A field gets a value, in the place of another one.
    pub(super) fn edit(
        &mut self,
        side: Side,
        id: RecordId,
        field: usize,
        (value, before): (String, Option<String>),
    ) {
        let (at, quiet) = (self.tick(), self.quiet);
        self.records[id.0].writes.push(Write { at, side, field, value, before, quiet });
    }

    pub(super) fn delete(&mut self, side: Side, id: RecordId) {
        let at = self.tick();
        self.records[id.0].deletes.push((at, side));
        self.records[id.0].removed += usize::from(side == Side::Remote);
    }

    /// Whether a side has deleted the record, so that nobody can do anything with it there.
    pub(super) fn is_deleted(&self, side: Side, id: RecordId) -> bool {
        let record = &self.records[id.0];
        record.gone || record.deletes.iter().any(|(_, by)| *by == side)
    }

    /// From now on a run may go on, until `synced` or `still`.
    pub(super) fn attempt(&mut self) {
        self.mark(Mark::Attempt);
    }

    /// All that was done is on both sides, and nothing goes on any more.
    pub(super) fn synced(&mut self) {
        self.mark(Mark::Synced);
    }

    /// Nothing goes on, and nothing can until `loud`.
    pub(super) fn still(&mut self) {
        self.mark(Mark::Still);
        self.quiet = Some(self.now);
    }

    pub(super) fn loud(&mut self) {
        self.quiet = None;
    }

    /// All has come to rest and was judged: what both sides have now is where they begin.
    pub(super) fn rest(&mut self, id: RecordId, values: Option<Vec<Option<String>>>, held: bool) {
        let record = &mut self.records[id.0];
        record.held |= held;
        record.gone = values.is_none() && !record.held;
        if !record.held {
            record.rested = values;
            record.writes.clear();
            record.deletes.clear();
        }
    }

    /// What is to become of the record.
    pub(super) fn presence(&self, id: RecordId) -> Presence {
        let record = &self.records[id.0];
        let deleted = |side| record.deletes.iter().find(|(_, by)| *by == side).map(|(at, _)| *at);
        let (delete, other) = match (deleted(Side::Local), deleted(Side::Remote)) {
            _ if record.gone => return Presence::Gone,
            (None, None) => return Presence::There,
            (Some(_), Some(_)) => return Presence::Gone,
            (Some(at), None) => (at, Side::Remote),
            (None, Some(at)) => (at, Side::Local),
        };
        // Whoever deletes what the other side has changed meets a conflict.
        match record.writes.iter().rev().find(|write| write.side == other) {
            Some(write) if !self.synced_between(write.at, delete) => Presence::Either,
            _ => Presence::Gone,
        }
    }

    /// The values that a field may have on both sides, where the record is there; none
    /// where any will do. A held conflict of a record is nobody's fault.
    pub(super) fn allowed(&self, policy: Policy, id: RecordId, field: usize) -> Option<Vec<Option<String>>> {
        let record = &self.records[id.0];
        if record.held || !record.deletes.is_empty() {
            return None;
        }
        let last = |side| record.writes.iter().rev().find(|write| write.field == field && write.side == side);
        let only = |write: &Write| Some(vec![Some(write.value.clone())]);
        let (local, remote) = match (last(Side::Local), last(Side::Remote)) {
            (None, None) => return record.rested.as_ref().map(|values| vec![values[field].clone()]),
            (Some(write), None) | (None, Some(write)) => return only(write),
            (Some(local), Some(remote)) => (local, remote),
        };
        let (first, second) = if local.at < remote.at { (local, remote) } else { (remote, local) };
        let both = Some(vec![Some(local.value.clone()), Some(remote.value.clone())]);
        if !FIELDS[field].choices.is_empty() {
            return both;
        }
        // Whoever came later had the value of the other one before his eyes: no conflict.
        if self.synced_between(first.at, second.at) || second.before.as_ref() == Some(&first.value) {
            return only(second);
        }
        let winner = match policy {
            Policy::RemoteWins => remote,
            Policy::LocalWins => local,
            Policy::NewestWins | Policy::Manual => return both,
        };
        if second.side == winner.side || self.is_still_between(record, first, second) {
            only(winner)
        } else {
            both
        }
    }

    /// The last value that a side has set since the last rest.
    pub(super) fn last_of(&self, side: Side, id: RecordId, field: usize) -> Option<&str> {
        let writes = &self.records[id.0].writes;
        let last = writes.iter().rev().find(|write| write.side == side && write.field == field);
        last.map(|write| write.value.as_str())
    }

    /// Whether a side has set the field to that since the last rest.
    pub(super) fn was_set(&self, side: Side, id: RecordId, field: usize, value: &str) -> bool {
        let is_it = |write: &&Write| write.side == side && write.field == field && write.value == value;
        self.records[id.0].writes.iter().any(|write| is_it(&write))
    }

    fn synced_between(&self, from: usize, to: usize) -> bool {
        self.marks.iter().any(|(at, mark)| *mark == Mark::Synced && (from..to).contains(at))
    }

    /// Whether nothing of the record can have moved between the two.
    fn is_still_between(&self, record: &Record, first: &Write, second: &Write) -> bool {
        if first.quiet.is_some() && first.quiet == second.quiet {
            return true;
        }
        let before =
            |at: usize| self.marks.iter().rev().find(|(place, _)| *place < at).map(|(_, mark)| *mark);
        let goes_on = before(first.at) == Some(Mark::Attempt);
        let begins =
            self.marks.iter().any(|(at, mark)| *mark == Mark::Attempt && (first.at..second.at).contains(at));
        // A local change is exported at a time that nobody names.
        let synced = self.marks.iter().rev().find(|(at, mark)| *mark == Mark::Synced && *at < second.at);
        let since = synced.map_or(0, |(at, _)| *at);
        let waits = record
            .writes
            .iter()
            .any(|write| write.side == Side::Local && (since..second.at).contains(&write.at));
        !goes_on && !begins && !waits
    }

    fn mark(&mut self, mark: Mark) {
        let at = self.tick();
        self.marks.push((at, mark));
    }

    fn tick(&mut self) -> usize {
        self.now += 1;
        self.now
    }
}

/// The values of a ticket, in the order of `FIELDS`.
pub(super) fn values_of(ticket: &Value) -> Vec<Option<String>> {
    FIELDS.iter().map(|field| ticket[field.name].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests;
