//! A delivery of a webhook, and what it means. Bodies are moved, not copied.

use super::{headers, page::envelope};
use crate::{
    model::{Delivery, Due, Effect, Failure, HookChange},
    sandbox::{
        Limits,
        bindings::exports::tidegate::connect::webhook::{Delivery as WitDelivery, Effect as WitEffect},
        limit::Limit,
    },
};

/// The delivery, for the guest.
pub(in crate::sandbox) fn delivery(delivery: Delivery) -> WitDelivery {
    WitDelivery {
        kind: delivery.kind.into(),
        settings: delivery.settings.into(),
        headers: headers(delivery.headers),
        body: delivery.body.into(),
    }
}

/// What the guest makes of it, where it keeps the bounds of a page.
///
/// # Errors
/// The failure that ends the step: too many records or due keys.
pub(in crate::sandbox) fn effect(effect: WitEffect, limits: &Limits) -> Result<Effect, Failure> {
    if effect.changes.len() > limits.page_records as usize {
        return Err(Limit::PageRecords.failure(limits, None));
    }
    // A due list without keys still takes memory, so it counts as one.
    let due: usize = effect.due.iter().map(|due| due.keys.len().max(1)).sum();
    if due > limits.due_keys as usize {
        return Err(Limit::DueKeys.failure(limits, None));
    }
    let changes = effect.changes.into_iter();
    Ok(Effect {
        changes: changes
            .map(|change| HookChange { connector: change.connector, record: envelope(change.record) })
            .collect(),
        due: effect.due.into_iter().map(|due| Due { connector: due.connector, keys: due.keys }).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::bindings::{
        exports::tidegate::connect::webhook::Change as WitChange,
        tidegate::connect::types::{Due as WitDue, Envelope as WitEnvelope},
    };

    fn change(key: &str) -> WitChange {
        let record = WitEnvelope { key: key.into(), updated_ms: Some(5), payload: b"{}".to_vec(), ..blank() };
        WitChange { connector: "c".into(), record }
    }

    fn blank() -> WitEnvelope {
        WitEnvelope {
            origin: None,
            key: String::new(),
            parent: None,
            updated_ms: None,
            deleted: false,
            payload: Vec::new(),
        }
    }

    #[test]
    fn an_effect_is_taken_over_within_its_bounds() {
        let limits = Limits { page_records: 2, due_keys: 2, ..Limits::default() };
        let check = |changes: usize, due: &[usize], code: Option<&str>| {
            let changes: Vec<_> = (0..changes).map(|_| change("1")).collect();
            let due: Vec<_> = due
                .iter()
                .map(|keys| WitDue { connector: "c".into(), keys: vec!["k".into(); *keys] })
                .collect();
            let taken = effect(WitEffect { changes: changes.clone(), due: due.clone() }, &limits);
            match &taken {
                Ok(taken) => assert_eq!((taken.changes.len(), taken.due.len()), (changes.len(), due.len())),
                Err(failure) => assert_eq!(Some(failure.code.as_str()), code),
            }
            assert_eq!(taken.is_err(), code.is_some());
        };
        check(2, &[1, 1], None);
        check(3, &[], Some("limit.page-records"));
        check(0, &[3], Some("limit.due-keys"));
        check(0, &[0, 0, 0], Some("limit.due-keys"));
    }
}
