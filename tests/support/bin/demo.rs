//! The main job from nothing: builds the host and the Zendesk plugin, starts a fake
//! Zendesk, creates a channel, syncs it twice, and shows what came of it.
//!
//! It does nothing that an operator could not type; every command is printed before
//! it is run.

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde_json::json;
use std::{
    env, fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};
use tests::{
    programs,
    zendesk::{EMAIL, TOKEN, Zendesk},
};

/// Shows the main job, from building to the imported records.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// How many tickets the fake Zendesk has
    #[arg(long, default_value_t = 2_000)]
    tickets: u64,
    /// Keep the fake Zendesk running at the end, to go on trying things
    #[arg(long)]
    keep: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    programs::show_progress();
    step("Build the host and the Zendesk plugin (the first time takes some minutes)")?;
    let program = programs::tidegate()?;
    let plugin = programs::plugin("zendesk")?;

    step("Start a fake Zendesk on this machine")?;
    let fake = Zendesk::builder().users(200).tickets(arguments.tickets).comments_per_ticket(2).start()?;
    say(&format!("{} with 200 users, {} tickets and 2 comments each", fake.url(), arguments.tickets))?;

    step("Drop the plugin into the folder of a new host")?;
    let demo = Demo::new(program, &plugin)?;
    demo.tidegate(&["plugin", "list"])?;

    step("Create a channel and check the connection")?;
    let (url, email, token) =
        (format!("url={}", fake.url()), format!("email={EMAIL}"), format!("token={TOKEN}"));
    let create = ["channel", "create", "acme", "--type", "zendesk"];
    demo.tidegate(&[&create[..], &["--set", &url, "--set", &email, "--secret", &token]].concat())?;
    demo.tidegate(&["channel", "check", "acme"])?;

    step("Import everything")?;
    demo.tidegate(&["sync", "acme", "--wait"])?;

    step("Change three tickets and delete one in the fake Zendesk, and sync again")?;
    for id in 1..=3 {
        fake.change_ticket(id, json!({ "subject": format!("Changed while you watched, {id}") }))?;
    }
    fake.delete_ticket(4)?;
    demo.tidegate(&["sync", "acme", "--wait"])?;

    step("Look at what is there")?;
    demo.tidegate(&["record", "list", "acme", "ticket", "--limit", "5"])?;
    demo.tidegate(&["run", "list", "--limit", "6"])?;
    demo.point_further(arguments.keep.then_some(&fake))
}

/// The data folder, and how to run commands on it.
struct Demo {
    program: PathBuf,
    config: PathBuf,
    data: PathBuf,
}

impl Demo {
    /// Clears what an earlier demo left, and puts configuration and plugin in place.
    fn new(program: PathBuf, plugin: &Path) -> Result<Self> {
        let folder = target().join("demo");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("clear {}", folder.display()))?;
        }
        let demo = Self { program, config: folder.join("tidegate.toml"), data: folder.join("data") };
        fs::create_dir_all(demo.data.join("plugins"))?;
        let config = "# The fake Zendesk is on this machine and speaks plain HTTP; both are refused by default.\n\
                      [broker]\nallow-addresses = [\"127.0.0.0/8\"]\nallow-plain-http = true\n";
        fs::write(&demo.config, config)?;
        fs::copy(plugin, demo.data.join("plugins/zendesk.wasm"))?;
        say(&format!("{} → {}", shown(plugin), shown(&demo.data.join("plugins/zendesk.wasm"))))?;
        Ok(demo)
    }

    /// Prints a command and runs it.
    fn tidegate(&self, arguments: &[&str]) -> Result<()> {
        let quoted: Vec<_> = arguments.iter().map(|argument| argument.replace(TOKEN, "…")).collect();
        say(&format!("$ tidegate {}", quoted.join(" ")))?;
        let status = self
            .command()
            .args(arguments)
            .status()
            .with_context(|| format!("run {}", self.program.display()))?;
        ensure!(status.success(), "`tidegate {}` ended with {status}", quoted.join(" "));
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).arg("--data").arg(&self.data);
        command
    }

    fn point_further(&self, kept: Option<&Zendesk>) -> Result<()> {
        let tidegate =
            format!("{} --config {} --data {}", shown(&self.program), shown(&self.config), shown(&self.data));
        step("Where to look next")?;
        let hints = [
            ("one ticket, whole", "record show acme ticket 1"),
            ("all of them", "record export acme ticket --format jsonl"),
            ("the channel, its connectors and counts", "channel show acme"),
            ("a host that stays", "serve"),
            ("everything else", "--help"),
        ];
        for (what, arguments) in hints {
            say(&format!("{what:40} {tidegate} {arguments}"))?;
        }
        let Some(fake) = kept else {
            return say(
                "\nThe fake Zendesk is gone now; `cargo demo --keep` leaves it running for further syncs.",
            );
        };
        say(&format!(
            "\nThe fake Zendesk keeps running on {}; {}/_fake says what can be changed in it. End it with Ctrl-C.",
            fake.url(),
            fake.url()
        ))?;
        let run_time = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(run_time.block_on(tokio::signal::ctrl_c())?)
    }
}

/// Cargo's target folder: this program lies in a folder of it.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).map_or_else(|| PathBuf::from("target"), Path::to_owned)
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

fn step(title: &str) -> Result<()> {
    let bold = std::io::stdout().is_terminal();
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    say(&format!("\n{on}== {title}{off}"))
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
