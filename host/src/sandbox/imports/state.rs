//! `tidegate:connect/state`: the connector's small durable map.
//!
//! Nothing is written here: the step's writes are kept back, and whoever
//! commits the page commits them with it.

use crate::{
    model::{Class, Failure, Size},
    sandbox::{
        bindings::tidegate::connect::{state::Host, types::Error},
        context::Context,
        convert,
    },
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// The longest key, in bytes.
const MAX_KEY: usize = 256;

/// The map as it stands, with this step's writes on top.
pub(in crate::sandbox) struct StateMap {
    base: BTreeMap<String, Bytes>,
    writes: BTreeMap<String, Option<Bytes>>,
    size: usize,
    limit: Size,
}

impl StateMap {
    /// The map without writes; keys and values hold at most `limit` bytes.
    pub(in crate::sandbox) fn new(base: BTreeMap<String, Bytes>, limit: Size) -> Self {
        let size = base.iter().map(|(key, value)| key.len() + value.len()).sum();
        Self { base, writes: BTreeMap::new(), size, limit }
    }

    /// What the step wrote; `None` removes.
    pub(in crate::sandbox) fn into_writes(self) -> BTreeMap<String, Option<Bytes>> {
        self.writes
    }

    fn get(&self, key: &str) -> Option<&Bytes> {
        match self.writes.get(key) {
            Some(written) => written.as_ref(),
            None => self.base.get(key),
        }
    }

    fn set(&mut self, key: String, value: Option<Bytes>) -> Result<(), Failure> {
        if key.is_empty() || key.len() > MAX_KEY {
            let message = format!("a key of the state has 1 to {MAX_KEY} bytes, this one has {}", key.len());
            return Err(Failure::new(Class::InvalidData, "state.key", message));
        }
        let entry = |value: Option<&Bytes>| value.map_or(0, |value| key.len() + value.len());
        let size = self.size - entry(self.get(&key)) + entry(value.as_ref());
        // What makes the map smaller is let in even where it is over a limit
        // that was lowered: else it could never get back below it.
        if size > self.limit.as_len() && size >= self.size {
            let limit = self.limit;
            let message = format!("the state would hold more than {limit} (`sandbox.limits.state-bytes`)");
            return Err(Failure::new(Class::Limit, "limit.state-bytes", message));
        }
        self.size = size;
        self.writes.insert(key, value);
        Ok(())
    }
}

impl Host for Context {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.state.get(&key).map(|value| value.to_vec()))
    }

    fn set(&mut self, key: String, value: Option<Vec<u8>>) -> wasmtime::Result<Result<(), Error>> {
        Ok(self.state.set(key, value.map(Bytes::from)).map_err(convert::error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(limit: u64) -> StateMap {
        StateMap::new(BTreeMap::from([("a".into(), Bytes::from_static(b"1234"))]), Size(limit))
    }

    #[test]
    fn a_step_sees_its_own_writes() {
        let mut map = map(100);
        assert_eq!(map.get("a").unwrap(), "1234");
        map.set("a".into(), None).unwrap();
        map.set("b".into(), Some("x".into())).unwrap();
        assert_eq!((map.get("a"), map.get("b").unwrap().as_ref()), (None, b"x".as_slice()));
        let writes = map.into_writes();
        assert_eq!(writes, BTreeMap::from([("a".into(), None), ("b".into(), Some("x".into()))]));
    }

    #[test]
    fn keys_and_values_count_against_the_limit() {
        let mut map = map(10);
        map.set("b".into(), Some("1234".into())).unwrap();
        let refused = map.set("c".into(), Some(Bytes::new())).unwrap_err();
        assert_eq!((refused.class, refused.code.as_str()), (Class::Limit, "limit.state-bytes"));
        map.set("a".into(), None).unwrap();
        map.set("c".into(), Some("1234".into())).unwrap();
        assert_eq!(map.size, 10);
    }

    #[test]
    fn a_map_over_a_lowered_limit_can_shrink() {
        let mut map = map(3);
        assert!(map.set("a".into(), Some("12345".into())).is_err());
        assert!(map.set("b".into(), Some(Bytes::new())).is_err());
        map.set("a".into(), Some("123".into())).unwrap();
        map.set("a".into(), Some("1".into())).unwrap();
        assert!(map.set("b".into(), Some("1".into())).is_err());
    }

    #[test]
    fn keys_keep_their_bounds() {
        let mut map = map(1_000);
        for bad in [String::new(), "k".repeat(257)] {
            assert_eq!(map.set(bad, None).unwrap_err().code, "state.key");
        }
        map.set("k".repeat(256), None).unwrap();
    }
}
