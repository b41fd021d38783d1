//! How the records of one connector are turned into others, in and out.
//!
//! A plain document: what a filter means, and whether it can be run, is known in `sync`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, str::FromStr};

/// The mapping of a channel's connector.
///
/// In: the import filter, then the value maps from remote to local. Out: the value maps
/// from local to remote, then the export filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mapping {
    /// A jq filter from the remote payload to the local one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<String>,
    /// A jq filter from the local payload to the remote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// Single values that have another name on the other side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueMap>,
}

impl Mapping {
    /// The longest filter, in bytes.
    pub const MAX_FILTER: usize = 64 << 10;
    /// The most value maps.
    pub const MAX_VALUES: usize = 200;
    /// The most pairs of a value map.
    pub const MAX_PAIRS: usize = 2_000;

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.import.is_none() && self.export.is_none() && self.values.is_empty()
    }
}

/// Values of one field, and what they are on the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ValueMap {
    /// JSON Pointer (RFC 6901) in the local payload. A field that is absent stays so.
    pub field: String,
    /// Remote and local value; of several that fit, the first one counts.
    pub pairs: Vec<(Value, Value)>,
    /// What becomes of a value without a pair, in both directions.
    #[serde(default, skip_serializing_if = "Otherwise::is_default")]
    pub otherwise: Otherwise,
}

/// What becomes of a value that a map does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes `null`.
    Null,
    /// The record is refused.
    Refuse,
}

impl Otherwise {
    const ALL: [Self; 3] = [Self::Keep, Self::Null, Self::Refuse];

    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Null => "null",
            Self::Refuse => "refuse",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Otherwise {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|otherwise| otherwise.as_str() == text);
        known.ok_or_else(|| format!("'{text}' is none of keep, null, refuse"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mapping_is_read_as_it_was_written() {
        let document = json!({
            "import": ".ticket",
            "values": [
                { "field": "/priority", "pairs": [["urgent", "high"], [null, 0]] },
                { "field": "/status", "pairs": [], "otherwise": "refuse" },
            ],
        });
        let mapping: Mapping = serde_json::from_value(document.clone()).expect("a mapping");
        assert_eq!(mapping.values[0].pairs[1], (Value::Null, json!(0)));
        assert_eq!(serde_json::to_value(&mapping).expect("plain values"), document);
        assert!(Mapping::default().is_empty() && !mapping.is_empty());
        assert!(serde_json::from_value::<Mapping>(json!({ "imports": "." })).is_err());
    }

    #[test]
    fn names_are_those_of_serde() {
        for otherwise in Otherwise::ALL {
            assert_eq!(serde_json::to_value(otherwise).expect("plain enum"), otherwise.as_str());
            assert_eq!(otherwise.as_str().parse(), Ok(otherwise));
        }
    }
}
