//! An operator's values against the form of a transport.
//!
//! It is pure, and sees no secret but those that are just being given. What was
//! stored before and has no place in the form any more is left out without a
//! word; what is given now and has none is an error: a typo must not pass.

use crate::{
    catalog,
    model::{Condition, Field, FieldError, FieldKind, Secret},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What there is and what is asked for.
pub(super) struct Asked<'a> {
    pub(super) form: &'a [Field],
    /// The values as they are stored.
    pub(super) stored: &'a Map<String, Value>,
    /// Whether a secret of that name is stored.
    pub(super) has_secret: &'a (dyn Fn(&str) -> bool + Sync),
    /// The values that are given now; `null` or an empty text takes a value, or a
    /// stored secret, away.
    pub(super) given: &'a Map<String, Value>,
    /// The secrets that are given now.
    pub(super) given_secrets: &'a BTreeMap<String, Secret>,
}

/// Settings in which nothing is wrong.
#[derive(Debug)]
pub(super) struct Settled {
    /// What is stored: the operator's values, typed, without defaults and secrets.
    pub(super) settings: Map<String, Value>,
    /// What steps get: defaults filled in, `true` for a secret that is set.
    pub(super) effective: Map<String, Value>,
    /// Stored secrets that stay.
    pub(super) kept: Vec<String>,
    /// Secrets to seal.
    pub(super) fresh: BTreeMap<String, Secret>,
}

/// Checks everything.
///
/// # Errors
/// One entry a fault, in the order of the form, unknown fields last. No text
/// repeats a value.
pub(super) fn settle(asked: &Asked<'_>) -> Result<Settled, Vec<FieldError>> {
    let mut settled =
        Settled { settings: Map::new(), effective: Map::new(), kept: Vec::new(), fresh: BTreeMap::new() };
    let mut faults = Vec::new();
    for field in asked.form {
        let outcome = match field.kind {
            FieldKind::Secret => settled.take_secret(field, asked),
            _ => settled.take_value(field, asked),
        };
        faults.extend(
            outcome.err().into_iter().flatten().map(|words| FieldError::new(field.name.as_str(), words)),
        );
    }
    faults.extend(unknown_fields(asked));
    if faults.is_empty() { Ok(settled) } else { Err(faults) }
}

/// Whether a condition holds for settings with their defaults filled in.
pub(super) fn holds(condition: &Condition, effective: &Map<String, Value>) -> bool {
    effective.get(condition.field.as_str()).is_some_and(|value| condition.values.contains(value))
}

impl Settled {
    fn take_value(&mut self, field: &Field, asked: &Asked<'_>) -> Result<(), Vec<String>> {
        let name = field.name.as_str();
        let mut faults = Vec::new();
        if asked.given_secrets.contains_key(name) {
            faults.push("is not a secret: give it as a setting".into());
        }
        let given = asked.given.get(name);
        let value = match given {
            Some(value) => (!is_nothing(value)).then_some(value),
            None => asked.stored.get(name),
        };
        match (self.why_not(field), value) {
            (Some(words), Some(_)) if given.is_some() => faults.push(words),
            (Some(_), _) => {}
            (None, Some(value)) => match catalog::read_value(field, value) {
                Ok(typed) => {
                    self.settings.insert(name.into(), typed.clone());
                    self.effective.insert(name.into(), typed);
                }
                Err(words) => faults.extend(words),
            },
            (None, None) => match &field.default {
                Some(default) => _ = self.effective.insert(name.into(), default.clone()),
                None if field.required && faults.is_empty() => faults.push("is required".into()),
                None => {}
            },
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn take_secret(&mut self, field: &Field, asked: &Asked<'_>) -> Result<(), Vec<String>> {
        let name = field.name.as_str();
        let given = asked.given.get(name);
        if given.is_some_and(|value| !is_nothing(value)) {
            return Err(vec!["is a secret: give it as a secret, not as a setting".into()]);
        }
        let fresh = asked.given_secrets.get(name);
        let kept = fresh.is_none() && given.is_none() && (asked.has_secret)(name);
        match (self.why_not(field), fresh) {
            (Some(words), Some(_)) => return Err(vec![words]),
            (Some(_), None) => {}
            (None, Some(secret)) => {
                let secret = without_line_end(secret);
                let faults = secret_faults(field, &secret);
                if !faults.is_empty() {
                    return Err(faults);
                }
                self.fresh.insert(name.into(), secret);
                self.effective.insert(name.into(), Value::Bool(true));
            }
            (None, None) if kept => {
                self.kept.push(name.into());
                self.effective.insert(name.into(), Value::Bool(true));
            }
            (None, None) if field.required => return Err(vec!["is required".into()]),
            (None, None) => {}
        }
        Ok(())
    }

    /// Why a field does not apply, given the fields before it; none where it does.
    fn why_not(&self, field: &Field) -> Option<String> {
        let condition =
            field.applicable_if.as_ref().filter(|condition| !holds(condition, &self.effective))?;
        let values: Vec<_> = condition.values.iter().map(shown).collect();
        Some(format!(
            "does not apply: it is used only where '{}' is {}",
            condition.field,
            values.join(" or ")
        ))
    }
}

fn unknown_fields(asked: &Asked<'_>) -> Vec<FieldError> {
    let known = |name: &str| asked.form.iter().any(|field| field.name.as_str() == name);
    // Taking away what is stored is fine, whether the form still has it or not.
    let leftover =
        |name: &str| asked.given.get(name).is_some_and(is_nothing) && asked.stored.contains_key(name);
    let given =
        asked.given.keys().chain(asked.given_secrets.keys().filter(|name| !asked.given.contains_key(*name)));
    given
        .filter(|name| !known(name) && !leftover(name))
        .map(|name| FieldError::new(name, format!("there is no such setting{}", hint(name, asked.form))))
        .collect()
}

/// The known field that was meant, or else all of them.
fn hint(name: &str, form: &[Field]) -> String {
    let names = || form.iter().map(|field| field.name.as_str());
    let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
    match names().min_by_key(|known| distance(known)).filter(|known| distance(known) <= 1 + known.len() / 4) {
        Some(known) => format!("; did you mean '{known}'?"),
        None if form.is_empty() => "; this transport has none".into(),
        None => format!("; there are: {}", names().collect::<Vec<_>>().join(", ")),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Secrets are often read from files, which end in a line end that is not part of them.
fn without_line_end(secret: &Secret) -> Secret {
    let text = secret.expose();
    let text = text.strip_suffix('\n').unwrap_or(text);
    Secret::new(text.strip_suffix('\r').unwrap_or(text))
}

fn secret_faults(field: &Field, secret: &Secret) -> Vec<String> {
    if secret.expose().is_empty() {
        // An empty variable in a script must not wipe a secret by accident.
        return vec!["is empty: give the secret, or set it to null to take it away".into()];
    }
    catalog::secret_faults(field, secret.expose())
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"))
}

#[cfg(test)]
mod tests;
