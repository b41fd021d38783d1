//! The host's API, asked by many at once.

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::task::JoinSet;

#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base: String,
}

impl Api {
    pub(crate) fn new(url: &str) -> Result<Self> {
        // The client asks for one even where it only speaks plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { client: Client::builder().no_proxy().build()?, base: url.to_owned() })
    }

    /// Posts all of them, so many at a time. Answers with one of `well` are as good as done.
    pub(crate) async fn post_all(
        &self,
        calls: Vec<(String, Value)>,
        at_once: usize,
        well: &'static [StatusCode],
    ) -> Result<()> {
        let calls = Arc::new(Mutex::new(VecDeque::from(calls)));
        let mut tasks: JoinSet<Result<()>> = JoinSet::new();
        for _ in 0..at_once {
            let (api, calls) = (self.clone(), Arc::clone(&calls));
            tasks.spawn(async move {
                loop {
                    let next = calls.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((path, body)) = next else { return Ok(()) };
                    api.post(&path, &body, well).await?;
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.context("a task that asks the API")??;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value, well: &[StatusCode]) -> Result<()> {
        let request = self.client.post(format!("{}/api/v1{path}", self.base));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await?;
        let status = answer.status();
        if !status.is_success() && !well.contains(&status) {
            bail!("the host answers {status} to {path}: {}", answer.text().await?);
        }
        Ok(())
    }

    /// Every run of the history, newest first.
    pub(crate) async fn runs(&self) -> Result<Vec<Value>> {
        let mut runs = Vec::new();
        let mut after = String::new();
        loop {
            let page: Value =
                serde_json::from_str(&self.text(&format!("/api/v1/runs?limit=1000{after}")).await?)?;
            runs.extend(page["items"].as_array().context("items")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(runs),
            }
        }
    }

    /// What stands at `/metrics`; none where the host has no metrics.
    pub(crate) async fn metrics(&self) -> Option<String> {
        self.text("/metrics").await.ok()
    }

    async fn text(&self, path: &str) -> Result<String> {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}
