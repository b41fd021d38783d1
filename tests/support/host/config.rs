//! The configuration of a host for tests.

use anyhow::{Context as _, Result};
use toml::Table;

/// Vendors of tests are on loopback and speak plain HTTP. Nothing syncs by itself unless a
/// test says so.
const BASE: &str = r#"
[broker]
allow-addresses = ["127.0.0.0/8"]
allow-plain-http = true

[schedule]
paused = true
"#;

/// The base, with what is added to it.
pub(super) fn text(added: &str) -> Result<String> {
    let mut config: Table = toml::from_str(BASE).context("read the base configuration")?;
    merge(&mut config, toml::from_str(added).context("read the test's configuration")?);
    Ok(toml::to_string(&config)?)
}

fn merge(config: &mut Table, added: Table) {
    for (key, value) in added {
        match (config.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(added)) => merge(inner, added),
            (_, value) => {
                config.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_says_wins_and_the_rest_stays() {
        let text = text("[broker]\nallow-plain-http = false\nattempts = 2\n[sync]\nchannels-at-once = 1")
            .expect("TOML");
        let config: Table = toml::from_str(&text).expect("TOML");
        let broker = config["broker"].as_table().expect("a table");
        assert_eq!(broker["allow-plain-http"].as_bool(), Some(false));
        assert_eq!(broker["attempts"].as_integer(), Some(2));
        assert!(broker.contains_key("allow-addresses"));
        assert_eq!(config["sync"]["channels-at-once"].as_integer(), Some(1));
    }
}
