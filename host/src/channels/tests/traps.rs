//! A plugin that traps, from a channel's steps to the store and back.

use super::*;
use crate::{
    model::{LastTrap, PullRequest},
    sandbox::Step,
};

/// The code that a step of the channel ends with: the guest's `pull` traps.
async fn pull(opened: &Opened) -> String {
    let step = Step {
        gateway: Some(opened.gateway.clone()),
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        log: crate::catalog::GuestLog::new("a test"),
        memory: None,
        seed: None,
    };
    let request = PullRequest {
        connector: name("item"),
        settings: opened.settings.clone(),
        cursor: None,
        keys: Vec::new(),
        limit: 10,
    };
    opened.offer.plugin.pull(step, request).await.result.expect_err("it traps").code
}

async fn write(keeper: TrapKeeper) {
    let stopped = CancellationToken::new();
    stopped.cancel();
    keeper.run(stopped).await;
}

#[tokio::test]
async fn a_plugin_in_quarantine_runs_for_no_channel_and_after_no_restart() {
    let house = House::new().await;
    let keeper = house.channels.trap_keeper();
    house.channels.create(good_draft()).await.expect("a channel");
    let opened = house.channels.open("one").await.expect("an open channel");
    for _ in 0..5 {
        assert_eq!(pull(&opened).await, "trap.unreachable");
    }
    assert_eq!(pull(&opened).await, "plugin.quarantined");
    assert!(!house.channels.is_offered("desk"));
    let refused = house.channels.open("one").await.err().expect("it is held back").into_failure();
    assert_eq!((refused.class, refused.code.as_str()), (Class::Config, "plugin.quarantined"));
    let report = house.channels.check("one").await.expect("a report");
    assert_eq!(report.result.expect_err("no step runs").code, "plugin.quarantined");
    let mut second = good_draft();
    second.name = ChannelName::try_new("two").expect("a name");
    assert!(words(house.channels.create(second)).await.contains("in quarantine since"));
    let renamed = Change { name: ChannelName::try_new("uno").ok(), ..Change::default() };
    house.channels.edit("one", renamed).await.expect("a name needs no plugin");

    write(keeper).await;
    let kept = house.store.traps().list().await.expect("the store");
    assert_eq!((kept.len(), kept[0].traps, kept[0].file.as_str()), (1, 5, "desk.wasm"));
    let LastTrap { code, message, .. } = &kept[0].last;
    assert_eq!((code.as_str(), message.as_str()), ("trap.unreachable", "the plugin panicked"));

    // A restart of the catalog: it knows nothing until it is told.
    house.bench.catalog.restore_traps(Vec::new());
    assert!(house.channels.is_offered("desk"));
    house.channels.restore_traps().await.expect("the store");
    assert!(!house.channels.is_offered("desk"));

    let keeper = house.channels.trap_keeper();
    assert_eq!(house.bench.catalog.release("test").len(), 1);
    write(keeper).await;
    assert_eq!(house.store.traps().list().await.expect("the store"), []);
    house.channels.open("uno").await.expect("an open channel");
}
