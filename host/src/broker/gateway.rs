//! A channel's way out, and what makes it.
//!
//! The face of the broker: it holds the stages of `send` together and does no
//! work of its own.

use super::{
    Config, Credential, Lookup, Meter, Request, Response, Scope, Streamed,
    auth::Auth,
    cassette::{Head, Player, Recording, Slot},
    client::{Client, Setup},
    egress::Egress,
    marks::Marks,
    resolver::Resolver,
    retry::Policy,
    rules::Rules,
    send::{Answer, Hold, Way},
    tls::Tls,
};
use crate::{
    clock::Clock,
    model::{Class, Failure},
};
use futures_util::{StreamExt, stream};
use std::{fmt, sync::Arc};
use tokio::sync::Semaphore;
use url::Url;

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
pub struct Gateway {
    line: Line,
    /// Where the exchanges are taken down.
    recording: Option<Recording>,
}

/// What a gateway's requests go through.
#[derive(Clone)]
enum Line {
    Wire(Arc<Way>),
    Tape(Player),
}

/// How far a gateway reaches, as far as a tape of it has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The base URL.
    pub base: Url,
    /// The query parameter that carries the credential, if one does.
    pub parameter: Option<String>,
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
        let line = Line::Wire(Arc::new(Way {
            egress,
            auth,
            client,
            places: Semaphore::new(concurrency),
            concurrency,
            policy: Policy::new(config),
            config: config.clone(),
            clock: clock.clone(),
        }));
        Ok(Gateway { line, recording: None })
    }
}

impl Gateway {
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
        let slot = self.begin(&request);
        self.send_into(slot, request, meter).await
    }

    async fn send_into(
        &self,
        slot: Option<Slot>,
        request: Request,
        meter: &Meter,
    ) -> Result<Response, Failure> {
        let answer = self.deliver(slot, request, meter, Hold::Whole).await?;
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
        let sent = requests.into_iter().enumerate().map(|(at, request)| {
            // Taken down in the order of the input, whichever is answered first.
            let slot = self.begin(&request);
            async move { (at, self.send_into(slot, request, meter).await) }
        });
        let concurrency = match &self.line {
            Line::Wire(way) => way.concurrency,
            // The n-th of the same request gets the n-th answer.
            Line::Tape(_) => 1,
        };
        let mut answers: Vec<_> = stream::iter(sent).buffer_unordered(concurrency).collect().await;
        answers.sort_unstable_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Sends one request and hands the body over as a stream. Tried again only
    /// until the body has begun.
    ///
    /// # Errors
    /// As [`Gateway::send`].
    pub async fn open(&self, request: Request, meter: &Meter) -> Result<Streamed, Failure> {
        let slot = self.begin(&request);
        let answer = self.deliver(slot, request, meter, Hold::Stream).await?;
        Ok(Streamed { status: answer.status, headers: answer.headers, body: answer.body })
    }

    /// A link from an answer, absolute or starting with `/`, as a path for
    /// [`Request::path`]. The query parameter of a credential is left out.
    ///
    /// # Errors
    /// `denied` for a link to any other origin, or to outside the base URL's path.
    pub fn path_of(&self, link: &str) -> Result<String, Failure> {
        match &self.line {
            Line::Wire(way) => way.egress.path_of(link, way.auth.owned_parameter()),
            Line::Tape(player) => player.path_of(link),
        }
    }

    /// The same gateway, and where its exchanges are taken down.
    #[must_use]
    pub fn recording(&self) -> (Self, Recording) {
        let marks = match &self.line {
            Line::Wire(way) => way.auth.marks().clone(),
            Line::Tape(_) => Arc::new(Marks::new(&Credential::None)),
        };
        let recording = Recording::new(marks);
        (Self { line: self.line.clone(), recording: Some(recording.clone()) }, recording)
    }

    /// A gateway that sends nothing and answers from a tape.
    pub(super) fn playing(player: Player) -> Self {
        Self { line: Line::Tape(player), recording: None }
    }

    /// What a tape of this gateway has to know beside the exchanges.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match &self.line {
            Line::Wire(way) => Reach {
                base: way.egress.base().clone(),
                parameter: way.auth.owned_parameter().map(str::to_owned),
            },
            Line::Tape(player) => Reach { base: player.base().clone(), parameter: None },
        }
    }

    fn begin(&self, request: &Request) -> Option<Slot> {
        self.recording.as_ref().map(|recording| recording.begin(request))
    }

    /// The whole way of one request, taken down where somebody records.
    async fn deliver(
        &self,
        slot: Option<Slot>,
        request: Request,
        meter: &Meter,
        hold: Hold,
    ) -> Result<Answer, Failure> {
        let delivered = match &self.line {
            Line::Wire(way) => way.deliver(request, meter, hold).await,
            Line::Tape(player) => player.deliver(request, meter, hold).await,
        };
        let Some(slot) = slot else { return delivered };
        let answer = match delivered {
            Ok(answer) => answer,
            Err(failure) => {
                slot.failed(failure.clone());
                return Err(failure);
            }
        };
        let head = Head { status: answer.status, headers: &answer.headers, attempts: answer.attempts };
        let body = match hold {
            Hold::Whole => {
                slot.answered(head, answer.body.loaded());
                answer.body
            }
            Hold::Stream => answer.body.taken_down(slot.streamed(head)),
        };
        Ok(Answer { body, ..answer })
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
            .field("base", &super::origin::text(&self.reach().base))
            .finish_non_exhaustive()
    }
}
