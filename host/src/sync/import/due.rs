//! Which of the keys that a page wants others to fetch can be kept.
//!
//! It only sorts; the writer keeps them, with the page.

use crate::model::{Channel, ChannelType, Connector, DrivenBy, Due, Name, RecordKey};
use std::collections::BTreeMap;

/// Due keys, sorted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sorted {
    /// To be kept, each key once.
    pub(super) kept: Vec<(Name, Vec<RecordKey>)>,
    /// The number of keys that nobody would fetch, by the reason.
    pub(super) dropped: BTreeMap<String, usize>,
}

/// Keys are kept for connectors that are offered, driven by keys and switched
/// on. Others would lie there for ever, or flood a connector that is switched
/// on much later.
pub(super) fn sort(due: Vec<Due>, channel: &Channel, channel_type: &ChannelType) -> Sorted {
    let mut sorted = Sorted::default();
    for due in due {
        match addressee(&due.connector, channel, channel_type) {
            Ok(connector) => sorted.keep(&connector.id, due.keys),
            Err(reason) => sorted.drop_keys(reason, due.keys.len()),
        }
    }
    sorted
}

fn addressee<'a>(
    name: &str,
    channel: &Channel,
    channel_type: &'a ChannelType,
) -> Result<&'a Connector, String> {
    let Some(connector) = channel_type.connector(name) else {
        // The name comes from the guest: nothing of it goes into the log.
        return Err("the channel type has no such connector".into());
    };
    if connector.driven_by != DrivenBy::Keys {
        return Err(format!("connector '{name}' is not driven by keys"));
    }
    if !channel.connectors.contains(&connector.id) {
        return Err(format!("connector '{name}' is not switched on"));
    }
    Ok(connector)
}

impl Sorted {
    fn keep(&mut self, connector: &Name, keys: Vec<String>) {
        let count = keys.len();
        let mut good: Vec<RecordKey> =
            keys.into_iter().filter_map(|key| RecordKey::try_new(key).ok()).collect();
        self.drop_keys("not a record key".into(), count - good.len());
        good.sort_unstable();
        good.dedup();
        self.kept.push((connector.clone(), good));
    }

    fn drop_keys(&mut self, reason: String, count: usize) {
        if count > 0 {
            *self.dropped.entry(reason).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::support::{connector, name, ready};

    #[test]
    fn keys_are_kept_only_for_connectors_that_will_fetch_them() {
        let by_keys = |id: &str| Connector { driven_by: DrivenBy::Keys, ..connector(id) };
        let mut ready = ready(vec![connector("ticket"), by_keys("comment"), by_keys("off")]);
        ready.channel.connectors.retain(|connector| connector.as_str() != "off");
        let check = |connector: &str, keys: &[&str], kept: &[&str], dropped: &str| {
            let keys = keys.iter().map(|&key| key.into()).collect();
            let due = vec![Due { connector: connector.into(), keys }];
            let sorted = sort(due, &ready.channel, &ready.channel_type);
            let found: Vec<_> = sorted
                .kept
                .iter()
                .flat_map(|(to, keys)| keys.iter().map(move |key| (to.clone(), key.to_string())))
                .collect();
            let kept: Vec<_> = kept.iter().map(|&key| (name(connector), key.into())).collect();
            assert_eq!(found, kept, "{connector}");
            let reasons: Vec<_> =
                sorted.dropped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            assert_eq!(reasons.join(", "), dropped, "{connector}");
        };
        check("comment", &["2", "1", "2"], &["1", "2"], "");
        check("comment", &["1", "", "a\nb"], &["1"], "2 not a record key");
        check("ticket", &["1"], &[], "1 connector 'ticket' is not driven by keys");
        check("off", &["1", "2"], &[], "2 connector 'off' is not switched on");
        check("Nobody\n", &["1"], &[], "1 the channel type has no such connector");
        check("off", &[], &[], "");
    }
}
