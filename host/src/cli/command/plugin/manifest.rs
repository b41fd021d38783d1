//! What a plugin says of itself, as an operator needs it: the settings to fill in
//! and the connectors to choose from.

use crate::{
    cli::{
        out::Out,
        table::Table,
        text::{clean, list, none},
    },
    model::{ChannelType, DrivenBy, Field, FieldKind, Manifest, Ways},
};
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
            out.table(settings(&transport.form))?;
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

fn settings(form: &[Field]) -> Table {
    let mut table = Table::new(["FLAG", "KIND", "NEEDED", "DEFAULT", "WHAT IT IS"]);
    for field in form {
        let flag = if field.kind == FieldKind::Secret { "--secret-file" } else { "--set" };
        table.row([
            format!("{flag} {}", field.name),
            kind(field),
            needed(field),
            field.default.as_ref().map_or_else(none, |value| match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            }),
            if field.help.is_empty() {
                field.label.clone()
            } else {
                format!("{}: {}", field.label, field.help)
            },
        ]);
    }
    table
}

fn kind(field: &Field) -> String {
    let name = match field.kind {
        FieldKind::Text => "text",
        FieldKind::Secret => "secret",
        FieldKind::Url => "url",
        FieldKind::Email => "email",
        FieldKind::Integer => "integer",
        FieldKind::Boolean => "true, false",
        FieldKind::Date => "date",
        FieldKind::Choice => {
            let values: Vec<_> = field.choices.iter().map(|choice| choice.value.as_str()).collect();
            return list(&values);
        }
    };
    name.to_owned()
}

fn needed(field: &Field) -> String {
    let yes = if field.required { "yes" } else { "no" };
    match &field.applicable_if {
        None => yes.to_owned(),
        Some(condition) => {
            let values: Vec<_> = condition
                .values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            format!("{yes}, where {} is {}", condition.field, values.join(" or "))
        }
    }
}

fn connectors(channel_type: &ChannelType) -> Table {
    let mut table = Table::new(["CONNECTOR", "WHAT IT READS", "DIRECTION", "DRIVEN BY", "AFTER"]);
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
