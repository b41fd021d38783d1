//! Which records a full sync would not find any more, and what the channel does with them.
//!
//! What was seen is held in memory, eight bytes a key, and so is how far the look over the
//! stored keys came. The rules are those of the sweep; it writes nothing.

use super::{Changed, Parts, Tried};
use crate::{
    model::{Counters, Failure, RecordKey, Vanished},
    store::{self, SeenKeys, SeenNotes},
    sync::import::{
        processor::Sheet,
        roll::is_unclear,
        sweep::{self, PIECE},
    },
};

/// The look for records that are gone.
pub(super) struct Gone {
    stage: Stage,
    unclear: bool,
    vanished: u64,
    remark: Option<Failure>,
}

enum Stage {
    Reading(SeenNotes),
    /// All was read; stored records up to a key were looked at.
    Sweeping(SeenKeys, Option<RecordKey>),
    Over,
}

impl Gone {
    pub(super) fn nothing_yet() -> Self {
        let stage = Stage::Reading(SeenNotes::default());
        Self { stage, unclear: false, vanished: 0, remark: None }
    }

    /// Takes down what a page shows to be there.
    pub(super) async fn call_roll(&mut self, sheet: &Sheet, parts: &Parts) -> store::Result<()> {
        if let Stage::Reading(notes) = &mut self.stage {
            notes.note(sheet.delivered());
            let at = (parts.channel.id, &parts.connector.id);
            self.unclear |= is_unclear(sheet, parts.store.records(), at).await?;
        }
        Ok(())
    }

    /// All was read: what was not seen is gone. Nothing is, where nothing was seen at all.
    pub(super) async fn all_is_read(&mut self, parts: &Parts) -> store::Result<()> {
        let Stage::Reading(notes) = std::mem::replace(&mut self.stage, Stage::Over) else { return Ok(()) };
        let seen = notes.keys();
        let count = parts.store.records().count(parts.channel.id, &parts.connector.id).await?;
        match seen.is_empty() && count > 0 {
            true => self.remark = Some(sweep::nothing_read(count)),
            false => self.stage = Stage::Sweeping(seen, None),
        }
        Ok(())
    }

    /// What would become of some more records that are gone; none when all was looked at.
    pub(super) async fn next(&mut self, parts: &Parts) -> store::Result<Option<Tried>> {
        let (channel, connector) = (parts.channel.id, &parts.connector.id);
        let Stage::Sweeping(seen, after) = &mut self.stage else { return Ok(None) };
        let mut keys = parts.store.records().keys(channel, connector, after.as_ref(), PIECE).await?;
        let Some(last) = keys.last().cloned() else {
            self.remark = sweep::doubt(parts.channel.vanished, self.unclear, self.vanished);
            self.stage = Stage::Over;
            return Ok(None);
        };
        *after = Some(last);
        keys.retain(|key| !seen.has(key.as_str()));
        self.vanished += keys.len() as u64;
        Ok(Some(tried(keys, self.policy(parts))))
    }

    /// What a sync would do with them; none where they are not looked for.
    pub(super) fn policy(&self, parts: &Parts) -> Vanished {
        sweep::policy(parts.channel.vanished, self.unclear)
    }

    /// Why less would be done than the channel says.
    pub(super) fn remark(&self) -> Option<&Failure> {
        self.remark.as_ref()
    }
}

fn tried(keys: Vec<RecordKey>, policy: Vanished) -> Tried {
    let vanished = keys.len() as u64;
    let deleted = if policy == Vanished::Delete { vanished } else { 0 };
    let changed = keys.into_iter().map(|key| Changed {
        key: key.to_string(),
        before: None,
        after: None,
        reason: None,
        vanished: Some(policy),
    });
    Tried {
        pages: 0,
        counters: Counters { vanished, deleted, ..Counters::default() },
        changed: changed.collect(),
        asked: Vec::new(),
        total: None,
    }
}
