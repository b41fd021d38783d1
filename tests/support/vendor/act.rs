//! Doing to an answer what a fault script says.

use super::{
    body::{Outgoing, Step},
    bomb,
    message::{Answer, App, Request},
    script::{Action, Canned},
    wire::Fate,
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use hyper::{Response, StatusCode};
use std::{io::Write as _, sync::Arc, time::Duration};

/// Before a connection is broken off or slows down, what was written is given so long to
/// leave.
pub(super) const LEAVE: Duration = Duration::from_millis(20);

/// What becomes of a request.
pub(super) enum End {
    /// This answer.
    Answer(Box<Response<Outgoing>>),
    /// None; the connection is given up.
    Broken,
    /// None ever.
    Silence,
}

/// What an action has to do with: the vendor, the request, the connection.
pub(super) struct Act<'a> {
    pub(super) app: &'a dyn App,
    pub(super) request: &'a Request,
    pub(super) fate: &'a Arc<Fate>,
}

impl Act<'_> {
    /// Does the action.
    pub(super) fn run(&self, action: &Action) -> End {
        match action {
            Action::Pass => self.whole(self.usual()),
            Action::Status(canned) => self.whole(self.canned(canned)),
            Action::Reset { after_bytes, apply } => self.reset(*after_bytes, *apply),
            Action::Close { apply } => {
                self.perhaps(*apply);
                End::Broken
            }
            Action::Hang { apply } => {
                self.perhaps(*apply);
                End::Silence
            }
            Action::SlowHeader { bytes_per_second } => {
                self.fate.pace_header(*bytes_per_second);
                self.whole(self.usual())
            }
            Action::SlowBody { bytes_per_second, pause_ms } => {
                self.slow(bytes_per_second.unwrap_or(0), Duration::from_millis(*pause_ms))
            }
            Action::Truncate { after_bytes } => self.cut(*after_bytes, Step::Close),
            Action::BadJson => self.bad_json(),
            Action::ContentType { value } => self.whole(self.usual().typed(value)),
            Action::Redirect { to, code } => self.redirect(to, *code),
            Action::HugeBody { bytes, announce } => {
                let answer = Answer::pieces(StatusCode::OK, Vec::new());
                self.send(answer, bomb::huge(*bytes), announce.then_some(*bytes))
            }
            Action::GzipBomb { bytes } => self.bomb(*bytes),
            Action::Gzip => self.compressed(),
        }
    }

    /// An answer as it is.
    pub(super) fn whole(&self, answer: Answer) -> End {
        let length = answer.len();
        let steps: Vec<_> = answer.body.iter().cloned().map(Step::Bytes).collect();
        self.send(answer, steps, Some(length))
    }

    fn usual(&self) -> Answer {
        self.app.answer(self.request)
    }

    fn perhaps(&self, apply: bool) {
        if apply {
            self.usual();
        }
    }

    fn canned(&self, canned: &Canned) -> Answer {
        let status = StatusCode::from_u16(canned.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let answer = match &canned.body {
            None => self.app.words_for(status),
            Some(serde_json::Value::String(text)) => Answer::text(status, text.clone()),
            Some(document) => Answer::json(status, document),
        };
        canned.headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }

    fn reset(&self, after_bytes: Option<u64>, apply: bool) -> End {
        if after_bytes.is_some() {
            return self.cut(after_bytes, Step::Reset);
        }
        self.perhaps(apply);
        self.fate.reset();
        End::Broken
    }

    fn cut(&self, after_bytes: Option<u64>, end: Step) -> End {
        let answer = self.usual();
        let (body, announced) = (answer.whole(), answer.len());
        let keep = after_bytes.unwrap_or(announced / 2).min(announced.saturating_sub(1));
        let kept = body.slice(..usize::try_from(keep).unwrap_or_default());
        self.send(answer, vec![Step::Bytes(kept), Step::Pause(LEAVE), end], Some(announced))
    }

    fn slow(&self, bytes_per_second: u64, pause: Duration) -> End {
        let answer = self.usual();
        let body = answer.whole();
        let (first, second) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
        let (header_gone, pace) = (Step::Pause(LEAVE), Step::Pace(bytes_per_second));
        self.send(
            answer,
            vec![header_gone, pace, Step::Bytes(first), Step::Pause(pause), Step::Bytes(second)],
            Some(body.len() as u64),
        )
    }

    fn bad_json(&self) -> End {
        let answer = self.usual();
        let body = answer.whole();
        let half = body.slice(..body.len() / 2);
        self.whole(Answer { body: vec![half], ..answer })
    }

    fn redirect(&self, to: &str, code: u16) -> End {
        let query = self.request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let target = to.replace("{path}", &format!("{}{query}", self.request.path));
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::FOUND);
        self.whole(Answer::empty(status).with("location", &target))
    }

    fn bomb(&self, bytes: u64) -> End {
        let answer = Answer::pieces(StatusCode::OK, Vec::new()).with("content-encoding", "gzip");
        match bomb::gzip(bytes) {
            Ok(steps) => self.streamed(answer, steps),
            Err(_) => End::Broken,
        }
    }

    fn compressed(&self) -> End {
        let answer = self.usual().with("content-encoding", "gzip");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        match encoder.write_all(&answer.whole()).and_then(|()| encoder.finish()) {
            Ok(packed) => self.whole(Answer { body: vec![Bytes::from(packed)], ..answer }),
            Err(_) => End::Broken,
        }
    }

    fn streamed(&self, answer: Answer, steps: Vec<Step>) -> End {
        self.send(answer, steps, None)
    }

    fn send(&self, answer: Answer, steps: Vec<Step>, announced: Option<u64>) -> End {
        let mut response = Response::new(Outgoing::new(steps, announced, Arc::clone(self.fate)));
        *response.status_mut() = answer.status;
        response.headers_mut().extend(answer.headers);
        End::Answer(Box::new(response))
    }
}
