//! The limits of a step by name: code, setting and words of each.
//!
//! It counts nothing; whoever counts ends the step with one of these.

use super::Limits;
use crate::model::{Class, Failure};

/// A limit that a step has reached. As an error of a host call it ends the
/// step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the step reached its limit of {self:?}")]
pub(super) enum Limit {
    Cpu,
    Wall,
    Memory,
    Memories,
    Tables,
    TableElements,
    Instances,
    Handles,
    Resources,
    CallBytes,
    Random,
    PageRecords,
    DueKeys,
}

impl Limit {
    /// The stable code of the failure.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Cpu => "limit.cpu",
            Self::Wall => "limit.wall",
            Self::Memory => "limit.memory",
            Self::Memories => "limit.memories",
            Self::Tables => "limit.tables",
            Self::TableElements => "limit.table-elements",
            Self::Instances => "limit.instances",
            Self::Handles => "limit.handles",
            Self::Resources => "limit.resources",
            Self::CallBytes => "limit.call-bytes",
            Self::Random => "limit.random",
            Self::PageRecords => "limit.page-records",
            Self::DueKeys => "limit.due-keys",
        }
    }

    /// The failure in words: what was exceeded, its value, and the setting that
    /// raises it. `memory` is what the plugin asks for in its manifest.
    pub(super) fn failure(self, limits: &Limits, memory: Option<u64>) -> Failure {
        let (what, key) = self.words(limits, memory);
        let message = format!("the plugin {what} (`sandbox.limits.{key}`)");
        Failure::new(Class::Limit, self.code(), message)
    }

    fn words(self, limits: &Limits, memory: Option<u64>) -> (String, &'static str) {
        match self {
            Self::Cpu => (format!("used more than {} of CPU time in one step", limits.cpu), "cpu"),
            Self::Wall => (format!("took longer than {} for one step", limits.wall), "wall"),
            Self::Memory => {
                let (size, key) = limits.memory_for(memory);
                (format!("needs more than {size} of memory"), key)
            }
            Self::Memories => (format!("has more than {} linear memories", limits.memories), "memories"),
            Self::Tables => (format!("has more than {} tables", limits.tables), "tables"),
            Self::TableElements => {
                (format!("needs a table of more than {} elements", limits.table_elements), "table-elements")
            }
            Self::Instances => (format!("makes more than {} instances", limits.instances), "instances"),
            Self::Handles => (format!("holds more than {} handles", limits.handles), "handles"),
            Self::Resources => {
                (format!("holds more than {} things of the host", limits.resources), "resources")
            }
            Self::CallBytes => {
                (format!("handed over more than {} in one call", limits.call_bytes), "call-bytes")
            }
            Self::Random => {
                (format!("drew more than {} of randomness in one step", limits.random_bytes), "random-bytes")
            }
            Self::PageRecords => {
                (format!("put more than {} records into one page", limits.page_records), "page-records")
            }
            Self::DueKeys => {
                (format!("put more than {} due keys into one page", limits.due_keys), "due-keys")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_name_value_and_setting() {
        let limits = Limits::default();
        let check = |limit: Limit, memory, message: &str| {
            let failure = limit.failure(&limits, memory);
            assert_eq!((failure.class, failure.message.as_str()), (Class::Limit, message));
        };
        check(
            Limit::Cpu,
            None,
            "the plugin used more than 5s of CPU time in one step (`sandbox.limits.cpu`)",
        );
        check(Limit::Memory, None, "the plugin needs more than 64MiB of memory (`sandbox.limits.memory`)");
        check(
            Limit::Memory,
            Some(1 << 40),
            "the plugin needs more than 256MiB of memory (`sandbox.limits.max-memory`)",
        );
        check(
            Limit::CallBytes,
            None,
            "the plugin handed over more than 16MiB in one call (`sandbox.limits.call-bytes`)",
        );
    }
}
