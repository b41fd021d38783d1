//! Records as a table: the payload's fields become columns.

use super::{Marked, Marks};
use crate::model::{RecordKey, Timestamp};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashMap, fmt, io};

/// The columns after the fixed ones, in the order in which they first came.
pub(super) struct Columns {
    /// Those that every table has.
    fixed: &'static [&'static str],
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl Columns {
    const WITH_MARKS: [&str; 4] = ["key", "parent", "updated", "vanished"];

    /// No columns but the fixed ones.
    pub(super) fn with(marks: Marks) -> Self {
        let fixed = match marks {
            Marks::Shown => &Self::WITH_MARKS[..],
            Marks::LeftOut => &Self::WITH_MARKS[..3],
        };
        Self { fixed, names: Vec::new(), places: HashMap::new() }
    }

    /// Takes up the fields of a payload.
    pub(super) fn learn(&mut self, payload: &[u8]) {
        for (name, _) in fields(payload) {
            if !self.places.contains_key(&name) {
                self.places.insert(name.clone(), self.names.len());
                self.names.push(name);
            }
        }
    }

    /// The first line.
    pub(super) fn head(&self) -> io::Result<Vec<u8>> {
        let payload = self.names.iter().map(|name| match self.fixed.contains(&name.as_str()) {
            true => Cow::Owned(format!("payload.{name}")),
            false => Cow::Borrowed(name.as_str()),
        });
        write([self.fixed.iter().copied().map(Cow::Borrowed).chain(payload).collect()])
    }

    /// The lines of these records. Fails where a record has a field that had not
    /// been there when the columns were gathered: leaving it out would be a lie.
    pub(super) fn rows(&self, records: &[Marked]) -> io::Result<Vec<u8>> {
        let rows = records.iter().map(|record| self.row(record)).collect::<io::Result<Vec<_>>>()?;
        write(rows)
    }

    fn row<'a>(&self, (record, vanished): &'a Marked) -> io::Result<Vec<Cow<'a, str>>> {
        let time = |time: &Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let fixed = [
            Cow::Borrowed(record.key.as_str()),
            Cow::Borrowed(record.parent.as_ref().map_or("", RecordKey::as_str)),
            Cow::Owned(time(&record.updated)),
            Cow::Owned(time(vanished)),
        ];
        let mut row: Vec<_> = fixed.into_iter().take(self.fixed.len()).collect();
        row.resize(self.fixed.len() + self.names.len(), Cow::Borrowed(""));
        for (name, value) in fields(&record.payload) {
            let place = self.places.get(&name).ok_or_else(|| {
                io::Error::other(format!(
                    "record '{}' got the new field '{name}' during the export; export again",
                    record.key
                ))
            })?;
            row[self.fixed.len() + place] = cell(value);
        }
        Ok(row)
    }
}

fn write<'a>(rows: impl IntoIterator<Item = Vec<Cow<'a, str>>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| cell.as_bytes()))?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// Texts as they are, `null` as nothing, everything else as JSON, digit by digit.
fn cell(value: &RawValue) -> Cow<'_, str> {
    match value.get() {
        "null" => Cow::Borrowed(""),
        text if text.starts_with('"') => match serde_json::from_str::<String>(text) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(text),
        },
        other => Cow::Borrowed(other),
    }
}

/// The top-level fields; what is no object is one field, `payload`.
fn fields(payload: &[u8]) -> Vec<(String, &RawValue)> {
    match serde_json::from_slice::<Fields<'_>>(payload) {
        Ok(Fields(fields)) => fields,
        Err(_) => match serde_json::from_slice::<&RawValue>(payload) {
            Ok(value) => vec![("payload".to_owned(), value)],
            Err(_) => Vec::new(),
        },
    }
}

struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Record, RunId};
    use bytes::Bytes;

    fn record(key: &str, payload: &'static str) -> Marked {
        let record = Record {
            key: RecordKey::try_new(key).expect("a key"),
            parent: None,
            updated: Some(Timestamp::from_millis(0)),
            imported: Timestamp::from_millis(0),
            run: RunId::new(),
            payload: Bytes::from_static(payload.as_bytes()),
        };
        (record, None)
    }

    #[test]
    fn fields_become_columns_in_the_order_in_which_they_came() {
        let records = [
            record("1", r#"{"id": 1.10, "key": "a,b", "tags": ["x", 2], "gone": null}"#),
            record("2", r#"{"subject": "say \"hi\"\nthere", "id": 2}"#),
            record("3", "[1]"),
        ];
        let mut columns = Columns::with(Marks::LeftOut);
        records.iter().for_each(|(record, _)| columns.learn(&record.payload));
        let mut text = columns.head().expect("a head");
        text.extend(columns.rows(&records).expect("rows"));
        insta::assert_snapshot!(String::from_utf8_lossy(&text), @r#"
        key,parent,updated,id,payload.key,tags,gone,subject,payload
        1,,1970-01-01T00:00:00.000Z,1.10,"a,b","[""x"", 2]",,,
        2,,1970-01-01T00:00:00.000Z,2,,,,"say ""hi""
        there",
        3,,1970-01-01T00:00:00.000Z,,,,,,[1]
        "#);
    }

    #[test]
    fn marks_are_a_column_where_they_are_asked_for() {
        let (gone, _) = record("1", r#"{"id": 1, "vanished": "no"}"#);
        let records = [(gone, Some(Timestamp::from_millis(1_000))), record("2", r#"{"id": 2}"#)];
        let mut columns = Columns::with(Marks::Shown);
        records.iter().for_each(|(record, _)| columns.learn(&record.payload));
        let mut text = columns.head().expect("a head");
        text.extend(columns.rows(&records).expect("rows"));
        insta::assert_snapshot!(String::from_utf8_lossy(&text), @"
        key,parent,updated,vanished,id,payload.vanished
        1,,1970-01-01T00:00:00.000Z,1970-01-01T00:00:01.000Z,1,no
        2,,1970-01-01T00:00:00.000Z,,2,
        ");
    }

    #[test]
    fn a_field_that_turns_up_later_is_an_error() {
        let error = Columns::with(Marks::LeftOut).rows(&[record("1", r#"{"new": 1}"#)]).expect_err("unknown");
        assert!(error.to_string().contains("'new'"), "{error}");
    }
}
