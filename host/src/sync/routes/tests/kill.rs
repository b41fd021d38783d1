//! A process that is killed at any commit: the next one comes to the same end.

use super::stage::{Stage, channel, route};
use crate::model::RouteDeletions;
use crate::sync::{
    NewRoute,
    tests::support::{
        Host,
        engine::{Death, Disk, Mortal},
        name,
        remote::Remote,
    },
};
use serde_json::{Value, json};

/// What both remote systems have in the end, the left one first.
type End = [Vec<Value>; 2];

struct Play {
    disk: Disk,
    left: Remote,
    right: Remote,
    channels: [crate::sync::opener::Ready; 2],
}

impl Play {
    fn new() -> Self {
        let (left, right) = (Remote::new(), Remote::new());
        let channels = [channel(&left, "left", "ticket"), channel(&right, "right", "issue")];
        Self { disk: Disk::default(), left, right, channels }
    }

    async fn stage(&self, death: Death) -> (std::sync::Arc<Mortal>, Stage) {
        let engine = Mortal::on(&self.disk, death);
        let host = Host::on(&engine.store());
        let stage = Stage::on(host, self.left.clone(), self.right.clone(), self.channels.clone()).await;
        (engine, stage)
    }

    /// Edits at both ends, then a life that may be cut short, then one that is not.
    async fn play(&self, death: Death) -> (bool, End) {
        let (_, stage) = self.stage(Death::Never).await;
        self.left.edit("1", json!({"subject": "a", "body": "b"}));
        self.left.edit("2", json!({"subject": "c", "body": "d"}));
        stage.create(NewRoute { deletions: RouteDeletions::Follow, ..route(true) }).await;
        stage.all().await;
        stage.routes.set_paused("r", true).await.expect("paused");
        let right =
            self.right.records().into_iter().find(|(_, record)| record["title"] == "a").expect("there");
        self.left.edit("1", json!({"subject": "a1"}));
        self.right.edit(&right.0, json!({"text": "b1"}));
        self.left.edit("3", json!({"subject": "e", "body": "f"}));
        self.right.edit("9", json!({"title": "g", "text": "h"}));
        self.left.delete("2");
        stage.all().await;
        stage.routes.set_paused("r", false).await.expect("resumed");
        stage.kill().await;

        let (engine, stage) = self.stage(death).await;
        tokio::select! {
            () = engine.died() => {}
            () = stage.settled_or_dead(&engine) => {}
        }
        let has_died = engine.is_dead();
        stage.kill().await;

        let (_, stage) = self.stage(Death::Never).await;
        stage.all().await;
        let shown = stage.routes.get("r").await.expect("a route");
        assert_eq!((shown.links, shown.waiting, shown.failed), (3, 0, 0), "{death:?}");
        let sides = [("ticket", 0), ("issue", 1)];
        for (connector, at) in sides {
            assert_eq!(stage.keys(at, &name(connector)).await.len(), 3, "{death:?}: nothing is there twice");
        }
        stage.kill().await;
        (has_died, [&self.left, &self.right].map(|remote| remote.records().into_values().collect()))
    }
}

impl Stage {
    async fn settled_or_dead(&self, engine: &Mortal) {
        for _ in 0..400 {
            let Ok(routes) = self.store().routes().list().await else { return };
            let waits = match routes.first() {
                Some(route) => self.store().feed().count(route.id).await.unwrap_or(0),
                None => 0,
            };
            if waits == 0 || engine.is_dead() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn sorted(end: End) -> End {
    end.map(|mut records| {
        records.sort_by_key(ToString::to_string);
        records
    })
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_commit_it_comes_to_the_same_end() {
    let (_, expected) = Play::new().play(Death::Never).await;
    let expected = sorted(expected);
    assert_eq!(expected[0].len(), 3, "{expected:?}");
    let mut deaths = 0;
    for at in 0..60 {
        for death in [Death::Before(at), Death::After(at)] {
            let (has_died, end) = Play::new().play(death).await;
            assert_eq!(sorted(end), expected, "{death:?}");
            deaths += usize::from(has_died);
            if !has_died && at > 10 {
                return;
            }
        }
    }
    assert!(deaths > 10, "{deaths}");
}
