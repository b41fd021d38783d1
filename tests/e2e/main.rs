//! The whole product: the real program, real plugins, a real server on loopback.

mod api;
mod browser;
mod call;
mod crash;
mod dryrun;
mod egress;
mod export;
mod faults;
mod github;
mod guests;
mod history;
mod import;
mod lifecycle;
mod mapping;
mod matrix;
mod notices;
mod oauth;
mod observe;
mod outage;
mod plugins;
mod quarantine;
mod replay;
mod routes;
mod secrets;
mod stage;
mod traps;

mod vanished;
mod webhooks;
mod zendesk_oauth;
