//! The words of `--help` that clap does not make itself.

/// The overview: commands in groups, then the options.
pub(super) const TOP: &str = "\
{about}
A plugin is one .wasm file that offers kinds of integration; a channel is one of them
set up for a remote system; a sync imports what is new there.

Usage: {usage}

Run it:
  serve    Run the host: the API, the plugins folder, the syncs
  doctor   Find out what is wrong with the host and its surroundings
  config   Show the configuration that counts

Set it up:
  plugin   Look at the plugins folder, or at one file
  channel  Set up and look after channels

Use it:
  sync     Import what is new in a channel's remote system
  run      Look at what syncs did, or end one
  record   Read the imported records

Judge an upgrade, report a bug:
  replay    Play a recorded run to its plugin, or to another version of it
  cassette  Look at recorded runs, or delete one

Everywhere:
{options}{after-help}
";

/// Examples and exit codes.
pub(super) const TOP_AFTER: &str = "\
Examples:
  tidegate serve
  tidegate channel create support --type zendesk --set subdomain=acme \\
      --set email=agent@acme.com --secret-file token=./token
  tidegate sync support --wait
  tidegate record export support ticket --format jsonl > tickets.jsonl

Commands ask the host that runs on the data folder; where none does, they work on the
folder themselves.

Exit codes:
  0  done
  1  failed
  2  the command line or the configuration makes no sense
  3  partly failed: a sync left records in quarantine, or some of its connectors failed;
     or a replay differs from what was recorded

With --json an error is the document, too: {\"error\":{\"class\":…,\"code\":…,\"message\":…}}.
The key of the secrets is the file `key` in the data folder, or the variable TIDEGATE_KEY.";

pub(super) const SERVE: &str = "\
Examples:
  tidegate serve
  tidegate serve --listen 127.0.0.1:0 --json

It prints its address when it answers there. The API has no login, so it listens on
loopback addresses only. SIGTERM or Ctrl-C stops it: runs end at a page border, within
the time that `grace` in the configuration gives. A second signal ends it at once.";

pub(super) const PLUGIN: &str = "\
Examples:
  tidegate plugin list
  tidegate plugin inspect ./zendesk.wasm

A running host sees files that are dropped, replaced or removed within two seconds.";
pub(super) const PLUGIN_LIST: &str = "\
Example:
  tidegate plugin list --json | jq '.items[] | select(.status == \"refused\") | .error'";
pub(super) const PLUGIN_INSPECT: &str = "\
Example:
  tidegate plugin inspect ./zendesk.wasm

It judges the file as the plugins folder would, and lists the settings that a channel
of its types takes. It ends with 1 where the file is refused.";
pub(super) const PLUGIN_RELOAD: &str = "\
Example:
  tidegate plugin reload

It looks at the folder now and waits until every file is judged.";

pub(super) const CHANNEL: &str = "\
Examples:
  tidegate channel create support --type zendesk --set subdomain=acme \\
      --set email=agent@acme.com --secret-file token=./token
  tidegate channel check support
  tidegate channel show support";
pub(super) const CHANNEL_CREATE: &str = "\
Examples:
  tidegate channel create support --type zendesk --set subdomain=acme \\
      --set email=agent@acme.com --secret-file token=./token
  pass show acme/zendesk | tidegate channel create support --type zendesk \\
      --set subdomain=acme --set email=agent@acme.com --secret-file token=- --connector ticket";
pub(super) const CHANNEL_LIST: &str = "\
Example:
  tidegate channel list";
pub(super) const CHANNEL_SHOW: &str = "\
Example:
  tidegate channel show support

It shows which secrets are set, never their values.";
pub(super) const CHANNEL_EDIT: &str = "\
Examples:
  tidegate channel edit support --secret-file token=./new-token
  tidegate channel edit support --unset start-date --connector user --connector ticket";
pub(super) const CHANNEL_ENABLE: &str = "\
Example:
  tidegate channel enable support";
pub(super) const CHANNEL_DISABLE: &str = "\
Example:
  tidegate channel disable support

Runs that go on are not ended by it: tidegate run cancel ID.";
pub(super) const CHANNEL_DELETE: &str = "\
Example:
  tidegate channel delete support --yes

It deletes the channel, its secrets, and every record that was imported through it.";
pub(super) const CHANNEL_CHECK: &str = "\
Example:
  tidegate channel check support

It asks the remote system who we are there. It ends with 1 where we are not let in.";

pub(super) const SYNC: &str = "\
Examples:
  tidegate sync support --wait
  tidegate sync support --connector ticket --full
  tidegate sync support --record --wait

A running host does the sync; without --wait the command only starts it. Where no host
runs, the command does it itself, to the end. With --wait it ends with 0 where all was
done, 1 where it failed, 3 where records are in quarantine or some connectors failed.
With --record every request and answer is kept, without secrets, for tidegate replay.";

pub(super) const REPLAY: &str = "\
Examples:
  tidegate replay 01K6Z5F5V0A7Q2XJ8M3R9T4B6C
  tidegate replay 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --plugin ./zendesk-0.2.0.wasm

It runs the plugin against what was recorded with tidegate sync --record: nothing is
sent, nothing is stored, and the plugin's clock and random numbers are those of then.
It ends with 0 where all is the same, 3 where something differs, 1 where it could not be
replayed.";

pub(super) const CASSETTE: &str = "\
Examples:
  tidegate cassette list
  tidegate cassette show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C
  tidegate cassette delete 01K6Z5F5V0A7Q2XJ8M3R9T4B6C";
pub(super) const CASSETTE_LIST: &str = "\
Example:
  tidegate cassette list --json | jq '.items[].run'";
pub(super) const CASSETTE_SHOW: &str = "\
Example:
  tidegate cassette show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C

It lists the requests of the run, by step, with what they were answered.";
pub(super) const CASSETTE_DELETE: &str = "\
Example:
  tidegate cassette delete 01K6Z5F5V0A7Q2XJ8M3R9T4B6C

The run and its records stay; only the recording goes.";

pub(super) const RUN: &str = "\
Examples:
  tidegate run list --channel support
  tidegate run show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C";
pub(super) const RUN_LIST: &str = "\
Example:
  tidegate run list --channel support --limit 5";
pub(super) const RUN_SHOW: &str = "\
Example:
  tidegate run show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C";
pub(super) const RUN_CANCEL: &str = "\
Example:
  tidegate run cancel 01K6Z5F5V0A7Q2XJ8M3R9T4B6C

What was imported stays; the next sync goes on from there.";

pub(super) const RECORD: &str = "\
Examples:
  tidegate record list support ticket
  tidegate record export support ticket --format csv > tickets.csv";
pub(super) const RECORD_LIST: &str = "\
Example:
  tidegate record list support ticket --limit 20";
pub(super) const RECORD_SHOW: &str = "\
Example:
  tidegate record show support ticket 4711";
pub(super) const RECORD_EXPORT: &str = "\
Examples:
  tidegate record export support ticket --format jsonl > tickets.jsonl
  tidegate record export support user --format csv | head

jsonl: a line a record, {\"key\":…,\"updated\":…,\"payload\":{…}}.
csv: the columns key and updated, then the payload's fields; what is nested stays JSON.";

pub(super) const CONFIG: &str = "\
Example:
  tidegate config show";
pub(super) const CONFIG_SHOW: &str = "\
Examples:
  tidegate config show
  tidegate config show > tidegate.toml

It prints every key with the value that counts, as a file that can be used. With --url
it asks that host; else it reads what this command line would use.";

pub(super) const DOCTOR: &str = "\
Example:
  tidegate doctor

It changes nothing but makes the data folder where it is missing. It ends with 1 where
something fails; warnings alone end with 0.";
