//! Grants and their tokens: each family goes back to one code, and ends as a whole.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// A code that was given out.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) scope: String,
    pub(super) until: Instant,
    /// The family that it became; a code that comes again ends it.
    pub(super) family: Option<u64>,
}

/// A grant and what follows from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    pub(super) scope: String,
    pub(super) revoked: bool,
    /// The refresh token that is good now.
    pub(super) refresh: Option<String>,
    /// The one before, and whether its successor was ever used.
    pub(super) before: Option<String>,
}

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) family: u64,
    pub(super) until: Instant,
}

/// Everything that was given out.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) codes: HashMap<String, Code>,
    pub(super) families: HashMap<u64, Family>,
    pub(super) access: HashMap<String, Access>,
    number: u64,
}

/// What a refresh token is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    /// The one that is good now, of that family.
    Good(u64),
    /// Used before: the family is over now.
    Reused,
    Unknown,
}

impl Given {
    /// A new text that nobody has.
    pub(super) fn fresh(&mut self, kind: &str) -> String {
        self.number += 1;
        format!("fake-{kind}-{:016x}-{:04}", fastrand::u64(..), self.number)
    }

    pub(super) fn family(&mut self, scope: &str) -> u64 {
        self.number += 1;
        self.families.insert(self.number, Family { scope: scope.to_owned(), ..Family::default() });
        self.number
    }

    pub(super) fn access_token(&mut self, family: u64, lifetime: Duration) -> String {
        let token = self.fresh("access");
        let until = Instant::now() + lifetime;
        self.access.insert(token.clone(), Access { family, until });
        token
    }

    /// A refresh token in the place of the last one.
    pub(super) fn refresh_token(&mut self, family: u64) -> String {
        let token = self.fresh("refresh");
        if let Some(family) = self.families.get_mut(&family) {
            family.before = family.refresh.replace(token.clone());
        }
        token
    }

    /// What the token is. A provider that forgives takes the one before again, for as long as
    /// its successor was not used: its answer may have been lost.
    pub(super) fn judge(&mut self, token: &str, forgives: bool) -> Refresh {
        let found = self.families.iter_mut().find(|(_, family)| {
            family.refresh.as_deref() == Some(token) || family.before.as_deref() == Some(token)
        });
        let Some((number, family)) = found else {
            // Longer ago than the last one: its family is not known by it any more.
            return Refresh::Unknown;
        };
        if family.revoked {
            return Refresh::Unknown;
        }
        if family.refresh.as_deref() == Some(token) || forgives {
            return Refresh::Good(*number);
        }
        family.revoked = true;
        Refresh::Reused
    }

    pub(super) fn end(&mut self, family: u64) {
        if let Some(family) = self.families.get_mut(&family) {
            family.revoked = true;
        }
    }

    pub(super) fn is_valid(&self, token: &str) -> bool {
        self.access.get(token).is_some_and(|access| {
            let is_revoked = self.families.get(&access.family).is_none_or(|family| family.revoked);
            !is_revoked && Instant::now() < access.until
        })
    }

    /// The family of a token of either kind.
    pub(super) fn family_of(&self, token: &str) -> Option<u64> {
        let of_refresh = || {
            let found = self.families.iter().find(|(_, family)| family.refresh.as_deref() == Some(token));
            found.map(|(number, _)| *number)
        };
        self.access.get(token).map(|access| access.family).or_else(of_refresh)
    }
}
