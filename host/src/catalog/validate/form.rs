//! The settings form of a transport.

use super::{
    super::value,
    faults::{Faults, first_repeated},
};
use crate::model::{Condition, Field, FieldKind};

/// Checks every field of a form, and the fields against each other.
pub(super) fn check(place: &str, form: &[Field], faults: &mut Faults) {
    if let Some(name) = first_repeated(form.iter().map(|field| &field.name)) {
        faults.add(place, format!("two fields have the name '{name}'"));
    }
    for (at, field) in form.iter().enumerate() {
        let place = format!("{place}/{at}");
        check_choices(&place, field, faults);
        check_pattern(&place, field, faults);
        check_bounds(&place, field, faults);
        check_default(&place, field, faults);
        if let Some(condition) = &field.applicable_if {
            check_condition(&format!("{place}/applicable-if"), condition, &form[..at], faults);
        }
    }
}

/// Checks a condition over the fields that may stand in it.
pub(super) fn check_condition(place: &str, condition: &Condition, form: &[Field], faults: &mut Faults) {
    let Some(field) = form.iter().find(|field| field.name == condition.field) else {
        return faults
            .add(place, format!("'{}' is not the name of a field that stands before", condition.field));
    };
    if field.kind == FieldKind::Secret {
        return faults
            .add(place, format!("'{}' is a secret: nothing can depend on its value", condition.field));
    }
    if condition.values.is_empty() {
        faults.add(place, "a condition without values never holds");
    }
    for value in &condition.values {
        match value::read(field, value) {
            Ok(typed) if typed == *value => {}
            _ => {
                faults.add(place, format!("the field '{}' can never have one of the values", condition.field))
            }
        }
    }
}

fn check_choices(place: &str, field: &Field, faults: &mut Faults) {
    if (field.kind == FieldKind::Choice) == field.choices.is_empty() {
        faults.add(place, "a field has choices where its kind is `choice`, and only there");
    }
    if let Some(value) = first_repeated(field.choices.iter().map(|choice| &choice.value)) {
        faults.add(place, format!("two choices have the value '{value}'"));
    }
    if field.choices.iter().any(|choice| choice.value.is_empty() || choice.value.trim() != choice.value) {
        faults.add(place, "the value of a choice is not empty and has no blanks at its ends");
    }
}

fn check_pattern(place: &str, field: &Field, faults: &mut Faults) {
    let Some(pattern) = &field.pattern else {
        return;
    };
    if !is_text(field) {
        faults
            .add(format!("{place}/pattern"), "only texts, secrets, URLs and e-mail addresses have a pattern");
    }
    if let Err(error) = value::whole_pattern(pattern) {
        faults.add(format!("{place}/pattern"), format!("is not a regular expression: {error}"));
    }
}

fn check_bounds(place: &str, field: &Field, faults: &mut Faults) {
    let (least, most) = (field.min, field.max);
    if (least.is_some() || most.is_some()) && !is_text(field) && field.kind != FieldKind::Integer {
        faults.add(place, "only numbers and texts have `min` and `max`");
    }
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        faults.add(place, "`min` is greater than `max`");
    }
    if is_text(field) && least.into_iter().chain(most).any(|bound| bound < 0) {
        faults.add(place, "a text cannot have fewer than 0 characters");
    }
}

fn check_default(place: &str, field: &Field, faults: &mut Faults) {
    let Some(default) = &field.default else {
        return;
    };
    let place = format!("{place}/default");
    if field.kind == FieldKind::Secret {
        return faults.add(place, "a secret has no default: everybody would know it");
    }
    match value::read(field, default) {
        Ok(typed) if typed == *default => {}
        Ok(_) => faults.add(place, "is written in another way than the field's values are"),
        Err(words) => faults.add(place, words.join(", ")),
    }
}

fn is_text(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Text | FieldKind::Secret | FieldKind::Url | FieldKind::Email)
}
