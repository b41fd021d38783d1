//! Somebody who changes tickets and makes new ones all the time, through the API.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tests::zendesk::{EMAIL, TOKEN, Zendesk};
use tokio::{runtime::Runtime, sync::oneshot, task::JoinSet};

/// At work until it is stopped.
pub(crate) struct Writer {
    runtime: Runtime,
    tasks: JoinSet<Result<u64>>,
    stop: oneshot::Sender<()>,
}

impl Writer {
    /// Makes so many changes in a second, about.
    pub(crate) fn start(fake: &Zendesk, seed: u64, changes: u32) -> Result<Self> {
        // The client asks for one even where it only speaks plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let desk = Desk {
            client: reqwest::Client::builder().no_proxy().build()?,
            url: fake.url(),
            tickets: fake.ticket_count(),
            dice: fastrand::Rng::with_seed(seed ^ 1),
        };
        let pause = Duration::from_secs(1) / changes.max(1);
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn_on(desk.work(pause, stopped), runtime.handle());
        Ok(Self { runtime, tasks, stop })
    }

    /// Stops it; the number of changes that were made.
    pub(crate) fn stop(mut self) -> Result<u64> {
        // One that has failed is gone already, and says why.
        let _ = self.stop.send(());
        self.runtime.block_on(self.tasks.join_next()).context("the writer works in one task")??
    }
}

struct Desk {
    client: reqwest::Client,
    url: String,
    tickets: u64,
    dice: fastrand::Rng,
}

impl Desk {
    async fn work(mut self, pause: Duration, mut stopped: oneshot::Receiver<()>) -> Result<u64> {
        let mut changes = 0;
        loop {
            tokio::select! {
                _ = &mut stopped => return Ok(changes),
                () = tokio::time::sleep(pause) => {}
            }
            self.change().await?;
            changes += 1;
        }
    }

    /// One change in five is a new ticket, one in four of the others has a comment.
    async fn change(&mut self) -> Result<()> {
        let words = format!("words {}", self.dice.u32(..));
        if self.dice.u32(..5) == 0 {
            let ticket = json!({ "ticket": { "subject": words, "comment": { "body": words } } });
            self.send(reqwest::Method::POST, "tickets.json", &ticket).await?;
            self.tickets += 1;
            return Ok(());
        }
        let mut ticket = json!({ "subject": words });
        if self.dice.u32(..4) == 0 {
            ticket["comment"] = json!({ "body": words });
        }
        // Seeded tickets whose id ends in 0 or 5 are closed.
        let id = loop {
            let id = self.dice.u64(1..=self.tickets);
            if !id.is_multiple_of(5) {
                break id;
            }
        };
        self.send(reqwest::Method::PUT, &format!("tickets/{id}.json"), &json!({ "ticket": ticket })).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> Result<()> {
        let request = self.client.request(method, format!("{}/api/v2/{path}", self.url));
        let request = request.basic_auth(format!("{EMAIL}/token"), Some(TOKEN));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "the vendor answers {status} to {path}: {}", answer.text().await?);
        Ok(())
    }
}
