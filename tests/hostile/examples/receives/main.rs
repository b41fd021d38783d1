//! A guest that takes deliveries at their word: the body says what they mean, and in which
//! way the guest is to fail over them.
//!
//! Its remote system has nothing to read, so that whatever is stored came by a delivery.

use hostile::sdk::{
    self, ChannelType, Connector, Due, Envelope, Error, Page, PullRequest, Transport, Webhook,
    webhook::{Change, Delivery, Effect},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

struct Receives;

sdk::export! {
    Receives,
    manifest: include_bytes!("manifest.json"),
    interfaces: [Connector, Webhook],
}

impl ChannelType for Receives {}

impl Connector for Receives {
    fn pull(_transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        let mut page = Page::new();
        for key in &request.keys {
            page.push(Envelope::new(key, json!({ "id": key }).to_string()));
            page.settle(key);
        }
        Ok(page)
    }
}

/// What a body says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wish {
    /// Keys that connectors are to fetch.
    #[serde(default)]
    due: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    changes: Vec<Wanted>,
    /// Leaves the names of the headers behind, as a record of that key.
    #[serde(default)]
    headers: Option<String>,
    /// `panic` or `loop`.
    #[serde(default)]
    act: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    connector: String,
    key: String,
    #[serde(default)]
    updated: Option<u64>,
    /// Absent: the record is gone.
    #[serde(default)]
    payload: Option<Value>,
}

impl Webhook for Receives {
    fn receive(delivery: Delivery) -> Result<Effect, Error> {
        let wish: Wish = serde_json::from_slice(&delivery.body)
            .map_err(|error| Error::invalid_data("receives.body", format!("that is no wish: {error}")))?;
        match wish.act.as_deref() {
            Some("panic") => panic!("received and found wanting"),
            Some("loop") => loop {
                std::hint::spin_loop();
            },
            _ => {}
        }
        let due = wish.due.into_iter().map(|(connector, keys)| Due { connector, keys }).collect();
        let mut changes: Vec<Change> = wish.changes.into_iter().map(change).collect();
        if let Some(key) = wish.headers {
            let names: Vec<_> = delivery.headers.iter().map(|(name, _)| name).collect();
            let record = Envelope::new(key, json!({ "headers": names }).to_string());
            changes.push(Change { connector: "thing".to_owned(), record });
        }
        Ok(Effect { changes, due })
    }
}

fn change(wanted: Wanted) -> Change {
    let record = match wanted.payload {
        Some(payload) => Envelope::new(wanted.key, payload.to_string()),
        None => Envelope::deleted(wanted.key),
    };
    Change { connector: wanted.connector, record: record.updated_ms(wanted.updated) }
}
