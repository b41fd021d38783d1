//! A recorded run, and what came of playing it again.
//!
//! Both are plain values of the model, in the same form.

use crate::model::Cassette;
use serde::{Deserialize, Serialize};

/// What a replay came to.
pub type Replayed = crate::model::Replay;

/// A cassette with its requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CassetteDetail {
    /// What is known of it.
    #[serde(flatten)]
    pub cassette: Cassette,
    /// Its requests, as `step: GET /path → 200`; the first thousand.
    pub exchanges: Vec<String>,
}
