//! What the other half of a route makes of what one half writes.
//!
//! It is noted at the link with the write itself, so that the write is no news on its way
//! back, and whatever else is there is.

use super::{
    half::Half,
    step::{Step, Trouble, View},
};
use crate::{
    model::{ConflictPolicy, Fault, Record, RecordKey},
    store::RouteLink,
    sync::{
        merge::{self, Side},
        reconcile::value,
    },
};
use serde_json::Value;

impl Step {
    /// A new link, with what the way back makes of the new record: what comes back
    /// otherwise was changed there.
    pub(super) async fn linked(
        &self,
        half: Half<'_>,
        source: &RecordKey,
        view: &View,
    ) -> Result<(RecordKey, RouteLink), Trouble> {
        let mapped = view.mapped.clone().unwrap_or_default();
        let turned = match half.other() {
            Some(other) => self.turned(other, mapped.clone()).await?,
            None => None,
        };
        Ok(half.linked(source, &view.target_key, mapped, turned))
    }

    /// The link `noted` after the target was changed from `before` to `after`: the other
    /// half's base moves by what the write changes and by no more, so that an edit of the
    /// target that is still to be carried over stays one, and an edit of the source that
    /// comes before the echo is no conflict with it.
    pub(super) async fn moved(
        &self,
        half: Half<'_>,
        noted: &RouteLink,
        before: Option<&Record>,
        after: &Value,
    ) -> Result<RouteLink, Trouble> {
        let Some(other) = half.other() else { return Ok(noted.clone()) };
        let (Some(before), Some(base)) = (before, other.base(noted)) else { return Ok(noted.clone()) };
        let before = self.turned(other, value(&before.payload)).await?;
        let after = self.turned(other, after.clone()).await?;
        let (Some(before), Some(after)) = (before, after) else { return Ok(noted.clone()) };
        let moved = merge::merge(&before, base, &after, ConflictPolicy::RemoteWins, Side::Remote).value;
        Ok(other.noted(noted, moved))
    }

    /// What a half makes of a payload; none: nothing, or it cannot as it is now, where the
    /// remote system may have to add something first.
    async fn turned(&self, half: Half<'_>, payload: Value) -> Result<Option<Value>, Trouble> {
        match self.filters.run(half.way, payload).await {
            Ok(turned) => Ok(turned),
            Err(failure) if failure.fault() == Fault::Transient => Err(Trouble::Other(failure)),
            Err(_) => Ok(None),
        }
    }
}
