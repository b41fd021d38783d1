//! When channels sync by themselves.

use crate::{
    channels::ScheduleChange,
    model::{self, ChannelId, ChannelName, CronText, Interval, Quiet, Rhythm, Span, TimeZoneName, Timestamp},
    sync::{self, Held, schedule},
};
use serde::{Deserialize, Deserializer, Serialize};

/// When a channel syncs by itself: one of `every`, `cron` and `manual`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Schedule {
    /// So often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// Whenever the clock shows what the expression says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Never; only when somebody asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub manual: bool,
    /// Whether `every` is the host's default, and not the channel's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Where the clock hangs; UTC where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The hours of a day in which nothing starts by itself, as `22:00-06:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<String>,
}

impl Schedule {
    /// As a host shows it where channels without a schedule of their own sync `every` so often.
    #[must_use]
    pub fn of(schedule: &model::Schedule, every: Interval) -> Self {
        let mut shown = Self {
            every: None,
            cron: None,
            manual: false,
            default: false,
            time_zone: (!schedule.time_zone.is_utc()).then(|| schedule.time_zone.to_string()),
            quiet: schedule.quiet.map(|quiet| quiet.to_string()),
        };
        match &schedule.rhythm {
            Rhythm::Host => (shown.every, shown.default) = (Some(every.span()), true),
            Rhythm::Every(interval) => shown.every = Some(interval.span()),
            Rhythm::Cron(cron) => shown.cron = Some(cron.to_string()),
            Rhythm::Manual => shown.manual = true,
        }
        shown
    }
}

/// What is to change about a schedule: one of `every`, `cron`, `manual: true` and
/// `default: true` for another rhythm; `null` takes time zone and quiet hours away.
/// What is absent stays as it was.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Written")]
pub struct ScheduleEdit(pub(super) ScheduleChange);

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Written {
    every: Option<Interval>,
    cron: Option<CronText>,
    manual: bool,
    default: bool,
    #[serde(deserialize_with = "given")]
    time_zone: Option<Option<TimeZoneName>>,
    #[serde(deserialize_with = "given")]
    quiet: Option<Option<Quiet>>,
}

/// Tells `null` from what is absent.
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl TryFrom<Written> for ScheduleEdit {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let rhythms = [
            written.every.map(Rhythm::Every),
            written.cron.map(Rhythm::Cron),
            written.manual.then_some(Rhythm::Manual),
            written.default.then_some(Rhythm::Host),
        ];
        let mut named = rhythms.into_iter().flatten();
        let (rhythm, another) = (named.next(), named.next());
        if another.is_some() {
            return Err("a schedule is one of every, cron, manual and default: name only one of them");
        }
        let time_zone = written.time_zone.map(Option::unwrap_or_default);
        Ok(Self(ScheduleChange { rhythm, time_zone, quiet: written.quiet }))
    }
}

/// The schedule of the whole host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleState {
    /// How often channels sync that have no schedule of their own.
    pub every: Span,
    /// How long the first sync waits after a channel was created or enabled.
    pub first_run_after: Span,
    /// Whether no channel syncs by itself.
    pub paused: bool,
    /// Who holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HeldBy>,
    /// Since when a person does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who holds the schedule of the whole host back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBy {
    /// `[schedule] paused`, until the host starts without it.
    Configuration,
    /// A person, until somebody resumes it.
    Person,
}

impl ScheduleState {
    /// As it is set up, and as it is held.
    #[must_use]
    pub fn of(config: &schedule::Config, held: Option<Held>) -> Self {
        let (held_by, maintenance) = match held {
            None => (None, None),
            Some(Held::Configuration) => (Some(HeldBy::Configuration), None),
            Some(Held::Person(maintenance)) => (Some(HeldBy::Person), Some(maintenance)),
        };
        Self {
            every: config.every.span(),
            first_run_after: config.first_run_after,
            paused: held_by.is_some(),
            held_by,
            since: maintenance.as_ref().map(|maintenance| maintenance.since),
            reason: maintenance.and_then(|maintenance| maintenance.reason),
        }
    }
}

/// Body of a request that holds the schedule back.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewPause {
    /// What for, in a person's words.
    pub reason: Option<String>,
}

/// When a channel syncs by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Planned {
    /// The channel.
    pub channel: ChannelName,
    /// The channel, whatever its name.
    pub channel_id: ChannelId,
    /// What its operator said.
    pub schedule: Schedule,
    /// When it last did.
    pub last: Option<Timestamp>,
    /// When it does next, as far as is asked for.
    pub next: Vec<Timestamp>,
    /// Why it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// For a paused one: why it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_because: Option<String>,
}

/// Why a channel does not sync by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idle {
    /// A person switched it off.
    Disabled,
    /// A program holds it back.
    Paused,
    /// None of its connectors is switched on.
    NoConnectors,
    /// It syncs by hand only.
    Manual,
    /// The schedule of the whole host is held back.
    Maintenance,
}

impl Planned {
    /// As a host shows it where channels without a schedule of their own sync `every` so often.
    #[must_use]
    pub fn of(planned: sync::Planned, every: Interval) -> Self {
        let (next, idle) = match planned.next {
            Ok(times) => (times, None),
            Err(idle) => (Vec::new(), Some(Idle::from(idle))),
        };
        let channel = planned.channel;
        let paused = channel.paused.filter(|_| idle == Some(Idle::Paused));
        Self {
            channel: channel.name,
            channel_id: channel.id,
            schedule: Schedule::of(&channel.schedule, every),
            last: planned.last,
            next,
            idle,
            paused_because: paused.map(|paused| paused.message),
        }
    }
}

impl From<sync::Idle> for Idle {
    fn from(idle: sync::Idle) -> Self {
        match idle {
            sync::Idle::Disabled => Self::Disabled,
            sync::Idle::Paused => Self::Paused,
            sync::Idle::NoConnectors => Self::NoConnectors,
            sync::Idle::Manual => Self::Manual,
            sync::Idle::Maintenance => Self::Maintenance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn edit(json: Value) -> Result<ScheduleChange, String> {
        serde_json::from_value::<ScheduleEdit>(json).map(|edit| edit.0).map_err(|error| error.to_string())
    }

    #[test]
    fn an_edit_tells_what_is_taken_away_from_what_stays() {
        let nothing = ScheduleChange::default();
        assert_eq!(edit(json!({})), Ok(nothing.clone()));
        let host = ScheduleChange { rhythm: Some(Rhythm::Host), ..nothing.clone() };
        assert_eq!(edit(json!({"default": true})), Ok(host));
        let none = ScheduleChange { time_zone: Some(TimeZoneName::default()), quiet: Some(None), ..nothing };
        assert_eq!(edit(json!({"time-zone": null, "quiet": null})), Ok(none));
    }

    #[test]
    fn an_edit_names_one_rhythm() {
        for json in [
            json!({"every": "1h", "cron": "@daily"}),
            json!({"every": "1h", "default": true}),
            json!({"manual": true, "default": true}),
        ] {
            let words = edit(json.clone()).expect_err("two");
            assert!(words.starts_with("a schedule is one of every, cron, manual and default"), "{words}");
        }
        assert!(edit(json!({"evry": "1h"})).is_err());
    }
}
