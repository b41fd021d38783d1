//! What a plugin says of itself, as an operator needs it: the settings to fill in
//! and the connectors to choose from.

use crate::{
    cli::{
        out::Out,
        table::Table,
        text::{clean, list},
    },
    model::{ChannelType, Condition, DrivenBy, Field, FieldKind, Manifest, Ways},
};
use serde_json::Value;
use std::io;

pub(super) fn show(out: &Out, manifest: &Manifest) -> io::Result<()> {
    for channel_type in &manifest.channel_types {
        let about = clean(&channel_type.description);
        out.line(format!("\nchannel type {}: {}", channel_type.id, clean(&channel_type.label)))?;
        if !about.is_empty() {
            out.line(about)?;
        }
        for transport in &channel_type.transports {
            out.line(format!("\nsettings of the transport {}:", transport.id))?;
            for field in &transport.form {
                out.line(setting(field))?;
            }
        }
        if !channel_type.connectors.is_empty() {
            out.line("\nconnectors:")?;
            out.table(connectors(channel_type))?;
        }
        if !channel_type.operations.is_empty() {
            let names: Vec<_> = channel_type.operations.iter().map(|operation| &operation.id).collect();
            out.line(format!("\noperations: {}", list(&names)))?;
        }
    }
    Ok(())
}

/// Two lines a setting: how it is given, and what it is. A table of five columns
/// with sentences in it fits no terminal.
fn setting(field: &Field) -> String {
    let flag = if field.kind == FieldKind::Secret { "--secret-file" } else { "--set" };
    let mut facts = vec![kind(field)];
    if field.required {
        facts.push("needed".to_owned());
    }
    facts.extend(field.applicable_if.as_ref().map(where_it_applies));
    facts.extend(field.default.as_ref().map(|value| format!("default {}", plain(value))));
    let given = format!("{flag} {}", field.name);
    let about = match field.help.as_str() {
        "" => field.label.clone(),
        help => format!("{}: {help}", field.label),
    };
    clean(&format!("  {given:<28} {}", facts.join(", "))) + "\n      " + &clean(&about)
}

fn kind(field: &Field) -> String {
    let name = match field.kind {
        FieldKind::Text => "text",
        FieldKind::Secret => "secret",
        FieldKind::Url => "url",
        FieldKind::Email => "email",
        FieldKind::Integer => "integer",
        FieldKind::Boolean => "true or false",
        FieldKind::Date => "date",
        FieldKind::Choice => {
            let values: Vec<_> = field.choices.iter().map(|choice| choice.value.as_str()).collect();
            return values.join(" or ");
        }
    };
    name.to_owned()
}

fn where_it_applies(condition: &Condition) -> String {
    let values: Vec<_> = condition.values.iter().map(plain).collect();
    format!("where {} is {}", condition.field, values.join(" or "))
}

/// A text without its quotation marks, everything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn connectors(channel_type: &ChannelType) -> Table {
    let mut table = Table::new(["CONNECTOR", "~WHAT IT READS", "DIRECTION", "DRIVEN BY", "~AFTER"]);
    for connector in &channel_type.connectors {
        let direction = match connector.direction {
            Ways::Import => "import",
            Ways::TwoWay => "two-way",
        };
        let driven_by = match connector.driven_by {
            DrivenBy::Cursor => "cursor",
            DrivenBy::Keys => "due keys",
        };
        table.row([
            connector.id.to_string(),
            connector.label.clone(),
            direction.to_owned(),
            driven_by.to_owned(),
            list(&connector.depends_on),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_setting_says_how_it_is_given_and_what_it_is() {
        let form: Vec<Field> = serde_json::from_value(json!([
            {"name": "authorization", "label": "Sign in by", "kind": "choice", "required": true,
             "default": "email-token",
             "choices": [{"value": "email-token", "label": "T"}, {"value": "oauth", "label": "O"}]},
            {"name": "token", "label": "API token", "help": "Made in the Admin Center.", "kind": "secret",
             "required": true, "applicable-if": {"field": "authorization", "in": ["email-token"]}},
            {"name": "pages", "label": "Pages\u{1b}[31m", "kind": "integer", "default": 7},
        ]))
        .expect("a form");
        insta::assert_snapshot!(form.iter().map(setting).collect::<Vec<_>>().join("\n"), @"
        --set authorization          email-token or oauth, needed, default email-token
            Sign in by
        --secret-file token          secret, needed, where authorization is email-token
            API token: Made in the Admin Center.
        --set pages                  integer, default 7
            Pages�[31m
        ");
    }
}
