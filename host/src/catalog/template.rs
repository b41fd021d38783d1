//! A text with `{field}` in it, as manifests write base URLs and credentials.
//!
//! It knows no form: whether a field exists, and which values it may take, is
//! for those who use the template.

use crate::model::Name;
use zeroize::Zeroizing;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Name),
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// `{` without `}`, or the other way round.
    #[error("every '{{' needs a '}}' after it, with the name of a field between them")]
    Braces,
    /// What stands between the braces.
    #[error("'{{{0}}}' does not name a field")]
    Name(String),
}

impl Template {
    /// Reads a template. A brace always belongs to a field: there is no way to write one literally.
    ///
    /// # Errors
    /// Says which brace or name is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (literal, tail) = rest.split_at(open);
            let inner = tail.strip_prefix('{').ok_or(TemplateError::Braces)?;
            let (name, after) = inner.split_once('}').ok_or(TemplateError::Braces)?;
            if !literal.is_empty() {
                parts.push(Part::Text(literal.into()));
            }
            let field = Name::try_new(name).map_err(|_| TemplateError::Name(name.into()))?;
            parts.push(Part::Field(field));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self { parts })
    }

    /// The fields that it names, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Name> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    /// The field, where the whole template is one field and nothing else.
    pub(crate) fn sole_field(&self) -> Option<&Name> {
        match self.parts.as_slice() {
            [Part::Field(name)] => Some(name),
            _ => None,
        }
    }

    /// Fills the fields in. The text is wiped when it is dropped, because it may hold secrets.
    ///
    /// # Errors
    /// The first field that has no value.
    pub(crate) fn fill<'v>(
        &self,
        value: impl Fn(&Name) -> Option<&'v str>,
    ) -> Result<Zeroizing<String>, Name> {
        let mut texts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            texts.push(match part {
                Part::Text(text) => text.as_str(),
                Part::Field(name) => value(name).ok_or_else(|| name.clone())?,
            });
        }
        // One allocation of the right size: growing would leave copies of a secret behind.
        let mut filled = Zeroizing::new(String::with_capacity(texts.iter().map(|text| text.len()).sum()));
        for text in texts {
            filled.push_str(text);
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        let template = Template::parse(template).map_err(|error| error.to_string())?;
        let value = |name: &Name| match name.as_str() {
            "email" => Some("a@b.example"),
            "token" => Some("t0p"),
            _ => None,
        };
        template.fill(value).map(|text| text.to_string()).map_err(|name| format!("no {name}"))
    }

    #[test]
    fn fields_are_filled_in() {
        for (template, text) in [
            ("", ""),
            ("plain", "plain"),
            ("{email}", "a@b.example"),
            ("{email}/token", "a@b.example/token"),
            ("x{token}{token}y", "xt0pt0py"),
        ] {
            assert_eq!(filled(template).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn bad_templates_are_refused() {
        for template in ["{", "}", "a{b", "a}b{c}", "{}", "{a b}", "{A}", "{{email}}", "{email}}"] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
        assert_eq!(filled("{missing}"), Err("no missing".into()));
    }

    #[test]
    fn a_sole_field_is_known_as_such() {
        let sole = |text| Template::parse(text).expect(text).sole_field().map(ToString::to_string);
        assert_eq!(sole("{url}").as_deref(), Some("url"));
        assert_eq!(sole("{url}/"), None);
        assert_eq!(sole("{a}{b}"), None);
        assert_eq!(sole("plain"), None);
    }
}
