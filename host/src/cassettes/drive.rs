//! Has a plugin run the steps of a cassette, each from where its own earlier ones ended.

use super::{
    positions::{OpenKeys, Origin, origins},
    prepare::after,
    reader::{Position, Recorded, Step as RecordedStep},
};
use crate::{
    broker::Player,
    catalog::{GuestLog, Offer},
    model::{Class, Connector, DrivenBy, Failure, Page, PullRequest},
    sandbox::{Seed, Step},
};
use bytes::Bytes;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A version that cuts its pages smaller may need so many times the steps.
const TIMES_THE_STEPS: usize = 10;
/// And so many more, for a recording of few.
const MORE_STEPS: usize = 100;

/// A plugin in front of a cassette.
pub(super) struct Drive<'a> {
    recorded: &'a Recorded,
    offer: &'a Offer,
    driven_by: DrivenBy,
    settings: Bytes,
    player: &'a Player,
    origins: Vec<Origin>,
    keys: OpenKeys,
    /// Where its own steps ended.
    ends: Vec<Option<Ended>>,
    cancel: CancellationToken,
    /// Ends the step that is under way when nobody waits for it any more.
    _ends_with_it: DropGuard,
}

#[derive(Clone)]
struct Ended {
    to: Position,
    more: bool,
}

/// What a step of a replay came to: its page and where it ended, or its failure.
pub(super) type Done = Result<(Page, Position), Failure>;

impl<'a> Drive<'a> {
    pub(super) fn new(
        recorded: &'a Recorded,
        offer: &'a Offer,
        connector: &Connector,
        (settings, player): (Bytes, &'a Player),
    ) -> Self {
        let cancel = CancellationToken::new();
        Self {
            origins: origins(&recorded.steps),
            driven_by: connector.driven_by,
            keys: OpenKeys::default(),
            ends: Vec::new(),
            _ends_with_it: cancel.clone().drop_guard(),
            recorded,
            offer,
            settings,
            player,
            cancel,
        }
    }

    /// The next step; none when there is nothing more to do, or nothing to do it with.
    pub(super) async fn next(&mut self) -> Option<Done> {
        let number = self.ends.len();
        let from = self.start_of(number)?;
        let recorded = self.recorded.steps.get(number);
        let keys = self.keys.ask(recorded.map_or(&[], |step| &step.keys));
        let done = if keys.is_empty() && self.driven_by == DrivenBy::Keys {
            Ok((Page::default(), from))
        } else {
            self.pull(number, from, keys.clone()).await
        };
        if let Some(recorded) = recorded {
            let settled = done.as_ref().map_or(&[][..], |(page, _)| &page.settled);
            self.keys.note((&recorded.keys, settled_then(recorded)), (&keys, settled));
        }
        let ended = |(page, to): &(Page, Position)| Ended { to: to.clone(), more: page.more };
        self.ends.push(done.as_ref().ok().map(ended));
        Some(done)
    }

    fn start_of(&self, number: usize) -> Option<Position> {
        let steps = &self.recorded.steps;
        match self.origins.get(number) {
            None => self.beyond(number),
            Some(Origin::Start) => Some(steps[0].from.clone()),
            Some(Origin::Elsewhere) => Some(steps[number].from.clone()),
            Some(Origin::After(before)) => {
                // Where it failed and the recorded one did not, there is nowhere to go on from.
                let own = self.ends[*before].as_ref()?;
                let went_on = steps[*before].result.as_ref().is_ok_and(|(page, _)| page.more);
                let is_done = self.driven_by == DrivenBy::Cursor && went_on && !own.more;
                (!is_done).then(|| own.to.clone())
            }
        }
    }

    /// Past the last recorded step: the plugin cuts its pages smaller, or reads on where
    /// the recorded one was done. Where the tape is used up, and the recorded run was not
    /// done either, there is nothing to learn.
    fn beyond(&self, number: usize) -> Option<Position> {
        let own = self.ends.last()?.as_ref().filter(|own| own.more)?;
        let was_done = self.recorded.steps.last()?.result.as_ref().is_ok_and(|(page, _)| !page.more);
        let most = self.recorded.steps.len() * TIMES_THE_STEPS + MORE_STEPS;
        let goes_on = self.driven_by == DrivenBy::Cursor
            && number < most
            && (was_done || !self.player.unused().is_empty());
        goes_on.then(|| own.to.clone())
    }

    async fn pull(&self, number: usize, from: Position, keys: Vec<String>) -> Done {
        let last = self.recorded.steps.last().expect("a cassette without steps is not replayed");
        let like = self.recorded.steps.get(number).unwrap_or(last);
        let step = Step {
            gateway: Some(self.player.gateway()),
            state: from.state.clone(),
            cancel: self.cancel.clone(),
            log: GuestLog::new(format!("replay of {}", self.recorded.head.run)),
            memory: self.offer.manifest.limits.memory,
            seed: Some(seed(like.seed, number, self.recorded.steps.len())),
        };
        let request = PullRequest {
            connector: self.recorded.head.connector.clone(),
            settings: self.settings.clone(),
            cursor: from.cursor.clone(),
            keys,
            limit: like.limit,
        };
        let outcome = self.offer.plugin.pull(step, request).await;
        let page = outcome.result?;
        let to =
            Position { cursor: page.next.clone().or(from.cursor), state: after(from.state, outcome.state) };
        Ok((page, to))
    }
}

/// The recorded one; past the last step one that follows from it.
fn seed(recorded: Seed, number: usize, steps: usize) -> Seed {
    let mut seed = recorded;
    if number >= steps {
        for (byte, more) in seed.random.iter_mut().zip((number as u64).to_le_bytes()) {
            *byte ^= more;
        }
    }
    seed
}

fn settled_then(step: &RecordedStep) -> &[String] {
    step.result.as_ref().map_or(&[], |(page, _)| &page.settled)
}

/// A plugin that asks to go on without end.
pub(super) fn is_endless(recorded: usize, replayed: u64) -> Option<Failure> {
    let most = (recorded * TIMES_THE_STEPS + MORE_STEPS) as u64;
    (replayed >= most).then(|| {
        let message = format!("the plugin asks to go on after {replayed} steps; {recorded} were recorded");
        Failure::new(Class::Internal, "replay.endless", message)
    })
}
