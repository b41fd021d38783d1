//! The smallest complete connector: reads the tasks of a made-up to-do service.
//!
//! `GET /me` says who we are; `GET /tasks?after=ID&limit=N` lists tasks by id.

use serde::{Deserialize, Serialize};
use tidegate_sdk::{
    ChannelType, Connector, Envelope, Error, Facts, Page, PullRequest, Request, Settings, Transport,
    TransportCheck, json::Item, time,
};

/// The plugin.
pub struct Minimal;

tidegate_sdk::export! {
    Minimal,
    manifest: include_bytes!("../manifest.json"),
    interfaces: [TransportCheck, Connector],
}

impl ChannelType for Minimal {}

impl TransportCheck for Minimal {
    fn check(transport: &dyn Transport, _settings: &Settings) -> Result<Facts, Error> {
        #[derive(Deserialize)]
        struct Me {
            name: String,
        }
        let me: Me = transport.send(Request::get("/me"))?.success()?.json()?;
        Ok(Facts::new().with("user", me.name))
    }
}

/// The cursor: the last task that was read.
#[derive(Default, Serialize, Deserialize)]
struct Position {
    after: u64,
}

/// The fields that matter; a payload is the whole task all the same.
#[derive(Deserialize)]
struct Task {
    id: u64,
    #[serde(default, deserialize_with = "time::as_ms")]
    updated: Option<u64>,
}

#[derive(Deserialize)]
struct Rest {
    has_more: bool,
}

impl Connector for Minimal {
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        let mut position = request.cursor::<Position>()?.unwrap_or_default();
        let query = Request::get("/tasks").query("after", position.after).query("limit", request.limit);
        let response = transport.send(query)?.success()?;

        let mut page = Page::new();
        let rest: Rest = response.each("tasks", |item: Item<'_, Task>| match item.fields {
            Ok(task) => {
                position.after = task.id;
                page.push(Envelope::new(task.id, item.raw).updated_ms(task.updated));
            }
            Err(error) => page.reject(format!("after {}", position.after), error, item.raw),
        })?;
        page.more = rest.has_more;
        page.next(&position)?;
        Ok(page)
    }
}
