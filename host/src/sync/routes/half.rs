//! The two ways of a route, and the keys that it gives.

use crate::{
    model::{ConflictPolicy, RecordKey, Route, RouteConflicts, RouteEnd},
    store::{FeedKey, KeptLink, RouteLink},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// In which direction a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// As the route goes.
    There,
    Back,
}

/// A route, in one direction.
#[derive(Clone, Copy)]
pub(super) struct Half<'a> {
    pub(super) route: &'a Route,
    pub(super) way: Way,
}

impl<'a> Half<'a> {
    /// Both, or the one.
    pub(super) fn all(route: &'a Route) -> impl Iterator<Item = Self> {
        let back = route.is_two_way().then_some(Self { route, way: Way::Back });
        [Some(Self { route, way: Way::There }), back].into_iter().flatten()
    }

    /// The one on which the record goes.
    pub(super) fn of(route: &'a Route, key: &FeedKey) -> Option<Self> {
        Self::all(route).find(|half| {
            let end = half.source();
            end.channel == key.channel && end.connector == key.connector
        })
    }

    /// The way back from this one, where there is one.
    pub(super) fn other(self) -> Option<Self> {
        Self::all(self.route).find(|other| other.way != self.way)
    }

    pub(super) fn source(self) -> &'a RouteEnd {
        match self.way {
            Way::There => &self.route.from,
            Way::Back => &self.route.to,
        }
    }

    pub(super) fn target(self) -> &'a RouteEnd {
        match self.way {
            Way::There => &self.route.to,
            Way::Back => &self.route.from,
        }
    }

    /// Whether what was changed at the target is right.
    pub(super) fn target_wins(self) -> bool {
        (self.way == Way::There) == (self.route.conflicts == RouteConflicts::ToWins)
    }

    /// The same in the words of a merge, in which the target is the local side.
    pub(super) fn policy(self) -> ConflictPolicy {
        match self.target_wins() {
            true => ConflictPolicy::LocalWins,
            false => ConflictPolicy::RemoteWins,
        }
    }

    /// The key of a new target record: always the same for the same record.
    pub(super) fn made_key(self, source: &RecordKey) -> RecordKey {
        let name = &self.route.name;
        let plain = RecordKey::try_new(format!("{name}:{source}"));
        plain.unwrap_or_else(|_| {
            RecordKey::try_new(format!("{name}:{}", digest(source.as_str())))
                .expect("a name and a digest are a key")
        })
    }

    /// The key of the record of which `source` was made, if it was made by a route of this
    /// name.
    pub(super) fn unmade_key(self, source: &RecordKey) -> Option<RecordKey> {
        let rest = source.as_str().strip_prefix(self.route.name.as_str())?.strip_prefix(':')?;
        RecordKey::try_new(rest).ok()
    }

    pub(super) fn target_key(self, link: &KeptLink) -> &RecordKey {
        match self.way {
            Way::There => &link.link.to,
            Way::Back => &link.from,
        }
    }

    /// What this half last made of the source record.
    pub(super) fn base(self, link: &RouteLink) -> Option<&Value> {
        match self.way {
            Way::There => link.base_to.as_ref(),
            Way::Back => link.base_from.as_ref(),
        }
    }

    /// The link with another base of this half.
    pub(super) fn noted(self, link: &RouteLink, mapped: Value) -> RouteLink {
        match self.way {
            Way::There => RouteLink { base_to: Some(mapped), ..link.clone() },
            Way::Back => RouteLink { base_from: Some(mapped), ..link.clone() },
        }
    }

    /// A new link, and the key of the record that the route comes from. `turned`: what the
    /// other half makes of what this one made.
    pub(super) fn linked(
        self,
        source: &RecordKey,
        target: &RecordKey,
        mapped: Value,
        turned: Option<Value>,
    ) -> (RecordKey, RouteLink) {
        let (source, target) = (source.clone(), target.clone());
        match self.way {
            Way::There => (source, RouteLink { to: target, base_to: Some(mapped), base_from: turned }),
            Way::Back => (target, RouteLink { to: source, base_to: turned, base_from: Some(mapped) }),
        }
    }
}

fn digest(text: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{routes::tests::route_between, tests::support::key};

    #[test]
    fn a_made_key_is_always_the_same_and_leads_back() {
        let route = route_between(b'a', b'b', true);
        let half = Half { route: &route, way: Way::There };
        let made = half.made_key(&key("7"));
        assert_eq!(made.as_str(), "a-b:7");
        assert_eq!(half.unmade_key(&made), Some(key("7")));
        assert_eq!(half.unmade_key(&key("7")), None);
        let long = key(&"k".repeat(512));
        assert_eq!(half.made_key(&long), half.made_key(&long));
        assert_ne!(half.made_key(&long), half.made_key(&key(&"k".repeat(511))));
    }

    #[test]
    fn each_half_knows_whose_edit_is_right() {
        let check = |conflicts, way, target_wins| {
            let route = Route { conflicts, ..route_between(b'a', b'b', true) };
            assert_eq!(Half { route: &route, way }.target_wins(), target_wins, "{conflicts} {way:?}");
        };
        check(RouteConflicts::FromWins, Way::There, false);
        check(RouteConflicts::FromWins, Way::Back, true);
        check(RouteConflicts::ToWins, Way::There, true);
        check(RouteConflicts::ToWins, Way::Back, false);
    }
}
