//! `config`: shows the configuration that counts.

use crate::{
    api::view::Configuration,
    app,
    cli::{
        client::{Call, path},
        exit::Exit,
        help,
        session::{Context, Needs, Session},
    },
    config::{Config, Loaded, Source},
};
use anyhow::Context as _;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print every key with its value, and where it comes from
    #[command(after_help = help::CONFIG_SHOW)]
    Show,
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    let Command::Show = command;
    let shown = match &ctx.url {
        // It works also where the data folder does not: that is when it is needed.
        None => app::shown(&ctx.loaded, ctx.key.is_some()),
        Some(_) => {
            let session = Session::open(ctx, Needs::Data).await?;
            session.ask(Call::get(path(&["config"]))).await?.read()?
        }
    };
    if ctx.out.is_json() {
        ctx.out.document(&shown)?;
    } else {
        ctx.out.line(text(shown)?.trim_end())?;
    }
    Ok(Exit::Done)
}

/// A file that can be used as it is, with its origin in comments.
fn text(shown: Configuration) -> anyhow::Result<String> {
    let config: Config = serde_json::from_value(shown.config)
        .context("the configuration is of another version of tidegate")?;
    let source = Source { file: shown.file, flags: shown.flags };
    let key = match shown.key {
        crate::api::view::KeySource::File => "the file `key` in the data folder",
        crate::api::view::KeySource::Environment => "the variable TIDEGATE_KEY",
    };
    let loaded = Loaded { config, source };
    Ok(format!("# from {}\n# key of the secrets: {key}\n\n{}", loaded.describe(), loaded.config.to_toml()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_shown_is_a_file_that_means_the_same() {
        let source = Source { file: Some("/etc/t.toml".into()), flags: vec!["--data".into()] };
        let loaded = Loaded { config: Config::default(), source };
        let text = text(app::shown(&loaded, false)).expect("text");
        assert!(text.starts_with("# from /etc/t.toml, with --data from the command line\n"), "{text}");
        let again = Config::parse(&text, Path::new("t.toml")).expect("a configuration");
        assert_eq!(again.to_toml(), Config::default().to_toml());
    }
}
