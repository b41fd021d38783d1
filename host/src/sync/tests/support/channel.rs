//! Channels and connectors, as plain as they can be.

use super::script::Scripts;
use crate::{
    model::{
        Asked, Channel, ChannelId, ChannelName, ChannelType, ConflictPolicies, Connector, Direction,
        DrivenBy, Job, Name, Parallel, RecordKey, Run, Schedule, Timestamp, Trigger, Vanished, Ways, Write,
    },
    sync::opener::Ready,
};
use std::{collections::BTreeMap, sync::Arc};

pub(in crate::sync) fn name(text: &str) -> Name {
    Name::try_new(text).unwrap()
}

pub(in crate::sync) fn key(text: &str) -> RecordKey {
    RecordKey::try_new(text).unwrap()
}

pub(in crate::sync) fn connector(id: &str) -> Connector {
    Connector {
        id: name(id),
        label: id.into(),
        entity: id.into(),
        direction: Ways::Import,
        driven_by: DrivenBy::Cursor,
        depends_on: Vec::new(),
        order: 0,
        supports_full: true,
        page_size: 100,
        schema: None,
        references: Vec::new(),
        writes: vec![Write::Create, Write::Update, Write::Delete],
    }
}

pub(in crate::sync) fn by_keys(id: &str) -> Connector {
    Connector { driven_by: DrivenBy::Keys, ..connector(id) }
}

pub(in crate::sync) fn after(id: &str, needs: &str) -> Connector {
    Connector { depends_on: vec![name(needs)], ..connector(id) }
}

/// A channel named `test` with all of `connectors` switched on, and no sources.
pub(in crate::sync) fn ready(connectors: Vec<Connector>) -> Ready {
    let at = Timestamp::from_millis(0);
    Ready {
        channel: Channel {
            id: ChannelId::new(),
            name: ChannelName::try_new("test").unwrap(),
            channel_type: name("scripted"),
            transport: name("none"),
            connectors: connectors.iter().map(|connector| connector.id.clone()).collect(),
            two_way: false,
            enabled: true,
            enabled_since: None,
            migrated: None,
            paused: None,
            schedule: Schedule::default(),
            parallel: Parallel::default(),
            vanished: Vanished::default(),
            conflicts: ConflictPolicies::default(),
            mappings: BTreeMap::new(),
            settings: serde_json::Map::new(),
            secrets: BTreeMap::new(),
            plugin_version: "1.0.0".into(),
            created: at,
            edited: at,
            revision: 0,
        },
        channel_type: Arc::new(ChannelType {
            id: name("scripted"),
            label: "Scripted".into(),
            description: String::new(),
            icon: None,
            owner: None,
            transports: Vec::new(),
            connectors,
            operations: Vec::new(),
            webhooks: Vec::new(),
        }),
        sources: Arc::new(Scripts::default()),
        origin: Some("https://remote.example".into()),
    }
}

/// A run as it waits.
pub(in crate::sync) fn queued(channel: &Ready, connector: &str, requested: Timestamp) -> Run {
    let asked = Asked { connectors: Vec::new(), full: false, record: false, trigger: Trigger::Request };
    let job = Job::new(&channel.channel, Direction::Import, asked, requested);
    crate::sync::job::run(&name(connector), 0, &job)
}
