//! Random edits at both ends of a route that goes both ways: at rest both agree, no edit that
//! only one end made is lost, and nothing is there twice.

use super::stage::{Stage, route};
use crate::{
    model::{Author, RecordKey, RouteConflicts},
    sync::{Edit, NewRoute, Refusal, What, tests::support::key},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// One thing that happens. Records are named by the end at which they are made, and a number.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A member is set: of the record that was made at the first end, at the second one.
    Edit { made: usize, number: u8, at: usize, member: Member },
    /// The route goes on for so many milliseconds.
    Pass(u16),
    /// All comes to rest.
    Rest,
}

#[derive(Clone, Copy, Debug)]
enum Member {
    /// Set at one end only.
    Own,
    /// Set at both.
    Shared,
}

/// The names of the members at each end: of the first end's own, of the second's, of both.
const NAMES: [[&str; 3]; 2] = [["body", "memo", "subject"], ["text", "note", "title"]];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let member = prop_oneof![1 => Just(Member::Own), 2 => Just(Member::Shared)];
    let edit = (0..2_usize, 0..2_u8, 0..2_usize, member).prop_map(|(made, number, at, member)| Act::Edit {
        made,
        number,
        at,
        member,
    });
    let act = prop_oneof![6 => edit, 3 => (0..40_u16).prop_map(Act::Pass), 1 => Just(Act::Rest)];
    proptest::collection::vec(act, 1..24)
}

/// What is expected of one record.
#[derive(Default)]
struct Expected {
    /// Last value of each end's own member.
    own: [Option<Value>; 2],
    /// Last value of the shared member at each end, since the last rest.
    shared: [Option<Value>; 2],
}

struct Play {
    stage: Stage,
    edits: u64,
    records: BTreeMap<(usize, u8), Expected>,
}

impl Play {
    async fn new(conflicts: RouteConflicts) -> Self {
        let filter = |from: usize, to: usize| {
            let pair = |at: usize| format!("{}: .{}", NAMES[to][at], NAMES[from][at]);
            format!("{{{}, {}, {}}} | del(.[] | nulls)", pair(0), pair(1), pair(2))
        };
        let stage = Stage::new().await;
        stage
            .create(NewRoute { conflicts, map: filter(0, 1), back: Some(filter(1, 0)), ..route(true) })
            .await;
        Self { stage, edits: 0, records: BTreeMap::new() }
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::Pass(time) => tokio::time::sleep(Duration::from_millis(time.into())).await,
            Act::Rest => {
                self.stage.all().await;
                self.judge().await;
            }
            Act::Edit { made, number, at, member } => self.edit(made, number, at, member).await,
        }
    }

    async fn edit(&mut self, made: usize, number: u8, at: usize, member: Member) {
        let known = self.records.contains_key(&(made, number));
        // A record begins where it is made.
        let at = if known { at } else { made };
        let name = match member {
            Member::Own => NAMES[at][at],
            Member::Shared => NAMES[at][2],
        };
        self.edits += 1;
        let new = json!(self.edits);
        if !self.write(at, &record_key(made, number, at), json!({ name: new }), !known).await {
            return;
        }
        let expected = self.records.entry((made, number)).or_default();
        match member {
            Member::Own => expected.own[at] = Some(new),
            Member::Shared => expected.shared[at] = Some(new),
        }
    }

    /// Whether it was there to be changed.
    async fn write(&self, at: usize, key: &RecordKey, member: Value, new: bool) -> bool {
        let ready = &self.stage.channels[at];
        let what = match new {
            true => What::Put { payload: member, parent: None },
            false => What::Patch(member),
        };
        let edit = Edit {
            channel: ready.channel.name.clone(),
            connector: ready.channel.connectors[0].clone(),
            key: key.clone(),
            author: Author::Person("me".into()),
            what,
        };
        match self.stage.host.sync.local().write(edit).await {
            Ok(_) => true,
            Err(Refusal::NoRecord(_)) => false,
            Err(refusal) => panic!("{refusal}"),
        }
    }

    /// Checks both ends at rest, and begins anew what is expected of shared members.
    async fn judge(&mut self) {
        for (id, expected) in &mut self.records {
            let mut shown = Vec::new();
            for (at, names) in NAMES.iter().enumerate() {
                let payload = payload(&self.stage, at, &record_key(id.0, id.1, at)).await;
                let payload = payload.unwrap_or_else(|| panic!("{id:?} is not at end {at}"));
                shown.push(names.map(|name| payload.get(name).cloned()));
            }
            assert_eq!(shown[0], shown[1], "{id:?} differs");
            assert_eq!(shown[0][..2], expected.own, "{id:?}: edits that one end alone made");
            match std::mem::take(&mut expected.shared) {
                [Some(only), None] | [None, Some(only)] => {
                    assert_eq!(shown[0][2].as_ref(), Some(&only), "{id:?}: only one end changed it");
                }
                [Some(one), Some(other)] => {
                    let value = shown[0][2].as_ref();
                    assert!(value == Some(&one) || value == Some(&other), "{id:?}: {value:?}");
                }
                [None, None] => {}
            }
        }
        for remote in [&self.stage.left, &self.stage.right] {
            assert_eq!(remote.records().len(), self.records.len(), "{:?}", remote.records());
        }
    }
}

/// The key at one end of the record that was made at an end.
fn record_key(made: usize, number: u8, at: usize) -> RecordKey {
    let own = format!("new-{made}-{number}");
    if made == at { key(&own) } else { key(&format!("r:{own}")) }
}

async fn payload(stage: &Stage, at: usize, key: &RecordKey) -> Option<Value> {
    let (id, connector) = (stage.channels[at].channel.id, &stage.channels[at].channel.connectors[0]);
    let record = stage.store().records().get(id, connector, key).await.expect("read")?;
    Some(serde_json::from_slice(&record.payload).expect("JSON"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn both_ends_agree_at_rest(acts in acts(), to_wins in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let conflicts = if to_wins { RouteConflicts::ToWins } else { RouteConflicts::FromWins };
            let mut play = Play::new(conflicts).await;
            for act in acts {
                play.act(act).await;
            }
            play.act(Act::Rest).await;
            play.stage.stop().await;
        });
    }
}
