//! `plugin`: the plugins folder, a look at one file, and letting one go on.

mod manifest;

use crate::{
    api::view::{Inspection, List, Plugin, PluginState, ReleasedPlugin},
    cli::{
        client::{Call, Document, path},
        exit::Exit,
        help,
        progress::spinner,
        session::{Context, Needs, Session},
        table::{Table, pairs},
        text::{bytes, clean, list, maybe_time, none},
    },
    model::Manifest,
};
use anyhow::{Context as _, bail};
use clap::Subcommand;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the files of the plugins folder
    #[command(after_help = help::PLUGIN_LIST)]
    List,
    /// Judge a file without taking it up, and show what it says of itself
    #[command(after_help = help::PLUGIN_INSPECT)]
    Inspect {
        /// A .wasm file
        file: PathBuf,
    },
    /// Look at the plugins folder now
    #[command(after_help = help::PLUGIN_RELOAD)]
    Reload,
    /// Let a plugin go on that is in quarantine
    #[command(after_help = help::PLUGIN_RELEASE)]
    Release {
        /// The plugin's id, the file's name, or the beginning of its digest
        plugin: String,
    },
}

pub(crate) async fn run(ctx: &Context<'_>, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List => show(ctx, Call::get(path(&["plugins"])), "judging the plugins").await,
        Command::Reload => show(ctx, Call::post(path(&["plugins", "reload"])), "judging the plugins").await,
        Command::Inspect { file } => inspect(ctx, &file).await,
        Command::Release { plugin } => release(ctx, &plugin).await,
    }
}

async fn show(ctx: &Context<'_>, call: Call, doing: &str) -> anyhow::Result<Exit> {
    let working = spinner(ctx.out, doing);
    let session = Session::open(ctx, Needs::Plugins).await?;
    let answer = session.ask(call).await;
    working.finish_and_clear();
    let document = answer?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let plugins: List<Plugin> = document.read()?;
    if plugins.items.is_empty() {
        let folder = ctx.loaded.config.plugins_folder();
        ctx.out.note(format!("no files; copy a plugin's .wasm file into {}", folder.display()));
        return Ok(Exit::Done);
    }
    ctx.out.table(table(&plugins.items))?;
    for line in refusals(&plugins.items) {
        ctx.out.line(line)?;
    }
    Ok(Exit::Done)
}

async fn release(ctx: &Context<'_>, plugin: &str) -> anyhow::Result<Exit> {
    let mut session = Session::open(ctx, Needs::Data).await?;
    let call = Call::post(path(&["plugins", "release"])).json(&serde_json::json!({ "plugin": plugin }));
    let answer = session.ask(call).await;
    // What a host in this process knows of it now has to be written.
    session.stop().await;
    let document = answer?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
        return Ok(Exit::Done);
    }
    let released: List<ReleasedPlugin> = document.read()?;
    for one in &released.items {
        let name = format!("{} {} ({}, {:.12})", one.id, clean(&one.version), clean(&one.file), one.sha256);
        ctx.out.line(format!("{name} goes on; runs that waited for it go on by themselves"))?;
    }
    Ok(Exit::Done)
}

fn table(plugins: &[Plugin]) -> Table {
    let mut table = Table::new(["FILE", "STATUS", "~TYPES", "VERSION", ">SIZE", "SHA-256"]);
    for plugin in plugins {
        table.row([
            plugin.file.clone(),
            status(plugin.status).to_owned(),
            list(&plugin.channel_types),
            plugin.version.clone().unwrap_or_else(none),
            bytes(plugin.size),
            plugin.sha256.as_deref().map_or_else(none, |digest| digest.chars().take(12).collect()),
        ]);
    }
    table
}

/// Below the table: reasons are sentences.
fn refusals(plugins: &[Plugin]) -> Vec<String> {
    let refused = plugins.iter().filter_map(|plugin| plugin.error.as_ref().map(|error| (plugin, error)));
    refused
        .map(|(plugin, error)| {
            format!("\n{}: {} ({})", clean(&plugin.file), clean(&error.message), clean(&error.code))
        })
        .collect()
}

fn status(state: PluginState) -> &'static str {
    match state {
        PluginState::Settling => "settling",
        PluginState::Ready => "ready",
        PluginState::Refused => "refused",
        PluginState::Quarantined => "quarantined",
    }
}

async fn inspect(ctx: &Context<'_>, file: &Path) -> anyhow::Result<Exit> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let content = read(file)?;
    let working = spinner(ctx.out, "judging the file");
    let session = Session::open(ctx, Needs::Data).await?;
    let call = Call::post(path(&["plugins", "inspect"])).with("file", name.as_deref()).bytes(content);
    let answer = session.ask(call).await;
    working.finish_and_clear();
    let document: Document = answer?;
    let inspection: Inspection = document.read()?;
    if ctx.out.is_json() {
        ctx.out.document(&document)?;
    } else {
        ctx.out.line(describe(&inspection.plugin))?;
        if let Some(manifest) = inspection.manifest {
            let manifest: Manifest =
                serde_json::from_value(manifest).context("the manifest cannot be understood")?;
            manifest::show(ctx.out, &manifest)?;
        }
    }
    Ok(if inspection.plugin.status == PluginState::Ready { Exit::Done } else { Exit::Failed })
}

/// A file that is larger than any host takes is not worth sending.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    const MOST: u64 = 1 << 30;
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut content = Vec::new();
    opened
        .take(MOST + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    if content.is_empty() {
        bail!("{} is empty", file.display());
    }
    if content.len() as u64 > MOST {
        bail!("{} is larger than {}: no plugin is", file.display(), bytes(MOST));
    }
    Ok(content)
}

fn describe(plugin: &Plugin) -> String {
    let mut lines = vec![
        ("file", plugin.file.clone()),
        ("status", status(plugin.status).to_owned()),
        ("size", bytes(plugin.size)),
        ("sha-256", plugin.sha256.clone().unwrap_or_else(none)),
    ];
    if plugin.modified.is_some() {
        lines.push(("modified", maybe_time(plugin.modified)));
    }
    if let Some(error) = &plugin.error {
        lines.extend([("reason", error.message.clone()), ("code", error.code.clone())]);
    }
    if plugin.status != PluginState::Refused {
        lines.extend([
            ("plugin", plugin.id.as_ref().map_or_else(none, ToString::to_string)),
            ("version", plugin.version.clone().unwrap_or_else(none)),
            ("exports", list(&plugin.exports)),
        ]);
    }
    pairs(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::view::Refusal, model::Name};

    #[test]
    fn the_folder_is_a_table_with_reasons_below() {
        let good = Plugin {
            file: "zendesk.wasm".into(),
            size: 1_400_000,
            modified: None,
            sha256: Some("0123456789abcdef".repeat(4)),
            status: PluginState::Ready,
            error: None,
            quarantine: None,
            id: Name::try_new("zendesk").ok(),
            version: Some("0.1.0".into()),
            channel_types: vec![Name::try_new("zendesk").expect("a name")],
            exports: vec!["connector".into()],
        };
        let error =
            Refusal { code: "component.import".into(), message: "it imports wasi:sockets/tcp".into() };
        let bad = Plugin {
            file: "bad.wasm".into(),
            status: PluginState::Refused,
            error: Some(error),
            channel_types: Vec::new(),
            version: None,
            ..good.clone()
        };
        let plugins = [good, bad];
        let text =
            [table(&plugins).render(Some(100))].into_iter().chain(refusals(&plugins)).collect::<Vec<_>>();
        insta::assert_snapshot!(text.join("\n"), @"
        FILE          STATUS   TYPES    VERSION     SIZE  SHA-256
        zendesk.wasm  ready    zendesk  0.1.0    1.3 MiB  0123456789ab
        bad.wasm      refused  -        -        1.3 MiB  0123456789ab

        bad.wasm: it imports wasi:sockets/tcp (component.import)
        ");
    }
}
