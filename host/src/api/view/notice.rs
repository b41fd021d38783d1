//! Notices of changes as they are shown and made.

use super::Problem;
use crate::{
    model::{ChannelId, ChannelName, Failure, Name, RecordKey, SubscriberId, Timestamp},
    store::{self, FeedKey, FeedKind},
    sync::ShownNotice,
};
use serde::{Deserialize, Serialize};

/// Where changes of which records are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notice {
    /// Its id.
    pub id: SubscriberId,
    /// Its name.
    pub name: Name,
    /// Where messages are posted.
    pub url: String,
    /// Of this channel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The channel, whatever its name; it may be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// Of these connectors only; empty: of all.
    pub connectors: Vec<Name>,
    /// Whether messages carry the record.
    pub with_payload: bool,
    /// Whether a person holds it back.
    pub paused: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Changes that wait to be told.
    pub waiting: u64,
    /// Changes that are not told any more.
    pub dead: u64,
    /// Messages that arrived since the host started.
    pub sent: u64,
    /// When one last arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sent: Option<Timestamp>,
    /// What last went wrong since the host started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<NoticeFailure>,
    /// Until when the address is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Timestamp>,
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoticeFailure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub error: Problem,
}

impl From<ShownNotice> for Notice {
    fn from(shown: ShownNotice) -> Self {
        let ShownNotice { notice, channel, state, waiting, dead } = shown;
        Self {
            id: notice.id,
            name: notice.name,
            url: notice.url,
            channel,
            channel_id: notice.channel,
            connectors: notice.connectors,
            with_payload: notice.with_payload,
            paused: notice.paused,
            created: notice.created,
            waiting,
            dead,
            sent: state.sent,
            last_sent: state.last_sent,
            last_failure: state.last_failure.map(|(at, failure)| NoticeFailure { at, error: failure.into() }),
            resting_until: state.resting_until,
        }
    }
}

/// A notice that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MadeNotice {
    /// As it is.
    #[serde(flatten)]
    pub notice: Notice,
    /// The key of the signatures, where the host made it: it is not shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Body of a request for a notice.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewNotice {
    /// Its name.
    pub name: Name,
    /// Where messages are to be posted.
    pub url: String,
    /// Of this channel only, by its name.
    #[serde(default)]
    pub channel: Option<String>,
    /// Of these connectors only.
    #[serde(default)]
    pub connectors: Vec<Name>,
    /// Whether messages carry the record.
    #[serde(default)]
    pub with_payload: bool,
    /// The key; none: the host makes one.
    #[serde(default)]
    pub secret: Option<String>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoticeTest {
    /// Whether the message arrived.
    pub arrived: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

impl From<Result<(), Failure>> for NoticeTest {
    fn from(result: Result<(), Failure>) -> Self {
        Self { arrived: result.is_ok(), error: result.err().map(Problem::from) }
    }
}

/// A change that is not told any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeadNotice {
    /// The record's channel; none: it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// The record's connector.
    pub connector: Name,
    /// The record's key.
    pub key: RecordKey,
    /// What became of the record.
    pub kind: FeedKind,
    /// How often it was tried.
    pub tries: u32,
    /// When it was given up.
    pub died: Timestamp,
    /// Why it did not arrive the last time.
    pub reason: Problem,
}

impl DeadNotice {
    /// Of a record of the channel with that name.
    #[must_use]
    pub fn of(channel: Option<ChannelName>, key: FeedKey, dead: store::DeadNotice) -> Self {
        let store::DeadNotice { entry, tries, reason, died, .. } = dead;
        let FeedKey { connector, key, .. } = key;
        Self { channel, connector, key, kind: entry.kind, tries, died, reason: reason.into() }
    }
}

/// Which of the changes that are not told any more.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DeadSelection {
    /// All of them.
    pub all: bool,
    /// Of this channel, by its name.
    pub channel: Option<String>,
    /// Of this connector.
    pub connector: Option<Name>,
    /// Of the records with these keys.
    pub keys: Vec<String>,
}

/// How many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Count {
    /// The number.
    pub count: u64,
}
