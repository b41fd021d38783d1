//! A call of an operation, for the guest. The input is moved, not copied.

use crate::{
    model::{Class, Failure, Invocation, Size},
    sandbox::bindings::exports::tidegate::connect::operations::Invocation as WitInvocation,
};
use bytes::Bytes;

/// The longest answer of an operation.
pub(in crate::sandbox) const MAX_ANSWER: Size = Size::mib(1);

/// The call, for the guest.
pub(in crate::sandbox) fn invocation(invocation: Invocation) -> WitInvocation {
    WitInvocation {
        operation: invocation.operation.into(),
        settings: invocation.settings.into(),
        input: invocation.input.into(),
        idempotency_key: invocation.idempotency_key.into(),
    }
}

/// The guest's answer, where it keeps its bound.
///
/// # Errors
/// The failure that ends the step: the answer is too long.
pub(in crate::sandbox) fn answer(answer: Vec<u8>) -> Result<Bytes, Failure> {
    if answer.len() as u64 <= MAX_ANSWER.0 {
        return Ok(answer.into());
    }
    let message =
        format!("the plugin's answer has {} bytes; an operation answers at most {MAX_ANSWER}", answer.len());
    Err(Failure::new(Class::Limit, "limit.answer-bytes", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_too_long_is_refused() {
        let check =
            |length: usize, fits: bool| assert_eq!(answer(vec![b' '; length]).is_ok(), fits, "{length}");
        check(1 << 20, true);
        check((1 << 20) + 1, false);
        assert_eq!(answer(vec![0; 2 << 20]).expect_err("too long").code, "limit.answer-bytes");
    }
}
