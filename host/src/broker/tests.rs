//! The whole way of a request, against real servers on loopback.

mod answers;
mod failures;
mod flow;
mod limits;
mod reach;
mod recording;
mod redirects;
mod server;
mod tls;

use super::*;
use crate::model::{Failure, Name, Secret};
use futures_util::future::BoxFuture;
use server::{Reply, Server};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Loopback over plain HTTP, and no time lost between attempts.
const LOOPBACK: &str = "allow-addresses = ['127.0.0.0/8']\nallow-plain-http = true\nbackoff-base = '1ms'\nretry-after-max = '2s'\n";

/// Name servers that answer from a table: the first time with the first list,
/// and so on; the last one stays.
#[derive(Default)]
struct Table(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Table {
    fn with(self, host: &str, answers: &[&[&str]]) -> Self {
        let address = |text: &&str| text.parse().expect("an address");
        let answers = answers.iter().map(|list| list.iter().map(address).collect()).collect();
        self.0.lock().expect("no panic").insert(host.to_owned(), answers);
        self
    }
}

impl Lookup for Table {
    fn lookup(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let mut table = self.0.lock().expect("no panic");
        let found = table.get_mut(&host).map(|answers| match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        });
        let found = found.ok_or_else(|| io::Error::other("no such name in the table"));
        Box::pin(async move { Ok(found?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()) })
    }
}

fn broker(config: &str, table: Table) -> Broker {
    let broker = Broker::new(toml::from_str(config).expect("a configuration"), Arc::new(table));
    // What is tested here is not how many retries there are for all requests together.
    broker.origins().be_generous();
    broker
}

fn scope(base: &str) -> Scope {
    let base = Url::parse(base).expect("a URL");
    Scope {
        base,
        origins: BTreeMap::new(),
        credential: Credential::None,
        concurrency: 4,
        requests_per_minute: None,
    }
}

fn with_origin(mut scope: Scope, name: &str, url: &str) -> Scope {
    scope.origins.insert(Name::try_new(name).expect("a name"), Url::parse(url).expect("a URL"));
    scope
}

/// A gateway to one server, with more lines of configuration.
fn gateway(server: &Server, config: &str) -> Gateway {
    broker(&format!("{LOOPBACK}{config}"), Table::default()).gateway(scope(&server.url())).expect("allowed")
}

fn gateway_with(server: &Server, credential: Credential) -> Gateway {
    let scope = Scope { credential, ..scope(&server.url()) };
    broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed")
}

fn request(method: Method, path: &str) -> Request {
    Request {
        method,
        origin: None,
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        idempotency_key: None,
        timeout: None,
    }
}

fn get(path: &str) -> Request {
    request(Method::Get, path)
}

fn meter() -> Meter {
    Meter::new(Allowance { requests: 1_000, response_bytes: 64 << 20 }, CancellationToken::new())
}

fn bearer(token: &str) -> Credential {
    Credential::Bearer { token: Secret::new(token) }
}

async fn failure_of(gateway: &Gateway, request: Request) -> Failure {
    gateway.send(request, &meter()).await.expect_err("a failure")
}

fn header<'a>(headers: &'a [(String, bytes::Bytes)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(found, _)| found == name);
    found.and_then(|(_, value)| std::str::from_utf8(value).ok())
}
