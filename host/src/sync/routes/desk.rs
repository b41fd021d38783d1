//! What a route does about a record. Pure: it reads and writes nothing.
//!
//! It goes by what both records are now and by what the route made of them last, never by
//! what happened: so it may be asked twice, and an echo of the route's own work is seen as
//! what it is, two sides that are the same.

use super::half::Half;
use crate::{
    model::{FieldConflict, Record, RouteDeletions, Taken},
    store::{KeptLink, RouteLink},
    sync::{
        merge::{self, Merged, Side},
        reconcile::value,
    },
};
use serde_json::{Map, Value};

/// What is known of a record and its counterpart.
pub(super) struct Case<'a> {
    pub(super) half: Half<'a>,
    /// None: it is gone.
    pub(super) record: Option<&'a Record>,
    /// What the filter makes of it; none: nothing.
    pub(super) mapped: Option<&'a Value>,
    pub(super) link: Option<&'a KeptLink>,
    /// Its counterpart, or what is to become it.
    pub(super) target: Option<&'a Record>,
    /// Whether the counterpart changed, too, and that was not dealt with.
    pub(super) target_changed: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// Nothing, and nothing is to be noted.
    Nothing,
    /// Nothing: the filter leaves the record out.
    LeftOut,
    /// Both are as they should be already; that is noted at their link.
    Note(RouteLink),
    /// Both are as they should be already, and get their link.
    Link,
    /// The target record gets this payload.
    Write {
        /// All of it.
        payload: Value,
        /// JSON Pointers of what changes; empty for a new record.
        fields: Vec<String>,
        /// Noted at the link; none: they get one.
        link: Option<RouteLink>,
    },
    /// The target record is deleted.
    Delete,
    /// They are no counterparts any more.
    Unlink,
    /// The same, and then it is looked at again.
    Relink,
}

/// A plan, and what was lost or is left behind by it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) plan: Plan,
    /// Fields that were changed at both ends. The target record is the local side.
    pub(super) conflicts: Vec<FieldConflict>,
}

impl From<Plan> for Decision {
    fn from(plan: Plan) -> Self {
        Self { plan, conflicts: Vec::new() }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Decision {
    match (case.record, case.mapped) {
        (None, _) => case.gone().into(),
        (Some(_), None) => Plan::LeftOut.into(),
        (Some(_), Some(mapped)) => case.there(mapped),
    }
}

impl Case<'_> {
    fn follows(&self) -> bool {
        self.half.route.deletions == RouteDeletions::Follow
    }

    /// Whether what happened to the target record is to count more, and is still to come.
    fn gives_way(&self) -> bool {
        self.half.route.is_two_way() && self.target_changed && self.half.target_wins()
    }

    fn gone(&self) -> Plan {
        match (self.link, self.target) {
            (None, _) => Plan::Nothing,
            // It was changed meanwhile: that makes the deleted one anew.
            (Some(_), Some(_)) if self.follows() && !self.gives_way() => Plan::Delete,
            (Some(_), _) => Plan::Unlink,
        }
    }

    fn there(&self, mapped: &Value) -> Decision {
        match (self.link, self.target) {
            (None, None) => Plan::Write { payload: mapped.clone(), fields: Vec::new(), link: None }.into(),
            // Nothing is known of what they had in common.
            (None, Some(target)) => self.merged(target, &Value::Object(Map::new()), mapped, None),
            // It was deleted, which deletes this one.
            (Some(_), None) if self.follows() && self.gives_way() => Plan::Nothing.into(),
            (Some(_), None) => Plan::Relink.into(),
            (Some(link), Some(target)) => {
                let noted = self.half.noted(&link.link, mapped.clone());
                // What was never made is news as a whole only to a new link.
                let base = self.half.base(&link.link).unwrap_or(mapped);
                self.merged(target, base, mapped, Some((link, noted)))
            }
        }
    }

    fn merged(
        &self,
        target: &Record,
        base: &Value,
        mapped: &Value,
        link: Option<(&KeptLink, RouteLink)>,
    ) -> Decision {
        let here = value(&target.payload);
        // Who changed last is not asked by the policies of routes.
        let Merged { value: payload, conflicts, .. } =
            merge::merge(base, &here, mapped, self.half.policy(), Side::Remote);
        let fields = merge::changed_fields(&here, &payload);
        let plan = match (fields.is_empty(), link) {
            (false, link) => Plan::Write { payload, fields, link: link.map(|(_, noted)| noted) },
            (true, None) => Plan::Link,
            (true, Some((before, noted))) if before.link == noted => Plan::Nothing,
            (true, Some((_, noted))) => Plan::Note(noted),
        };
        // Where the target wins on both ways, it is told where the source is written over.
        let is_told =
            |conflict: &FieldConflict| conflict.taken == Taken::Remote || !self.half.route.is_two_way();
        Decision { plan, conflicts: conflicts.into_iter().filter(is_told).collect() }
    }
}
