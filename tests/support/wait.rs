//! Waiting for something that another thread or program does.
//!
//! It is the only place of the support library that sleeps; everything that waits
//! comes here and names a deadline.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How long to wait where nothing else is said: generous, since it only passes
/// when something is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks. Short against what tests wait for, long enough
/// not to take the processor from it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks again and again until there is an answer.
///
/// # Errors
/// When `deadline` has passed without one; the message names `what` was awaited.
/// An error of `look` ends the wait at once.
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = look()? {
            return Ok(answer);
        }
        if start.elapsed() >= deadline {
            bail!("waited {deadline:?} in vain for {what}");
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "what is awaited runs elsewhere, on the real clock")]
fn pause() {
    std::thread::sleep(BETWEEN_LOOKS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_comes_back_as_soon_as_there_is_one() {
        let mut looks = 0;
        let answer = until("the third look", PATIENCE, || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(answer.expect("an answer"), 3);
    }

    #[test]
    fn a_deadline_that_passes_names_what_was_awaited() {
        let failure =
            until::<()>("the end of days", Duration::ZERO, || Ok(None)).expect_err("nothing to find");
        assert!(failure.to_string().contains("the end of days"), "{failure}");
    }
}
