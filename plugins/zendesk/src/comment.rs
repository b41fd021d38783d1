//! Comments, fetched for the tickets that are due.
//!
//! A step sends rounds of requests, many tickets at a time, until its tickets are
//! read or its budget nears the end. A ticket is settled when all its comments are
//! read, when it is gone, or when it is rejected; a partly read one stays due, and
//! the cursor remembers how far it was read.

mod marks;
mod round;

pub(crate) use self::round::Comment;

use self::{
    marks::Marks,
    round::{Read, Thread},
};
use crate::answer::problem;
use std::collections::VecDeque;
use tidegate_sdk::{
    Class, Error, Page, PullRequest, Response, Transport, log,
    run::{self, Pace},
};

pub(crate) const CONNECTOR: &str = "ticket-comment";

/// The most records of a page, whatever was asked for.
const MOST_RECORDS: usize = 10_000;

/// The most bytes of a page: the host takes 16 MiB from a call.
const MOST_BYTES: usize = 12 << 20;

/// Tickets of the first round, before anything is known of the size of answers:
/// all answers of a round are in memory at the same time.
const FIRST_ROUND: usize = 8;

/// The most tickets of a round.
const ROUND: usize = 50;

/// After so many failed steps in which other tickets went well, the fault is the
/// ticket's.
const TRIES: u8 = 3;

/// So many tickets that bring nothing but a refusal, with none that goes well, and the
/// fault is not the tickets': a user who may see none, an address where something else
/// answers, a page that says that there is maintenance.
const MANY: usize = 10;

/// The host keeps no more of what was delivered.
const KEPT: usize = 64 << 10;

/// Reads comments of the tickets that are due.
pub(crate) fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
    let mut step = Step::new(request)?;
    let mut pace = Pace::start();
    let mut affordable = run::remaining().requests.max(1);
    loop {
        let threads = step.next_round(affordable as usize);
        if threads.is_empty() {
            return step.finish();
        }
        let requests = threads.iter().map(|thread| thread.request(step.per_request)).collect();
        for (thread, answer) in threads.into_iter().zip(transport.send_all(requests)) {
            step.take(thread, answer);
        }
        affordable = pace.further();
    }
}

/// What a step has read, and what it still has to read.
struct Step {
    page: Page,
    /// How many records still fit into the page.
    room: usize,
    /// Bytes of the answers that went into the page.
    bytes: usize,
    /// How many answers those were.
    answers: usize,
    /// Comments to ask for in one request.
    per_request: usize,
    queue: VecDeque<Thread>,
    marks: Marks,
    /// Tickets that could not be asked for.
    failed: Vec<(Thread, Error)>,
    /// Tickets that were answered, but not with comments.
    refused: Vec<Refusal>,
}

/// An answer without comments in it.
struct Refusal {
    ticket: String,
    reason: Error,
    /// What was delivered; none where there is no such ticket.
    payload: Option<Vec<u8>>,
}

impl Step {
    fn new(request: &PullRequest) -> Result<Self, Error> {
        let room = (request.limit as usize).saturating_mul(10).clamp(1, MOST_RECORDS);
        let mut step = Self {
            page: Page::new(),
            room,
            bytes: 0,
            answers: 0,
            per_request: room.min(round::MOST),
            queue: VecDeque::with_capacity(request.keys.len()),
            marks: request.cursor()?.unwrap_or_default(),
            failed: Vec::new(),
            refused: Vec::new(),
        };
        for key in &request.keys {
            match Thread::of(key, &step.marks) {
                Some(thread) => step.queue.push_back(thread),
                // Never put into a path what is not an id.
                None => step.give_up(
                    key.clone(),
                    Error::invalid_data("zendesk.ticket-id", "not the id of a ticket"),
                    "",
                ),
            }
        }
        Ok(step)
    }

    /// The tickets to ask for now: no more than what they bring has room in the page.
    fn next_round(&mut self, affordable: usize) -> Vec<Thread> {
        let by_bytes = match self.answers {
            0 => FIRST_ROUND,
            answers => (MOST_BYTES - self.bytes) / (self.bytes / answers).max(1),
        };
        let count = [ROUND, affordable, by_bytes, self.room / self.per_request, self.queue.len()];
        self.queue.drain(..count.into_iter().min().unwrap_or(0)).collect()
    }

    fn take(&mut self, thread: Thread, answer: Result<Response, Error>) {
        let response = match answer {
            Ok(response) => response,
            Err(error) => return self.failed.push((thread, error)),
        };
        match response.status {
            200..300 => self.read(thread, &response),
            404 | 410 => self.refuse(thread.ticket, problem(&response), None),
            // The position is too old for Zendesk: begin the ticket again.
            400 | 422 if thread.after.is_some() => self.queue.push_front(Thread { after: None, ..thread }),
            _ => self.refuse(thread.ticket, problem(&response), Some(&response.body)),
        }
    }

    fn read(&mut self, thread: Thread, response: &Response) {
        let size = response.body.len();
        if self.bytes + size > MOST_BYTES {
            return self.put_off(thread);
        }
        self.bytes += size;
        self.answers += 1;
        let before = self.page.records.len();
        match thread.read(response, &mut self.page) {
            Ok(Read::Whole) => self.settle(thread.ticket),
            // To the front: a ticket that is begun is to be finished first.
            Ok(Read::Until(after)) => self.queue.push_front(Thread { after: Some(after), ..thread }),
            Err(error) => self.refuse(thread.ticket, error, Some(&response.body)),
        }
        self.room = self.room.saturating_sub(self.page.records.len() - before);
    }

    /// Leaves to a later step what does not fit into this page, or into any.
    fn put_off(&mut self, thread: Thread) {
        if self.answers > 0 {
            self.room = 0;
            self.queue.push_front(thread);
        } else {
            let words = format!("{} comments of the ticket are larger than 12 MiB", self.per_request);
            self.give_up(thread.ticket, Error::limit("zendesk.page-bytes", words), "");
        }
    }

    /// What it means is seen at the end of the step.
    fn refuse(&mut self, ticket: String, reason: Error, payload: Option<&[u8]>) {
        let payload = payload.map(|payload| payload[..payload.len().min(KEPT)].to_vec());
        self.refused.push(Refusal { ticket, reason, payload });
    }

    fn settle(&mut self, ticket: String) {
        self.marks.remove(&ticket);
        self.page.settle(ticket);
    }

    fn give_up(&mut self, ticket: String, reason: Error, payload: impl AsRef<[u8]>) {
        self.page.reject(ticket.clone(), reason, payload);
        self.settle(ticket);
    }

    fn finish(mut self) -> Result<Page, Error> {
        self.judge_refused()?;
        self.judge_failed()?;
        for thread in std::mem::take(&mut self.queue) {
            self.marks.move_to(thread.ticket, thread.after);
            self.page.more = true;
        }
        self.marks.cut();
        self.page.next(&self.marks)?;
        Ok(self.page)
    }

    fn went_well(&self) -> bool {
        !self.page.settled.is_empty() || !self.page.records.is_empty()
    }

    /// A ticket that is gone is settled, one that cannot be read is a record that cannot
    /// be read; but many of them, and nothing else, stay due.
    fn judge_refused(&mut self) -> Result<(), Error> {
        if !self.went_well() && self.refused.len() >= MANY {
            let all = self.refused.len();
            let mut reason = self.refused.swap_remove(0).reason;
            reason.message.push_str(&format!("; so it is with all {all} tickets that were asked for"));
            if reason.class == Class::Auth {
                reason.message.push_str("; check that the user of the token may see the tickets");
            }
            return Err(reason);
        }
        for Refusal { ticket, reason, payload } in std::mem::take(&mut self.refused) {
            match payload {
                Some(payload) => self.give_up(ticket, reason, payload),
                None => self.settle(ticket),
            }
        }
        Ok(())
    }

    /// Failures of a step in which nothing went well are Zendesk's or the channel's;
    /// the others are the ticket's, if they last.
    fn judge_failed(&mut self) -> Result<(), Error> {
        let mut failed = std::mem::take(&mut self.failed);
        if !self.went_well() && !failed.is_empty() {
            let alike = failed.len();
            let (thread, error) = failed.remove(0);
            if error.class != Class::Limit || alike >= MANY {
                return Err(error);
            }
            // Alone, and still too much for the host.
            self.give_up(thread.ticket, error, "");
        }
        for (thread, error) in failed {
            self.marks.move_to(thread.ticket.clone(), thread.after);
            // A limit was reached by all tickets of the step together.
            if error.class != Class::Limit && self.marks.fail(&thread.ticket) >= TRIES {
                self.give_up(thread.ticket, error, "");
            } else {
                log::warn(
                    "the comments of a ticket cannot be read now",
                    &[("ticket", &thread.ticket), ("error", &error)],
                );
                self.page.more = true;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
