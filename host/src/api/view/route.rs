//! Routes as they are shown and made.

use super::{DryRunField, Problem};
use crate::{
    model::{
        ChannelId, Name, RecordKey, RouteConflicts, RouteDeletions, RouteState, SubscriberId, Timestamp,
    },
    store::{self, FeedKey},
    sync::{self, ShownRoute},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Records of which connector, in a request: `channel/connector`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteEnd {
    /// The channel by its name; none: it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The connector.
    pub connector: Name,
}

/// How far a route has read what was there before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteFill {
    /// Records that it has read.
    pub done: u64,
    /// Records that there are.
    pub total: u64,
}

/// A route, and how it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// Its id.
    pub id: SubscriberId,
    /// Its name.
    pub name: Name,
    /// Whose records it reads.
    pub from: RouteEnd,
    /// Whose records it writes.
    pub to: RouteEnd,
    /// The filter from a payload of `from` to one of `to`.
    pub map: String,
    /// The filter for the way back; none: it goes one way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
    /// What becomes of a record whose counterpart is deleted.
    pub deletions: RouteDeletions,
    /// Who is right about a field that was changed at both ends.
    pub conflicts: RouteConflicts,
    /// Whether a person holds it back.
    pub paused: bool,
    /// When it was made.
    pub created: Timestamp,
    /// How far it has read what was there before it; none: it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filling: Option<RouteFill>,
    /// Pairs of records that are each other's counterpart.
    pub links: u64,
    /// Changes that are still to be dealt with.
    pub waiting: u64,
    /// Changes that were set aside.
    pub failed: u64,
    /// Records that it wrote since the host started.
    pub written: u64,
    /// Records that its filter left out since the host started.
    pub left_out: u64,
    /// When it last wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_written: Option<Timestamp>,
    /// What last went wrong since the host started, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<super::NoticeFailure>,
}

impl From<ShownRoute> for Route {
    fn from(shown: ShownRoute) -> Self {
        let ShownRoute { route, from, to, state, links, waiting, failed } = shown;
        let RouteState { written, left_out, last_written, last_failure } = state;
        Self {
            id: route.id,
            name: route.name,
            from: RouteEnd { channel: from, connector: route.from.connector },
            to: RouteEnd { channel: to, connector: route.to.connector },
            map: route.map,
            back: route.back,
            deletions: route.deletions,
            conflicts: route.conflicts,
            paused: route.paused,
            created: route.created,
            filling: route.fill.map(|fill| RouteFill { done: fill.done, total: fill.total }),
            links,
            waiting,
            failed,
            written,
            left_out,
            last_written,
            last_failure: last_failure
                .map(|(at, failure)| super::NoticeFailure { at, error: failure.into() }),
        }
    }
}

/// One end of a route that is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewRouteEnd {
    /// The channel by its name.
    pub channel: String,
    /// The connector.
    pub connector: Name,
}

/// Body of a request for a route.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewRoute {
    /// Its name; none: one is made of those of its ends.
    #[serde(default)]
    pub name: Option<Name>,
    /// Whose records it reads.
    pub from: NewRouteEnd,
    /// Whose records it writes.
    pub to: NewRouteEnd,
    /// The filter from a payload of `from` to one of `to`.
    pub map: String,
    /// The filter for the way back.
    #[serde(default)]
    pub back: Option<String>,
    /// What becomes of a record whose counterpart is deleted.
    #[serde(default)]
    pub deletions: RouteDeletions,
    /// Who is right about a field that was changed at both ends.
    #[serde(default)]
    pub conflicts: RouteConflicts,
    /// Whether records that are there already are left alone until they change.
    #[serde(default)]
    pub only_new: bool,
}

impl From<NewRoute> for sync::NewRoute {
    fn from(new: NewRoute) -> Self {
        Self {
            name: new.name,
            from: (new.from.channel, new.from.connector),
            to: (new.to.channel, new.to.connector),
            map: new.map,
            back: new.back,
            deletions: new.deletions,
            conflicts: new.conflicts,
            only_new: new.only_new,
        }
    }
}

/// Body of a request to try a route.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewRouteTest {
    /// A route that is not there yet.
    pub route: Option<NewRoute>,
    /// Another filter than that of the route.
    pub map: Option<String>,
    /// Another filter for the way back.
    pub back: Option<String>,
    /// This record; else the first ones.
    pub key: Option<RecordKey>,
    /// Whether records are tried on their way back.
    pub reversed: bool,
    /// How many records at most.
    pub limit: Option<usize>,
}

/// What would become of a record's counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriedWhat {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It is as it should be.
    Unchanged,
    /// The filter gives nothing for the record.
    LeftOut,
    /// Nothing, as it is now.
    Nothing,
}

/// What a route would do with a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// The record.
    pub key: RecordKey,
    /// Its counterpart, there or to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterpart: Option<RecordKey>,
    /// The record that a new one would belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordKey>,
    /// What would become of it.
    pub what: TriedWhat,
    /// What would differ in it afterwards.
    pub fields: Vec<DryRunField>,
    /// The whole of it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// Why it would not be done, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl From<sync::Tried> for Tried {
    fn from(tried: sync::Tried) -> Self {
        use sync::TriedWhat as What;
        Self {
            key: tried.key,
            counterpart: tried.counterpart,
            parent: tried.parent,
            what: match tried.what {
                What::Create => TriedWhat::Create,
                What::Update => TriedWhat::Update,
                What::Unchanged => TriedWhat::Unchanged,
                What::LeftOut => TriedWhat::LeftOut,
                What::Nothing => TriedWhat::Nothing,
            },
            fields: tried.fields.into_iter().map(DryRunField::from).collect(),
            payload: tried.payload,
            problem: tried.problem.map(Problem::from),
        }
    }
}

/// A change that a route has set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedRoute {
    /// The record's channel, by its name; none: it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The record's channel.
    pub channel_id: ChannelId,
    /// The record's connector.
    pub connector: Name,
    /// The record's key.
    pub key: RecordKey,
    /// How often it was tried.
    pub tries: u32,
    /// When it was set aside.
    pub since: Timestamp,
    /// Why it failed the last time.
    pub reason: Problem,
}

impl FailedRoute {
    /// Of a record of the channel with that name.
    #[must_use]
    pub fn of(channel: Option<String>, key: FeedKey, failed: store::FailedRoute) -> Self {
        let store::FailedRoute { tries, reason, since } = failed;
        let FeedKey { channel: channel_id, connector, key } = key;
        Self { channel, channel_id, connector, key, tries, since, reason: reason.into() }
    }
}
