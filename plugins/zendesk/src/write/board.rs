//! The changes of one step, and what has come of each so far.

use tidegate_sdk::{
    Class, Error,
    exporter::{Acknowledgement, Change, Outcome},
    log,
};

/// When a change of which nothing is known is tried again, in milliseconds.
const LATER: u64 = 10_000;

/// What came of a change: its outcome, or why none is known. It may then have been made.
pub(super) type Came = Result<Outcome, Error>;

/// What is needed to send a change, unless it is known before what comes of it.
pub(super) type Unless<T> = Result<T, Box<Came>>;

/// A change that is refused for what is in it.
pub(super) fn refused(error: Error) -> Came {
    Ok(Outcome::Rejected(error))
}

/// The same, before it is sent.
pub(super) fn refused_early(error: Error) -> Box<Came> {
    Box::new(refused(error))
}

/// A change that cannot be sent now.
pub(super) fn not_now(error: Error) -> Box<Came> {
    Box::new(Err(error))
}

/// What came of each change, in their order.
pub(super) struct Board<'a> {
    changes: &'a [Change],
    came: Vec<Option<Came>>,
}

impl<'a> Board<'a> {
    pub(super) fn new(changes: &'a [Change]) -> Self {
        Self { changes, came: changes.iter().map(|_| None).collect() }
    }

    /// Notes what came of the change at that place.
    pub(super) fn set(&mut self, at: usize, came: Came) {
        self.came[at] = Some(came);
    }

    /// Notes what came of it unless that is known.
    pub(super) fn set_open(&mut self, at: usize, came: Came) {
        self.came[at].get_or_insert(came);
    }

    /// One acknowledgement for each change. Where nothing is known of any, or the account may
    /// write none, the fault is not the changes'.
    pub(super) fn finish(self) -> Result<Vec<Acknowledgement>, Error> {
        let came: Vec<Came> =
            self.came.into_iter().map(|came| came.unwrap_or_else(|| Err(forgotten()))).collect();
        if came.iter().all(is_fault) {
            if let Some(fault) = came.into_iter().next() {
                return Err(fault_of(fault));
            }
            return Ok(Vec::new());
        }
        let answers = self.changes.iter().zip(came);
        Ok(answers
            .map(|(change, came)| Acknowledgement { key: change.key.clone(), outcome: outcome(change, came) })
            .collect())
    }
}

/// Whether it says nothing of the change, but of Zendesk or the channel.
fn is_fault(came: &Came) -> bool {
    match came {
        Err(_) => true,
        Ok(Outcome::Rejected(error)) => error.class == Class::Auth,
        Ok(_) => false,
    }
}

fn fault_of(came: Came) -> Error {
    match came {
        Err(error) | Ok(Outcome::Rejected(error)) => error,
        Ok(_) => forgotten(),
    }
}

fn outcome(change: &Change, came: Came) -> Outcome {
    came.unwrap_or_else(|error| {
        log::warn("it is not known what came of a change", &[("key", &change.key), ("error", &error)]);
        Outcome::Retry(error.retry_after_ms.unwrap_or(LATER))
    })
}

fn forgotten() -> Error {
    Error::internal("zendesk.change", "a change was forgotten")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::{Envelope, testing};

    fn finish(came: Vec<Came>) -> Result<Vec<Outcome>, Error> {
        let changes: Vec<_> = came.iter().map(|_| testing::change("{}")).collect();
        let mut board = Board::new(&changes);
        came.into_iter().enumerate().for_each(|(at, came)| board.set(at, came));
        Ok(board.finish()?.into_iter().map(|answer| answer.outcome).collect())
    }

    #[test]
    fn unknown_outcomes_are_tried_again_unless_nothing_is_known_of_any() {
        let done = || Ok(Outcome::Done(Envelope::new(1, "{}")));
        let down = || Err(Error::transient("http.status.503", "down"));
        let late = || Err(Error::rate_limited("http.status.429", "slow").retry_after_ms(7));
        let forbidden = || Error::auth("http.status.403", "no");
        let Ok(Outcome::Done(one)) = done() else { panic!("it is done") };
        assert_eq!(
            finish(vec![done(), down(), late()]),
            Ok(vec![Outcome::Done(one.clone()), Outcome::Retry(LATER), Outcome::Retry(7)])
        );
        assert_eq!(finish(vec![down(), late()]).unwrap_err().code, "http.status.503");
        assert_eq!(finish(vec![Ok(Outcome::Rejected(forbidden()))]), Err(forbidden()));
        assert_eq!(
            finish(vec![Ok(Outcome::Rejected(forbidden())), done()]),
            Ok(vec![Outcome::Rejected(forbidden()), Outcome::Done(one)])
        );
        assert_eq!(finish(vec![]), Ok(vec![]));
    }
}
