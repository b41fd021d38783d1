//! A remote system with one kind of records, which people there change, too, and which
//! loses answers when it is told to.

use super::name;
use crate::{
    model::{Acknowledgement, Change, Class, Connector, Envelope, Failure, Page, Pushed, Usage, Ways, Write},
    sandbox::Outcome,
    sync::{
        export::Sink,
        import::{Ask, Source},
        merge,
        opener::{Ready, SourceAsk, Sources},
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio_util::sync::CancellationToken;

/// What becomes of the next push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sync) enum Mishap {
    /// It does not arrive.
    Lost,
    /// It arrives, and the answer does not.
    Unanswered,
    /// Only the first change of it is done, and the answer is lost.
    Half,
}

#[derive(Default)]
struct State {
    records: BTreeMap<String, Kept>,
    now: u64,
    next: u64,
    mishaps: VecDeque<Mishap>,
    pushed: Vec<Change>,
    /// Refused, with this code, whatever has this member.
    refused: HashMap<String, &'static str>,
    /// It adds one to this member whenever somebody sends it.
    counted: Option<&'static str>,
    /// A step with a change that has this member fails as a whole.
    choker: Option<String>,
}

#[derive(Clone)]
struct Kept {
    payload: Value,
    updated: u64,
    deleted: bool,
    origin: Option<String>,
}

/// Cheap to clone.
#[derive(Clone)]
pub(in crate::sync) struct Remote {
    state: Arc<Mutex<State>>,
    /// Whether its records tell with which idempotency key they were created.
    tells_origin: bool,
}

impl Remote {
    pub(in crate::sync) fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State { next: 100, ..State::default() })), tells_origin: true }
    }

    /// One that keeps no idempotency keys where an import can see them.
    pub(in crate::sync) fn without_origins() -> Self {
        Self { tells_origin: false, ..Self::new() }
    }

    /// A channel of it that goes both ways, with the connector `ticket`.
    pub(in crate::sync) fn channel(&self) -> Ready {
        self.channel_of(Connector { direction: Ways::TwoWay, ..super::connector("ticket") })
    }

    pub(in crate::sync) fn channel_of(&self, connector: Connector) -> Ready {
        let mut ready = super::ready(vec![connector]);
        ready.channel.two_way = true;
        Ready { sources: Arc::new(self.clone()), ..ready }
    }

    /// Somebody there creates a record, or changes members of one; it is no more deleted.
    pub(in crate::sync) fn edit(&self, key: &str, members: Value) {
        let mut state = self.state();
        let kept = state.records.get(key).cloned();
        let mut payload = kept.as_ref().map_or_else(|| json!({"id": key}), |kept| kept.payload.clone());
        merge::apply(&mut payload, &members);
        let origin = kept.and_then(|kept| kept.origin);
        state.keep(key, Kept { payload, updated: 0, deleted: false, origin });
    }

    pub(in crate::sync) fn delete(&self, key: &str) {
        let mut state = self.state();
        if let Some(kept) = state.records.get(key).cloned() {
            state.keep(key, Kept { deleted: true, ..kept });
        }
    }

    pub(in crate::sync) fn suffers(&self, mishap: Mishap) {
        self.state().mishaps.push_back(mishap);
    }

    /// Refuses what has the member, from now on.
    pub(in crate::sync) fn refuses(&self, member: &str, code: &'static str) {
        self.state().refused.insert(member.to_owned(), code);
    }

    /// Adds one to the member, a number, whenever a change with it arrives, from now on.
    pub(in crate::sync) fn counts(&self, member: &'static str) {
        self.state().counted = Some(member);
    }

    /// Fails every step with a change that has the member, from now on.
    pub(in crate::sync) fn chokes_on(&self, member: &str) {
        self.state().choker = Some(member.to_owned());
    }

    /// The changes that arrived since the last call.
    pub(in crate::sync) fn pushed(&self) -> Vec<Change> {
        std::mem::take(&mut self.state().pushed)
    }

    /// The records that are there, without their ids.
    pub(in crate::sync) fn records(&self) -> BTreeMap<String, Value> {
        let state = self.state();
        let there = state.records.iter().filter(|(_, kept)| !kept.deleted);
        there.map(|(key, kept)| (key.clone(), without_id(kept.payload.clone()))).collect()
    }

    /// How many records were created with each idempotency key.
    pub(in crate::sync) fn created(&self) -> HashMap<String, usize> {
        let mut created = HashMap::new();
        let state = self.state();
        state.records.values().filter_map(|kept| kept.origin.clone()).for_each(|origin| {
            *created.entry(origin).or_insert(0) += 1;
        });
        created
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn envelope(&self, key: &str, kept: &Kept) -> Envelope {
        Envelope {
            key: key.to_owned(),
            parent: None,
            origin: kept.origin.clone().filter(|_| self.tells_origin),
            updated_ms: Some(kept.updated),
            deleted: kept.deleted,
            payload: Bytes::from(kept.payload.to_string()),
        }
    }

    fn do_one(&self, state: &mut State, change: &Change) -> Pushed {
        let fields: Value = serde_json::from_slice(&change.fields).expect("a patch");
        let payload: Value = serde_json::from_slice(&change.payload).expect("a payload");
        let refused = state.refused.iter().find(|(member, _)| payload.get(member.as_str()).is_some());
        if let Some((member, code)) = refused.filter(|_| change.kind != Write::Delete) {
            return Pushed::Rejected(Failure::new(Class::InvalidData, *code, format!("no {member} here")));
        }
        if change.kind == Write::Create {
            return self.create(state, change, payload);
        }
        let key = change.remote_key.clone().expect("what is changed is there");
        let Some(kept) = state.records.get(&key).cloned().filter(|kept| !kept.deleted) else {
            return match change.kind {
                Write::Delete => Pushed::Done(Envelope { deleted: true, ..self.nothing(&key) }),
                _ => Pushed::Conflict(Envelope { deleted: true, ..self.nothing(&key) }),
            };
        };
        if change.base_updated_ms.is_some_and(|base| base != kept.updated) {
            return Pushed::Conflict(self.envelope(&key, &kept));
        }
        let mut payload = kept.payload.clone();
        merge::apply(&mut payload, &fields);
        state.count(&mut payload, &fields);
        state.keep(&key, Kept { payload, deleted: change.kind == Write::Delete, ..kept });
        Pushed::Done(self.envelope(&key, &state.records[&key]))
    }

    fn create(&self, state: &mut State, change: &Change, payload: Value) -> Pushed {
        assert_eq!(change.remote_key, None, "it is not there yet");
        let mine = |kept: &Kept| kept.origin.as_ref() == Some(&change.idempotency_key);
        if change.again
            && let Some((key, kept)) = state.records.iter().find(|(_, kept)| mine(kept))
        {
            return Pushed::Done(self.envelope(key, kept));
        }
        state.next += 1;
        let key = state.next.to_string();
        let mut made = json!({"id": key});
        merge::apply(&mut made, &payload);
        made["id"] = json!(key);
        state.count(&mut made, &payload);
        let origin = Some(change.idempotency_key.clone());
        state.keep(&key, Kept { payload: made, updated: 0, deleted: false, origin });
        Pushed::Done(self.envelope(&key, &state.records[&key]))
    }

    fn nothing(&self, key: &str) -> Envelope {
        let kept = Kept { payload: Value::Object(Map::new()), updated: 0, deleted: true, origin: None };
        Envelope { updated_ms: None, ..self.envelope(key, &kept) }
    }
}

impl State {
    fn count(&self, payload: &mut Value, sent: &Value) {
        let Some(member) = self.counted else { return };
        if let Some(number) = sent.get(member).and_then(Value::as_u64) {
            payload[member] = json!(number + 1);
        }
    }

    fn keep(&mut self, key: &str, kept: Kept) {
        self.now += 1;
        self.records.insert(key.to_owned(), Kept { updated: self.now, ..kept });
    }
}

impl Sources for Remote {
    fn source(&self, _: SourceAsk<'_>) -> Arc<dyn Source> {
        Arc::new(self.clone())
    }

    fn sink(&self, _: SourceAsk<'_>) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }
}

impl Source for Remote {
    /// Three records a page, in the order of their last change, which is the cursor.
    fn pull(&self, ask: Ask) -> BoxFuture<'static, Outcome<Page>> {
        let text = |bytes: &Bytes| std::str::from_utf8(bytes).unwrap().parse::<u64>().unwrap();
        let after = ask.cursor.as_ref().map_or(0, text);
        let state = self.state();
        let mut changed: Vec<_> = state.records.iter().filter(|(_, kept)| kept.updated > after).collect();
        changed.sort_by_key(|(_, kept)| kept.updated);
        let more = changed.len() > 3;
        changed.truncate(3);
        let next = changed.last().map_or(after, |(_, kept)| kept.updated);
        let page = Page {
            records: changed.into_iter().map(|(key, kept)| self.envelope(key, kept)).collect(),
            next: Some(Bytes::from(next.to_string())),
            more,
            ..Page::default()
        };
        Box::pin(async move { super::ok(page) })
    }
}

impl Sink for Remote {
    fn push(
        &self,
        changes: Vec<Change>,
        _: CancellationToken,
    ) -> BoxFuture<'static, Outcome<Vec<Acknowledgement>>> {
        let mut state = self.state();
        let chokes = |choker: &String| {
            let has_it = |change: &Change| {
                serde_json::from_slice::<Value>(&change.payload).is_ok_and(|one| one.get(choker).is_some())
            };
            changes.iter().any(has_it)
        };
        if state.choker.as_ref().is_some_and(chokes) {
            let failure = Failure::new(Class::Limit, "limit.memory", "too much");
            let usage = Usage { steps: 1, requests: 1, sent: 1, ..Usage::default() };
            let outcome = Outcome { result: Err(failure), state: BTreeMap::new(), usage };
            return Box::pin(std::future::ready(outcome));
        }
        let mishap = state.mishaps.pop_front();
        let arrive = match mishap {
            Some(Mishap::Lost) => 0,
            Some(Mishap::Half) => 1,
            _ => changes.len(),
        };
        let mut answers = Vec::new();
        for change in changes.iter().take(arrive) {
            state.pushed.push(change.clone());
            let outcome = self.do_one(&mut state, change);
            answers.push(Acknowledgement { key: change.key.clone(), outcome });
        }
        let result = match mishap {
            None => Ok(answers),
            Some(_) => Err(Failure::new(Class::Internal, "net.answer-lost", "the answer was lost")),
        };
        // A request of which nobody knows whether it arrived was sent all the same.
        let usage = Usage { steps: 1, requests: 1, sent: 1, ..Usage::default() };
        Box::pin(async move {
            tokio::task::yield_now().await;
            Outcome { result, state: BTreeMap::new(), usage }
        })
    }
}

pub(in crate::sync) fn without_id(mut payload: Value) -> Value {
    payload.as_object_mut().expect("an object").remove("id");
    payload
}

/// The connector of [`Remote::channel`].
pub(in crate::sync) fn ticket() -> crate::model::Name {
    name("ticket")
}
