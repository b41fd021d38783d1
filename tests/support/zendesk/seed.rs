//! The made-up data: the same for the same numbers, made when it is asked for.
//!
//! Nothing is kept here, so that a million tickets cost no memory. The texts are
//! written as JSON already, and each object is put together by hand: a page of a
//! thousand tickets must cost less than sending it.

mod comment;
mod dice;
mod text;
mod ticket;
mod user;
mod write;

pub(super) use comment::{body_html, comment};
pub(super) use ticket::Tickets;
pub(super) use user::{Users, user_of_email};
pub(super) use write::time_text;

use std::sync::Arc;

/// A kind of record that is made from the plan.
pub(super) trait Seeded {
    /// The records of that plan.
    fn new(plan: &Arc<Plan>) -> Self;
}

/// How much there is, and under which URL.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The number of users; the first one is the agent.
    pub(super) users: u64,
    /// The number of tickets.
    pub(super) tickets: u64,
    /// The number of comments of each ticket; the first is its description.
    pub(super) comments: u64,
    /// The root of the account, without a slash at the end.
    pub(super) url: String,
}

/// The time of the first seeded record: 2023-01-01T00:00:00Z.
const FIRST: i64 = 1_672_531_200;
/// Between a record and the next, in seconds. A million of them end in 2024.
const STEP: i64 = 45;
/// So many tickets in a row share one time, as after a bulk update.
const ALIKE: u64 = 5;

/// Ids of users begin here. They do not fit 32 bits, as with the vendor.
pub(super) const FIRST_USER: u64 = 360_000_000_000;
/// Ids of comments, audits and events begin here; a ticket has room for 10,000 of them.
pub(super) const FIRST_EVENT: u64 = 1_000_000_000_000;
/// Ids of comments and audits of one ticket.
pub(super) const EVENTS_PER_TICKET: u64 = 10_000;

/// One user in so many is an agent.
const AGENT_EVERY: u64 = 50;

impl Plan {
    /// Whether the user of that index works for the account.
    pub(super) fn is_agent(index: u64) -> bool {
        index == 0 || index % AGENT_EVERY == 1
    }

    /// The id of some user, chosen by the number.
    fn any_user(&self, number: u64) -> u64 {
        FIRST_USER + number % self.users.max(1)
    }

    /// The id of some agent, chosen by the number.
    fn any_agent(&self, number: u64) -> u64 {
        let others = (self.users + AGENT_EVERY - 2) / AGENT_EVERY;
        match number % (others + 1) {
            0 => FIRST_USER,
            chosen => FIRST_USER + (chosen - 1) * AGENT_EVERY + 1,
        }
    }

    /// The id of the comment of that number, counted from 0, of a seeded ticket.
    pub(super) fn comment_id(ticket: u64, number: u64) -> u64 {
        FIRST_EVENT + ticket * EVENTS_PER_TICKET + number * 2 + 1
    }
}
