//! The form in which the remote system has records, where that is another one than here.
//!
//! Filters run in a process of their own and block, so they are kept off the reactor. What
//! cannot be mapped stands in the way of its own record only.

use crate::{
    model::{Acknowledgement, Channel, Class, Envelope, Failure, Name, Pushed},
    sync::{Config, apart::apart, mapping::Mapper},
};
use serde_json::Value;

/// Turns records of one connector into the remote form, and back.
#[derive(Clone)]
pub(super) struct Form {
    /// None: it is the same.
    mapper: Option<Mapper>,
}

/// A record in the remote form, or why it has none.
pub(super) type Formed = Result<Value, Failure>;

impl Form {
    /// As the channel says.
    ///
    /// # Errors
    /// The connector's mapping cannot be used.
    pub(super) async fn of(config: &Config, channel: &Channel, connector: &Name) -> Result<Self, Failure> {
        Ok(Self { mapper: Mapper::of(config, channel, connector).await? })
    }

    /// The records in the remote form. The inner failure is of one record.
    ///
    /// # Errors
    /// Nothing can be mapped now.
    pub(super) async fn outward(&self, records: Vec<Value>) -> Result<Vec<Formed>, Failure> {
        let Some(mapper) = self.mapper.clone() else {
            return Ok(records.into_iter().map(Ok).collect());
        };
        apart(move || records.iter().map(|record| of_one(mapper.export(record))).collect()).await
    }

    /// Answers with their records in the form in which they are kept here. A change that was
    /// done stays done, whatever comes of its answer: `None` for its payload then.
    ///
    /// # Errors
    /// Nothing can be mapped now.
    pub(super) async fn inward(
        &self,
        mut answers: Vec<Acknowledgement>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        let Some(mapper) = self.mapper.clone() else {
            return Ok(answers);
        };
        apart(move || {
            for answer in &mut answers {
                answer.outcome = inward(&mapper, std::mem::replace(&mut answer.outcome, Pushed::Retry(0)))?;
            }
            Ok(answers)
        })
        .await
    }
}

fn inward(mapper: &Mapper, outcome: Pushed) -> Result<Pushed, Failure> {
    let mapped = |envelope: &Envelope| of_one(mapper.import(&envelope.payload));
    Ok(match outcome {
        Pushed::Done(envelope) if !envelope.deleted => {
            // No payload: what was sent stands.
            let payload = mapped(&envelope)?.unwrap_or_default();
            Pushed::Done(Envelope { payload, ..envelope })
        }
        Pushed::Conflict(envelope) if !envelope.deleted => match mapped(&envelope)? {
            Ok(payload) => Pushed::Conflict(Envelope { payload, ..envelope }),
            Err(failure) => Pushed::Rejected(failure),
        },
        outcome => outcome,
    })
}

/// Tells a record that cannot be mapped from a mapping that cannot work.
fn of_one<T>(mapped: Result<T, Failure>) -> Result<Result<T, Failure>, Failure> {
    match mapped {
        Err(failure) if failure.class != Class::InvalidData => Err(failure),
        mapped => Ok(mapped),
    }
}
