//! What the command line says a channel is to be.

use super::options::{Options, Unset};
use crate::cli::{exit::Usage, values::Values};
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What the channel is called: letters, digits, `-`, `_`, `.`
    pub(super) name: String,
    /// The kind of integration; `tidegate plugin list` shows which there are
    #[arg(long = "type", value_name = "TYPE")]
    channel_type: String,
    /// How the remote system is reached, where the type has several ways [default: the first]
    #[arg(long, value_name = "TRANSPORT")]
    transport: Option<String>,
    #[command(flatten)]
    values: Values,
    /// A connector to switch on [default: all of the type]
    #[arg(long = "connector", value_name = "CONNECTOR")]
    connectors: Vec<String>,
    /// Export local changes, too
    #[arg(long)]
    two_way: bool,
    /// Let no sync start yet
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// The channel
    pub(super) name: String,
    /// A new name
    #[arg(long = "name", value_name = "NEW")]
    new_name: Option<String>,
    #[command(flatten)]
    values: Values,
    /// Take the value of a setting or secret away
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// The connectors to switch on; all others are switched off
    #[arg(long = "connector", value_name = "CONNECTOR")]
    connectors: Vec<String>,
    /// Export local changes, too
    #[arg(long, conflicts_with = "one_way")]
    two_way: bool,
    /// Export no local changes
    #[arg(long)]
    one_way: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    unset_options: Unset,
}

impl Create {
    /// The body of the request.
    pub(super) fn body(self) -> anyhow::Result<Value> {
        let mut body = json!({
            "name": self.name,
            "type": self.channel_type,
            "settings": self.values.settings()?,
            "secrets": self.values.secrets()?,
            "two-way": self.two_way,
            "enabled": !self.disabled,
        });
        if let Some(transport) = self.transport {
            body["transport"] = Value::from(transport);
        }
        if !self.connectors.is_empty() {
            body["connectors"] = Value::from(self.connectors);
        }
        if let Value::Object(body) = &mut body {
            self.options.add_to(body, &Unset::default());
        }
        Ok(body)
    }
}

impl Edit {
    /// The body of the request: only what is to change.
    pub(super) fn body(&self) -> anyhow::Result<Value> {
        let mut body = serde_json::Map::new();
        let mut settings = self.values.settings()?;
        let secrets = self.values.secrets()?;
        for key in &self.unset {
            if settings.contains_key(key) || secrets.contains_key(key) {
                return Err(Usage(format!("'{key}' is given a value and taken away")).into());
            }
            settings.insert(key.clone(), Value::Null);
        }
        for (key, values) in [("settings", settings), ("secrets", secrets)] {
            if !values.is_empty() {
                body.insert(key.to_owned(), Value::Object(values));
            }
        }
        if let Some(name) = &self.new_name {
            body.insert("name".to_owned(), Value::from(name.as_str()));
        }
        if !self.connectors.is_empty() {
            body.insert("connectors".to_owned(), Value::from(self.connectors.clone()));
        }
        if self.two_way || self.one_way {
            body.insert("two-way".to_owned(), Value::from(self.two_way));
        }
        self.options.add_to(&mut body, &self.unset_options);
        if body.is_empty() {
            return Err(Usage("nothing to change is named; see tidegate channel edit --help".into()).into());
        }
        Ok(Value::Object(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        edit: Edit,
    }

    fn body(line: &str) -> anyhow::Result<Value> {
        Line::try_parse_from(line.split(' '))?.edit.body()
    }

    #[test]
    fn an_edit_names_only_what_is_to_change() {
        for (line, expected) in [
            ("edit zen --name new", json!({"name": "new"})),
            ("edit zen --set a=1 --unset b", json!({"settings": {"a": "1", "b": null}})),
            ("edit zen --secret token=x", json!({"secrets": {"token": "x"}})),
            ("edit zen --connector a --connector b", json!({"connectors": ["a", "b"]})),
            ("edit zen --two-way", json!({"two-way": true})),
            ("edit zen --one-way", json!({"two-way": false})),
            ("edit zen --every 15m", json!({"schedule": {"every": "15m"}})),
            ("edit zen --cron @daily", json!({"schedule": {"cron": "@daily"}})),
            ("edit zen --manual", json!({"schedule": {"manual": true}})),
            ("edit zen --default-schedule --no-quiet", json!({"schedule": {"default": true, "quiet": null}})),
            (
                "edit zen --time-zone europe/vienna --quiet 22:00-6:00",
                json!({"schedule": {"time-zone": "Europe/Vienna", "quiet": "22:00-06:00"}}),
            ),
            ("edit zen --parallel 4 --vanished keep", json!({"parallel": 4, "vanished": "keep"})),
        ] {
            assert_eq!(body(line).expect(line), expected, "{line}");
        }
    }

    #[test]
    fn an_edit_of_nothing_or_both_ways_is_refused() {
        for line in [
            "edit zen",
            "edit zen --set a=1 --unset a",
            "edit zen --two-way --one-way",
            "edit zen --every 1h --manual",
            "edit zen --every 1h --cron @daily",
            "edit zen --every 1h --default-schedule",
            "edit zen --quiet 1:00-2:00 --no-quiet",
            "edit zen --parallel 17",
            "edit zen --vanished burn",
        ] {
            assert!(body(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_cure() {
        let refused = body("edit zen --every 5s").expect_err("too short").to_string();
        assert!(refused.contains("'--every <SPAN>': an interval is 10s to 30d, not 5s"), "{refused}");
    }
}
