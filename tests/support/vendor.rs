//! A vendor's server that tests own: it listens on loopback, answers what an `App`
//! says, keeps count, and breaks on demand in the ways that networks do.
//!
//! It knows no vendor's API (see `zendesk`), and listens on no address but loopback.

mod act;
mod body;
mod bomb;
mod clock;
mod control;
mod door;
mod echo;
mod glob;
mod handle;
mod members;
mod message;
mod running;
mod script;
mod server;
mod stats;
mod wire;

pub(crate) use clock::Clock;
pub use door::{Door, Identity, Shows};
pub use echo::echo;
pub use handle::{Options, Vendor};
pub use members::members;
pub use message::{Answer, App, Request};

pub use script::{Action, Canned, Rule, Script};
pub use stats::{RuleCount, Seen, Stats};
