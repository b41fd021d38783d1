//! The whole product: the real program, real plugins, a real server on loopback.

mod crash;
mod dryrun;
mod egress;
mod faults;
mod guests;
mod history;
mod import;
mod observe;
mod plugins;
mod quarantine;
mod replay;
mod secrets;
mod stage;
mod vanished;
