//! Starting a fake Zendesk, and changing what is in it.

use super::{
    account::Account,
    control,
    oauth::{self, Grants, OAuthCounts},
    seed::{FIRST_USER, Plan},
};
use crate::vendor::{Options, Script, Vendor, members};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

/// Seeded tickets and users must lie in the past.
const MOST_SEEDS: u64 = 2_000_000;
/// Comments that the ids of a ticket have room for.
const MOST_COMMENTS: u64 = 4_900;
/// Seconds that an access token of a new OAuth client holds, as the vendor announced it.
const TOKEN_LIFETIME: i64 = 1_800;

/// What a fake Zendesk is to be. Small by default: 10 users, 25 tickets, 2 comments each.
#[derive(Clone, Debug)]
pub struct Builder {
    users: u64,
    tickets: u64,
    comments: u64,
    export_lag: Duration,
    token_lifetime: i64,
    public_url: Option<String>,
    script: Script,
    options: Options,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            users: 10,
            tickets: 25,
            comments: 2,
            export_lag: Duration::from_secs(60),
            token_lifetime: TOKEN_LIFETIME,
            public_url: None,
            script: Script::default(),
            options: Options::default(),
        }
    }
}

impl Builder {
    /// So many users; the first is the agent.
    #[must_use]
    pub fn users(self, users: u64) -> Self {
        Self { users, ..self }
    }

    /// So many tickets, with the ids from 1 on. Those whose id ends in 0 or 5 are closed.
    #[must_use]
    pub fn tickets(self, tickets: u64) -> Self {
        Self { tickets, ..self }
    }

    /// So many comments of each ticket, the description among them.
    #[must_use]
    pub fn comments_per_ticket(self, comments: u64) -> Self {
        Self { comments, ..self }
    }

    /// How long exports hold a change back; a minute by default, as with the vendor.
    #[must_use]
    pub fn export_lag(self, export_lag: Duration) -> Self {
        Self { export_lag, ..self }
    }

    /// So many seconds an access token of OAuth holds; half an hour by default.
    #[must_use]
    pub fn token_lifetime(self, seconds: u32) -> Self {
        Self { token_lifetime: seconds.into(), ..self }
    }

    /// The origin in links and `url` properties; that of the server by default.
    #[must_use]
    pub fn public_url(self, url: &str) -> Self {
        Self { public_url: Some(url.trim_end_matches('/').to_owned()), ..self }
    }

    /// The fault script from the start on.
    #[must_use]
    pub fn script(self, script: impl Into<Script>) -> Self {
        Self { script: script.into(), ..self }
    }

    /// Where to listen; a free port of 127.0.0.1 by default.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { options: Options { listen, ..self.options }, ..self }
    }

    /// How long every answer is held back.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { options: Options { latency, ..self.options }, ..self }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When there is to be more in it than there is room for, or it cannot listen there.
    pub fn start(self) -> Result<Zendesk> {
        ensure!(
            self.users <= MOST_SEEDS && self.tickets <= MOST_SEEDS,
            "at most {MOST_SEEDS} users and tickets can be made up"
        );
        ensure!(self.comments <= MOST_COMMENTS, "at most {MOST_COMMENTS} comments a ticket can be made up");
        let (vendor, account) = Vendor::serving(self.options, self.script, |address| {
            let url = self.public_url.unwrap_or_else(|| format!("http://{address}"));
            let plan = Plan { users: self.users, tickets: self.tickets, comments: self.comments, url };
            Account::new(plan, self.export_lag, Grants::new(self.token_lifetime))
        })?;
        Ok(Zendesk { vendor, account })
    }
}

/// A running fake Zendesk; what every vendor can do is reached through it as well. It
/// stops when this is dropped.
pub struct Zendesk {
    vendor: Vendor,
    account: Arc<Account>,
}

impl Deref for Zendesk {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.vendor
    }
}

impl Zendesk {
    /// What it is to be.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Makes the pages of the exports ready, so that serving them costs next to nothing:
    /// for benchmarks. What has no room (beyond about 150,000 tickets) is made as it
    /// is asked for.
    pub fn prepare(&self) {
        let mut state = self.account.state();
        state.users.prepare();
        state.tickets.prepare();
    }

    /// The id of the user of that index; 0 is the agent.
    #[must_use]
    pub fn user_id(index: u64) -> u64 {
        FIRST_USER + index
    }

    /// A ticket as it now is, deleted or not.
    #[must_use]
    pub fn ticket(&self, id: u64) -> Option<Value> {
        self.account.state().tickets.value(id).map(Value::Object)
    }

    /// The comments of a ticket that were written since the start, the oldest first.
    #[must_use]
    pub fn new_comments(&self, ticket: u64) -> Vec<Value> {
        let state = self.account.state();
        let added = state.added.get(&ticket).map_or(&[][..], Vec::as_slice);
        added.iter().filter_map(|comment| serde_json::from_slice(&comment.rendered).ok()).collect()
    }

    /// What single updates of a ticket asked for, done or refused, the oldest first.
    #[must_use]
    pub fn updates(&self, ticket: u64) -> Vec<Value> {
        let asked = self.account.state().asked.get(&ticket).cloned().unwrap_or_default();
        asked.into_iter().map(Value::Object).collect()
    }

    /// A user as it now is.
    #[must_use]
    pub fn user(&self, id: u64) -> Option<Value> {
        self.account.state().users.value(id).map(Value::Object)
    }

    /// The number of tickets, without the deleted ones.
    #[must_use]
    pub fn ticket_count(&self) -> u64 {
        self.account.state().tickets.len()
    }

    /// The number of users, without the deleted ones.
    #[must_use]
    pub fn user_count(&self) -> u64 {
        self.account.state().users.len()
    }

    /// Makes a ticket with these properties, unchecked, for everybody to see at once.
    ///
    /// # Errors
    /// When `properties` is not an object.
    pub fn create_ticket(&self, properties: Value) -> Result<Value> {
        control::create_ticket(&self.account, members(properties)?)
    }

    /// Sets these properties of a ticket, unchecked, for everybody to see at once.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn change_ticket(&self, id: u64, properties: Value) -> Result<Value> {
        control::change_ticket(&self.account, id, members(properties)?)
    }

    /// Deletes a ticket, for everybody to see at once.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn delete_ticket(&self, id: u64) -> Result<()> {
        control::delete_ticket(&self.account, id).map(|_| ())
    }

    /// Takes a ticket away without a trace: no export tells of it.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub fn purge_ticket(&self, id: u64) -> Result<()> {
        control::purge_ticket(&self.account, id).map(|_| ())
    }

    /// Adds a comment (`body`, `public`, `author_id`), for everybody to see at once.
    ///
    /// # Errors
    /// When there is no such ticket, or the comment has no body.
    pub fn add_comment(&self, ticket: u64, comment: Value) -> Result<Value> {
        control::add_comment(&self.account, ticket, &members(comment)?)
    }

    /// Sets these properties of a user, for everybody to see at once.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn change_user(&self, id: u64, properties: Value) -> Result<Value> {
        control::change_user(&self.account, id, members(properties)?)
    }

    /// Registers a redirect URL of the OAuth client, which has to come exactly so.
    pub fn register(&self, uri: &str) {
        oauth::register(&self.account, uri);
    }

    /// Refuses all access tokens of OAuth that there are; they can be renewed.
    pub fn expire_tokens(&self) {
        oauth::expire(&self.account);
    }

    /// Ends all grants of OAuth.
    pub fn revoke_grants(&self) {
        oauth::revoke(&self.account);
    }

    /// How often what was done by OAuth.
    #[must_use]
    pub fn oauth_counts(&self) -> OAuthCounts {
        self.account.grants().counts
    }

    /// Sets the vendor's clock forward.
    pub fn advance_clock(&self, by: Duration) {
        self.account.clock.advance(by);
    }
}
