//! The origin of a remote system as it is shown: as the model has it.

pub use crate::model::{OriginFailure, OriginState as Origin};

use serde::{Deserialize, Serialize};

/// Which origin is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OriginName {
    /// Such as `https://api.example.com`.
    pub origin: String,
}
