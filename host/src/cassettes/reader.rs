//! Reads a cassette, whole, into memory: it is as large as a run may record.

use super::{
    Error,
    form::{Answer, Base64, Digest, Head, Line, Place},
    pages,
    shelf::Shelf,
};
use crate::{
    broker::Exchange,
    model::{Failure, Page, RunId},
    sandbox::Seed,
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// A recorded run.
pub(super) struct Recorded {
    pub(super) head: Head,
    pub(super) steps: Vec<Step>,
    /// Of all steps, in order.
    pub(super) exchanges: Vec<Exchange>,
}

/// A recorded step.
pub(super) struct Step {
    pub(super) from: Position,
    pub(super) keys: Vec<String>,
    pub(super) limit: u32,
    pub(super) seed: Seed,
    /// The page and where it ended.
    pub(super) result: Result<(Page, Position), Failure>,
}

/// Where a step starts or ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) cursor: Option<Bytes>,
    pub(super) state: BTreeMap<String, Bytes>,
}

/// The lines of a cassette. The last one may be cut off by the end of the host.
pub(super) fn lines(shelf: &Shelf, run: RunId) -> Result<Vec<Line>, Error> {
    if shelf.head(run)?.is_none() {
        return Err(Error::NoCassette(run));
    }
    let bytes = match fs::read(shelf.steps_of(run)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        bytes => bytes?,
    };
    let whole = &bytes[..whole_lines(&bytes)];
    let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate();
    let read = lines.map(|(step, line)| {
        let damaged = |error| Error::Damaged { run, what: format!("step {step}: {error}") };
        serde_json::from_slice(line).map_err(damaged)
    });
    read.collect()
}

/// The file to append to, without a line that was cut off.
pub(super) fn mended(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).open(path)?;
    file.set_len(whole_lines(&fs::read(path)?) as u64)?;
    Ok(file)
}

fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Everything of a cassette.
pub(super) fn read(shelf: &Shelf, run: RunId) -> Result<Recorded, Error> {
    let head = shelf.head(run)?.ok_or(Error::NoCassette(run))?;
    let mut fetch = Fetch { shelf, run, fetched: HashMap::new() };
    let (mut steps, mut exchanges) = (Vec::new(), Vec::new());
    for line in lines(shelf, run)? {
        let seed = line.seed().ok_or_else(|| fetch.damaged("a seed is too short"))?;
        for told in line.exchanges {
            exchanges.push(told.exchange(|digest| fetch.blob(digest))?);
        }
        let result = match line.answer {
            Answer::Failure(failure) => Err(failure),
            Answer::Page(page) => {
                let blob = fetch.blob(&page.records)?;
                let (records, rejects) = pages::decode(blob).map_err(|what| fetch.damaged(&what))?;
                let to = fetch.position(&page.to)?;
                let page = Page {
                    records,
                    rejects,
                    next: page.next.map(|cursor| cursor.0),
                    more: page.more,
                    settled: page.settled,
                    due: page.due.into_iter().map(Into::into).collect(),
                    total: page.total,
                    not_before_ms: page.not_before_ms,
                };
                Ok((page, to))
            }
        };
        steps.push(Step {
            from: fetch.position(&line.from)?,
            keys: line.keys,
            limit: line.limit,
            seed,
            result,
        });
    }
    Ok(Recorded { head, steps, exchanges })
}

/// Blobs, each read once.
struct Fetch<'a> {
    shelf: &'a Shelf,
    run: RunId,
    fetched: HashMap<Digest, Bytes>,
}

impl Fetch<'_> {
    fn blob(&mut self, digest: &Digest) -> Result<Bytes, Error> {
        if let Some(bytes) = self.fetched.get(digest) {
            return Ok(bytes.clone());
        }
        let read = self.shelf.blobs.get(digest);
        let bytes = read.map_err(|error| self.damaged(&format!("blob {}: {error}", digest.as_str())))?;
        self.fetched.insert(digest.clone(), bytes.clone());
        Ok(bytes)
    }

    fn position(&mut self, place: &Place) -> Result<Position, Error> {
        let state = match &place.state {
            None => BTreeMap::new(),
            Some(digest) => {
                let blob = self.blob(digest)?;
                let texts: BTreeMap<String, Base64> =
                    serde_json::from_slice(&blob).map_err(|error| self.damaged(&error.to_string()))?;
                texts.into_iter().map(|(key, value)| (key, value.0)).collect()
            }
        };
        Ok(Position { cursor: place.cursor.as_ref().map(|cursor| cursor.0.clone()), state })
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Damaged { run: self.run, what: what.to_owned() }
    }
}
