//! A host with two channels that go both ways, and the task of its routes.

use crate::sync::routes::*;
use crate::{
    model::{ChannelName, Direction, Name, RecordKey, Ways},
    sync::{
        NewRoute, Request,
        opener::Ready,
        tests::support::{Host, all_of, connector, name, remote::Remote},
    },
};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Leaves some records out, and gives only what is there.
pub(super) const MAP: &str =
    "if .subject == \"skip\" then empty else {title: .subject, text: .body} | del(.[] | nulls) end";
const BACK: &str = "{subject: .title, body: .text} | del(.[] | nulls)";

pub(super) fn route(two_way: bool) -> NewRoute {
    NewRoute {
        name: Some(name("r")),
        from: ("left".into(), name("ticket")),
        to: ("right".into(), name("issue")),
        map: MAP.into(),
        back: two_way.then(|| BACK.into()),
        deletions: RouteDeletions::Keep,
        conflicts: RouteConflicts::FromWins,
        only_new: false,
    }
}

/// Its way there cannot be turned back.
pub(super) fn lossy() -> NewRoute {
    NewRoute {
        map: "{title: (.subject | ascii_downcase)}".into(),
        back: Some("{subject: .title}".into()),
        ..route(true)
    }
}

pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) routes: Routes,
    pub(super) left: Remote,
    pub(super) right: Remote,
    pub(super) channels: [Ready; 2],
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// A channel of a remote system, with one connector that goes both ways.
pub(super) fn channel(remote: &Remote, channel: &str, name: &str) -> Ready {
    let one = connector(name);
    let mut ready = remote.channel_of(crate::model::Connector { direction: Ways::TwoWay, ..one });
    ready.channel.name = ChannelName::try_new(channel).expect("a name");
    ready
}

impl Stage {
    pub(super) async fn new() -> Self {
        let (left, right) = (Remote::new(), Remote::new());
        let channels = [channel(&left, "left", "ticket"), channel(&right, "right", "issue")];
        Self::on(Host::new(), left, right, channels).await
    }

    pub(super) async fn on(host: Host, left: Remote, right: Remote, channels: [Ready; 2]) -> Self {
        for ready in &channels {
            host.put(ready);
            // It may be there already, from an earlier host.
            let _ = host.store.channels().create(&ready.channel).await;
        }
        let (routes, worker) = Routes::build(&host.sync);
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(worker.run(stop.clone()));
        Self { host, routes, left, right, channels, stop, tasks }
    }

    /// Ends all as a killed process does.
    pub(super) async fn kill(mut self) {
        self.tasks.shutdown().await;
        self.host.kill().await;
    }

    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.host.stop().await;
    }

    pub(super) async fn create(&self, new: NewRoute) {
        self.routes.create(new).await.expect("a route");
    }

    pub(super) fn store(&self) -> &crate::store::Store {
        &self.host.store
    }

    pub(super) async fn sync_left(&self) {
        self.host.sync(&self.channels[0]).await;
    }

    /// Returns when the route has nothing left to do, and all that it wrote is exported.
    pub(super) async fn settled(&self) {
        for _ in 0..2_000 {
            let mut left = self.store().jobs().all().await.expect("read").len();
            for route in self.store().routes().list().await.expect("read") {
                left += usize::from(!route.paused && route.fill.is_some());
                if !route.paused {
                    left += usize::try_from(self.store().feed().count(route.id).await.expect("read"))
                        .expect("few");
                }
            }
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let routes = self.routes.list().await.expect("read");
        panic!("it does not come to rest: {routes:#?}");
    }

    /// Imports and exports both, until nothing is left to do.
    pub(super) async fn all(&self) {
        for _ in 0..2 {
            for ready in &self.channels {
                self.host.sync(ready).await;
                let request = Request { direction: Direction::Export, ..all_of(ready) };
                let job = self.host.sync.request(request).await.expect("asked for");
                self.host.sync.wait(job.id).await.expect("it ends");
            }
            self.settled().await;
        }
    }

    pub(super) fn right_titles(&self) -> Vec<String> {
        let records = self.right.records();
        let mut titles: Vec<_> =
            records.values().map(|record| record["title"].as_str().unwrap_or_default().to_owned()).collect();
        titles.sort();
        titles
    }

    pub(super) fn only_right(&self) -> String {
        let records = self.right.records();
        assert_eq!(records.len(), 1, "{records:?}");
        records.into_keys().next().expect("one")
    }

    /// What was in conflict at both ends: the route, the field, the lost value and the other.
    pub(super) async fn conflicts(&self) -> Vec<String> {
        let mut told = Vec::new();
        for Ready { channel, .. } in &self.channels {
            let conflicts = self.store().conflicts();
            let all = conflicts.list(channel.id, &channel.connectors[0], None, 9).await.expect("read");
            for conflict in all {
                let route = conflict.route.expect("the route's");
                told.extend(conflict.fields.into_iter().map(|field| {
                    let text = |value: Option<serde_json::Value>| {
                        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
                    };
                    format!("{route} {} {} {}", field.field, text(field.local), text(field.remote))
                }));
            }
        }
        told
    }

    /// The records of a channel by key.
    pub(super) async fn keys(&self, channel: usize, connector: &Name) -> Vec<RecordKey> {
        let id = self.channels[channel].channel.id;
        self.store().records().keys(id, connector, None, 1_000).await.expect("read")
    }
}
use crate::model::{RouteConflicts, RouteDeletions};
