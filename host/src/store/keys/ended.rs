//! Where the rows of [`Table::EndedRuns`] lie.

use super::{Table, direction_byte};
use crate::model::{Run, RunId, Status};

/// The row that lists a run among those of its connector that ended alike.
pub(in crate::store) fn ended_run(run: &Run) -> Vec<u8> {
    let direction = direction_byte(run.direction);
    let kind = if run.status == Status::Completed { WELL } else { NOT_WELL };
    let mut key = Table::EndedRuns.in_connector(run.channel_id, &run.connector, &[direction, kind]);
    key.extend_from_slice(&run.id.to_bytes());
    key
}

/// The two kinds of end, as they stand in keys of [`Table::EndedRuns`].
pub(in crate::store) const WELL: u8 = b'c';
pub(in crate::store) const NOT_WELL: u8 = b'f';

/// A key of [`Table::EndedRuns`], taken apart: the runs of its connector that ended alike,
/// those that ended the other way, whether it ended well, and the run.
pub(in crate::store) struct EndedRun {
    pub(in crate::store) alike: Vec<u8>,
    pub(in crate::store) others: Vec<u8>,
    pub(in crate::store) well: bool,
    pub(in crate::store) id: RunId,
}

/// None where the key is none of that table.
pub(in crate::store) fn ended_run_of(key: &[u8]) -> Option<EndedRun> {
    let (alike, id) = key.split_last_chunk::<16>()?;
    let (kind, before) = alike.split_last()?;
    let well = *kind == WELL;
    let other = if well { NOT_WELL } else { WELL };
    let others = [before, &[other]].concat();
    Some(EndedRun { alike: alike.to_vec(), others, well, id: RunId::from_bytes(*id) })
}
