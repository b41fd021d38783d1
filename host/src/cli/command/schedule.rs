//! `schedule`: when channels sync by themselves, and holding all of that back.

use crate::{
    api::view::{HeldBy, Idle, List, Planned, ScheduleState},
    cli::{
        client::{Call, path},
        exit::Exit,
        help, rhythm,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{clean, duration, maybe_time, none, time},
    },
    model::Timestamp,
};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show which channels sync next, or when one does
    #[command(after_help = help::SCHEDULE_NEXT)]
    Next {
        /// Of this channel only, with several times
        channel: Option<String>,
        /// How many at most, up to 1000 [default: 20 channels, or 5 times of one]
        #[arg(long, value_name = "COUNT")]
        limit: Option<u16>,
    },
    /// Show the host's default, and whether the schedule goes on
    #[command(after_help = help::SCHEDULE_SHOW)]
    Show,
    /// Let no channel sync by itself until it is resumed
    #[command(after_help = help::SCHEDULE_PAUSE)]
    Pause {
        /// What for; it is shown to whoever asks
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let channels sync by themselves again
    #[command(after_help = help::SCHEDULE_RESUME)]
    Resume,
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    let session = Session::open(ctx, Needs::Data).await?;
    match command {
        Command::Next { channel, limit } => next(ctx, &session, channel, limit).await,
        Command::Show => tell(ctx, &session, Call::get(path(&["schedule"]))).await,
        Command::Pause { reason } => {
            let call = Call::post(path(&["schedule", "pause"])).json(&json!({ "reason": reason }));
            tell(ctx, &session, call).await
        }
        Command::Resume => tell(ctx, &session, Call::post(path(&["schedule", "resume"]))).await,
    }
}

async fn next(
    ctx: &Context<'_>,
    session: &Session,
    channel: Option<String>,
    limit: Option<u16>,
) -> anyhow::Result<Exit> {
    let limit = limit.unwrap_or(if channel.is_some() { 5 } else { 20 });
    let call = Call::get(path(&["schedule", "next"]))
        .with("channel", channel.as_deref())
        .with("limit", Some(&limit.to_string()));
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let planned: List<Planned> = document.read()?;
    match (&channel, planned.items.as_slice()) {
        (None, []) => ctx.out.note("no channels; make one with: tidegate channel create NAME --type TYPE"),
        (Some(_), [one]) => ctx.out.line(times(one, ctx.clock.now()))?,
        (_, all) => ctx.out.table(table(all, ctx.clock.now()))?,
    }
    let is_held = planned.items.iter().any(|planned| planned.idle == Some(Idle::Maintenance));
    if is_held {
        ctx.out.note("the schedule is paused: tidegate schedule show");
    }
    Ok(Exit::Done)
}

fn table(planned: &[Planned], now: Timestamp) -> Table {
    let mut table = Table::new(["CHANNEL", "DUE", "", "LAST", "~SCHEDULE"]);
    for planned in planned {
        let next = planned.next.first().copied();
        table.row([
            planned.channel.to_string(),
            next.map_or_else(|| planned.idle.map_or_else(none, |idle| rhythm::idle(idle).to_owned()), time),
            next.map_or_else(none, |next| wait(next, now)),
            maybe_time(planned.last),
            rhythm::words(&planned.schedule),
        ]);
    }
    table
}

/// Everything about the times of one channel.
fn times(planned: &Planned, now: Timestamp) -> String {
    let mut lines = vec![
        ("channel", planned.channel.to_string()),
        ("schedule", rhythm::words(&planned.schedule)),
        ("last", maybe_time(planned.last)),
    ];
    let mut heading = "due";
    for next in &planned.next {
        lines.push((heading, format!("{}  {}", time(*next), wait(*next, now))));
        heading = "";
    }
    if let Some(idle) = planned.idle {
        lines.push(("due", format!("never: {}", rhythm::idle(idle))));
    }
    if let Some(reason) = &planned.paused_because {
        lines.push(("paused because", reason.clone()));
    }
    let text = pairs(&lines);
    match planned.idle.and_then(|idle| cure(idle, planned.channel.as_str())) {
        Some(cure) => format!("{text}\nnext: {cure}"),
        None => text,
    }
}

fn wait(next: Timestamp, now: Timestamp) -> String {
    match next.millis_since(now) {
        0..1_000 => "now".to_owned(),
        // Nobody plans by the millisecond.
        milliseconds => format!("in {}", duration(milliseconds - milliseconds % 1_000).replace(".0 s", " s")),
    }
}

fn cure(idle: Idle, channel: &str) -> Option<String> {
    Some(match idle {
        Idle::Disabled => format!("tidegate channel enable {channel}"),
        Idle::Paused | Idle::NoConnectors => format!("tidegate channel show {channel}"),
        Idle::Manual => format!("tidegate channel edit {channel} --every 15m"),
        Idle::Maintenance => return None,
    })
}

async fn tell(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(state(&document.read()?))?;
    }
    Ok(Exit::Done)
}

fn state(state: &ScheduleState) -> String {
    let mut lines = vec![
        ("state", if state.paused { "paused" } else { "going on" }.to_owned()),
        ("default", format!("every {}", rhythm::span(state.every))),
        ("first run after", rhythm::span(state.first_run_after)),
    ];
    if let Some(since) = state.since {
        lines.insert(1, ("since", time(since)));
    }
    if let Some(reason) = &state.reason {
        lines.insert(2, ("reason", clean(reason)));
    }
    let next = match state.held_by {
        None => return pairs(&lines),
        Some(HeldBy::Person) => "tidegate schedule resume",
        Some(HeldBy::Configuration) => {
            "take `paused = true` out of [schedule] in the configuration, and restart the host"
        }
    };
    format!("{}\nnext: {next}", pairs(&lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const NOW: i64 = 1_767_225_600_000;

    fn planned(name: &str, times: &[i64], more: Value) -> Planned {
        let times: Vec<_> =
            times.iter().map(|seconds| Timestamp::from_millis(NOW + seconds * 1_000).to_string()).collect();
        let mut json = json!({
            "channel": name, "channel-id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "last": null, "next": times,
            "schedule": {"every": "5m", "default": true},
        });
        json.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value(json).expect("planned")
    }

    #[test]
    fn channels_are_a_table_with_the_reason_where_there_is_no_time() {
        let cron = json!({"cron": "0 * * * *", "time-zone": "Europe/Vienna", "quiet": "22:00-06:00"});
        let all = [
            planned("acme", &[0], json!({"last": "2025-12-31T23:55:00Z"})),
            planned("support", &[75], json!({})),
            planned("nightly", &[9_000], json!({ "schedule": cron })),
            planned("broken", &[], json!({"idle": "paused", "paused-because": "refused"})),
            planned("hand", &[], json!({"idle": "manual", "schedule": {"manual": true}})),
        ];
        insta::assert_snapshot!(table(&all, Timestamp::from_millis(NOW)).render(None), @"
        CHANNEL  DUE                              LAST                  SCHEDULE
        acme     2026-01-01 00:00:00Z  now        2025-12-31 23:55:00Z  every 5 min (the host's default)
        support  2026-01-01 00:01:15Z  in 1m 15s  -                     every 5 min (the host's default)
        nightly  2026-01-01 02:30:00Z  in 2h 30m  -                     cron 0 * * * * Europe/Vienna, quiet 22:00-06:00
        broken   paused                -          -                     every 5 min (the host's default)
        hand     by hand only          -          -                     by hand only
        ");
    }

    #[test]
    fn one_channel_shows_its_times_or_what_to_do() {
        let now = Timestamp::from_millis(NOW);
        let text = [
            times(&planned("acme", &[10, 310, 610], json!({})), now),
            times(&planned("broken", &[], json!({"idle": "paused", "paused-because": "refused"})), now),
            times(&planned("hand", &[], json!({"idle": "manual", "schedule": {"manual": true}})), now),
        ];
        insta::assert_snapshot!(text.join("\n\n"), @"
        channel   acme
        schedule  every 5 min (the host's default)
        last      -
        due       2026-01-01 00:00:10Z  in 10 s
                  2026-01-01 00:05:10Z  in 5m 10s
                  2026-01-01 00:10:10Z  in 10m 10s

        channel         broken
        schedule        every 5 min (the host's default)
        last            -
        due             never: paused
        paused because  refused
        next: tidegate channel show broken

        channel   hand
        schedule  by hand only
        last      -
        due       never: by hand only
        next: tidegate channel edit hand --every 15m
        ");
    }

    #[test]
    fn the_state_says_who_holds_it_back_and_how_to_go_on() {
        let show = |more: Value| {
            let mut json = json!({"every": "5m", "first-run-after": "10s", "paused": true});
            json.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            state(&serde_json::from_value(json).expect("a state"))
        };
        let text = [
            show(json!({"paused": false})),
            show(json!({"held-by": "person", "since": "2026-01-01T00:00:00Z", "reason": "a new disk"})),
            show(json!({"held-by": "configuration"})),
        ];
        insta::assert_snapshot!(text.join("\n\n"), @"
        state            going on
        default          every 5 min
        first run after  10 s

        state            paused
        since            2026-01-01 00:00:00Z
        reason           a new disk
        default          every 5 min
        first run after  10 s
        next: tidegate schedule resume

        state            paused
        default          every 5 min
        first run after  10 s
        next: take `paused = true` out of [schedule] in the configuration, and restart the host
        ");
    }
}
