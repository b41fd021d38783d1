//! Reads a TOML document into any type and keeps the place of what is wrong.
//!
//! The `toml` crate's own reading loses which key was unknown and which keys
//! were expected; this one keeps both, which is all that it is for.

use super::Error;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, fmt, ops::Range, path::Path, vec};
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

/// Reads `text`.
pub(super) fn read<T: de::DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let table = DeTable::parse(text).map_err(|error| Problem {
        what: What::Syntax(error.message().to_owned()),
        at: error.span().map(|span| span.start),
        path: Vec::new(),
    })?;
    let span = table.span();
    T::deserialize(Node { value: DeValue::Table(table.into_inner()), span })
}

/// What is wrong, and where in the text.
#[derive(Debug)]
pub(super) struct Problem {
    what: What,
    /// Bytes from the start of the text.
    at: Option<usize>,
    /// Keys from the innermost to the outermost.
    path: Vec<String>,
}

#[derive(Debug)]
enum What {
    Syntax(String),
    Unknown { key: String, known: &'static [&'static str] },
    Wrong(String),
}

impl Problem {
    fn within(mut self, key: String, span: &Range<usize>) -> Self {
        self.at.get_or_insert(span.start);
        self.path.push(key);
        self
    }

    fn starting(mut self, span: &Range<usize>) -> Self {
        self.at.get_or_insert(span.start);
        self
    }

    /// The error for people.
    pub(super) fn at(self, text: &str, file: &Path) -> Error {
        let before = &text[..self.at.unwrap_or(0)];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let file = file.to_owned();
        let section = self.path.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".");
        match self.what {
            What::Syntax(message) => Error::Syntax { file, line, column, message },
            What::Unknown { key, known } => Error::Unknown { file, line, section, key, known },
            What::Wrong(message) => Error::Value { file, line, key: section, message },
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self { what: What::Wrong(message.to_string()), at: None, path: Vec::new() }
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("found {found}, expected {expected}"))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("found {found}, expected {expected}"))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::custom(format_args!("'{found}' is not one of {}", known.join(", ")))
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self { what: What::Unknown { key: key.to_owned(), known }, at: None, path: Vec::new() }
    }
}

/// A value with its place.
struct Node<'i> {
    value: DeValue<'i>,
    span: Range<usize>,
}

impl<'i> From<Spanned<DeValue<'i>>> for Node<'i> {
    fn from(value: Spanned<DeValue<'i>>) -> Self {
        let span = value.span();
        Self { value: value.into_inner(), span }
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let span = self.span;
        match self.value {
            DeValue::String(text) => visitor.visit_string(text.into_owned()),
            DeValue::Integer(number) => visit_integer(&number, visitor),
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(de::Error::custom("not a number that can be kept")),
            },
            DeValue::Boolean(value) => visitor.visit_bool(value),
            DeValue::Datetime(time) => visitor.visit_string(time.to_string()),
            DeValue::Array(items) => {
                visitor.visit_seq(Items { left: items.into_iter().collect::<Vec<_>>().into_iter(), index: 0 })
            }
            DeValue::Table(table) => visitor
                .visit_map(Entries { left: table.into_iter().collect::<Vec<_>>().into_iter(), value: None }),
        }
        .map_err(|problem| problem.starting(&span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let span = self.span;
        match self.value {
            DeValue::String(text) => visitor.visit_enum(text.into_deserializer()),
            other => Err(de::Error::custom(format_args!("found {}, expected a string", other.type_str()))),
        }
        .map_err(|problem: Problem| problem.starting(&span))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn visit_integer<'de, V: Visitor<'de>>(number: &DeInteger<'_>, visitor: V) -> Result<V::Value, Problem> {
    if let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) {
        return visitor.visit_i64(number);
    }
    match u64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) => visitor.visit_u64(number),
        Err(_) => Err(de::Error::custom(format_args!("{number} is too large"))),
    }
}

/// What is left of an array.
struct Items<'i> {
    left: vec::IntoIter<Spanned<DeValue<'i>>>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some(item) = self.left.next() else {
            return Ok(None);
        };
        let (span, index) = (item.span(), self.index);
        self.index += 1;
        seed.deserialize(Node::from(item))
            .map(Some)
            .map_err(|problem| problem.within(index.to_string(), &span))
    }
}

/// What is left of a table.
struct Entries<'i> {
    left: vec::IntoIter<(Spanned<Cow<'i, str>>, Spanned<DeValue<'i>>)>,
    value: Option<(String, Spanned<DeValue<'i>>)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Problem;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Problem> {
        let Some((key, value)) = self.left.next() else {
            return Ok(None);
        };
        let span = key.span();
        let key = key.into_inner().into_owned();
        self.value = Some((key.clone(), value));
        let key: de::value::StringDeserializer<Problem> = key.into_deserializer();
        seed.deserialize(key).map(Some).map_err(|problem| problem.starting(&span))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let (key, value) = self.value.take().expect("serde asks for a value after its key");
        let span = value.span();
        seed.deserialize(Node::from(value)).map_err(|problem| problem.within(key, &span))
    }
}
