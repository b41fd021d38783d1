//! What both sides have at rest, against what the model says.

use super::{
    fault::Fault,
    model::{FIELDS, Model, Presence, RecordId, values_of},
    step::{Policy, Side},
    world::{Sight, World},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What came of looking at one record.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) id: RecordId,
    /// Its values, where it is there.
    pub(super) values: Option<Vec<Option<String>>>,
    /// Whether it waits for a person, so that no more is asked of it.
    pub(super) held: bool,
}

/// What is wrong, in words, and what there is of each record.
pub(super) fn judge(model: &Model, policy: Policy, sight: &Sight) -> (Vec<Fault>, Vec<Finding>) {
    let mut bench = Bench { model, policy, sight, faults: Vec::new() };
    bench.nothing_twice();
    let findings = (0..model.records.len()).map(|at| bench.record(RecordId(at))).collect();
    bench.both_sides_agree();
    (bench.faults, findings)
}

/// The words by which a record is known on both sides.
pub(super) fn mark(id: RecordId) -> String {
    format!("born as {id}")
}

/// Whether a remote ticket is there.
pub(super) fn is_live(ticket: &Value) -> bool {
    ticket["status"] != "deleted"
}

struct Bench<'a> {
    model: &'a Model,
    policy: Policy,
    sight: &'a Sight,
    faults: Vec<Fault>,
}

impl Bench<'_> {
    /// No two remote tickets of one origin, however long they lived; one more for each time
    /// that it was deleted there.
    fn nothing_twice(&mut self) {
        let mut seen: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (id, ticket) in &self.sight.remote {
            if let Some(origin) = ticket["external_id"].as_str().filter(|origin| !origin.is_empty()) {
                seen.entry(origin).or_default().push(*id);
            }
        }
        for ids in seen.into_values() {
            let of_one = |at: &usize| self.sight.remote[&ids[0]]["description"] == mark(RecordId(*at));
            let known = (0..self.model.records.len()).find(of_one);
            let removed = known.map_or(0, |at| self.model.records[at].removed);
            if ids.len() > 1 + removed {
                self.faults
                    .push(Fault::twice(format!("tickets {ids:?} were created twice for one local record")));
            }
        }
    }

    fn record(&mut self, id: RecordId) -> Finding {
        let (sight, words) = (self.sight, mark(id));
        let is_it = |ticket: &Value| ticket["description"] == words.as_str();
        let local: Vec<_> = sight.local.iter().filter(|(_, ticket)| is_it(ticket)).collect();
        let remote: Vec<_> = sight.remote.iter().filter(|(_, ticket)| is_it(ticket)).collect();
        let (born, removed) = (self.model.records[id.0].born, self.model.records[id.0].removed);
        let dead = remote.iter().filter(|(_, ticket)| !is_live(ticket)).count();
        let new = remote.len() - dead.min(removed);
        for (side, count) in [(Side::Local, local.len()), (Side::Remote, new)] {
            if count > 1 {
                self.faults.push(Fault::twice(format!("{id}: there are {count} {side} tickets of it")));
            }
        }
        let local = local.first().copied();
        let remote = remote.iter().copied().find(|(_, ticket)| is_live(ticket));
        let key = local.map(|(key, _)| key.clone()).unwrap_or_else(|| match (born, remote) {
            (Side::Remote, Some((id, _))) => id.to_string(),
            _ => World::key(id.0),
        });
        let held = sight.held.contains_key(&key) || sight.reasons.contains(&key);
        let values = local.map(|(_, ticket)| values_of(ticket));
        if held {
            self.both_values(id, &key, (local.map(|(_, ticket)| ticket), remote.map(|(_, ticket)| ticket)));
            self.nothing_lost(id, local.map(|(_, ticket)| ticket), remote.map(|(_, ticket)| ticket));
            return Finding { id, values, held };
        }
        let there = (local.is_some(), remote.is_some());
        match (self.model.presence(id), there) {
            (Presence::There | Presence::Either, (true, true)) => self.values(id, &values),
            (Presence::Gone | Presence::Either, (false, false)) => {}
            (expected, (here, there)) => {
                let told =
                    format!("{id}: local {}, remote {}, expected {expected:?}", shown(here), shown(there));
                self.faults.push(if here == there { Fault::lost(told) } else { Fault::disagrees(told) });
            }
        }
        Finding { id, values, held }
    }

    fn values(&mut self, id: RecordId, values: &Option<Vec<Option<String>>>) {
        let Some(values) = values else { return };
        for (field, value) in values.iter().enumerate() {
            if let Some(allowed) = self.model.allowed(self.policy, id, field)
                && !allowed.contains(value)
            {
                self.faults.push(Fault::lost(format!(
                    "{id}: {} is {value:?}, and under {} it can only be {allowed:?}",
                    FIELDS[field].name, self.policy
                )));
            }
        }
    }

    /// A conflict tells what each side has set, unless it is about a deletion.
    fn both_values(&mut self, id: RecordId, key: &str, (local, remote): (Option<&Value>, Option<&Value>)) {
        let Some(fields) = self.sight.held.get(key).and_then(Value::as_array) else { return };
        if fields.is_empty() {
            self.faults.push(Fault::lost(format!("{id}: its conflict tells no field")));
        }
        for conflict in fields {
            let name = conflict["field"].as_str().unwrap_or_default().trim_start_matches('/');
            let Some(field) = FIELDS.iter().position(|field| field.name == name) else { continue };
            for (side, ticket) in [(Side::Local, local), (Side::Remote, remote)] {
                let told = &conflict[side.to_string()];
                let is_known = told.as_str().is_some_and(|value| self.model.was_set(side, id, field, value));
                if !is_known && ticket.is_none_or(|ticket| ticket[name] != *told) {
                    let told = format!("{id}: its conflict tells of {told} as {side} {name}");
                    self.faults.push(Fault::lost(told));
                }
            }
        }
    }

    /// What waits for a person must still have what each side has set.
    fn nothing_lost(&mut self, id: RecordId, local: Option<&Value>, remote: Option<&Value>) {
        for (side, ticket) in [(Side::Local, local), (Side::Remote, remote)] {
            let (Some(ticket), other) =
                (ticket, if side == Side::Local { Side::Remote } else { Side::Local })
            else {
                continue;
            };
            for (at, field) in FIELDS.iter().enumerate() {
                let Some(last) = self.model.last_of(side, id, at) else { continue };
                if self.model.last_of(other, id, at).is_none() && ticket[field.name] != last {
                    self.faults.push(Fault::lost(format!(
                        "{id}: its {side} {} was set to {last:?}, it waits for a person, and has {} now",
                        field.name, ticket[field.name]
                    )));
                }
            }
        }
    }

    /// Field by field, whatever the model knows of.
    fn both_sides_agree(&mut self) {
        let excused = |key: &str| self.sight.reasons.contains(key) || self.sight.held.contains_key(key);
        let mut faults = Vec::new();
        let mut known = Vec::new();
        for (key, ticket) in self.sight.local.iter().filter(|(key, _)| !excused(key)) {
            let id = ticket["id"].as_u64();
            let there = id.and_then(|id| self.sight.remote.get(&id)).filter(|ticket| is_live(ticket));
            known.extend(id);
            match there {
                None => faults.push(format!("local {key} has no remote ticket and no reason")),
                Some(remote) => {
                    faults.extend(difference(ticket, remote).map(|why| format!("local {key}: {why}")))
                }
            }
        }
        let excused_ids: Vec<_> = self.sight.local.iter().filter(|(key, _)| excused(key)).collect();
        for (id, ticket) in self.sight.remote.iter().filter(|(_, ticket)| is_live(ticket)) {
            // One that was made here and deleted again has nothing left here but its conflict.
            let is_it = |at: usize| ticket["description"] == mark(RecordId(at)) && excused(&World::key(at));
            let waits = excused(&id.to_string())
                || (0..self.model.records.len()).any(is_it)
                || excused_ids.iter().any(|(_, ticket)| ticket["id"] == *id);
            match known.iter().filter(|known| *known == id).count() {
                1 => {}
                0 if waits => {}
                count => faults.push(format!("remote ticket {id} has {count} local ones")),
            }
        }
        self.faults.extend(faults.into_iter().map(Fault::disagrees));
    }
}

fn shown(is_there: bool) -> &'static str {
    if is_there { "there" } else { "gone" }
}

/// The fields in which two tickets differ. An export adds one of its own.
fn difference(local: &Value, remote: &Value) -> Option<String> {
    let empty = serde_json::Map::new();
    let (local, remote) = (local.as_object().unwrap_or(&empty), remote.as_object().unwrap_or(&empty));
    let names = local.keys().chain(remote.keys().filter(|name| !local.contains_key(*name)));
    let differ = |name: &&String| *name != "generated_timestamp" && local.get(*name) != remote.get(*name);
    let told: Vec<_> = names
        .filter(differ)
        .map(|name| format!("{name} is {:?} here and {:?} there", local.get(name), remote.get(name)))
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ticket(id: u64, record: usize, subject: &str) -> Value {
        json!({"id": id, "description": mark(RecordId(record)), "subject": subject, "recipient": "a",
            "priority": "low", "type": "task", "status": "open", "external_id": format!("tidegate:{id}")})
    }

    /// A model with one record, created here with the subject `one`.
    fn model() -> Model {
        let mut model = Model::default();
        model.create(Side::Local, ["one", "a", "low", "task"].map(str::to_owned).to_vec());
        model
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Sight), words: &[&str]) {
        let mut sight = Sight::default();
        sight.local.insert("local-0".to_owned(), ticket(7, 0, "one"));
        sight.remote.insert(7, ticket(7, 0, "one"));
        change(&mut sight);
        let (faults, _) = judge(&model(), Policy::RemoteWins, &sight);
        assert_eq!(faults.len(), words.len(), "{faults:#?}");
        for (fault, words) in faults.iter().zip(words) {
            assert!(fault.to_string().contains(words), "{words} in {fault}");
        }
    }

    #[test]
    fn what_agrees_is_fine_and_what_does_not_is_told() {
        check(|_| {}, &[]);
        check(|sight| sight.remote.get_mut(&7).expect("7")["generated_timestamp"] = 5.into(), &[]);
        let both = |sight: &mut Sight, subject: &str| {
            sight.local.insert("local-0".to_owned(), ticket(7, 0, subject));
            sight.remote.insert(7, ticket(7, 0, subject));
        };
        check(|sight| both(sight, "lost"), &["subject is Some(\"lost\")"]);
        check(
            |sight| sight.remote.get_mut(&7).expect("7")["status"] = "deleted".into(),
            &["remote gone, expected There", "local-0 has no remote ticket"],
        );
        check(
            |sight| _ = sight.local.remove("local-0"),
            &["local gone, remote there", "remote ticket 7 has 0 local ones"],
        );
        check(
            |sight| _ = sight.remote.insert(8, ticket(8, 0, "one")),
            &["there are 2 remote tickets", "remote ticket 8 has 0 local ones"],
        );
        check(|sight| sight.remote.get_mut(&7).expect("7")["tags"] = json!(["a"]), &["tags is None here"]);
    }

    #[test]
    fn a_ticket_that_was_created_twice_is_found_although_one_was_deleted() {
        let twice = |sight: &mut Sight| {
            let mut second = ticket(8, 1, "other");
            second["external_id"] = "tidegate:7".into();
            second["status"] = "deleted".into();
            sight.remote.insert(8, second);
        };
        check(twice, &["tickets [7, 8] were created twice"]);
    }

    #[test]
    fn a_conflict_must_tell_what_both_sides_have_set() {
        let held = |local: Value, remote: Value| {
            move |sight: &mut Sight| {
                let fields = json!([{"field": "/subject", "local": local, "remote": remote}]);
                sight.held.insert("local-0".to_owned(), fields);
                sight.remote.insert(7, ticket(7, 0, "theirs"));
            }
        };
        check(held("one".into(), "theirs".into()), &[]);
        check(held("one".into(), Value::Null), &["its conflict tells of null as remote subject"]);
        check(held("other".into(), "theirs".into()), &["its conflict tells of \"other\" as local subject"]);
    }

    #[test]
    fn what_failed_with_a_reason_must_only_keep_what_was_set() {
        let failed = |sight: &mut Sight| {
            sight.remote.clear();
            sight.reasons.insert("local-0".to_owned());
        };
        check(failed, &[]);
        check(
            |sight| {
                failed(sight);
                sight.local.insert("local-0".to_owned(), ticket(7, 0, "lost"));
            },
            &["its local subject was set to \"one\""],
        );
    }
}
