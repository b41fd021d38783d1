//! The last ticks of channels, and the maintenance.

use super::{channel, commit, on_both, rows, time};
use crate::model::Maintenance;

#[tokio::test]
async fn the_last_tick_of_each_channel_is_kept() {
    on_both(async |store| {
        let (a, b) = (channel("a"), channel("b"));
        assert_eq!(store.ticks().get(a.id).await.expect("read"), None);
        commit(&store, |batch| {
            batch.put_tick(b.id, time(7));
            batch.put_tick(a.id, time(1_700_000_000_123));
        })
        .await;
        commit(&store, |batch| batch.put_tick(b.id, time(-5))).await;
        assert_eq!(store.ticks().get(a.id).await.expect("read"), Some(time(1_700_000_000_123)));
        let all = store.ticks().all().await.expect("read");
        assert_eq!(all, [(a.id, time(1_700_000_000_123)), (b.id, time(0))]);
        commit(&store, |batch| batch.drop_tick(a.id)).await;
        assert_eq!(store.ticks().all().await.expect("read"), [(b.id, time(0))]);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_channel_leaves_no_tick() {
    on_both(async |store| {
        let gone = channel("gone");
        store.channels().create(&gone).await.expect("new");
        commit(&store, |batch| {
            batch.expect_channel(gone.id);
            batch.put_tick(gone.id, time(7));
        })
        .await;
        assert!(store.channels().delete(gone.id).await.expect("written"));
        assert!(rows(&store).is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_maintenance_begins_and_ends_and_watchers_hear_of_it() {
    on_both(async |store| {
        let mut watch = store.upkeep().watch();
        assert_eq!(store.upkeep().get().await.expect("read"), None);
        let maintenance = Maintenance::new(time(7), Some("a new disk"));
        commit(&store, |batch| batch.put_maintenance(&maintenance)).await;
        assert!(watch.changed().await);
        assert_eq!(store.upkeep().get().await.expect("read"), Some(maintenance));
        commit(&store, |batch| batch.put_tick(channel("a").id, time(1))).await;
        assert!(!watch.has_changed(), "a tick is none");
        commit(&store, |batch| batch.drop_maintenance()).await;
        assert!(watch.has_changed());
        assert_eq!(store.upkeep().get().await.expect("read"), None);
    })
    .await;
}
