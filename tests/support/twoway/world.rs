//! A host and a fake Zendesk with a channel between them, and all that can be done there.
//!
//! It does and looks; what follows from that is for the model.

use super::{
    api::Answer,
    stand::Stand,
    step::{Policy, Trouble},
};
use crate::{
    vendor::{Action, Canned, Rule, Script},
    wait,
    zendesk::{EMAIL, TOKEN, Zendesk},
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// How long a job, or coming to rest, may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tickets that are there from the beginning, as a pattern for others.
const SEEDED: u64 = 2;
/// Looks in a row that must show the same before it is called rest.
const SAME: u32 = 2;
/// The connector that is tried.
const TICKET: &str = "ticket";

/// What a host for sequences is configured with: everything that waits, waits briefly.
pub(super) const CONFIG: &str = r#"
[sync]
defer-base = "50ms"
defer-max = "400ms"

[broker]
backoff-base = "5ms"
backoff-max = "50ms"
read-timeout = "1s"
total-timeout = "2s"

[broker.breaker]
pause = "100ms"
pause-max = "300ms"
"#;

/// What both sides have at one time.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sight {
    /// Local tickets by key.
    pub(super) local: BTreeMap<String, Value>,
    /// Remote tickets by id, the deleted ones among them.
    pub(super) remote: BTreeMap<u64, Value>,
    /// Local keys of what failed with a reason.
    pub(super) reasons: BTreeSet<String>,
    /// Conflicts that wait for a person, by local key: the fields with what each side has.
    pub(super) held: BTreeMap<String, Value>,
    /// Local changes that the remote system has not got.
    pub(super) unsent: u64,
}

/// The place of one sequence.
pub(super) struct World<'a> {
    stand: &'a Stand,
    pub(super) fake: Zendesk,
    pub(super) channel: String,
    /// Ids that the fake has given away, at most.
    most: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(stand: &'a Stand, seed: u64, policy: Policy) -> Result<Self> {
        let fake = Zendesk::builder().users(2).tickets(SEEDED).comments_per_ticket(1);
        let fake = fake.export_lag(Duration::ZERO).start()?;
        let channel = format!("s{seed}");
        let (url, email) = (format!("url={}", fake.url()), format!("email={EMAIL}"));
        let (token, policy_of) = (format!("token={TOKEN}"), format!("{TICKET}={policy}"));
        stand.ok(&[
            "channel",
            "create",
            &channel,
            "--type",
            "zendesk",
            "--set",
            &url,
            "--set",
            &email,
            "--secret",
            &token,
            "--connector",
            "user",
            "--connector",
            TICKET,
            "--two-way",
            "--conflicts",
            &policy_of,
        ])?;
        Ok(Self { stand, fake, channel, most: SEEDED })
    }

    /// The key of a ticket that is created here.
    pub(super) fn key(record: usize) -> String {
        format!("local-{record}")
    }

    /// Creates, changes or deletes a local ticket; false where the host refuses it.
    pub(super) fn write(&self, method: &str, key: &str, body: Option<&Value>) -> Result<bool> {
        let path = format!("/channels/{}/records/{TICKET}/{key}", self.channel);
        let Answer { status, body } = self.ask(method, &path, body)?;
        match status {
            200..300 => Ok(true),
            404 | 409 | 422 => Ok(false),
            _ => bail!("{method} {path}: the host answers {status}: {body}"),
        }
    }

    /// A local ticket as it now is.
    pub(super) fn local(&self, key: &str) -> Result<Option<Value>> {
        let path = format!("/channels/{}/records/{TICKET}/{key}", self.channel);
        let answer = self.ask("GET", &path, None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(answer.json()?["payload"].clone()))
    }

    /// Every remote ticket, deleted or not. Ids are given away one by one; some may be used
    /// up by creations that nobody knows of.
    pub(super) fn remote(&mut self) -> BTreeMap<u64, Value> {
        const GAP: u64 = 20;
        let mut found = BTreeMap::new();
        let mut id = 1;
        while id <= self.most + GAP {
            if let Some(ticket) = self.fake.ticket(id) {
                self.most = self.most.max(id);
                found.insert(id, ticket);
            }
            id += 1;
        }
        found
    }

    /// The remote tickets that were born with that description.
    pub(super) fn born(&mut self, mark: &str) -> Vec<(u64, Value)> {
        self.remote().into_iter().filter(|(_, ticket)| ticket["description"] == mark).collect()
    }

    /// Asks for a sync; none where the channel lets none start.
    pub(super) fn nudge(&self, full: bool) -> Result<Option<String>> {
        // What was changed in a second is exported when that second is over.
        self.fake.advance_clock(Duration::from_secs(2));
        let answer =
            self.ask("POST", &format!("/channels/{}/sync", self.channel), Some(&json!({ "full": full })))?;
        if answer.status == 409 {
            return Ok(None);
        }
        Ok(answer.json()?["job"].as_str().map(str::to_owned))
    }

    /// Syncs. True where every run went well, and all that was changed here is there.
    pub(super) fn sync(&self, full: bool) -> Result<bool> {
        let Some(job) = self.nudge(full)? else { return Ok(false) };
        let begun = Instant::now();
        loop {
            let job = self.ask("GET", &format!("/jobs/{job}?wait=2s"), None)?.json()?;
            if job["ended"] == true {
                let runs = job["runs"].as_array().context("runs")?;
                let well = runs.iter().all(|run| run["status"] == "completed");
                return Ok(well && self.is_idle()? && self.unsent()? == 0);
            }
            if begun.elapsed() > PATIENCE {
                return Ok(false);
            }
        }
    }

    /// Stops the host as a power cut would, after so long, and starts it again.
    pub(super) fn kill(&self, since: u64, after: Duration) -> Result<()> {
        self.stand.kill(since, after)
    }

    /// Which life of the host it is: a kill is one since then.
    pub(super) fn life(&self) -> u64 {
        self.stand.life()
    }

    pub(super) fn restart(&self) -> Result<()> {
        self.stand.restart()
    }

    /// Makes trouble until it has come to an end by itself.
    pub(super) fn trouble(&self, trouble: Trouble) {
        let writes = |action: Action, times: u64| {
            let rule = |method: &str| Rule::on("/api/v2/**").method(method).times(times).then(action.clone());
            Script { rules: vec![rule("POST"), rule("PUT"), rule("DELETE")] }
        };
        let lost = Action::Reset { after_bytes: None, apply: true };
        let any = |times: u64| Rule::on("/api/v2/**").times(times);
        self.fake.set_script(match trouble {
            Trouble::LostAnswers(times) => writes(lost, times),
            Trouble::Hang => writes(Action::Hang { apply: true }, 1),
            Trouble::Resets(times) => {
                any(times).then(Action::Reset { after_bytes: None, apply: false }).into()
            }
            Trouble::Unavailable(times) => {
                any(times).then(Action::Status(Canned { code: 503, ..Canned::default() })).into()
            }
            Trouble::Throttled => any(1).throttle(1).into(),
        });
    }

    pub(super) fn well(&self) {
        self.fake.clear_script();
    }

    /// Lets no run start, and waits until none goes on.
    pub(super) fn disable(&self) -> Result<()> {
        self.ask("POST", &format!("/channels/{}/disable", self.channel), None)?.json()?;
        wait::until("the channel to stand still", PATIENCE, || Ok(self.is_idle()?.then_some(())))
    }

    pub(super) fn enable(&self) -> Result<()> {
        self.ask("POST", &format!("/channels/{}/enable", self.channel), None)?.json()?;
        Ok(())
    }

    /// Lets everything come to rest: syncs until nothing moves any more.
    pub(super) fn rest(&mut self) -> Result<Sight> {
        self.well();
        self.enable()?;
        // Nothing may be known of it, which is as good.
        let _ = self.ask("POST", "/origins/close", Some(&json!({ "origin": self.fake.url() })))?;
        let begun = Instant::now();
        let (mut before, mut same) = (None, 0);
        loop {
            let well = self.sync(false)? || self.is_idle()?;
            let sight = self.sight()?;
            // What has failed or is held stays where it is.
            let waits = sight.unsent > (sight.held.len() + sight.reasons.len()) as u64;
            same = if well && !waits && before.as_ref() == Some(&sight) { same + 1 } else { 0 };
            if same >= SAME {
                return Ok(sight);
            }
            ensure!(begun.elapsed() < PATIENCE, "it does not come to rest: {}", self.why(&sight)?);
            before = Some(sight);
            if waits {
                pass(Duration::from_millis(100));
            }
        }
    }

    /// Deletes the channel, whatever its plugin says.
    pub(super) fn delete(self) -> Result<()> {
        let path = format!("/channels/{}?force=true", self.channel);
        wait::until("the channel to be deleted", PATIENCE, || {
            let answer = self.ask("DELETE", &path, None)?;
            match answer.status {
                409 => Ok(None),
                200..300 => Ok(Some(())),
                status => bail!("the host answers {status} to a delete: {}", answer.body),
            }
        })
    }

    /// What both sides have now.
    pub(super) fn sight(&mut self) -> Result<Sight> {
        let lines =
            self.ask("GET", &format!("/channels/{}/records/{TICKET}?format=jsonl", self.channel), None)?;
        let mut local = BTreeMap::new();
        for line in lines.body.lines() {
            let record: Value = serde_json::from_str(line).context("a line of the records")?;
            let key = record["key"].as_str().context("a key")?.to_owned();
            local.insert(key, record["payload"].clone());
        }
        let failed = format!("/quarantine?channel={}&limit=1000", self.channel);
        Ok(Sight {
            local,
            remote: self.remote(),
            reasons: keys(&self.ask("GET", &failed, None)?.json()?["items"]),
            held: self.held()?,
            unsent: self.unsent()?,
        })
    }

    /// Conflicts that wait for a person, by local key: the fields with what each side has.
    fn held(&self) -> Result<BTreeMap<String, Value>> {
        let conflicts = self.conflicts()?;
        let waiting = conflicts.into_iter().filter(|conflict| conflict["waits"] == true);
        waiting
            .map(|mut conflict| {
                let key = conflict["key"].as_str().context("a key")?.to_owned();
                Ok((key, conflict["fields"].take()))
            })
            .collect()
    }

    /// Every conflict that was found.
    pub(super) fn conflicts(&self) -> Result<Vec<Value>> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/conflicts?channel={}&limit=200{after}", self.channel);
            let mut page = self.ask("GET", &path, None)?.json()?;
            found.append(page["items"].as_array_mut().context("items")?);
            let Some(next) = page["next"].as_str() else { return Ok(found) };
            after = format!("&after={next}");
        }
    }

    /// Local changes of tickets that have not arrived.
    fn unsent(&self) -> Result<u64> {
        let found = self.ask("GET", &format!("/channels/{}/deletion", self.channel), None)?.json()?;
        let connectors = found["connectors"].as_array().context("connectors")?;
        Ok(connectors.iter().filter_map(|connector| connector["unsent"].as_u64()).sum())
    }

    fn is_idle(&self) -> Result<bool> {
        let live = format!("/runs?channel={}&status=queued,running,deferred&limit=5", self.channel);
        Ok(self.ask("GET", &live, None)?.json()?["items"].as_array().context("items")?.is_empty())
    }

    /// The newest runs, for a person who looks for the reason.
    fn why(&self, sight: &Sight) -> Result<String> {
        let runs = self.ask("GET", &format!("/runs?channel={}&limit=4", self.channel), None)?.json()?;
        let outbox = self.ask("GET", &format!("/channels/{}/outbox", self.channel), None)?.body;
        let conflicts = self.ask("GET", &format!("/conflicts?channel={}", self.channel), None)?.body;
        Ok(format!(
            "{} unsent, {:?} failed, {:?} held\noutbox: {outbox}\nconflicts: {conflicts}\nruns: {runs}",
            sight.unsent, sight.reasons, sight.held
        ))
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        match method {
            "GET" => self.stand.look(path),
            _ => self.stand.tell(method, path, body),
        }
    }
}

fn keys(items: &Value) -> BTreeSet<String> {
    let items = items.as_array().into_iter().flatten();
    items.filter_map(|item| item["key"].as_str().map(str::to_owned)).collect()
}

#[expect(clippy::disallowed_methods, reason = "what is waited for happens on the real clock")]
pub(super) fn pass(time: Duration) {
    std::thread::sleep(time);
}
