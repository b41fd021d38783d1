//! The OAuth tokens of channels, and the attempts of people to connect them.
//!
//! Every change names the row that it is based on: a refresh token may be good for one use, so
//! whoever is second must notice. What is sealed here is opened above.

use super::{Batch, Engine, Error, Result, Store, codec, keys, walk};
use crate::model::{ChannelId, KeptAttempt, KeptGrant};
use serde::{Serialize, de::DeserializeOwned};

/// The OAuth tokens of channels.
pub struct Grants<'a>(pub(super) &'a Store);

/// What is kept of a channel's connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connection {
    /// Its tokens.
    pub grant: Option<KeptGrant>,
    /// The last attempt to connect it.
    pub attempt: Option<KeptAttempt>,
}

/// A row as it was and as it is to be; none: not there.
#[derive(Clone, Debug)]
pub struct Swap<T> {
    /// What the change is based on.
    pub before: Option<T>,
    /// What is to be there.
    pub after: Option<T>,
}

impl Grants<'_> {
    /// What is kept of a channel.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId) -> Result<Connection> {
        self.0
            .blocking(move |engine| {
                let mut rows = engine.get(vec![keys::grant(channel), keys::attempt(channel)])?.into_iter();
                let (grant, attempt) = (rows.next().flatten(), rows.next().flatten());
                Ok(Connection {
                    grant: grant.map(|row| codec::decode(KeptGrant::WHAT, row)).transpose()?,
                    attempt: attempt.map(|row| codec::decode(KeptAttempt::WHAT, row)).transpose()?,
                })
            })
            .await
    }

    /// Changes one row, or both at one stroke; durable when it returns.
    ///
    /// # Errors
    /// [`Error::Expectation`] where a row is not what it was, or the channel is being deleted;
    /// and where the store cannot be written.
    pub async fn swap(
        &self,
        channel: ChannelId,
        grant: Option<Swap<KeptGrant>>,
        attempt: Option<Swap<KeptAttempt>>,
    ) -> Result<()> {
        self.0
            .blocking(move |engine| {
                let mut batch = Batch::new();
                batch.expect_channel(channel);
                add(engine, &mut batch, keys::grant(channel), grant)?;
                add(engine, &mut batch, keys::attempt(channel), attempt)?;
                engine.commit(batch)?;
                engine.flush()
            })
            .await
    }
}

/// A row of this file.
trait Row: Serialize + DeserializeOwned + PartialEq {
    const WHAT: &str;
}

impl Row for KeptGrant {
    const WHAT: &str = "the tokens of a channel";
}

impl Row for KeptAttempt {
    const WHAT: &str = "an attempt to connect a channel";
}

/// The row is compared as it is read: an older form of it says the same with other bytes.
fn add<T: Row>(engine: &dyn Engine, batch: &mut Batch, key: Vec<u8>, swap: Option<Swap<T>>) -> Result<()> {
    let Some(Swap { before, after }) = swap else { return Ok(()) };
    match before {
        None => batch.expect_absent(key.clone()),
        Some(before) => {
            let row = walk::get(engine, key.clone())?.ok_or(Error::Expectation)?;
            if codec::decode::<T>(T::WHAT, row.clone())? != before {
                return Err(Error::Expectation);
            }
            batch.expect_value(key.clone(), row.to_vec());
        }
    }
    match after {
        Some(after) => batch.put(key, codec::encode(&after)),
        None => batch.remove(key),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConnectStage, Sealed, Timestamp};
    use bytes::Bytes;

    const GRANT_1: &[u8] = b"\x01{\"provider\":\"ab\",\"tokens\":\"c2VhbGVk\",\"scopes\":[\"read\"],\
        \"connected\":\"2023-11-14T22:13:20.123Z\",\"renewed\":\"2023-11-14T22:13:20.123Z\",\
        \"expires\":\"2023-11-14T23:13:20.123Z\",\"renewable\":true,\"renewals\":2}";
    const ATTEMPT_1: &[u8] =
        b"\x01{\"id\":\"a\",\"provider\":\"ab\",\"redirect-uri\":\"http://127.0.0.1:7070/oauth/callback\",\
        \"begun\":\"2023-11-14T22:13:20.123Z\",\"expires\":\"2023-11-14T22:23:20.123Z\",\
        \"stage\":{\"is\":\"waiting\",\"sealed\":\"c2VhbGVk\"}}";

    fn grant() -> KeptGrant {
        codec::decode("a grant", Bytes::from_static(GRANT_1)).expect("a grant")
    }

    fn attempt() -> KeptAttempt {
        codec::decode("an attempt", Bytes::from_static(ATTEMPT_1)).expect("an attempt")
    }

    #[test]
    fn rows_of_version_1_are_read() {
        assert_eq!((grant().tokens, grant().renewals), (Sealed("c2VhbGVk".into()), 2));
        assert_eq!(grant().expires.map(Timestamp::as_millis), Some(1_700_003_600_123));
        assert!(matches!(attempt().stage, ConnectStage::Waiting { .. }));
        assert_eq!(codec::encode(&grant()), GRANT_1, "the form has not changed");
        assert_eq!(codec::encode(&attempt()), ATTEMPT_1, "the form has not changed");
    }
}
