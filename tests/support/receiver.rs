//! An address that notices are posted to. It is as strict as the standard
//! (standardwebhooks.com): what is not signed as it should be is refused.
//!
//! It remembers what it took, and fails on demand by a fault script.

use crate::{
    vendor::{Answer, App, Options, Request, Script, Vendor},
    wait,
};
use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::StatusCode;
use ring::hmac;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far a timestamp may be from the clock, in seconds.
const TOLERANCE: i64 = 300;

/// A message that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The header `webhook-id`.
    pub id: String,
    /// The body.
    pub message: Value,
}

/// A running receiver. It stops when this is dropped.
#[derive(Debug)]
pub struct Receiver {
    vendor: Vendor,
    desk: Arc<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    /// As `whsec_…`.
    secret: Mutex<Option<String>>,
    taken: Mutex<Vec<Taken>>,
    refused: Mutex<Vec<String>>,
}

impl Receiver {
    /// Starts one that refuses everything until it has a secret.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start() -> Result<Self> {
        let desk = Arc::<Desk>::default();
        let app = Arc::clone(&desk);
        Ok(Self { vendor: Vendor::start(Options::default(), |_| app)?, desk })
    }

    /// Verifies with this secret from now on.
    pub fn trust(&self, secret: &str) {
        *lock(&self.desk.secret) = Some(secret.to_owned());
    }

    /// Where messages are taken.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/in?tenant=7", self.vendor.url())
    }

    /// Follows this fault script from now on.
    pub fn set_script(&self, script: impl Into<Script>) {
        self.vendor.set_script(script);
    }

    /// The server itself.
    #[must_use]
    pub fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    /// What was taken, the oldest first.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.desk.taken).clone()
    }

    /// Why messages were refused, the oldest first.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        lock(&self.desk.refused).clone()
    }

    /// Waits until so many were taken.
    ///
    /// # Errors
    /// When they do not come in time.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Taken>> {
        let what = format!("{count} messages");
        let taken =
            wait::until(&what, wait::PATIENCE, || Ok(Some(self.taken()).filter(|all| all.len() >= count)));
        taken.with_context(|| format!("{} came; refused: {:?}", self.taken().len(), self.refused()))
    }
}

impl App for Desk {
    fn answer(&self, request: &Request) -> Answer {
        match self.judge(request) {
            Ok(taken) => {
                lock(&self.taken).push(taken);
                Answer::empty(StatusCode::NO_CONTENT)
            }
            Err(why) => {
                lock(&self.refused).push(why.clone());
                Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": why }))
            }
        }
    }

    fn control(&self, _path: &str, _request: &Request) -> Option<Answer> {
        None
    }

    fn control_help(&self) -> &'static str {
        ""
    }

    fn words_for(&self, status: StatusCode) -> Answer {
        Answer::json(status, &json!({ "status": status.as_u16() }))
    }

    fn kind_of(&self, path: &str) -> String {
        path.to_owned()
    }
}

impl Desk {
    fn judge(&self, request: &Request) -> Result<Taken, String> {
        let header = |name: &str| request.header(name).ok_or_else(|| format!("there is no {name}"));
        let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
        let signature = header("webhook-signature")?;
        if request.path != "/in" || request.query.as_deref() != Some("tenant=7") {
            return Err(format!("{} {:?} is not the address", request.path, request.query));
        }
        if header("content-type")? != "application/json" {
            return Err("it is not JSON".to_owned());
        }
        let seconds: i64 = timestamp.parse().map_err(|_| "the timestamp is no number".to_owned())?;
        if (jiff::Timestamp::now().as_second() - seconds).abs() > TOLERANCE {
            return Err("the timestamp is too old".to_owned());
        }
        let secret = lock(&self.secret).clone().ok_or("no secret is known")?;
        let key = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.ok_or("the secret is not one")?);
        let given = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body].concat();
        hmac::verify(&key, &signed, &given.ok_or("the signature is not one")?)
            .map_err(|_| "the signature does not fit".to_owned())?;
        let message = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        Ok(Taken { id: id.to_owned(), message })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
