//! The connection check that an operator asks for.
//!
//! It changes nothing, neither here nor, if the plugin keeps its word, there.

use super::{CheckReport, Error, Inner, Opened, guest};
use crate::{
    model::{ChannelId, Class, Failure, Usage},
    sandbox::Step,
};
use serde_json::{Map, Value};
use tokio::time::Instant;

/// The most facts that a check can tell: they are shown on one screen.
const MAX_FACTS: usize = 50;

impl Inner {
    pub(super) async fn check(&self, name: &str) -> Result<CheckReport, Error> {
        let started = Instant::now();
        let (result, usage) = match self.open(name).await {
            Ok(opened) => ask(opened).await,
            // For whoever asks whether a channel works, these are the answer.
            Err(error @ (Error::Plugin(_) | Error::Vault(_))) => {
                (Err(error.into_failure()), Usage::default())
            }
            Err(error) => return Err(error),
        };
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(CheckReport { result, usage, took_ms })
    }
}

impl Inner {
    /// Sends what the check sends, so that the origin's breaker hears of it. False where
    /// the channel cannot be checked.
    pub(super) async fn probe(&self, id: ChannelId) -> bool {
        let Ok(Some(channel)) = self.store.channels().get(id).await else { return false };
        match self.open_channel(channel).await {
            Ok(opened) if opened.offer.plugin.exports().transport_check => {
                // What it finds is the breaker's to judge.
                drop(ask(opened).await);
                true
            }
            _ => false,
        }
    }
}

async fn ask(opened: Opened) -> (Result<Map<String, Value>, Failure>, Usage) {
    if !opened.offer.plugin.exports().transport_check {
        let words =
            format!("{} has no connection check; a sync shows whether the channel works", opened.offer.file);
        return (Err(Failure::new(Class::Unsupported, "check.unsupported", words)), Usage::default());
    }
    let step = Step { gateway: Some(opened.gateway), ..guest::pure_step(&opened.offer) };
    let outcome = opened.offer.plugin.check(step, opened.settings).await;
    (outcome.result.and_then(|answer| facts(&answer)), outcome.usage)
}

/// Reads a flat object of plain values; texts lose what could rewrite a terminal.
fn facts(answer: &[u8]) -> Result<Map<String, Value>, Failure> {
    let bad = |words: &str| {
        Failure::new(Class::Internal, "answer.check", format!("the plugin's check answers {words}"))
    };
    let facts: Map<String, Value> =
        serde_json::from_slice(answer).map_err(|_| bad("something else than a JSON object"))?;
    if facts.len() > MAX_FACTS {
        return Err(bad("more than a person can read"));
    }
    facts
        .into_iter()
        .map(|(name, value)| {
            Ok((clean(&name), plain(value).ok_or_else(|| bad("with lists or objects in it"))?))
        })
        .collect()
}

fn plain(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(clean(&text).into()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn clean(text: &str) -> String {
    const MAX_CHARS: usize = 1_000;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_are_plain_values() {
        let found = facts(br#"{"account": "Acme\u001b[2J", "agents": 3, "trial": false, "plan": null}"#)
            .expect("facts");
        assert_eq!(
            Value::Object(found),
            json!({"account": "Acme [2J", "agents": 3, "trial": false, "plan": null})
        );
        let many: Map<_, _> = (0..51).map(|at| (at.to_string(), Value::Null)).collect();
        for bad in ["[]", "nonsense", r#"{"a": []}"#, r#"{"a": {"b": 1}}"#, &Value::Object(many).to_string()]
        {
            let failure = facts(bad.as_bytes()).expect_err(bad);
            assert_eq!((failure.class, failure.code.as_str()), (Class::Internal, "answer.check"));
        }
    }
}
