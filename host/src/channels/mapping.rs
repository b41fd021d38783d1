//! The mappings of a channel's connectors, as they are kept.
//!
//! Whether a mapping can be run is not asked here.

use super::{Error, Inner};
use crate::model::{Channel, Mapping, Name};

impl Inner {
    pub(super) async fn set_mapping(
        &self,
        name: &str,
        connector: &Name,
        mapping: Option<Mapping>,
    ) -> Result<Channel, Error> {
        let before = self.get(name).await?;
        let mut after = before.clone();
        match mapping.filter(|mapping| !mapping.is_empty()) {
            Some(mapping) => after.mappings.insert(connector.clone(), mapping),
            None => after.mappings.remove(connector),
        };
        if after == before {
            return Ok(before);
        }
        // It may be what the pause waits for.
        self.end_pause(&mut after);
        self.replace(&before, after).await
    }
}
