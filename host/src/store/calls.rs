//! Calls of operations: how each of them stands, its input and its output, and which call
//! an idempotency key stands for.
//!
//! It keeps and finds; who may try a call, and when, is decided above. Input and output
//! have rows of their own, so that a list of calls does not read them.

use super::engine::{Engine, Entry, Range, Want};
use super::keys::{self, CallRow, Table};
use super::walk::{self, walk};
use super::{Batch, Error, Result, Store, Watch, codec};
use crate::model::{Call, ChannelId, IdempotencyKey, RunId, Timestamp};
use bytes::Bytes;

const WHAT: &str = "a call";
/// Calls that are removed with one commit.
const PIECE: usize = 100;

/// Calls of operations.
pub struct Calls<'a>(pub(super) &'a Store);

/// A call and its row as it was read, for batches that expect it.
#[derive(Clone, Debug)]
pub struct KeptCall {
    /// The call.
    pub call: Call,
    row: Bytes,
}

impl KeptCall {
    /// A call as it has just been written.
    #[must_use]
    pub fn written(call: Call) -> Self {
        let row = codec::encode(&call).into();
        Self { call, row }
    }
}

impl Calls<'_> {
    /// The call with this id.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, id: RunId) -> Result<Option<KeptCall>> {
        self.0.blocking(move |engine| get(engine, id)).await
    }

    /// The call that a key stands for in a channel.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn by_key(&self, channel: ChannelId, key: &IdempotencyKey) -> Result<Option<KeptCall>> {
        let key = keys::call_of_key(channel, key);
        self.0
            .blocking(move |engine| match walk::get(engine, key)? {
                Some(row) => get(engine, decode_id(row)?),
                None => Ok(None),
            })
            .await
    }

    /// At most `limit` calls, newest first; of one channel or of all; older than `before`
    /// where given.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: Option<ChannelId>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Call>> {
        self.0
            .blocking(move |engine| match channel {
                Some(channel) => list_channel(engine, channel, before, limit),
                None => list_all(engine, before, limit),
            })
            .await
    }

    /// Those that have not ended, the oldest first.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn live(&self) -> Result<Vec<KeptCall>> {
        self.0
            .blocking(|engine| {
                let mut live = Vec::new();
                walk(engine, keys::call_rows(CallRow::Live), Want::Keys, |entry| {
                    live.extend(get(engine, last_id(&entry.key)?)?);
                    Ok(())
                })?;
                live.sort_unstable_by_key(|kept: &KeptCall| kept.call.id);
                Ok(live)
            })
            .await
    }

    /// The input of a call.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn input(&self, id: RunId) -> Result<Option<Bytes>> {
        self.document(id, CallRow::Input).await
    }

    /// The output of a call that completed.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn output(&self, id: RunId) -> Result<Option<Bytes>> {
        self.document(id, CallRow::Output).await
    }

    async fn document(&self, id: RunId, row: CallRow) -> Result<Option<Bytes>> {
        let decode = |row| codec::decode_bytes("a document of a call", row);
        self.0.blocking(move |engine| walk::get(engine, keys::call(row, id))?.map(decode).transpose()).await
    }

    /// Removes at most `limit` calls that were over by `until`, with their keys, and says how
    /// many these were. One that has not ended stays.
    ///
    /// # Errors
    /// Where the store cannot be written; some of them may be removed already.
    pub async fn remove_ended(&self, until: Timestamp, limit: usize) -> Result<usize> {
        self.0.blocking(move |engine| remove_ended(engine, until, limit)).await
    }

    /// Tells when this call is changed or removed.
    #[must_use]
    pub fn watch_one(&self, id: RunId) -> Watch {
        self.0.engine.watch(&keys::call(CallRow::Call, id))
    }
}

impl Batch {
    /// Sets how a call stands, and the run as which history shows it.
    pub fn put_call(&mut self, call: &Call) {
        self.put(keys::call(CallRow::Call, call.id), codec::encode(call));
        self.put(keys::call_of_channel(call.channel_id, call.id), codec::encode_bytes(b""));
        let live = keys::call(CallRow::Live, call.id);
        match call.status.has_ended() {
            true => self.remove(live),
            false => self.put(live, codec::encode_bytes(b"")),
        }
        self.put_run(&call.as_run());
    }

    /// Sets the input of a call.
    pub fn put_call_input(&mut self, id: RunId, input: &[u8]) {
        self.put(keys::call(CallRow::Input, id), codec::encode_bytes(input));
    }

    /// Sets the output of a call.
    pub fn put_call_output(&mut self, id: RunId, output: &[u8]) {
        self.put(keys::call(CallRow::Output, id), codec::encode_bytes(output));
    }

    /// Expects the call to be just as it was read, or written.
    pub fn expect_call(&mut self, kept: &KeptCall) {
        self.expect_value(keys::call(CallRow::Call, kept.call.id), kept.row.to_vec());
    }

    /// Has the key of a call stand for it; expects it to stand for `before` until then.
    pub fn claim_call_key(&mut self, call: &Call, before: Option<RunId>) {
        let key = keys::call_of_key(call.channel_id, &call.key);
        match before {
            Some(before) => self.expect_value(key.clone(), codec::encode_bytes(&before.to_bytes())),
            None => self.expect_absent(key.clone()),
        }
        self.put(key, codec::encode_bytes(&call.id.to_bytes()));
    }
}

fn get(engine: &dyn Engine, id: RunId) -> Result<Option<KeptCall>> {
    let row = walk::get(engine, keys::call(CallRow::Call, id))?;
    row.map(|row| Ok(KeptCall { call: codec::decode(WHAT, row.clone())?, row })).transpose()
}

fn list_all(engine: &dyn Engine, before: Option<RunId>, limit: usize) -> Result<Vec<Call>> {
    let range = older(keys::call_rows(CallRow::Call), before.map(|id| keys::call(CallRow::Call, id)));
    let entries = engine.scan(range, limit, Want::Entries)?;
    entries.into_iter().map(|entry| codec::decode(WHAT, entry.value)).collect()
}

fn list_channel(
    engine: &dyn Engine,
    channel: ChannelId,
    before: Option<RunId>,
    limit: usize,
) -> Result<Vec<Call>> {
    let before = before.map(|id| keys::call_of_channel(channel, id));
    let listed = engine.scan(older(keys::calls_of_channel(channel), before), limit, Want::Keys)?;
    let rows = listed.iter().map(|entry| Ok(keys::call(CallRow::Call, last_id(&entry.key)?)));
    let found = engine.get(rows.collect::<Result<_>>()?)?;
    found.into_iter().flatten().map(|row| codec::decode(WHAT, row)).collect()
}

/// Newer calls come first, so older ones come after.
fn older(rows: Range, before: Option<Vec<u8>>) -> Range {
    match before {
        Some(key) => rows.after(&key),
        None => rows,
    }
}

fn last_id(key: &[u8]) -> Result<RunId> {
    keys::run_id(key).ok_or_else(|| Error::Corrupt("the key of a call".into()))
}

fn decode_id(row: Bytes) -> Result<RunId> {
    const KEY: &str = "the idempotency key of a call";
    let id = codec::decode_bytes(KEY, row)?;
    Ok(RunId::from_bytes(id[..].try_into().map_err(|_| Error::Corrupt(KEY.into()))?))
}

fn remove_ended(engine: &dyn Engine, until: Timestamp, limit: usize) -> Result<usize> {
    // What was asked for later cannot be over by then.
    let mut rest = keys::call_rows(CallRow::Call);
    rest.start = keys::calls_asked_for_by(until);
    let mut removed = 0;
    while removed < limit {
        let entries = engine.scan(rest.clone(), PIECE.min(limit - removed), Want::Entries)?;
        let Some(last) = entries.last() else { break };
        rest = rest.after(&last.key);
        let mut batch = Batch::new();
        for entry in entries {
            let call: Call = codec::decode(WHAT, entry.value)?;
            if call.ended.is_some_and(|ended| ended <= until) {
                remove(engine, &mut batch, &call)?;
                removed += 1;
            }
        }
        if !batch.is_empty() {
            engine.commit(batch)?;
        }
    }
    engine.flush()?;
    Ok(removed)
}

/// The run that history shows is not touched: it has its own time.
fn remove(engine: &dyn Engine, batch: &mut Batch, call: &Call) -> Result<()> {
    remove_rows(batch, call.id);
    batch.remove(keys::call_of_channel(call.channel_id, call.id));
    let key = keys::call_of_key(call.channel_id, &call.key);
    // The key may stand for a later try of the same.
    if let Some(row) = walk::get(engine, key.clone())?
        && decode_id(row)? == call.id
    {
        batch.remove(key);
    }
    Ok(())
}

fn remove_rows(batch: &mut Batch, id: RunId) {
    CallRow::ALL.into_iter().for_each(|row| batch.remove(keys::call(row, id)));
}

/// Removes every call of a channel, and its keys.
pub(super) fn remove_all_of(engine: &dyn Engine, channel: ChannelId) -> Result<()> {
    let with_rows: fn(&mut Batch, Entry) = |batch, entry| {
        if let Some(id) = keys::run_id(&entry.key) {
            remove_rows(batch, id);
        }
        batch.remove(entry.key.into());
    };
    walk::remove_all(engine, &keys::calls_of_channel(channel), Want::Keys, with_rows)?;
    let alone: fn(&mut Batch, Entry) = |batch, entry| batch.remove(entry.key.into());
    walk::remove_all(engine, &Table::CallsOfChannel.rows_of(channel), Want::Keys, alone)
}
