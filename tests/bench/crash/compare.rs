//! What a host that was killed has, against what an undisturbed one has.

use crate::host::{CONNECTORS, Victim};
use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The differences over all connectors.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Comparison {
    /// Records of the undisturbed host.
    pub(crate) records: u64,
    /// Records that only the undisturbed host has.
    pub(crate) lost: u64,
    /// Records that came twice, that only the other host has, or that it counts and has not.
    pub(crate) doubled: u64,
    /// Records that both have, with another payload, parent or time.
    pub(crate) differing: u64,
    /// The first of them, for a search.
    pub(crate) examples: Vec<String>,
}

/// Examples that are kept.
const EXAMPLES: usize = 20;

/// What is stored of a connector: digests by key, and keys that came again.
struct Stored {
    digests: BTreeMap<String, Vec<u8>>,
    again: Vec<String>,
    lines: u64,
}

impl Comparison {
    pub(crate) fn of(killed: &Victim, undisturbed: &Victim) -> Result<Self> {
        let mut comparison = Self::default();
        for connector in CONNECTORS {
            let stored = Stored::read(&killed.export(connector)?)?;
            let counted = killed.count(connector)?;
            comparison.add(connector, &stored, counted, &Stored::read(&undisturbed.export(connector)?)?);
        }
        Ok(comparison)
    }

    fn add(&mut self, connector: &str, stored: &Stored, counted: u64, expected: &Stored) {
        self.records += expected.lines;
        for (key, digest) in &expected.digests {
            match stored.digests.get(key) {
                None => self.lost += self.example("lost", connector, key),
                Some(found) if found != digest => self.differing += self.example("differing", connector, key),
                Some(_) => {}
            }
        }
        let strange = stored.digests.keys().filter(|key| !expected.digests.contains_key(*key));
        for key in strange.chain(&stored.again) {
            self.doubled += self.example("doubled", connector, key);
        }
        if counted != stored.lines {
            let told = format!("counted {counted} of {}", stored.lines);
            self.doubled += self.example("doubled", connector, &told);
        }
    }

    fn example(&mut self, what: &str, connector: &str, key: &str) -> u64 {
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{what}: {connector} {key}"));
        }
        1
    }
}

impl Stored {
    fn read(export: &str) -> Result<Self> {
        let mut stored = Self { digests: BTreeMap::new(), again: Vec::new(), lines: 0 };
        for line in export.lines() {
            let fields: BTreeMap<&str, &RawValue> =
                serde_json::from_str(line).context("a line of an export")?;
            let key: Value = serde_json::from_str(fields.get("key").context("a key")?.get())?;
            let key = key.as_str().context("a key is a text")?.to_owned();
            let digest = fields.iter().fold(Sha256::new(), |digest, (name, value)| {
                digest.chain_update(name).chain_update([0]).chain_update(value.get()).chain_update([0])
            });
            stored.lines += 1;
            if stored.digests.insert(key.clone(), digest.finalize().to_vec()).is_some() {
                stored.again.push(key);
            }
        }
        Ok(stored)
    }
}
