//! Names and ids, each a type of its own, so that arguments cannot be swapped.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};
use ulid::{Generator, Ulid};

/// A name or id that breaks its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a plugin, channel type, connector or operation name.
    #[error("'{0}' is not a name: use 1 to 64 of a-z, 0-9 and '-', starting with a letter")]
    Name(String),
    /// Not a channel name.
    #[error(
        "'{0}' is not a channel name: use 1 to 64 letters, digits, '-', '_' and '.', starting with a letter or digit"
    )]
    ChannelName(String),
    /// Not a record key.
    #[error("a record key is 1 to 512 bytes without control characters, this one is {0}")]
    RecordKey(&'static str),
    /// Not the id of a run, job or channel.
    #[error("'{0}' is not an id")]
    Ulid(String),
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the bounds.
            ///
            /// # Errors
            /// Names the broken bound.
            pub fn try_new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let check: fn(&str) -> Result<(), IdError> = $check;
                check(&text).map(|()| Self(text))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::try_new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// What a manifest calls its plugin, channel types, transports, connectors,
    /// operations and further origins: 1 to 64 of `a-z`, `0-9`, `-`, a letter first.
    Name,
    |text| {
        let mut bytes = text.bytes();
        let fits = text.len() <= 64
            && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(()) } else { Err(IdError::Name(text.chars().take(80).collect())) }
    }
);

text_id!(
    /// What an operator calls a channel; unique in the host.
    ChannelName,
    |text| {
        let mut bytes = text.bytes();
        let fits = text.len() <= 64
            && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if fits { Ok(()) } else { Err(IdError::ChannelName(text.chars().take(80).collect())) }
    }
);

text_id!(
    /// A record's key within its connector: for an imported record the remote id.
    RecordKey,
    |text| {
        if text.is_empty() {
            Err(IdError::RecordKey("empty"))
        } else if text.len() > 512 {
            Err(IdError::RecordKey("longer"))
        } else if text.chars().any(char::is_control) {
            Err(IdError::RecordKey("with control characters"))
        } else {
            Ok(())
        }
    }
);

/// Ids of one process are in order even within a millisecond: history sorts by them.
fn next_ulid() -> Ulid {
    static GENERATOR: Mutex<Generator> = Mutex::new(Generator::new());
    let mut generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    generator.generate().unwrap_or_else(|overflow| overflow.commit_overflow_increment())
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// A new id; ids made later sort later.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "every call gives another id")]
            pub fn new() -> Self {
                Self(next_ulid())
            }

            /// When it was made, by the machine's clock.
            #[must_use]
            pub fn time(self) -> Timestamp {
                Timestamp::from_millis(i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX))
            }

            /// The 16 bytes, in sorting order.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The id of these 16 bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Ulid::from_string(text).map(Self).map_err(|_| IdError::Ulid(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

ulid_id!(
    /// A channel, whatever its name.
    ChannelId
);
ulid_id!(
    /// One run of one connector.
    RunId
);
ulid_id!(
    /// A host, or one start of it.
    HostId
);
ulid_id!(
    /// One request to sync a channel: the runs that it led to share it.
    JobId
);
ulid_id!(
    /// Two edits of one record that exclude each other.
    ConflictId
);

ulid_id!(
    /// A webhook: an address that a remote system posts to.
    HookId
);
ulid_id!(
    /// Whoever wants to know which records change: a notice, or a route.
    SubscriberId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_bounds() {
        for good in ["a", "ticket-comment", "s3", &"a".repeat(64)] {
            assert!(Name::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "Ticket", "1a", "a_b", "a b", "-a", "ä", &"a".repeat(65)] {
            assert!(Name::try_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn channel_names_keep_their_bounds() {
        for good in ["zendesk-1", "EU.prod_2", "7"] {
            assert!(ChannelName::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a/b", "a b", "..", "ü"] {
            assert!(ChannelName::try_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn record_keys_keep_their_bounds() {
        for good in ["1", "a/b c", "ü", &"k".repeat(512)] {
            assert!(RecordKey::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "\0", &"k".repeat(513)] {
            assert!(RecordKey::try_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ulid_survives_text_and_bytes() {
        let id = RunId::new();
        assert_eq!(id.to_string().parse::<RunId>(), Ok(id));
        assert_eq!(RunId::from_bytes(id.to_bytes()), id);
        assert!(RunId::new() > id);
        assert!("nonsense".parse::<RunId>().is_err());
    }
}
