//! What the answer to a change comes to. Pure.
//!
//! It is judged by what is on record when it is settled, which is not what was there when
//! it was sent: people write and imports land meanwhile.

use super::processor::Parcel;
use crate::{
    model::{
        Author, Class, Conflict, Envelope, Failure, Outgoing, Pushed, Record, RecordKey, Timestamp,
        TrailStep, Version, Write,
    },
    store::{Epoch, Link},
    sync::reconcile::{self, Reconciled, Remote, Rules},
};
use std::time::Duration;

/// How often a remote system may ask for another try of one change.
const RETRIES: u32 = 5;

/// What is on record of a record.
pub(super) struct Standing {
    pub(super) epoch: Epoch,
    pub(super) record: Option<Record>,
    pub(super) row: Option<Outgoing>,
    pub(super) trail: Vec<TrailStep>,
    pub(super) remote: Option<RecordKey>,
}

/// What one answer changes.
pub(super) struct Settled {
    pub(super) record: Option<Record>,
    pub(super) row: Option<Outgoing>,
    pub(super) conflict: Option<Conflict>,
    pub(super) step: Option<TrailStep>,
    pub(super) link: Option<Link>,
    pub(super) unlink: Option<Link>,
    /// A record that an import has made of what is this one.
    pub(super) twin: Option<Record>,
}

/// Judges the answers of one run.
pub(super) struct Judge {
    pub(super) rules: Rules,
}

impl Judge {
    /// What an answer changes of what is on record.
    pub(super) fn judge(&self, parcel: &Parcel, outcome: &Pushed, standing: &Standing) -> Settled {
        let unchanged = |row: Option<Outgoing>| Settled { row, ..self.as_it_is(standing) };
        let row = standing.row.as_ref();
        match outcome {
            Pushed::Done(envelope) => self.done(parcel, envelope, standing),
            Pushed::Conflict(envelope) => self.contradicted(parcel, envelope, standing),
            Pushed::Rejected(failure) => unchanged(row.map(|row| refused(row, failure.clone()))),
            Pushed::Retry(after_ms) => unchanged(row.map(|row| self.postponed(row, *after_ms))),
        }
    }

    /// It was done: what was sent is the base, and what the remote system made of it is
    /// merged with what was edited since.
    fn done(&self, parcel: &Parcel, envelope: &Envelope, standing: &Standing) -> Settled {
        if parcel.change.kind == Write::Delete {
            return self.deleted(parcel, standing);
        }
        let link = self.link(parcel, envelope, standing);
        let Some(row) = &standing.row else {
            // An import has seen it already, and left nothing to be done.
            return Settled { link, ..self.as_it_is(standing) };
        };
        if standing.record.is_none() {
            // Deleted meanwhile: now that it is there, it can be.
            let row = Outgoing {
                kind: Write::Delete,
                base: Some(version(envelope)),
                sent: None,
                idempotency_key: reconcile::new_key(),
                ..row.clone()
            };
            let step = Some(self.step(parcel.change.kind, Vec::new()));
            return Settled { row: Some(row), link, step, ..self.as_it_is(standing) };
        }
        let sent = parcel.row.sent.as_ref().filter(|_| row.sent.is_some());
        let base = sent.map(|sent| Version { updated: None, parent: None, payload: sent.payload.clone() });
        let compared = Outgoing { base: base.or_else(|| row.base.clone()), sent: None, ..row.clone() };
        let reconciled = self.reconcile(standing, &compared, Remote::Is(version(envelope)));
        self.settled(standing, reconciled, link, Some(parcel.change.kind))
    }

    fn deleted(&self, parcel: &Parcel, standing: &Standing) -> Settled {
        let local = &parcel.row.key;
        // Written again meanwhile: then it is created anew.
        let left = standing.row.as_ref().filter(|_| standing.record.is_some()).map(|row| {
            let fresh = reconcile::fresh(local.clone(), Write::Create, row.author.clone(), row.changed);
            Outgoing { since: row.since, ..fresh }
        });
        let unlink = standing.remote.clone().map(|remote| Link { local: local.clone(), remote });
        let step = Some(self.step(Write::Delete, Vec::new()));
        Settled { row: left, unlink, step, ..self.as_it_is(standing) }
    }

    /// It was not done, because it was changed there.
    fn contradicted(&self, parcel: &Parcel, envelope: &Envelope, standing: &Standing) -> Settled {
        let Some(row) = &standing.row else { return self.as_it_is(standing) };
        let remote = match envelope.deleted {
            true => Remote::Gone(time(envelope.updated_ms)),
            false => Remote::Is(version(envelope)),
        };
        let link = if envelope.deleted { None } else { self.link(parcel, envelope, standing) };
        // What could not be created was not made by us.
        let sent = row.sent.clone().filter(|sent| sent.kind != Write::Create);
        let reconciled = self.reconcile(standing, &Outgoing { sent, ..row.clone() }, remote);
        self.settled(standing, reconciled, link, None)
    }

    fn reconcile(&self, standing: &Standing, row: &Outgoing, remote: Remote) -> Reconciled {
        reconcile::reconcile(standing.record.as_ref(), row, remote, &self.rules)
    }

    fn settled(
        &self,
        standing: &Standing,
        reconciled: Reconciled,
        link: Option<Link>,
        done: Option<Write>,
    ) -> Settled {
        let Reconciled { record, row, conflict, fields } = reconciled;
        // Gone from there: for good, or until it is created anew, as another one.
        let is_gone = match &row {
            Some(row) => row.kind == Write::Create,
            None => record.is_none(),
        };
        let unlink = standing.remote.clone().filter(|_| is_gone).zip(standing.row.as_ref());
        let unlink = unlink.map(|(remote, row)| Link { local: row.key.clone(), remote });
        let kind = if standing.record.is_some() && record.is_none() { Write::Delete } else { Write::Update };
        let told = done.is_some() || !fields.is_empty();
        let step = told.then(|| self.step(done.unwrap_or(kind), fields));
        Settled { record, row, conflict, step, link, unlink, twin: None }
    }

    fn as_it_is(&self, standing: &Standing) -> Settled {
        Settled {
            record: standing.record.clone(),
            row: standing.row.clone(),
            conflict: None,
            step: None,
            link: None,
            unlink: None,
            twin: None,
        }
    }

    /// The link that a creation leads to, where the remote system gave it another id.
    fn link(&self, parcel: &Parcel, envelope: &Envelope, standing: &Standing) -> Option<Link> {
        let local = &parcel.row.key;
        let remote = RecordKey::try_new(envelope.key.as_str()).ok()?;
        let is_new = standing.remote.is_none() && parcel.row.base.is_none() && remote != *local;
        is_new.then(|| Link { local: local.clone(), remote })
    }

    /// The intent stays: a change of several may have been made with its answer lost, and is then
    /// looked for before it is sent again.
    fn postponed(&self, row: &Outgoing, after_ms: u64) -> Outgoing {
        let tries = row.tries + 1;
        if tries >= RETRIES {
            let message = format!("the remote system put the change off {tries} times");
            let failure = Failure::new(Class::Transient, "export.put-off", message);
            return Outgoing { sent: row.sent.clone(), ..refused(row, failure) };
        }
        let due = self.rules.now.plus(Duration::from_millis(after_ms));
        Outgoing { tries, due: Some(due), ..row.clone() }
    }

    fn step(&self, kind: Write, fields: Vec<String>) -> TrailStep {
        let run = Some(self.rules.run);
        TrailStep { at: self.rules.now, author: Author::Answer, kind, fields, run }
    }
}

/// The row of a change that waits for a person, or for another edit.
pub(super) fn refused(row: &Outgoing, failure: Failure) -> Outgoing {
    Outgoing { sent: None, tries: row.tries + 1, failure: Some(failure), refused: true, ..row.clone() }
}

/// The row of a change that was in a step that failed. After too many of them it waits for a
/// person, with what was sent, which may have been done.
pub(super) fn tried(row: &Outgoing, failure: &Failure) -> Outgoing {
    let counted = Outgoing { tries: row.tries + 1, failure: Some(failure.clone()), ..row.clone() };
    let refused = counted.tries >= RETRIES;
    Outgoing { refused, ..counted }
}

/// An answer whose record can be kept: where a guest answers no JSON, what was sent stands.
pub(super) fn fit(outcome: Pushed, parcel: &Parcel) -> Pushed {
    match outcome {
        Pushed::Done(envelope) if !envelope.deleted && !is_json(&envelope) => {
            tracing::warn!(record = %parcel.row.key, "the answer to a change holds no JSON; what was sent is kept");
            let payload = parcel.row.sent.as_ref().map(|sent| sent.payload.clone()).unwrap_or_default();
            Pushed::Done(Envelope { payload, ..envelope })
        }
        Pushed::Conflict(envelope) if !envelope.deleted && !is_json(&envelope) => {
            let message =
                "the plugin told of a conflict with a record that is no JSON; this is a defect of the plugin";
            Pushed::Rejected(Failure::new(Class::Internal, "answer.payload", message))
        }
        outcome => outcome,
    }
}

fn is_json(envelope: &Envelope) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(&envelope.payload).is_ok()
}

fn version(envelope: &Envelope) -> Version {
    Version { updated: time(envelope.updated_ms), parent: None, payload: envelope.payload.clone() }
}

fn time(millis: Option<u64>) -> Option<Timestamp> {
    millis.and_then(|millis| i64::try_from(millis).ok()).map(Timestamp::from_millis)
}
