//! How long lists are cut.

use super::view::List;
use serde::Deserialize;

/// `?after=…&limit=…`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Paging {
    /// The `next` of the page before.
    pub(super) after: Option<String>,
    limit: Option<usize>,
}

impl Paging {
    /// Items of a page where nobody says how many.
    const USUAL: usize = 100;
    /// Items of a page at most.
    const MOST: usize = 1_000;

    /// Items of the page that is asked for.
    pub(super) fn limit(&self) -> usize {
        cut(self.limit)
    }
}

/// A number of items within its bounds.
pub(super) fn cut(limit: Option<usize>) -> usize {
    limit.unwrap_or(Paging::USUAL).clamp(1, Paging::MOST)
}

/// A page from one item more than it can hold: the one more tells whether it goes on.
pub(super) fn page<T>(mut items: Vec<T>, limit: usize, name: impl Fn(&T) -> String) -> List<T> {
    let goes_on = items.len() > limit;
    items.truncate(limit);
    let next = if goes_on { items.last().map(name) } else { None };
    List { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_list_goes_on() {
        let next = |count, limit| page((0..count).collect(), limit, i32::to_string).next;
        assert_eq!(next(0, 2), None);
        assert_eq!(next(2, 2), None);
        assert_eq!(next(3, 2), Some("1".into()));
    }

    #[test]
    fn limits_stay_within_their_bounds() {
        for (asked, given) in [(None, 100), (Some(0), 1), (Some(7), 7), (Some(9_999), 1_000)] {
            assert_eq!(cut(asked), given);
        }
    }
}
