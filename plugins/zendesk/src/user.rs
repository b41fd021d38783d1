//! Users: agents, administrators and end users.

use crate::{
    export::{self, Export, Head},
    mark::Origin,
};
use serde::Deserialize;
use tidegate_sdk::{Envelope, Error, Page, PullRequest, RawValue, Transport, json, time};

pub(crate) const CONNECTOR: &str = "user";

const EXPORT: Export = Export { path: "/api/v2/incremental/users/cursor.json", list: "users" };

/// Zendesk keeps deleted users, and says so by `active: false`.
#[derive(Deserialize)]
struct User {
    id: u64,
    #[serde(default, deserialize_with = "time::as_ms")]
    updated_at: Option<u64>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    external_id: Origin,
}

impl From<User> for Head {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            updated_ms: user.updated_at,
            deleted: user.active == Some(false),
            origin: user.external_id.0,
        }
    }
}

/// A user out of an answer, as a record.
pub(crate) fn record(raw: &RawValue) -> Result<Envelope, Error> {
    Ok(export::record(json::object::<User>(raw)?.into(), raw.get()))
}

/// Reads one page of users.
pub(crate) fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
    export::pull::<User>(&EXPORT, transport, request)
}

#[cfg(test)]
mod tests {
    use crate::Zendesk;
    use tidegate_sdk::{Connector, testing, testing::Script};

    #[test]
    fn users_come_whole_and_deleted_ones_as_deleted() {
        let ann = r#"{"id": 1, "name": "Ann \u00c4", "updated_at": "2023-11-14T22:13:20Z", "active": true, "user_fields": {"a": 1.0}}"#;
        let body = format!(
            r#"{{"users": [{ann}, {{"id": 2, "active": false, "updated_at": "2023-11-14T22:13:21Z"}}], "after_cursor": "c", "end_of_stream": true}}"#
        );
        let zendesk = Script::new().on(
            "GET /api/v2/incremental/users/cursor.json?start_time=0&per_page=100",
            200,
            body,
        );
        let page = Zendesk::pull(&zendesk, &testing::pull_request("user")).unwrap();
        let [kept, gone] = &page.records[..] else { panic!("two users") };
        assert_eq!((kept.key.as_str(), kept.updated_ms, kept.deleted), ("1", Some(1_700_000_000_000), false));
        assert_eq!(kept.payload, ann.as_bytes());
        assert_eq!((gone.key.as_str(), gone.updated_ms, gone.deleted), ("2", Some(1_700_000_001_000), true));
        assert!(page.due.is_empty() && page.rejects.is_empty());
    }
}
