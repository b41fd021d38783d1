//! Notices: changes of records, told to addresses of the operator's.
//!
//! A notice is a subscriber: what changes gathers in its rows of the feed, written with the
//! records themselves, and a task tells it from there (`sender`, `lane`), signed
//! (`message`), until it arrives or is given up (`backoff`). Nothing here changes a record.

mod backoff;
mod board;
mod dead;
mod lane;
mod message;
mod sender;

pub use backoff::Config as NoticeConfig;
pub use sender::NoticeSender;

use super::{Subscription, Sync, runner::Shared};
use crate::{
    channels::{self, Channels, Owner, Postman},
    model::{Failure, Fault, Name, Notice, NoticeState, Secret, SubscriberId},
    store::{self, Batch},
};
use board::Board;
use message::{Key, Message};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Bytes of a key that the host makes.
const KEY: usize = 32;

/// Why something cannot be done with a notice.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// Nothing has that name.
    #[error("there is no notice '{0}': see the list of notices")]
    NoNotice(String),
    /// Names are unique.
    #[error("another notice has the name '{0}'")]
    NameTaken(Name),
    /// The key is not one.
    #[error(
        "the secret is not a key: it is 'whsec_' and 24 to 64 bytes in base64, or leave it to the host to make one"
    )]
    Secret,
    /// The channel's type has no such connector.
    #[error("channel '{channel}' has no connector '{connector}'")]
    NoConnector {
        /// The channel.
        channel: String,
        /// What was asked for.
        connector: Name,
    },
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// The address cannot be posted to.
    #[error("{0}")]
    Address(Failure),
    /// A channel, or the key of the secrets.
    #[error(transparent)]
    Channels(#[from] channels::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl NoticeError {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Random => Fault::Transient,
            Self::Address(failure) => failure.fault(),
            Self::Channels(error) => error.fault(),
            Self::Store(error) => error.fault(),
            _ => Fault::Invalid,
        }
    }
}

/// What an operator asks for.
pub struct NewNotice {
    /// Unique in the host.
    pub name: Name,
    /// Where messages are posted.
    pub url: String,
    /// Of this channel only, by its name.
    pub channel: Option<String>,
    /// Of these connectors only.
    pub connectors: Vec<Name>,
    /// Whether messages carry the record.
    pub with_payload: bool,
    /// The key; none: the host makes one.
    pub secret: Option<Secret>,
}

/// A notice as it is shown.
pub struct ShownNotice {
    /// Its row.
    pub notice: Notice,
    /// Its channel by today's name; none: all, or it is deleted.
    pub channel: Option<String>,
    /// How it goes.
    pub state: NoticeState,
    /// Changes that wait to be told.
    pub waiting: u64,
    /// Changes that are not told any more.
    pub dead: u64,
}

/// A handle on the notices; cheap to clone.
#[derive(Clone)]
pub struct Notices(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    channels: Channels,
    board: Arc<Board>,
    /// One is made at a time, so that names stay unique.
    making: tokio::sync::Mutex<()>,
}

impl Notices {
    /// The handle, and the task that has to run for it.
    #[must_use]
    pub fn build(sync: &Sync, channels: Channels, config: NoticeConfig) -> (Self, NoticeSender) {
        let (shared, board) = (Arc::clone(&sync.shared), Arc::new(Board::default()));
        let sender = NoticeSender::new(sender::Parts {
            store: shared.store.clone(),
            channels: channels.clone(),
            clock: shared.clock.clone(),
            config,
            board: Arc::clone(&board),
        });
        (Self(Arc::new(Inner { shared, channels, board, making: tokio::sync::Mutex::default() })), sender)
    }

    /// Makes a notice: what changes from then on is told. Answers the key where the host
    /// made it.
    ///
    /// # Errors
    /// The name is taken, or the address cannot be posted to.
    pub async fn create(&self, new: NewNotice) -> Result<(ShownNotice, Option<Secret>), NoticeError> {
        let _making = self.0.making.lock().await;
        let shared = &self.0.shared;
        shared.subscribers.load(&shared.store).await?;
        if shared.store.notices().list().await?.iter().any(|notice| notice.name == new.name) {
            return Err(NoticeError::NameTaken(new.name));
        }
        self.postman(&new.url)?;
        let channel = match &new.channel {
            Some(name) => Some(self.0.channels.get(name).await?),
            None => None,
        };
        if let Some(channel) = &channel {
            let stranger = new.connectors.iter().find(|name| !channel.connectors.contains(name));
            if let Some(connector) = stranger.cloned() {
                return Err(NoticeError::NoConnector { channel: channel.name.to_string(), connector });
            }
        }
        let (secret, made) = key(new.secret)?;
        let id = SubscriberId::new();
        let notice = Notice {
            id,
            name: new.name,
            url: new.url,
            channel: channel.as_ref().map(|channel| channel.id),
            connectors: new.connectors,
            with_payload: new.with_payload,
            paused: false,
            secret: self.0.channels.seal(Owner::NoticeKey(id), &secret).await?,
            created: shared.clock.now(),
        };
        let mut batch = Batch::new();
        batch.put_notice(&notice);
        shared.store.commit(batch).await?;
        shared.subscribers.put(Subscription::from(&notice));
        tracing::info!(notice = %notice.name, "notice created");
        Ok((self.shown(notice).await?, made.then_some(secret)))
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list(&self) -> Result<Vec<ShownNotice>, NoticeError> {
        let mut notices = self.0.shared.store.notices().list().await?;
        notices.sort_by(|a, b| a.name.cmp(&b.name));
        let mut shown = Vec::with_capacity(notices.len());
        for notice in notices {
            shown.push(self.shown(notice).await?);
        }
        Ok(shown)
    }

    /// One by its name.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn get(&self, name: &str) -> Result<ShownNotice, NoticeError> {
        self.shown(self.find(name).await?).await
    }

    /// Holds a notice back, or lets it go on; then its address is tried at once. What
    /// changes meanwhile is gathered.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn set_paused(&self, name: &str, paused: bool) -> Result<ShownNotice, NoticeError> {
        let before = self.find(name).await?;
        let after = Notice { paused, ..before.clone() };
        let mut batch = Batch::new();
        batch.expect_notice(&before);
        batch.put_notice(&after);
        self.0.shared.store.commit(batch).await?;
        self.0.board.touch(after.id);
        self.shown(after).await
    }

    /// Removes a notice and all that it had to tell.
    ///
    /// # Errors
    /// Nothing has that name, or the store fails.
    pub async fn delete(&self, name: &str) -> Result<(), NoticeError> {
        let notice = self.find(name).await?;
        self.0.shared.subscribers.remove(notice.id);
        self.0.shared.store.notices().delete(notice.id).await?;
        self.0.board.forget(notice.id);
        tracing::info!(notice = %notice.name, "notice deleted");
        Ok(())
    }

    /// Sends one message now, and says what came of it.
    ///
    /// # Errors
    /// Nothing has that name, or the key does not fit.
    pub async fn test(&self, name: &str) -> Result<Result<(), Failure>, NoticeError> {
        let notice = self.find(name).await?;
        let secret = self.0.channels.unseal(Owner::NoticeKey(notice.id), &notice.secret)?;
        let key = Key::read(&secret).ok_or(NoticeError::Secret)?;
        let postman = match self.postman(&notice.url) {
            Ok(postman) => postman,
            Err(NoticeError::Address(failure)) => return Ok(Err(failure)),
            Err(error) => return Err(error),
        };
        let message = Message::test(notice.name.as_str(), fastrand::u64(..));
        let posting = message.posting(&key, self.0.shared.clock.now());
        Ok(postman.post(posting, CancellationToken::new()).await)
    }

    fn postman(&self, url: &str) -> Result<Postman, NoticeError> {
        self.0.channels.postman(url).map_err(NoticeError::Address)
    }

    async fn find(&self, name: &str) -> Result<Notice, NoticeError> {
        let notices = self.0.shared.store.notices().list().await?;
        let found = notices.into_iter().find(|notice| notice.name.as_str() == name);
        found.ok_or_else(|| NoticeError::NoNotice(name.to_owned()))
    }

    async fn shown(&self, notice: Notice) -> Result<ShownNotice, NoticeError> {
        let store = &self.0.shared.store;
        let channel = match notice.channel {
            Some(id) => store.channels().get(id).await?.map(|channel| channel.name.to_string()),
            None => None,
        };
        Ok(ShownNotice {
            channel,
            state: self.0.board.state(notice.id),
            waiting: store.feed().count(notice.id).await?,
            dead: store.notices().count_dead(notice.id).await?,
            notice,
        })
    }
}

/// The key that is given, or one that is made; and which it is.
fn key(given: Option<Secret>) -> Result<(Secret, bool), NoticeError> {
    if let Some(secret) = given {
        return if Key::read(&secret).is_some() { Ok((secret, false)) } else { Err(NoticeError::Secret) };
    }
    let mut bytes = [0; KEY];
    getrandom::fill(&mut bytes).map_err(|_| NoticeError::Random)?;
    Ok((Key::text(&bytes), true))
}
