//! Where every row lies: the one table of prefixes, and how keys are made.
//!
//! All tables share one ordered key space, so that one batch can change rows of
//! any of them. The first byte of a key names the table:
//!
//! | byte | table | rest of the key | row |
//! |---|---|---|---|
//! | `m` | [`Meta`](Table::Meta) | a name | `format`: the number of the layout; `maintenance`: since when and why |
//! | `c` | [`Channels`](Table::Channels) | channel | the channel |
//! | `n` | [`Names`](Table::Names) | a channel's name | channel |
//! | `o` | [`Open`](Table::Open) | channel | nothing; gone as soon as the channel is being deleted |
//! | `r` | [`Records`](Table::Records) | channel, connector, record key | the record |
//! | `t` | [`Totals`](Table::Totals) | channel, connector | number of records |
//! | `p` | [`Cursors`](Table::Cursors) | channel, connector | the connector's cursor |
//! | `d` | [`Due`](Table::Due) | channel, connector, record key | stamp |
//! | `q` | [`Quarantine`](Table::Quarantine) | channel, connector, key of the guest | the entry |
//! | `u` | [`Withheld`](Table::Withheld) | channel, connector, key of the guest | payload of the entry |
//! | `x` | [`Retrials`](Table::Retrials) | channel, connector, key of the guest | nothing; there while the entry is to be judged anew |
//! | `v` | [`Seen`](Table::Seen) | channel, connector, nothing or full reading, run and page | how far the full reading is; hashes of the page's keys |
//! | `z` | [`Vanished`](Table::Vanished) | channel, connector, record key | since when the record is gone remotely |
//! | `s` | [`State`](Table::State) | channel, connector, key of the guest | value of the guest |
//! | `h` | [`Runs`](Table::Runs) | run, newest first | the run |
//! | `i` | [`RunsOfChannel`](Table::RunsOfChannel) | channel, run newest first | nothing |
//! | `l` | [`LiveRuns`](Table::LiveRuns) | run, newest first | nothing |
//! | `j` | [`Jobs`](Table::Jobs) | channel, direction | the job that waits or is worked on |
//! | `y` | [`RunsOfJob`](Table::RunsOfJob) | job, run | nothing |
//! | `e` | [`Leases`](Table::Leases) | channel, direction | token and holder |
//! | `f` | [`LeaseEnds`](Table::LeaseEnds) | channel, direction | until when |
//! | `k` | [`Ticks`](Table::Ticks) | channel | time of its last tick |
//! | `b` | [`Breakers`](Table::Breakers) | an origin's name | the breaker, unless it is closed |
//! | `X` | [`Traps`](Table::Traps) | a plugin file's digest | the version of the plugin, whose last steps trapped |
//! | `a` | [`EndedRuns`](Table::EndedRuns) | channel, connector, direction, kind of end, run | nothing |
//! | `g` | [`Pages`](Table::Pages) | run, page | the page as history keeps it |
//! | `w` | [`Log`](Table::Log) | run | where its log ends |
//! | `w` | [`Log`](Table::Log) | run, line | the line |
//! | `K` | [`Calls`](Table::Calls) | `c`, call newest first | the call |
//! | `K` | [`Calls`](Table::Calls) | `i` or `o`, call newest first | its input or its output |
//! | `K` | [`Calls`](Table::Calls) | `l`, call newest first | nothing; there while the call has not ended |
//! | `L` | [`CallsOfChannel`](Table::CallsOfChannel) | channel, `c`, call newest first | nothing |
//! | `L` | [`CallsOfChannel`](Table::CallsOfChannel) | channel, `k`, idempotency key | the call that it stands for |
//! | `A` | [`Outbox`](Table::Outbox) | channel, connector, local key | the local change |
//! | `B` | [`Links`](Table::Links) | channel, connector, local key | the remote id, where it is another one |
//! | `C` | [`LinksBack`](Table::LinksBack) | channel, connector, remote id | the local key |
//! | `D` | [`Conflicts`](Table::Conflicts) | channel, connector, conflict | the conflict |
//! | `E` | [`Trails`](Table::Trails) | channel, connector, local key | the newest changes of the record |
//! | `J` | [`Intents`](Table::Intents) | channel, connector, local key | the idempotency key of a creation that was sent and not answered |
//! | `G` | [`Epochs`](Table::Epochs) | channel, connector | how often something else than an import changed records |
//! | `H` | [`Hooks`](Table::Hooks) | channel, webhook | the webhook |
//! | `H` | [`Hooks`](Table::Hooks) | channel, webhook, `c` | what came to it |
//! | `H` | [`Hooks`](Table::Hooks) | channel, webhook, `s`, digest | until when a delivery is remembered |
//! | `I` | [`Inbox`](Table::Inbox) | channel, connector, key of the guest | a record that a delivery carried |
//! | `F` | [`Feed`](Table::Feed) | subscriber, channel, connector, record key | what became of the record, and a stamp |
//! | `N` | [`Notices`](Table::Notices) | subscriber | the notice |
//! | `N` | [`Notices`](Table::Notices) | subscriber, key of a row of the feed | how often sending it was tried |
//! | `P` | [`Dead`](Table::Dead) | subscriber, channel, connector, record key | why it is not sent any more |
//! | `T` | [`Grants`](Table::Grants) | channel | the sealed OAuth tokens |
//! | `U` | [`Attempts`](Table::Attempts) | channel | the last attempt to connect it, its secrets sealed |
//! | `R` | [`Routes`](Table::Routes) | subscriber | the route |
//! | `R` | [`Routes`](Table::Routes) | subscriber, `t`, key of a row of the feed | how often the work on it failed |
//! | `R` | [`Routes`](Table::Routes) | subscriber, `f`, key of a row of the feed | why it was set aside |
//! | `V` | [`RouteLinks`](Table::RouteLinks) | subscriber, record key where the route comes from | its counterpart |
//! | `W` | [`RouteLinksBack`](Table::RouteLinksBack) | subscriber, record key where the route goes to | the other key |
//!
//! A **channel** is its 16 bytes. A **connector** is its name and a zero byte, which
//! no name has in it. A **run, newest first** is its 16 bytes, each bit turned over, so
//! that a scan from the front meets the newest run first. A **page** and a **line** are
//! numbers of 8 bytes, the greatest last. A **call** is its run. Whatever a guest may
//! have named comes last and as it is, so it needs no escaping. Nothing here is
//! ever changed in place: another layout gets another byte and a migration.
//!
//! A deleted channel leaves nothing behind because each table stands in one of the lists
//! below [`Table`], by what its keys go on with; a test fails for one that does not.

mod calls;
mod ended;

pub(super) use calls::*;
pub(super) use ended::*;

use super::Range;
use crate::model::{ChannelId, Direction, JobId, Name, RunId};

/// The tables, by the first byte of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Table {
    Meta = b'm',
    Channels = b'c',
    Names = b'n',
    Open = b'o',
    Records = b'r',
    Totals = b't',
    Cursors = b'p',
    Due = b'd',
    Quarantine = b'q',
    Withheld = b'u',
    Retrials = b'x',
    Seen = b'v',
    Vanished = b'z',
    State = b's',
    Runs = b'h',
    RunsOfChannel = b'i',
    LiveRuns = b'l',
    Jobs = b'j',
    RunsOfJob = b'y',
    Leases = b'e',
    LeaseEnds = b'f',
    Ticks = b'k',
    Breakers = b'b',
    EndedRuns = b'a',
    Pages = b'g',
    Log = b'w',
    Traps = b'X',
    Calls = b'K',
    CallsOfChannel = b'L',
    Outbox = b'A',
    Links = b'B',
    LinksBack = b'C',
    Conflicts = b'D',
    Trails = b'E',
    Epochs = b'G',
    Intents = b'J',
    Hooks = b'H',
    Inbox = b'I',
    Feed = b'F',
    Notices = b'N',
    Dead = b'P',
    Grants = b'T',
    Attempts = b'U',
    Routes = b'R',
    RouteLinks = b'V',
    RouteLinksBack = b'W',
}

impl Table {
    /// Those whose keys go on with channel and connector.
    pub(super) const OF_CONNECTORS: [Self; 19] = [
        Self::Records,
        Self::Totals,
        Self::Cursors,
        Self::Due,
        Self::Quarantine,
        Self::Withheld,
        Self::Retrials,
        Self::Seen,
        Self::Vanished,
        Self::State,
        Self::EndedRuns,
        Self::Outbox,
        Self::Links,
        Self::LinksBack,
        Self::Conflicts,
        Self::Trails,
        Self::Epochs,
        Self::Intents,
        Self::Inbox,
    ];

    /// Those whose keys go on with the channel, and that no other list has.
    pub(super) const OF_CHANNELS: [Self; 4] = [Self::Ticks, Self::Hooks, Self::Grants, Self::Attempts];

    /// Those whose keys go on with a subscriber and then a channel.
    pub(super) const OF_SUBSCRIBERS: [Self; 3] = [Self::Feed, Self::Notices, Self::Dead];

    /// Those whose keys go on with a run, as it is.
    pub(super) const OF_RUNS: [Self; 2] = [Self::Pages, Self::Log];

    /// Those whose keys go on with channel and direction.
    pub(super) const OF_DIRECTIONS: [Self; 3] = [Self::Jobs, Self::Leases, Self::LeaseEnds];

    /// Every row of the table.
    pub(super) fn rows(self) -> Range {
        Range::prefix(&[self as u8])
    }

    /// Every row of a channel, in a table whose keys go on with the channel.
    pub(super) fn rows_of(self, channel: ChannelId) -> Range {
        Range::prefix(&self.key(&[&channel.to_bytes()]))
    }

    /// Every row of a connector, in one of [`OF_CONNECTORS`](Self::OF_CONNECTORS).
    pub(super) fn rows_in(self, channel: ChannelId, connector: &Name) -> Range {
        Range::prefix(&self.in_connector(channel, connector, b""))
    }

    /// Every row of a run, in one of [`OF_RUNS`](Self::OF_RUNS).
    pub(super) fn rows_of_run(self, run: RunId) -> Range {
        Range::prefix(&self.key(&[&run.to_bytes()]))
    }

    /// The row of a key of a connector, in one of [`OF_CONNECTORS`](Self::OF_CONNECTORS).
    /// Tables with one row per connector have the empty key.
    pub(super) fn in_connector(self, channel: ChannelId, connector: &Name, key: &[u8]) -> Vec<u8> {
        self.key(&[&channel.to_bytes(), connector.as_str().as_bytes(), &[0], key])
    }

    /// Every row of a channel in the tables that are emptied one after the other when it is
    /// deleted. Those of directions and of runs go in steps of their own.
    pub(super) fn all_of(channel: ChannelId) -> impl Iterator<Item = Range> {
        let tables = Self::OF_CONNECTORS.into_iter().chain(Self::OF_CHANNELS);
        tables.map(move |table| table.rows_of(channel))
    }

    fn of_direction(self, channel: ChannelId, direction: Direction) -> Vec<u8> {
        self.key(&[&channel.to_bytes(), &[direction_byte(direction)]])
    }

    pub(super) fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut key = Vec::with_capacity(1 + length);
        key.push(self as u8);
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key
    }
}

/// The number of the layout.
pub(super) fn format() -> Vec<u8> {
    Table::Meta.key(&[b"format"])
}

/// The row that is there while the whole schedule is held back.
pub(super) fn maintenance() -> Vec<u8> {
    Table::Meta.key(&[b"maintenance"])
}

/// The row of a channel.
pub(super) fn channel(id: ChannelId) -> Vec<u8> {
    Table::Channels.key(&[&id.to_bytes()])
}

/// The row that leads from a name to a channel.
pub(super) fn channel_name(name: &str) -> Vec<u8> {
    Table::Names.key(&[name.as_bytes()])
}

/// The row that is there while nobody deletes the channel.
pub(super) fn open_channel(id: ChannelId) -> Vec<u8> {
    Table::Open.key(&[&id.to_bytes()])
}

/// The connector of a key of one of [`Table::OF_CONNECTORS`].
pub(super) fn connector_of(key: &[u8]) -> Option<Name> {
    let rest = key.get(1 + 16..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Name::try_new(std::str::from_utf8(&rest[..end]).ok()?).ok()
}

/// The row of a run.
pub(super) fn run(id: RunId) -> Vec<u8> {
    Table::Runs.key(&[&newest_first(id)])
}

/// The row that lists a run under its channel.
pub(super) fn run_of_channel(channel: ChannelId, id: RunId) -> Vec<u8> {
    Table::RunsOfChannel.key(&[&channel.to_bytes(), &newest_first(id)])
}

/// The row that is there while a run has not ended.
pub(super) fn live_run(id: RunId) -> Vec<u8> {
    Table::LiveRuns.key(&[&newest_first(id)])
}

/// The row of the job of a channel.
pub(super) fn job(channel: ChannelId, direction: Direction) -> Vec<u8> {
    Table::Jobs.of_direction(channel, direction)
}

/// The row of who holds the lease of a channel.
pub(super) fn lease(channel: ChannelId, direction: Direction) -> Vec<u8> {
    Table::Leases.of_direction(channel, direction)
}

/// The channel and direction that a key of one of [`Table::OF_DIRECTIONS`] ends with.
pub(super) fn direction_of(key: &[u8]) -> Option<(ChannelId, Direction)> {
    let (channel, direction) = key.get(1..)?.split_first_chunk()?;
    let direction = match direction {
        b"i" => Direction::Import,
        b"e" => Direction::Export,
        b"c" => Direction::Call,
        _ => return None,
    };
    Some((ChannelId::from_bytes(*channel), direction))
}

/// The channel of a key, in a table whose keys go on with the channel.
pub(super) fn channel_of(key: &[u8]) -> Option<ChannelId> {
    Some(ChannelId::from_bytes(*key.get(1..)?.first_chunk()?))
}

fn direction_byte(direction: Direction) -> u8 {
    match direction {
        Direction::Import => b'i',
        Direction::Export => b'e',
        Direction::Call => b'c',
    }
}

/// The row of until when the lease is held.
pub(super) fn lease_end(channel: ChannelId, direction: Direction) -> Vec<u8> {
    Table::LeaseEnds.of_direction(channel, direction)
}

/// The row that lists a run under its job, in the order in which ids were made.
pub(super) fn run_of_job(job: JobId, run: RunId) -> Vec<u8> {
    Table::RunsOfJob.key(&[&job.to_bytes(), &run.to_bytes()])
}

/// The rows that list the runs of a job.
pub(super) fn runs_of_job(job: JobId) -> Range {
    Range::prefix(&Table::RunsOfJob.key(&[&job.to_bytes()]))
}

/// The row of an origin's breaker.
pub(super) fn breaker(origin: &str) -> Vec<u8> {
    Table::Breakers.key(&[origin.as_bytes()])
}

/// The row of a version of a plugin whose last steps trapped.
pub(super) fn trapped(sha256: &str) -> Vec<u8> {
    Table::Traps.key(&[sha256.as_bytes()])
}

/// The run that a key of one of the three tables of runs ends with.
pub(super) fn run_id(key: &[u8]) -> Option<RunId> {
    let id: [u8; 16] = *key.last_chunk()?;
    Some(RunId::from_bytes(id.map(|byte| !byte)))
}

/// The row of the last tick of a channel.
pub(super) fn tick(channel: ChannelId) -> Vec<u8> {
    Table::Ticks.key(&[&channel.to_bytes()])
}

/// The channel that a key of [`Ticks`](Table::Ticks) ends with.
pub(super) fn tick_channel(key: &[u8]) -> Option<ChannelId> {
    Some(ChannelId::from_bytes(*key.last_chunk()?))
}

/// The row of a page of a run.
pub(super) fn page(run: RunId, page: u64) -> Vec<u8> {
    Table::Pages.key(&[&run.to_bytes(), &page.to_be_bytes()])
}

/// The row that tells where the log of a run ends. Its lines come right after it.
pub(super) fn log_end(run: RunId) -> Vec<u8> {
    Table::Log.key(&[&run.to_bytes()])
}

/// The row of a line of a run's log.
pub(super) fn log_line(run: RunId, line: u64) -> Vec<u8> {
    Table::Log.key(&[&run.to_bytes(), &line.to_be_bytes()])
}

/// The number of the page or line that a key of one of [`Table::OF_RUNS`] ends with.
pub(super) fn number(key: &[u8]) -> Option<u64> {
    key.last_chunk().copied().map(u64::from_be_bytes)
}

/// The row of the OAuth tokens of a channel.
pub(super) fn grant(channel: ChannelId) -> Vec<u8> {
    Table::Grants.key(&[&channel.to_bytes()])
}

/// The row of the last attempt to connect a channel.
pub(super) fn attempt(channel: ChannelId) -> Vec<u8> {
    Table::Attempts.key(&[&channel.to_bytes()])
}

fn newest_first(id: RunId) -> [u8; 16] {
    id.to_bytes().map(|byte| !byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Place = (usize, ChannelId, Name, Vec<u8>);

    /// Few channels and connectors that are prefixes of one another, so that
    /// neighbours meet often.
    fn places() -> impl Strategy<Value = Place> {
        let channels = prop_oneof![Just([0; 16]), Just([255; 16]), any::<[u8; 16]>()];
        (0..Table::OF_CONNECTORS.len(), channels, "a[a-z0-9-]{0,2}", any::<Vec<u8>>()).prop_map(
            |(table, channel, connector, key)| {
                let connector = Name::try_new(connector).expect("the pattern is a name");
                (table, ChannelId::from_bytes(channel), connector, key)
            },
        )
    }

    fn key_of((table, channel, connector, key): &Place) -> Vec<u8> {
        Table::OF_CONNECTORS[*table].in_connector(*channel, connector, key)
    }

    fn contains(range: &Range, key: &[u8]) -> bool {
        *range.start <= *key && range.end.as_deref().is_none_or(|end| key < end)
    }

    proptest! {
        #[test]
        fn no_two_places_share_a_key(a in places(), b in places()) {
            prop_assert_eq!(key_of(&a) == key_of(&b), a == b);
        }

        #[test]
        fn keys_of_a_connector_keep_the_order_of_their_bytes(a in places(), key in any::<Vec<u8>>()) {
            let mut b = a.clone();
            b.3 = key;
            prop_assert_eq!(key_of(&a).cmp(&key_of(&b)), a.3.cmp(&b.3));
        }

        #[test]
        fn ranges_hold_their_own_rows_and_no_others(a in places(), b in places()) {
            let (table, channel, connector, _) = &a;
            let table = Table::OF_CONNECTORS[*table];
            let key = key_of(&b);
            prop_assert_eq!(contains(&table.rows(), &key), a.0 == b.0);
            prop_assert_eq!(contains(&table.rows_of(*channel), &key), (a.0, a.1) == (b.0, b.1));
            prop_assert_eq!(
                contains(&table.rows_in(*channel, connector), &key),
                (a.0, a.1, &a.2) == (b.0, b.1, &b.2)
            );
        }

        #[test]
        fn a_key_tells_its_connector(a in places()) {
            prop_assert_eq!(connector_of(&key_of(&a)), Some(a.2));
        }

        #[test]
        fn newer_runs_come_first(a in any::<[u8; 16]>(), b in any::<[u8; 16]>()) {
            let (a, b) = (RunId::from_bytes(a), RunId::from_bytes(b));
            prop_assert_eq!(run(a).cmp(&run(b)), b.cmp(&a));
            prop_assert_eq!(run_id(&run(a)), Some(a));
            let channel = ChannelId::from_bytes([7; 16]);
            prop_assert_eq!(run_id(&run_of_channel(channel, a)), Some(a));
        }
    }
}
