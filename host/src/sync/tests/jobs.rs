//! What becomes of requests, and of runs that do not come to their end.

mod ends;

use super::support::*;
use crate::{
    model::{ChannelName, Class, JobId, Run, RunId, Status, Trigger},
    store::{Batch, Store},
    sync::{Config, Error, Request, opener::Ready},
};
use std::num::NonZeroUsize;

fn named(channel: Ready, text: &str) -> Ready {
    let mut channel = channel;
    channel.channel.name = ChannelName::try_new(text).unwrap();
    channel
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_held_starts_no_job() {
    let host = Host::new();
    let endless = Script::endless();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &endless)]).await;
    let hold = host.sync.hold(&channel.channel).unwrap();
    assert!(matches!(host.sync.request(all_of(&channel)).await, Err(Error::Held(_))));
    assert!(matches!(host.sync.hold(&channel.channel), Err(Error::Held(_))));
    drop(hold);
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    endless.begun(1).await;
    assert_eq!(host.sync.live_job(channel.channel.id), Some(job.id));
    assert!(matches!(host.sync.hold(&channel.channel), Err(Error::Busy(_, id)) if id == job.id));
    host.sync.cancel(job.runs[0].id).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    assert_eq!(host.sync.live_job(channel.channel.id), None);
    assert!(host.sync.hold(&channel.channel).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_deleted_during_a_request_starts_no_job() {
    let host = Host::new();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[]).await;
    let mut request = Box::pin(host.sync.request(all_of(&channel)));
    // The request has opened the channel and looks for its job.
    assert!(futures_util::poll!(&mut request).is_pending());
    host.store.channels().delete(channel.channel.id).await.unwrap();
    assert!(matches!(request.await, Err(Error::Channels(_))));
    assert_eq!(host.store.runs().list(None, None, 10).await.unwrap(), []);
    assert_eq!(host.store.jobs().all().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn whoever_saw_the_end_may_ask_again_at_once() {
    let host = Host::new();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &Script::stream(vec![]))]).await;
    for _ in 0..50 {
        assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_met_leaves_no_rows() {
    let host = Host::new();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[]).await;
    let nobody = Request { connectors: vec![name("user")], ..all_of(&channel) };
    assert!(matches!(host.sync.request(nobody).await, Err(Error::NoConnector { .. })));
    host.take_away(&channel);
    assert!(matches!(host.sync.request(all_of(&channel)).await, Err(Error::Channels(_))));
    assert_eq!(host.store.runs().list(None, None, 10).await.unwrap(), []);
    assert!(matches!(host.sync.wait(JobId::new()).await, Err(Error::NoJob(_))));
    assert!(!host.sync.cancel(RunId::new()).await.unwrap());
    assert_eq!(host.sync.run(RunId::new()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failing_connector_stops_only_those_that_depend_on_it() {
    let host = Host::new();
    let connectors = vec![
        connector("user"),
        connector("organization"),
        after("ticket", "user"),
        after("ticket-comment", "ticket"),
        after("member", "organization"),
    ];
    let channel = ready(connectors);
    let (good, bad) = (
        Script::stream(vec![page(&["1@1=1"])]),
        Script::quick(|_, _| fails(Class::NotFound, "http.status.404")),
    );
    host.offer(&channel, &[("user", &bad), ("organization", &good), ("member", &good)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(
        outcomes(&runs),
        [
            "user failed http.status.404",
            "organization completed",
            "ticket skipped run.dependency",
            "ticket-comment skipped run.dependency",
            "member completed",
        ]
    );
    let error = runs[2].error.as_ref().unwrap();
    assert!(error.message.contains("'user'"), "{error}");
    assert_eq!(error.class, Class::NotFound);
    assert_eq!(runs[2].started, None);
    for run in runs {
        assert_eq!(host.store.runs().get(run.id).await.unwrap(), Some(run));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependency_outside_the_request_is_not_asked_for() {
    let host = Host::new();
    let channel = ready(vec![connector("user"), after("ticket", "user")]);
    host.offer(&channel, &[("ticket", &Script::stream(vec![]))]).await;
    let request = Request { connectors: vec![name("ticket")], ..all_of(&channel) };
    let job = host.sync.request(request).await.unwrap();
    assert_eq!(outcomes(&host.sync.wait(job.id).await.unwrap()), ["ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn records_in_quarantine_do_not_stop_a_dependent_run() {
    let host = Host::new();
    let channel = ready(vec![connector("user"), after("ticket", "user")]);
    let bad = Script::stream(vec![page(&["1@1={"])]);
    host.offer(&channel, &[("user", &bad), ("ticket", &Script::stream(vec![]))]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["user completed-with-warnings", "ticket completed"]);
}

fn one_at_a_time() -> Config {
    Config { channels_at_once: NonZeroUsize::MIN, ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn no_more_channels_sync_at_once_than_are_allowed() {
    let host = Host::with(one_at_a_time(), Store::in_memory());
    let (first, second) = (Script::endless(), Script::stream(vec![page(&["1@1=1"])]));
    let one = named(ready(vec![connector("user")]), "one");
    let two = named(ready(vec![connector("user")]), "two");
    host.offer(&one, &[("user", &first)]).await;
    host.offer(&two, &[("user", &second)]).await;
    let running = host.sync.request(all_of(&one)).await.unwrap();
    first.begun(1).await;
    let waiting = host.sync.request(all_of(&two)).await.unwrap();
    let status = host.sync.run(waiting.runs[0].id).await.unwrap().unwrap().status;
    assert_eq!((status, second.asked().len()), (Status::Queued, 0));
    host.sync.cancel(running.runs[0].id).await.unwrap();
    assert_eq!(outcomes(&host.sync.wait(waiting.id).await.unwrap()), ["user completed"]);
}

/// A job that had to wait finds the channel as it is then.
async fn check_changed_while_waiting(change: impl Fn(&Host, &Ready), expected: &str) {
    let host = Host::with(one_at_a_time(), Store::in_memory());
    let blocker = Script::endless();
    let (one, two) = (ready(vec![connector("user")]), ready(vec![connector("user")]));
    let (one, two) = (named(one, "one"), named(two, "two"));
    host.offer(&one, &[("user", &blocker)]).await;
    host.offer(&two, &[("user", &Script::stream(vec![]))]).await;
    let running = host.sync.request(all_of(&one)).await.unwrap();
    blocker.begun(1).await;
    let waiting = host.sync.request(all_of(&two)).await.unwrap();
    change(&host, &two);
    host.sync.cancel(running.runs[0].id).await.unwrap();
    assert_eq!(outcomes(&host.sync.wait(waiting.id).await.unwrap()), [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waited_opens_the_channel_again() {
    check_changed_while_waiting(|_, _| (), "user completed").await;
    check_changed_while_waiting(|host, channel| host.take_away(channel), "user failed channel.failed").await;
    let disable = |host: &Host, channel: &Ready| {
        let mut channel = channel.clone();
        channel.channel.enabled = false;
        host.put(&channel);
    };
    check_changed_while_waiting(disable, "user cancelled run.disabled").await;
    let another = |host: &Host, channel: &Ready| {
        host.put(&named(ready(vec![connector("user")]), channel.channel.name.as_str()));
    };
    check_changed_while_waiting(another, "user failed channel.failed").await;
    let without = |host: &Host, channel: &Ready| {
        let offered = ready(vec![connector("other")]).channel_type;
        host.put(&Ready { channel_type: offered, ..channel.clone() });
    };
    check_changed_while_waiting(without, "user failed run.connector-gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_run_and_not_the_host() {
    let host = Host::new();
    let channel = ready(vec![connector("user"), after("ticket", "user")]);
    // There is no script for 'user', and asking for its source panics over that.
    host.offer(&channel, &[]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["user failed run.panic", "ticket skipped run.dependency"]);
    let panics = Script::quick(|_, _| panic!("as the script says"));
    let good = Script::stream(vec![]);
    host.offer(&channel, &[("user", &panics), ("ticket", &good)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["user failed run.panic", "ticket skipped run.dependency"]);
    host.offer(&channel, &[("user", &good), ("ticket", &good)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["user completed", "ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_requester_who_leaves_loses_nothing() {
    let host = Host::new();
    let script = Script::stream(vec![page(&["1@1=1"])]);
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    for polls in 0..20 {
        let mut request = Box::pin(host.sync.request(all_of(&channel)));
        for _ in 0..polls {
            if futures_util::poll!(&mut request).is_ready() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        drop(request);
        host.finished().await;
    }
    let runs = host.store.runs().list(None, None, 100).await.unwrap();
    assert!(!runs.is_empty());
    assert!(runs.iter().all(|run| run.status == Status::Completed), "{:?}", outcomes(&runs));
}

#[tokio::test(start_paused = true)]
async fn history_shows_live_runs_as_they_stand() {
    let host = Host::new();
    let endless = Script::endless();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    endless.begun(1).await;
    let runs = host.sync.runs(Some(channel.channel.id), None, 10).await.unwrap();
    assert_eq!(
        runs.iter().map(|run| (run.id, run.status)).collect::<Vec<_>>(),
        [(job.runs[0].id, Status::Running)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_runs_of_an_old_job_are_found() {
    let host = Host::new();
    let channel = ready(vec![connector("a"), connector("b")]);
    let script = Script::stream(vec![]);
    host.offer(&channel, &[("a", &script), ("b", &script)]).await;
    let mut jobs = Vec::new();
    for _ in 0..150 {
        jobs.push(host.sync(&channel).await);
    }
    for runs in [&jobs[0], &jobs[75], &jobs[149]] {
        assert_eq!(&host.sync.wait(runs[0].job).await.unwrap(), runs);
    }
}

#[tokio::test(start_paused = true)]
async fn the_trigger_is_kept() {
    let host = Host::new();
    let channel = host.offer(&ready(vec![connector("a")]), &[("a", &Script::stream(vec![]))]).await;
    let request = Request { trigger: Trigger::Schedule, ..all_of(&channel) };
    let job = host.sync.request(request).await.unwrap();
    assert_eq!(host.sync.wait(job.id).await.unwrap()[0].trigger, Trigger::Schedule);
}

#[tokio::test(start_paused = true)]
async fn runs_without_a_job_are_closed_as_interrupted() {
    let host = Host::new();
    let channel = host.offer(&ready(vec![connector("a")]), &[("a", &Script::stream(vec![]))]).await;
    let ended = host.sync(&channel).await.remove(0);
    let store = host.store.clone();
    host.stop().await;
    let odd = Run { id: RunId::new(), job: JobId::new(), status: Status::Running, ended: None, ..ended };
    let mut batch = Batch::default();
    batch.put_run(&odd);
    store.commit(batch).await.unwrap();
    let host = Host::on(&store);
    host.stop().await;
    assert_eq!(store.runs().live().await.unwrap(), []);
    let closed = store.runs().get(odd.id).await.unwrap().unwrap();
    assert_eq!(outcomes(&[closed]), ["a failed run.interrupted"]);
}
