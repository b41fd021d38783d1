//! What comes of running a filter on a payload, in the process that runs it and on the
//! way from there.

use crate::model::{Class, Failure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io;

/// What comes of one payload.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// The text of the one value.
    Value(Vec<u8>),
    /// The filter gives no value.
    Nothing,
    /// Why there is no value.
    Failed(Problem),
    /// It took too long; whoever ran it is gone.
    TooSlow,
}

/// Why a filter has no value for a payload.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// The record is at fault, or the mapping.
    pub(super) fn failure(self) -> Failure {
        Failure::new(Class::InvalidData, self.code, self.message)
    }
}

impl Answer {
    pub(super) fn failed(code: &str, message: impl Into<String>) -> Self {
        Self::Failed(Problem::new(code, message))
    }

    /// As a frame: a byte that says which, then what belongs to it.
    pub(super) fn to_frame(&self) -> Vec<u8> {
        let (mark, rest) = match self {
            Self::Value(text) => (b'v', text.clone()),
            Self::Nothing => (b'n', Vec::new()),
            Self::Failed(problem) => {
                (b'f', serde_json::to_vec(problem).expect("plain values have a JSON form"))
            }
            Self::TooSlow => (b's', Vec::new()),
        };
        [&[mark], &rest[..]].concat()
    }

    /// # Errors
    /// The frame is none of an answer.
    pub(super) fn of_frame(frame: Bytes) -> io::Result<Self> {
        let Some((mark, rest)) = frame.split_first() else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        match mark {
            b'v' => Ok(Self::Value(rest.to_vec())),
            b'n' => Ok(Self::Nothing),
            b'f' => Ok(Self::Failed(serde_json::from_slice(rest)?)),
            b's' => Ok(Self::TooSlow),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let failed = Answer::failed("mapping.many", "more than one");
        for answer in [Answer::Value(b"{}".to_vec()), Answer::Nothing, failed, Answer::TooSlow] {
            assert_eq!(Answer::of_frame(answer.to_frame().into()).unwrap(), answer);
        }
        for odd in [&b""[..], b"x", b"f{"] {
            assert!(Answer::of_frame(Bytes::copy_from_slice(odd)).is_err());
        }
    }
}
