//! Optional export: reading records, page by page.

mod page;

pub use page::{Page, Reject};

use crate::{
    Error, Settings, Transport,
    bindings::{connector as wit, http, types},
    export::Exported,
    http::Gateway,
    json,
};
use serde::de::DeserializeOwned;

/// Reads records.
pub trait Connector {
    /// Reads one page. One bounded step, restartable from its arguments alone: the
    /// host runs each in a fresh instance, and runs it again after a crash.
    ///
    /// # Errors
    /// Ends the run; the cursor stays where it was.
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error>;
}

/// What a step is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Which connector of the manifest.
    pub connector: String,
    /// The channel's settings.
    pub settings: Settings,
    /// For a connector driven by keys: the remote ids to fetch now, at least one,
    /// in the host's order.
    pub keys: Vec<String>,
    /// The number of records wanted. A page may hold more, up to the host's limit.
    pub limit: u32,
    /// Where the last page ended; see [`cursor`](Self::cursor).
    pub position: Option<Vec<u8>>,
}

impl PullRequest {
    /// Where the last committed page ended, as [`Page::next`] wrote it; none at the
    /// very beginning and on a full sync. Give new fields of the type a default, so
    /// that it reads what an older version of the plugin wrote.
    ///
    /// # Errors
    /// `internal` when the position is not of that type.
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let Some(bytes) = &self.position else {
            return Ok(None);
        };
        json::read(bytes).map(Some).map_err(|error| {
            Error::internal(
                "cursor.read",
                format!(
                    "the saved position of '{}' is not this plugin's ({error}); do a full sync",
                    self.connector
                ),
            )
        })
    }
}

impl<T: Connector> wit::Guest for Exported<T> {
    fn pull(transport: &http::Transport, request: wit::PullRequest) -> Result<wit::Page, types::Error> {
        Ok(T::pull(&Gateway(transport), &request.into())?.into())
    }
}

impl From<wit::PullRequest> for PullRequest {
    fn from(request: wit::PullRequest) -> Self {
        Self {
            connector: request.connector,
            settings: Settings::from_bytes(request.settings),
            keys: request.keys,
            limit: request.limit,
            position: request.cursor,
        }
    }
}
