//! One file a command: its arguments, what it asks, how the answer looks.

pub(super) mod call;
pub(super) mod cassette;
pub(super) mod channel;
pub(super) mod config;
pub(super) mod conflict;
pub(super) mod doctor;
pub(super) mod mapping;
pub(super) mod notice;
pub(super) mod origin;
pub(super) mod outbox;
pub(super) mod plugin;
pub(super) mod quarantine;
pub(super) mod record;
pub(super) mod replay;
pub(super) mod route;
pub(super) mod run;
pub(super) mod schedule;
pub(super) mod serve;
pub(super) mod sync;
pub(super) mod webhook;
