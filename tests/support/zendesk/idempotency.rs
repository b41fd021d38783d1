//! Keys that make the creation of a ticket safe to repeat.
//!
//! Facts: `/api-reference/ticketing/introduction/#idempotency`: the header is
//! `Idempotency-Key`, for the creation of tickets; a key is kept for two hours; the
//! answer carries `x-idempotency-lookup`, `miss` the first time and `hit` with the
//! stored answer later; other parameters under the same key are refused with 400.

use super::errors;
use crate::vendor::{Answer, Request};
use bytes::Bytes;
use std::collections::HashMap;

/// How long a key is kept, in seconds.
const KEPT: i64 = 2 * 3600;
/// The length of a key, in bytes.
const LONGEST: usize = 255;

/// What has been answered under which key.
#[derive(Default)]
pub(super) struct Remembered(HashMap<String, (i64, Bytes, Answer)>);

impl Remembered {
    /// The stored answer for this request, where there is one.
    ///
    /// # Errors
    /// The vendor's 400 for a key that stands for something else or is too long.
    pub(super) fn recall(&mut self, request: &Request, now: i64) -> Result<Option<Answer>, Answer> {
        let Some(key) = request.header("idempotency-key") else {
            return Ok(None);
        };
        // The limit is documented, the answer to more is not.
        if key.is_empty() || key.len() > LONGEST {
            return Err(errors::idempotency_mismatch());
        }
        self.0.retain(|_, (at, ..)| *at + KEPT > now);
        match self.0.get(key) {
            None => Ok(None),
            Some((_, body, answer)) if *body == request.body => {
                Ok(Some(answer.clone().with("x-idempotency-lookup", "hit")))
            }
            Some(_) => Err(errors::idempotency_mismatch()),
        }
    }

    /// Stores an answer under the request's key, where it has one.
    pub(super) fn store(&mut self, request: &Request, now: i64, answer: Answer) -> Answer {
        let Some(key) = request.header("idempotency-key") else {
            return answer;
        };
        self.0.insert(key.to_owned(), (now, request.body.clone(), answer.clone()));
        answer.with("x-idempotency-lookup", "miss")
    }
}
