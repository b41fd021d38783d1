//! What GitHub wants on each request, and how a path is put together.

use crate::settings::Form;
use tidegate_sdk::{Method, Request};

/// The version of the API that this plugin was written for. Without the header GitHub
/// would one day answer as a later one.
const VERSION: &str = "2022-11-28";

/// A request to any path of the API.
pub(crate) fn to(method: Method, path: impl Into<String>) -> Request {
    Request::new(method, path)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", VERSION)
}

/// A request to a path below the repository.
pub(crate) fn within(form: &Form, method: Method, path: &str) -> Request {
    to(method, form.path(path))
}
