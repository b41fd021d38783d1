//! Between the types of the contract and those of `model` and `broker`.
//!
//! The bounds that belong to the form of a value are checked here; what a
//! value means is judged above.

mod failure;
mod hook;
mod http;
mod lifecycle;
mod page;
mod push;

pub(super) use failure::{error, failure, field_errors};
pub(super) use hook::{delivery, effect};
pub(super) use http::{headers, request, response};
pub(super) use lifecycle::question;
pub(super) use page::{page, pull_request};
pub(super) use push::{acknowledgements, push_request};
