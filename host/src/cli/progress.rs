//! How far long work is, for a person who watches stderr. For everybody else it
//! shows nothing.

use super::{
    out::Out,
    text::{clean, count, pace, time},
};
use crate::{
    api::view::{Job, Run},
    model::RunId,
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{collections::HashMap, time::Duration};

/// How often what moves by itself is drawn.
const TICK: Duration = Duration::from_millis(100);

/// A line that moves while something without a measure goes on.
pub(super) fn spinner(out: &Out, message: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, target(out));
    bar.set_style(style("{spinner} {msg} {elapsed}"));
    bar.set_message(message.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

/// A bar that fills up to `length`.
pub(super) fn bar(out: &Out, length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target(out));
    bar.set_style(style("[{bar:30}] {human_pos} of {human_len}, {eta} left"));
    bar
}

fn target(out: &Out) -> ProgressDrawTarget {
    if out.is_watched() && !out.is_json() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is one of this file's own")
}

/// A line a run.
pub(super) struct Runs {
    lines: MultiProgress,
    bars: HashMap<RunId, ProgressBar>,
}

impl Runs {
    pub(super) fn new(out: &Out) -> Self {
        Self { lines: MultiProgress::with_draw_target(target(out)), bars: HashMap::new() }
    }

    /// Whether anybody sees it, so that it is worth asking often.
    pub(super) fn is_seen(&self) -> bool {
        !self.lines.is_hidden()
    }

    pub(super) fn show(&mut self, job: &Job) {
        for run in &job.runs {
            let bar = self.bars.entry(run.id).or_insert_with(|| {
                let bar = self.lines.add(ProgressBar::no_length());
                bar.set_prefix(clean(run.connector.as_str()));
                bar.enable_steady_tick(TICK);
                bar
            });
            draw(bar, run);
        }
    }

    /// Takes the lines away; what came of it is printed by who asked.
    pub(super) fn clear(&self) {
        self.bars.values().for_each(ProgressBar::finish_and_clear);
        // A terminal that cannot be cleared only looks untidy.
        let _ = self.lines.clear();
    }
}

fn draw(bar: &ProgressBar, run: &Run) {
    match run.total {
        Some(total) => {
            bar.set_length(total.max(run.counters.read));
            bar.set_style(style("{prefix:<16} [{bar:24}] {human_pos} of {human_len}  {msg}"));
        }
        None => bar.set_style(style("{prefix:<16} {spinner} {human_pos} read  {msg}")),
    }
    bar.set_position(run.counters.read);
    bar.set_message(remark(run));
}

fn remark(run: &Run) -> String {
    if let Some(deferred) = &run.deferred {
        let reason = run.error.as_ref().map(|error| format!(": {}", clean(&error.message)));
        return format!("put off until {}{}", time(deferred.until), reason.unwrap_or_default());
    }
    let quarantined = run.counters.quarantined;
    let mut remark = run.status.to_string();
    remark.extend(pace(run.rate, run.left_ms).map(|pace| format!(", {pace}")));
    if quarantined > 0 {
        remark.push_str(&format!(", {} in quarantine", count(quarantined)));
    }
    remark
}
