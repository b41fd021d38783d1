//! The machine as a table of what happens to it, and what never happens.

use super::*;
use proptest::prelude::*;

const START: i64 = 1_700_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

/// Without jitter: the middle of its range.
fn moment(seconds: i64) -> Moment {
    Moment { now: at(seconds), jitter: 0.5 }
}

fn down(seconds: i64) -> News {
    News::Down(OriginFailure { at: at(seconds), code: "net.connect".into(), message: "refused".into() })
}

/// What happens, at a second.
enum Step {
    Works(i64),
    Fails(i64),
    /// Let in, and never heard of again.
    Vanishes(i64),
    Refused(i64),
    /// By an operator.
    Closed,
}

use Step::{Closed, Fails, Refused, Vanishes, Works};

#[track_caller]
fn check(name: &str, config: Config, steps: &[Step], state: BreakerState, probe_at: Option<i64>) {
    let mut breaker = Breaker::new(config);
    for (index, step) in steps.iter().enumerate() {
        let mut attempt = |second: i64, news| {
            let pass =
                breaker.admit(at(second)).unwrap_or_else(|shut| panic!("{name}, step {index}: {shut:?}"));
            breaker.note(pass, news, moment(second));
        };
        match step {
            Works(second) => attempt(*second, News::Alive),
            Fails(second) => attempt(*second, down(*second)),
            Vanishes(second) => attempt(*second, News::Nothing),
            Refused(second) => assert!(breaker.admit(at(*second)).is_err(), "{name}, step {index}"),
            Closed => breaker.close(),
        }
    }
    assert_eq!(breaker.state(), state, "{name}");
    let found = breaker.kept("o").map(|kept| kept.probe_at);
    assert_eq!(found, probe_at.map(at), "{name}");
}

#[test]
fn failures_in_a_row_open_it_and_a_probe_closes_it() {
    let config = Config { failures: 3, ..Config::default() };
    let check = |name, steps: &[Step], state, probe_at| check(name, config, steps, state, probe_at);
    use BreakerState as B;
    check("two are not enough", &[Fails(0), Fails(1)], B::Closed, None);
    check("a success between them", &[Fails(0), Fails(1), Works(2), Fails(3), Fails(4)], B::Closed, None);
    check("three", &[Fails(0), Fails(1), Fails(2), Refused(2), Refused(16)], B::Open, Some(17));
    check(
        "what vanishes counts as nothing",
        &[Fails(0), Vanishes(1), Fails(2), Vanishes(3)],
        B::Closed,
        None,
    );
    check(
        "the probe works",
        &[Fails(0), Fails(1), Fails(2), Works(17), Fails(18), Fails(19)],
        B::Closed,
        None,
    );
    let outage = || [Fails(0), Fails(1), Fails(2)].into_iter();
    let steps = |more: Vec<Step>| outage().chain(more).collect::<Vec<_>>();
    check("pauses double", &steps(vec![Fails(17), Refused(46)]), B::Open, Some(47));
    check("and double", &steps(vec![Fails(17), Fails(47), Refused(106)]), B::Open, Some(107));
    check("up to the longest", &steps(vec![Fails(17), Fails(47), Fails(107)]), B::Open, Some(167));
    let anew = vec![Fails(17), Works(47), Fails(50), Fails(51), Fails(52), Refused(66)];
    check("and begin anew after a success", &steps(anew), B::Open, Some(67));
    check("a lost probe is made again at once", &steps(vec![Vanishes(17), Works(17)]), B::Closed, None);
    check("an operator closes it", &steps(vec![Closed, Works(3)]), B::Closed, None);
}

#[test]
fn a_share_of_failures_opens_it_where_there_are_enough_attempts() {
    let config = Config { failures: 100, samples: 10, ..Config::default() };
    // Every second attempt fails, one a second.
    let mixed = |count: i64| -> Vec<Step> {
        (0..count).map(|second| if second % 2 == 0 { Works(second) } else { Fails(second) }).collect()
    };
    check("nine", config, &mixed(9), BreakerState::Closed, None);
    check("ten", config, &mixed(10), BreakerState::Open, Some(9 + 15));
    let mut diluted: Vec<Step> = (0..10).map(Works).collect();
    diluted.extend((10..19).map(Fails));
    check("nine of nineteen", config, &diluted, BreakerState::Closed, None);
    diluted.push(Fails(19));
    check("ten of twenty", config, &diluted, BreakerState::Open, Some(19 + 15));
    // Those of a minute ago no longer count: of the last ten, five failed.
    let mut late: Vec<Step> = (0..30).map(|_| Works(0)).collect();
    late.extend((70..75).map(Works));
    late.extend((75..80).map(Fails));
    check("the window slides", config, &late, BreakerState::Open, Some(79 + 15));
}

#[test]
fn jitter_is_a_fifth_to_either_side() {
    for (jitter, millis) in [(0.0, 12_000), (0.5, 15_000), (1.0, 18_000)] {
        let mut breaker = Breaker::new(Config { failures: 1, ..Config::default() });
        let pass = breaker.admit(at(0)).expect("closed");
        breaker.note(pass, down(0), Moment { now: at(0), jitter });
        let kept = breaker.kept("o").expect("open");
        assert_eq!(kept.probe_at.millis_since(at(0)), millis);
        assert_eq!(kept.pause_ms, 15_000, "the next pause doubles what was meant");
    }
}

#[test]
fn one_attempt_finds_out_and_all_others_are_told_so() {
    let mut breaker = Breaker::new(Config { failures: 1, ..Config::default() });
    let early = breaker.admit(at(0)).expect("closed");
    let first = breaker.admit(at(0)).expect("closed");
    breaker.note(first, down(1), moment(1));
    let shut = breaker.admit(at(2)).expect_err("open");
    assert_eq!(shut, Shut { opened: at(1), probe_at: Some(at(16)), in_a_row: 1 });
    assert!(!breaker.is_due(at(15)) && breaker.is_due(at(16)));
    breaker.note(early, News::Alive, moment(3));
    assert_eq!(breaker.state(), BreakerState::Open, "who was let in before has no say");
    let probe = breaker.admit(at(16)).expect("the probe");
    assert!(!breaker.is_due(at(16)));
    assert_eq!(breaker.admit(at(16)).expect_err("one at a time").probe_at, None);
    breaker.note(early, down(17), moment(17));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.note(probe, down(18), moment(18));
    assert_eq!(breaker.admit(at(19)).expect_err("open").in_a_row, 2);
    assert_eq!(breaker.kept("o").expect("open").opened, at(1), "since the first failure");
}

#[test]
fn what_is_kept_is_what_comes_back() {
    let mut breaker = Breaker::new(Config::default());
    for second in 0..5 {
        let pass = breaker.admit(at(second)).expect("closed");
        breaker.note(pass, down(second), moment(second));
    }
    let kept = breaker.kept("https://a.example").expect("open");
    let mut again = Breaker::restored(Config::default(), kept.clone());
    assert_eq!(again.kept("https://a.example").as_ref(), Some(&kept));
    assert!(again.admit(at(5)).is_err());
    let probe = again.admit(at(19)).expect("the probe");
    again.note(probe, down(19), moment(19));
    assert_eq!(again.kept("o").expect("open").pause_ms, 30_000, "the pauses go on doubling");
}

#[test]
fn a_clock_that_was_put_back_does_not_keep_it_open() {
    let mut breaker = Breaker::new(Config { failures: 1, ..Config::default() });
    let pass = breaker.admit(at(86_400)).expect("closed");
    breaker.note(pass, down(86_400), moment(86_400));
    assert!(breaker.admit(at(86_395)).is_err(), "a little is no reason");
    assert!(breaker.is_due(at(0)) && breaker.admit(at(0)).is_ok());
}

#[test]
fn shares_are_parts_of_a_whole() {
    for (text, fits) in
        [("0.5", true), ("1", true), ("1.0", true), ("0", false), ("1.1", false), ("-1", false)]
    {
        let config = toml::from_str::<Config>(&format!("error-rate = {text}"));
        assert_eq!(config.is_ok(), fits, "{text}: {config:?}");
    }
    assert!(Share::try_from(f64::NAN).is_err());
}

#[derive(Clone, Debug)]
enum Act {
    Admit,
    /// Settles one of those that are under way.
    Note(usize, u8),
    Wait(i64),
    Close,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Admit),
        4 => (any::<usize>(), 0..3_u8).prop_map(|(which, news)| Act::Note(which, news)),
        2 => (0..40_i64).prop_map(Act::Wait),
        1 => Just(Act::Close),
    ];
    prop::collection::vec(act, 0..200)
}

proptest! {
    #[test]
    fn no_two_probes_are_under_way_at_once(acts in acts(), failures in 0..4_u32, samples in 0..8_u32) {
        let mut breaker = Breaker::new(Config { failures, samples, ..Config::default() });
        let mut under_way: Vec<(Pass, bool)> = Vec::new();
        let mut now = 0;
        for act in acts {
            match act {
                Act::Admit => if let Ok(pass) = breaker.admit(at(now)) {
                    under_way.push((pass, breaker.state() == BreakerState::HalfOpen));
                },
                Act::Note(which, news) => if !under_way.is_empty() {
                    let (pass, _) = under_way.swap_remove(which % under_way.len());
                    let news = [News::Alive, down(now), News::Nothing][usize::from(news)].clone();
                    breaker.note(pass, news, moment(now));
                },
                Act::Wait(seconds) => now += seconds,
                // An operator's reset leaves a probe behind that nobody waits for any more.
                Act::Close => {
                    breaker.close();
                    under_way.retain(|(_, is_probe)| !is_probe);
                }
            }
            let probes = under_way.iter().filter(|(_, is_probe)| *is_probe).count();
            prop_assert!(probes <= 1);
            prop_assert_eq!(probes == 1, breaker.state() == BreakerState::HalfOpen);
            prop_assert_eq!(breaker.kept("o").is_some(), breaker.state() != BreakerState::Closed);
        }
    }
}
