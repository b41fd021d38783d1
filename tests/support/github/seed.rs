//! The made-up data: the same for the same numbers.

use super::{LOGIN, time::text};
use serde_json::{Value, json};

/// How much there is, and under which URL.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The number of issues; they have the numbers from 1 on.
    pub(super) issues: u64,
    /// The number of pull requests, which have the numbers behind those.
    pub(super) pull_requests: u64,
    /// The number of comments of each.
    pub(super) comments: u64,
    /// So many issues in a row were changed in the same second.
    pub(super) alike: u64,
    /// The root of the API, without a slash at the end.
    pub(super) url: String,
}

/// The time of the first change: 2023-01-01T00:00:00Z.
const FIRST: i64 = 1_672_531_200;
/// Between a change and the next, in seconds.
const STEP: i64 = 60;
/// Ids of issues begin here; they do not fit 32 bits, as with the vendor.
const FIRST_ISSUE_ID: u64 = 2_500_000_000;
/// Ids of comments begin here.
pub(super) const FIRST_COMMENT: u64 = 1_400_000_000;
/// The people there are; the first one is the user of the token.
const PEOPLE: [(&str, u64); 4] = [(LOGIN, 1_000), ("ann", 1_001), ("bob", 1_002), ("eve", 1_003)];
const LABELS: [&str; 4] = ["bug", "enhancement", "question", "good first issue"];
const TITLES: [&str; 4] =
    ["Pump stops at night", "Wrong total in the report", "Ünicode in names", "Add a dark mode"];

/// When the issue or pull request of that number was last changed. Pull requests lie
/// among the issues.
pub(super) fn changed(plan: &Plan, number: u64) -> i64 {
    let place = if number > plan.issues { (number - plan.issues) * 3 } else { number };
    FIRST + i64::try_from(place / plan.alike.max(1)).unwrap_or(0) * STEP
}

/// A person as an object; none where nobody has that login.
pub(super) fn person(url: &str, login: &str) -> Option<Value> {
    let (login, id) = PEOPLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(login))?;
    Some(json!({
        "login": login, "id": id, "node_id": format!("U_{id}"), "avatar_url": "", "gravatar_id": "",
        "url": format!("{url}/users/{login}"), "html_url": format!("https://github.com/{login}"),
        "type": "User", "site_admin": false,
    }))
}

/// A label as an object.
pub(super) fn label(repository: &str, name: &str) -> Value {
    let id: u64 = name.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_000_007);
    json!({
        "id": id, "node_id": format!("LA_{id}"), "url": format!("{repository}/labels/{}", name.replace(' ', "%20")),
        "name": name, "color": "ededed", "default": LABELS.contains(&name), "description": null,
    })
}

/// A made-up issue, or pull request.
pub(super) fn issue(plan: &Plan, repository: &str, number: u64) -> Value {
    let pick = |list: &[&'static str; 4]| list[usize::try_from(number % 4).unwrap_or(0)];
    let at = changed(plan, number);
    let mut issue = new_issue(repository, number, at - 3_600);
    let author = PEOPLE[usize::try_from(number % 3).unwrap_or(0) + 1].0;
    let is_closed = number.is_multiple_of(5);
    let closed_at = if is_closed { Value::from(text(at)) } else { Value::Null };
    let body = if number.is_multiple_of(7) {
        Value::Null
    } else {
        Value::from(format!("What happens: {}.\n\n- step {number}", pick(&TITLES)))
    };
    let set = [
        ("title", Value::from(format!("{} ({number})", pick(&TITLES)))),
        ("user", person(&plan.url, author).unwrap_or_default()),
        ("labels", Value::Array(vec![label(repository, pick(&LABELS))])),
        ("state", if is_closed { "closed" } else { "open" }.into()),
        ("state_reason", if is_closed { "completed".into() } else { Value::Null }),
        ("closed_at", closed_at),
        ("comments", plan.comments.into()),
        ("updated_at", text(at).into()),
        ("body", body),
    ];
    for (name, value) in set {
        issue[name] = value;
    }
    if number > plan.issues {
        issue["pull_request"] = json!({ "url": format!("{repository}/pulls/{number}"), "merged_at": null });
        issue["html_url"] = html(number, "pull").into();
    }
    issue
}

/// An issue before anything is put in. `repository` is its URL.
pub(super) fn new_issue(repository: &str, number: u64, at: i64) -> Value {
    let url = format!("{repository}/issues/{number}");
    let id = FIRST_ISSUE_ID + number;
    json!({
        "url": url, "repository_url": repository, "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
        "html_url": html(number, "issues"), "id": id, "node_id": format!("I_{id}"), "number": number,
        "title": "", "user": null, "labels": [], "state": "open", "locked": false, "assignee": null,
        "assignees": [], "milestone": null, "comments": 0, "created_at": text(at), "updated_at": text(at),
        "closed_at": null, "author_association": "MEMBER", "type": null, "active_lock_reason": null,
        "body": null, "closed_by": null,
        "reactions": {
            "url": format!("{url}/reactions"), "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0,
            "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
        },
        "timeline_url": format!("{url}/timeline"), "performed_via_github_app": null, "state_reason": null,
    })
}

/// The id of the comment of that index, counted from 0, of a made-up issue.
pub(super) fn comment_id(plan: &Plan, number: u64, index: u64) -> u64 {
    FIRST_COMMENT + (number - 1) * plan.comments + index
}

/// A made-up comment.
pub(super) fn comment(plan: &Plan, repository: &str, number: u64, index: u64) -> Value {
    let author = PEOPLE[usize::try_from((number + index) % 3).unwrap_or(0) + 1].0;
    let kind = if number > plan.issues { "pull" } else { "issues" };
    let new = New {
        id: comment_id(plan, number, index),
        issue: number,
        kind,
        body: &format!("Comment {} on {number}.", index + 1),
        user: person(&plan.url, author).unwrap_or_default(),
        at: changed(plan, number) - 60 + i64::try_from(index).unwrap_or(0).min(60),
    };
    new.into_json(repository)
}

/// A comment in the making.
pub(super) struct New<'a> {
    pub(super) id: u64,
    pub(super) issue: u64,
    /// `issues` or `pull`.
    pub(super) kind: &'a str,
    pub(super) body: &'a str,
    pub(super) user: Value,
    pub(super) at: i64,
}

impl New<'_> {
    pub(super) fn into_json(self, repository: &str) -> Value {
        let id = self.id;
        json!({
            "url": format!("{repository}/issues/comments/{id}"),
            "html_url": format!("{}#issuecomment-{id}", html(self.issue, self.kind)),
            "issue_url": format!("{repository}/issues/{}", self.issue), "id": id, "node_id": format!("IC_{id}"),
            "user": self.user, "created_at": text(self.at), "updated_at": text(self.at),
            "body": self.body, "author_association": "MEMBER",
            "reactions": {
                "url": format!("{repository}/issues/comments/{id}/reactions"), "total_count": 0, "+1": 0, "-1": 0,
                "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
            },
            "performed_via_github_app": null,
        })
    }
}

/// The address for people.
fn html(number: u64, kind: &str) -> String {
    format!("https://github.com/{}/{}/{kind}/{number}", super::OWNER, super::REPOSITORY)
}
