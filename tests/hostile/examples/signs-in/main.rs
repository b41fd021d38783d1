//! A connector of a service that is signed in to by OAuth 2.0. It lists tasks and fetches the
//! tasks of a page at the same time, so that many requests need a token at once. It never sees
//! one.

use hostile::sdk::{
    self, ChannelType, Connector, Envelope, Error, Facts, Page, PullRequest, Request, Settings, Transport,
    TransportCheck,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

struct SignsIn;

sdk::export! {
    SignsIn,
    manifest: include_bytes!("manifest.json"),
    interfaces: [TransportCheck, Connector],
}

impl ChannelType for SignsIn {}

impl TransportCheck for SignsIn {
    fn check(transport: &dyn Transport, _settings: &Settings) -> Result<Facts, Error> {
        #[derive(Deserialize)]
        struct Me {
            name: String,
        }
        let me: Me = transport.send(Request::get("/me"))?.success()?.json()?;
        Ok(Facts::new().with("user", me.name))
    }
}

/// The last task that was read.
#[derive(Default, Serialize, Deserialize)]
struct Position {
    after: u64,
}

#[derive(Deserialize)]
struct Listed {
    ids: Vec<u64>,
    has_more: bool,
}

impl Connector for SignsIn {
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        let mut position = request.cursor::<Position>()?.unwrap_or_default();
        let query = Request::get("/tasks").query("after", position.after).query("limit", request.limit);
        let listed: Listed = transport.send(query)?.success()?.json()?;
        let requests = listed.ids.iter().map(|id| Request::get(format!("/tasks/{id}"))).collect();
        let mut page = Page::new();
        for (id, answer) in listed.ids.iter().zip(transport.send_all(requests)) {
            let task: Value = answer?.success()?.json()?;
            page.push(Envelope::new(*id, task.to_string()));
            position.after = *id;
        }
        page.more = listed.has_more;
        page.next(&position)?;
        Ok(page)
    }
}
