//! The whole product: the real program, real plugins, a real server on loopback.

mod api;
mod crash;
mod dryrun;
mod egress;
mod faults;
mod guests;
mod history;
mod import;
mod matrix;
mod observe;
mod outage;
mod plugins;
mod quarantine;
mod replay;
mod secrets;
mod stage;
mod traps;
mod vanished;
