//! Where the rows of calls lie.

use super::{Table, newest_first};
use crate::{
    model::{ChannelId, IdempotencyKey, RunId, Timestamp},
    store::Range,
};

/// What a row of [`Table::Calls`] holds of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum CallRow {
    Call,
    Input,
    Output,
    Live,
}

impl CallRow {
    pub(in crate::store) const ALL: [Self; 4] = [Self::Call, Self::Input, Self::Output, Self::Live];

    fn byte(self) -> u8 {
        match self {
            Self::Call => b'c',
            Self::Input => b'i',
            Self::Output => b'o',
            Self::Live => b'l',
        }
    }
}

/// A row of a call.
pub(in crate::store) fn call(row: CallRow, id: RunId) -> Vec<u8> {
    Table::Calls.key(&[&[row.byte()], &newest_first(id)])
}

/// The rows of that kind, of all calls.
pub(in crate::store) fn call_rows(row: CallRow) -> Range {
    Range::prefix(&Table::Calls.key(&[&[row.byte()]]))
}

/// Where those calls begin that were asked for at that time, or before.
pub(in crate::store) fn calls_asked_for_by(time: Timestamp) -> Vec<u8> {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(0).to_be_bytes();
    let mut id = [0xff; 16];
    id[..6].copy_from_slice(&milliseconds[2..]);
    call(CallRow::Call, RunId::from_bytes(id))
}

/// The row that lists a call under its channel.
pub(in crate::store) fn call_of_channel(channel: ChannelId, id: RunId) -> Vec<u8> {
    Table::CallsOfChannel.key(&[&channel.to_bytes(), b"c", &newest_first(id)])
}

/// The rows that list the calls of a channel.
pub(in crate::store) fn calls_of_channel(channel: ChannelId) -> Range {
    Range::prefix(&Table::CallsOfChannel.key(&[&channel.to_bytes(), b"c"]))
}

/// The row of an idempotency key.
pub(in crate::store) fn call_of_key(channel: ChannelId, key: &IdempotencyKey) -> Vec<u8> {
    Table::CallsOfChannel.key(&[&channel.to_bytes(), b"k", key.as_str().as_bytes()])
}
