//! The host's own lines about a run, on their way into the run's log.
//!
//! It takes what is said within a span named `run`, or with a field `run.id`, whatever
//! floor says it, and hands it on; the console has a filter of its own. What a guest says
//! goes its own way, so it is left out here.

use crate::{
    model::{LineLevel, RunId},
    sync,
};
use serde_json::{Map, Value};
use std::fmt;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::Context,
    registry::LookupSpan,
};

/// The span of a run, and the field that names it.
const SPAN: &str = "run";
const RUN_ID: &str = "run.id";

/// The layer with its filter: how a run goes, and from the broker why a request took long.
pub(super) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let wanted = Targets::new()
        .with_target("tidegate", LevelFilter::INFO)
        .with_target("tidegate::broker", LevelFilter::DEBUG);
    RunLines.with_filter(wanted)
}

struct RunLines;

/// Which run a span is about.
struct About(RunId);

impl<S> Layer<S> for RunLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        if attributes.metadata().name() != SPAN {
            return;
        }
        let mut facts = Facts::default();
        attributes.record(&mut facts);
        if let (Some(run), Some(span)) = (facts.run, ctx.span(id)) {
            span.extensions_mut().insert(About(run));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut spans = ctx.event_scope(event).into_iter().flatten();
        let within = spans.find_map(|span| span.extensions().get::<About>().map(|about| about.0));
        // Most events outside of runs name none, and need not be read for it.
        if within.is_none() && event.fields().all(|field| field.name() != RUN_ID) {
            return;
        }
        let mut facts = Facts::default();
        event.record(&mut facts);
        if let Some(run) = facts.run.or(within) {
            sync::host_line(run, level(*event.metadata().level()), facts.message, facts.fields);
        }
    }
}

fn level(level: Level) -> LineLevel {
    match level {
        Level::ERROR => LineLevel::Error,
        Level::WARN => LineLevel::Warn,
        Level::INFO => LineLevel::Info,
        Level::DEBUG => LineLevel::Debug,
        Level::TRACE => LineLevel::Trace,
    }
}

/// What an event or a span says.
#[derive(Default)]
struct Facts {
    run: Option<RunId>,
    message: String,
    fields: Map<String, Value>,
}

impl Facts {
    fn note(&mut self, field: &Field, value: Value) {
        let text = || value.as_str().unwrap_or_default();
        match field.name() {
            RUN_ID => self.run = text().parse().ok(),
            "message" => text().clone_into(&mut self.message),
            name => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Facts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(value), |error| error.source());
        self.note(field, causes.map(ToString::to_string).collect::<Vec<_>>().join(": ").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    /// What the layer would hand on, as text.
    fn facts_of(say: impl FnOnce()) -> Vec<String> {
        use std::sync::{Arc, Mutex};
        #[derive(Clone, Default)]
        struct Kept(Arc<Mutex<Vec<String>>>);
        impl<S: Subscriber> Layer<S> for Kept {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                let mut facts = Facts::default();
                event.record(&mut facts);
                let fields = Value::Object(facts.fields);
                self.0.lock().unwrap().push(format!("{:?} {} {fields}", facts.run, facts.message));
            }
        }
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(kept.clone());
        tracing::subscriber::with_default(subscriber, say);
        kept.0.lock().unwrap().drain(..).collect()
    }

    #[test]
    fn values_keep_their_kind_and_errors_their_causes() {
        let cause = std::io::Error::other("disk on fire");
        let error = crate::store::Error::Engine(cause);
        let error: &dyn std::error::Error = &error;
        let lines = facts_of(|| {
            tracing::info!(page = 3_u64, ratio = 0.5, full = true, code = "a.b", "page {}", 3);
            tracing::warn!(error, wait = ?Some(2), run.id = "no id", "put off");
        });
        assert_eq!(
            lines,
            [
                r#"None page 3 {"page":3,"ratio":0.5,"full":true,"code":"a.b"}"#,
                r#"None put off {"error":"the store cannot be read or written: disk on fire","wait":"Some(2)"}"#,
            ]
        );
    }
}
