//! A field that was changed on both sides, and who is right then.
//!
//! Where conflicts are found and settled is decided in `sync`; here is how they are
//! named, stored and shown.

mod kept;

pub use kept::{Conflict, Settlement};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::{fmt, str::FromStr};

/// Who is right about a field that was changed on both sides. The same in both
/// directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictPolicy {
    /// The remote system.
    #[default]
    RemoteWins,
    /// The local record.
    LocalWins,
    /// The side that was changed last.
    NewestWins,
    /// A person says so; until then the field is held.
    Manual,
}

impl ConflictPolicy {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::RemoteWins, Self::LocalWins, Self::NewestWins, Self::Manual];

    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RemoteWins => "remote-wins",
            Self::LocalWins => "local-wins",
            Self::NewestWins => "newest-wins",
            Self::Manual => "manual",
        }
    }

    /// Whether it is what counts where nobody says anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for ConflictPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ConflictPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("'{text}' is no policy for conflicts; there are: {known}")
        })
    }
}

/// What became of a field that was changed on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taken {
    /// The local value counts, and is still to be exported.
    Local,
    /// The remote value counts.
    Remote,
    /// Nothing is decided: the record keeps its local value, which is not exported.
    Held,
}

impl Taken {
    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Held => "held",
        }
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A field that both sides changed, to different values.
///
/// None means that the field is absent, which is another thing than `null`; it stays
/// so when a conflict is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldConflict {
    /// JSON Pointer (RFC 6901); empty where it is the whole payload.
    pub field: String,
    /// What both sides had last.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub base: Option<Value>,
    /// What the local record has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub local: Option<Value>,
    /// What the remote system has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub remote: Option<Value>,
    /// What became of it.
    pub taken: Taken,
}

/// A member that is there has a value, be it `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_those_of_serde() {
        for policy in ConflictPolicy::ALL {
            assert_eq!(serde_json::to_value(policy).expect("plain enum"), policy.as_str());
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        for taken in [Taken::Local, Taken::Remote, Taken::Held] {
            assert_eq!(serde_json::to_value(taken).expect("plain enum"), taken.as_str());
        }
        let words = "mine".parse::<ConflictPolicy>().expect_err("unknown");
        assert_eq!(
            words,
            "'mine' is no policy for conflicts; there are: remote-wins, local-wins, newest-wins, manual"
        );
    }

    #[test]
    fn null_and_absent_stay_apart_when_a_conflict_is_stored() {
        let conflict = FieldConflict {
            field: "/a".into(),
            base: None,
            local: Some(Value::Null),
            remote: Some(json!(1)),
            taken: Taken::Held,
        };
        let stored = serde_json::to_value(&conflict).expect("plain values");
        assert_eq!(stored, json!({"field": "/a", "local": null, "remote": 1, "taken": "held"}));
        assert_eq!(serde_json::from_value::<FieldConflict>(stored).expect("as written"), conflict);
    }
}
