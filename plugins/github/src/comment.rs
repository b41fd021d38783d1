//! Comments of issues. Each names its issue as its parent.

use crate::{
    list::{self, Entry, List},
    marker,
};
use serde::Deserialize;
use tidegate_sdk::{Envelope, Error, Page, PullRequest, Transport, time};

pub(crate) const CONNECTOR: &str = "issue-comment";

const LIST: List = List { path: "/issues/comments", filter: &[] };

/// What matters of a comment.
#[derive(Debug, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) updated_at: String,
    #[serde(default)]
    pub(crate) body: Option<String>,
    /// The address in the API of what it was written about.
    issue_url: String,
    /// The address for people.
    #[serde(default)]
    html_url: Option<String>,
}

impl Comment {
    /// The number of its issue. GitHub tells it in an address and nowhere else.
    pub(crate) fn issue(&self) -> Result<u64, Error> {
        let number = self.issue_url.rsplit('/').next().and_then(|number| number.parse().ok());
        number.ok_or_else(|| {
            let message = format!("'{}' does not end in the number of an issue", self.issue_url);
            Error::invalid_data("github.issue-url", message)
        })
    }

    /// The address for people is the one thing that tells a comment of a pull request.
    pub(crate) fn is_of_pull_request(&self) -> bool {
        self.html_url.as_ref().is_some_and(|url| url.contains("/pull/"))
    }

    /// The record of a comment, whatever it was written about.
    pub(crate) fn envelope(&self, raw: &str) -> Result<Envelope, Error> {
        let record = marker::record(self.id, raw, self.body.as_deref())?;
        Ok(record.parent(self.issue()?).updated_ms(time::rfc3339_ms(&self.updated_at)))
    }
}

impl Entry for Comment {
    fn id(&self) -> u64 {
        self.id
    }

    fn updated_at(&self) -> &str {
        &self.updated_at
    }

    fn record(&self, raw: &str) -> Result<Option<Envelope>, Error> {
        match self.is_of_pull_request() {
            true => Ok(None),
            false => self.envelope(raw).map(Some),
        }
    }
}

/// Reads one page of comments.
pub(crate) fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
    list::pull::<Comment>(&LIST, transport, request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GitHub;
    use tidegate_sdk::{Connector, Settings, testing, testing::Script};

    const LINE: &str = "GET /repos/acme/widgets/issues/comments?sort=updated&direction=asc&per_page=100";

    #[test]
    fn comments_name_their_issue_and_those_of_pull_requests_are_left_out() {
        let comment = |id: u32, kind: &str, issue: &str| {
            format!(
                r#"{{"id": {id}, "body": "b", "updated_at": "2023-11-14T22:13:20Z", "issue_url": "https://api.github.com/repos/acme/widgets/issues/{issue}", "html_url": "https://github.com/acme/widgets/{kind}/{issue}#issuecomment-{id}"}}"#
            )
        };
        let one = comment(7, "issues", "3");
        let body = format!("[{one}, {}, {}]", comment(8, "pull", "4"), comment(9, "issues", "x"));
        let settings = Settings::from_bytes(br#"{"owner": "acme", "repository": "widgets"}"#.to_vec());
        let request = PullRequest { settings, ..testing::pull_request("issue-comment") };
        let page = GitHub::pull(&Script::new().on(LINE, 200, body), &request).unwrap();
        let [record] = &page.records[..] else { panic!("{page:?}") };
        assert_eq!((record.key.as_str(), record.parent.as_deref()), ("7", Some("3")));
        assert_eq!((record.updated_ms, record.payload.as_slice()), (Some(1_700_000_000_000), one.as_bytes()));
        assert_eq!(
            (page.rejects[0].key.as_str(), page.rejects[0].reason.code.as_str()),
            ("9", "github.issue-url")
        );
    }
}
