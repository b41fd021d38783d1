//! Names to addresses, of which only allowed ones come out.
//!
//! The client dials what comes out and nothing else, so that the address that
//! was checked is the address that is connected to. IP literals do not pass
//! here: `rules` judges them.

use super::{addresses::Addresses, rules::Rules};
use crate::model::Failure;
use futures_util::future::BoxFuture;
use std::{io, net::SocketAddr, sync::Arc};

/// Turns a host name into addresses. The system's resolver in the host, a table
/// in tests.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of `host`, each with `port`; whether they may be reached is
    /// decided elsewhere.
    ///
    /// # Errors
    /// Where the name is not known or nobody answers.
    fn lookup(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Looks names up and leaves out what may not be reached.
#[derive(Clone)]
pub(super) struct Resolver {
    lookup: Arc<dyn Lookup>,
    rules: Arc<Rules>,
}

/// Why there is no address to dial.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// The look-up failed.
    #[error("{0}")]
    Lookup(String),
    /// There are addresses, and none may be reached.
    #[error(transparent)]
    Denied(#[from] Failure),
}

impl Resolver {
    pub(super) fn new(lookup: Arc<dyn Lookup>, rules: Arc<Rules>) -> Self {
        Self { lookup, rules }
    }

    /// The addresses of `host` that may be dialled, at least one, with port 0.
    pub(super) async fn resolve(&self, host: String) -> Result<Vec<SocketAddr>, Unresolved> {
        let found = self.lookup.lookup(host.clone(), 0).await;
        let found = found.map_err(|error| Unresolved::Lookup(error.to_string()))?;
        allowed(self.rules.addresses(), &host, found)
    }
}

fn allowed(addresses: &Addresses, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Unresolved> {
    let mut refused = None;
    let mut passed = Vec::with_capacity(found.len());
    for address in found {
        match addresses.check(address.ip()) {
            Ok(()) => passed.push(address),
            Err(special) => refused = refused.or(Some(special)),
        }
    }
    match refused {
        _ if !passed.is_empty() => Ok(passed),
        Some(special) => Err(addresses.denied(host, special).into()),
        None => Err(Unresolved::Lookup("the name has no address".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &[&str], expected: Result<&[&str], &str>) {
        let with_port = |text: &&str| SocketAddr::new(text.parse().expect("an address"), 0);
        let outcome =
            allowed(&Addresses::new(Vec::new()), "name.example", found.iter().map(with_port).collect());
        match (outcome, expected) {
            (Ok(passed), Ok(expected)) => {
                assert_eq!(passed, expected.iter().map(with_port).collect::<Vec<_>>())
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (outcome, _) => panic!("{found:?}: {outcome:?}"),
        }
    }

    #[test]
    fn only_allowed_addresses_come_out() {
        check(&["8.8.8.8", "2600::1"], Ok(&["8.8.8.8", "2600::1"]));
        check(&["10.0.0.1", "8.8.8.8", "::1", "2600::1"], Ok(&["8.8.8.8", "2600::1"]));
        check(&["::ffff:10.0.0.1", "8.8.8.8"], Ok(&["8.8.8.8"]));
        check(&["10.0.0.1", "192.168.0.1"], Err("name.example is at 10.0.0.1"));
        check(&["64:ff9b::10.0.0.1"], Err("egress.address"));
        check(&[], Err("no address"));
    }
}
