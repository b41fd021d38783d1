//! Where the matrix is played: one host, and for each fault a channel with a fake Zendesk
//! of its own, so that no breaker and no throttle is shared.

use super::fault::How;
use crate::{
    api::Api,
    stage::{self, zendesk_setup},
};
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    fs,
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use tempfile::TempDir;
use tests::{
    host::TestHost,
    programs,
    vendor::{Door, Identity, Shows},
    wait,
    zendesk::{EMAIL, TOKEN, Zendesk},
};

pub(super) const TICKETS: u64 = 12;
const NEW_TICKETS: u64 = 3;
const COMMENTS: u64 = 2;

/// How long a fault may take to show, with all others beside it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every failure is seen at once and for itself: no second attempts, no breaker.
const CONFIG: &str = r#"
[broker]
ca-file = "CA-FILE"
attempts = 1
read-timeout = "700ms"
total-timeout = "1200ms"
response-bytes = "1MiB"
compressed-bytes = "1MiB"
retry-after-max = "100ms"
[broker.breaker]
failures = 1000000
samples = 1000000
[sync]
defer-base = "200ms"
defer-max = "1s"
[schedule]
paused = true
"#;

/// Where a channel asks its remote system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Import,
    Lookup,
    Check,
    Operation,
    Create,
    Update,
}

impl Place {
    fn path(self) -> &'static str {
        match self {
            Self::Import => "/api/v2/incremental/tickets/cursor.json",
            Self::Lookup => "/api/v2/tickets/*/comments.json",
            Self::Check => "/api/v2/users/me.json",
            Self::Operation | Self::Create => "/api/v2/tickets.json",
            Self::Update => "/api/v2/tickets/*.json",
        }
    }

    /// What the channels are.
    fn channel_type(self) -> &'static str {
        if self == Self::Operation { "calls" } else { "zendesk" }
    }

    /// Whether the channels take changes out.
    fn is_two_way(self) -> bool {
        matches!(self, Self::Create | Self::Update)
    }

    fn connector(self) -> &'static str {
        if self == Self::Lookup { "ticket-comment" } else { "ticket" }
    }
}

/// The host and the channels.
pub(super) struct Field<E> {
    pub(super) plots: Vec<Plot<E>>,
    pub(super) place: Place,
    host: TestHost,
    pub(super) api: Api,
    /// The certificate that the host trusts.
    friend: Identity,
    stranger: Identity,
    _folder: TempDir,
}

/// One fault with its channel.
pub(super) struct Plot<E> {
    /// Its place among the plots.
    pub(super) number: usize,
    pub(super) fault: &'static str,
    pub(super) expected: E,
    how: How,
    pub(super) channel: String,
    pub(super) fake: Zendesk,
    door: Option<Door>,
}

/// What the host says of a channel and the connector of the place.
pub(super) struct State {
    pub(super) paused: Value,
    pub(super) records: u64,
    pub(super) due: u64,
    pub(super) quarantined: u64,
}

impl<E> Field<E> {
    /// Does it with each plot, and fails at the end where one of them did.
    pub(super) fn each<T>(&self, mut act: impl FnMut(&Plot<E>) -> T) -> Vec<T> {
        let mut outcomes = Vec::new();
        let mut failed = Vec::new();
        for plot in &self.plots {
            match catch_unwind(AssertUnwindSafe(|| act(plot))) {
                Ok(outcome) => outcomes.push(outcome),
                Err(_told) => failed.push(plot.fault),
            }
        }
        assert!(failed.is_empty(), "the rows {failed:?} are not as the table says; see above");
        outcomes
    }

    pub(super) fn new(rows: impl Iterator<Item = (&'static str, How, E)>, place: Place) -> Self {
        let (friend, stranger) = (identity(), identity());
        let folder = TempDir::new().expect("a folder");
        let trusted = folder.path().join("trusted.pem");
        fs::write(&trusted, friend.certificate()).expect("written");
        let config = CONFIG.replace("CA-FILE", &trusted.display().to_string());
        let mut setup = zendesk_setup(&config);
        if place == Place::Operation {
            setup.plugins.push(programs::hostile("calls").expect("the guest compiles"));
        }
        let host = TestHost::started(setup).expect("a host");
        let api = Api::of(&host);
        let plots = rows.enumerate().map(|(number, row)| plot(number, row, &friend)).collect();
        let field = Self { plots, place, host, api, friend, stranger, _folder: folder };
        field.plots.iter().for_each(|plot| field.create(plot));
        field
    }

    fn create(&self, plot: &Plot<E>) {
        let channel = json!({
            "name": plot.channel,
            "type": self.place.channel_type(),
            "settings": { "url": plot.url(), "email": EMAIL },
            "secrets": { "token": TOKEN },
            "two-way": self.place.is_two_way(),
        });
        self.api.post("/channels", &channel).expect(plot.fault);
    }

    /// Imports the tickets while all is well, and sees to it that there is something to do.
    pub(super) fn prepare(&self, plot: &Plot<E>) -> State {
        let job = self.ask(plot, "ticket");
        self.api.ended(&job).expect(plot.fault);
        if self.place == Place::Import {
            for id in 1..=TICKETS {
                plot.fake.change_ticket(id, json!({ "subject": "changed" })).expect("a ticket");
            }
            for _ in 0..NEW_TICKETS {
                plot.fake.create_ticket(json!({ "subject": "new" })).expect("a ticket");
            }
        }
        plot.fake.reset_stats();
        let state = self.state(plot);
        match self.place {
            Place::Lookup => assert_eq!((state.records, state.due), (0, TICKETS), "{}", plot.fault),
            _ => assert_eq!((state.records, state.due), (TICKETS, 0), "{}", plot.fault),
        }
        state
    }

    /// Asks for a sync of the place's connector.
    pub(super) fn request(&self, plot: &Plot<E>) -> String {
        self.ask(plot, self.place.connector())
    }

    fn ask(&self, plot: &Plot<E>, connector: &str) -> String {
        let path = format!("/channels/{}/sync", plot.channel);
        let job = self.api.post(&path, &json!({ "connectors": [connector] })).expect(plot.fault);
        job["job"].as_str().expect("an id").to_owned()
    }

    /// The run of a job with one connector.
    pub(super) fn run(&self, job: &str) -> Value {
        self.api.get(&format!("/jobs/{job}")).expect("a job")["runs"][0].take()
    }

    /// The same once it is over.
    pub(super) fn ended(&self, plot: &Plot<E>, job: &str) -> Value {
        self.api.ended(job).unwrap_or_else(|error| panic!("{}: {error:#}", plot.fault))["runs"][0].take()
    }

    /// A person's sync; the run that came of it.
    pub(super) fn sync(&self, plot: &Plot<E>) -> Value {
        let sync = ["--json", "sync", &plot.channel, "--wait", "--connector", self.place.connector()];
        let output = self.host.cli(sync).expect("the command runs");
        let mut job = output.json().expect(plot.fault);
        assert_eq!(output.status, Some(0), "{}: {job:#}", plot.fault);
        job["runs"][0].take()
    }

    /// `channel check`: exit status and report.
    pub(super) fn check(&self, plot: &Plot<E>) -> (Option<i32>, Value) {
        let output = self.host.cli(["--json", "channel", "check", &plot.channel]).expect("the command runs");
        (output.status, output.json().expect(plot.fault))
    }

    /// Queues a call that creates a ticket; its id.
    pub(super) fn queue(&self, plot: &Plot<E>) -> String {
        let path = format!("/channels/{}/operations/send?queue=true", plot.channel);
        let ticket = json!({ "ticket": { "subject": "called", "comment": { "body": "by a call" } } });
        let input = json!({ "method": "POST", "path": Place::Operation.path(), "body": ticket });
        let call = self.api.post(&path, &input).expect(plot.fault);
        call["id"].as_str().expect("an id").to_owned()
    }

    /// The call as it stands.
    pub(super) fn call(&self, id: &str) -> Value {
        self.api.get(&format!("/calls/{id}")).expect("a call")
    }

    /// Does it again; the id of the new call.
    pub(super) fn retry(&self, id: &str) -> String {
        let call = self.api.post(&format!("/calls/{id}/retry"), &json!({})).expect("it is queued");
        call["id"].as_str().expect("an id").to_owned()
    }

    /// Why the channel is paused.
    pub(super) fn paused(&self, plot: &Plot<E>) -> Value {
        self.api.get(&format!("/channels/{}", plot.channel)).expect(plot.fault)["paused"].take()
    }

    /// A person has acted.
    pub(super) fn enable(&self, plot: &Plot<E>) {
        self.api.post(&format!("/channels/{}/enable", plot.channel), &json!({})).expect(plot.fault);
    }

    pub(super) fn state(&self, plot: &Plot<E>) -> State {
        let shown = self.api.get(&format!("/channels/{}", plot.channel)).expect(plot.fault);
        let all = shown["connector-states"].as_array().expect("a list");
        let one = all.iter().find(|one| one["connector"] == self.place.connector()).expect("a connector");
        let number = |name: &str| one[name].as_u64().expect("a number");
        State {
            paused: shown["paused"].clone(),
            records: number("records"),
            due: number("due"),
            quarantined: number("quarantined"),
        }
    }

    /// From where on the vendor was asked for pages, one request after the other. A look-up
    /// goes by what is due, and has no such position.
    pub(super) fn cursors(&self, plot: &Plot<E>) -> Vec<String> {
        let seen = plot.fake.requests();
        let pages = seen.iter().filter(|seen| seen.path == Place::Import.path());
        let position = |query: &str| {
            let parts = query.split('&').filter(|part| !part.starts_with("per_page"));
            parts.collect::<Vec<_>>().join("&")
        };
        let cursors: Vec<_> = pages.map(|seen| position(seen.query.as_deref().unwrap_or_default())).collect();
        assert!(cursors.iter().all(|cursor| cursor.starts_with("cursor=")), "{}: {cursors:?}", plot.fault);
        cursors
    }

    /// Whatever happened, everything is there now.
    pub(super) fn expect_all(&self, plot: &Plot<E>, run: &Value) {
        let state = self.state(plot);
        let (records, added, updated) = match self.place {
            Place::Lookup => (TICKETS * COMMENTS, TICKETS * COMMENTS, 0),
            _ => (TICKETS + NEW_TICKETS, NEW_TICKETS, TICKETS),
        };
        assert_eq!((state.records, state.quarantined), (records, 0), "{}: {run:#}", plot.fault);
        assert_eq!(state.paused, Value::Null, "{}", plot.fault);
        let counted = |name: &str| run["counters"][name].as_u64();
        assert_eq!((counted("added"), counted("updated")), (Some(added), Some(updated)), "{}", plot.fault);
        if self.place == Place::Lookup {
            assert_eq!(state.due, 0, "{}: {run:#}", plot.fault);
        }
    }

    /// Looks until there is an answer.
    pub(super) fn wait_for<T>(&self, what: &str, look: impl FnMut() -> Result<Option<T>>) -> T {
        wait::until(what, PATIENCE, look).unwrap_or_else(|error| panic!("{error:#}\n{}", self.host.log()))
    }
}

impl<E> Plot<E> {
    /// Tickets that were made since the beginning.
    pub(super) fn new_tickets(&self) -> u64 {
        self.fake.ticket_count() - TICKETS
    }

    fn url(&self) -> String {
        self.door.as_ref().map_or_else(|| self.fake.url(), Door::url)
    }

    pub(super) fn begin_fault(&self, field: &Field<E>) {
        match (self.how, &self.door) {
            (How::Down, _) => {
                self.fake.down();
                let refused = || TcpStream::connect(self.fake.address()).is_err();
                field.wait_for("connections to be refused", || Ok(refused().then_some(())));
            }
            (How::StrangerAtTheDoor, Some(door)) => door.show(Shows::Certificate(field.stranger.clone())),
            (How::Behind, Some(door)) => door.show(Shows::Nonsense),
            (How::Nameless, _) => self.move_to(field, "http://zendesk.invalid"),
            (how, _) => self.fake.set_script(how.rule(field.place.path()).expect("a script")),
        }
    }

    pub(super) fn end_fault(&self, field: &Field<E>) {
        match (self.how, &self.door) {
            (How::Down, _) => self.fake.up(),
            (_, Some(door)) => door.show(Shows::Certificate(field.friend.clone())),
            (How::Nameless, _) => self.move_to(field, &self.url()),
            _ => self.fake.clear_script(),
        }
    }

    /// Gives the channel another address.
    fn move_to(&self, field: &Field<E>, url: &str) {
        let path = format!("/channels/{}", self.channel);
        field.api.patch(&path, &json!({ "settings": { "url": url } })).expect("edited");
    }
}

fn identity() -> Identity {
    Identity::new().expect("a certificate")
}

fn plot<E>(number: usize, (fault, how, expected): (&'static str, How, E), friend: &Identity) -> Plot<E> {
    let fake = Zendesk::builder().users(2).tickets(TICKETS).comments_per_ticket(COMMENTS);
    let fake = fake.export_lag(Duration::ZERO).start().expect("a fake Zendesk");
    let shows = Shows::Certificate(friend.clone());
    let door = how.has_door().then(|| Door::before(fake.address(), shows).expect("a door"));
    Plot { number, fault, expected, how, channel: format!("{}-{number}", stage::CHANNEL), fake, door }
}
