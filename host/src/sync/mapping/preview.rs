//! What a mapping makes of records, before anybody saves it.
//!
//! It only reads. Records that a saved mapping has mapped already are turned back by
//! that one first, as the remote payload is not kept.

use super::{Filters, Lint, Mapper, MappingError, lint};
use crate::{
    model::{Channel, Class, Connector, Failure, Mapping, Name, RecordKey, Ways},
    store::{self, Store},
    sync::{Error, Field, Sync, apart::apart, rehearsal},
};
use bytes::Bytes;
use serde_json::{Value, value::RawValue};

/// What is to be previewed.
pub struct Asked {
    /// The mapping.
    pub mapping: Mapping,
    /// The records, of which at most `limit` are shown.
    pub of: Which,
    /// How many records.
    pub limit: usize,
}

/// On which records.
pub enum Which {
    /// The first ones that are stored.
    First,
    /// A stored one.
    Key(RecordKey),
    /// One in the form that the remote system gives it.
    Payload(Bytes),
}

/// What a mapping makes of records.
pub struct Preview {
    /// Whether there are such records.
    pub is_found: bool,
    /// The records.
    pub records: Vec<Previewed>,
    /// Where the records are not those that the remote system gave.
    pub note: Option<String>,
}

/// What a mapping makes of one record.
#[derive(Default)]
pub struct Previewed {
    /// None: it is not stored.
    pub key: Option<RecordKey>,
    /// What differs between the remote payload and the mapped one, at most 50 places.
    pub fields: Vec<Field>,
    /// What the fields do not show.
    pub note: Option<String>,
    /// The mapped payload.
    pub local: Option<Box<RawValue>>,
    /// What differs between the remote payload and what would go back: what has no value
    /// after it does not come back at all. None: nothing turns it back.
    pub back: Option<Vec<Field>>,
    /// Why it cannot be mapped, or not be turned back.
    pub problem: Option<Failure>,
}

impl Sync {
    /// What there is to say about a mapping. `connector`: as the plugin offers it.
    #[must_use]
    pub fn lint_mapping(
        &self,
        channel: &Channel,
        connector: Option<&Connector>,
        mapping: &Mapping,
    ) -> Vec<Lint> {
        let two_way =
            channel.two_way && connector.is_none_or(|connector| connector.direction == Ways::TwoWay);
        lint::lint(mapping, two_way)
    }

    /// Compiles a mapping, only to see whether it can be.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub async fn check_mapping(&self, mapping: &Mapping) -> Result<(), Error> {
        let (filters, mapping) = (self.shared.config.filters(), mapping.clone());
        Ok(apart(move || Mapper::compile(&filters, &mapping).map(|_| ())).await?)
    }

    /// Shows what a mapping makes of records, and writes nothing.
    ///
    /// # Errors
    /// The mapping is wrong, there is no such record, or the store cannot be read.
    pub async fn preview_mapping(
        &self,
        channel: &Channel,
        connector: &Name,
        asked: Asked,
    ) -> Result<Preview, Error> {
        let filters = self.shared.config.filters();
        let Asked { mapping, of, limit } = asked;
        let (records, is_stored) = match of {
            Which::Payload(payload) => (vec![(None, payload)], false),
            Which::Key(key) => (stored(&self.shared.store, channel, connector, Some(key), 1).await?, true),
            Which::First => (stored(&self.shared.store, channel, connector, None, limit).await?, true),
        };
        let saved = channel.mappings.get(connector).filter(|_| is_stored).cloned();
        let work = move || {
            let is_found = !records.is_empty();
            let mapper = Mapper::compile(&filters, &mapping)?;
            let (back, note) = undo(&filters, saved.as_ref())?;
            let records = match back {
                Undo::Impossible => Vec::new(),
                Undo::Nothing => {
                    records.into_iter().map(|(key, payload)| mapper.shown(key, &payload)).collect()
                }
                Undo::By(saved) => records
                    .into_iter()
                    .map(|(key, payload)| match turned_back(&saved, &payload) {
                        Ok(remote) => mapper.shown(key, &remote),
                        Err(problem) => Previewed { key, problem: Some(problem), ..Previewed::default() },
                    })
                    .collect(),
            };
            Ok::<_, MappingError>(Preview { is_found, records, note })
        };
        Ok(apart(work).await?)
    }
}

async fn stored(
    store: &Store,
    channel: &Channel,
    connector: &Name,
    key: Option<RecordKey>,
    limit: usize,
) -> store::Result<Vec<(Option<RecordKey>, Bytes)>> {
    let records = match key {
        Some(key) => store.records().get(channel.id, connector, &key).await?.into_iter().collect(),
        None => store.records().list(channel.id, connector, None, limit).await?,
    };
    Ok(records.into_iter().map(|record| (Some(record.key), record.payload)).collect())
}

/// How stored records become remote ones again.
enum Undo {
    /// They are.
    Nothing,
    By(Mapper),
    /// Nobody knows.
    Impossible,
}

fn undo(filters: &Filters, saved: Option<&Mapping>) -> Result<(Undo, Option<String>), MappingError> {
    let Some(saved) = saved else {
        return Ok((Undo::Nothing, None));
    };
    if saved.import.is_some() && saved.export.is_none() {
        let note = "the stored records were made by the saved import filter, and no export filter turns them \
                    back: show a remote payload with --payload FILE";
        return Ok((Undo::Impossible, Some(note.into())));
    }
    let note = "the stored records were turned back by the saved mapping first; where that loses something, they \
                are not quite what the remote system has";
    Ok((Undo::By(Mapper::compile(filters, saved)?), Some(note.into())))
}

fn turned_back(saved: &Mapper, payload: &[u8]) -> Result<Bytes, Failure> {
    Ok(saved.export(&read(payload)?)?.to_string().into())
}

fn read(payload: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(payload).map_err(|error| {
        Failure::new(Class::InvalidData, "mapping.input", format!("it cannot be read: {error}"))
    })
}

impl Mapper {
    fn shown(&self, key: Option<RecordKey>, remote: &Bytes) -> Previewed {
        let local = match self.import(remote) {
            Ok(local) => local,
            Err(problem) => return Previewed { key, problem: Some(problem), ..Previewed::default() },
        };
        let (fields, note) = rehearsal::of_payloads(remote, &local);
        let back = match self.turns_back() {
            true => Some(turned_back(self, &local)),
            false => None,
        };
        let (back, problem) = match back.transpose() {
            Ok(back) => (back.map(|back| rehearsal::of_payloads(remote, &back).0), None),
            Err(problem) => (None, Some(problem)),
        };
        Previewed { key, fields, note, local: serde_json::from_slice(&local).ok(), back, problem }
    }

    /// Whether an import filter is undone by an export filter, or there is none.
    fn turns_back(&self) -> bool {
        self.import.is_none() || self.export.is_some()
    }
}
