//! The only place that turns an error into an HTTP answer.
//!
//! The status follows from the class; the body is always a `ProblemDocument`.

use super::{
    body::TOO_LARGE,
    view::{Problem, ProblemDocument},
};
use crate::{
    channels,
    model::{Class, Fault, IdError, Size},
    store, sync,
};
use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

/// What a handler fails with.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    /// Boxed, so that the good way stays small.
    problem: Box<Problem>,
}

impl Error {
    /// A failure of this class, with the status that follows from it.
    pub(super) fn new(class: Class, code: &str, message: impl Into<String>) -> Self {
        Self::from(Problem::new(class, code, message))
    }

    /// The same with a status that HTTP has a more exact word for.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same, with the words for a plugin file where it is the body that is too large.
    pub(super) fn about_a_plugin_file(mut self, most: Size) -> Self {
        if self.problem.code == TOO_LARGE {
            self.problem.message = format!(
                "the file is larger than {most}, which is the most that a plugin may have \
                 ([sandbox.limits] component-bytes)"
            );
        }
        self
    }

    /// What is told, without the status.
    pub(super) fn into_problem(self) -> Problem {
        *self.problem
    }

    pub(super) fn problem_mut(&mut self) -> &mut Problem {
        &mut self.problem
    }
}

/// The status of a failure that reaches the caller of the API. 401 and 403 on the
/// remote side are not the caller's: they come as 422 with the class `auth`.
fn status_of(class: Class) -> StatusCode {
    match class {
        Class::Transient | Class::RateLimited => StatusCode::SERVICE_UNAVAILABLE,
        Class::Auth | Class::Config | Class::InvalidData | Class::Unsupported => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Denied => StatusCode::FORBIDDEN,
        Class::Limit | Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { status: status_of(problem.class), problem: Box::new(problem) }
    }
}

/// The class of an error that says no more than whose fault it is.
fn class_of(fault: Fault) -> Class {
    match fault {
        Fault::Transient => Class::Transient,
        Fault::Auth => Class::Auth,
        Fault::Denied => Class::Denied,
        Fault::Invalid => Class::InvalidData,
        Fault::Bug => Class::Internal,
    }
}

/// The message with its causes: an operator reads it, and none of it is secret.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let (class, code) = match &error {
            store::Error::Expectation => (Class::Conflict, "store.expectation"),
            store::Error::NameTaken(_) => (Class::Conflict, "channel.name-taken"),
            store::Error::Locked(_) => (Class::Transient, "store.locked"),
            store::Error::Corrupt(_) => (Class::Internal, "store.corrupt"),
            other => (class_of(other.fault()), "store.failed"),
        };
        Self::new(class, code, chain(&error))
    }
}

impl From<channels::Error> for Error {
    fn from(error: channels::Error) -> Self {
        let (class, code) = match error {
            channels::Error::Store(error) => return error.into(),
            channels::Error::Plugin(failure) => return Problem::from(failure).into(),
            channels::Error::Settings(fields) => {
                let message = "the settings are not valid";
                return Problem::new(Class::Config, "channel.settings", message).with_fields(fields).into();
            }
            channels::Error::NoChannel(_) => (Class::NotFound, "channel.unknown"),
            channels::Error::NameTaken(_) => (Class::Conflict, "channel.name-taken"),
            channels::Error::NoType(_) => (Class::Config, "plugin.missing"),
            channels::Error::NoTransport { .. } => (Class::Config, "channel.transport-unknown"),
            channels::Error::NoConnector { .. } => (Class::Config, "channel.connector-unknown"),
            channels::Error::OneWay(_) => (Class::Config, "channel.one-way"),
            channels::Error::Vault(ref error) => match error.fault() {
                Fault::Invalid => (Class::Config, error.code()),
                other => (class_of(other), error.code()),
            },
            channels::Error::Stale(_) => (Class::Conflict, "channel.stale"),
            channels::Error::Refused { .. } => (Class::Conflict, "lifecycle.refused"),
        };
        Self::new(class, code, chain(&error))
    }
}

impl From<sync::Error> for Error {
    fn from(error: sync::Error) -> Self {
        let mut job = None;
        let (class, code) = match error {
            sync::Error::Store(error) => return error.into(),
            sync::Error::Channels(error) => return error.into(),
            sync::Error::Mapping(error) => return Problem::from(error.into_failure()).into(),
            sync::Error::Disabled(_) => (Class::Conflict, "channel.disabled"),
            sync::Error::NoConnector { .. } => (Class::NotFound, "connector.unknown"),
            sync::Error::NothingToSync(_) => (Class::Config, "channel.no-connectors"),
            sync::Error::NothingToExport(_) => (Class::Config, "channel.one-way"),
            sync::Error::NotOffered { .. } => (Class::Config, "connector.not-offered"),
            sync::Error::NoFull { .. } => (Class::Unsupported, "connector.no-full"),
            sync::Error::Held(_) => (Class::Conflict, "channel.held"),
            sync::Error::NoJob(_) => (Class::NotFound, "job.unknown"),
            sync::Error::Busy(_, id) => {
                job = Some(id.to_string());
                (Class::Conflict, "sync.busy")
            }
            sync::Error::Stopping => (Class::Transient, "host.stopping"),
            sync::Error::Refused(failure) => return Problem::from(failure).into(),
        };
        let mut answer = Self::new(class, code, chain(&error));
        answer.problem.job = job;
        answer
    }
}

impl From<sync::HookError> for Error {
    fn from(error: sync::HookError) -> Self {
        use sync::HookError as Hook;
        let (class, code) = match error {
            Hook::Store(error) => return error.into(),
            Hook::Channels(error) => return error.into(),
            Hook::NoHook(_) => (Class::NotFound, "webhook.unknown"),
            Hook::NoKind { .. } => (Class::NotFound, "webhook.kind-unknown"),
            Hook::Unsigned(_) => (Class::Denied, "webhook.unsigned"),
            Hook::Signed(_) => (Class::Config, "webhook.signed"),
            Hook::Key(_) => (Class::InvalidData, "webhook.secret"),
            Hook::Random => (Class::Transient, "system.random"),
        };
        Self::new(class, code, chain(&error))
    }
}

impl From<sync::NoticeError> for Error {
    fn from(error: sync::NoticeError) -> Self {
        use sync::NoticeError as Notice;
        let (class, code) = match error {
            Notice::Store(error) => return error.into(),
            Notice::Channels(error) => return error.into(),
            Notice::Address(failure) => return Problem::from(failure).into(),
            Notice::NoNotice(_) => (Class::NotFound, "notice.unknown"),
            Notice::NameTaken(_) => (Class::Conflict, "notice.name-taken"),
            Notice::NoConnector { .. } => (Class::NotFound, "connector.unknown"),
            Notice::Secret => (Class::InvalidData, "notice.secret"),
            Notice::Random => (Class::Transient, "system.random"),
        };
        Self::new(class, code, chain(&error))
    }
}

impl From<sync::RouteError> for Error {
    fn from(error: sync::RouteError) -> Self {
        use sync::RouteError as Route;
        let (class, code) = match error {
            Route::Store(error) => return error.into(),
            Route::Channels(error) => return error.into(),
            Route::Worker(failure) => return Problem::from(failure).into(),
            Route::NoRoute(_) => (Class::NotFound, "route.unknown"),
            Route::NameTaken(_) => (Class::Conflict, "route.name-taken"),
            Route::Twice(_) => (Class::Conflict, "route.twice"),
            Route::InUse { .. } => (Class::Conflict, "channel.routes"),
            Route::NoConnector { .. } => (Class::NotFound, "connector.unknown"),
            Route::NoRecord(_) => (Class::NotFound, "record.unknown"),
            Route::NoName => (Class::InvalidData, "route.name"),
            Route::NothingToTest => (Class::InvalidData, "route.test"),
            Route::SameEnds(_) => (Class::InvalidData, "route.same-ends"),
            Route::Circle(_) => (Class::Config, "route.circle"),
            Route::Filter { .. } => (Class::Config, "route.filter"),
            Route::NotWritable { .. } => (Class::Config, "route.not-writable"),
        };
        Self::new(class, code, chain(&error))
    }
}

impl From<sync::Refusal> for Error {
    fn from(refusal: sync::Refusal) -> Self {
        use sync::Refusal;
        let message = refusal.to_string();
        let (class, code) = match refusal {
            Refusal::Store(error) => return error.into(),
            Refusal::Sync(error) => return error.into(),
            Refusal::Channels(error) => return error.into(),
            Refusal::Unfit { faults, .. } => {
                return Problem::new(Class::InvalidData, "record.unfit", message).with_fields(faults).into();
            }
            Refusal::NoConnector { .. } => (Class::NotFound, "connector.unknown"),
            Refusal::ImportOnly { .. } => (Class::Unsupported, "connector.import-only"),
            Refusal::OneWay(_) => (Class::Config, "channel.one-way"),
            Refusal::NotWritable { .. } => (Class::Unsupported, "connector.not-writable"),
            Refusal::NoRecord(_) => (Class::NotFound, "record.unknown"),
            Refusal::TooLong { .. } => (Class::InvalidData, "record.size"),
            Refusal::NotWaiting(_) => (Class::NotFound, "outbox.unknown"),
            Refusal::Linked { .. } => (Class::Conflict, "record.linked"),
            Refusal::NotLinked(_) => (Class::NotFound, "record.not-linked"),
            Refusal::Waits(_) => (Class::Conflict, "record.waits"),
            Refusal::InFlight(_) => (Class::Conflict, "record.in-flight"),
            Refusal::Undecided(_) => (Class::InvalidData, "conflict.undecided"),
            Refusal::NoConflict(_) => (Class::NotFound, "conflict.unknown"),
        };
        Self::new(class, code, message)
    }
}

impl From<IdError> for Error {
    fn from(error: IdError) -> Self {
        Self::new(Class::InvalidData, "request.id", error.to_string()).with_status(StatusCode::BAD_REQUEST)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.status.is_server_error() && self.problem.class.fault() == Fault::Bug {
            tracing::error!(code = self.problem.code, error = self.problem.message, "request failed");
        }
        let retry_after = self.problem.retry_after_ms;
        let document = ProblemDocument { error: *self.problem };
        let mut response = (self.status, Json(document)).into_response();
        if let Some(milliseconds) = retry_after {
            let seconds = HeaderValue::from(milliseconds.div_ceil(1_000));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// The answer to a path that leads nowhere.
pub(super) async fn no_such_route(uri: Uri) -> Error {
    Error::new(Class::NotFound, "request.path", format!("there is nothing at {}", uri.path()))
}

/// The answer to a method that a path does not know.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Error {
    Error::new(Class::Unsupported, "request.method", format!("{} does not take {method}", uri.path()))
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelName, Failure, FieldError, JobId, LifecycleStep, Name};

    #[track_caller]
    fn check(error: impl Into<Error>, answer: &str) {
        let Error { status, problem } = error.into();
        let told = format!("{} {} {}", status.as_u16(), problem.class, problem.code);
        assert_eq!(told, answer, "{problem:?}");
    }

    #[test]
    fn every_error_has_its_status_class_and_code() {
        let id = || IdError::Ulid("x".into());
        check(id(), "400 invalid-data request.id");

        use store::Error as Store;
        check(Store::Expectation, "409 conflict store.expectation");
        check(Store::NameTaken("zen".into()), "409 conflict channel.name-taken");
        check(Store::Locked("/d".into()), "503 transient store.locked");
        check(Store::Corrupt("x".into()), "500 internal store.corrupt");

        use channels::{Error as Channels, VaultError};
        let channel = || ChannelName::try_new("zen").expect("a name");
        let connector = || Name::try_new("ticket").expect("a name");
        check(Channels::NoChannel("zen".into()), "404 not-found channel.unknown");
        check(Channels::NameTaken("zen".into()), "409 conflict channel.name-taken");
        check(Channels::NoType("zen".into()), "422 config plugin.missing");
        check(Channels::Settings(Vec::new()), "422 config channel.settings");
        check(Channels::OneWay(connector()), "422 config channel.one-way");
        let wrong_key = Channels::Vault(VaultError::WrongKey);
        check(wrong_key, "422 config key.wrong");
        check(Channels::Stale("zen".into()), "409 conflict channel.stale");
        let words = Box::new(Failure::new(Class::Internal, "a.b", "no"));
        let refused = Channels::Refused { channel: channel(), step: LifecycleStep::Delete, words };
        check(refused, "409 conflict lifecycle.refused");
        check(Channels::from(Store::Expectation), "409 conflict store.expectation");

        use sync::Error as Sync;
        check(Sync::Held(channel()), "409 conflict channel.held");
        check(Sync::Disabled(channel()), "409 conflict channel.disabled");
        check(Sync::NothingToSync(channel()), "422 config channel.no-connectors");
        check(Sync::NoJob(JobId::new()), "404 not-found job.unknown");
        check(Sync::Stopping, "503 transient host.stopping");
        check(Sync::from(Channels::NoChannel("zen".into())), "404 not-found channel.unknown");
        let (channel, connector) = (channel(), connector());
        let no_full = Sync::NoFull { channel: channel.clone(), connector: connector.clone() };
        check(no_full, "422 unsupported connector.no-full");
        let gone = Sync::NotOffered { channel: channel.clone(), connector: connector.clone() };
        check(gone, "422 config connector.not-offered");
        check(Sync::NoConnector { channel, connector }, "404 not-found connector.unknown");
    }

    #[test]
    fn every_refusal_of_a_write_has_its_status_class_and_code() {
        use crate::model::{ConflictId, RecordKey, Write};
        use sync::Refusal;
        let zen = || ChannelName::try_new("zen").expect("a name");
        let connector = || Name::try_new("ticket").expect("a name");
        let key = || RecordKey::try_new("k").expect("a key");
        let unknown = Refusal::NoConnector { channel: zen(), connector: connector() };
        check(unknown, "404 not-found connector.unknown");
        check(Refusal::ImportOnly { connector: connector() }, "422 unsupported connector.import-only");
        check(Refusal::OneWay(zen()), "422 config channel.one-way");
        let kind = Write::Delete;
        let cannot = Refusal::NotWritable { connector: connector(), kind };
        check(cannot, "422 unsupported connector.not-writable");
        check(Refusal::NoRecord(key()), "404 not-found record.unknown");
        let faults = vec![FieldError::new("subject", "is required")];
        let unfit = Error::from(Refusal::Unfit { key: key(), faults });
        assert_eq!(unfit.problem.fields[0].field, "/subject");
        check(Refusal::Unfit { key: key(), faults: Vec::new() }, "422 invalid-data record.unfit");
        check(Refusal::TooLong { key: key(), most: Size::kib(1) }, "422 invalid-data record.size");
        check(Refusal::NotWaiting(key()), "404 not-found outbox.unknown");
        let why = "taken".to_owned();
        check(Refusal::Linked { local: key(), remote: key(), why }, "409 conflict record.linked");
        check(Refusal::NotLinked(key()), "404 not-found record.not-linked");
        check(Refusal::Waits(key()), "409 conflict record.waits");
        check(Refusal::InFlight(key()), "409 conflict record.in-flight");
        check(Refusal::Undecided("so".into()), "422 invalid-data conflict.undecided");
        check(Refusal::NoConflict(ConflictId::new()), "404 not-found conflict.unknown");
        check(Refusal::Store(store::Error::Expectation), "409 conflict store.expectation");
    }

    #[test]
    fn every_class_of_a_plugins_failure_has_its_status() {
        for (class, answer) in [
            (Class::Transient, "503 transient a.b"),
            (Class::RateLimited, "503 rate-limited a.b"),
            (Class::Auth, "422 auth a.b"),
            (Class::Config, "422 config a.b"),
            (Class::NotFound, "404 not-found a.b"),
            (Class::Conflict, "409 conflict a.b"),
            (Class::InvalidData, "422 invalid-data a.b"),
            (Class::Denied, "403 denied a.b"),
            (Class::Limit, "500 limit a.b"),
            (Class::Unsupported, "422 unsupported a.b"),
            (Class::Internal, "500 internal a.b"),
        ] {
            check(channels::Error::Plugin(Failure::new(class, "a.b", "no")), answer);
        }
    }

    #[test]
    fn fields_job_and_waiting_time_reach_the_caller() {
        let settings = channels::Error::Settings(vec![FieldError::new("email", "is required")]);
        assert_eq!(Error::from(settings).problem.fields[0].field, "/email");

        let job = JobId::new();
        let zen = ChannelName::try_new("zen").expect("a name");
        let busy = Error::from(sync::Error::Busy(zen, job));
        assert_eq!(busy.problem.job, Some(job.to_string()));

        let late = Failure::new(Class::RateLimited, "http.status.429", "wait").retry_after_ms(Some(1_001));
        let response = Error::from(channels::Error::Plugin(late)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
