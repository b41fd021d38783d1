//! Tidegate: a host for integrations whose connectors run in a sandbox.
//!
//! The modules are the floors of `ARCHITECTURE.md`; imports go down only.
#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod broker;
pub mod cassettes;
pub mod catalog;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod config;
pub mod metrics;
pub mod model;
pub mod sandbox;
pub mod shutdown;
pub mod store;
pub mod sync;
pub mod telemetry;
