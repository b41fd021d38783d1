//! A person decides a conflict that is held, and the record goes on.
//!
//! The remote side of a decision is what the remote system has now as far as is known, not
//! what it had when the conflict was found.

use super::{
    Local, Place, Refusal, TRIES, Target, Written,
    desk::{Before, Decided},
    waiting::given_up,
};
use crate::{
    model::{
        Author, Conflict, ConflictId, FieldConflict, Outgoing, Record, Settlement, Taken, Timestamp,
        TrailStep, Write,
    },
    store,
    sync::{
        merge,
        reconcile::{self, value},
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a field is to have.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// What the record has here.
    Local,
    /// What the remote system has.
    Remote,
    /// Something else.
    Value(Value),
}

/// What a person decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// For the fields that are not named.
    pub take: Option<Pick>,
    /// By JSON Pointer.
    pub fields: BTreeMap<String, Pick>,
}

impl Local<'_> {
    /// Decides a conflict that is held, and asks for an export where one is due then.
    ///
    /// # Errors
    /// It is not held (any more), not all of its fields are decided, or the record does not
    /// fit then; nothing is written in these cases.
    ///
    /// # Cancel safety
    /// Dropped early, it was done or not, but never half.
    pub async fn resolve(
        &self,
        target: Target,
        id: ConflictId,
        decision: &Decision,
        author: &Author,
    ) -> Result<Written, Refusal> {
        let place = self.open(target).await?;
        let (store, channel, connector) = (&self.0.shared.store, place.channel.id, &place.connector.id);
        for _ in 0..TRIES {
            let (before, epoch) = self.before(&place).await?;
            let conflict = store.conflicts().get(channel, connector, id).await?;
            let conflict = conflict.filter(|conflict| conflict.key == place.key);
            let open = conflict.filter(|conflict| conflict.held && conflict.settled.is_none());
            let is_held = before.row.as_ref().is_some_and(|row| row.held == Some(id));
            let conflict = open.filter(|_| is_held).ok_or(Refusal::NoConflict(id))?;
            let now = self.0.shared.clock.now();
            let (decided, fields) = decide(&before, &conflict, decision, (author, now))?;
            self.judge_change(&place, &before, &decided)?;
            let mut batch = self.batch(&place, &before, &decided, epoch).await?;
            let settled = Some(Settlement { at: now, by: author.clone() });
            batch.put_conflict(channel, connector, &Conflict { fields, settled, ..conflict });
            match store.commit(batch).await {
                Err(store::Error::Expectation) => {}
                result => {
                    result?;
                    if decided.row.is_some() {
                        self.ask(&place.channel).await?;
                    }
                    let Decided { record, row, step, .. } = decided;
                    return Ok(Written { kind: Some(step.kind), fields: step.fields, record, outgoing: row });
                }
            }
        }
        Err(store::Error::Expectation.into())
    }

    /// What is taken as it stands on either side is not judged.
    fn judge_change(&self, place: &Place, before: &Before, decided: &Decided) -> Result<(), Refusal> {
        match decided.row {
            Some(_) => self.judge(place, before, decided),
            None => Ok(()),
        }
    }
}

/// What a decision makes of the record, and of the fields of the conflict. Pure.
fn decide(
    before: &Before,
    conflict: &Conflict,
    decision: &Decision,
    (author, now): (&Author, Timestamp),
) -> Result<(Decided, Vec<FieldConflict>), Refusal> {
    let picks = picks(conflict, decision)?;
    let row = before.row.as_ref().ok_or(Refusal::NoConflict(conflict.id))?;
    let is_whole = conflict.fields.iter().any(|field| field.field.is_empty());
    let decided = match (&before.record, is_whole) {
        (Some(record), false) => by_field((record, row), &picks, (author, now)),
        _ => by_record((before, row), &picks, (author, now))?,
    };
    let mut fields = conflict.fields.clone();
    for (field, pick) in
        fields.iter_mut().filter_map(|field| picks.get(&field.field).map(|pick| (field, pick)))
    {
        field.taken = if *pick == Pick::Remote { Taken::Remote } else { Taken::Local };
        if let Pick::Value(value) = pick {
            field.local = Some(value.clone());
        }
    }
    Ok((decided, fields))
}

/// What each held field is to have.
fn picks(conflict: &Conflict, decision: &Decision) -> Result<BTreeMap<String, Pick>, Refusal> {
    let held = conflict.fields.iter().filter(|field| field.taken == Taken::Held);
    let held: Vec<&str> = held.map(|field| field.field.as_str()).collect();
    let named = || held.iter().map(|field| shown(field)).collect::<Vec<_>>().join(", ");
    if let Some(odd) = decision.fields.keys().find(|field| !held.contains(&field.as_str())) {
        return Err(Refusal::Undecided(format!("{odd} is not in conflict; in conflict are: {}", named())));
    }
    let mut picks = BTreeMap::new();
    for field in &held {
        let Some(pick) = decision.fields.get(*field).or(decision.take.as_ref()) else {
            let message =
                format!("nothing is said about {}; take local or remote for all, or name each", shown(field));
            return Err(Refusal::Undecided(message));
        };
        picks.insert((*field).to_owned(), pick.clone());
    }
    Ok(picks)
}

fn shown(field: &str) -> &str {
    if field.is_empty() { "the whole record" } else { field }
}

fn by_field(
    (record, row): (&Record, &Outgoing),
    picks: &BTreeMap<String, Pick>,
    (author, now): (&Author, Timestamp),
) -> Decided {
    let base = row.base.as_ref().map(|base| value(&base.payload)).unwrap_or_default();
    let here = value(&record.payload);
    let mut made = here.clone();
    for (field, pick) in picks {
        match pick {
            Pick::Local => {}
            Pick::Remote => reconcile::put(&mut made, field, base.pointer(field).cloned()),
            Pick::Value(value) => reconcile::put(&mut made, field, Some(value.clone())),
        }
    }
    let fields = merge::changed_fields(&here, &made);
    let is_base = row.base.is_some() && made == base;
    let payload = match (is_base, &row.base) {
        (true, Some(base)) => base.payload.clone(),
        _ if fields.is_empty() => record.payload.clone(),
        _ => reconcile::payload(&made),
    };
    let row = (!is_base || row.sent.is_some()).then(|| released(row, author, now));
    let record = Record { payload, imported: now, ..record.clone() };
    let step = TrailStep { at: now, author: author.clone(), kind: Write::Update, fields, run: None };
    Decided { record: Some(record), row, growth: 0, step }
}

/// One side has no record.
fn by_record(
    (before, row): (&Before, &Outgoing),
    picks: &BTreeMap<String, Pick>,
    (author, now): (&Author, Timestamp),
) -> Result<Decided, Refusal> {
    let mut picks = picks.values();
    let first = picks.next().cloned().unwrap_or(Pick::Local);
    if picks.any(|pick| *pick != first) || matches!(first, Pick::Value(_)) {
        let message = "one side has no such record: take local or remote as a whole";
        return Err(Refusal::Undecided(message.to_owned()));
    }
    if first == Pick::Remote {
        return Ok(given_up(before, row, author, now));
    }
    let step = TrailStep { at: now, author: author.clone(), kind: row.kind, fields: Vec::new(), run: None };
    Ok(Decided { record: before.record.clone(), row: Some(released(row, author, now)), growth: 0, step })
}

/// The row, held no more.
fn released(row: &Outgoing, author: &Author, now: Timestamp) -> Outgoing {
    let (author, changed) = (author.clone(), now);
    Outgoing { held: None, author, changed, ..row.clone().untried() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{RunId, Version},
        sync::tests::support::key,
    };
    use serde_json::json;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn me() -> Author {
        Author::Person("me".into())
    }

    fn standing(local: Option<Value>, base: Option<Value>, kind: Write) -> Before {
        let record = local.map(|payload| Record {
            key: key("k"),
            parent: None,
            updated: None,
            imported: at(1),
            run: RunId::from_bytes([0; 16]),
            payload: reconcile::payload(&payload),
        });
        let base = base.map(|payload| Version {
            updated: None,
            parent: None,
            payload: reconcile::payload(&payload),
        });
        let row = reconcile::fresh(key("k"), kind, me(), at(1));
        let row = Outgoing { base, held: Some(ConflictId::new()), ..row };
        Before { key: key("k"), record, row: Some(row), trail: Vec::new() }
    }

    fn conflict(fields: &[&str]) -> Conflict {
        let field = |field: &&str| FieldConflict {
            field: (*field).to_owned(),
            base: None,
            local: Some(json!(2)),
            remote: Some(json!(3)),
            taken: Taken::Held,
        };
        Conflict {
            id: ConflictId::new(),
            key: key("k"),
            at: at(1),
            run: Some(RunId::from_bytes([0; 16])),
            route: None,
            fields: fields.iter().map(field).collect(),
            held: true,
            settled: None,
        }
    }

    fn take(pick: Pick) -> Decision {
        Decision { take: Some(pick), fields: BTreeMap::new() }
    }

    fn fields(picks: &[(&str, Pick)]) -> Decision {
        let fields = picks.iter().map(|(field, pick)| ((*field).to_owned(), pick.clone())).collect();
        Decision { take: None, fields }
    }

    type Expected = Result<(Option<Value>, Option<Write>), &'static str>;

    #[track_caller]
    fn check(before: &Before, conflict: &Conflict, decision: &Decision, expected: Expected) {
        let found = decide(before, conflict, decision, (&me(), at(9)));
        match (found, expected) {
            (Ok((found, _)), Ok((here, waits))) => {
                assert!(found.row.as_ref().is_none_or(|row| row.held.is_none()), "it is held no more");
                let record = found.record.map(|record| value(&record.payload));
                assert_eq!((record, found.row.map(|row| row.kind)), (here, waits), "{decision:?}");
            }
            (Err(refusal), Err(words)) => assert!(refusal.to_string().contains(words), "{refusal}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn each_field_gets_what_a_person_says() {
        // The remote side has moved on since the conflict was found: 4 instead of 3.
        let here = standing(Some(json!({"a": 2, "b": 2})), Some(json!({"a": 4, "b": 4})), Write::Update);
        let both = conflict(&["/a", "/b"]);
        let update = Some(Write::Update);
        check(&here, &both, &take(Pick::Local), Ok((Some(json!({"a": 2, "b": 2})), update)));
        check(&here, &both, &take(Pick::Remote), Ok((Some(json!({"a": 4, "b": 4})), None)));
        let mixed = fields(&[("/a", Pick::Remote), ("/b", Pick::Local)]);
        check(&here, &both, &mixed, Ok((Some(json!({"a": 4, "b": 2})), update)));
        let other = Decision { take: Some(Pick::Remote), ..fields(&[("/b", Pick::Value(json!(7)))]) };
        check(&here, &both, &other, Ok((Some(json!({"a": 4, "b": 7})), update)));
        check(&here, &both, &fields(&[("/a", Pick::Local)]), Err("nothing is said about /b"));
        check(&here, &both, &fields(&[("/c", Pick::Local)]), Err("/c is not in conflict"));
        check(&here, &both, &Decision::default(), Err("nothing is said about /a"));
    }

    #[test]
    fn where_one_side_has_no_record_it_is_the_whole_one() {
        let whole = conflict(&[""]);
        let deleted = standing(None, Some(json!({"a": 3})), Write::Delete);
        check(&deleted, &whole, &take(Pick::Local), Ok((None, Some(Write::Delete))));
        check(&deleted, &whole, &take(Pick::Remote), Ok((Some(json!({"a": 3})), None)));
        check(&deleted, &whole, &take(Pick::Value(json!({}))), Err("as a whole"));
        let gone = standing(Some(json!({"a": 2})), None, Write::Create);
        check(&gone, &whole, &take(Pick::Local), Ok((Some(json!({"a": 2})), Some(Write::Create))));
        check(&gone, &whole, &take(Pick::Remote), Ok((None, None)));
        // A field was in conflict, and the record was deleted here since.
        let since = standing(None, Some(json!({"a": 3})), Write::Delete);
        check(&since, &conflict(&["/a"]), &take(Pick::Remote), Ok((Some(json!({"a": 3})), None)));
    }
}
