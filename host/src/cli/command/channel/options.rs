//! What the command line says about how and when a channel syncs.

use crate::model::{ConflictPolicies, ConflictPolicy, CronText, Interval, Parallel, Quiet, TimeZoneName};
use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "When and how it syncs", group(ArgGroup::new("rhythm")))]
pub(crate) struct Options {
    /// Sync so often, such as 15m; from 10s to 30d
    #[arg(long, value_name = "SPAN", group = "rhythm")]
    every: Option<Interval>,
    /// Sync whenever the clock shows it: minute, hour, day, month, weekday, or @hourly
    #[arg(long, value_name = "EXPRESSION", group = "rhythm")]
    cron: Option<CronText>,
    /// Sync only when asked to
    #[arg(long, group = "rhythm")]
    manual: bool,
    /// Where the clock hangs that --cron and --quiet mean, such as Europe/Vienna [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<TimeZoneName>,
    /// Hours in which no sync starts by itself, such as 22:00-06:00
    #[arg(long, value_name = "FROM-TO")]
    quiet: Option<Quiet>,
    /// How many connectors may run at the same time, 1 to 16 [default: 1]
    #[arg(long, value_name = "COUNT")]
    parallel: Option<Parallel>,
    /// What a full sync does with records that are gone remotely [default: mark]
    #[arg(long, value_name = "WHAT", value_parser = ["keep", "mark", "delete"])]
    vanished: Option<String>,
    /// Who is right about what both sides changed: remote-wins, local-wins, newest-wins or
    /// manual; for one connector: CONNECTOR=POLICY [default: remote-wins]
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    conflicts: Vec<(String, ConflictPolicy)>,
}

/// What can only be taken away from a channel that is there.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "When and how it syncs")]
pub(crate) struct Unset {
    /// Sync as often as the host's configuration says
    #[arg(long, group = "rhythm")]
    default_schedule: bool,
    /// Have no quiet hours
    #[arg(long, conflicts_with = "quiet")]
    no_quiet: bool,
}

impl Options {
    /// Adds them to the body of a request.
    pub(super) fn add_to(&self, body: &mut Map<String, Value>, unset: &Unset) {
        let mut schedule = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            schedule.extend(value.map(|value| (key.to_owned(), value)));
        };
        set("every", self.every.map(|every| json!(every)));
        set("cron", self.cron.as_ref().map(|cron| json!(cron)));
        set("manual", self.manual.then(|| json!(true)));
        set("default", unset.default_schedule.then(|| json!(true)));
        set("time-zone", self.time_zone.as_ref().map(|zone| json!(zone)));
        set("quiet", self.quiet.map(|quiet| json!(quiet)));
        set("quiet", unset.no_quiet.then_some(Value::Null));
        if !schedule.is_empty() {
            body.insert("schedule".to_owned(), Value::Object(schedule));
        }
        body.extend(self.parallel.map(|count| ("parallel".to_owned(), json!(count))));
        if !self.conflicts.is_empty() {
            let policies =
                self.conflicts.iter().map(|(connector, policy)| (connector.clone(), json!(policy)));
            body.insert("conflicts".to_owned(), Value::Object(policies.collect()));
        }
        body.extend(self.vanished.as_deref().map(|what| ("vanished".to_owned(), json!(what))));
    }
}

/// `POLICY` for all connectors, or `CONNECTOR=POLICY`.
fn policy(text: &str) -> Result<(String, ConflictPolicy), String> {
    let (connector, policy) = text.split_once('=').unwrap_or((ConflictPolicies::ALL, text));
    Ok((connector.to_owned(), policy.parse()?))
}
