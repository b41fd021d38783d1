//! A client that follows nothing, retries nothing and unpacks nothing.

use reqwest::Method;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Once};
use tests::{
    vendor::Vendor,
    zendesk::{EMAIL, TOKEN},
};

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// The ids of the records under that name.
    pub(crate) fn ids(&self, name: &str) -> Vec<u64> {
        let document = self.json();
        let records = document[name].as_array().unwrap_or_else(|| panic!("no {name} in {document}"));
        records.iter().map(|record| record["id"].as_u64().expect("an id")).collect()
    }
}

/// A request to the fake, as the agent.
pub(crate) struct Call<'a> {
    fake: &'a Vendor,
    builder: reqwest::RequestBuilder,
}

pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().expect("none is installed yet")
    });
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.build().expect("a client")
}

/// A request without credentials. `path` is a path or an URL.
pub(crate) fn bare<'a>(fake: &'a Vendor, method: Method, path: &str) -> Call<'a> {
    let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", fake.url()) };
    Call { fake, builder: http().request(method, url) }
}

pub(crate) fn get<'a>(fake: &'a Vendor, path: &str) -> Call<'a> {
    bare(fake, Method::GET, path).user(&format!("{EMAIL}/token"), TOKEN)
}

pub(crate) fn send<'a>(fake: &'a Vendor, method: Method, path: &str, body: &Value) -> Call<'a> {
    let call = bare(fake, method, path)
        .user(&format!("{EMAIL}/token"), TOKEN)
        .header("content-type", "application/json");
    Call { builder: call.builder.body(body.to_string()), ..call }
}

impl Call<'_> {
    pub(crate) fn user(self, name: &str, password: &str) -> Self {
        Self { builder: self.builder.basic_auth(name, Some(password)), ..self }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    pub(crate) fn text(self, body: &str) -> Self {
        Self { builder: self.builder.body(body.to_owned()), ..self }
    }

    pub(crate) async fn response(self) -> reqwest::Result<reqwest::Response> {
        self.builder.send().await
    }

    pub(crate) async fn answer(self) -> Answer {
        let response = self.builder.send().await.expect("an answer");
        let status = response.status().as_u16();
        let pair = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.to_string(), value.to_str().expect("text").to_owned())
        };
        let headers = response.headers().iter().map(pair).collect();
        let text = response.text().await.expect("a body");
        Answer { status, headers, text }
    }

    /// The document of an answer that must have that status.
    pub(crate) async fn expect(self, status: u16) -> Value {
        let url = self.fake.url();
        let answer = self.answer().await;
        assert_eq!(answer.status, status, "{url}: {}", answer.text);
        answer.json()
    }
}
