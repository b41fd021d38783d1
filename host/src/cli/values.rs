//! Settings and secrets on the command line.

use super::exit::Usage;
use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value};
use std::{
    fs,
    io::{self, Read},
};

/// `KEY=VALUE`.
#[derive(Clone)]
pub(super) struct Pair {
    key: String,
    value: String,
}

/// The value may be a secret.
impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.key)
    }
}

fn pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Pair { key: key.to_owned(), value: value.to_owned() }),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(super) struct Values {
    /// A setting; `tidegate plugin inspect FILE` lists them
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<Pair>,
    /// A secret. Other users of this machine can see it in the list of processes, and the
    /// shell keeps it in its history: prefer --secret-file
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    secret: Vec<Pair>,
    /// A secret from a file, or from stdin with `-`; one line break at its end is left out
    #[arg(long, value_name = "KEY=PATH", value_parser = pair)]
    secret_file: Vec<Pair>,
}

impl Values {
    /// The settings by name, as text.
    pub(super) fn settings(&self) -> anyhow::Result<Map<String, Value>> {
        let pairs = self.set.iter().map(|pair| (pair.key.clone(), pair.value.clone()));
        gather(pairs, "--set")
    }

    /// The secrets by name, files read.
    pub(super) fn secrets(&self) -> anyhow::Result<Map<String, Value>> {
        if self.secret_file.iter().filter(|pair| pair.value == "-").count() > 1 {
            return Err(Usage("only one --secret-file can be stdin (-)".into()).into());
        }
        let mut pairs: Vec<_> =
            self.secret.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect();
        for file in &self.secret_file {
            pairs.push((file.key.clone(), read(&file.value)?));
        }
        gather(pairs, "--secret")
    }
}

/// A secret that has no name of its own.
#[derive(Args)]
pub(super) struct OneSecret {
    /// The secret. Other users of this machine can see it in the list of processes, and the
    /// shell keeps it in its history: prefer --secret-file
    #[arg(long, value_name = "TEXT")]
    secret: Option<String>,
    /// The secret from a file, or from stdin with `-`; one line break at its end is left out
    #[arg(long, value_name = "PATH", conflicts_with = "secret")]
    secret_file: Option<String>,
}

impl std::fmt::Debug for OneSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl OneSecret {
    /// The secret, where one is given.
    pub(super) fn read(&self) -> anyhow::Result<Option<String>> {
        match (&self.secret, &self.secret_file) {
            (Some(secret), _) => Ok(Some(secret.clone())),
            (None, Some(path)) => read(path).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Twice the same key is a mistake whose victim is whoever looks for it.
fn gather(
    pairs: impl IntoIterator<Item = (String, String)>,
    flag: &str,
) -> anyhow::Result<Map<String, Value>> {
    let mut map = Map::new();
    for (key, value) in pairs {
        if map.contains_key(&key) {
            return Err(Usage(format!("'{key}' is given twice with {flag}")).into());
        }
        map.insert(key, Value::from(value));
    }
    Ok(map)
}

fn read(path: &str) -> anyhow::Result<String> {
    let mut text = if path == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("stdin cannot be read")?;
        text
    } else {
        fs::read_to_string(path).with_context(|| format!("the file {path} cannot be read"))?
    };
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(set: &[&str], secret: &[&str], secret_file: &[&str]) -> Values {
        let pairs = |texts: &[&str]| texts.iter().map(|text| pair(text).expect("a pair")).collect();
        Values { set: pairs(set), secret: pairs(secret), secret_file: pairs(secret_file) }
    }

    #[test]
    fn the_first_equals_sign_parts_key_and_value() {
        let settings = values(&["a=b=c", "empty="], &[], &[]).settings().expect("settings");
        assert_eq!(Value::Object(settings), serde_json::json!({"a": "b=c", "empty": ""}));
        for bad in ["", "a", "=b"] {
            assert!(pair(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_file_loses_one_line_break() {
        let folder = tempfile::tempdir().expect("a folder");
        for (content, secret) in
            [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("a\n\n", "a\n"), ("x", "x")]
        {
            let file = folder.path().join("token");
            fs::write(&file, content).expect("a file");
            let secrets =
                values(&[], &[], &[&format!("token={}", file.display())]).secrets().expect("secrets");
            assert_eq!(secrets["token"], secret, "{content:?}");
        }
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        assert!(values(&["a=1", "a=2"], &[], &[]).settings().is_err());
        assert!(values(&[], &["a=1"], &["a=/dev/null"]).secrets().is_err());
        assert!(values(&[], &[], &["a=-", "b=-"]).secrets().is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", values(&[], &["token=hunter2"], &[]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
