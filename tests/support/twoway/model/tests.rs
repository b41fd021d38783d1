//! What follows from which history.

use super::*;
use Policy::{LocalWins, Manual, NewestWins, RemoteWins};
use Side::{Local, Remote};

const R: RecordId = RecordId(0);

/// `l1`, `r2`: a side sets the first field; `=`: having seen what the other side has set;
/// `L`, `R`: it deletes; `s`: synced; `a`: a run may go on; `q`: still; `e`: no longer.
fn history(text: &str) -> Model {
    let mut model = Model::default();
    model.create(Local, FIELDS.map(|_| "born".to_owned()).to_vec());
    model.synced();
    model.rest(R, Some(FIELDS.map(|_| Some("born".to_owned())).to_vec()), false);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (word, seen) = word.strip_suffix('=').map_or((word, false), |word| (word, true));
        let side = if word.to_lowercase().starts_with('l') { Local } else { Remote };
        let other = if side == Local { Remote } else { Local };
        let before = seen.then(|| model.last_of(other, R, 0).expect("it was set").to_owned());
        match word {
            "s" => model.synced(),
            "a" => model.attempt(),
            "q" => model.still(),
            "e" => model.loud(),
            "L" | "R" => model.delete(side, R),
            value => model.edit(side, R, 0, (value.to_owned(), before)),
        }
    }
    model
}

#[track_caller]
fn check(policy: Policy, text: &str, allowed: &[&str]) {
    let found = history(text).allowed(policy, R, 0).expect("it is said");
    let mut found: Vec<_> = found.into_iter().map(|value| value.expect("a text")).collect();
    found.sort_unstable();
    assert_eq!(found, allowed, "{policy}: {text}");
}

#[test]
fn what_one_side_alone_has_set_is_there_whatever_happened() {
    for policy in Policy::ALL {
        check(policy, "", &["born"]);
        check(policy, "l1 l2", &["l2"]);
        check(policy, "a r1 a a r2", &["r2"]);
        check(policy, "l1 s r1", &["r1"]);
        check(policy, "r1 s l1", &["l1"]);
        check(policy, "l1 r1=", &["r1"]);
        check(policy, "a r1 l1=", &["l1"]);
    }
}

#[test]
fn a_conflict_goes_as_the_policy_says_where_it_is_one_for_certain() {
    check(RemoteWins, "r1 l1", &["r1"]);
    check(RemoteWins, "l1 r1", &["r1"]);
    check(RemoteWins, "l1 a r1", &["r1"]);
    check(RemoteWins, "q r1 l1 e", &["r1"]);
    check(RemoteWins, "q l1 r1 l2 e", &["r1"]);
    check(LocalWins, "r1 l1", &["l1"]);
    check(LocalWins, "r1 a l1", &["l1"]);
    check(LocalWins, "q l1 r1 e", &["l1"]);
    check(LocalWins, "a q l1 r1 e", &["l1"]);
}

#[test]
fn where_a_run_may_have_come_between_both_are_allowed() {
    check(RemoteWins, "r1 a l1", &["l1", "r1"]);
    check(RemoteWins, "a r1 l1", &["l1", "r1"]);
    check(RemoteWins, "l1 r1 l2", &["l2", "r1"]);
    check(RemoteWins, "l1 s r1 l2", &["r1"]);
    check(LocalWins, "l1 r1", &["l1", "r1"]);
    check(LocalWins, "q l1 e r1", &["l1", "r1"]);
    for policy in [NewestWins, Manual] {
        check(policy, "l1 r1", &["l1", "r1"]);
        check(policy, "q r1 l1 e", &["l1", "r1"]);
    }
}

#[test]
fn a_delete_is_certain_where_the_other_side_had_nothing_to_say() {
    for (text, presence) in [
        ("", Presence::There),
        ("l1 r1", Presence::There),
        ("L", Presence::Gone),
        ("R", Presence::Gone),
        ("l1 L", Presence::Gone),
        ("L R", Presence::Gone),
        ("r1 s L", Presence::Gone),
        ("r1 L", Presence::Either),
        ("L r1", Presence::Either),
        ("l1 R", Presence::Either),
        ("l1 s R", Presence::Gone),
    ] {
        assert_eq!(history(text).presence(R), presence, "{text}");
    }
}

#[test]
fn what_rested_is_where_both_sides_begin_again() {
    let mut model = history("r1 l1");
    let values = |text: &str| Some(FIELDS.map(|_| Some(text.to_owned())).to_vec());
    model.rest(R, values("r1"), false);
    assert_eq!(model.allowed(LocalWins, R, 0), Some(vec![Some("r1".to_owned())]));
    model.rest(R, None, false);
    assert!(model.is_deleted(Local, R) && model.is_deleted(Remote, R));
    assert_eq!(model.presence(R), Presence::Gone);

    let mut held = history("r1 l1");
    held.rest(R, values("l1"), true);
    assert_eq!((held.allowed(Manual, R, 0), held.presence(R)), (None, Presence::There));
    assert_eq!(held.last_of(Remote, R, 0), Some("r1"));
}
