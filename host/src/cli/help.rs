//! The words of `--help` that clap does not make itself.

mod calls;
mod posts;
mod records;
mod routes;

pub(super) use calls::*;
pub(super) use posts::*;
pub(super) use records::*;
pub(super) use routes::*;

/// The overview: commands in groups, then the options.
pub(super) const TOP: &str = "\
{about}
A plugin is one .wasm file that offers kinds of integration; a channel is one of them
set up for a remote system; a sync imports what is new there.

Usage: {usage}

Run it:
  serve       Run the host: the API, the plugins folder, the syncs
  doctor      Find out what is wrong with the host and its surroundings
  config      Show the configuration that counts

Set it up:
  plugin      Look at the plugins folder, or at one file
  channel     Set up and look after channels
  webhook     Make addresses that a channel's remote system posts to
  notice      Tell an address of yours which records change
  mapping     Turn records into the form in which they are kept, and back
  route       Keep records of two channels in step

Use it:
  sync        Import what is new in a channel's remote system
  run         Look at what syncs did, or end one
  schedule    Look at when channels sync by themselves, or hold that back
  record      Read records, and change them in channels that go both ways
  outbox      Look at the changes that wait to be exported, try them again, or give them up
  conflict    See what both sides changed, and decide it
  call        Call an operation of a channel, or look at calls
  quarantine  Look at the records that failed, try them again, or give them up
  origin      See which remote systems fail, and give one free

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
loopback addresses only.

SIGTERM or Ctrl-C stops it: runs end at their last page, within the time that `grace` in
the configuration gives, and go on when a host is started again. A second signal ends it
at once; nothing is lost by that, nor when it is killed.";

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
pub(super) const PLUGIN_RELEASE: &str = "\
Examples:
  tidegate plugin release zendesk
  tidegate plugin release zendesk.wasm
  tidegate plugin release 4f1c09d2ab31

A version of a plugin comes into quarantine when too many of its steps in a row end in a
trap; tidegate plugin list tells since when, and how the last one ended. Runs that
waited for it go on by themselves, and its traps are counted anew.";

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
      --set subdomain=acme --set email=agent@acme.com --secret-file token=- --connector ticket \\
      --cron \"0 * * * *\" --time-zone Europe/Vienna --quiet 22:00-06:00

It syncs by itself as soon as it is there, and then as often as the host's configuration
says, where none of --every, --cron and --manual is given. Quiet hours hold back what
starts by itself, never a sync that somebody asks for.";
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
  tidegate channel edit support --unset start-date --connector user --connector ticket
  tidegate channel edit support --every 15m --quiet 22:00-06:00 --time-zone Europe/Vienna
  tidegate channel edit support --default-schedule --no-quiet --parallel 4

New settings or secrets let a paused channel go on.";
pub(super) const CHANNEL_ENABLE: &str = "\
Example:
  tidegate channel enable support

A channel that the host has paused goes on, too. A plugin that has a say may refuse it.";
pub(super) const CHANNEL_DISABLE: &str = "\
Examples:
  tidegate channel disable support
  tidegate channel disable support --force

--force overrules a plugin that refuses it. Runs that go on are not ended by it: tidegate run cancel ID. Those that wait or are put
off are cancelled when their turn comes.";
pub(super) const CHANNEL_DELETE: &str = "\
Examples:
  tidegate channel delete support
  tidegate channel delete support --yes
  tidegate channel delete support --yes --force

Without --yes it shows what would be deleted: the channel, its secrets, every record that
came through it, changes that were not sent yet, quarantine, runs, logs and cassettes. What
is at the remote system stays as it is. --force overrules a plugin that refuses it. A channel
that routes use is not deleted without it; they go with the channel.";
pub(super) const CHANNEL_CHECK: &str = "\
Example:
  tidegate channel check support

It asks the remote system who we are there. It ends with 1 where we are not let in.";

pub(super) const CHANNEL_CONNECT: &str = "\
Examples:
  tidegate channel connect support
  tidegate channel connect support --timeout 2m

For channels that sign in by OAuth. It prints an address to open in a browser and waits until
the browser is back; a host has to run (tidegate serve), and the provider has to know its
redirect URI, which is printed too. It ends with 1 where nothing came of it. A channel with
credentials of its own (client credentials) is connected at once.";
pub(super) const CHANNEL_DISCONNECT: &str = "\
Example:
  tidegate channel disconnect support

What was imported stays. It ends with 3 where the provider did not take the tokens back.";

pub(super) const SYNC: &str = "\
Examples:
  tidegate sync support --wait
  tidegate sync support --connector ticket --full
  tidegate sync support --dry-run --limit 20
  tidegate sync support --record --wait

--full reads everything again, and finds the records that are gone remotely; connectors
that are driven by keys have no beginning, and go on with what is due.

A running host does the sync; without --wait the command only asks for it. While a sync
of the channel goes on, what is asked for follows that one. A run that is put off because
the remote system fails, or wants fewer requests, is tried again at once.

--wait waits for the end, however often runs are put off; --timeout ends the waiting, and
the sync goes on. It ends with 0 where all was done, 1 where it failed or the time was
over, 3 where records are in quarantine or some connectors failed.

Where no host runs, the command does the sync itself: until all is done, or put off. A
host goes on with what is left when it is started, or this command when it is run again.

A dry run shows what would be added (+), updated (~), deleted (-) or set aside (!), and
changes nothing: it keeps nothing here and sends only GET, HEAD and OPTIONS. It ends
with 0, or with 1 where a connector failed.

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
  tidegate run show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C
  tidegate run logs 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --follow

A sync makes one run for each connector. It keeps its id when it is put off, and when the
host is stopped or killed and started again.";
pub(super) const RUN_LIST: &str = "\
Examples:
  tidegate run list --channel support --limit 5
  tidegate run list --status failed,deferred --since 24h

A run goes on by itself as long as it stands as queued, running or deferred (put off); it
ends as completed, completed-with-warnings, failed, skipped or cancelled.";
pub(super) const RUN_SHOW: &str = "\
Example:
  tidegate run show 01K6Z5F5V0A7Q2XJ8M3R9T4B6C";
pub(super) const RUN_LOGS: &str = "\
Examples:
  tidegate run logs 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --level warn
  tidegate run logs 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --follow
  tidegate run logs 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --follow --json | jq .message

With --follow and --json every line is a document of its own.";
pub(super) const RUN_PAGES: &str = "\
Example:
  tidegate run pages 01K6Z5F5V0A7Q2XJ8M3R9T4B6C --limit 20";
pub(super) const RUN_CLEAN: &str = "\
Examples:
  tidegate run clean --dry-run
  tidegate run clean --completed-older 1d --failed-older 7d

The newest run of each connector stays, and so do runs that go on. No record, no cursor
and no due key goes with a run.";
pub(super) const RUN_CANCEL: &str = "\
Example:
  tidegate run cancel 01K6Z5F5V0A7Q2XJ8M3R9T4B6C

It ends at its last page; one that waits or is put off ends at once. What was imported
stays, and the next sync goes on from there.";

pub(super) const SCHEDULE: &str = "\
Examples:
  tidegate schedule next
  tidegate schedule pause --reason \"new disk\"

A channel has its own schedule: tidegate channel edit NAME --every 15m.";
pub(super) const SCHEDULE_NEXT: &str = "\
Examples:
  tidegate schedule next
  tidegate schedule next support --limit 10

The times hold if nothing comes between them: a change of the channel, a sync that takes
longer than the time to the next one, a host that does not run.";
pub(super) const SCHEDULE_SHOW: &str = "\
Example:
  tidegate schedule show";
pub(super) const SCHEDULE_PAUSE: &str = "\
Example:
  tidegate schedule pause --reason \"new disk\"

Syncs that go on are not ended by it, and what somebody asks for is done. It holds over a
restart, until: tidegate schedule resume.";
pub(super) const SCHEDULE_RESUME: &str = "\
Example:
  tidegate schedule resume

Channels whose time has passed meanwhile sync once, spread over half a minute.";

pub(super) const ORIGIN: &str = "\
Examples:
  tidegate origin list
  tidegate origin close https://acme.zendesk.com";
pub(super) const ORIGIN_LIST: &str = "\
Examples:
  tidegate origin list
  tidegate origin list --json | jq '.items[] | select(.breaker != \"closed\")'

A breaker that is open lets no request out; the first one after NEXT TRY finds out
whether the origin works again. BLOCKED UNTIL is what the remote system asked for.";
pub(super) const ORIGIN_CLOSE: &str = "\
Example:
  tidegate origin close https://acme.zendesk.com

The host does it by itself as soon as the origin works again: this is for a person who
knows so already. It also lifts what the remote system asked for with Retry-After.";
pub(super) const QUARANTINE: &str = "\
Examples:
  tidegate quarantine list support
  tidegate quarantine retry support --code record.size --wait";
pub(super) const QUARANTINE_LIST: &str = "\
Examples:
  tidegate quarantine list
  tidegate quarantine list support --connector ticket --since 2h
  tidegate quarantine list --class invalid-data --json | jq '.items[].key'";
pub(super) const QUARANTINE_SHOW: &str = "\
Example:
  tidegate quarantine show support ticket 4711";
pub(super) const QUARANTINE_RETRY: &str = "\
Examples:
  tidegate quarantine retry support ticket 4711 --wait
  tidegate quarantine retry support --code record.size
  tidegate quarantine retry support ticket --all

Keys are fetched again; records that the host refused are judged anew by what is kept of
them. What the connector itself refused needs another delivery: a full sync.";
pub(super) const QUARANTINE_DROP: &str = "\
Examples:
  tidegate quarantine drop support ticket 4711 --yes
  tidegate quarantine drop support --code zendesk. --yes

What fails again comes into quarantine again.";

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
