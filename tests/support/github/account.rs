//! The repository: all that the vendor knows, behind one lock.

use super::{
    OWNER, REPOSITORY,
    limits::Limits,
    seed::{self, Plan},
    time::text,
};
use crate::vendor::Clock;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The repository's id; GitHub's own links name it.
pub(super) const ID: u64 = 1_300_192;

/// The repository.
pub(super) struct Account {
    pub(super) plan: Plan,
    pub(super) clock: Clock,
    state: Mutex<State>,
}

/// What changes.
pub(super) struct State {
    pub(super) issues: BTreeMap<u64, Item>,
    pub(super) comments: BTreeMap<u64, Comment>,
    /// Numbers of issues that were deleted.
    pub(super) deleted: BTreeSet<u64>,
    pub(super) limits: Limits,
    next_number: u64,
    next_comment: u64,
    last_at: i64,
}

/// An issue, or a pull request.
pub(super) struct Item {
    pub(super) value: Value,
    /// When it was last changed.
    pub(super) at: i64,
    /// When it was created.
    pub(super) created: i64,
}

/// A comment.
pub(super) struct Comment {
    pub(super) issue: u64,
    pub(super) value: Value,
    pub(super) at: i64,
}

impl Account {
    pub(super) fn new(plan: Plan, limits: Limits) -> Self {
        let repository = repository_url(&plan);
        let numbers = 1..=plan.issues + plan.pull_requests;
        let issue = |number| {
            let at = seed::changed(&plan, number);
            (number, Item { value: seed::issue(&plan, &repository, number), at, created: at - 3_600 })
        };
        let comment = |number, index| {
            let value = seed::comment(&plan, &repository, number, index);
            let at = seconds(&value["updated_at"]);
            (seed::comment_id(&plan, number, index), Comment { issue: number, value, at })
        };
        let comments =
            numbers.clone().flat_map(|number| (0..plan.comments).map(move |index| (number, index)));
        let state = State {
            issues: numbers.clone().map(issue).collect(),
            comments: comments.map(|(number, index)| comment(number, index)).collect(),
            deleted: BTreeSet::new(),
            limits,
            next_number: plan.issues + plan.pull_requests + 1,
            next_comment: seed::FIRST_COMMENT + 1_000_000_000,
            last_at: 0,
        };
        Self { plan, clock: Clock::default(), state: Mutex::new(state) }
    }

    /// The state. Nothing that waits is done while it is held.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL of the repository.
    pub(super) fn repository(&self) -> String {
        repository_url(&self.plan)
    }

    /// The URL of a path below the repository, as in GitHub's own links.
    pub(super) fn by_id(&self, path: &str) -> String {
        format!("{}/repositories/{ID}{path}", self.plan.url)
    }
}

impl State {
    /// A number that no issue has had.
    pub(super) fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    /// An id that no comment has had.
    pub(super) fn take_comment_id(&mut self) -> u64 {
        self.next_comment += 1;
        self.next_comment - 1
    }

    /// The time of a change: now, never before another change, and never the second of
    /// the same record's last change, so that its `updated_at` always tells them apart.
    pub(super) fn stamp(&mut self, clock: &Clock, before: Option<i64>) -> i64 {
        let earliest = before.map_or(0, |before| before + 1);
        self.last_at = clock.now().max(self.last_at).max(earliest);
        self.last_at
    }

    /// Saves an issue as of now.
    pub(super) fn save_issue(&mut self, clock: &Clock, number: u64, mut value: Value) -> Value {
        let before = self.issues.get(&number).map(|item| (item.at, item.created));
        let at = self.stamp(clock, before.map(|(at, _)| at));
        value["updated_at"] = text(at).into();
        let created = before.map_or(at, |(_, created)| created);
        self.issues.insert(number, Item { value: value.clone(), at, created });
        value
    }

    /// A comment came or went: the issue counts it, and has changed.
    pub(super) fn recount(&mut self, clock: &Clock, number: u64) {
        let count = self.comments.values().filter(|comment| comment.issue == number).count();
        if let Some(mut value) = self.issues.get(&number).map(|item| item.value.clone()) {
            value["comments"] = count.into();
            self.save_issue(clock, number, value);
        }
    }
}

fn repository_url(plan: &Plan) -> String {
    format!("{}/repos/{OWNER}/{REPOSITORY}", plan.url)
}

/// A time of a record, in seconds.
fn seconds(value: &Value) -> i64 {
    let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map_or(0, jiff::Timestamp::as_second)
}
