//! Random edits on both sides, with kills at any commit and lost answers: at rest both sides
//! agree, nothing is lost and nothing is there twice.

use super::*;
use crate::{
    store::Store,
    sync::tests::support::engine::{Death, Disk, Mortal},
};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// One thing that happens. Records are named by small numbers.
#[derive(Clone, Debug)]
enum Act {
    /// A member of a record is set here: of its own, of both sides.
    Here(u8, Member),
    There(u8, Member),
    DeleteHere(u8),
    DeleteThere(u8),
    Import(Fate),
    Export(Fate),
    /// The next push goes wrong.
    Mishap(Mishap),
}

/// Which member is set. `Own` is set by one side only, `Shared` by both.
#[derive(Clone, Copy, Debug)]
enum Member {
    Own,
    Shared,
}

/// How the process fares meanwhile.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Lives,
    /// Killed at that commit, before or after it is written.
    Dies(usize, bool),
}

fn acts(with_deletions: bool) -> impl Strategy<Value = Vec<Act>> {
    let member = prop_oneof![2 => Just(Member::Own), 1 => Just(Member::Shared)];
    let fate = prop_oneof![
        2 => Just(Fate::Lives),
        1 => (2..9_usize, any::<bool>()).prop_map(|(at, before)| Fate::Dies(at, before)),
    ];
    let mishap = prop_oneof![Just(Mishap::Lost), Just(Mishap::Unanswered), Just(Mishap::Half)];
    let deletions = u32::from(with_deletions);
    let act = prop_oneof![
        4 => (0..4_u8, member.clone()).prop_map(|(key, member)| Act::Here(key, member)),
        4 => (0..6_u8, member).prop_map(|(key, member)| Act::There(key, member)),
        deletions => (0..4_u8).prop_map(Act::DeleteHere),
        deletions => (0..6_u8).prop_map(Act::DeleteThere),
        3 => fate.clone().prop_map(Act::Import),
        3 => fate.prop_map(Act::Export),
        1 => mishap.prop_map(Act::Mishap),
    ];
    proptest::collection::vec(act, 1..40)
}

struct Stage {
    disk: Disk,
    remote: Remote,
    channel: Ready,
    /// The last value that each side gave a member of its own, by the record's key there.
    edits: u64,
    /// Last values of `here`, by local key; of `there`, by remote id.
    here: HashMap<String, Value>,
    there: HashMap<String, Value>,
}

impl Stage {
    fn new(policy: ConflictPolicy, remote: Remote) -> Self {
        let mut channel = remote.channel();
        channel.channel.conflicts.set("*".into(), Some(policy));
        let (here, there) = (HashMap::new(), HashMap::new());
        Self { disk: Disk::default(), remote, channel, edits: 0, here, there }
    }

    fn host(&self, death: Death) -> (Arc<Mortal>, Host) {
        let engine = Mortal::on(&self.disk, death);
        let host = Host::on(&engine.store());
        host.put(&self.channel);
        (engine, host)
    }

    async fn play(&mut self, act: Act) {
        self.edits += 1;
        let new = json!(self.edits);
        match act {
            Act::Here(key, member) => {
                let (key, name) = (local_key(key), member_name(member, "here"));
                self.write_here(&key, name, &new).await;
                if matches!(member, Member::Own) {
                    self.here.insert(key, new);
                }
            }
            Act::There(key, member) => {
                let Some(key) = self.remote_key(key) else { return };
                self.remote.edit(&key, json!({member_name(member, "there"): new}));
                if matches!(member, Member::Own) {
                    self.there.insert(key, new);
                }
            }
            Act::DeleteHere(key) => {
                let (_, host) = self.host(Death::Never);
                let _ = host.write(&self.channel, &local_key(key), What::Delete).await;
                host.kill().await;
            }
            Act::DeleteThere(key) => {
                if let Some(key) = self.remote_key(key) {
                    self.remote.delete(&key);
                }
            }
            Act::Import(fate) => self.run(Direction::Import, fate).await,
            Act::Export(fate) => self.run(Direction::Export, fate).await,
            Act::Mishap(mishap) => self.remote.suffers(mishap),
        }
    }

    /// Records that were made there, and those that were made here and have got there.
    fn remote_key(&self, key: u8) -> Option<String> {
        match key {
            0..4 => Some(format!("r{key}")),
            _ => {
                let made: Vec<_> =
                    self.remote.records().into_keys().filter(|key| !key.starts_with('r')).collect();
                made.get(usize::from(key) - 4).cloned()
            }
        }
    }

    /// Edits what is there, or else makes a new one.
    async fn write_here(&self, key: &str, member: &str, new: &Value) {
        let (_, host) = self.host(Death::Never);
        let _ = host.store.channels().create(&self.channel.channel).await;
        let patch = What::Patch(json!({member: new}));
        match host.write(&self.channel, key, patch).await {
            Err(Refusal::NoRecord(_)) => {
                host.put_record(&self.channel, key, json!({member: new})).await;
            }
            other => {
                other.expect("it fits");
            }
        }
        host.kill().await;
    }

    async fn run(&self, direction: Direction, fate: Fate) {
        let death = match fate {
            Fate::Lives => Death::Never,
            Fate::Dies(at, true) => Death::Before(at),
            Fate::Dies(at, false) => Death::After(at),
        };
        let (engine, host) = self.host(death);
        let _ = host.store.channels().create(&self.channel.channel).await;
        let request = Request { direction, ..all_of(&self.channel) };
        let ends = async {
            if let Ok(job) = host.sync.request(request).await {
                let _ = host.sync.wait(job.id).await;
            }
        };
        tokio::select! {
            () = engine.died() => {}
            () = ends => {}
        }
        host.kill().await;
    }

    /// Both ways, until nothing is left to do.
    async fn rest(&self) -> Store {
        for _ in 0..8 {
            self.retry().await;
            self.run(Direction::Export, Fate::Lives).await;
            self.run(Direction::Import, Fate::Lives).await;
        }
        self.host(Death::Never).1.store.clone()
    }

    /// Somebody tries again what waits for them as it failed too often.
    async fn retry(&self) {
        let (_, host) = self.host(Death::Never);
        let refused = crate::sync::Sieve { refused: true, ..Default::default() };
        host.sync.local().retry(&self.channel.channel.name, &refused).await.unwrap();
        host.kill().await;
    }

    /// What is here, by remote ids.
    async fn mirrored(&self) -> BTreeMap<String, Value> {
        let (_, host) = self.host(Death::Never);
        let here = host.here(&self.channel).await;
        let links = host.store.links().list(self.channel.channel.id, &ticket(), None, 1_000).await.unwrap();
        let links: HashMap<_, _> =
            links.into_iter().map(|link| (link.local.to_string(), link.remote.to_string())).collect();
        host.kill().await;
        here.into_iter().map(|(key, value)| (links.get(&key).cloned().unwrap_or(key), value)).collect()
    }
}

fn local_key(key: u8) -> String {
    // Two are made here, two are records of the remote system.
    if key < 2 { format!("l{key}") } else { format!("r{}", key - 2) }
}

fn member_name(member: Member, own: &'static str) -> &'static str {
    match member {
        Member::Own => own,
        Member::Shared => "shared",
    }
}

fn policies() -> impl Strategy<Value = ConflictPolicy> {
    prop_oneof![
        Just(ConflictPolicy::RemoteWins),
        Just(ConflictPolicy::LocalWins),
        Just(ConflictPolicy::NewestWins)
    ]
}

fn remotes() -> impl Strategy<Value = bool> {
    any::<bool>()
}

fn play(acts: Vec<Act>, policy: ConflictPolicy, tells: bool, judge: impl AsyncFnOnce(&Stage, &Store)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let remote = if tells { Remote::new() } else { Remote::without_origins() };
        let mut stage = Stage::new(policy, remote);
        for act in acts {
            stage.play(act).await;
        }
        let store = stage.rest().await;
        judge(&stage, &store).await;
    });
}

proptest! {
    #[test]
    fn at_rest_both_sides_agree(acts in acts(true), policy in policies(), tells in remotes()) {
        play(acts, policy, tells, async |stage, store| {
            let left = store.outbox().list(stage.channel.channel.id, &ticket(), None, 100).await.unwrap();
            assert_eq!(left, [], "nothing is left to be exported");
            assert_eq!(stage.mirrored().await, stage.remote.records());
            assert!(stage.remote.created().values().all(|times| *times == 1), "nothing was created twice");
        });
    }

    #[test]
    fn an_edit_of_one_side_is_never_lost(acts in acts(false), policy in policies(), tells in remotes()) {
        play(acts, policy, tells, async |stage, _| {
            let there = stage.remote.records();
            let mirrored = stage.mirrored().await;
            assert_eq!(mirrored, there);
            for (key, value) in &stage.there {
                assert_eq!(&there[key]["there"], value, "an edit of {key} there is lost");
            }
            let made: BTreeSet<_> = there.values().map(|record| record["here"].to_string()).collect();
            for (key, value) in &stage.here {
                assert!(made.contains(&value.to_string()), "an edit of {key} here is lost: {there:?}");
            }
        });
    }
}
