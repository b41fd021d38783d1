//! What becomes of requests that meet a job, of runs that fail, and of hosts that die.

use super::support::*;
use crate::{
    model::{Class, Direction, Failure, HostId, Migrated, Parallel, Status, Trigger},
    sandbox::Outcome,
    store::Store,
    sync::{Config, Request, prober::Ailing},
};
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Fails as long as the switch is on, then delivers one record.
fn switched(class: Class, code: &'static str) -> (Arc<AtomicBool>, Arc<Script>) {
    let bad = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&bad);
    let script = Script::quick(move |_, ask| {
        if switch.load(Ordering::SeqCst) {
            fails(class, code)
        } else {
            ok(page_of(&[page(&["1@1=1"])], &ask))
        }
    });
    (bad, script)
}

#[tokio::test(start_paused = true)]
async fn requests_during_a_job_become_one_that_follows_it() {
    let host = Host::new();
    let gate = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&gate);
    let slow = Script::new(move |_, ask| {
        let open = Arc::clone(&open);
        Box::pin(async move {
            while !open.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            ok(page_of(&[], &ask))
        })
    });
    let channel = ready(vec![connector("user"), connector("ticket"), connector("group")]);
    host.offer(&channel, &[("user", &slow), ("ticket", &slow), ("group", &slow)]).await;
    let user = Request { connectors: vec![name("user")], ..all_of(&channel) };
    let first = host.sync.request(user.clone()).await.unwrap();
    assert_eq!((first.after, first.runs.len()), (None, 1));
    slow.begun(1).await;

    let scheduled = Request { trigger: Trigger::Schedule, ..user.clone() };
    let second = host.sync.request(scheduled).await.unwrap();
    assert_eq!((second.after, second.runs.len()), (Some(first.id), 0), "the caller is told so");
    let full = Request { connectors: vec![name("ticket")], full: true, record: true, ..all_of(&channel) };
    let third = host.sync.request(full).await.unwrap();
    assert_eq!((third.id, third.after), (second.id, Some(first.id)), "both are one");
    assert!(!host.sync.job(second.id).await.unwrap().unwrap().is_over);
    // The rows decide, whatever the index knows.
    host.sync.shared.queue.load().await.unwrap();
    host.sync.shared.queue.leave(channel.channel.id, Direction::Import);
    let found = host.sync.job(second.id).await.unwrap().expect("it is there");
    assert_eq!((found.after, found.is_over), (Some(first.id), false));

    gate.store(true, Ordering::SeqCst);
    let runs = host.sync.wait(second.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["user completed", "ticket completed"], "all that each asked for");
    assert!(runs.iter().all(|run| run.full && run.record && run.trigger == Trigger::Request));
    assert_eq!(host.store.runs().list(None, None, 10).await.unwrap().len(), 3);
    assert_eq!(host.store.jobs().all().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_request_joins_a_job_that_has_not_begun() {
    let host =
        Host::with(Config { channels_at_once: NonZeroUsize::MIN, ..Config::default() }, Store::in_memory());
    let (endless, good) = (Script::endless(), Script::stream(vec![]));
    let mut blocker = ready(vec![connector("a")]);
    blocker.channel.name = "blocker".parse().unwrap();
    host.offer(&blocker, &[("a", &endless)]).await;
    let running = host.sync.request(all_of(&blocker)).await.unwrap();
    endless.begun(1).await;

    let channel = ready(vec![connector("user"), connector("ticket")]);
    host.offer(&channel, &[("user", &good), ("ticket", &good)]).await;
    let tick = Request { connectors: vec![name("ticket")], trigger: Trigger::Schedule, ..all_of(&channel) };
    let first = host.sync.request(tick).await.unwrap();
    assert!(!first.runs[0].record);
    let second = host.sync.request(Request { record: true, ..all_of(&channel) }).await.unwrap();
    assert_eq!((second.id, second.after), (first.id, None));
    assert_eq!(second.runs[1].id, first.runs[0].id, "the run that was promised is the same");
    assert!(second.runs.iter().all(|run| run.record && run.trigger == Trigger::Request));

    host.sync.cancel(running.runs[0].id).await.unwrap();
    assert_eq!(outcomes(&host.sync.wait(first.id).await.unwrap()), ["user completed", "ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_put_off_while_the_remote_fails_and_then_completes() {
    let host = Host::new();
    let (bad, script) = switched(Class::Transient, "net.connect");
    let good = Script::stream(vec![page(&["1@1=1"])]);
    let channel = ready(vec![connector("user"), after("ticket", "user"), connector("group")]);
    host.offer(&channel, &[("user", &script), ("ticket", &good), ("group", &good)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let run = host.reaches(job.runs[0].id, Status::Deferred).await;
    let deferred = run.deferred.clone().unwrap();
    assert_eq!((deferred.reason.code.as_str(), run.tries, run.error), ("net.connect", 1, None));
    let pause = deferred.until.millis_since(host.clock.now());
    assert!((59_000..=75_000).contains(&pause), "{pause}");
    let others = [1, 2].map(|at: usize| host.sync.run(job.runs[at].id));
    let [ticket, group] = futures_util::future::join_all(others).await.try_into().unwrap();
    assert_eq!(ticket.unwrap().unwrap().status, Status::Queued, "it waits for the one that is put off");
    assert_eq!(group.unwrap().unwrap().status, Status::Completed, "nothing keeps this one");
    assert_eq!(host.sync.live_job(channel.channel.id), None, "no worker is held");

    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let run = host.sync.run(job.runs[0].id).await.unwrap().unwrap();
    let since = run.deferred.unwrap().since;
    assert_eq!(since, deferred.since, "it is told since when");
    assert!((8..20).contains(&script.asked().len()), "pauses grow: {}", script.asked().len());
    bad.store(false, Ordering::SeqCst);
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["user completed", "ticket completed", "group completed"]);
    assert_eq!((runs[0].tries, runs[0].deferred.clone()), (0, None));
    assert_eq!(host.store.runs().list(None, None, 10).await.unwrap().len(), 3, "they are the same runs");
}

#[tokio::test(start_paused = true)]
async fn a_person_s_request_does_not_wait_for_the_end_of_a_pause() {
    let host = Host::new();
    let (bad, script) = switched(Class::Transient, "net.connect");
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    host.reaches(job.runs[0].id, Status::Deferred).await;
    bad.store(false, Ordering::SeqCst);
    let asked = tokio::time::Instant::now();
    let joined = host.sync.request(all_of(&channel)).await.unwrap();
    assert_eq!((joined.id, joined.after), (job.id, None));
    assert_eq!(outcomes(&host.sync.wait(job.id).await.unwrap()), ["ticket completed"]);
    assert!(asked.elapsed() < Duration::from_secs(5));

    bad.store(true, Ordering::SeqCst);
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    host.reaches(job.runs[0].id, Status::Deferred).await;
    let full = host.sync.request(Request { full: true, ..all_of(&channel) }).await.unwrap();
    assert_eq!(full.after, Some(job.id), "a full sync is more than what is put off");
    bad.store(false, Ordering::SeqCst);
    assert!(host.sync.wait(full.id).await.unwrap()[0].full);
}

#[tokio::test(start_paused = true)]
async fn what_the_remote_asks_for_is_waited_for() {
    let host = Host::new();
    let script = Script::quick(|step, ask| match step {
        0 => Outcome {
            result: Err(
                Failure::new(Class::RateLimited, "http.status.429", "no").retry_after_ms(Some(50_000))
            ),
            ..ok(page(&[]))
        },
        _ => ok(page_of(&[], &ask)),
    });
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let began = tokio::time::Instant::now();
    let run = host.sync(&channel).await.remove(0);
    assert_eq!(run.status, Status::Completed);
    let took = began.elapsed().as_secs();
    assert!((50..=56).contains(&took), "{took}");
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_pause_the_channel_until_a_run_goes_well() {
    let host = Host::new();
    let (bad, script) = switched(Class::Auth, "http.status.401");
    let channel = ready(vec![connector("user"), connector("ticket")]);
    host.offer(&channel, &[("user", &script), ("ticket", &script)]).await;
    let paused = || host.shelf.channel(&channel.channel.name).paused.map(|paused| paused.message);
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["user failed http.status.401", "ticket skipped run.paused"]);
    assert_eq!((paused().as_deref(), script.asked().len()), (Some("as the script says"), 1));

    bad.store(false, Ordering::SeqCst);
    assert_eq!(outcomes(&host.sync(&channel).await), ["user completed", "ticket completed"]);
    assert_eq!(paused(), None);
}

#[tokio::test(start_paused = true)]
async fn replaced_settings_are_kept_until_a_run_goes_well() {
    let host = Host::new();
    let (bad, script) = switched(Class::InvalidData, "as.it.is");
    let mut channel = ready(vec![connector("user")]);
    channel.channel.migrated = Some(Migrated {
        from: "0.9.0".into(),
        at: host.clock.now(),
        settings: serde_json::Map::new(),
        secrets: BTreeMap::new(),
    });
    host.offer(&channel, &[("user", &script)]).await;
    let kept = || host.shelf.channel(&channel.channel.name).migrated.is_some();
    assert_eq!(outcomes(&host.sync(&channel).await), ["user failed as.it.is"]);
    assert!(kept());
    bad.store(false, Ordering::SeqCst);
    assert_eq!(outcomes(&host.sync(&channel).await), ["user completed"]);
    assert!(!kept());
}

#[tokio::test(start_paused = true)]
async fn a_trap_is_tried_once_more_from_the_last_page() {
    let host = Host::new();
    let traps = |count: usize| {
        let left = AtomicUsize::new(count);
        Script::quick(move |_, ask| {
            let pages = [page(&["1@1=1"]), page(&["2@1=1"])];
            let at_second = ask.cursor.is_some();
            if at_second
                && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
            {
                return fails(Class::Internal, "trap.unreachable");
            }
            ok(page_of(&pages, &ask))
        })
    };
    let check = async |count, expected: &str, steps| {
        let (host, script) = (Host::new(), traps(count));
        let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
        let runs = host.sync(&channel).await;
        assert_eq!(outcomes(&runs), [expected]);
        assert_eq!(script.asked().len(), steps);
        assert_eq!(runs[0].counters.added, if steps > 3 || count < 2 { 2 } else { 1 });
    };
    check(1, "ticket completed", 3).await;
    check(2, "ticket failed trap.unreachable", 3).await;
    host.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_never_answers_is_ended_at_its_deadline() {
    let host = Host::new();
    let deaf = Script::new(|_, _| Box::pin(std::future::pending()));
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &deaf)]).await;
    let began = tokio::time::Instant::now();
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket failed run.stuck"]);
    assert_eq!((began.elapsed().as_secs(), deaf.asked().len()), (600, 2));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_host_died_is_taken_over_by_another_one() {
    let store = Store::in_memory();
    let pages = vec![page(&["1@1=1"]), page(&["2@1=1"])];
    let stuck = Script::new(move |step, ask| {
        let page = page_of(&pages, &ask);
        Box::pin(async move {
            if step == 1 {
                std::future::pending::<()>().await;
            }
            ok(page)
        })
    });
    let dying = Host::on(&store);
    let channel = dying.offer(&ready(vec![connector("ticket")]), &[("ticket", &stuck)]).await;
    let job = dying.sync.request(all_of(&channel)).await.unwrap();
    stuck.begun(2).await;

    let good = Script::stream(vec![page(&["1@1=1"]), page(&["2@1=1"])]);
    let other = Host::of(HostId::new(), Config::default(), store.clone());
    other.offer(&channel, &[("ticket", &good)]).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(good.asked().len(), 0, "who lives keeps its lease");

    dying.kill().await;
    let runs = other.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["ticket completed"]);
    assert_eq!(good.asked()[0].cursor.as_deref(), Some("1"));
    assert_eq!(other.records(&channel, "ticket").await, ["1@1=1", "2@1=1"]);
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_writes_nothing_any_more() {
    let store = Store::in_memory();
    let host = Host::on(&store);
    let slow = Script::new(|_, ask| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            ok(page_of(&[page(&["1@1=1"])], &ask))
        })
    });
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &slow)]).await;
    host.sync.request(all_of(&channel)).await.unwrap();
    slow.begun(1).await;
    let found = store.leases().get(channel.channel.id, crate::model::Direction::Import).await.unwrap();
    let thief = crate::store::Owner { host: HostId::new(), life: HostId::new() };
    let lease = crate::store::Lease {
        channel: channel.channel.id,
        direction: crate::model::Direction::Import,
        token: found.token + 1,
        owner: thief,
    };
    let mut batch = crate::store::Batch::new();
    batch.claim_lease(&found, &lease, host.clock.now().plus(Duration::from_secs(3_600)));
    store.commit(batch).await.unwrap();

    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(host.records(&channel, "ticket").await, Vec::<String>::new());
    let run = store.runs().list(None, None, 1).await.unwrap().remove(0);
    assert!(!run.status.has_ended(), "it is the other one's run now");
    assert_eq!(host.sync.live_job(channel.channel.id), None);
}

#[tokio::test(start_paused = true)]
async fn a_long_channel_does_not_keep_the_small_ones_waiting() {
    let config = Config { channels_at_once: NonZeroUsize::MIN, ..Config::default() };
    let host = Host::with(config, Store::in_memory());
    let slow = |pages: usize| {
        let pages: Vec<_> = (0..pages).map(|at| page(&[&format!("{at}@1=1")])).collect();
        Script::new(move |_, ask| {
            let page = page_of(&pages, &ask);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                ok(page)
            })
        })
    };
    let (long, short) = (slow(100), slow(1));
    let big = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &long)]).await;
    let big = host.sync.request(all_of(&big)).await.unwrap();
    long.begun(1).await;
    let mut small = Vec::new();
    for at in 0..10 {
        let mut channel = ready(vec![connector("ticket")]);
        channel.channel.name = format!("small-{at}").parse().unwrap();
        host.offer(&channel, &[("ticket", &short)]).await;
        small.push(host.sync.request(all_of(&channel)).await.unwrap().id);
    }
    for job in small {
        assert_eq!(outcomes(&host.sync.wait(job).await.unwrap()), ["ticket completed"]);
    }
    let run = host.sync.run(big.runs[0].id).await.unwrap().unwrap();
    assert!(run.status == Status::Running && run.pages < 10, "{} after {} pages", run.status, run.pages);
    assert_eq!(outcomes(&host.sync.wait(big.id).await.unwrap()), ["ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn connectors_go_side_by_side_where_the_channel_allows_it() {
    let check = async |parallel: u64, seconds: u64| {
        let host = Host::new();
        let slow = Script::new(|_, ask| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                ok(page_of(&[], &ask))
            })
        });
        let mut channel = ready(vec![connector("user"), after("ticket", "user"), connector("group")]);
        channel.channel.parallel = Parallel::try_new(parallel).unwrap();
        host.offer(&channel, &[("user", &slow), ("ticket", &slow), ("group", &slow)]).await;
        let began = tokio::time::Instant::now();
        let runs = host.sync(&channel).await;
        assert_eq!(outcomes(&runs), ["user completed", "ticket completed", "group completed"]);
        assert_eq!(began.elapsed().as_secs(), seconds, "{parallel} at once");
    };
    check(1, 180).await;
    check(2, 120).await;
    check(3, 120).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_put_off_can_be_cancelled() {
    let host = Host::new();
    let (_bad, script) = switched(Class::Transient, "net.connect");
    let channel = ready(vec![connector("user"), after("ticket", "user")]);
    host.offer(&channel, &[("user", &script)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    host.reaches(job.runs[0].id, Status::Deferred).await;
    assert!(host.sync.cancel(job.runs[0].id).await.unwrap());
    assert!(!host.sync.cancel(job.runs[0].id).await.unwrap());
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["user cancelled run.cancelled", "ticket skipped run.dependency"]);
    assert_eq!(host.store.jobs().all().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn runs_wait_for_an_origin_that_is_left_alone_and_go_on_when_it_is_back() {
    let mut host = Host::new();
    host.probe();
    let origin = "https://remote.example";
    let (bad, script) = switched(Class::Transient, "breaker.open");
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let start = host.clock.now();
    let probe_at = |seconds| start.plus(Duration::from_secs(seconds));
    let ailing = |probe_at| vec![Ailing { origin: origin.into(), probe_at }];
    host.shelf.ail(ailing(probe_at(30)));
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let run = host.reaches(job.runs[0].id, Status::Deferred).await;
    assert_eq!((run.tries, run.deferred.unwrap().until), (0, probe_at(30)), "no attempt is burnt");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(host.shelf.probed.lock().unwrap().len(), 0);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(host.shelf.probed.lock().unwrap().first(), Some(&channel.channel.id), "its check asks");

    host.shelf.ail(ailing(probe_at(60)));
    let run = host.sync.run(job.runs[0].id).await.unwrap().unwrap();
    assert_eq!(run.deferred.unwrap().until, probe_at(60), "it tells when the origin is asked next");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(script.asked().len(), 1, "no run asks");
    bad.store(false, Ordering::SeqCst);
    host.shelf.ail(Vec::new());
    let back = tokio::time::Instant::now();
    assert_eq!(outcomes(&host.sync.wait(job.id).await.unwrap()), ["ticket completed"]);
    assert!(back.elapsed() < Duration::from_secs(1));
}
