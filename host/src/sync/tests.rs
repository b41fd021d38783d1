//! The floor as a whole, on scripted sources and a store in memory.

pub(super) mod support;

mod crash;
mod history;
mod import;
mod jobs;
mod mapping;
mod overlap;
mod plugins;
mod quarantine;
mod queue;
mod rehearsal;
mod ticks;
mod twoway;
mod vanished;
