//! Plays sequences: draws steps, does them, tells the model, and judges at rest.

use super::{
    fault::Fault,
    judge::{Finding, is_live, judge, mark},
    model::{FIELDS, Model, RecordId},
    stand::Stand,
    step::{Policy, Side, Step, Trouble, draw},
    world::{CONFIG, World},
};
use crate::{
    host::{Setup, TestHost},
    programs,
};
use anyhow::{Context as _, Result};
use fastrand::Rng;
use serde_json::{Map, Value, json};
use std::{
    ops::Range,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A running host in which sequences are played, also side by side.
pub struct Theatre {
    stand: Stand,
}

/// What came of a sequence.
#[derive(Debug)]
pub struct Played {
    /// What it followed from.
    pub seed: u64,
    /// Who was right about what both sides changed.
    pub policy: Policy,
    /// What was done, and what came of it, step by step.
    pub steps: Vec<String>,
    /// What was not as it must be; empty: all is well.
    pub faults: Vec<Fault>,
    /// How often the host was killed.
    pub kills: u32,
    /// How many answers to writes were to be lost.
    pub lost: u64,
    /// Conflicts that were found.
    pub conflicts: usize,
    /// How often all was left to come to rest.
    pub rests: u32,
    /// Records at the last rest.
    pub records: usize,
    /// Records that waited for a person then, or had failed with a reason.
    pub waiting: usize,
}

impl Theatre {
    /// Starts a host with the Zendesk plugin.
    ///
    /// # Errors
    /// When it does not start.
    pub fn open() -> Result<Self> {
        let plugins = vec![programs::plugin("zendesk")?];
        let host = TestHost::started(Setup { plugins, config: CONFIG.to_owned(), ..Setup::default() })?;
        Ok(Self { stand: Stand::new(host) })
    }

    /// Plays the sequences of these seeds, so many side by side, and tells what came of each
    /// as it ends. No further one begins when `done` answers false.
    pub fn play_all(
        &self,
        seeds: Range<u64>,
        (steps, together): (usize, usize),
        done: impl Fn(u64, Result<Played>) -> bool + Sync,
    ) {
        let (next, goes_on) = (AtomicU64::new(seeds.start), AtomicBool::new(true));
        std::thread::scope(|scope| {
            for _ in 0..together {
                scope.spawn(|| {
                    while goes_on.load(Relaxed) {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed >= seeds.end {
                            return;
                        }
                        if !done(seed, self.play(seed, steps)) {
                            goes_on.store(false, Relaxed);
                        }
                    }
                });
            }
        });
    }

    /// Plays the sequence of that seed, so many steps of it, to its rest. The fourth part of
    /// the seeds has one policy each.
    ///
    /// # Errors
    /// When the host does something that no model speaks of; it may be dead then. The
    /// message has the steps up to there.
    pub fn play(&self, seed: u64, steps: usize) -> Result<Played> {
        let policy = Policy::ALL[(seed % 4) as usize];
        let mut play = Play {
            world: World::new(&self.stand, seed, policy)?,
            model: Model::default(),
            dice: Rng::with_seed(seed),
            values: Rng::with_seed(!seed),
            is_disabled: false,
            played: Played {
                seed,
                policy,
                steps: Vec::new(),
                faults: Vec::new(),
                kills: 0,
                lost: 0,
                conflicts: 0,
                rests: 0,
                records: 0,
                waiting: 0,
            },
        };
        if let Err(error) = play.run(steps) {
            let log = play.played.steps.join("\n  ");
            return Err(error.context(format!("seed {seed}, {policy}:\n  {log}")));
        }
        let Play { world, mut played, .. } = play;
        played.conflicts = world.conflicts()?.len();
        world.delete().context("delete the channel of a sequence")?;
        Ok(played)
    }
}

/// A sequence that is going on.
struct Play<'a> {
    world: World<'a>,
    model: Model,
    dice: Rng,
    /// Values have dice of their own: which steps there are must not hang on them.
    values: Rng,
    is_disabled: bool,
    played: Played,
}

impl Play<'_> {
    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let step = draw(&mut self.dice, self.model.records.len());
            self.step(step)?;
            if !self.played.faults.is_empty() {
                return Ok(());
            }
        }
        self.step(Step::Rest)
    }

    fn step(&mut self, step: Step) -> Result<()> {
        self.played.steps.push(step.to_string());
        let came = self.act(step)?;
        if let (Some(line), Some(came)) = (self.played.steps.last_mut(), came) {
            line.push_str(&format!(": {came}"));
        }
        Ok(())
    }

    /// Does a step; answers what there is to tell of it.
    fn act(&mut self, step: Step) -> Result<Option<String>> {
        match step {
            Step::Create(side) => self.create(side).map(Some),
            Step::Edit(side, id, field) => self.edit(side, id, field).map(Some),
            Step::Delete(side, id) => self.delete(side, id).map(Some),
            Step::Sync => self.sync(false).map(Some),
            Step::FullSync => self.sync(true).map(Some),
            Step::Nudge => {
                let asked = self.nudge()?;
                Ok(Some(if asked { "asked for" } else { "not now" }.to_owned()))
            }
            Step::Kill(after) => {
                let since = self.world.life();
                self.nudge()?;
                self.played.kills += 1;
                self.world.kill(since, Duration::from_micros(after)).map(|()| None)
            }
            Step::Restart => self.world.restart().map(|()| None),
            Step::Trouble(trouble) => {
                self.world.trouble(trouble);
                self.played.lost += match trouble {
                    Trouble::LostAnswers(times) => times,
                    Trouble::Hang => 1,
                    _ => 0,
                };
                Ok(None)
            }
            Step::Well => {
                self.world.well();
                Ok(None)
            }
            Step::Disable => {
                self.world.disable()?;
                if !self.is_disabled {
                    self.model.still();
                }
                self.is_disabled = true;
                Ok(None)
            }
            Step::Enable => {
                self.world.enable()?;
                self.wake();
                Ok(None)
            }
            Step::Rest => self.rest().map(Some),
        }
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.is_disabled) {
            self.model.loud();
            // What was asked for before may go on now.
            self.model.attempt();
        }
    }

    fn nudge(&mut self) -> Result<bool> {
        let asked = self.world.nudge(false)?.is_some();
        if asked {
            self.model.attempt();
        }
        Ok(asked)
    }

    fn sync(&mut self, full: bool) -> Result<String> {
        if self.is_disabled {
            return Ok("not while it is disabled".to_owned());
        }
        self.model.attempt();
        let came_through = self.world.sync(full)?;
        if came_through {
            self.model.synced();
        }
        Ok(if came_through { "came through" } else { "not yet through" }.to_owned())
    }

    fn create(&mut self, side: Side) -> Result<String> {
        let id = RecordId(self.model.records.len());
        let values: Vec<_> = (0..FIELDS.len()).map(|field| self.value(id, field)).collect();
        let mut ticket: Map<String, Value> = FIELDS
            .iter()
            .zip(&values)
            .map(|(field, value)| (field.name.to_owned(), value.as_str().into()))
            .collect();
        ticket.insert("description".to_owned(), mark(id).into());
        match side {
            Side::Local => {
                let accepted = self.world.write("PUT", &World::key(id.0), Some(&Value::Object(ticket)))?;
                if !accepted {
                    return Ok("refused".to_owned());
                }
            }
            Side::Remote => {
                ticket.insert("external_id".to_owned(), Value::Null);
                ticket.insert("raw_subject".to_owned(), ticket["subject"].clone());
                self.world.fake.create_ticket(Value::Object(ticket))?;
            }
        }
        self.model.create(side, values.clone());
        Ok(format!("{id} with {}", values.join(", ")))
    }

    fn edit(&mut self, side: Side, id: RecordId, field: usize) -> Result<String> {
        let name = FIELDS[field].name;
        let value = self.value(id, field);
        let Some((place, before)) = self.find(side, id)? else {
            return Ok("not there".to_owned());
        };
        let patch = json!({ name: value });
        match side {
            Side::Local => {
                if !self.world.write("PATCH", &place, Some(&patch))? {
                    return Ok("refused".to_owned());
                }
            }
            Side::Remote => {
                let mut patch = patch;
                if name == "subject" {
                    patch["raw_subject"] = value.as_str().into();
                }
                self.world.fake.change_ticket(place.parse()?, patch)?;
            }
        }
        let before = before[name].as_str().map(str::to_owned);
        let told = format!("{value}, was {}", before.as_deref().unwrap_or("nothing"));
        self.model.edit(side, id, field, (value, before));
        Ok(told)
    }

    fn delete(&mut self, side: Side, id: RecordId) -> Result<String> {
        let Some((place, _)) = self.find(side, id)? else {
            return Ok("not there".to_owned());
        };
        match side {
            Side::Local if !self.world.write("DELETE", &place, None)? => return Ok("refused".to_owned()),
            Side::Local => {}
            Side::Remote => self.world.fake.delete_ticket(place.parse()?)?,
        }
        self.model.delete(side, id);
        Ok("done".to_owned())
    }

    /// Where a record is on a side, by key or id, and as it now is; none where it is not.
    fn find(&mut self, side: Side, id: RecordId) -> Result<Option<(String, Value)>> {
        if self.model.is_deleted(side, id) {
            return Ok(None);
        }
        let remote = self.world.born(&mark(id)).into_iter().find(|(_, ticket)| is_live(ticket));
        if side == Side::Remote {
            return Ok(remote.map(|(id, ticket)| (id.to_string(), ticket)));
        }
        let key = match (self.model.records[id.0].born, remote) {
            (Side::Local, _) => World::key(id.0),
            (Side::Remote, Some((id, _))) => id.to_string(),
            (Side::Remote, None) => return Ok(None),
        };
        Ok(self.world.local(&key)?.map(|ticket| (key, ticket)))
    }

    /// A value of its own, or one of those that there are.
    fn value(&mut self, id: RecordId, field: usize) -> String {
        match FIELDS[field].choices {
            [] => format!("{id}-{:06x}", self.values.u32(..1 << 24)),
            choices => choices[self.values.usize(..choices.len())].to_owned(),
        }
    }

    fn rest(&mut self) -> Result<String> {
        self.wake();
        let sight = self.world.rest()?;
        self.model.synced();
        let (faults, findings) = judge(&self.model, self.played.policy, &sight);
        self.played.rests += 1;
        self.played.faults.extend(faults);
        self.played.records = sight.local.len();
        self.played.waiting = findings.iter().filter(|finding| finding.held).count();
        for Finding { id, values, held } in findings {
            self.model.rest(id, values, held);
        }
        Ok(format!("{} records, {} wait", self.played.records, self.played.waiting))
    }
}
