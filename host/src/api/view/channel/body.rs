//! A channel as it is asked for.

use crate::{
    api::view::ScheduleEdit,
    channels::{self, Options},
    model::{ChannelName, ConflictPolicy, Direction, Name, Parallel, Secret, Vanished},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A body with what one can say of a channel at any time, beside fields of its own.
///
/// The fields are written once, but stand in both bodies: serde's `flatten` would take
/// unknown keys, and could not tell the place of a fault.
macro_rules! channel_body {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// Values by field name, as text or JSON; `null` takes a value away, a secret too.
            #[serde(default)]
            pub settings: Map<String, Value>,
            /// Secrets by field name.
            #[serde(default, deserialize_with = "secrets")]
            pub secrets: BTreeMap<String, Secret>,
            /// The connectors to switch on; the others are off.
            #[serde(default)]
            pub connectors: Option<Vec<Name>>,
            /// Whether local changes are to be exported.
            #[serde(default)]
            pub two_way: Option<bool>,
            /// When it syncs by itself.
            #[serde(default)]
            pub schedule: ScheduleEdit,
            /// How many of its connectors may run at the same time.
            #[serde(default)]
            pub parallel: Option<Parallel>,
            /// What a full sync does with records that are gone remotely.
            #[serde(default)]
            pub vanished: Option<Vanished>,
            /// Who is right about what both sides changed, by connector, `*` for all that
            /// are not named; `null`: as for those, or as usual.
            #[serde(default)]
            pub conflicts: BTreeMap<String, Option<ConflictPolicy>>,
        }
    };
}

channel_body! {
    /// Body of a request that makes a channel. What is absent is as usual: all
    /// connectors, import only, the host's default schedule.
    NewChannel {
        /// Unique in the host.
        pub name: ChannelName,
        /// The channel type.
        #[serde(rename = "type")]
        pub channel_type: Name,
        /// The transport; the type's first one where none is named.
        #[serde(default)]
        pub transport: Option<Name>,
        /// Whether runs may start; they may where nothing is said.
        #[serde(default = "yes")]
        pub enabled: bool,
    }
}

channel_body! {
    /// Body of a request that changes a channel. What is absent stays as it was.
    Edit {
        /// The new name.
        #[serde(default)]
        pub name: Option<ChannelName>,
    }
}

/// Body of a request to sync a channel.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewSync {
    /// `import` or `export` alone; where nothing is said an import, and an export of what
    /// waits for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The connectors to run; all that are switched on where none are named.
    pub connectors: Vec<Name>,
    /// Whether to start from the beginning.
    pub full: bool,
    /// Whether to record the exchanges of the runs.
    pub record: bool,
}

fn yes() -> bool {
    true
}

fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
}

impl From<NewChannel> for channels::Draft {
    fn from(new: NewChannel) -> Self {
        Self {
            name: new.name,
            channel_type: new.channel_type,
            transport: new.transport,
            settings: new.settings,
            secrets: new.secrets,
            connectors: new.connectors,
            two_way: new.two_way.unwrap_or(false),
            enabled: new.enabled,
            options: Options {
                schedule: new.schedule.0,
                parallel: new.parallel,
                vanished: new.vanished,
                conflicts: new.conflicts,
            },
        }
    }
}

impl From<Edit> for channels::Change {
    fn from(edit: Edit) -> Self {
        Self {
            name: edit.name,
            settings: edit.settings,
            secrets: edit.secrets,
            connectors: edit.connectors,
            two_way: edit.two_way,
            options: Options {
                schedule: edit.schedule.0,
                parallel: edit.parallel,
                vanished: edit.vanished,
                conflicts: edit.conflicts,
            },
        }
    }
}
