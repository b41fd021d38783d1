//! What routes do.

use super::registry::REGISTRY;
use opentelemetry::KeyValue;

/// What became of a record on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// Its counterpart is new.
    Created,
    /// Its counterpart changed.
    Updated,
    /// Its counterpart was deleted.
    Deleted,
    /// There was nothing to do.
    Unchanged,
    /// The filter gives nothing for it.
    LeftOut,
    /// It waits for another record.
    Waits,
    /// A try failed.
    Failed,
    /// It is not tried again.
    SetAside,
}

/// A record was looked at for a route.
pub fn route(routed: Routed) {
    let outcome = match routed {
        Routed::Created => "created",
        Routed::Updated => "updated",
        Routed::Deleted => "deleted",
        Routed::Unchanged => "unchanged",
        Routed::LeftOut => "left-out",
        Routed::Waits => "waits",
        Routed::Failed => "failed",
        Routed::SetAside => "set-aside",
    };
    REGISTRY.instruments.route_records.add(1, &[KeyValue::new("outcome", outcome)]);
}
