//! A cassette in front of a plugin, from the file to the report.

use super::{
    Cassettes, Error, compare,
    compare::{MOST, Tally},
    drive::{Done, Drive, is_endless},
    form::{Digest, Head},
    reader::{self, Recorded},
    recorder::version_of,
};
use crate::{
    broker::{Asked, Player, Tape},
    catalog::Offer,
    channels::{self, RecordedSettings},
    model::{Connector, FailureDifference, Listed, Replay, RequestDifferences, RunId, Sides},
};
use bytes::Bytes;

/// Plays the cassette of `run` and compares.
pub(super) async fn replay(
    cassettes: &Cassettes,
    run: RunId,
    plugin: Option<Bytes>,
) -> Result<Replay, Error> {
    let mut recorded = cassettes.blocking(move |shelf| reader::read(shelf, run)).await?;
    if recorded.steps.is_empty() {
        return Err(Error::Empty(run));
    }
    let offer = offer(cassettes, &recorded.head, plugin).await?;
    let connector = connector(&offer, &recorded.head)?;
    let settings = settings(&offer, &recorded.head).await?;
    let no_base = || Error::Damaged { run, what: "its base URL is none".to_owned() };
    let reach = recorded.head.reach().ok_or_else(no_base)?;
    let exchanges = std::mem::take(&mut recorded.exchanges);
    let count = exchanges.len() as u64;
    let player = Player::new(Tape { base: reach.base, parameter: reach.parameter, exchanges });

    let mut then = Tally::default();
    for step in &recorded.steps {
        then.take(step.result.as_ref().map(|(page, _)| page));
    }
    let (mut now, mut strayed) = (Tally::default(), Vec::new());
    let same_file = offer.plugin.sha256() == recorded.head.plugin.sha256;
    let mut drive = Drive::new(&recorded, &offer, &connector, (settings, &player));
    while let Some(done) = drive.next().await {
        if same_file && strays(&recorded, now.steps(), &done) {
            strayed.push(now.steps());
        }
        now.take_beside(done.as_ref().map(|(page, _)| page), &then);
    }
    drop(drive);
    let requests = requests(&player, count);
    let sides = (then, now);
    Ok(report(recorded, &offer, &sides, Parts { strayed, requests }))
}

/// What is known when the last step is done.
struct Parts {
    strayed: Vec<u64>,
    requests: RequestDifferences,
}

fn report(recorded: Recorded, offer: &Offer, (then, now): &(Tally, Tally), parts: Parts) -> Replay {
    let mut failures = compare::failures(then, now);
    if let Some(endless) = is_endless(recorded.steps.len(), now.steps()) {
        failures.push(FailureDifference { step: now.steps(), recorded: None, replayed: Some(endless) });
    }
    let head = recorded.head;
    let mut replay = Replay {
        run: head.run,
        connector: head.connector,
        recorded: head.plugin,
        replayed: version_of(offer),
        identical: false,
        steps: Sides { recorded: then.steps(), replayed: now.steps() },
        truncated: head.truncated,
        records: compare::records(then, now),
        due: compare::due(then, now),
        failures,
        strayed: parts.strayed,
        requests: parts.requests,
    };
    replay.identical = !replay.differs();
    replay
}

fn requests(player: &Player, recorded: u64) -> RequestDifferences {
    let told = |asked: &Asked| {
        let origin = asked.origin.as_ref().map(|origin| format!("{origin}:")).unwrap_or_default();
        format!("{} {origin}{}", asked.method, asked.path)
    };
    RequestDifferences {
        recorded,
        missing: Listed::of(player.missing().iter().map(told), MOST),
        unused: Listed::of(player.unused().into_iter().map(told), MOST),
    }
}

/// Whether the same plugin ended a step elsewhere, beside its records.
fn strays(recorded: &Recorded, step: u64, done: &Done) -> bool {
    let then = usize::try_from(step).ok().and_then(|step| recorded.steps.get(step));
    match (then.map(|step| &step.result), done) {
        (Some(Ok((then, to))), Ok((now, end))) => {
            to != end
                || (then.more, then.total, then.not_before_ms, &then.settled)
                    != (now.more, now.total, now.not_before_ms, &now.settled)
        }
        // Failures are compared by themselves.
        _ => false,
    }
}

/// The plugin that is given, or else the one that was recorded.
async fn offer(cassettes: &Cassettes, head: &Head, plugin: Option<Bytes>) -> Result<Offer, Error> {
    let catalog = &cassettes.0.catalog;
    let id = head.channel_type.as_str();
    let (file, bytes) = match plugin {
        Some(bytes) => ("the file".to_owned(), bytes),
        None => {
            // It may be running at this moment.
            let running = catalog.offer(id).filter(|offer| offer.plugin.sha256() == head.plugin.sha256);
            if let Some(offer) = running {
                // A replay is no run: it counts no traps, and may play what is in quarantine.
                return Ok(Offer { plugin: offer.plugin.unwatched(), ..offer });
            }
            (head.file.clone(), kept(cassettes, head).await?)
        }
    };
    let offers = catalog.trial(&file, bytes).await.map_err(Error::Plugin)?;
    let mut fitting = offers.into_iter().filter(|offer| offer.channel_type.id == head.channel_type);
    fitting.next().ok_or_else(|| Error::Unfit(format!("it does not offer the channel type '{id}'")))
}

async fn kept(cassettes: &Cassettes, head: &Head) -> Result<Bytes, Error> {
    let sha256 = head.plugin.sha256.clone();
    let missing = || Error::NoPlugin(head.plugin.sha256.clone());
    let digest = Digest::try_from(sha256).map_err(|_| missing())?;
    let read = cassettes.blocking(move |shelf| Ok(shelf.plugins.get(&digest).ok())).await?;
    read.ok_or_else(missing)
}

fn connector(offer: &Offer, head: &Head) -> Result<Connector, Error> {
    let found = offer.channel_type.connector(head.connector.as_str()).cloned();
    found.ok_or_else(|| Error::Unfit(format!("it does not offer the connector '{}'", head.connector)))
}

/// As they were for the same file; for another one as it would get them.
async fn settings(offer: &Offer, head: &Head) -> Result<Bytes, Error> {
    let settings = Bytes::copy_from_slice(head.settings.get().as_bytes());
    if offer.plugin.sha256() == head.plugin.sha256 {
        return Ok(settings);
    }
    let recorded =
        RecordedSettings { transport: &head.transport, version: &head.plugin.version, settings: &settings };
    channels::settings_for(offer, recorded).await.map_err(Error::Plugin)
}
