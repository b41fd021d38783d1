//! What tests stand on: fake vendors, a host to try them with, and what both need.
//!
//! It holds no tests of the product; those are in `tests/e2e` and beside the code.

pub mod github;
pub mod host;
pub mod matrix;
pub mod programs;
pub mod receiver;
pub mod twoway;
pub mod vendor;
pub mod wait;
pub mod zendesk;
