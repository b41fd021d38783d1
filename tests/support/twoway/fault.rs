//! What is not as it must be.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// In which way.
    pub kind: Kind,
    pub(super) words: String,
}

/// In which way something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something that was set is nowhere any more.
    Lost,
    /// Something was made more than once.
    Twice,
    /// The sides have not the same, and nothing says why.
    Disagrees,
}

impl Fault {
    pub(super) fn lost(words: String) -> Self {
        Self { kind: Kind::Lost, words }
    }

    pub(super) fn twice(words: String) -> Self {
        Self { kind: Kind::Twice, words }
    }

    pub(super) fn disagrees(words: String) -> Self {
        Self { kind: Kind::Disagrees, words }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Kind {
    /// As reports name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Twice => "created twice",
            Self::Disagrees => "disagreeing",
        }
    }
}
