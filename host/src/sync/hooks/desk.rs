//! Where deliveries are taken: known, within bounds, signed, new, understood, durable; in
//! that order.
//!
//! What is not known and what is not signed as it should be gets the same answer, so that
//! nobody learns which it was. Nothing of a delivery is read before its address is known.

use super::{
    door::{Doors, Open},
    ledger::{Landing, Ledger},
    registry::{Entry, Registry, UnderWay, digest, lock, write_counts},
    signature::{self, Mark, Posted},
};
use crate::{
    channels,
    metrics::{self, Taken as Counted},
    model::{Class, Failure},
    store,
    sync::{history::store_failure, runner::Shared},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// When to come again where all places are taken.
const SOON: Duration = Duration::from_secs(1);
/// Deliveries after which what need not be remembered any more is forgotten.
const FORGET_EVERY: u64 = 5_000;

/// Why a delivery was not taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Turned {
    /// The address is not known, or the signature does not fit.
    Unknown,
    /// Too many come.
    Busy {
        /// When to come again.
        retry_after: Duration,
    },
    /// The plugin does not understand it: sending it again does not help.
    NotUnderstood(Failure),
    /// The plugin or the host failed over it: sending it again may help.
    Failed(Failure),
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its effect is in the store.
    New,
    /// It had been taken before.
    Repeated,
}

pub(super) struct Desk {
    pub(super) shared: Arc<Shared>,
    pub(super) registry: Registry,
    doors: Arc<dyn Doors>,
    ledger: Ledger,
}

/// A delivery whose address is known. While it lives it has one of the webhook's places.
pub struct Admitted {
    desk: Arc<Desk>,
    entry: Arc<Entry>,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, doors: Arc<dyn Doors>) -> Arc<Self> {
        Arc::new(Self { shared, registry: Registry::default(), doors, ledger: Ledger::default() })
    }

    /// Lets a delivery to this address in.
    pub(super) async fn admit(self: &Arc<Self>, place: &str, random: &str) -> Result<Admitted, Turned> {
        let found = self.registry.find(&self.shared.store, random).await.map_err(|error| broken(&error))?;
        let entry = found.filter(|entry| entry.hook.place == place);
        let Some(entry) = entry else {
            metrics::delivery(Counted::Unknown);
            return Err(Turned::Unknown);
        };
        let taken = lock(&entry.life.bucket).take(Instant::now());
        let permit = Arc::clone(&entry.life.places).try_acquire_owned();
        match (taken, permit) {
            (Ok(()), Ok(place)) => Ok(Admitted { desk: Arc::clone(self), entry, _place: place }),
            (taken, _) => {
                entry.life.count(|counts| counts.limited += 1);
                metrics::delivery(Counted::Limited);
                Err(Turned::Busy { retry_after: taken.err().unwrap_or(SOON) })
            }
        }
    }
}

impl Admitted {
    /// Takes the delivery. When it returns well, what the delivery means is durable.
    ///
    /// # Errors
    /// Why it was not taken; then nothing of it is left behind but its count.
    pub async fn deliver(self, posted: Posted) -> Result<Taken, Turned> {
        let began = Instant::now();
        let result = self.take(posted).await;
        let counted = match &result {
            Ok(Taken::New) => Counted::Taken,
            Ok(Taken::Repeated) => Counted::Repeated,
            Err(Turned::Unknown) => Counted::Refused,
            Err(Turned::Busy { .. }) => Counted::Limited,
            Err(Turned::NotUnderstood(_)) => Counted::NotUnderstood,
            Err(Turned::Failed(_)) => Counted::Failed,
        };
        metrics::delivery(counted);
        metrics::delivery_took(began.elapsed());
        result
    }

    /// Its body is longer than the host takes.
    pub async fn too_large(self) {
        self.bad("webhook.too-large", "its body is longer than the host takes ([api] hook-bytes)");
        self.entry.life.count(|counts| counts.refused += 1);
        metrics::delivery(Counted::Refused);
        write_counts(&self.desk.shared.store, &self.entry).await;
    }

    async fn take(&self, posted: Posted) -> Result<Taken, Turned> {
        let open = self.open().await?;
        let marks = self.verify(&open, &posted).await?;
        let Some(_under_way) = self.begin(&marks) else {
            // Its answer is that of the one that is worked on.
            return Err(Turned::Busy { retry_after: SOON });
        };
        if self.is_repeated(&marks).await? {
            self.entry.life.count(|counts| counts.repeated += 1);
            write_counts(&self.desk.shared.store, &self.entry).await;
            return Ok(Taken::Repeated);
        }
        let posted = without_secrets(posted, &open);
        let effect = match open.ear.receive(posted).await {
            Ok(effect) => effect,
            Err(failure) => return Err(self.not_received(failure).await),
        };
        let landing = Landing { entry: Arc::clone(&self.entry), effect, marks };
        if let Err(failure) = self.desk.ledger.land(&self.desk.shared, landing).await {
            return Err(self.failed(failure).await);
        }
        self.tidy_up().await;
        Ok(Taken::New)
    }

    async fn open(&self) -> Result<Open, Turned> {
        match self.desk.doors.open(&self.entry.hook).await {
            Ok(open) => Ok(open),
            // It was deleted, and its webhooks with it.
            Err(channels::Error::NoChannel(_)) => {
                let _ = self.desk.registry.reload(&self.desk.shared.store).await;
                Err(Turned::Unknown)
            }
            Err(error) => Err(self.failed(error.into_failure()).await),
        }
    }

    /// The marks by which it is known again.
    async fn verify(&self, open: &Open, posted: &Posted) -> Result<Vec<Mark>, Turned> {
        let misfit = match (open.signature.hmac(), &open.key) {
            (Some(scheme), Some(key)) => {
                match signature::verify(&scheme, key, posted, self.desk.shared.clock.now()) {
                    Ok(marks) => return Ok(marks),
                    Err(misfit) => misfit,
                }
            }
            // An operator allowed it.
            (None, None) => return Ok(Vec::new()),
            // Another version of the plugin wants it signed, or not signed, now.
            _ => {
                let message = "the plugin says otherwise than before whether deliveries are signed: delete the webhook, and make it anew";
                let failure = Failure::new(Class::Config, "webhook.scheme-changed", message);
                return Err(self.failed(failure).await);
            }
        };
        self.bad(misfit.code(), misfit.message());
        self.entry.life.count(|counts| counts.refused += 1);
        tracing::debug!(hook.id = %self.entry.hook.id, code = misfit.code(), "a delivery was refused");
        write_counts(&self.desk.shared.store, &self.entry).await;
        Err(Turned::Unknown)
    }

    fn begin(&self, marks: &[Mark]) -> Option<UnderWay> {
        self.entry.life.begin(marks.iter().map(|mark| mark.digest).collect())
    }

    async fn is_repeated(&self, marks: &[Mark]) -> Result<bool, Turned> {
        let (hook, shared) = (&self.entry.hook, &self.desk.shared);
        if marks.is_empty() {
            return Ok(false);
        }
        let digests: Vec<_> = marks.iter().map(|mark| mark.digest).collect();
        let seen =
            shared.store.hooks().has_seen(hook.channel_id, hook.id, &digests, shared.clock.now()).await;
        seen.map_err(|error| broken(&error))
    }

    /// What the plugin cannot make sense of is the sender's fault, everything else not.
    async fn not_received(&self, failure: Failure) -> Turned {
        if !matches!(failure.class, Class::InvalidData | Class::Unsupported | Class::NotFound) {
            return self.failed(failure).await;
        }
        self.bad(&failure.code, &failure.message);
        self.entry.life.count(|counts| counts.not_understood += 1);
        tracing::warn!(hook.id = %self.entry.hook.id, %failure, "a delivery was not understood");
        write_counts(&self.desk.shared.store, &self.entry).await;
        Turned::NotUnderstood(failure)
    }

    async fn failed(&self, failure: Failure) -> Turned {
        let life = &self.entry.life;
        life.failed(self.desk.shared.clock.now(), &failure.code, &failure.message);
        life.count(|counts| counts.failed += 1);
        tracing::error!(hook.id = %self.entry.hook.id, %failure, "a delivery could not be taken");
        write_counts(&self.desk.shared.store, &self.entry).await;
        Turned::Failed(failure)
    }

    fn bad(&self, code: &str, message: &str) {
        lock(&self.entry.life.bucket).was_bad();
        self.entry.life.failed(self.desk.shared.clock.now(), code, message);
    }

    /// What need not be remembered any more is forgotten from time to time.
    async fn tidy_up(&self) {
        let (hook, shared) = (&self.entry.hook, &self.desk.shared);
        if self.entry.life.counts().taken.is_multiple_of(FORGET_EVERY) {
            let forgotten =
                shared.store.hooks().forget_seen(hook.channel_id, hook.id, shared.clock.now()).await;
            tracing::debug!(hook.id = %hook.id, ?forgotten, "deliveries of long ago are forgotten");
        }
    }
}

/// The guest gets no signature, and nothing that lets somebody in elsewhere.
fn without_secrets(mut posted: Posted, open: &Open) -> Posted {
    const HIDDEN: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
    let signature = open.signature.hmac().map(|scheme| scheme.header.to_ascii_lowercase());
    posted.headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !HIDDEN.contains(&name.as_str()) && signature.as_ref() != Some(&name)
    });
    posted
}

fn broken(error: &store::Error) -> Turned {
    Turned::Failed(store_failure(error))
}

/// For whoever makes an address.
pub(super) fn digest_of(random: &str) -> String {
    digest(random)
}
