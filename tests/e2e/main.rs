//! The whole product: the real program, real plugins, a real server on loopback.

mod crash;
mod egress;
mod faults;
mod guests;
mod import;
mod plugins;
mod replay;
mod secrets;
mod stage;
