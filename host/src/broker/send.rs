//! The way of a request, as the list of its stages.
//!
//! Each stage is a file beside this one; nothing is decided here but their
//! order.

use super::{
    Config, Meter, Method, Request,
    auth::Auth,
    body::{Arrival, Body, Bounds},
    classify::{self, Failed, Remote, Sent, Sign, Verdict},
    client::{Client, Head},
    draft::{Carry, Desk, Draft},
    egress::{Egress, Permitted},
    gate::{Entry, Gate},
    headers, origin, rate,
    redirect::{self, Answered},
    retry::{self, Attempt, Decision, Policy, Reason},
    snippet::{self, Beginning},
};
use crate::{
    clock::Clock,
    metrics,
    model::{Failure, Fault, Span},
};
use bytes::Bytes;
use http::header;
use std::{sync::Arc, time::Duration};
use tracing::Instrument;
use url::Url;

/// How long a remote has for the words to a failure that its status has already
/// told.
const WORDS_TIMEOUT: Duration = Duration::from_secs(2);

/// One gateway's stages.
pub(super) struct Way {
    pub(super) egress: Egress,
    pub(super) auth: Auth,
    pub(super) client: Client,
    /// What is shared with others of each origin of the scope.
    pub(super) gates: Vec<(Url, Gate)>,
    /// As many requests of a batch are under way at the same time.
    pub(super) concurrency: usize,
    pub(super) policy: Policy,
    pub(super) config: Arc<Config>,
    pub(super) clock: Clock,
}

/// What is done with the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Read to its end, within the attempt and its time.
    Whole,
    /// Left to the caller.
    Stream,
}

/// An answer for the guest.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Bytes)>,
    pub(super) body: Body,
    pub(super) attempts: u8,
}

/// What stays the same over all attempts.
struct Order<'a> {
    draft: Draft,
    meter: &'a Meter,
    hold: Hold,
    limit: Duration,
    /// The key that sets `limit`.
    limit_key: &'static str,
}

impl Way {
    /// The whole way of one request of a guest.
    pub(super) async fn deliver(
        &self,
        request: Request,
        meter: &Meter,
        hold: Hold,
    ) -> Result<Answer, Failure> {
        let work = async {
            let order = self.order(request, meter, hold)?;
            meter.admit()?;
            let origin = origin::text(&order.draft.url);
            let span = tracing::debug_span!("request", origin, method = ?order.draft.method);
            self.attempts(&order).instrument(span).await
        };
        meter.guard(work).await?
    }

    /// Bounds, headers and URL; and the egress decision, so that what is denied
    /// costs the step nothing.
    fn order<'a>(&self, request: Request, meter: &'a Meter, hold: Hold) -> Result<Order<'a>, Failure> {
        let total = self.config.total_timeout.0;
        let (limit, limit_key) = match request.timeout {
            Some(wanted) if wanted < total => (wanted, "the time-out of the request"),
            _ => (total, "broker.total-timeout"),
        };
        let desk = Desk { egress: &self.egress, auth: &self.auth, request_bytes: self.config.request_bytes };
        let draft = desk.draft(request)?;
        self.egress.judge(&draft)?;
        Ok(Order { draft, meter, hold, limit, limit_key })
    }

    /// Attempts, until one is answered or another is not worth it. Waiting for the
    /// next one gives the place back.
    async fn attempts(&self, order: &Order<'_>) -> Result<Answer, Failure> {
        let mut number = 1;
        loop {
            let entered = self.enter(order, &order.draft.url, number).await;
            let mut entry = entered.map_err(|failed| given_up(failed, number - 1, Reason::Pointless))?;
            let failed = match self.attempt(order, &mut entry).await {
                Ok(answer) if order.hold == Hold::Stream => {
                    let body = answer.body.reporting(entry.hand_over());
                    return Ok(Answer { attempts: number, body, ..answer });
                }
                Ok(answer) => {
                    entry.settle(Ok(&answer));
                    return Ok(Answer { attempts: number, ..answer });
                }
                Err(failed) => failed,
            };
            entry.settle::<Answer>(Err(&failed));
            let wait = match self.decide(order, &failed, number) {
                Decision::Wait(wait) => wait,
                Decision::GiveUp(reason) => return Err(given_up(failed, number, reason)),
            };
            tracing::debug!(code = failed.failure.code, number, ?wait, "request failed and is tried again");
            metrics::retry(&origin::text(&order.draft.url));
            tokio::time::sleep(wait).await;
            number += 1;
        }
    }

    /// Past the breaker and the throttle of an origin, or a refusal without a byte
    /// sent. Cancel safe.
    async fn enter(&self, order: &Order<'_>, url: &Url, number: u8) -> Result<Entry, Failed> {
        // What is outside the scope has no gate; `egress` denies it.
        let Some(gate) = self.gate(url) else {
            return Ok(Entry::none());
        };
        let pass = gate.breaker.admit()?;
        let turn = gate.throttle.admit(order.meter).await;
        let turn = turn.map_err(|refused| gate.breaker.held_back(refused))?;
        // The wait may have been long.
        let pass = pass.renewed()?;
        gate.breaker.sent(number, turn.waited);
        Ok(Entry::new(gate.clone(), pass, turn.place))
    }

    fn gate(&self, url: &Url) -> Option<&Gate> {
        self.gates.iter().find(|(known, _)| origin::same(known, url)).map(|(_, gate)| gate)
    }

    /// Whether there is another attempt, and who pays for it.
    fn decide(&self, order: &Order<'_>, failed: &Failed, number: u8) -> Decision {
        let decision = self.policy.decide(&Attempt {
            number,
            repeat: order.draft.repeat,
            again: failed.again,
            retry_after: failed.retry_after,
            time_left: order.meter.time_left(),
            jitter: fastrand::f64(),
        });
        let affords_retry = || self.gate(&order.draft.url).is_none_or(|gate| gate.breaker.affords_retry());
        match decision {
            Decision::Wait(_) if !affords_retry() => Decision::GiveUp(Reason::Budget),
            decision => decision,
        }
    }

    /// One attempt, in its time.
    async fn attempt(&self, order: &Order<'_>, entry: &mut Entry) -> Result<Answer, Failed> {
        let exchange = tokio::time::timeout(order.limit, self.exchange(order, entry));
        exchange.await.unwrap_or_else(|_| {
            let host = origin::authority(&order.draft.url);
            let overdue = classify::overdue(&host, order.limit, order.limit_key);
            // A guest's haste must not close the way to a system for other channels.
            let is_hasty = order.limit < self.config.read_timeout.0.min(self.config.total_timeout.0);
            Err(if is_hasty { Failed { sign: Sign::Nothing, ..overdue } } else { overdue })
        })
    }

    /// One request and the redirects that follow from it. Each hop is permitted
    /// and gets its credential anew.
    async fn exchange(&self, order: &Order<'_>, entry: &mut Entry) -> Result<Answer, Failed> {
        let mut followed: Option<Draft> = None;
        let mut hops = 0;
        loop {
            let draft = followed.as_ref().unwrap_or(&order.draft);
            let remote = self.remote(draft);
            let permitted = self.egress.permit(draft).map_err(|failure| self.hide(failure))?;
            let permitted = self.signed(permitted);
            let head = self.wire(permitted, &remote, order.meter).await;
            let head = head.map_err(|failed| if hops > 0 { failed.after_a_redirect() } else { failed })?;
            entry.heed(&rate::told(head.status, &head.headers, self.clock.now()));
            let answered = Answered { status: head.status, location: head.headers.get(header::LOCATION) };
            let Some(next) = redirect::next(draft, answered, self.auth.owned_parameter())? else {
                return self.answer(head, draft, remote, order).await;
            };
            if hops == self.config.redirects {
                return Err(Failed { sign: Sign::Alive, ..redirect::too_many(draft, hops).into() });
            }
            hops += 1;
            if !origin::same(&draft.url, &next.url) {
                // To the other origin it is a request of its own.
                entry.leave();
                *entry = self.enter(order, &next.url, 1).await?;
            }
            followed = Some(next);
        }
    }

    /// The credential, last of all.
    fn signed(&self, mut permitted: Permitted) -> Permitted {
        if permitted.carry() == Carry::Credential {
            self.auth.put_on(&mut permitted);
        }
        permitted
    }

    /// Over the wire and back.
    async fn wire(&self, permitted: Permitted, remote: &Remote, meter: &Meter) -> Result<Head, Failed> {
        meter.sent(permitted.body_length());
        let exchange = metrics::Exchange::begin(permitted.origin());
        let outcome = self.client.send(permitted).await;
        let status = outcome.as_ref().map_or(0, |head| head.status);
        tracing::trace!(host = &*remote.host, status, "request sent");
        match outcome {
            Ok(head) => {
                exchange.answered(head.status);
                Ok(head)
            }
            Err(error) => {
                let failed = classify::network(error, remote);
                exchange.failed(&failed.failure.code);
                Err(failed)
            }
        }
    }

    /// What the answer means; and its body, where the guest gets it whole.
    async fn answer(
        &self,
        head: Head,
        draft: &Draft,
        remote: Remote,
        order: &Order<'_>,
    ) -> Result<Answer, Failed> {
        let Head { status, headers, length, wire } = head;
        let has_body = draft.method != Method::Head && !matches!(status, 204 | 304);
        let body = Body::new(Arrival {
            headers: &headers,
            length: length.filter(|_| has_body),
            wire: has_body.then_some(wire),
            bounds: self.bounds(order),
            meter: order.meter.clone(),
            remote: remote.clone(),
        });
        let now = self.clock.now();
        let told = rate::told(status, &headers, now);
        if let Verdict::Fails(class, again) = classify::verdict(status, told.answer) {
            let words = match body {
                Ok(body) => self.words(body).await,
                Err(_) => None,
            };
            let failure = classify::refused(class, status, &remote, words.as_deref());
            let retry_after = retry::retry_after(&headers, now).or(told.asked);
            let sign = classify::sign(status, told.answer);
            return Err(Failed { failure, again, retry_after, sign });
        }
        let mut body = body?;
        let headers = headers::incoming(&headers, body.description(), self.auth.marks())?;
        if order.hold == Hold::Whole {
            body.load().await.map_err(|error| classify::body(error, &remote))?;
        }
        Ok(Answer { status, headers, body, attempts: 1 })
    }

    fn remote(&self, draft: &Draft) -> Remote {
        let credential = match draft.carry == Carry::Credential && !self.auth.is_none() {
            true => Sent::Yes,
            false => Sent::No,
        };
        Remote { host: origin::authority(&draft.url).into(), marks: self.auth.marks().clone(), credential }
    }

    /// A stream is there for what is large: it has the step's budget only. What
    /// comes over the wire for it is bounded all the same, because a compressed
    /// nothing can go on for ever.
    fn bounds(&self, order: &Order<'_>) -> Bounds {
        let compressed = self.config.compressed_bytes.0;
        match order.hold {
            Hold::Whole => Bounds { whole: self.config.response_bytes.0, compressed },
            Hold::Stream => {
                let budget = order.meter.allowance().response_bytes;
                Bounds { whole: u64::MAX, compressed: budget.saturating_add(compressed) }
            }
        }
    }

    async fn words(&self, mut body: Body) -> Option<String> {
        let read = tokio::time::timeout(WORDS_TIMEOUT, body.beginning(snippet::MAX_READ)).await;
        let (bytes, rest) = read.ok()?;
        snippet::words(&Beginning { bytes: &bytes, rest }, self.auth.marks())
    }

    /// A redirect's target is the remote's text.
    fn hide(&self, failure: Failure) -> Failure {
        Failure { message: self.auth.marks().redact(&failure.message), ..failure }
    }
}

/// The last failure, with how often it was tried and when to come again.
fn given_up(failed: Failed, number: u8, reason: Reason) -> Failure {
    let Failed { failure, retry_after, .. } = failed;
    let class = reason.class(failure.class);
    let tried = if number > 1 { format!("; tried {number} times") } else { String::new() };
    let asked = match (reason, retry_after) {
        (Reason::TooLong | Reason::OutOfTime, Some(asked)) => {
            format!("; it asks to be left alone for {}", Span(asked))
        }
        (Reason::OutOfTime, None) => "; the step has no time to try again".to_owned(),
        (Reason::Budget, _) => "; it is not tried again, because too many requests to it fail".to_owned(),
        _ => String::new(),
    };
    let message = format!("{}{asked}{tried}", failure.message);
    let milliseconds = retry_after.map(|asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX));
    let retry_after_ms = milliseconds.filter(|_| class.fault() == Fault::Transient);
    Failure::new(class, failure.code, message).retry_after_ms(retry_after_ms)
}
