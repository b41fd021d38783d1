//! All that a plugin may import, one file an interface.
//!
//! What is not linked here does not exist for a guest; `inspect` refuses it by
//! name before it comes to that.

mod http;
mod log;
mod run;
mod state;
pub(super) mod wasi;

#[expect(unreachable_pub, reason = "the bindings re-export them")]
pub use http::{BodyReader, Transport};
pub(super) use state::StateMap;
pub(super) use wasi::Randomness;

use super::{bindings::tidegate::connect, context::Context};
use wasmtime::component::{HasSelf, Linker};

/// The interfaces of the contract that a plugin may import.
pub(super) const CONNECT: [&str; 5] = ["http", "log", "run", "state", "types"];

/// Links all of them.
pub(super) fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    connect::types::add_to_linker::<_, HasSelf<Context>>(linker, |context| context)?;
    connect::http::add_to_linker::<_, HasSelf<Context>>(linker, |context| context)?;
    connect::log::add_to_linker::<_, HasSelf<Context>>(linker, |context| context)?;
    connect::run::add_to_linker::<_, HasSelf<Context>>(linker, |context| context)?;
    connect::state::add_to_linker::<_, HasSelf<Context>>(linker, |context| context)?;
    wasi::link(linker)
}

impl connect::types::Host for Context {}
