//! Answers from a tape: the same requests get the same answers, and nothing is sent.
//!
//! A request is looked for by method, origin, path with query, body and idempotency key;
//! the n-th of the same gets the n-th that was recorded. Where the key is another one
//! (an upgrade may make its keys anew) the next unused one without regard to it.

use super::{Answered, Asked, End, Exchange, Got};
use crate::{
    broker::{
        Config, Credential, Gateway, Meter, Request,
        body::{Arrival, Body, Bounds},
        classify::{self, Remote, Sent},
        client::{self, Wire},
        egress::Egress,
        marks::Marks,
        rules::Rules,
        send::{Answer, Hold},
    },
    model::{Class, Failure},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use url::Url;

/// What is played.
#[derive(Clone, Debug)]
pub struct Tape {
    /// The base URL of the recorded channel: links in answers are compared with it.
    pub base: Url,
    /// The query parameter that carried the credential, if one did.
    pub parameter: Option<String>,
    /// In the order in which they were asked for.
    pub exchanges: Vec<Exchange>,
}

/// A tape that is being played. Cheap to clone; clones share what was used.
#[derive(Clone)]
pub struct Player(Arc<Shared>);

struct Shared {
    egress: Egress,
    parameter: Option<String>,
    exchanges: Vec<Exchange>,
    /// Places of exchanges, by what is compared.
    exact: HashMap<Key, Vec<usize>>,
    played: Mutex<Played>,
}

struct Played {
    used: Vec<bool>,
    missing: Vec<Asked>,
}

/// What is compared. The idempotency key stands apart.
type Key = (String, Option<String>, String, Option<Bytes>);

fn key(asked: &Asked) -> Key {
    let body = asked.body.clone().filter(|body| !body.is_empty());
    (asked.method.clone(), asked.origin.clone(), asked.path.clone(), body)
}

impl Player {
    /// At the beginning of the tape.
    #[must_use]
    pub fn new(tape: Tape) -> Self {
        let Tape { base, parameter, exchanges } = tape;
        let mut exact: HashMap<Key, Vec<usize>> = HashMap::new();
        for (place, exchange) in exchanges.iter().enumerate() {
            exact.entry(key(&exchange.asked)).or_default().push(place);
        }
        let played = Mutex::new(Played { used: vec![false; exchanges.len()], missing: Vec::new() });
        Self(Arc::new(Shared { egress: Egress::of_tape(base), parameter, exchanges, exact, played }))
    }

    /// A gateway that answers from the tape.
    #[must_use]
    pub fn gateway(&self) -> Gateway {
        Gateway::playing(self.clone())
    }

    /// Requests that were asked for and are not on the tape, in order.
    #[must_use]
    pub fn missing(&self) -> Vec<Asked> {
        self.played().missing.clone()
    }

    /// Requests of the tape that nobody asked for.
    #[must_use]
    pub fn unused(&self) -> Vec<&Asked> {
        let played = self.played();
        let unused = self.0.exchanges.iter().zip(&played.used).filter(|(_, used)| !**used);
        unused.map(|(exchange, _)| &exchange.asked).collect()
    }

    pub(in crate::broker) fn path_of(&self, link: &str) -> Result<String, Failure> {
        self.0.egress.path_of(link, self.0.parameter.as_deref())
    }

    pub(in crate::broker) fn base(&self) -> &Url {
        self.0.egress.base()
    }

    /// What `send` does, from the tape.
    pub(in crate::broker) async fn deliver(
        &self,
        request: Request,
        meter: &Meter,
        hold: Hold,
    ) -> Result<Answer, Failure> {
        let got = self.find(Asked::of(&request));
        // What the rules forbid cost the step nothing when it was recorded.
        if !matches!(&got, Got::Failure(failure) if failure.class == Class::Denied) {
            meter.admit()?;
        }
        match got {
            Got::Failure(failure) => Err(failure),
            Got::Answer(answer) => meter.guard(played(answer, meter, hold)).await?,
        }
    }

    fn find(&self, asked: Asked) -> Got {
        let mut played = self.played();
        let places = self.0.exact.get(&key(&asked)).map_or(&[][..], Vec::as_slice);
        let exchange = |place: usize| &self.0.exchanges[place];
        let unused = |place: &&usize| !played.used[**place];
        let same_key = |place: &&usize| exchange(**place).asked.idempotency_key == asked.idempotency_key;
        let found = places.iter().filter(unused).find(same_key).or_else(|| places.iter().find(unused));
        match found.copied() {
            Some(place) => {
                played.used[place] = true;
                exchange(place).got.clone()
            }
            None => {
                let failure = missing(&asked);
                played.missing.push(asked);
                Got::Failure(failure)
            }
        }
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.0.played.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player").field("exchanges", &self.0.exchanges.len()).finish_non_exhaustive()
    }
}

fn missing(asked: &Asked) -> Failure {
    let message = format!("the cassette has no answer (any more) to {} {}", asked.method, asked.path);
    Failure::new(Class::Unsupported, "replay.missing", message)
}

/// The recorded answer, read within the budget of the step as it was then.
async fn played(answer: Answered, meter: &Meter, hold: Hold) -> Result<Answer, Failure> {
    let remote = Remote {
        host: "the cassette".into(),
        marks: Arc::new(Marks::new(&Credential::None)),
        credential: Sent::No,
    };
    let mut body = Body::new(Arrival {
        headers: &HeaderMap::new(),
        length: None,
        wire: Some(wire(answer.body, answer.end)),
        bounds: Bounds { whole: u64::MAX, compressed: u64::MAX },
        meter: meter.clone(),
        remote: remote.clone(),
    })?;
    if hold == Hold::Whole {
        body.load().await.map_err(|error| classify::body(error, &remote).failure)?;
    }
    let headers = answer.headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect();
    Ok(Answer { status: answer.status, headers, body, attempts: answer.attempts })
}

fn wire(body: Bytes, end: End) -> Wire {
    let end = match end {
        End::Whole => None,
        End::Broken(failure) => Some(failure),
        End::Unread => Some(Failure::new(
            Class::Unsupported,
            "replay.missing",
            "the cassette holds no more of this body: the recorded guest stopped reading here",
        )),
    };
    let end = end.map(|failure| Err(client::Error::Limit(failure)));
    stream::iter([Ok(body)].into_iter().chain(end)).boxed()
}

impl Egress {
    /// For links alone: nothing is sent, so nothing has to be allowed.
    fn of_tape(base: Url) -> Self {
        Self::unjudged(Arc::new(Rules::new(&Config::default())), base)
    }
}

#[cfg(test)]
mod tests;
