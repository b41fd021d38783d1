//! Finding what was created when the answer was lost.
//!
//! It goes through the lists and not through GitHub's search, which learns of a new issue
//! only after a while.

use super::{Desk, Stop, refused};
use crate::{comment::Comment, issue::Issue, link, marker, request};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use tidegate_sdk::{
    Method, RawValue, Request,
    exporter::{Change, ChangeKind},
    json,
};

/// Issues that may have been created, by their idempotency keys. One way through the list
/// is for all of them, and it is made when the first one is asked for.
pub(super) struct Issues {
    wanted: BTreeSet<String>,
    found: Option<BTreeMap<String, Found>>,
}

/// One that was created.
#[derive(Clone)]
pub(super) struct Found {
    number: u64,
    /// As it stands in GitHub.
    pub(super) raw: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

impl Issues {
    pub(super) fn wanted_by(changes: &[Change]) -> Self {
        let again = changes.iter().filter(|change| change.again && change.kind == ChangeKind::Create);
        Self { wanted: again.map(|change| change.idempotency_key.clone()).collect(), found: None }
    }

    /// The issue that was created under that key.
    pub(super) fn find(&mut self, desk: &Desk<'_>, key: &str) -> Result<Option<Found>, Stop> {
        if self.found.is_none() {
            self.found = Some(self.search(desk)?);
        }
        Ok(self.found.as_ref().and_then(|found| found.get(key)).cloned())
    }

    /// The newest come first: they are the likely ones.
    fn search(&self, desk: &Desk<'_>) -> Result<BTreeMap<String, Found>, Stop> {
        let mut found = BTreeMap::new();
        let mut list = desk.to(Method::Get, "/issues").query("state", "all");
        let login = own_login(desk)?;
        if let Some(login) = &login {
            list = list.query("creator", login);
        }
        let list = list.query("sort", "created").query("direction", "desc").query("per_page", 100);
        walk(desk, list, |issue: Issue, raw| {
            if let Some(unmarked) = issue.body.as_deref().and_then(marker::unmark)
                && self.wanted.contains(&unmarked.key)
            {
                // Of copies, which people make, the first one is ours; it comes last.
                found.insert(unmarked.key, Found { number: issue.number, raw: raw.to_owned() });
            }
            // In a list of what we have created there are no copies.
            match login.is_some() && found.len() == self.wanted.len() {
                true => Go::Stop,
                false => Go::On,
            }
        })?;
        Ok(found)
    }
}

impl Found {
    pub(super) fn new(number: u64, raw: String) -> Self {
        Self { number, raw }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

/// The comment of that issue that was created under that key.
pub(super) fn comment(desk: &Desk<'_>, issue: u64, key: &str) -> Result<Option<Found>, Stop> {
    let mut found = None;
    let list = desk.to(Method::Get, &format!("/issues/{issue}/comments")).query("per_page", 100);
    walk(desk, list, |comment: Comment, raw| {
        let unmarked = comment.body.as_deref().and_then(marker::unmark);
        match unmarked.is_some_and(|unmarked| unmarked.key == key) {
            true => {
                found = Some(Found::new(comment.id, raw.to_owned()));
                Go::Stop
            }
            false => Go::On,
        }
    })?;
    Ok(found)
}

/// Who we are: the list can be cut down to what we have created. The token of an app is
/// nobody's, and sees the whole list.
fn own_login(desk: &Desk<'_>) -> Result<Option<String>, Stop> {
    let response = desk.send(request::to(Method::Get, "/user"))?;
    match response.status {
        200..300 => Ok(Some(response.json::<User>()?.login)),
        403 | 404 => Ok(None),
        _ => Err(refused(&response)),
    }
}

/// Whether to look further.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

/// Goes through all pages of a list; there are none where what it belongs to is gone.
fn walk<T: DeserializeOwned>(
    desk: &Desk<'_>,
    list: Request,
    mut look: impl FnMut(T, &str) -> Go,
) -> Result<(), Stop> {
    let mut next = Some(list);
    while let Some(request) = next {
        let Some(response) = desk.look(request)? else {
            return Ok(());
        };
        let items: Vec<&RawValue> = response.json()?;
        for raw in items {
            // What has another form is nothing that we have created.
            if let Ok(item) = json::object(raw)
                && look(item, raw.get()) == Go::Stop
            {
                return Ok(());
            }
        }
        next = link::next(desk.transport, &response)?.map(|path| request::to(Method::Get, path));
    }
    Ok(())
}
