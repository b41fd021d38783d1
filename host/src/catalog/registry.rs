//! Who offers which channel type, and the snapshot of it that is swapped whole.
//!
//! It is pure: it reads no file and judges none.

use super::{Entry, Offer, Standing};
use crate::model::Name;
use std::{collections::BTreeMap, sync::Arc};

/// What the catalog offers at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    /// By file name.
    pub(super) entries: Arc<Vec<Entry>>,
    /// By channel type.
    pub(super) offers: BTreeMap<Name, Offer>,
    /// Which file offered a channel type that nothing offers any more.
    pub(super) lost: BTreeMap<Name, String>,
}

/// Which file holds which channel type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings(BTreeMap<Name, String>);

impl Holdings {
    /// Gives a file its channel types and takes from it what it held before,
    /// where no other file holds one of them.
    ///
    /// # Errors
    /// The first channel type that another file holds, and that file.
    pub(super) fn claim(&mut self, file: &str, types: &[Name]) -> Result<(), (Name, String)> {
        if let Some(taken) = self.taken(file, types) {
            return Err(taken);
        }
        self.release(file);
        self.0.extend(types.iter().map(|id| (id.clone(), file.to_owned())));
        Ok(())
    }

    /// The first of the channel types that another file holds, and that file.
    pub(super) fn taken(&self, file: &str, types: &[Name]) -> Option<(Name, String)> {
        let holder = |id: &Name| self.0.get(id).filter(|holder| *holder != file);
        types.iter().find_map(|id| Some((id.clone(), holder(id)?.clone())))
    }

    /// Takes everything from a file; the channel types that it held.
    pub(super) fn release(&mut self, file: &str) -> Vec<Name> {
        self.0.extract_if(.., |_, holder| holder == file).map(|(id, _)| id).collect()
    }

    /// Whether something offers the channel type.
    pub(super) fn has(&self, id: &Name) -> bool {
        self.0.contains_key(id)
    }
}

impl Snapshot {
    /// See [`super::Catalog::absence`].
    pub(super) fn absence(&self, channel_type: &str) -> String {
        let missing = format!("no plugin offers the channel type '{channel_type}'");
        let refused = |entry: &Entry| match &entry.standing {
            Standing::Refused { reason, .. } => {
                format!("{missing}: {} is refused: {reason}", entry.file)
            }
            Standing::Settling => format!("{missing} yet: {} is still being read", entry.file),
            Standing::Ready(..) => format!("{missing}: {} does not offer it any more", entry.file),
        };
        let entry = |file: &str| self.entries.iter().find(|entry| entry.file == file);
        if let Some(file) = self.lost.get(channel_type) {
            return entry(file)
                .map_or_else(|| format!("{missing}: {file} is gone from the plugins folder"), refused);
        }
        let by_name = format!("{channel_type}.wasm");
        if let Some(entry) = entry(&by_name).filter(|entry| !matches!(entry.standing, Standing::Ready(..))) {
            return refused(entry);
        }
        match self.unready().as_slice() {
            [] => format!("{missing}: put its .wasm file into the plugins folder"),
            files => format!("{missing}; not in use: {}", files.join(", ")),
        }
    }

    /// Files that might be the one that is looked for.
    fn unready(&self) -> Vec<&str> {
        self.entries
            .iter()
            .filter(|entry| !matches!(entry.standing, Standing::Ready(..)))
            .map(|entry| entry.file.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<Name> {
        texts.iter().map(|text| Name::try_new(*text).expect(text)).collect()
    }

    #[test]
    fn the_first_file_keeps_its_channel_types() {
        let mut holdings = Holdings::default();
        assert_eq!(holdings.claim("b.wasm", &names(&["crm", "desk"])), Ok(()));
        let refused = holdings.claim("a.wasm", &names(&["mail", "desk"]));
        assert_eq!(refused, Err((names(&["desk"])[0].clone(), "b.wasm".into())));
        assert!(!holdings.has(&names(&["mail"])[0]), "a refused file holds nothing");
        assert_eq!(holdings.claim("b.wasm", &names(&["desk"])), Ok(()), "a new version of the holder");
        assert!(!holdings.has(&names(&["crm"])[0]), "the new version does not offer it");
        assert_eq!(holdings.release("b.wasm"), names(&["desk"]));
        assert_eq!(holdings.claim("a.wasm", &names(&["mail", "desk"])), Ok(()));
    }

    fn snapshot(entries: &[(&str, Standing)], lost: &[(&str, &str)]) -> Snapshot {
        let entry = |(file, standing): &(&str, Standing)| Entry {
            file: (*file).into(),
            size: 1,
            modified: None,
            sha256: None,
            standing: standing.clone(),
        };
        let lost = lost.iter().map(|(id, file)| (Name::try_new(*id).expect(id), (*file).into())).collect();
        Snapshot { entries: Arc::new(entries.iter().map(entry).collect()), offers: BTreeMap::new(), lost }
    }

    #[test]
    fn absence_names_the_file_that_matters() {
        let bad = || Standing::Refused { code: "x".into(), reason: "it is empty".into() };
        let missing = "no plugin offers the channel type 'desk'";
        for (snapshot, words) in [
            (snapshot(&[], &[]), ": put its .wasm file into the plugins folder"),
            (snapshot(&[], &[("desk", "d.wasm")]), ": d.wasm is gone from the plugins folder"),
            (snapshot(&[("d.wasm", bad())], &[("desk", "d.wasm")]), ": d.wasm is refused: it is empty"),
            (
                snapshot(&[("desk.wasm", bad()), ("e.wasm", bad())], &[]),
                ": desk.wasm is refused: it is empty",
            ),
            (snapshot(&[("desk.wasm", Standing::Settling)], &[]), " yet: desk.wasm is still being read"),
            (snapshot(&[("d.wasm", bad()), ("e.wasm", bad())], &[]), "; not in use: d.wasm, e.wasm"),
        ] {
            assert_eq!(snapshot.absence("desk"), format!("{missing}{words}"));
        }
    }
}
