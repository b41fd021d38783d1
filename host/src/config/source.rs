//! Where a configuration came from: a file, the command line, the defaults.

use super::{Config, Error};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--plugins`.
    pub plugins: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
}

/// A configuration and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As it counts, with absolute paths.
    pub config: Config,
    /// Where it came from.
    pub source: Source,
}

/// Where a configuration came from. What stands in neither is a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Source {
    /// The file that was read, absolute.
    pub file: Option<PathBuf>,
    /// The flags that overrode it, such as `--data`.
    pub flags: Vec<String>,
}

impl Loaded {
    /// Reads the file that the flags name, else `tidegate.toml` in `folder` where
    /// there is one, and lets the flags override it.
    ///
    /// # Errors
    /// When the file cannot be read or says something that has no meaning.
    pub fn load(flags: &Flags, folder: &Path) -> Result<Self, Error> {
        let (mut config, file) = match read(flags, folder)? {
            Some((config, file)) => (config, Some(file)),
            None => (Config::default(), None),
        };
        let home = file.as_deref().and_then(Path::parent).unwrap_or(folder).to_owned();
        config.data = home.join(&config.data);
        config.plugins = config.plugins.map(|plugins| home.join(plugins));
        let headers = &mut config.telemetry.otlp.headers_file;
        *headers = headers.take().map(|file| home.join(file));
        let flags = override_with(&mut config, flags, folder);
        config.plugins = Some(config.plugins_folder());
        Ok(Self { config, source: Source { file, flags } })
    }

    /// The file's place and the flags in a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        let file = match &self.source.file {
            Some(file) => file.display().to_string(),
            None => format!("the defaults (no {} here)", Config::FILE),
        };
        match self.source.flags.as_slice() {
            [] => file,
            flags => format!("{file}, with {} from the command line", flags.join(", ")),
        }
    }
}

fn read(flags: &Flags, folder: &Path) -> Result<Option<(Config, PathBuf)>, Error> {
    let file = folder.join(flags.config.as_deref().unwrap_or(Path::new(Config::FILE)));
    match fs::read_to_string(&file) {
        Ok(text) => Config::parse(&text, &file).map(|config| Some((config, file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && flags.config.is_none() => Ok(None),
        Err(source) => Err(Error::Unreadable { file, source }),
    }
}

fn override_with(config: &mut Config, flags: &Flags, folder: &Path) -> Vec<String> {
    let mut used = Vec::new();
    if let Some(data) = &flags.data {
        config.data = folder.join(data);
        used.push("--data".to_owned());
    }
    if let Some(plugins) = &flags.plugins {
        config.plugins = Some(folder.join(plugins));
        used.push("--plugins".to_owned());
    }
    if let Some(listen) = flags.listen {
        config.api.listen = listen;
        used.push("--listen".to_owned());
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(config: Option<&str>, data: Option<&str>) -> Flags {
        Flags { config: config.map(PathBuf::from), data: data.map(PathBuf::from), ..Flags::default() }
    }

    #[test]
    fn without_a_file_the_defaults_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let loaded = Loaded::load(&flags(None, None), folder.path()).expect("defaults");
        assert_eq!(loaded.config.data, folder.path().join("tidegate-data"));
        assert_eq!(loaded.config.plugins_folder(), folder.path().join("tidegate-data/plugins"));
        assert_eq!(loaded.source, Source::default());
    }

    #[test]
    fn paths_in_a_file_start_at_its_folder_and_flags_win() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("etc");
        fs::create_dir(&home).expect("a folder");
        fs::write(home.join("my.toml"), "data = \"d\"\nplugins = \"p\"\n").expect("a file");

        let loaded = Loaded::load(&flags(Some("etc/my.toml"), None), folder.path()).expect("read");
        assert_eq!(loaded.config.data, home.join("d"));
        assert_eq!(loaded.config.plugins_folder(), home.join("p"));

        let loaded = Loaded::load(&flags(Some("etc/my.toml"), Some("other")), folder.path()).expect("read");
        assert_eq!(loaded.config.data, folder.path().join("other"));
        assert_eq!(loaded.source.flags, ["--data"]);
        assert!(loaded.describe().ends_with("my.toml, with --data from the command line"));
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Loaded::load(&flags(Some("none.toml"), None), folder.path()).expect_err("missing");
        assert!(error.to_string().ends_with("none.toml cannot be read"), "{error}");
    }
}
