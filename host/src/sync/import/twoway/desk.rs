//! Where a page is merged with what was changed here. Pure.
//!
//! The processor has judged the page as if nobody had written here; this puts right what
//! it made of records that wait to be exported.

use super::Reconciled;
use crate::{
    model::{Author, Outgoing, Record, RecordKey, RunId, TrailStep, Version, Write},
    sync::{
        import::processor::{Decided, Sheet},
        merge,
        reconcile::{self, Remote, Rules, value},
    },
};
use std::collections::{HashMap, HashSet};

/// Where one page is merged.
pub(super) struct Desk {
    pub(super) rules: Rules,
    /// The records as they are here.
    pub(super) here: HashMap<RecordKey, Record>,
    pub(super) rows: HashMap<RecordKey, Outgoing>,
    pub(super) steps: Vec<(RecordKey, TrailStep)>,
    /// Gone from there: for good, or until they are created anew, as others.
    pub(super) gone: Vec<RecordKey>,
    /// Rows whose conflict may be over, as they were and as they are.
    pub(super) held: Vec<(Outgoing, Option<Outgoing>)>,
    pub(super) reconciled: Reconciled,
}

impl Desk {
    pub(super) fn settle(&mut self, decided: &mut Decided) {
        let puts = std::mem::take(&mut decided.puts);
        let new: HashSet<usize> = std::mem::take(&mut decided.new).into_iter().collect();
        let deletes = std::mem::take(&mut decided.deletes);
        for (place, put) in puts.into_iter().enumerate() {
            match self.rows.remove(&put.key) {
                Some(row) => {
                    let assumed = i64::from(row.base.is_none());
                    let Record { updated, parent, payload, .. } = put;
                    self.merge(decided, row, Remote::Is(Version { updated, parent, payload }), assumed);
                }
                None => {
                    if let Some(before) = self.here.get(&put.key) {
                        let fields = merge::changed_fields(&value(&before.payload), &value(&put.payload));
                        self.note(put.key.clone(), Write::Update, fields);
                    }
                    decided.push(put, new.contains(&place));
                }
            }
        }
        for key in deletes {
            match self.rows.remove(&key) {
                Some(row) => self.merge(decided, row, Remote::Gone(None), -1),
                None => {
                    self.note(key.clone(), Write::Delete, Vec::new());
                    self.gone.push(key.clone());
                    decided.deletes.push(key);
                }
            }
        }
    }

    /// `assumed`: by how much the processor has the connector grow with this record.
    fn merge(&mut self, decided: &mut Decided, row: Outgoing, remote: Remote, assumed: i64) {
        let (key, here) = (row.key.clone(), self.here.get(&row.key));
        let was_here = here.is_some();
        let found = reconcile::reconcile(here, &row, remote, &self.rules);
        decided.growth += i64::from(found.record.is_some()) - i64::from(was_here) - assumed;
        let is_gone = match &found.row {
            Some(row) => row.kind == Write::Create,
            None => found.record.is_none(),
        };
        if is_gone {
            self.gone.push(key.clone());
        }
        if row.held.is_some() {
            self.held.push((row, found.row.clone()));
        }
        self.reconciled.rows.push((key.clone(), found.row));
        self.reconciled.conflicts.extend(found.conflict);
        match found.record {
            Some(record) => {
                if !found.fields.is_empty() {
                    self.note(key, Write::Update, found.fields);
                }
                decided.push(record, !was_here);
            }
            None if was_here => {
                self.note(key.clone(), Write::Delete, Vec::new());
                decided.deletes.push(key);
            }
            None => {}
        }
    }

    fn note(&mut self, key: RecordKey, kind: Write, fields: Vec<String>) {
        let step =
            TrailStep { at: self.rules.now, author: Author::Remote, kind, fields, run: Some(self.rules.run) };
        self.steps.push((key, step));
    }
}

/// What the store has, with what the remote system had in the place of what was changed here.
pub(super) fn as_they_were(
    sheet: &Sheet,
    records: Vec<Option<Record>>,
    rows: &HashMap<RecordKey, Outgoing>,
) -> Vec<Option<Record>> {
    let mut records = records;
    records.resize_with(sheet.keys().len(), || None);
    for (key, record) in sheet.keys().zip(&mut records) {
        if let Some(row) = rows.get(key) {
            let run = record.as_ref().map_or(RunId::from_bytes([0; 16]), |record| record.run);
            let imported = record.as_ref().map_or(row.since, |record| record.imported);
            *record = row.base.clone().map(|base| {
                let Version { updated, parent, payload } = base;
                Record { key: key.clone(), parent, updated, imported, run, payload }
            });
        }
    }
    records
}
