//! The API of a running host, for tests that look so often that a command a look would
//! take longer than what they look at.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{host::TestHost, wait};
use tokio::runtime::Runtime;

/// A client of one host.
pub(crate) struct Api {
    base: String,
    http: reqwest::Client,
    run_time: Runtime,
}

impl Api {
    /// Of that host, which must be running.
    pub(crate) fn of(host: &TestHost) -> Self {
        // It speaks plain HTTP only, but wants to know how TLS would go.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let run_time =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a run time");
        let base = format!("{}/api/v1", host.url().expect("it runs"));
        Self { base, http: reqwest::Client::builder().no_proxy().build().expect("a client"), run_time }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.send(self.http.get(format!("{}{path}", self.base)))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(with(self.http.post(format!("{}{path}", self.base)), body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(with(self.http.patch(format!("{}{path}", self.base)), body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(with(self.http.put(format!("{}{path}", self.base)), body))
    }

    /// Waits until the job of that id is over.
    pub(crate) fn ended(&self, job: &str) -> Result<Value> {
        wait::until(&format!("the end of job {job}"), wait::PATIENCE, || {
            let job = self.get(&format!("/jobs/{job}?wait=5s"))?;
            Ok(Some(job).filter(|job| job["ended"] == true))
        })
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let (status, text) = self.run_time.block_on(async {
            let answer = request.send().await?;
            anyhow::Ok((answer.status(), answer.text().await?))
        })?;
        ensure!(status.is_success(), "the host answered {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("no JSON document: {text}"))
    }
}

fn with(request: reqwest::RequestBuilder, body: &Value) -> reqwest::RequestBuilder {
    request.header("content-type", "application/json").body(body.to_string())
}
