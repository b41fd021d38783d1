//! The request for a page, and the page. Payloads are moved, not copied.

use super::failure;
use crate::{
    model::{Class, Due, Envelope, Failure, Page, PullRequest, Reject},
    sandbox::{
        Limits,
        bindings::{
            exports::tidegate::connect::connector::{
                Page as WitPage, PullRequest as WitPullRequest, Reject as WitReject,
            },
            tidegate::connect::types::Envelope as WitEnvelope,
        },
        limit::Limit,
    },
};
use bytes::Bytes;

/// The longest cursor, in bytes.
const MAX_CURSOR: usize = 64 << 10;
/// What is kept of a reject's payload, in bytes.
const MAX_REJECT: usize = 64 << 10;

/// The request, for the guest.
pub(in crate::sandbox) fn pull_request(request: PullRequest) -> WitPullRequest {
    WitPullRequest {
        connector: request.connector.into(),
        settings: request.settings.into(),
        cursor: request.cursor.map(Vec::from),
        keys: request.keys,
        limit: request.limit,
    }
}

/// The guest's page, where it keeps its bounds.
///
/// # Errors
/// The failure that ends the step: too many records or due keys, or a cursor
/// that is too long.
pub(in crate::sandbox) fn page(page: WitPage, limits: &Limits) -> Result<Page, Failure> {
    check(&page, limits)?;
    Ok(Page {
        records: page.records.into_iter().map(envelope).collect(),
        rejects: page.rejects.into_iter().map(reject).collect(),
        next: page.next.map(Bytes::from),
        more: page.more,
        settled: page.settled,
        due: page.due.into_iter().map(|due| Due { connector: due.connector, keys: due.keys }).collect(),
        total: page.total,
        not_before_ms: page.not_before_ms,
    })
}

fn check(page: &WitPage, limits: &Limits) -> Result<(), Failure> {
    if page.records.len() + page.rejects.len() > limits.page_records as usize {
        return Err(Limit::PageRecords.failure(limits, None));
    }
    // A due list without keys still takes memory, so it counts as one.
    let due: usize = page.due.iter().map(|due| due.keys.len().max(1)).sum();
    if due > limits.due_keys as usize || page.settled.len() > limits.due_keys as usize {
        return Err(Limit::DueKeys.failure(limits, None));
    }
    let cursor = page.next.as_ref().map_or(0, Vec::len);
    if cursor > MAX_CURSOR {
        let message = format!("the plugin's cursor has {cursor} bytes; at most {MAX_CURSOR} can be kept");
        return Err(Failure::new(Class::Internal, "answer.cursor", message));
    }
    Ok(())
}

pub(super) fn envelope(envelope: WitEnvelope) -> Envelope {
    Envelope {
        key: envelope.key,
        parent: envelope.parent,
        origin: envelope.origin,
        updated_ms: envelope.updated_ms,
        deleted: envelope.deleted,
        payload: envelope.payload.into(),
    }
}

fn reject(reject: WitReject) -> Reject {
    let cut = |mut payload: Vec<u8>| {
        payload.truncate(MAX_REJECT);
        Bytes::from(payload)
    };
    Reject { key: reject.key, reason: failure(reject.reason), payload: reject.payload.map(cut) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::bindings::tidegate::connect::types::{Due as WitDue, Error, ErrorClass};

    fn empty() -> WitPage {
        WitPage {
            records: Vec::new(),
            rejects: Vec::new(),
            next: None,
            more: false,
            settled: Vec::new(),
            due: Vec::new(),
            total: None,
            not_before_ms: None,
        }
    }

    fn record(key: &str) -> WitEnvelope {
        WitEnvelope {
            key: key.into(),
            parent: Some("p".into()),
            origin: Some("o".into()),
            updated_ms: Some(5),
            deleted: false,
            payload: b"{}".to_vec(),
        }
    }

    fn rejected(payload: usize) -> WitReject {
        let reason = Error {
            class: ErrorClass::InvalidData,
            code: "a.b".into(),
            message: "no".into(),
            retry_after_ms: None,
            fields: Vec::new(),
        };
        WitReject { key: "r".into(), reason, payload: Some(vec![0; payload]) }
    }

    #[test]
    fn a_page_is_taken_over_whole() {
        let mut before = empty();
        before.records = vec![record("1")];
        before.rejects = vec![rejected(10)];
        before.next = Some(vec![1, 2]);
        before.due = vec![WitDue { connector: "c".into(), keys: vec!["7".into()] }];
        before.settled = vec!["s".into()];
        (before.more, before.total, before.not_before_ms) = (true, Some(9), Some(8));
        let page = page(before, &Limits::default()).unwrap();
        let expected = Page {
            records: vec![Envelope {
                key: "1".into(),
                parent: Some("p".into()),
                origin: Some("o".into()),
                updated_ms: Some(5),
                deleted: false,
                payload: Bytes::from_static(b"{}"),
            }],
            rejects: vec![Reject {
                key: "r".into(),
                reason: Failure::new(Class::InvalidData, "a.b", "no"),
                payload: Some(Bytes::from_static(&[0; 10])),
            }],
            next: Some(Bytes::from_static(&[1, 2])),
            more: true,
            settled: vec!["s".into()],
            due: vec![Due { connector: "c".into(), keys: vec!["7".into()] }],
            total: Some(9),
            not_before_ms: Some(8),
        };
        assert_eq!(page, expected);
    }

    #[test]
    fn a_page_over_its_bounds_is_refused_by_name() {
        let limits = Limits { page_records: 2, due_keys: 2, ..Limits::default() };
        let check = |change: &dyn Fn(&mut WitPage), code: Option<&str>| {
            let mut before = empty();
            change(&mut before);
            assert_eq!(page(before, &limits).err().map(|failure| failure.code).as_deref(), code);
        };
        let due = |keys: usize| WitDue { connector: "c".into(), keys: vec!["k".into(); keys] };
        check(&|page| page.records = vec![record("a"), record("b")], None);
        check(&|page| page.records = vec![record("a"), record("b"), record("c")], Some("limit.page-records"));
        check(
            &|page| (page.records, page.rejects) = (vec![record("a")], vec![rejected(0), rejected(0)]),
            Some("limit.page-records"),
        );
        check(&|page| page.due = vec![due(1), due(1)], None);
        check(&|page| page.due = vec![due(2), due(1)], Some("limit.due-keys"));
        check(&|page| page.due = vec![due(0), due(0), due(0)], Some("limit.due-keys"));
        check(&|page| page.settled = vec!["k".into(); 3], Some("limit.due-keys"));
        check(&|page| page.next = Some(vec![0; MAX_CURSOR]), None);
        check(&|page| page.next = Some(vec![0; MAX_CURSOR + 1]), Some("answer.cursor"));
    }

    #[test]
    fn what_is_kept_of_a_reject_is_cut() {
        let mut before = empty();
        before.rejects = vec![rejected(MAX_REJECT + 1)];
        let page = page(before, &Limits::default()).unwrap();
        assert_eq!(page.rejects[0].payload.as_ref().unwrap().len(), MAX_REJECT);
    }
}
