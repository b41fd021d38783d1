//! Channels and their names.

use super::{channel, names, on_both};
use crate::model::{Channel, ChannelId, ChannelName};
use crate::store::{Error, Store};

#[tokio::test]
async fn channel_is_found_by_id_and_by_name() {
    on_both(async |store| {
        let channels = store.channels();
        let (b, a) = (channel("b"), channel("a"));
        channels.create(&b).await.expect("new");
        channels.create(&a).await.expect("new");
        assert_eq!(channels.get(a.id).await.expect("read"), Some(a.clone()));
        assert_eq!(channels.by_name("b").await.expect("read"), Some(b));
        assert_eq!(channels.by_name("c").await.expect("read"), None);
        assert_eq!(channels.get(ChannelId::new()).await.expect("read"), None);
        assert_eq!(names(&channels.list().await.expect("read")), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn name_is_taken_only_once() {
    on_both(async |store| {
        let channels = store.channels();
        let (a, b) = (channel("a"), channel("b"));
        channels.create(&a).await.expect("new");
        channels.create(&b).await.expect("new");

        let second = channel("a");
        let error = channels.create(&second).await.expect_err("taken");
        assert!(matches!(error, Error::NameTaken(taken) if taken == "a"));
        assert_eq!(channels.get(second.id).await.expect("read"), None);

        let renamed = Channel { name: a.name.clone(), ..b.clone() };
        let error = channels.update(&b, &renamed).await.expect_err("taken");
        assert!(matches!(error, Error::NameTaken(taken) if taken == "a"));
        assert_eq!(channels.by_name("b").await.expect("read"), Some(b));

        let same_id = Channel { name: second.name, id: a.id, ..channel("x") };
        let error = channels.create(&same_id).await.expect_err("there already");
        assert!(matches!(error, Error::Expectation), "its own name is not another channel's");
    })
    .await;
}

#[tokio::test]
async fn renamed_channel_leaves_its_name_to_others() {
    on_both(async |store| {
        let channels = store.channels();
        let before = channel("before");
        channels.create(&before).await.expect("new");
        let after =
            Channel { name: ChannelName::try_new("after").expect("a name"), revision: 2, ..before.clone() };
        channels.update(&before, &after).await.expect("nobody else changed it");
        assert_eq!(channels.by_name("before").await.expect("read"), None);
        assert_eq!(channels.by_name("after").await.expect("read"), Some(after));
        channels.create(&channel("before")).await.expect("free again");
    })
    .await;
}

#[tokio::test]
async fn update_of_an_older_state_is_refused() {
    on_both(async |store| {
        let channels = store.channels();
        let first = channel("a");
        channels.create(&first).await.expect("new");
        let second = Channel { enabled: false, revision: 2, ..first.clone() };
        channels.update(&first, &second).await.expect("nobody else changed it");
        let late = Channel { two_way: true, revision: 2, ..first.clone() };
        assert!(matches!(channels.update(&first, &late).await, Err(Error::Expectation)));
        assert_eq!(channels.get(first.id).await.expect("read"), Some(second));
        let unknown = channel("unknown");
        assert!(matches!(channels.update(&unknown, &unknown).await, Err(Error::Expectation)));
    })
    .await;
}

#[tokio::test]
async fn many_channels_are_listed_by_name() {
    let store = Store::in_memory();
    for number in 0..700 {
        let number = number * 557 % 700;
        store.channels().create(&channel(&format!("channel-{number:03}"))).await.expect("new");
    }
    let channels = store.channels().list().await.expect("read");
    assert_eq!(channels.len(), 700);
    assert!(channels.is_sorted_by(|a, b| a.name < b.name));
}
