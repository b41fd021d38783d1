//! The query of a request.

use super::errors;
use crate::vendor::Answer;
use std::{borrow::Cow, str::FromStr};
use url::form_urlencoded;

/// Names and values, decoded.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(super) fn of(query: Option<&'a str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect())
    }

    /// The value under that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// The whole number under that name.
    ///
    /// # Errors
    /// The vendor's 400 where it is something else.
    pub(super) fn number<T: FromStr>(&self, name: &str, action: &str) -> Result<Option<T>, Answer> {
        let parse = |text: &str| {
            text.parse().map_err(|_| errors::invalid_attribute(name, "must be an integer", action))
        };
        self.get(name).map(parse).transpose()
    }

    /// Whether that is switched on.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value == "true" || value == "1")
    }
}
