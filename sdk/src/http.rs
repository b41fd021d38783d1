//! HTTP through the gateway that the operator configured.
//!
//! A plugin has no sockets, names no hosts and never sees a credential. It never
//! sleeps and never retries either: 401, 429, 5xx and network failures reach it
//! only as an [`Error`](crate::Error), when the host has given up; every other
//! status is a [`Response`].

mod body;
mod gateway;
mod request;
mod response;
mod transport;

pub use body::{Body, Source, Streamed};
pub(crate) use gateway::Gateway;
pub use request::{Method, Request};
pub use response::Response;
pub use transport::Transport;
