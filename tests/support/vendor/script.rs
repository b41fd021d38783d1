//! Fault scripts: which requests a vendor treats badly, and how.
//!
//! A script is a list of rules. The first rule that matches a request and whose turn
//! it is decides; a request that no rule takes is answered as usual.

use super::glob;
use anyhow::{Context as _, Result};
use hyper::Method;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// A whole script. In a file, each rule is a `[[rule]]` table (TOML) or an element of
/// the list `rule` (JSON).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Script {
    /// The rules, the most particular first.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// One rule: which requests, which of them by number, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rule {
    /// What the rule is called in the stats; the path where it has no name.
    pub name: Option<String>,
    /// The method; any where it is not given.
    pub method: Option<String>,
    /// The path, without the query: `*` is any text within a segment, `**` any text.
    pub path: String,
    /// The first matching request that is treated, counted from 1.
    pub from: u64,
    /// From there on every so many-th, 1 or more.
    pub every: u64,
    /// How many requests are treated in all; every one where it is not given.
    pub times: Option<u64>,
    /// How long the answer is held back, in milliseconds.
    pub latency_ms: u64,
    /// What becomes of the request.
    pub action: Action,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            name: None,
            method: None,
            path: "**".to_owned(),
            from: 1,
            every: 1,
            times: None,
            latency_ms: 0,
            action: Action::Pass,
        }
    }
}

/// What becomes of a request.
///
/// Where an action spoils an answer, the request has been acted upon: a write that is
/// answered with a broken body has happened. `reset`, `close` and `hang` leave it
/// undone, unless they are told to `apply` it: then the answer is lost, not the act.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Action {
    /// The usual answer.
    #[default]
    Pass,
    /// A canned answer, without looking at the request.
    Status(Canned),
    /// The connection is reset (TCP RST).
    Reset {
        /// Body bytes that are sent before; none: not even a header.
        #[serde(default)]
        after_bytes: Option<u64>,
        /// Whether the request is acted upon.
        #[serde(default)]
        apply: bool,
    },
    /// The connection is closed (TCP FIN) without an answer.
    Close {
        /// Whether the request is acted upon.
        #[serde(default)]
        apply: bool,
    },
    /// No answer ever; the connection stays open.
    Hang {
        /// Whether the request is acted upon.
        #[serde(default)]
        apply: bool,
    },
    /// Status line and headers come drop by drop.
    SlowHeader {
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// The body comes drop by drop, or stops for a while in the middle.
    SlowBody {
        /// Bytes a second; as fast as can be where it is not given.
        #[serde(default)]
        bytes_per_second: Option<u64>,
        /// A pause in the middle of the body, in milliseconds.
        #[serde(default)]
        pause_ms: u64,
    },
    /// The connection is closed before the announced length is reached.
    Truncate {
        /// Body bytes that are sent; half of them where it is not given.
        #[serde(default)]
        after_bytes: Option<u64>,
    },
    /// The second half of the document is missing, and the length agrees with it.
    BadJson,
    /// The usual answer under another content type.
    ContentType {
        /// The content type.
        value: String,
    },
    /// A redirect.
    Redirect {
        /// Where to; `{path}` stands for the path and query of the request.
        to: String,
        /// The status.
        #[serde(default = "found")]
        code: u16,
    },
    /// A body of so many bytes, sent as it is made.
    HugeBody {
        /// Its length.
        bytes: u64,
        /// Whether the header says so.
        #[serde(default)]
        announce: bool,
    },
    /// A small compressed body that unpacks to so many bytes.
    GzipBomb {
        /// Its length unpacked.
        bytes: u64,
    },
    /// The usual answer, compressed.
    Gzip,
}

fn found() -> u16 {
    302
}

/// An answer out of a script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Canned {
    /// The status.
    pub code: u16,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON; the vendor's usual words for
    /// the status where it is not given.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
}

impl Script {
    /// Reads a script from a file: JSON where its name says so, else TOML.
    ///
    /// # Errors
    /// When it cannot be read or is not a script; the message says what is wrong with it.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let json = file.extension().is_some_and(|extension| extension == "json");
        Self::parse(&text, json).with_context(|| format!("understand {}", file.display()))
    }

    pub(super) fn parse(text: &str, json: bool) -> Result<Self> {
        Ok(if json { serde_json::from_str(text)? } else { toml::from_str(text)? })
    }
}

impl From<Rule> for Script {
    fn from(rule: Rule) -> Self {
        Self { rules: vec![rule] }
    }
}

impl<const N: usize> From<[Rule; N]> for Script {
    fn from(rules: [Rule; N]) -> Self {
        Self { rules: rules.into() }
    }
}

impl Rule {
    /// A rule for the requests with that path (a pattern), whatever their method.
    #[must_use]
    pub fn on(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Only for that method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// From the so many-th matching request on, counted from 1.
    #[must_use]
    pub fn from_nth(self, from: u64) -> Self {
        Self { from, ..self }
    }

    /// For so many requests in all.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only for the so many-th matching request, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        self.from_nth(nth).times(1)
    }

    /// Every so many-th.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self { every, ..self }
    }

    /// The answer is held back for so long.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX), ..self }
    }

    /// That becomes of them.
    #[must_use]
    pub fn then(self, action: Action) -> Self {
        Self { action, ..self }
    }

    /// They are answered with that status, in the vendor's words.
    #[must_use]
    pub fn status(self, code: u16) -> Self {
        self.then(Action::Status(Canned { code, ..Canned::default() }))
    }

    /// They are answered with 429 and so many seconds to wait.
    #[must_use]
    pub fn throttle(self, retry_after_seconds: u64) -> Self {
        let headers = [("Retry-After".to_owned(), retry_after_seconds.to_string())].into();
        self.then(Action::Status(Canned { code: 429, headers, body: None }))
    }

    /// Whether the rule is about such a request.
    pub(super) fn concerns(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && glob::matches(&self.path, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_from_toml_and_from_json_alike() {
        let toml = r#"
            [[rule]]
            method = "GET"
            path = "/api/v2/incremental/**"
            from = 3
            times = 2
            action.status = { code = 429, headers = { "Retry-After" = "1" } }

            [[rule]]
            path = "/api/v2/tickets.json"
            latency-ms = 50
            action.reset = { apply = true }

            [[rule]]
            path = "/slow"
            action = "bad-json"
        "#;
        let json = r#"{"rule": [
            {"method": "GET", "path": "/api/v2/incremental/**", "from": 3, "times": 2,
             "action": {"status": {"code": 429, "headers": {"Retry-After": "1"}}}},
            {"path": "/api/v2/tickets.json", "latency-ms": 50, "action": {"reset": {"apply": true}}},
            {"path": "/slow", "action": "bad-json"}
        ]}"#;
        let expected = Script::from([
            Rule::on("/api/v2/incremental/**").method("GET").from_nth(3).times(2).throttle(1),
            Rule::on("/api/v2/tickets.json")
                .latency(Duration::from_millis(50))
                .then(Action::Reset { after_bytes: None, apply: true }),
            Rule::on("/slow").then(Action::BadJson),
        ]);
        assert_eq!(Script::parse(toml, false).expect("TOML"), expected);
        assert_eq!(Script::parse(json, true).expect("JSON"), expected);
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        for text in [
            "[[rule]]\npaht = \"/a\"",
            "[[rules]]\npath = \"/a\"",
            "[[rule]]\naction.reset = { aply = true }",
        ] {
            assert!(Script::parse(text, false).is_err(), "{text}");
        }
    }
}
