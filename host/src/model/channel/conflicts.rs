//! Who is right about fields that both sides changed, connector by connector.

use crate::model::{ConflictPolicy, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Policies by connector; `*` stands for all that are not named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConflictPolicies(BTreeMap<String, ConflictPolicy>);

impl ConflictPolicies {
    /// Stands for all connectors that are not named.
    pub const ALL: &'static str = "*";

    /// The policy of a connector.
    #[must_use]
    pub fn of(&self, connector: &Name) -> ConflictPolicy {
        let found = self.0.get(connector.as_str()).or_else(|| self.0.get(Self::ALL));
        found.copied().unwrap_or_default()
    }

    /// Sets the policy of a connector or of all, or takes it away.
    pub fn set(&mut self, connector: String, policy: Option<ConflictPolicy>) {
        match policy {
            Some(policy) => self.0.insert(connector, policy),
            None => self.0.remove(&connector),
        };
    }

    /// Whether nobody said anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that somebody named, by connector.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ConflictPolicy)> {
        self.0.iter().map(|(connector, policy)| (connector.as_str(), *policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_policy_counts() {
        let (ticket, user) = (Name::try_new("ticket").unwrap(), Name::try_new("user").unwrap());
        let mut policies = ConflictPolicies::default();
        let mut check = |set: Option<(&str, Option<ConflictPolicy>)>, of_ticket, of_user| {
            if let Some((connector, policy)) = set {
                policies.set(connector.into(), policy);
            }
            assert_eq!((policies.of(&ticket), policies.of(&user)), (of_ticket, of_user), "{set:?}");
        };
        use ConflictPolicy::{LocalWins, Manual, RemoteWins};
        check(None, RemoteWins, RemoteWins);
        check(Some(("ticket", Some(Manual))), Manual, RemoteWins);
        check(Some(("*", Some(LocalWins))), Manual, LocalWins);
        check(Some(("ticket", None)), LocalWins, LocalWins);
    }
}
