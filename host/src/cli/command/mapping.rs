//! `mapping`: between the form of the remote system and the form in which records are
//! kept.

mod preview;

use crate::{
    api::view::{MappingLint, MappingState, NewMappingTest},
    cli::{
        client::{Call, path},
        exit::{Exit, Usage},
        help,
        session::{Context, Needs, Session},
        text::clean,
    },
    model::{Mapping, RecordKey, ValueMap},
};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use std::{fs, path::PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the filters and value maps of a connector, and what they lose
    #[command(after_help = help::MAPPING_SHOW)]
    Show(Of),
    /// Save filters and value maps; what is not given stays as it was
    #[command(after_help = help::MAPPING_SET)]
    Set {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        given: Given,
    },
    /// Keep records as the remote system gives them
    #[command(after_help = help::MAPPING_REMOVE)]
    Remove(Of),
    /// Show what a mapping makes of records, before it is saved
    #[command(after_help = help::MAPPING_TEST)]
    Test {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        given: Given,
        /// This record; else the first ones
        #[arg(long, value_name = "KEY")]
        key: Option<RecordKey>,
        /// A payload as the remote system gives it, instead of stored records
        #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "limit"])]
        payload: Option<PathBuf>,
        /// How many records at most, up to 100 [default: 5]
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The channel
    channel: String,
    /// The connector
    connector: String,
}

#[derive(Debug, Args)]
pub(crate) struct Given {
    /// A jq filter from the remote payload to the local one
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// A jq filter from the local payload to the remote one
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// The value maps, as a JSON array
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,
    /// Without this part of what is saved
    #[arg(long, value_name = "PART")]
    without: Vec<Part>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    Import,
    Export,
    Values,
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    // Which connectors are exported is the plugin's to say.
    let session = Session::open(ctx, Needs::Plugins).await?;
    match command {
        Command::Show(of) => show(ctx, &session, Call::get(of.path(&[]))).await,
        Command::Set { of, given } => {
            if given.is_nothing() {
                let words = "nothing to save: give --import, --export, --values or --without";
                return Err(Usage(words.to_owned()).into());
            }
            let mapping = given.over(saved(&session, &of).await?)?;
            let call = Call::put(of.path(&[])).json(&serde_json::to_value(mapping)?);
            show(ctx, &session, call).await?;
            ctx.out.note(later(&of));
            Ok(Exit::Done)
        }
        Command::Remove(of) => {
            show(ctx, &session, Call::delete(of.path(&[]))).await?;
            ctx.out.note(later(&of));
            Ok(Exit::Done)
        }
        Command::Test { of, given, key, payload, limit } => {
            let mapping = Some(given.over(saved(&session, &of).await?)?);
            let payload = payload.map(|file| json(&file)).transpose()?;
            let body = serde_json::to_value(NewMappingTest { mapping, key, payload, limit })?;
            preview::run(ctx, &session, Call::post(of.path(&["test"])).json(&body)).await
        }
    }
}

impl Of {
    fn path(&self, more: &[&str]) -> String {
        path(&[&["channels", &self.channel, "mappings", &self.connector], more].concat())
    }
}

impl Given {
    fn is_nothing(&self) -> bool {
        self.import.is_none() && self.export.is_none() && self.values.is_none() && self.without.is_empty()
    }

    /// Laid over what is saved.
    fn over(&self, mut mapping: Mapping) -> anyhow::Result<Mapping> {
        for part in &self.without {
            match part {
                Part::Import => mapping.import = None,
                Part::Export => mapping.export = None,
                Part::Values => mapping.values = Vec::new(),
            }
        }
        if let Some(file) = &self.import {
            mapping.import = Some(text(file)?);
        }
        if let Some(file) = &self.export {
            mapping.export = Some(text(file)?);
        }
        if let Some(file) = &self.values {
            mapping.values = value_maps(file)?;
        }
        Ok(mapping)
    }
}

fn text(file: &PathBuf) -> anyhow::Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim_end().to_owned())
}

fn json<T: serde::de::DeserializeOwned>(file: &PathBuf) -> anyhow::Result<T> {
    serde_json::from_str(&text(file)?).with_context(|| format!("{} is not what is needed", file.display()))
}

fn value_maps(file: &PathBuf) -> anyhow::Result<Vec<ValueMap>> {
    json(file).context(r#"value maps look like [{"field": "/priority", "pairs": [["urgent", "high"]]}]"#)
}

async fn saved(session: &Session, of: &Of) -> anyhow::Result<Mapping> {
    let state: MappingState = session.ask(Call::get(of.path(&[]))).await?.read()?;
    Ok(state.mapping)
}

async fn show(ctx: &Context<'_>, session: &Session, call: Call) -> anyhow::Result<Exit> {
    let document = session.ask(call).await?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let state: MappingState = document.read()?;
    ctx.out.line(shown(&state))?;
    Ok(Exit::Done)
}

/// What has changed counts for what comes.
fn later(of: &Of) -> String {
    let Of { channel, connector } = of;
    format!(
        "it counts for records that come from now on; for those that are here: \
         tidegate sync {channel} --connector {connector} --full"
    )
}

fn shown(state: &MappingState) -> String {
    let MappingState { mapping, lints } = state;
    if mapping.is_empty() {
        return "no mapping: records are kept as the remote system gives them".to_owned();
    }
    let mut parts = Vec::new();
    for (name, filter) in [("import", &mapping.import), ("export", &mapping.export)] {
        parts.extend(filter.as_ref().map(|filter| format!("{name}:\n{}", indented(filter))));
    }
    parts.extend(mapping.values.iter().map(value_map));
    parts.extend((!lints.is_empty()).then(|| self::lints(lints)));
    parts.join("\n\n")
}

fn value_map(map: &ValueMap) -> String {
    let pair = |(remote, local): &(serde_json::Value, serde_json::Value)| format!("{remote} <-> {local}");
    let pairs: Vec<_> = map.pairs.iter().map(pair).chain([format!("others: {}", map.otherwise)]).collect();
    format!("values of {}:\n{}", clean(&map.field), indented(&pairs.join("\n")))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {}", clean(line))).collect::<Vec<_>>().join("\n")
}

fn lints(lints: &[MappingLint]) -> String {
    let line =
        |lint: &MappingLint| format!("  {}: {} ({})", clean(&lint.place), clean(&lint.message), lint.code);
    format!("mind:\n{}", lints.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_shown_with_what_it_loses() {
        let state: MappingState = serde_json::from_value(serde_json::json!({
            "mapping": {
                "import": "{title: .subject,\n priority}",
                "values": [{ "field": "/priority", "pairs": [["urgent", "high"], [null, 0]] }],
            },
            "lints": [{ "code": "no-export", "place": "import", "message": "there is no way back" }],
        }))
        .expect("a state");
        insta::assert_snapshot!(shown(&state), @r#"
        import:
          {title: .subject,
           priority}

        values of /priority:
          "urgent" <-> "high"
          null <-> 0
          others: keep

        mind:
          import: there is no way back (no-export)
        "#);
        let nothing = MappingState { mapping: Mapping::default(), lints: Vec::new() };
        assert_eq!(shown(&nothing), "no mapping: records are kept as the remote system gives them");
    }

    #[test]
    fn what_is_given_is_laid_over_what_is_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("export.jq");
        fs::write(&file, ".b\n").expect("written");
        let saved = Mapping { import: Some(".a".into()), export: None, values: Vec::new() };
        let given = Given { import: None, export: Some(file.clone()), values: None, without: Vec::new() };
        let both = given.over(saved.clone()).expect("a mapping");
        assert_eq!((both.import.as_deref(), both.export.as_deref()), (Some(".a"), Some(".b")));
        let without = Given { without: vec![Part::Import], ..given };
        assert_eq!(without.over(saved.clone()).expect("a mapping").import, None);
        let odd = Given { values: Some(file), ..without };
        let words = format!("{:#}", odd.over(saved).expect_err("no JSON"));
        assert!(words.starts_with("value maps look like "), "{words}");
    }
}
