//! Everything that must survive a restart.
//!
//! It keeps and finds; it decides nothing and knows no HTTP and no plugin.
//! Blocking work runs on the blocking pool, so every call may be awaited on the
//! reactor. Dropping a call's future may leave its work to finish unseen.
//!
//! All tables lie in one ordered key space of an [`Engine`], so that a page's records,
//! cursor, due keys and counters land as one [`Batch`].

mod batch;
mod breakers;
mod calls;
mod channels;
mod codec;
mod conflicts;
pub mod conformance;
mod cursors;
mod due;
mod ended;
mod engine;
mod feed;
mod grants;
mod holdings;
mod hooks;
mod inbox;
mod jobs;
mod journal;
mod keys;
mod lane;
mod leases;
mod links;
mod lock;
mod logs;
mod memory;
mod migration;
mod notices;
mod outbox;
mod pages;
mod parts;
mod quarantine;
mod records;
mod routes;
mod rows;
mod runs;
mod seen;
mod sled;
mod state;
#[cfg(test)]
mod tests;
mod ticks;
mod trail;
mod traps;
mod vanished;
mod walk;
mod watch;

pub use batch::{Batch, Expectation, Writes};
pub use breakers::Breakers;
pub use calls::{Calls, KeptCall};
pub use channels::Channels;
pub use conflicts::Conflicts;
pub use cursors::Cursors;
pub use due::{Due, DueKey};
pub use ended::{Ended, EndedRun, Older};
pub use engine::{Engine, Entry, Range, Want};
pub use feed::{Feed, FeedEntry, FeedKey, FeedKind, FeedRow};
pub use grants::{Connection, Grants, Swap};
pub use hooks::Hooks;
pub use inbox::{Inbox, Inboxed};
pub use jobs::{Jobs, KeptJob};
pub use leases::{Lease, Leases, Owner, Standing};
pub use links::{Link, Links};
pub use logs::{LogEnd, Logs};
pub use notices::{DeadNotice, NoticeTries, Notices};
pub use outbox::{Epoch, Intent, Outbox};
pub use pages::Pages;
pub use quarantine::{Found, Origin, Place, Quarantine, Quarantined, Sought};
pub use records::Records;
pub use routes::{FailedRoute, KeptLink, RouteLink, RouteTries, Routes};
pub use runs::Runs;
pub use seen::{Reading, Seen, SeenKeys, SeenNotes, SeenPage, Stage};
pub use state::State;
pub use ticks::{Ticks, Upkeep};
pub use trail::{KEPT as TRAIL, Trails};
pub use traps::Traps;
pub use vanished::Marks;
pub use watch::{Watch, Watchers};

use crate::{
    metrics::{self, Landed},
    model::{Fault, Size},
};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;

/// `[store]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Memory for pages of the database that were read or written lately. 8 MiB
    /// unless set, at least 1 MiB. More of it pays where old records are read again
    /// and again; an import does not profit.
    pub cache: Size,
    /// What a commit has to survive. `crash` unless set.
    pub durability: Durability,
}

impl Default for Config {
    fn default() -> Self {
        Self { cache: Size::mib(8), durability: Durability::Crash }
    }
}

/// What a commit has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// The end of the process at any instant. A power cut may take back the commits of
    /// the last seconds; what is left is an earlier state, whole.
    Crash,
    /// A power cut as well. Every commit waits for the disk, some milliseconds.
    PowerCut,
}

/// Why the store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A batch expected another value under a key: somebody else was there first.
    #[error("somebody else changed it at the same time")]
    Expectation,
    /// Names of channels are unique.
    #[error("another channel has the name '{0}'")]
    NameTaken(String),
    /// One process holds a data folder.
    #[error("the data folder {0} is in use by another tidegate process")]
    Locked(String),
    /// The disk, or what drives it, failed. Nothing may be written any more until restart.
    #[error("the store cannot be read or written")]
    Engine(#[from] io::Error),
    /// Damaged, or not written by this program.
    #[error("{0} in the store cannot be understood")]
    Corrupt(String),
    /// Only a newer version can read it.
    #[error("the data was written by a newer version of tidegate; run that version or a later one")]
    NewerFormat,
}

impl Error {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Expectation | Self::Locked(_) | Self::Engine(_) => Fault::Transient,
            Self::NameTaken(_) | Self::NewerFormat => Fault::Invalid,
            Self::Corrupt(_) => Fault::Bug,
        }
    }
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, Error>;

/// A handle on the store; cheap to clone. The folder is free for another process as
/// soon as the last one is dropped.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
}

impl Store {
    /// Opens the folder, or makes it, and brings its rows to today's layout.
    /// Blocks: some milliseconds, a second after a million records.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it, [`Error::NewerFormat`]
    /// where a newer version wrote it, and where it cannot be read or written.
    pub fn open(folder: &Path, config: &Config) -> Result<Self> {
        Self::on(Arc::new(sled::Sled::open(folder, config)?))
    }

    /// A store that is gone with its last handle, for tests and dry runs.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::on(Arc::new(memory::Memory::default())).expect("an empty store has no layout to refuse")
    }

    /// A store on another engine.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn on(engine: Arc<dyn Engine>) -> Result<Self> {
        migration::check(&*engine)?;
        Ok(Self { engine })
    }

    /// Lands the batch whole or not at all; durable when it returns.
    ///
    /// # Errors
    /// [`Error::Expectation`] where something was not as expected: nothing was
    /// written. Otherwise where it cannot be written.
    pub async fn commit(&self, batch: Batch) -> Result<()> {
        let started = Instant::now();
        let result = self
            .blocking(move |engine| {
                engine.commit(batch)?;
                engine.flush()
            })
            .await;
        metrics::commit(landed(&result), started.elapsed());
        result
    }

    /// The configured channels.
    #[must_use]
    pub fn channels(&self) -> Channels<'_> {
        Channels(self)
    }

    /// The breakers that are not closed.
    #[must_use]
    pub fn breakers(&self) -> Breakers<'_> {
        Breakers(self)
    }

    /// The versions of plugins whose last steps trapped.
    #[must_use]
    pub fn traps(&self) -> Traps<'_> {
        Traps(self)
    }

    /// The OAuth tokens of channels, and attempts to connect them.
    #[must_use]
    pub fn grants(&self) -> Grants<'_> {
        Grants(self)
    }

    /// The records of connectors.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records(self)
    }

    /// How far connectors have read.
    #[must_use]
    pub fn cursors(&self) -> Cursors<'_> {
        Cursors(self)
    }

    /// The keys that wait to be fetched.
    #[must_use]
    pub fn due(&self) -> Due<'_> {
        Due(self)
    }

    /// The records that failed.
    #[must_use]
    pub fn quarantine(&self) -> Quarantine<'_> {
        Quarantine(self)
    }

    /// The jobs that wait or are worked on.
    #[must_use]
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs(self)
    }

    /// Who works on which channel.
    #[must_use]
    pub fn leases(&self) -> Leases<'_> {
        Leases(self)
    }

    /// What full readings have seen.
    #[must_use]
    pub fn seen(&self) -> Seen<'_> {
        Seen(self)
    }

    /// The records that a full sync did not find any more.
    #[must_use]
    pub fn vanished(&self) -> Marks<'_> {
        Marks(self)
    }

    /// Calls of operations.
    #[must_use]
    pub fn calls(&self) -> Calls<'_> {
        Calls(self)
    }

    /// Local changes that wait to be exported.
    #[must_use]
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }

    /// Which local record is which remote one, where their keys differ.
    #[must_use]
    pub fn links(&self) -> Links<'_> {
        Links(self)
    }

    /// Conflicts between local and remote edits.
    #[must_use]
    pub fn conflicts(&self) -> Conflicts<'_> {
        Conflicts(self)
    }

    /// What became of each record.
    #[must_use]
    pub fn trails(&self) -> Trails<'_> {
        Trails(self)
    }

    /// The runs and what came of them.
    #[must_use]
    pub fn runs(&self) -> Runs<'_> {
        Runs(self)
    }

    /// The pages of runs.
    #[must_use]
    pub fn pages(&self) -> Pages<'_> {
        Pages(self)
    }

    /// The logs of runs.
    #[must_use]
    pub fn logs(&self) -> Logs<'_> {
        Logs(self)
    }

    /// What connectors asked the host to remember.
    #[must_use]
    pub fn state(&self) -> State<'_> {
        State(self)
    }

    /// When the schedule last asked for a sync of each channel.
    #[must_use]
    pub fn ticks(&self) -> Ticks<'_> {
        Ticks(self)
    }

    /// Whether a person holds the schedule of the whole host back.
    #[must_use]
    pub fn upkeep(&self) -> Upkeep<'_> {
        Upkeep(self)
    }

    /// The addresses that remote systems post to.
    #[must_use]
    pub fn hooks(&self) -> Hooks<'_> {
        Hooks(self)
    }

    /// The records that deliveries carried, and that no run has taken in yet.
    #[must_use]
    pub fn inbox(&self) -> Inbox<'_> {
        Inbox(self)
    }

    /// The records that changed, for those who want to know.
    #[must_use]
    pub fn feed(&self) -> Feed<'_> {
        Feed(self)
    }

    /// The notices of changes that an operator set up.
    #[must_use]
    pub fn notices(&self) -> Notices<'_> {
        Notices(self)
    }

    /// The routes from one channel's records to another's.
    #[must_use]
    pub fn routes(&self) -> Routes<'_> {
        Routes(self)
    }

    /// Does one piece of work on the blocking pool, which also tells a paused clock that
    /// somebody is working.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Engine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let engine = Arc::clone(&self.engine);
        let done = tokio::task::spawn_blocking(move || work(&*engine)).await;
        done.unwrap_or_else(|error| Err(Error::Engine(io::Error::other(error))))
    }
}

fn landed(result: &Result<()>) -> Landed {
    match result {
        Ok(()) => Landed::Whole,
        Err(Error::Expectation) => Landed::Conflict,
        Err(_) => Landed::Failed,
    }
}
