//! Two-way sync put to the proof: random edits on both sides, runs, kills and lost answers,
//! and at rest both sides must agree.
//!
//! A sequence follows from its seed alone, but for the moments at which a real host does
//! what it does. What must be true is said by a model that knows nothing of how a host
//! works; see `model`.

mod api;
mod fault;
mod judge;
mod model;
mod play;
mod stand;
mod step;
mod world;

pub use fault::{Fault, Kind};
pub use play::{Played, Theatre};
pub use step::Policy;
