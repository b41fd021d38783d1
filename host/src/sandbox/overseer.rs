//! Who watches over the steps of a plugin version.
//!
//! The sandbox tells what it found; what follows from it is decided above.

use crate::model::Failure;

/// Is asked before each step of a plugin version and told how it ends. Must not block.
pub trait Overseer: Send + Sync + 'static {
    /// Why no step may begin at present; none where one may.
    fn objection(&self) -> Option<Failure>;

    /// A step ended in a trap: the host's own finding, and never an error that the guest
    /// answered, whatever its code.
    fn trapped(&self, failure: &Failure);

    /// What a step brought has been taken over.
    fn landed(&self);
}
