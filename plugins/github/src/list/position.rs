//! The cursor: from which change on to read.

use serde::{Deserialize, Serialize};

/// Where the next page begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The time of the last change that was read, inclusive: another item may have
    /// changed in the same second. None: the beginning of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<String>,
    /// A page within that second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deep: Option<Deep>,
    /// What GitHub called the answer to exactly this position, where it was read to its
    /// end: while that is the same, nothing has changed, and asking costs nothing. It
    /// belongs to the position, and not beside it: a sync from the beginning must not be
    /// told «nothing new» about what it has not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
}

/// A page that is not the first one of its second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Deep {
    /// GitHub's own link to it.
    pub(super) path: String,
    /// The same of the page before; none: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    /// The item that the page before ended with.
    pub(super) last: u64,
    /// The size of the pages.
    pub(super) size: u32,
}

/// What was read at a position.
pub(super) struct Read {
    /// The last item, and when it was changed; none where there was no good one.
    pub(super) last: u64,
    pub(super) updated_at: Option<String>,
    /// The page that follows.
    pub(super) further: Option<String>,
    /// What to ask the same page with, where it was the last one.
    pub(super) etag: Option<String>,
    /// The page's own path; none for the first one of its second.
    pub(super) path: Option<String>,
    /// How many items it has at most.
    pub(super) size: u32,
}

impl Position {
    /// The position behind what was read.
    pub(super) fn after(&self, read: Read) -> Self {
        let has_moved = read.updated_at.is_some() && read.updated_at != self.since;
        match read.further {
            _ if has_moved => Self { since: read.updated_at, ..Self::default() },
            Some(path) => {
                let deep = Deep { path, before: read.path, last: read.last, size: read.size };
                Self { since: self.since.clone(), deep: Some(deep), etag: None }
            }
            // The end, and nothing newer in sight: the same page is the one to ask again.
            None => Self { etag: read.etag, ..self.clone() },
        }
    }

    /// For people.
    pub(super) fn name(&self) -> &str {
        self.since.as_deref().unwrap_or("the beginning")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(since: &str) -> Position {
        Position { since: Some(since.into()), ..Position::default() }
    }

    fn deep(path: &str, before: Option<&str>, last: u64) -> Option<Deep> {
        Some(Deep { path: path.into(), before: before.map(Into::into), last, size: 100 })
    }

    fn read(updated_at: Option<&str>, further: Option<&str>, path: Option<&str>) -> Read {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Read {
            last: 9,
            updated_at: text(updated_at),
            further: text(further),
            etag: Some("e".into()),
            path: text(path),
            size: 100,
        }
    }

    #[test]
    fn position_moves_with_time_and_only_within_a_second_by_pages() {
        let within = Position { deep: deep("/2", None, 7), ..at("b") };
        for (from, read, to) in [
            (Position::default(), read(Some("b"), Some("/2"), None), at("b")),
            (Position::default(), read(Some("b"), None, None), at("b")),
            (at("a"), read(Some("b"), Some("/2"), None), at("b")),
            (at("a"), read(Some("b"), None, None), at("b")),
            (at("b"), read(Some("b"), Some("/2"), None), Position { deep: deep("/2", None, 9), ..at("b") }),
            (at("b"), read(Some("b"), None, None), Position { etag: Some("e".into()), ..at("b") }),
            (
                within.clone(),
                read(Some("b"), Some("/3"), Some("/2")),
                Position { deep: deep("/3", Some("/2"), 9), ..at("b") },
            ),
            (within.clone(), read(Some("c"), Some("/3"), Some("/2")), at("c")),
            (within.clone(), read(Some("c"), None, Some("/2")), at("c")),
            (
                within.clone(),
                read(Some("b"), None, Some("/2")),
                Position { etag: Some("e".into()), ..within.clone() },
            ),
            (at("b"), read(None, None, None), Position { etag: Some("e".into()), ..at("b") }),
            (
                Position::default(),
                read(None, None, None),
                Position { etag: Some("e".into()), ..Position::default() },
            ),
            (at("b"), read(None, Some("/2"), None), Position { deep: deep("/2", None, 9), ..at("b") }),
        ] {
            assert_eq!(from.after(read), to, "{from:?}");
        }
    }
}
