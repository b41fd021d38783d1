//! The command line as clap reads it: the options that every command takes, and the
//! commands.

use super::{command, help};
use crate::config::Flags;
use clap::{ArgAction, Args, Parser, Subcommand};
use std::{net::SocketAddr, path::PathBuf};

/// Integration host: sandboxed connectors, durable sync.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    bin_name = "tidegate",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    help_template = help::TOP,
    after_help = help::TOP_AFTER,
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Global {
    /// Configuration file [default: tidegate.toml in the current folder, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Data folder [default: tidegate-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Plugins folder [default: plugins in the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) plugins: Option<PathBuf>,
    /// Ask the host at this address [default: the host that runs on the data folder, else none]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) url: Option<String>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Log more to stderr; -vv and -vvv still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the host: the API, the plugins folder, the syncs
    #[command(after_help = help::SERVE)]
    Serve(Serve),
    /// Look at the plugins folder, or at one file
    #[command(after_help = help::PLUGIN)]
    Plugin {
        #[command(subcommand)]
        command: command::plugin::Command,
    },
    /// Set up and look after channels
    #[command(after_help = help::CHANNEL)]
    Channel {
        #[command(subcommand)]
        command: command::channel::Command,
    },
    /// Import what is new in a channel's remote system
    #[command(after_help = help::SYNC)]
    Sync(command::sync::Sync),
    /// Play a recorded run to its plugin, or to another version of it
    #[command(after_help = help::REPLAY)]
    Replay(command::replay::Replay),
    /// Look at recorded runs, or delete one
    #[command(after_help = help::CASSETTE)]
    Cassette {
        #[command(subcommand)]
        command: command::cassette::Command,
    },
    /// Look at what syncs did, or end one
    #[command(after_help = help::RUN)]
    Run {
        #[command(subcommand)]
        command: command::run::Command,
    },
    /// Look at when channels sync by themselves, or hold that back
    #[command(after_help = help::SCHEDULE)]
    Schedule {
        #[command(subcommand)]
        command: command::schedule::Command,
    },
    /// Read records, and change them in channels that go both ways
    #[command(after_help = help::RECORD)]
    Record {
        #[command(subcommand)]
        command: command::record::Command,
    },
    /// Look at the changes that wait to be exported, try them again, or give them up
    #[command(after_help = help::OUTBOX)]
    Outbox {
        #[command(subcommand)]
        command: command::outbox::Command,
    },
    /// See what both sides changed, and decide it
    #[command(after_help = help::CONFLICT)]
    Conflict {
        #[command(subcommand)]
        command: command::conflict::Command,
    },
    /// See which remote systems fail, and give one free
    #[command(after_help = help::ORIGIN)]
    Origin {
        #[command(subcommand)]
        command: command::origin::Command,
    },
    /// Look at the records that failed, try them again, or give them up
    #[command(after_help = help::QUARANTINE)]
    Quarantine {
        #[command(subcommand)]
        command: command::quarantine::Command,
    },
    /// Make addresses that a channel's remote system posts to
    #[command(after_help = help::WEBHOOK)]
    Webhook {
        #[command(subcommand)]
        command: command::webhook::Command,
    },
    /// Tell an address of yours which records change
    #[command(after_help = help::NOTICE)]
    Notice {
        #[command(subcommand)]
        command: command::notice::Command,
    },
    /// Turn records into the form in which they are kept, and back
    #[command(after_help = help::MAPPING)]
    Mapping {
        #[command(subcommand)]
        command: command::mapping::Command,
    },
    /// Keep records of two channels in step
    #[command(after_help = help::ROUTE)]
    Route {
        #[command(subcommand)]
        command: command::route::Command,
    },
    /// Show the configuration that counts
    #[command(after_help = help::CONFIG)]
    Config {
        #[command(subcommand)]
        command: command::config::Command,
    },
    /// Find out what is wrong with the host and its surroundings
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// Call an operation of a channel, or look at calls
    #[command(after_help = help::CALL)]
    Call(command::call::Call),
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where the API listens; a loopback address [default: 127.0.0.1:7070; port 0 takes a free one]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<SocketAddr>,
}

impl Cli {
    /// What the command line says about the configuration.
    pub(super) fn flags(&self) -> Flags {
        let listen = match &self.command {
            Command::Serve(serve) => serve.listen,
            _ => None,
        };
        Flags {
            config: self.global.config.clone(),
            data: self.global.data.clone(),
            plugins: self.global.plugins.clone(),
            listen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_in_the_overview_and_has_an_example() {
        let mut root = Cli::command();
        let overview = root.render_help().to_string();
        for command in root.get_subcommands() {
            assert!(
                overview.contains(&format!("\n  {}", command.get_name())),
                "{} in:\n{overview}",
                command.get_name()
            );
            has_example(command);
        }
    }

    fn has_example(command: &clap::Command) {
        let name = command.get_name();
        if command.has_subcommands() {
            command.get_subcommands().for_each(has_example);
        }
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.contains("tidegate "), "{name} has no example");
    }
}
