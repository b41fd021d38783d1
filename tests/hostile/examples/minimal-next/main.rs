//! The next version of the smallest connector, to be judged before an upgrade: it leaves
//! out what is archived, changes titles, wants to know the labels, and makes its records
//! of the clock and of chance. It takes over no settings of an address with `legacy` in
//! it, and has a say in what is done with its channels, as their settings tell it.

use hostile::sdk::{
    self, ChannelType, Connector, Envelope, Error, Facts, Json, Lifecycle, Page, PullRequest, Request,
    Settings, Transport, TransportCheck,
    lifecycle::{Question, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

struct MinimalNext;

sdk::export! {
    MinimalNext,
    manifest: include_bytes!("manifest.json"),
    interfaces: [TransportCheck, Connector, Lifecycle],
}

impl ChannelType for MinimalNext {
    fn migrate_settings(_channel_type: &str, version: &str, settings: Settings) -> Result<Json, Error> {
        let mut settings: Value = settings.read()?;
        if settings["url"].as_str().is_some_and(|url| url.contains("legacy")) {
            return Err(Error::config("minimal.legacy", "legacy addresses are not served any more"));
        }
        settings["was"] = json!(version);
        Json::of(&settings)
    }
}

impl TransportCheck for MinimalNext {
    fn check(_transport: &dyn Transport, _settings: &Settings) -> Result<Facts, Error> {
        Ok(Facts::new())
    }
}

impl Lifecycle for MinimalNext {
    fn may(question: &Question) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Said {
            #[serde(default)]
            refuses: String,
        }
        let step = match question.step {
            Step::Enable => "enable",
            Step::Disable => "disable",
            Step::Delete => "delete",
        };
        let Said { refuses } = question.settings.read()?;
        let records: u64 = question.holdings()?.connectors.iter().map(|held| held.records).sum();
        match refuses.as_str() {
            "by-panic" => panic!("this guest does not know what to say"),
            "by-silence" => loop {
                std::hint::spin_loop();
            },
            steps if steps.split(' ').any(|refused| refused == step) => {
                Err(Error::conflict("minimal.kept", format!("{records} tasks are still in use")))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    mark: String,
    #[serde(default)]
    was: Option<String>,
}

/// Another form of the cursor than the version before wrote.
#[derive(Default, Serialize, Deserialize)]
struct Position {
    #[serde(default)]
    last: Option<u64>,
    /// What the version before calls it.
    #[serde(default)]
    after: Option<u64>,
}

#[derive(Deserialize)]
struct Tasks {
    tasks: Vec<Value>,
    has_more: bool,
}

impl Connector for MinimalNext {
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        let wanted: Wanted = request.settings.read()?;
        let position = request.cursor::<Position>()?.unwrap_or_default();
        let mut last = position.last.or(position.after).unwrap_or(0);
        if last == 0 {
            // Nice to have.
            let _ = transport.send(Request::get("/labels"));
        }
        let query = Request::get("/tasks").query("after", last).query("limit", request.limit);
        let Tasks { tasks, has_more } = transport.send(query)?.success()?.json()?;
        let began = Instant::now();
        let mut page = Page::new();
        for mut task in tasks {
            last = task["id"].as_u64().unwrap_or(last);
            if task["archived"] == true {
                continue;
            }
            let title = task["title"].as_str().unwrap_or_default();
            task["title"] = format!("{title}{}", wanted.mark).into();
            task["was"] = json!(wanted.was);
            task["fetched"] = json!(now_ns());
            task["took"] = json!(began.elapsed().as_nanos() as u64);
            task["lot"] = json!(RandomState::new().hash_one(last));
            page.push(Envelope::new(last, task.to_string()));
        }
        page.more = has_more;
        page.next(&Position { last: Some(last), after: None })?;
        Ok(page)
    }
}

#[expect(clippy::disallowed_methods, reason = "a guest has no other clock")]
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
