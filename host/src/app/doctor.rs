//! Looks at everything that a host needs, and says what to do where it is not well.
//!
//! It mends nothing.

mod files;
mod policy;

use super::{Presence, folder::Places};
use crate::{
    api::view::{Check, Diagnosis},
    catalog::{Catalog, Standing},
    channels::Channels,
    clock::Clock,
    config::Loaded,
    model::Timestamp,
    store::Store,
};
use std::sync::Arc;

/// What needs no floor: rights, key, room, clock, configuration. It speaks also
/// where the host cannot be built.
#[must_use]
pub fn ground(loaded: &Loaded, has_key: bool, clock: &Clock) -> Vec<Check> {
    let places = Places::of(&loaded.config.data);
    let mut checks = vec![Check::ok("configuration", loaded.describe())];
    checks.extend(policy::check(&loaded.config));
    checks.push(files::private_folder("data-folder", &places.data));
    checks.push(files::room(&places.data));
    checks.push(files::key(&places.key, has_key));
    checks.push(files::private_folder("cache-folder", &places.cache));
    checks.push(clock_of_day(clock.now()));
    checks.push(presence(loaded));
    checks
}

/// What the floors say.
#[derive(Clone)]
pub(super) struct Doctor {
    pub(super) loaded: Arc<Loaded>,
    pub(super) has_key: bool,
    pub(super) store: Store,
    pub(super) catalog: Catalog,
    pub(super) channels: Channels,
    pub(super) clock: Clock,
}

impl Doctor {
    /// Everything, the ground first.
    pub(super) async fn examine(self) -> Diagnosis {
        let mut checks = ground(&self.loaded, self.has_key, &self.clock);
        checks.push(self.store().await);
        checks.extend(self.plugins());
        checks.extend(self.channels().await);
        checks.extend(self.newest().await.and_then(|newest| lag(self.clock.now(), newest)));
        Diagnosis::of(checks)
    }

    async fn store(&self) -> Check {
        match self.store.runs().live().await {
            Ok(live) => Check::ok("store", format!("opens; {} runs are queued or going on", live.len())),
            Err(error) => Check::fail("store", error.to_string(), "look at the host's log for the cause"),
        }
    }

    fn plugins(&self) -> Vec<Check> {
        let folder = self.loaded.config.plugins_folder();
        let entries = self.catalog.entries();
        let mut checks: Vec<_> = entries
            .iter()
            .filter_map(|entry| match &entry.standing {
                Standing::Refused { reason, .. } => Some(Check::warn(
                    "plugins",
                    format!("{} is refused: {reason}", entry.file),
                    format!("replace it, or take it out of {}", folder.display()),
                )),
                _ => None,
            })
            .collect();
        checks.extend(self.catalog.quarantined().into_iter().map(|one| {
            let message = format!(
                "{} {} ({}) is in quarantine: {} steps in a row ended in a trap",
                one.plugin, one.version, one.file, one.traps
            );
            let advice = format!(
                "put a version into its place that works, or: tidegate plugin release {}",
                one.plugin
            );
            Check::warn("plugins", message, advice)
        }));
        let ready = entries.iter().filter(|entry| matches!(entry.standing, Standing::Ready(..))).count();
        checks.push(if ready == 0 {
            let advice = format!("copy a plugin's .wasm file into {}", folder.display());
            Check::warn("plugins", "no plugin is ready", advice)
        } else {
            Check::ok("plugins", format!("{ready} ready in {}", folder.display()))
        });
        checks
    }

    async fn channels(&self) -> Vec<Check> {
        let channels = match self.channels.list().await {
            Ok(channels) => channels,
            Err(error) => {
                return vec![Check::fail(
                    "channels",
                    error.to_string(),
                    "look at the host's log for the cause",
                )];
            }
        };
        let mut checks: Vec<_> = channels
            .iter()
            .filter(|channel| self.catalog.offer(channel.channel_type.as_str()).is_none())
            .map(|channel| {
                let message = format!(
                    "channel '{}': no plugin offers its type '{}'",
                    channel.name, channel.channel_type
                );
                Check::warn("channels", message, "put its plugin back, or delete the channel")
            })
            .collect();
        if let Err(error) = self.channels.verify_key().await {
            let advice = "put the key back that the secrets were sealed with, or give every secret again";
            checks.push(Check::fail("key", error.to_string(), advice));
        }
        let enabled = channels.iter().filter(|channel| channel.enabled).count();
        checks.push(Check::ok("channels", format!("{}, {enabled} of them enabled", channels.len())));
        checks
    }

    /// The newest time that the store knows of.
    async fn newest(&self) -> Option<Timestamp> {
        let runs = self.store.runs().list(None, None, 1).await.ok()?;
        let run = runs.first().map(|run| run.ended.unwrap_or(run.requested));
        let channels = self.channels.list().await.ok()?;
        channels.iter().map(|channel| channel.edited).chain(run).max()
    }
}

const CLOCK: &str = "clock";
const SET_THE_CLOCK: &str = "set the machine's clock; certificates and schedules depend on it";

fn clock_of_day(now: Timestamp) -> Check {
    /// 2026-01-01: before that, this program did not exist.
    const RELEASE_MS: i64 = 1_767_225_600_000;
    if now.as_millis() < RELEASE_MS {
        return Check::fail(CLOCK, format!("it says {now}, which cannot be"), SET_THE_CLOCK);
    }
    Check::ok(CLOCK, now.to_string())
}

/// Whether the clock is behind what the store already knows of.
fn lag(now: Timestamp, newest: Timestamp) -> Option<Check> {
    /// Clocks of one network differ by less.
    const SLACK_MS: u64 = 5 * 60 * 1_000;
    if newest.millis_since(now) <= SLACK_MS {
        return None;
    }
    Some(Check::warn(CLOCK, format!("it says {now}, but the store knows of {newest}"), SET_THE_CLOCK))
}

fn presence(loaded: &Loaded) -> Check {
    match Presence::read(&loaded.config.data) {
        Some(presence) if presence.pid == std::process::id() => {
            Check::ok("host", format!("runs at {} (process {})", presence.url, presence.pid))
        }
        Some(presence) => Check::warn(
            "host",
            format!("host.json names {} (process {}), which does not answer", presence.url, presence.pid),
            "where the process is gone, the file is harmless: the next `tidegate serve` replaces it",
        ),
        None => Check::ok("host", "none runs; commands work on the data folder themselves"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::Level;

    #[test]
    fn a_clock_before_the_release_or_behind_the_store_is_told() {
        let at = |text: &str| Timestamp::try_from(text.to_owned()).expect(text);
        assert_eq!(clock_of_day(at("1970-01-01T00:00:00Z")).level, Level::Fail);
        assert_eq!(clock_of_day(at("2026-06-01T00:00:00Z")).level, Level::Ok);
        assert_eq!(lag(at("2026-06-01T00:00:00Z"), at("2026-06-01T00:04:59Z")), None);
        let late = lag(at("2026-06-01T00:00:00Z"), at("2026-06-01T00:05:01Z")).expect("a warning");
        assert_eq!(late.level, Level::Warn);
    }
}
