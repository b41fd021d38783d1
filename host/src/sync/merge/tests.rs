//! The rules as tables, and the laws that follow from them.

use super::*;
use ConflictPolicy::{LocalWins, Manual, NewestWins, RemoteWins};
use proptest::prelude::*;
use serde_json::json;

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

/// Merges under a policy; the local side changed last.
fn merged(base: &Value, local: &Value, remote: &Value, policy: ConflictPolicy) -> Merged {
    merge(base, local, remote, policy, Side::Local)
}

fn summary(merged: &Merged) -> String {
    let conflicts: Vec<_> =
        merged.conflicts.iter().map(|conflict| format!("{}:{}", conflict.field, conflict.taken)).collect();
    format!("{} patch {} [{}]", merged.value, merged.patch, conflicts.join(" "))
}

/// `base local remote`, and what comes of it whatever the policy is.
#[track_caller]
fn check_agreed(base: &str, local: &str, remote: &str, expected: &str) {
    for policy in ConflictPolicy::ALL {
        for newer in [Side::Local, Side::Remote] {
            let merged = merge(&value(base), &value(local), &value(remote), policy, newer);
            assert_eq!(summary(&merged), format!("{expected} []"), "{policy} {base} {local} {remote}");
        }
    }
}

#[track_caller]
fn check(policy: ConflictPolicy, base: &str, local: &str, remote: &str, expected: &str) {
    let merged = merged(&value(base), &value(local), &value(remote), policy);
    assert_eq!(summary(&merged), expected, "{policy} {base} {local} {remote}");
}

#[test]
fn a_field_that_only_one_side_changed_is_never_a_conflict() {
    check_agreed("{}", "{}", "{}", "{} patch {}");
    check_agreed(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":1}"#, r#"{"a":2} patch {"a":2}"#);
    check_agreed(r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2} patch {}"#);
    check_agreed(r#"{"a":1}"#, r#"{}"#, r#"{"a":1}"#, r#"{} patch {"a":null}"#);
    check_agreed(r#"{"a":1}"#, r#"{"a":1}"#, r#"{}"#, "{} patch {}");
    check_agreed("{}", r#"{"a":1}"#, "{}", r#"{"a":1} patch {"a":1}"#);
    check_agreed("{}", "{}", r#"{"a":1}"#, r#"{"a":1} patch {}"#);
    check_agreed(
        r#"{"a":1,"b":1}"#,
        r#"{"a":2,"b":1}"#,
        r#"{"a":1,"b":2}"#,
        r#"{"a":2,"b":2} patch {"a":2}"#,
    );
    check_agreed("[1]", "[1,2]", "[1]", "[1,2] patch [1,2]");
    check_agreed("1", "1", r#"{"a":1}"#, r#"{"a":1} patch {}"#);
}

#[test]
fn what_both_changed_to_the_same_is_no_conflict() {
    check_agreed(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2}"#, r#"{"a":2} patch {}"#);
    check_agreed(r#"{"a":1}"#, "{}", "{}", "{} patch {}");
    check_agreed("{}", r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}} patch {}"#);
    check_agreed(r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"a":[2]}"#, r#"{"a":[2]} patch {}"#);
}

#[test]
fn objects_are_merged_member_by_member() {
    check_agreed(
        r#"{"o":{"a":1,"b":1}}"#,
        r#"{"o":{"a":2,"b":1}}"#,
        r#"{"o":{"a":1,"b":2}}"#,
        r#"{"o":{"a":2,"b":2}} patch {"o":{"a":2}}"#,
    );
    check_agreed("{}", r#"{"o":{"a":1}}"#, r#"{"o":{"b":1}}"#, r#"{"o":{"b":1,"a":1}} patch {"o":{"a":1}}"#);
    check_agreed(
        r#"{"o":1}"#,
        r#"{"o":{"a":1}}"#,
        r#"{"o":{"b":1}}"#,
        r#"{"o":{"b":1,"a":1}} patch {"o":{"a":1}}"#,
    );
    check_agreed(
        r#"{"o":{"a":1,"b":1}}"#,
        r#"{"o":{"a":1}}"#,
        r#"{"o":{"a":1,"b":1,"c":1}}"#,
        r#"{"o":{"a":1,"c":1}} patch {"o":{"b":null}}"#,
    );
    check_agreed(r#"{"o":{"a":1}}"#, r#"{"o":{}}"#, r#"{"o":{"a":1}}"#, r#"{"o":{}} patch {"o":{"a":null}}"#);
}

#[test]
fn a_field_that_both_changed_goes_by_the_policy() {
    let (base, local, remote) = (r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#);
    check(RemoteWins, base, local, remote, r#"{"a":3} patch {} [/a:remote]"#);
    check(LocalWins, base, local, remote, r#"{"a":2} patch {"a":2} [/a:local]"#);
    check(NewestWins, base, local, remote, r#"{"a":2} patch {"a":2} [/a:local]"#);
    check(Manual, base, local, remote, r#"{"a":2} patch {} [/a:held]"#);
    let newest = merge(&value(base), &value(local), &value(remote), NewestWins, Side::Remote);
    assert_eq!(summary(&newest), r#"{"a":3} patch {} [/a:remote]"#);

    check(RemoteWins, base, "{}", remote, r#"{"a":3} patch {} [/a:remote]"#);
    check(LocalWins, base, "{}", remote, r#"{} patch {"a":null} [/a:local]"#);
    check(LocalWins, base, local, "{}", r#"{"a":2} patch {"a":2} [/a:local]"#);
    check(RemoteWins, base, local, "{}", r#"{} patch {} [/a:remote]"#);
    check(Manual, base, "{}", remote, r#"{} patch {} [/a:held]"#);
    check(
        LocalWins,
        r#"{"a":[1]}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":[1,3]}"#,
        r#"{"a":[1,2]} patch {"a":[1,2]} [/a:local]"#,
    );
}

#[test]
fn one_conflict_leaves_the_other_fields_alone() {
    let (base, local, remote) = (
        r#"{"a":1,"b":1,"c":{"d":1}}"#,
        r#"{"a":2,"b":2,"c":{"d":2}}"#,
        r#"{"a":1,"b":3,"c":{"d":3,"e":3}}"#,
    );
    check(
        RemoteWins,
        base,
        local,
        remote,
        r#"{"a":2,"b":3,"c":{"d":3,"e":3}} patch {"a":2} [/b:remote /c/d:remote]"#,
    );
    check(
        Manual,
        base,
        local,
        remote,
        r#"{"a":2,"b":2,"c":{"d":2,"e":3}} patch {"a":2} [/b:held /c/d:held]"#,
    );
}

#[test]
fn an_object_that_one_side_removed_is_one_field() {
    let (base, local, remote) = (r#"{"o":{"a":1,"b":1}}"#, "{}", r#"{"o":{"a":2,"b":1}}"#);
    check(RemoteWins, base, local, remote, r#"{"o":{"a":2,"b":1}} patch {} [/o:remote]"#);
    check(LocalWins, base, local, remote, r#"{} patch {"o":null} [/o:local]"#);
    check(LocalWins, base, r#"{"o":5}"#, remote, r#"{"o":5} patch {"o":5} [/o:local]"#);
    check(LocalWins, "1", "2", "3", "2 patch 2 [:local]");
}

#[test]
fn a_conflict_tells_all_three_values_and_a_pointer_that_leads_to_them() {
    let (local, remote) = (json!({"a/b": {"~": 1}}), json!({"a/b": {"~": null}}));
    let merged = merged(&json!({"a/b": {}}), &local, &remote, Manual);
    let [conflict] = &merged.conflicts[..] else { panic!("{merged:?}") };
    assert_eq!(conflict.field, "/a~1b/~0");
    assert_eq!(conflict.local.as_ref(), local.pointer(&conflict.field));
    let expected = (None, Some(json!(1)), Some(Value::Null));
    assert_eq!((conflict.base.clone(), conflict.local.clone(), conflict.remote.clone()), expected);
}

#[test]
fn null_is_a_value_and_absent_is_another() {
    check(LocalWins, r#"{"a":1}"#, r#"{"a":null}"#, "{}", r#"{"a":null} patch {} [/a:local]"#);
    check(RemoteWins, r#"{"a":1}"#, r#"{"a":null}"#, "{}", "{} patch {} [/a:remote]");
    check_agreed(r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":1}"#, r#"{"a":null} patch {"a":null}"#);
    check_agreed(r#"{"a":null}"#, "{}", r#"{"a":null}"#, "{} patch {}");
}

#[test]
fn members_keep_the_remotes_order() {
    check_agreed(
        r#"{"a":1,"b":1,"c":1}"#,
        r#"{"y":1,"a":2,"b":1,"c":1,"x":1}"#,
        r#"{"c":1,"b":1,"a":1,"z":1}"#,
        r#"{"c":1,"b":1,"a":2,"z":1,"y":1,"x":1} patch {"a":2,"y":1,"x":1}"#,
    );
}

#[test]
fn a_patch_says_what_rfc_7396_can_say() {
    let check = |from: &str, to: &str, patch: &str, fields: &[&str]| {
        let (from, to) = (value(from), value(to));
        assert_eq!(diff(&from, &to), value(patch), "{from} {to}");
        assert_eq!(changed_fields(&from, &to), fields, "{from} {to}");
    };
    check(r#"{"a":1}"#, r#"{"a":1}"#, "{}", &[]);
    check(r#"{"a":1,"b":1}"#, r#"{"b":1,"a":1}"#, "{}", &[]);
    check(r#"{"a":1}"#, r#"{"a":2,"b":[null]}"#, r#"{"a":2,"b":[null]}"#, &["/a", "/b"]);
    check(r#"{"a":{"b":1,"c":1}}"#, r#"{"a":{"b":1}}"#, r#"{"a":{"c":null}}"#, &["/a/c"]);
    check(r#"{"a":{"b":1}}"#, "{}", r#"{"a":null}"#, &["/a"]);
    check(r#"{"a":1}"#, r#"{"a":{"b":null,"c":1}}"#, r#"{"a":{"c":1}}"#, &["/a"]);
    check(r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":null}"#, &["/a"]);
    check("{}", r#"{"a":null}"#, "{}", &["/a"]);
    check(r#"{"a":null}"#, "{}", "{}", &["/a"]);
    check("{}", r#"{"a":{}}"#, r#"{"a":{}}"#, &["/a"]);
    check("[1]", "[2]", "[2]", &[""]);
    check("[1]", "[1]", "{}", &[]);
    check("1", "null", "null", &[""]);
}

#[test]
fn a_patch_is_put_in_as_rfc_7396_says() {
    let check = |target: &str, patch: &str, expected: &str| {
        let mut put = value(target);
        apply(&mut put, &value(patch));
        assert_eq!(put.to_string(), expected, "{target} {patch}");
    };
    // From the appendix of the RFC.
    check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
    check(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
    check(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}");
    check(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
    check(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
    check(r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
    check(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
    check(r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#);
    check(r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#);
    check(r#"{"a":"foo"}"#, "null", "null");
    check(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
    check("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#);
    check("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
    // The order stays, and a whole patch that is empty is nothing.
    check(r#"{"a":1,"b":1,"c":1}"#, r#"{"a":null}"#, r#"{"b":1,"c":1}"#);
    check("[1]", "{}", "[1]");
    check(r#"{"a":[1]}"#, r#"{"a":{}}"#, r#"{"a":{}}"#);
}

#[test]
fn payloads_of_any_depth_are_merged() {
    let nested = |leaf: u32| (0..128).fold(json!(leaf), |inner, _| json!({ "o": inner }));
    let merged = merged(&nested(1), &nested(2), &nested(3), LocalWins);
    assert_eq!(merged.value, nested(2));
    assert_eq!(merged.conflicts[0].field, "/o".repeat(128));
    assert_eq!(merged.patch, nested(2));
}

/// Few names and few values, so that they meet.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => (0..3_u8).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!([])),
        1 => Just(json!([1])),
        1 => Just(json!({})),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        proptest::collection::btree_map("[a-d]", inner, 0..4)
            .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
    })
}

/// Payloads as they mostly are.
fn objects() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[a-e]", values(), 0..5)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

fn policies() -> impl Strategy<Value = ConflictPolicy> {
    proptest::sample::select(&ConflictPolicy::ALL[..])
}

fn sides() -> impl Strategy<Value = Side> {
    proptest::sample::select(&[Side::Local, Side::Remote][..])
}

/// Puts `value` at a pointer, or takes away what is there.
fn set(target: &mut Value, pointer: &str, value: Option<&Value>) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        *target = value.expect("a payload").clone();
        return;
    };
    let parent = target.pointer_mut(parent).expect("a parent").as_object_mut().expect("an object");
    let name = name.replace("~1", "/").replace("~0", "~");
    match value {
        Some(value) => parent.insert(name, value.clone()),
        None => parent.shift_remove(&name),
    };
}

/// Whether one is the other, or within it.
fn meet(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(a, b) || within(b, a)
}

/// What a patch can tell of a value: no member that is `null`, outside of arrays.
fn sayable(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), sayable(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The edits of `side` that the other side's do not touch.
fn one_sided<'a>(side: &'a [String], other: &'a [String]) -> impl Iterator<Item = &'a String> {
    side.iter().filter(|field| !other.iter().any(|touched| meet(field, touched)))
}

proptest! {
    #[test]
    fn merging_again_changes_nothing(
        base in values(), local in values(), remote in values(), policy in policies(), newer in sides(),
    ) {
        let once = merge(&base, &local, &remote, policy, newer);
        let again = merge(&base, &once.value, &remote, policy, newer);
        prop_assert_eq!(&again.value, &once.value);
        prop_assert_eq!(&again.patch, &once.patch);
        // As it goes on: what came is the new base.
        let later = merge(&remote, &once.value, &remote, policy, newer);
        prop_assert_eq!(&later.value, &once.value);
        prop_assert_eq!(later.conflicts, []);
    }

    #[test]
    fn the_same_on_both_sides_is_no_conflict(
        base in values(), both in values(), policy in policies(), newer in sides(),
    ) {
        let merged = merge(&base, &both, &both, policy, newer);
        prop_assert_eq!(merged, Merged { value: both, patch: json!({}), conflicts: Vec::new() });
    }

    #[test]
    fn a_one_sided_edit_is_never_lost(
        base in values(), local in values(), remote in values(), policy in policies(), newer in sides(),
    ) {
        let merged = merge(&base, &local, &remote, policy, newer);
        let (here, there) = (changed_fields(&base, &local), changed_fields(&base, &remote));
        for (side, edits, others) in [(&local, &here, &there), (&remote, &there, &here)] {
            for field in one_sided(edits, others) {
                prop_assert_eq!(merged.value.pointer(field), side.pointer(field), "{}", field);
                prop_assert!(!merged.conflicts.iter().any(|conflict| meet(&conflict.field, field)));
            }
        }
    }

    #[test]
    fn a_conflict_is_a_field_that_both_changed(
        base in values(), local in values(), remote in values(), policy in policies(), newer in sides(),
    ) {
        for FieldConflict { field, base: was, local: here, remote: there, .. } in
            merge(&base, &local, &remote, policy, newer).conflicts
        {
            prop_assert_eq!(was.as_ref(), base.pointer(&field));
            prop_assert_eq!(here.as_ref(), local.pointer(&field));
            prop_assert_eq!(there.as_ref(), remote.pointer(&field));
            prop_assert!(here != was && there != was && here != there, "{}", field);
        }
    }

    #[test]
    fn disjoint_edits_may_come_in_any_order(
        base in objects(), edits in proptest::collection::vec(("[a-e]", values()), 3), policy in policies(),
    ) {
        // Each edits members of its own.
        let (mut names, mut edited) = (std::collections::BTreeSet::new(), Vec::new());
        for (name, value) in edits.into_iter().filter(|(name, _)| names.insert(name.clone())) {
            let mut one = base.clone();
            set(&mut one, &format!("/{name}"), Some(&value));
            edited.push(one);
        }
        let fold = |order: &mut dyn Iterator<Item = &Value>| {
            order.fold(base.clone(), |all, one| {
                let merged = merge(&base, &all, one, policy, Side::Remote);
                assert_eq!(merged.conflicts, []);
                merged.value
            })
        };
        prop_assert_eq!(fold(&mut edited.iter()), fold(&mut edited.iter().rev()));
    }

    #[test]
    fn local_wins_and_remote_wins_are_mirror_images(
        base in values(), local in values(), remote in values(),
    ) {
        let here = merged(&base, &local, &remote, LocalWins);
        let there = merged(&base, &remote, &local, RemoteWins);
        prop_assert_eq!(here.value, there.value);
        let fields = |merged: &[FieldConflict]| {
            merged.iter().map(|conflict| conflict.field.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        prop_assert_eq!(fields(&here.conflicts), fields(&there.conflicts));
    }

    #[test]
    fn what_is_exported_makes_the_remote_what_the_record_is(
        base in values(), local in values(), remote in objects(), policy in policies(), newer in sides(),
    ) {
        let merged = merge(&base, &local, &remote, policy, newer);
        let mut exported = remote.clone();
        apply(&mut exported, &merged.patch);
        let mut expected = merged.value;
        for held in merged.conflicts.iter().filter(|conflict| conflict.taken == Taken::Held) {
            set(&mut expected, &held.field, held.remote.as_ref());
        }
        prop_assert_eq!(sayable(&exported), sayable(&expected));
    }

    #[test]
    fn a_difference_that_is_put_in_makes_one_of_the_other(from in objects(), to in objects()) {
        let mut put = from.clone();
        apply(&mut put, &diff(&from, &to));
        prop_assert_eq!(sayable(&put), sayable(&to));
    }

    #[test]
    fn changed_fields_are_exact(from in values(), to in values()) {
        let fields = changed_fields(&from, &to);
        prop_assert_eq!(fields.is_empty(), from == to);
        let mut put = from;
        for field in &fields {
            set(&mut put, field, to.pointer(field));
        }
        prop_assert_eq!(put, to);
    }
}
