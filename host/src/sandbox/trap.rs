//! Every abnormal end of a step, as a failure with a name.
//!
//! It judges what ended the step, not what the step answered.

use super::{Limits, limit::Limit, text::clean_cut};
use crate::model::{Class, Failure};
use wasmtime::{Trap, component::ResourceTableError};
use wasmtime_wasi::I32Exit;

/// What is known of a step that ended abnormally, beside the error itself.
pub(super) struct Circumstances<'a> {
    pub(super) limits: &'a Limits,
    /// The memory that the manifest asks for.
    pub(super) memory: Option<u64>,
    /// A growth that the host refused before.
    pub(super) refused: Option<Limit>,
    /// The end of standard error.
    pub(super) last_words: Option<String>,
}

/// What the host found when a step did not end with an answer. That it was a trap is said
/// here alone: a code says nothing, because a guest can put any code into its own error.
#[derive(Debug, PartialEq)]
pub(super) enum Finding {
    /// The guest broke down: it trapped, or called `exit`.
    Trap(Failure),
    /// Anything else, the guest's own error included.
    Other(Failure),
}

impl Finding {
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Trap(failure) | Self::Other(failure) => failure,
        }
    }

    /// The failure, where the guest broke down.
    pub(super) fn trap(&self) -> Option<&Failure> {
        match self {
            Self::Trap(failure) => Some(failure),
            Self::Other(_) => None,
        }
    }
}

/// What `error` ended a step with.
pub(super) fn finding(error: &wasmtime::Error, around: &Circumstances<'_>) -> Finding {
    if let Some(failure) = limited(error, around) {
        return Finding::Other(failure);
    }
    match (cause::<Trap>(error), cause::<I32Exit>(error)) {
        (Some(trap), _) => Finding::Trap(trapped(*trap, around.last_words.as_deref())),
        (None, Some(exit)) => Finding::Trap(exited(exit, around.last_words.as_deref())),
        (None, None) => Finding::Other(stray(error)),
    }
}

/// The limit that ended a step, directly or because the guest gave up over it.
fn limited(error: &wasmtime::Error, around: &Circumstances<'_>) -> Option<Failure> {
    if let Some(limit) = limit(error) {
        return Some(limit.failure(around.limits, around.memory));
    }
    let refused = around.refused?;
    // A guest that is refused memory or a table gives up in one of these ways.
    let gives_up = cause::<I32Exit>(error).is_some()
        || cause::<Trap>(error).is_some_and(is_giving_up)
        || is_start_of_instance(error);
    gives_up.then(|| refused.failure(around.limits, around.memory))
}

/// Neither a limit nor a trap.
fn stray(error: &wasmtime::Error) -> Failure {
    if is_of_machine(error) {
        let message = format!("the machine could not run the plugin: {}", root(error));
        return Failure::new(Class::Transient, "internal.machine", message);
    }
    let message = format!("the plugin handed over data that does not fit the contract: {}", root(error));
    Failure::new(Class::Internal, "answer.invalid", message)
}

/// The failure of a step in which the host itself broke down.
pub(super) fn panicked() -> Failure {
    let message = "the host broke down while it served the plugin; this is a defect of Tidegate";
    Failure::new(Class::Internal, "internal.panic", message)
}

fn cause<E: std::error::Error + Send + Sync + 'static>(error: &wasmtime::Error) -> Option<&E> {
    error.downcast_ref::<E>().or_else(|| error.chain().find_map(|cause| cause.downcast_ref::<E>()))
}

fn root(error: &wasmtime::Error) -> String {
    clean_cut(&error.root_cause().to_string(), 300).into_owned()
}

/// Whether the system refused something, memory for a stack say.
fn is_of_machine(error: &wasmtime::Error) -> bool {
    cause::<std::io::Error>(error).is_some() || cause::<rustix::io::Errno>(error).is_some()
}

/// The limit that the error stands for. wasmtime has no types for its own
/// limits, only words; the tests of each limit watch over them.
fn limit(error: &wasmtime::Error) -> Option<Limit> {
    if let Some(limit) = cause::<Limit>(error) {
        return Some(*limit);
    }
    if let Some(ResourceTableError::Full) = cause::<ResourceTableError>(error) {
        return Some(Limit::Resources);
    }
    let text = error.root_cause().to_string();
    let words = [
        ("fuel allocated for hostcalls has been exhausted", Limit::CallBytes),
        ("store handle limit exceeded", Limit::Handles),
        ("resource limit exceeded: instance count", Limit::Instances),
        ("resource limit exceeded: table count", Limit::Tables),
        ("resource limit exceeded: memory count", Limit::Memories),
    ];
    words.into_iter().find(|(words, _)| text.contains(words)).map(|(_, limit)| limit)
}

fn is_giving_up(trap: &Trap) -> bool {
    matches!(
        trap,
        Trap::UnreachableCodeReached
            | Trap::MemoryOutOfBounds
            | Trap::TableOutOfBounds
            | Trap::IndirectCallToNull
    )
}

/// An instance whose first memory or table is refused does not even start.
fn is_start_of_instance(error: &wasmtime::Error) -> bool {
    let text = error.root_cause().to_string();
    text.contains("exceeds memory limits") || text.contains("exceeds table limits")
}

fn trapped(trap: Trap, last_words: Option<&str>) -> Failure {
    let (code, what) = match trap {
        Trap::UnreachableCodeReached => ("trap.unreachable", "the plugin panicked".into()),
        Trap::StackOverflow => ("trap.stack", "the plugin called itself too deep".into()),
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => {
            ("trap.memory", "the plugin reached outside its memory".into())
        }
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => {
            ("trap.call", "the plugin called a function that is not there".into())
        }
        Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => {
            ("trap.arithmetic", format!("the plugin computed what has no result ({})", words(trap)))
        }
        other => ("trap.other", format!("the plugin broke down ({})", words(other))),
    };
    Failure::new(Class::Internal, code, said(what, last_words))
}

fn exited(exit: &I32Exit, last_words: Option<&str>) -> Failure {
    let message = said(format!("the plugin called `exit` with status {}", exit.0), last_words);
    Failure::new(Class::Internal, "trap.exit", message)
}

fn words(trap: Trap) -> String {
    trap.to_string().trim_start_matches("wasm trap: ").to_owned()
}

fn said(what: String, last_words: Option<&str>) -> String {
    match last_words {
        Some(words) => format!("{what}; its last words were: {words}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of wasmtime's own limits are watched over by the tests of the
    /// limits; here is what no guest can bring about at will.
    fn check(error: wasmtime::Error, refused: Option<Limit>, code: &str) {
        let limits = Limits::default();
        let around = Circumstances { limits: &limits, memory: None, refused, last_words: None };
        let finding = finding(&error, &around);
        assert_eq!(finding.trap().is_some(), code.starts_with("trap."), "{error:?}");
        assert_eq!(finding.into_failure().code, code, "{error:?}");
    }

    #[test]
    fn what_the_machine_refuses_is_not_the_plugins_fault() {
        let out_of_memory = || std::io::Error::from(std::io::ErrorKind::OutOfMemory);
        check(wasmtime::Error::from(out_of_memory()), None, "internal.machine");
        check(wasmtime::Error::from(out_of_memory()).context("a stack"), None, "internal.machine");
    }

    #[test]
    fn a_refusal_explains_a_guest_that_gives_up_and_no_other_end() {
        let refused = Some(Limit::Memory);
        check(Trap::UnreachableCodeReached.into(), refused, "limit.memory");
        check(wasmtime::Error::new(I32Exit(1)), refused, "limit.memory");
        check(Trap::StackOverflow.into(), refused, "trap.stack");
        check(Trap::IntegerDivisionByZero.into(), refused, "trap.arithmetic");
        check(wasmtime::Error::msg("bad UTF-8"), refused, "answer.invalid");
        check(Limit::Cpu.into(), refused, "limit.cpu");
    }

    #[test]
    fn a_cause_is_found_below_its_context() {
        check(wasmtime::Error::from(Limit::Random).context("while calling"), None, "limit.random");
        check(wasmtime::Error::from(Trap::StackOverflow).context("while calling"), None, "trap.stack");
    }
}
