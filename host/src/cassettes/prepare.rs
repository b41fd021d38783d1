//! From a step that was run to a line and the blobs that it names. Pure.
//!
//! Whatever came from outside is rid of the credential here, before it is written.

use super::{
    form::{Answer, Base64, Digest, Line, Page, Place, Told, ToldGot},
    pages,
};
use crate::{
    broker::{Exchange, Got, Recording},
    model::{self, Envelope, Failure, Reject},
    sandbox::Seed,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A step that was run while it was recorded.
pub(super) struct Noted {
    pub(super) cursor: Option<Bytes>,
    pub(super) state: BTreeMap<String, Bytes>,
    pub(super) keys: Vec<String>,
    pub(super) limit: u32,
    pub(super) seed: Seed,
    pub(super) recording: Recording,
    pub(super) result: Result<model::Page, Failure>,
    pub(super) writes: BTreeMap<String, Option<Bytes>>,
}

/// What is to be written.
pub(super) struct Prepared {
    pub(super) line: Vec<u8>,
    pub(super) blobs: BTreeMap<Digest, Bytes>,
}

impl Prepared {
    /// What it adds to the cassette, in bytes.
    pub(super) fn size(&self) -> u64 {
        let blobs: usize = self.blobs.values().map(Bytes::len).sum();
        (self.line.len() + blobs) as u64
    }
}

/// Reads every byte of the step: call it off the reactor.
pub(super) fn prepare(noted: Noted) -> Prepared {
    let Noted { cursor, state, keys, limit, seed, recording, result, writes } = noted;
    let mut desk = Desk { recording, blobs: BTreeMap::new() };
    let exchanges = desk.recording.take();
    let line = Line {
        from: desk.place(cursor.clone(), &state),
        keys: desk.texts(keys),
        limit,
        now_ms: seed.now.as_millis(),
        random: Base64(Bytes::copy_from_slice(&seed.random)),
        exchanges: exchanges.into_iter().map(|exchange| desk.told(exchange)).collect(),
        answer: match result {
            Err(failure) => Answer::Failure(desk.recording.hide_failure(failure)),
            Ok(page) => {
                let cursor = page.next.clone().or(cursor);
                let to = desk.place(cursor, &after(state, writes));
                Answer::Page(desk.page(page, to))
            }
        },
    };
    let mut text = serde_json::to_vec(&line).expect("texts and numbers are JSON");
    text.push(b'\n');
    Prepared { line: text, blobs: desk.blobs }
}

/// The map once the writes are done.
pub(super) fn after(
    mut state: BTreeMap<String, Bytes>,
    writes: BTreeMap<String, Option<Bytes>>,
) -> BTreeMap<String, Bytes> {
    for (key, value) in writes {
        match value {
            Some(value) => _ = state.insert(key, value),
            None => _ = state.remove(&key),
        }
    }
    state
}

/// The map as a JSON object.
fn written(state: &BTreeMap<String, Bytes>) -> Bytes {
    let texts: BTreeMap<&str, Base64> =
        state.iter().map(|(key, value)| (key.as_str(), Base64(value.clone()))).collect();
    serde_json::to_vec(&texts).expect("texts are JSON").into()
}

struct Desk {
    recording: Recording,
    blobs: BTreeMap<Digest, Bytes>,
}

impl Desk {
    fn blob(&mut self, bytes: Bytes) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest.clone(), bytes);
        digest
    }

    fn place(&mut self, cursor: Option<Bytes>, state: &BTreeMap<String, Bytes>) -> Place {
        let state = (!state.is_empty()).then(|| {
            // Before it is encoded: base64 would hide a secret from us, and from nobody else.
            let hide = |(key, value): (&String, &Bytes)| {
                (self.recording.hide_text(key.clone()), self.recording.hide(value.clone()))
            };
            let hidden = written(&state.iter().map(hide).collect());
            self.blob(hidden)
        });
        Place { cursor: cursor.map(|cursor| Base64(self.recording.hide(cursor))), state }
    }

    fn texts(&self, texts: Vec<String>) -> Vec<String> {
        texts.into_iter().map(|text| self.recording.hide_text(text)).collect()
    }

    fn told(&mut self, exchange: Exchange) -> Told {
        let Exchange { asked, got } = exchange;
        Told {
            method: asked.method,
            origin: asked.origin,
            path: asked.path,
            headers: asked.headers,
            body: asked.body.map(|body| self.blob(body)),
            idempotency_key: asked.idempotency_key,
            got: match got {
                Got::Failure(failure) => ToldGot::Failure(failure),
                Got::Answer(answer) => ToldGot::Answer {
                    status: answer.status,
                    headers: answer.headers,
                    body: self.blob(answer.body),
                    end: answer.end,
                    attempts: answer.attempts,
                },
            },
        }
    }

    fn page(&mut self, page: model::Page, to: Place) -> Page {
        let records: Vec<_> = page.records.into_iter().map(|record| self.record(record)).collect();
        let rejects: Vec<_> = page.rejects.into_iter().map(|reject| self.reject(reject)).collect();
        let due = page.due.into_iter().map(|due| model::Due {
            connector: self.recording.hide_text(due.connector),
            keys: self.texts(due.keys),
        });
        Page {
            due: due.map(Into::into).collect(),
            records: self.blob(pages::encode(&records, &rejects)),
            next: page.next.map(|cursor| Base64(self.recording.hide(cursor))),
            more: page.more,
            settled: self.texts(page.settled),
            total: page.total,
            not_before_ms: page.not_before_ms,
            to,
        }
    }

    fn record(&self, record: Envelope) -> Envelope {
        Envelope {
            key: self.recording.hide_text(record.key),
            parent: record.parent.map(|parent| self.recording.hide_text(parent)),
            origin: record.origin.map(|origin| self.recording.hide_text(origin)),
            payload: self.recording.hide(record.payload),
            ..record
        }
    }

    fn reject(&self, reject: Reject) -> Reject {
        Reject {
            key: self.recording.hide_text(reject.key),
            reason: self.recording.hide_failure(reject.reason),
            payload: reject.payload.map(|payload| self.recording.hide(payload)),
        }
    }
}
