//! The account: all that the vendor knows, behind one lock.

use super::{
    collection::{Collection, Entry},
    idempotency::Remembered,
    jobs::Jobs,
    oauth::Grants,
    seed::{self, Plan, Seeded, time_text},
};
use crate::vendor::Clock;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Ids of new comments, audits and events begin here; still exact in a double.
const FIRST_NEW_EVENT: u64 = 2_000_000_000_000_000;

/// The account.
pub(super) struct Account {
    pub(super) plan: Arc<Plan>,
    pub(super) clock: Clock,
    /// Changes younger than that are not exported yet.
    pub(super) export_lag: Duration,
    state: Mutex<State>,
    grants: Mutex<Grants>,
}

/// What changes.
pub(super) struct State {
    pub(super) tickets: Collection<seed::Tickets>,
    pub(super) users: Collection<seed::Users>,
    /// Comments beyond the seeded ones, by ticket, the oldest first.
    pub(super) added: HashMap<u64, Vec<Added>>,
    /// Audits of real updates, by ticket, the oldest first.
    pub(super) audits: HashMap<u64, Vec<(u64, Bytes)>>,
    /// What single updates asked for, by ticket, the oldest first.
    pub(super) asked: HashMap<u64, Vec<Map<String, Value>>>,
    pub(super) jobs: Jobs,
    pub(super) remembered: Remembered,
    next_event: u64,
    last_at: i64,
}

/// A comment that somebody has written.
#[derive(Clone)]
pub(super) struct Added {
    pub(super) id: u64,
    pub(super) public: bool,
    pub(super) rendered: Bytes,
}

impl Account {
    pub(super) fn new(plan: Plan, export_lag: Duration, grants: Grants) -> Self {
        let plan = Arc::new(plan);
        let state = State {
            tickets: Collection::new(Seeded::new(&plan)),
            users: Collection::new(Seeded::new(&plan)),
            added: HashMap::new(),
            audits: HashMap::new(),
            asked: HashMap::new(),
            jobs: Jobs::default(),
            remembered: Remembered::default(),
            next_event: FIRST_NEW_EVENT,
            last_at: 0,
        };
        let (state, grants) = (Mutex::new(state), Mutex::new(grants));
        Self { plan, clock: Clock::default(), export_lag, state, grants }
    }

    /// The state. Nothing that waits is done while it is held.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What OAuth has given out.
    pub(super) fn grants(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL of a path of the API.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/api/v2/{path}", self.plan.url)
    }

    /// The export lag in whole seconds.
    pub(super) fn lag_seconds(&self) -> i64 {
        i64::try_from(self.export_lag.as_secs()).unwrap_or(i64::MAX / 2)
    }
}

impl State {
    /// An id for a comment, audit or event.
    pub(super) fn event_id(&mut self) -> u64 {
        self.next_event += 1;
        self.next_event - 1
    }

    /// The time of a change: now, never before another change, and never the second of
    /// the same record's last change, so that its `updated_at` always tells them apart.
    pub(super) fn stamp(&mut self, clock: &Clock, before: Option<i64>) -> i64 {
        let earliest = before.map_or(0, |before| before + 1);
        self.last_at = clock.now().max(self.last_at).max(earliest);
        self.last_at
    }

    /// Saves a ticket as of now.
    pub(super) fn save_ticket(
        &mut self,
        clock: &Clock,
        id: u64,
        mut value: Map<String, Value>,
    ) -> Map<String, Value> {
        let at = self.stamp(clock, self.tickets.at(id));
        value.insert("updated_at".into(), time_text(at).into());
        value.insert("generated_timestamp".into(), at.into());
        let deleted = value.get("status").and_then(Value::as_str) == Some("deleted");
        self.tickets.put(id, Entry { value: value.clone(), at, deleted });
        value
    }

    /// Saves a user as of now.
    pub(super) fn save_user(
        &mut self,
        clock: &Clock,
        id: u64,
        mut value: Map<String, Value>,
    ) -> Map<String, Value> {
        let at = self.stamp(clock, self.users.at(id));
        value.insert("updated_at".into(), time_text(at).into());
        let deleted = value.get("active") == Some(&Value::Bool(false));
        self.users.put(id, Entry { value: value.clone(), at, deleted });
        value
    }

    /// The id of the user with that address.
    pub(super) fn user_by_email(&self, email: &str) -> Option<u64> {
        let has_it = |value: &Map<String, Value>| value.get("email").and_then(Value::as_str) == Some(email);
        let seeded =
            seed::user_of_email(email).filter(|id| self.users.value(*id).is_some_and(|value| has_it(&value)));
        seeded.or_else(|| self.users.entries().find(|(_, entry)| has_it(&entry.value)).map(|(id, _)| id))
    }

    /// The ids of the users with that `external_id`, whatever the case of its letters.
    /// No seeded one has any.
    pub(super) fn users_by_external_id(&self, external_id: &str) -> Vec<u64> {
        let has_it = |value: &Map<String, Value>| {
            value
                .get("external_id")
                .and_then(Value::as_str)
                .is_some_and(|own| own.eq_ignore_ascii_case(external_id))
        };
        let there = self.users.entries().filter(|(_, entry)| !entry.deleted && has_it(&entry.value));
        let mut ids: Vec<u64> = there.map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether that is an agent or an administrator.
    pub(super) fn is_agent(&self, id: u64) -> bool {
        let role = self.users.value(id).and_then(|value| value.get("role")?.as_str().map(str::to_owned));
        role.is_some_and(|role| role != "end-user")
    }
}
