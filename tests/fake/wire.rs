//! A transport that goes over a real connection, for plugins that run natively.
//!
//! It does as the host does: what is safe to repeat is sent again when the connection breaks, and
//! everything else is a failure of which nobody knows what it did.

use crate::client::http;
use tests::vendor::Vendor;
use tidegate_sdk::{Error, Method, Request, Response, Transport};
use tokio::runtime::Runtime;

/// How a wire signs in.
#[derive(Clone, Copy)]
pub(crate) enum Login {
    /// A user and a password.
    Basic(&'static str, &'static str),
    /// A token.
    Bearer(&'static str),
}

/// A wire to a fake.
pub(crate) struct Wire<'a> {
    fake: &'a Vendor,
    login: Login,
    run_time: Runtime,
}

impl<'a> Wire<'a> {
    pub(crate) fn to(fake: &'a Vendor, login: Login) -> Self {
        Self { fake, login, run_time: Runtime::new().expect("a run time") }
    }

    async fn ask(&self, request: &Request) -> reqwest::Result<Response> {
        let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes()).expect("a method");
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query).finish();
        let asked = http().request(method, format!("{}{}?{query}", self.fake.url(), request.path));
        let mut asked = match self.login {
            Login::Basic(user, password) => asked.basic_auth(user, Some(password)),
            Login::Bearer(token) => asked.bearer_auth(token),
        };
        for (name, value) in &request.headers {
            asked = asked.header(name, value.as_slice());
        }
        if let Some(key) = &request.idempotency_key {
            asked = asked.header("idempotency-key", key);
        }
        let answer = asked.body(request.body.clone().unwrap_or_default()).send().await?;
        let status = answer.status().as_u16();
        Ok(Response::new(request.place(), status, answer.bytes().await?.to_vec()))
    }
}

impl Transport for Wire<'_> {
    fn send(&self, request: Request) -> Result<Response, Error> {
        let is_safe =
            request.idempotency_key.is_some() || !matches!(request.method, Method::Post | Method::Patch);
        let mut answer = self.run_time.block_on(self.ask(&request));
        if answer.is_err() && is_safe {
            answer = self.run_time.block_on(self.ask(&request));
        }
        match answer {
            Ok(response) if matches!(response.status, 401 | 429 | 500..) => Err(response.error()),
            Ok(response) => Ok(response),
            Err(error) => Err(Error::transient("network", error.to_string())),
        }
    }

    fn path_of(&self, link: &str) -> Result<String, Error> {
        Err(Error::denied("egress.origin", link.to_owned()))
    }
}
