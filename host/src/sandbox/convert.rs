//! Between the types of the contract and those of `model` and `broker`.
//!
//! The bounds that belong to the form of a value are checked here; what a
//! value means is judged above.

mod failure;
mod http;
mod invocation;
mod page;

pub(super) use failure::{error, failure, field_errors};
pub(super) use http::{headers, request, response};
pub(super) use invocation::{answer, invocation};
pub(super) use page::{page, pull_request};
