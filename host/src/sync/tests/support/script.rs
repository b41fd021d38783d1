//! Sources that do as they are told, and the pages that they tell.

use super::name;
use crate::{
    model::{Class, Due, Envelope, Failure, Name, Page, Usage},
    sandbox::Outcome,
    sync::{
        export::Sink,
        import::{Ask, Source},
        opener::{SourceAsk, Sources},
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A source that answers by a function and remembers what it was asked.
pub(in crate::sync) struct Script {
    asked: Mutex<Vec<Asked>>,
    /// Pages of it that are in the store.
    pub(in crate::sync) landed: AtomicUsize,
    answer: Box<Answer>,
}

type Answer = dyn Fn(usize, Ask) -> BoxFuture<'static, Outcome<Page>> + Send + std::marker::Sync;

/// What a step was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sync) struct Asked {
    pub(in crate::sync) cursor: Option<String>,
    pub(in crate::sync) keys: Vec<String>,
    pub(in crate::sync) state: BTreeMap<String, Bytes>,
    pub(in crate::sync) limit: u32,
}

impl Script {
    /// `answer` gets the number of the step, from 0, and what it asks for.
    pub(in crate::sync) fn new(
        answer: impl Fn(usize, Ask) -> BoxFuture<'static, Outcome<Page>> + Send + std::marker::Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), landed: AtomicUsize::new(0), answer: Box::new(answer) })
    }

    /// Answers at once.
    pub(in crate::sync) fn quick(
        answer: impl Fn(usize, Ask) -> Outcome<Page> + Send + std::marker::Sync + 'static,
    ) -> Arc<Self> {
        Self::new(move |step, ask| {
            let outcome = answer(step, ask);
            Box::pin(async move { outcome })
        })
    }

    /// A stream cut into pages. Its cursor is the number of the next page; in
    /// the end there is nothing more.
    pub(in crate::sync) fn stream(pages: Vec<Page>) -> Arc<Self> {
        Self::quick(move |_, ask| ok(page_of(&pages, &ask)))
    }

    /// Answers one record for every key, and settles all.
    pub(in crate::sync) fn by_key() -> Arc<Self> {
        Self::quick(|_, ask| ok(page_for_keys(&ask.keys)))
    }

    /// Never answers by itself.
    pub(in crate::sync) fn endless() -> Arc<Self> {
        Self::new(|_, ask| {
            Box::pin(async move {
                ask.cancel.cancelled().await;
                fails(Class::Transient, "step.cancelled")
            })
        })
    }

    pub(in crate::sync) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns when so many steps were begun.
    pub(in crate::sync) async fn begun(&self, steps: usize) {
        while self.asked.lock().unwrap().len() < steps {
            tokio::task::yield_now().await;
        }
    }
}

impl Source for Script {
    fn pull(&self, ask: Ask) -> BoxFuture<'static, Outcome<Page>> {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let mut asked = self.asked.lock().unwrap();
        asked.push(Asked {
            cursor: ask.cursor.as_ref().map(text),
            keys: ask.keys.clone(),
            state: ask.state.clone(),
            limit: ask.limit,
        });
        (self.answer)(asked.len() - 1, ask)
    }

    fn landed(&self) {
        self.landed.fetch_add(1, Ordering::SeqCst);
    }
}

/// The page of a stream that an ask is for.
pub(in crate::sync) fn page_of(pages: &[Page], ask: &Ask) -> Page {
    let at = ask
        .cursor
        .as_ref()
        .map_or(0, |cursor| std::str::from_utf8(cursor).unwrap().parse::<usize>().unwrap());
    let Some(page) = pages.get(at) else {
        return Page::default();
    };
    let next = Some(Bytes::from((at + 1).to_string()));
    Page { next, more: at + 1 < pages.len(), ..page.clone() }
}

pub(in crate::sync) fn page_for_keys(keys: &[String]) -> Page {
    let record = |key: &String| envelope(&format!("c{key}@1=\"{key}\""));
    Page { records: keys.iter().map(record).collect(), settled: keys.to_vec(), ..Page::default() }
}

/// `key@time=payload`, `key@time!` for a deleted one.
pub(in crate::sync) fn envelope(text: &str) -> Envelope {
    let (head, payload) = match text.split_once('=') {
        Some((head, payload)) => (head, payload),
        None => (text.strip_suffix('!').expect("'=' or '!'"), ""),
    };
    let (key, updated) = head.split_once('@').map_or((head, None), |(k, at)| (k, Some(at)));
    Envelope {
        key: key.into(),
        parent: None,
        origin: None,
        updated_ms: updated.map(|at| at.parse().unwrap()),
        deleted: !text.contains('='),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

pub(in crate::sync) fn page(records: &[&str]) -> Page {
    Page { records: records.iter().map(|text| envelope(text)).collect(), ..Page::default() }
}

/// The same page, asking `connector` for `keys`.
pub(in crate::sync) fn with_due(page: Page, connector: &str, keys: &[&str]) -> Page {
    let keys = keys.iter().map(|&key| key.into()).collect();
    Page { due: vec![Due { connector: connector.into(), keys }], ..page }
}

fn outcome(result: Result<Page, Failure>) -> Outcome<Page> {
    let usage = Usage { steps: 1, requests: 2, response_bytes: 10, ..Usage::default() };
    Outcome { result, state: BTreeMap::new(), usage }
}

pub(in crate::sync) fn ok(page: Page) -> Outcome<Page> {
    outcome(Ok(page))
}

pub(in crate::sync) fn fails(class: Class, code: &str) -> Outcome<Page> {
    outcome(Err(Failure::new(class, code, "as the script says")))
}

/// The sources of a channel, by connector.
#[derive(Default)]
pub(in crate::sync) struct Scripts(Mutex<HashMap<Name, Arc<Script>>>);

impl Scripts {
    pub(super) fn of(scripts: &[(&str, &Arc<Script>)]) -> Self {
        let script = |(id, script): &(&str, &Arc<Script>)| (name(id), Arc::clone(script));
        Self(Mutex::new(scripts.iter().map(script).collect()))
    }
}

impl Sources for Scripts {
    fn source(&self, ask: SourceAsk<'_>) -> Arc<dyn Source> {
        let (scripts, connector) = (self.0.lock().unwrap(), ask.connector);
        Arc::clone(scripts.get(connector).unwrap_or_else(|| panic!("no script for '{connector}'"))) as _
    }

    fn sink(&self, _: SourceAsk<'_>) -> Arc<dyn Sink> {
        panic!("scripts only tell")
    }
}
