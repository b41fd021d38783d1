//! Why a program holds a channel's runs back.

use crate::model::{Class, Failure, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

/// Why a program holds a channel's runs back, until a person has done something
/// about it. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Paused {
    /// Since when. 1970 where a row of an older version does not tell.
    pub since: Timestamp,
    /// Whose turn it is: `auth` and `config` are an operator's.
    pub class: Class,
    /// Stable dotted name, such as `http.status.401`.
    pub code: String,
    /// A sentence for an operator.
    pub message: String,
}

impl Paused {
    /// Because of this failure.
    #[must_use]
    pub fn because(failure: &Failure, since: Timestamp) -> Self {
        Self { since, class: failure.class, code: failure.code.clone(), message: failure.message.clone() }
    }
}

/// As it is written now, or as the first version wrote it: a sentence.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Paused>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Sentence(String),
        Whole(Paused),
    }
    Ok(Option::deserialize(deserializer)?.map(|written| match written {
        Written::Whole(paused) => paused,
        Written::Sentence(message) => Paused {
            since: Timestamp::from_millis(0),
            class: Class::Config,
            code: "channel.paused".to_owned(),
            message,
        },
    }))
}
