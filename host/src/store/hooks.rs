//! The addresses that remote systems post to, what came to them, and which deliveries came
//! before.
//!
//! It keeps them under their channel, so that they go with it. Whether a delivery is fit
//! is decided above.

use super::engine::{Engine, Entry, Range, Want};
use super::keys::Table;
use super::walk::{self, remove_all, walk};
use super::{Batch, Error, Result, Store, codec};
use crate::model::{ChannelId, Hook, HookCounts, HookId, Timestamp};
use bytes::Bytes;

const WHAT: &str = "a webhook";
const COUNTS: &[u8] = b"c";
const SEEN: &[u8] = b"s";
/// Table, channel and webhook.
const KEY: usize = 1 + 16 + 16;

/// The addresses that remote systems post to.
pub struct Hooks<'a>(pub(super) &'a Store);

impl Hooks<'_> {
    /// All of them, in the order of channels and then of their making.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<Hook>> {
        self.0.blocking(list).await
    }

    /// What came to one.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn counts(&self, channel: ChannelId, hook: HookId) -> Result<HookCounts> {
        let key = key(channel, hook, &[COUNTS]);
        let decode = |row| codec::decode("the counts of a webhook", row);
        self.0
            .blocking(move |engine| Ok(walk::get(engine, key)?.map(decode).transpose()?.unwrap_or_default()))
            .await
    }

    /// Whether any of these deliveries is remembered at that time.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn has_seen(
        &self,
        channel: ChannelId,
        hook: HookId,
        digests: &[[u8; 32]],
        now: Timestamp,
    ) -> Result<bool> {
        let keys = digests.iter().map(|digest| key(channel, hook, &[SEEN, digest])).collect();
        self.0
            .blocking(move |engine| {
                for row in engine.get(keys)?.into_iter().flatten() {
                    if until(row)? > now {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
            .await
    }

    /// Forgets the deliveries that need not be remembered any more; answers how many.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn forget_seen(&self, channel: ChannelId, hook: HookId, now: Timestamp) -> Result<u64> {
        let rows = Range::prefix(&key(channel, hook, &[SEEN]));
        self.0.blocking(move |engine| forget(engine, rows, now)).await
    }

    /// Removes one, with all that is known of it. False where it was not there.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn delete(&self, channel: ChannelId, hook: HookId) -> Result<bool> {
        self.0
            .blocking(move |engine| {
                let found = walk::get(engine, key(channel, hook, &[]))?.is_some();
                let rows = Range::prefix(&key(channel, hook, &[]));
                remove_all(engine, &rows, Want::Keys, |batch, entry| batch.remove(entry.key.into()))?;
                engine.flush()?;
                Ok(found)
            })
            .await
    }
}

impl Batch {
    /// Keeps a webhook, in place of what was kept of it. It belongs into a batch that says
    /// [`expect_channel`](Self::expect_channel).
    pub fn put_hook(&mut self, hook: &Hook) {
        self.put(key(hook.channel_id, hook.id, &[]), codec::encode(hook));
    }

    /// Expects the webhook to be there, and to be this one.
    pub fn expect_hook(&mut self, hook: &Hook) {
        self.expect_value(key(hook.channel_id, hook.id, &[]), codec::encode(hook));
    }

    /// Sets what came to a webhook.
    pub fn put_hook_counts(&mut self, channel: ChannelId, hook: HookId, counts: &HookCounts) {
        self.put(key(channel, hook, &[COUNTS]), codec::encode(counts));
    }

    /// Remembers a delivery until that time.
    pub fn put_seen_delivery(
        &mut self,
        channel: ChannelId,
        hook: HookId,
        digest: &[u8; 32],
        until: Timestamp,
    ) {
        let until = u64::try_from(until.as_millis()).unwrap_or(0);
        self.put(key(channel, hook, &[SEEN, digest]), codec::encode_number(until));
    }
}

/// Steps over what is remembered of each webhook: that can be much.
fn list(engine: &dyn Engine) -> Result<Vec<Hook>> {
    let (mut hooks, mut rows) = (Vec::new(), Table::Hooks.rows());
    while let Some(entry) = engine.scan(rows.clone(), 1, Want::Keys)?.pop() {
        let own = entry.key.get(..KEY).ok_or_else(|| Error::Corrupt(WHAT.into()))?;
        if let Some(row) = walk::get(engine, own.to_vec())? {
            hooks.push(codec::decode(WHAT, row)?);
        }
        rows.start = Range::prefix(own).end.unwrap_or_else(|| rows.end.clone().unwrap_or_default());
    }
    Ok(hooks)
}

fn forget(engine: &dyn Engine, rows: Range, now: Timestamp) -> Result<u64> {
    let mut stale: Vec<Vec<u8>> = Vec::new();
    walk(engine, rows, Want::Entries, |Entry { key, value }| {
        if until(value)? <= now {
            stale.push(key.into());
        }
        Ok(())
    })?;
    let count = stale.len() as u64;
    for piece in stale.chunks(512) {
        let mut batch = Batch::new();
        piece.iter().for_each(|key| batch.remove(key.clone()));
        engine.commit(batch)?;
    }
    Ok(count)
}

fn until(row: Bytes) -> Result<Timestamp> {
    let milliseconds = codec::decode_number("a remembered delivery", row)?;
    Ok(Timestamp::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX)))
}

fn key(channel: ChannelId, hook: HookId, rest: &[&[u8]]) -> Vec<u8> {
    let (channel, hook) = (channel.to_bytes(), hook.to_bytes());
    let parts: Vec<&[u8]> = [&channel[..], &hook].into_iter().chain(rest.iter().copied()).collect();
    Table::Hooks.key(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HookSecret, Name, Sealed};

    fn hook(channel: ChannelId) -> Hook {
        Hook {
            id: HookId::new(),
            channel_id: channel,
            kind: Name::try_new("changed").expect("a name"),
            place: "acme".into(),
            digest: "00".into(),
            random: Sealed("r".into()),
            secret: Some(HookSecret::Own(Sealed("s".into()))),
            created: Timestamp::from_millis(1_700_000_000_123),
            rotated: None,
        }
    }

    #[test]
    fn webhook_of_version_1_is_read() {
        const ROW: &[u8] = b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"channel-id\":\"01JZZZZZZZZZZZZZZZZZZZZZZY\",\
            \"kind\":\"changed\",\"place\":\"acme\",\"digest\":\"00\",\"random\":\"r\",\"secret\":{\"own\":\"s\"},\
            \"created\":\"2023-11-14T22:13:20.123Z\"}";
        let read: Hook = codec::decode(WHAT, Bytes::from_static(ROW)).expect("a webhook");
        assert_eq!(read, Hook { id: read.id, ..hook(read.channel_id) });
        assert_eq!(codec::encode(&read), ROW, "the form has not changed");
    }

    #[tokio::test]
    async fn webhooks_are_listed_whatever_is_remembered_of_them() {
        let (store, now) = (Store::in_memory(), Timestamp::from_millis(1_000));
        let hooks = [hook(ChannelId::new()), hook(ChannelId::new())];
        let mut batch = Batch::new();
        for hook in &hooks {
            batch.put_hook(hook);
            batch.put_hook_counts(
                hook.channel_id,
                hook.id,
                &HookCounts { taken: 3, ..HookCounts::default() },
            );
            for digest in 0..20 {
                let until = now.plus_millis(if digest < 5 { 0 } else { 1 });
                batch.put_seen_delivery(hook.channel_id, hook.id, &[digest; 32], until);
            }
        }
        store.commit(batch).await.expect("written");
        assert_eq!(store.hooks().list().await.expect("read"), hooks);
        let Hook { channel_id, id, .. } = hooks[0];
        assert_eq!(store.hooks().counts(channel_id, id).await.expect("read").taken, 3);

        let seen = async |digest: u8| {
            store.hooks().has_seen(channel_id, id, &[[99; 32], [digest; 32]], now).await.expect("read")
        };
        assert_eq!((seen(7).await, seen(3).await, seen(30).await), (true, false, false));
        assert_eq!(store.hooks().forget_seen(channel_id, id, now).await.expect("written"), 5);
        assert!(seen(7).await);
        assert!(store.hooks().delete(channel_id, id).await.expect("written"));
        assert!(!seen(7).await);
        assert_eq!(store.hooks().list().await.expect("read"), hooks[1..]);
    }
}
