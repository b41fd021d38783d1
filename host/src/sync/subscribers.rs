//! Who wants to know which records change.
//!
//! It is read from what is stored once, and changed at once when somebody subscribes.
//! Where nobody does, it costs a look at an empty list. What becomes of what subscribers are
//! told is their business.

use crate::{
    model::{ChannelId, Name, Notice, RecordKey, Route, RouteEnd, SubscriberId},
    store::{self, Batch, FeedEntry, FeedKind, Store},
};
use arc_swap::ArcSwap;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// What a subscriber wants to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Who.
    pub subscriber: SubscriberId,
    /// Records of this channel only; none: of all.
    pub channel: Option<ChannelId>,
    /// Records of these connectors only; empty: of all.
    pub connectors: Vec<Name>,
    /// Whether it is told which fields changed, too.
    pub with_fields: bool,
}

impl Subscription {
    fn wants(&self, channel: ChannelId, connector: &Name) -> bool {
        self.channel.is_none_or(|own| own == channel)
            && (self.connectors.is_empty() || self.connectors.contains(connector))
    }
}

impl From<&Notice> for Subscription {
    fn from(notice: &Notice) -> Self {
        Self {
            subscriber: notice.id,
            channel: notice.channel,
            connectors: notice.connectors.clone(),
            with_fields: true,
        }
    }
}

impl Subscription {
    /// What a route wants to know of.
    #[must_use]
    pub fn of_route(route: &Route) -> Vec<Self> {
        let one = |end: &RouteEnd| Self {
            subscriber: route.id,
            channel: Some(end.channel),
            connectors: vec![end.connector.clone()],
            with_fields: false,
        };
        route.sources().map(one).collect()
    }
}

/// The subscriptions of the host.
#[derive(Default)]
pub struct Subscribers {
    all: ArcSwap<Vec<Subscription>>,
    loaded: OnceCell<()>,
}

impl Subscribers {
    /// Reads what is stored, unless it was read before. It has to be called before the first
    /// record is written.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn load(&self, store: &Store) -> store::Result<()> {
        let read = async || {
            for notice in store.notices().list().await? {
                self.put(Subscription::from(&notice));
            }
            for route in store.routes().list().await? {
                self.put_all(&Subscription::of_route(&route));
            }
            Ok(())
        };
        self.loaded.get_or_try_init(read).await.copied()
    }

    /// Adds a subscription, or replaces the one of its subscriber.
    pub fn put(&self, subscription: Subscription) {
        self.put_all(&[subscription]);
    }

    /// The same for a subscriber who wants to know of several.
    pub fn put_all(&self, subscriptions: &[Subscription]) {
        self.all.rcu(|all| {
            let is_new =
                |one: &Subscription| subscriptions.iter().any(|new| new.subscriber == one.subscriber);
            all.iter().filter(|one| !is_new(one)).chain(subscriptions).cloned().collect::<Vec<_>>()
        });
    }

    /// Ends a subscription.
    pub fn remove(&self, subscriber: SubscriberId) {
        self.all
            .rcu(|all| all.iter().filter(|one| one.subscriber != subscriber).cloned().collect::<Vec<_>>());
    }

    /// Who wants to know of changes of this connector's records.
    #[must_use]
    pub fn of(&self, channel: ChannelId, connector: &Name) -> Vec<SubscriberId> {
        self.wanting(channel, connector).into_iter().map(|(subscriber, _)| subscriber).collect()
    }

    /// The same, each with whether it is told which fields changed.
    pub(super) fn wanting(&self, channel: ChannelId, connector: &Name) -> Vec<(SubscriberId, bool)> {
        let all: Arc<Vec<Subscription>> = self.all.load_full();
        let wanting = all.iter().filter(|one| one.wants(channel, connector));
        wanting.map(|one| (one.subscriber, one.with_fields)).collect()
    }

    /// Tells everybody who wants to know, with the batch that makes the changes.
    pub fn tell<'a>(
        &self,
        batch: &mut Batch,
        channel: ChannelId,
        connector: &Name,
        changes: impl Iterator<Item = (&'a RecordKey, FeedKind)>,
    ) {
        let subscribers = self.of(channel, connector);
        if subscribers.is_empty() {
            return;
        }
        for (key, kind) in changes {
            let entry = FeedEntry { kind, stamp: fastrand::u64(..), origin: None };
            for subscriber in &subscribers {
                batch.feed(*subscriber, channel, connector, key, &entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::support::name;

    #[test]
    fn subscribers_are_told_of_what_they_want_to_know() {
        let (subscribers, [one, other]) = (Subscribers::default(), [ChannelId::new(), ChannelId::new()]);
        let [all, channel, connector] = [1, 2, 3].map(|byte| SubscriberId::from_bytes([byte; 16]));
        let subscription = |subscriber, channel, connectors: &[&str]| Subscription {
            subscriber,
            channel,
            connectors: connectors.iter().map(|text| name(text)).collect(),
            with_fields: true,
        };
        assert_eq!(subscribers.of(one, &name("ticket")), []);
        subscribers.put(subscription(all, None, &[]));
        subscribers.put(subscription(channel, Some(one), &[]));
        subscribers.put(subscription(connector, None, &["user"]));
        assert_eq!(subscribers.of(one, &name("ticket")), [all, channel]);
        assert_eq!(subscribers.of(one, &name("user")), [all, channel, connector]);
        assert_eq!(subscribers.of(other, &name("user")), [all, connector]);
        subscribers.put(subscription(all, Some(other), &["ticket"]));
        subscribers.remove(connector);
        assert_eq!(subscribers.of(one, &name("user")), [channel]);
        assert_eq!(subscribers.of(other, &name("ticket")), [all]);
    }
}
