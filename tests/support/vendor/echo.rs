//! A vendor without an API: it lets everybody in and says what it was asked for.

use super::{
    handle::{Options, Vendor},
    message::{Answer, App, Request},
};
use anyhow::Result;
use hyper::StatusCode;
use serde_json::json;
use std::sync::Arc;

struct Echo;

/// Starts a vendor that answers every request with 200 and
/// `{"method":…,"path":…,"query":…,"body-bytes":…}`. What else was sent is told by
/// `Vendor::requests`; it is not echoed, so that no credential comes back.
///
/// # Errors
/// When it cannot listen.
pub fn echo(options: Options) -> Result<Vendor> {
    Vendor::start(options, |_| Arc::new(Echo))
}

impl App for Echo {
    fn answer(&self, request: &Request) -> Answer {
        let document = json!({
            "method": request.method.as_str(),
            "path": request.path,
            "query": request.query,
            "body-bytes": request.body.len(),
        });
        Answer::json(StatusCode::OK, &document)
    }

    fn control(&self, _path: &str, _request: &Request) -> Option<Answer> {
        None
    }

    fn control_help(&self) -> &'static str {
        ""
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        Answer::json(status, &json!({ "status": status.as_u16() }))
    }

    fn kind_of(&self, path: &str) -> String {
        path.to_owned()
    }
}
