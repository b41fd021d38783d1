//! Lines as they are written.

use super::*;
use serde_json::Value;
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `work` writes.
fn written(format: Format, work: impl FnOnce()) -> String {
    let paper = Paper::default();
    let config = Config { level: Filter::known("trace"), format };
    let copy = paper.clone();
    let layer = layer_to(&config, move || copy.clone(), false);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    let bytes = paper.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("text")
}

fn a_run() {
    let job = tracing::info_span!("job", job.id = "J1", channel.id = "C1", channel.name = "acme");
    let run = job.in_scope(|| tracing::info_span!("run", run.id = "R1", connector = "ticket"));
    let work = async {
        let error = crate::store::Error::from(io::Error::other("disk full"));
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::warn!(pages = 7, took_ms = 9_u128, rate = 0.5, full = false, error, "page\nlost");
        tracing::info!(connector = "user", "inner wins");
    };
    futures_util::FutureExt::now_or_never(work.instrument(run)).expect("nothing to wait for");
    tracing::info!("outside");
}

#[test]
fn a_json_line_is_one_flat_document_with_the_ids_of_its_run() {
    let text = written(Format::Json, a_run);
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect();
    let [lost, inner, outside] = &lines[..] else { panic!("three lines: {text}") };
    assert_eq!(
        [&lost["job.id"], &lost["run.id"], &lost["channel.id"], &lost["channel.name"], &lost["connector"]],
        ["J1", "R1", "C1", "acme", "ticket"]
    );
    assert_eq!((&lost["level"], &lost["message"]), (&"WARN".into(), &"page\nlost".into()));
    assert_eq!(lost["took_ms"], 9);
    assert_eq!((&lost["pages"], &lost["rate"], &lost["full"]), (&7.into(), &0.5.into(), &false.into()));
    assert_eq!(lost["error"], "the store cannot be read or written: disk full");
    assert_eq!(lost["target"], "tidegate::telemetry::log::tests");
    assert!(lost["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{lost}");
    assert_eq!(inner["connector"], "user");
    assert_eq!(outside.as_object().map(serde_json::Map::len), Some(4), "{outside}");
}

#[test]
fn a_human_line_names_the_spans_with_the_ids_of_its_run() {
    let text = written(Format::Human, a_run);
    let line = text.lines().next().expect("a line");
    let spans =
        r#"job{job.id="J1" channel.id="C1" channel.name="acme"}:run{run.id="R1" connector="ticket"}:"#;
    assert!(line.contains(spans) && line.contains("WARN"), "{line}");
}
