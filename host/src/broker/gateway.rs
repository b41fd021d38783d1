//! A channel's way out, and what makes it.
//!
//! The face of the broker: it holds the stages of `send` together and does no
//! work of its own.

use super::{
    Config, Lookup, Meter, Method, Request, Response, Scope, Streamed,
    auth::Auth,
    client::{Client, Setup},
    egress::Egress,
    resolver::Resolver,
    retry::Policy,
    rules::Rules,
    send::{Hold, Way},
    tls::Tls,
};
use crate::{
    clock::Clock,
    model::{Class, Failure},
};
use futures_util::{StreamExt, stream};
use std::{fmt, sync::Arc};
use tokio::sync::Semaphore;

/// The most requests of one [`Gateway::send_all`].
const MAX_BATCH: usize = 1_000;

/// The operator's rules, the resolver and the trusted certificates; cheap to
/// clone.
#[derive(Clone)]
pub struct Broker(Arc<Shared>);

struct Shared {
    config: Arc<Config>,
    rules: Arc<Rules>,
    lookup: Arc<dyn Lookup>,
    tls: Tls,
    clock: Clock,
}

/// One channel's way out; cheap to clone. Every clone shares connections and
/// limits, no two gateways share any.
#[derive(Clone)]
pub struct Gateway(Arc<Way>, Methods);

/// Which methods leave the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Methods {
    All,
    Safe,
}

impl Broker {
    /// Opens and reads nothing yet.
    #[must_use]
    pub fn new(config: Config, lookup: Arc<dyn Lookup>) -> Self {
        Self::with_clock(config, lookup, Clock::system())
    }

    /// The same with the clock that dates in `Retry-After` are compared with.
    #[must_use]
    pub fn with_clock(config: Config, lookup: Arc<dyn Lookup>, clock: Clock) -> Self {
        let rules = Arc::new(Rules::new(&config));
        let tls = Tls::new(config.ca_file.clone());
        Self(Arc::new(Shared { config: Arc::new(config), rules, lookup, tls, clock }))
    }

    /// A gateway with an HTTP client of its own.
    ///
    /// # Errors
    /// `denied` when the operator's configuration does not allow one of the
    /// origins; `config` when the credential cannot be sent as HTTP or there are
    /// no certificates to trust.
    pub fn gateway(&self, scope: Scope) -> Result<Gateway, Failure> {
        let Shared { config, rules, lookup, tls, clock } = &*self.0;
        let concurrency = scope.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let auth = Auth::new(&scope.credential)?;
        let egress = Egress::new(rules.clone(), scope.base, scope.origins)?;
        let client = Client::new(Setup {
            resolver: Resolver::new(lookup.clone(), rules.clone()),
            tls: if egress.is_all_plain() { Tls::nobody()? } else { tls.settings()? },
            connect_timeout: config.connect_timeout.0,
            read_timeout: config.read_timeout.0,
            idle: concurrency,
        })?;
        let way = Way {
            egress,
            auth,
            client,
            places: Semaphore::new(concurrency),
            concurrency,
            policy: Policy::new(config),
            config: config.clone(),
            clock: clock.clone(),
        };
        Ok(Gateway(Arc::new(way), Methods::All))
    }
}

impl Gateway {
    /// The same way out, with the same connections and limits, for requests that
    /// only read: any method but GET, HEAD and OPTIONS is refused, unsent, as
    /// `denied` with the code `egress.dry-run`.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self(self.0.clone(), Methods::Safe)
    }

    fn admit(&self, method: Method) -> Result<(), Failure> {
        if self.1 == Methods::All || method.is_safe() {
            return Ok(());
        }
        let message = format!(
            "a dry run sends no {}: only GET, HEAD and OPTIONS leave the host in it",
            method.as_str()
        );
        Err(Failure::new(Class::Denied, "egress.dry-run", message))
    }

    /// Sends one request and reads the whole answer. Dropping it ends the exchange.
    ///
    /// # Errors
    /// `denied` for what the rules forbid; `limit` at a bound, at the step's budget
    /// or when the run is cancelled; `auth` for 401; `rate-limited` for 429 and for
    /// a long `Retry-After`; `transient` for 5xx and a network that fails, when all
    /// attempts did; `config` for a certificate that is not trusted or redirects
    /// without end; `unsupported` for 501 and a coding that was not asked for. Other
    /// statuses, 403 and 404 among them, are answers.
    pub async fn send(&self, request: Request, meter: &Meter) -> Result<Response, Failure> {
        self.admit(request.method)?;
        let answer = self.0.deliver(request, meter, Hold::Whole).await?;
        let (status, headers, attempts) = (answer.status, answer.headers, answer.attempts);
        Ok(Response { status, headers, body: answer.body.into_whole(), attempts })
    }

    /// Sends the requests in parallel within the scope's concurrency, and answers
    /// in the order of the input. One failure does not stop the rest. More than
    /// 1,000 fail each with `limit`, unsent.
    pub async fn send_all(&self, requests: Vec<Request>, meter: &Meter) -> Vec<Result<Response, Failure>> {
        let count = requests.len();
        if count > MAX_BATCH {
            let message = format!("{count} requests at once are more than {MAX_BATCH}: send them in parts");
            return vec![Err(Failure::new(Class::Limit, "limit.batch", message)); count];
        }
        // Out of order, so that one slow answer does not hold places empty.
        let sent = requests
            .into_iter()
            .enumerate()
            .map(|(at, request)| async move { (at, self.send(request, meter).await) });
        let mut answers: Vec<_> = stream::iter(sent).buffer_unordered(self.0.concurrency).collect().await;
        answers.sort_unstable_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Sends one request and hands the body over as a stream. Tried again only
    /// until the body has begun.
    ///
    /// # Errors
    /// As [`Gateway::send`].
    pub async fn open(&self, request: Request, meter: &Meter) -> Result<Streamed, Failure> {
        self.admit(request.method)?;
        let answer = self.0.deliver(request, meter, Hold::Stream).await?;
        Ok(Streamed { status: answer.status, headers: answer.headers, body: answer.body })
    }

    /// A link from an answer, absolute or starting with `/`, as a path for
    /// [`Request::path`]. The query parameter of a credential is left out.
    ///
    /// # Errors
    /// `denied` for a link to any other origin, or to outside the base URL's path.
    pub fn path_of(&self, link: &str) -> Result<String, Failure> {
        self.0.egress.path_of(link, self.0.auth.owned_parameter())
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("base", &super::origin::text(self.0.egress.base()))
            .finish_non_exhaustive()
    }
}
