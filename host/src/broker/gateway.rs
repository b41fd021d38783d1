//! A channel's way out, and what makes it.
//!
//! The face of the broker: it holds the stages of `send` together and does no
//! work of its own.

use super::{
    Config, Credential, Lookup, Meter, Origins, Request, Response, Scope, Streamed,
    auth::Auth,
    bucket::Pace,
    cassette::{Head, Player, Recording, Slot},
    client::{Client, Setup},
    egress::Egress,
    gate::Gate,
    marks::Marks,
    origin, origins,
    resolver::Resolver,
    retry::Policy,
    rules::Rules,
    send::{Answer, Hold, Unauthorized, Way},
    throttle::Hint,
    tls::Tls,
};
use crate::{
    clock::Clock,
    model::{Class, Failure},
};
use futures_util::{StreamExt, stream};
use std::{fmt, sync::Arc, time::Duration};
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
    origins: Origins,
}

/// One channel's way out; cheap to clone. Every clone shares connections, no two
/// gateways share any. What is known of an origin they all share, and with the
/// same credential its rate.
#[derive(Clone)]
pub struct Gateway {
    line: Line,
    methods: Methods,
    /// Where the exchanges are taken down.
    recording: Option<Recording>,
}

/// What a gateway's requests go through.
#[derive(Clone)]
enum Line {
    Wire(Arc<Way>),
    Tape(Player),
}

/// What a gateway lets out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Methods {
    All,
    /// Those that change nothing at the other end.
    Safe,
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

    /// The same with the clock that dates in headers are compared with, and that
    /// pauses of breakers go by.
    #[must_use]
    pub fn with_clock(config: Config, lookup: Arc<dyn Lookup>, clock: Clock) -> Self {
        let rules = Arc::new(Rules::new(&config));
        let tls = Tls::new(config.ca_file.clone());
        let origins = Origins::new(origins::Setup {
            breaker: config.breaker,
            patience: config.retry_after_max.0,
            clock: clock.clone(),
        });
        Self(Arc::new(Shared { config: Arc::new(config), rules, lookup, tls, clock, origins }))
    }

    /// What is known of the origins that gateways of this broker go to.
    #[must_use]
    pub fn origins(&self) -> Origins {
        self.0.origins.clone()
    }

    /// A gateway with an HTTP client of its own.
    ///
    /// # Errors
    /// `denied` when the operator's configuration does not allow one of the
    /// origins; `config` when the credential cannot be sent as HTTP or there are
    /// no certificates to trust.
    pub fn gateway(&self, scope: Scope) -> Result<Gateway, Failure> {
        let auth = Auth::new(&scope.credential)?;
        let way = Arc::new(self.way(scope, auth, self.0.config.clone(), Unauthorized::Fails)?);
        Ok(Gateway { line: Line::Wire(way), methods: Methods::All, recording: None })
    }

    /// The operator's configuration.
    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Whether a channel may send a person's browser there: the operator's rules about
    /// encryption hold for it, those about addresses for what the host itself reaches.
    ///
    /// # Errors
    /// `denied`, in words that say what to set.
    pub fn may_show(&self, url: &Url) -> Result<(), Failure> {
        self.0.rules.check_encryption(url)
    }

    /// The stages of requests within a scope, under a configuration that may be narrower than the
    /// operator's.
    pub(super) fn way(
        &self,
        scope: Scope,
        auth: Auth,
        config: Arc<Config>,
        unauthorized: Unauthorized,
    ) -> Result<Way, Failure> {
        let Shared { rules, lookup, tls, clock, .. } = &*self.0;
        let concurrency = scope.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let gates = self.gates(&scope, concurrency);
        let egress = Egress::new(rules.clone(), scope.base, scope.origins)?;
        let client = Client::new(Setup {
            resolver: Resolver::new(lookup.clone(), rules.clone()),
            tls: if egress.is_all_plain() { Tls::nobody()? } else { tls.settings()? },
            connect_timeout: config.connect_timeout.0,
            read_timeout: config.read_timeout.0,
            idle: concurrency,
        })?;
        let (policy, clock) = (Policy::new(&config), clock.clone());
        Ok(Way { egress, auth, client, gates, concurrency, policy, config, clock, unauthorized })
    }

    /// One for each origin, that of the base URL first.
    fn gates(&self, scope: &Scope, concurrency: usize) -> Vec<(Url, Gate)> {
        let within = Duration::from_secs(60);
        let pace = scope.requests_per_minute.map(|requests| Pace { requests, within });
        let hint = Hint { concurrency, pace };
        let credential = self.0.origins.fingerprint(&scope.credential);
        let mut gates: Vec<(Url, Gate)> = Vec::new();
        for url in [&scope.base].into_iter().chain(scope.origins.values()) {
            if !gates.iter().any(|(known, _)| origin::same(known, url)) {
                gates.push((url.clone(), self.0.origins.gate(url, credential, hint)));
            }
        }
        gates
    }
}

impl Gateway {
    /// The same way out, with the same connections and limits, for requests that
    /// change nothing: any method but `GET`, `HEAD` and `OPTIONS` is denied with
    /// `egress.dry-run` before anything leaves.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self { methods: Methods::Safe, ..self.clone() }
    }

    /// The origin of the base URL by its name in [`Origins`], such as
    /// `https://api.example.com`. Nothing is known of a tape's: its whole base URL.
    #[must_use]
    pub fn origin(&self) -> &str {
        match &self.line {
            // There is one, because every scope has a base URL.
            Line::Wire(way) => way.gates.first().map_or("", |(_, gate)| gate.breaker.origin()),
            Line::Tape(player) => player.base().as_str(),
        }
    }

    /// Sends one request and reads the whole answer. Dropping it ends the exchange.
    ///
    /// # Errors
    /// `denied` for what the rules forbid; `limit` at a bound, at the step's budget
    /// or when the run is cancelled; `auth` for 401; `rate-limited` for 429, for
    /// a 403 that names a time to wait or says that no requests are left, for
    /// a long `Retry-After`, and unsent with `throttle.blocked` while that lasts;
    /// `transient` for 5xx and a network that fails, when all attempts did, and
    /// unsent with `breaker.open` while the origin is left alone; `config` for a certificate that is not trusted or redirects
    /// without end; `unsupported` for 501 and a coding that was not asked for. Other
    /// statuses, any other 403 and 404 among them, are answers.
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

    /// The text with the channel's credential hidden, in every spelling in which remote
    /// systems echo it. For texts of a guest, who may have read it in an answer. A long text
    /// may have been cut: what looks like the first half of the credential at its end is
    /// hidden, too.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        match &self.line {
            Line::Wire(way) => way.auth.marks().redact_cut(text),
            // It was hidden when the tape was made.
            Line::Tape(_) => text.to_owned(),
        }
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
        (Self { recording: Some(recording.clone()), ..self.clone() }, recording)
    }

    /// A gateway that sends nothing and answers from a tape.
    pub(super) fn playing(player: Player) -> Self {
        Self { line: Line::Tape(player), methods: Methods::All, recording: None }
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
        let delivered = match (self.admit(&request), &self.line) {
            (Err(denied), _) => Err(denied),
            (Ok(()), Line::Wire(way)) => way.deliver(request, meter, hold).await,
            (Ok(()), Line::Tape(player)) => player.deliver(request, meter, hold).await,
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

    fn admit(&self, request: &Request) -> Result<(), Failure> {
        if self.methods == Methods::All || request.method.is_safe() {
            return Ok(());
        }
        let message = format!(
            "a {} request could change something there, and a dry run must not",
            request.method.as_str()
        );
        Err(Failure::new(Class::Denied, "egress.dry-run", message))
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("base", &self.origin()).finish_non_exhaustive()
    }
}
