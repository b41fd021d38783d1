//! How a fault is brought about, and taken away again.

use std::time::Duration;
use tests::vendor::{Action, Canned, Rule};

/// What a remote system asks for that wants to be left alone.
pub(super) const WAIT_ASKED: Duration = Duration::from_secs(2);

/// How it is brought about.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    /// What the vendor does with requests to the place.
    Script(fn() -> Action),
    /// It answers them with that status, in its own words.
    Status(u16),
    /// It takes no connections.
    Down,
    /// The door in front of it shows a certificate that nobody trusts.
    StrangerAtTheDoor,
    /// What is behind the door does not speak TLS.
    Behind,
    /// The channel's address has a name that is nowhere known.
    Nameless,
}

impl How {
    /// Whether the vendor is reached by TLS.
    pub(super) fn has_door(self) -> bool {
        matches!(self, Self::StrangerAtTheDoor | Self::Behind)
    }

    /// The script for requests with that path.
    pub(super) fn rule(self, path: &str) -> Option<Rule> {
        match self {
            Self::Script(action) => Some(Rule::on(path).then(action())),
            Self::Status(code) => Some(Rule::on(path).status(code)),
            Self::Down | Self::StrangerAtTheDoor | Self::Behind | Self::Nameless => None,
        }
    }
}

pub(super) fn wait() -> Action {
    Rule::on("**").throttle(WAIT_ASKED.as_secs()).action
}

/// What many a proxy says with 200.
pub(super) fn maintenance() -> Action {
    let headers = [("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned())].into();
    let body = "<!doctype html><html><body>We are back soon.</body></html>".into();
    Action::Status(Canned { code: 200, headers, body: Some(body) })
}
