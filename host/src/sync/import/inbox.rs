//! What deliveries of webhooks carried, taken in ahead of what is read.
//!
//! They make pages of their own: the same rules, the same writer, and no step of the
//! connector. The cursor stays where it is. That a delivery carried a record shows that it
//! is there remotely.

use super::{Landing, Pages, Stop, broken, processor::Rules, roll::Roll};
use crate::{store::Inboxed, sync::import::Reach};

/// Records of a page.
const RECORDS: usize = 500;
/// Payloads of a page, about.
const BYTES: usize = 4 << 20;

impl Pages<'_> {
    /// Takes in all that waits.
    pub(super) async fn drain(&mut self) -> Result<(), Stop> {
        loop {
            if self.import.progress.token().is_cancelled() {
                return Err(Stop::Told);
            }
            let (channel, connector) = (self.import.channel.id, &self.import.connector.id);
            let waiting = self.import.store.inbox().list(channel, connector, RECORDS, BYTES).await;
            let waiting = waiting.map_err(broken)?;
            if waiting.is_empty() {
                return Ok(());
            }
            let landing = self.take_in(waiting).await?;
            // Where somebody writes meanwhile, it is judged anew.
            self.lands(landing).await?;
        }
    }

    async fn take_in(&mut self, waiting: Vec<Inboxed>) -> Result<Landing, Stop> {
        let records = waiting.iter().map(|inboxed| inboxed.envelope.clone()).collect();
        let sheet = self.look_through(records).await?;
        let (sheet, learnt) = self.prepare(sheet).await?;
        // A full reading that is about to begin finds them by itself.
        let roll = match self.anew {
            true => Roll::default(),
            false => self.call_roll(&sheet, Reach::Further).await.map_err(broken)?,
        };
        // Not even a full run takes what was delivered over what came since.
        let rules = Rules { full: false, ..self.rules() };
        let (decided, reconciled) = self.judged(sheet, learnt, rules).await?;
        tracing::debug!(records = waiting.len(), "records that webhooks brought are taken in");
        Ok(Landing { decided, roll, inbox: waiting, moved: true, reconciled, ..Landing::default() })
    }
}
