//! The one form of every list.

use serde::{Deserialize, Serialize};

/// Items in a stable order, and where the list goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// What `after` has to be to get the items that follow; none at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A list that ends here.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
