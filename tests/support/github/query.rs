//! The query of a request.

use super::errors;
use crate::vendor::Answer;
use std::borrow::Cow;
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

    /// The whole number under that name; what is none counts as not given, as with the
    /// vendor.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// The value under that name, one of those; the first one where none is given.
    ///
    /// # Errors
    /// The vendor's 422 for another one.
    pub(super) fn choice<'c>(&self, name: &str, choices: &[&'c str]) -> Result<&'c str, Answer> {
        match self.get(name) {
            None => Ok(choices[0]),
            Some(value) => choices
                .iter()
                .find(|choice| **choice == value)
                .copied()
                .ok_or_else(|| errors::invalid("Issue", name, value)),
        }
    }

    /// The time under that name, in seconds.
    ///
    /// # Errors
    /// The vendor's 422 for what is none.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Answer> {
        let parse = |text: &str| {
            let time: Result<jiff::Timestamp, _> = text.parse();
            time.map(|time| time.as_second()).map_err(|_| errors::invalid("Issue", name, text))
        };
        self.get(name).map(parse).transpose()
    }

    /// The same query with another page, for links.
    pub(super) fn with_page(&self, page: u64) -> String {
        let others = self.0.iter().filter(|(name, _)| name != "page");
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(others);
        text.append_pair("page", &page.to_string());
        text.finish()
    }
}
