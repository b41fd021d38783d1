//! Counterparts of records, and of those that they belong to.

use super::half::{Half, Way};
use crate::{
    model::{Class, Failure, Name, Record, RecordKey, Route, RouteEnd},
    store::{self, KeptLink, Store},
    sync::Sync,
};

/// The record that a new one belongs to.
pub(super) enum Parent {
    /// It belongs to none.
    Nobody,
    /// This one.
    Is(RecordKey),
    /// One that is not there yet.
    Waits(Failure),
}

/// The link of a record on its way.
pub(super) async fn link(
    store: &Store,
    half: Half<'_>,
    source: &RecordKey,
) -> store::Result<Option<KeptLink>> {
    match half.way {
        Way::There => store.routes().link(half.route.id, source).await,
        Way::Back => store.routes().link_back(half.route.id, source).await,
    }
}

/// The counterpart of the record's parent, by any route between the same channels.
pub(super) async fn find(
    sync: &Sync,
    routes: &[Route],
    half: Half<'_>,
    record: &Record,
) -> Result<Parent, Failure> {
    let Some(parent) = &record.parent else { return Ok(Parent::Nobody) };
    let (source, target) = (half.source(), half.target());
    // Where nothing of the target belongs to anything, the new record does not either.
    let target_parents = depends_on(sync, target).await?;
    if target_parents.is_empty() {
        return Ok(Parent::Nobody);
    }
    let parents = depends_on(sync, source).await?;
    let leads = |other: &Half<'_>| {
        let (from, to) = (other.source(), other.target());
        from.channel == source.channel
            && to.channel == target.channel
            && parents.contains(&from.connector)
            && target_parents.contains(&to.connector)
    };
    let ways: Vec<_> = routes.iter().flat_map(Half::all).filter(leads).collect();
    for way in &ways {
        let link = link(&sync.shared.store, *way, parent).await.map_err(|error| unread(&error))?;
        if let Some(link) = link {
            return Ok(Parent::Is(way.target_key(&link).clone()));
        }
    }
    let words = match ways.is_empty() {
        true => format!(
            "it belongs to '{parent}', and no route between the two channels carries that over; make one for {}",
            names(&parents)
        ),
        false => format!("it waits for '{parent}', to which it belongs: that has no counterpart yet"),
    };
    Ok(Parent::Waits(Failure::new(Class::NotFound, "route.parent", words)))
}

async fn depends_on(sync: &Sync, end: &RouteEnd) -> Result<Vec<Name>, Failure> {
    let ready = sync.shared.opener.reopen(end.channel).await.map_err(|error| error.into_failure())?;
    let connector = ready.channel_type.connector(end.connector.as_str());
    Ok(connector.map(|connector| connector.depends_on.clone()).unwrap_or_default())
}

fn names(connectors: &[Name]) -> String {
    connectors.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

fn unread(error: &store::Error) -> Failure {
    Failure::new(Class::Transient, "store.failed", error.to_string())
}
