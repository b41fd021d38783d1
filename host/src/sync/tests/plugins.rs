//! What jobs and their plugins have to do with each other, and requests whose callers leave.

use super::support::*;
use crate::{
    metrics,
    model::{Class, Failure, Status},
    store::Store,
    sync::Config,
};
use futures_util::FutureExt;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

fn objection(code: &str) -> Option<Failure> {
    Some(Failure::new(Class::Config, code, "as the test says"))
}

#[tokio::test(start_paused = true)]
async fn a_job_goes_on_as_soon_as_its_plugin_is_back_or_released() {
    for code in ["plugin.missing", "plugin.quarantined"] {
        let host = Host::new();
        let script = Script::stream(vec![page(&["1@1=1"])]);
        let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
        host.shelf.object(objection(code));
        let job = host.sync.request(all_of(&channel)).await.unwrap();
        let put_off = host.reaches(job.runs[0].id, Status::Deferred).await.deferred.unwrap();
        assert_eq!(put_off.reason.code, code);
        // Another plugin came; this one is still not there.
        host.shelf.object(objection(code));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(script.asked().len(), 0);
        let since = Instant::now();
        host.shelf.object(None);
        assert_eq!(outcomes(&host.sync.wait(job.id).await.unwrap()), ["ticket completed"]);
        assert!(since.elapsed() < Duration::from_secs(2), "{code}: {:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_plugin_came_back_while_the_host_was_down_goes_on_at_its_start() {
    let store = Store::in_memory();
    let script = Script::stream(vec![page(&["1@1=1"])]);
    let before = Host::on(&store);
    let channel = before.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    before.shelf.object(objection("plugin.missing"));
    let job = before.sync.request(all_of(&channel)).await.unwrap();
    before.reaches(job.runs[0].id, Status::Deferred).await;
    before.stop().await;

    let since = Instant::now();
    let after = Host::on(&store);
    after.offer(&channel, &[("ticket", &script)]).await;
    assert_eq!(outcomes(&after.sync.wait(job.id).await.unwrap()), ["ticket completed"]);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn runs_of_a_channel_that_cannot_be_opened_are_counted() {
    let host = Host::new();
    let script = Script::stream(vec![page(&["1@1=1"])]);
    let channel = host.offer(&ready(vec![connector("unopened")]), &[("unopened", &script)]).await;
    host.shelf.object(objection("settings.misfit"));
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    assert_eq!(outcomes(&host.sync.wait(job.id).await.unwrap()), ["unopened failed settings.misfit"]);
    let shown = metrics::exposition();
    let counted = |line: &str| line.contains(r#"connector="unopened",status="failed"} 1"#);
    assert!(shown.lines().any(counted), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_told_of_pages_that_land_and_of_no_others() {
    let host = Host::new();
    let script = Script::quick(|step, ask| match step {
        2 => fails(Class::InvalidData, "vendor.odd"),
        _ => ok(page_of(&[page(&["1@1=1"]), page(&["2@1=1"]), page(&["3@1=1"])], &ask)),
    });
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
    assert_eq!((script.asked().len(), script.landed.load(Ordering::SeqCst)), (4, 3));

    let dry = Script::stream(vec![page(&["1@1=1"])]);
    host.offer(&channel, &[("ticket", &dry)]).await;
    let mut rehearsal = host.sync.rehearse(&all_of(&channel), 9, &CancellationToken::new()).await.unwrap();
    while rehearsal.next().await.is_some() {}
    assert_eq!((dry.asked().len(), dry.landed.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_leaves_is_done_soon_or_was_never_made() {
    let (mut made, mut not_made) = (0, 0);
    for polls in 0..40 {
        let host = Host::with(Config::default(), Store::in_memory());
        let script = Script::stream(vec![page(&["1@1=1"])]);
        let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
        let mut request = Box::pin(host.sync.request(all_of(&channel)));
        for _ in 0..polls {
            if request.as_mut().now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(request);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(host.store.jobs().all().await.unwrap(), [], "after {polls} polls: it waits for nobody");
        match host.store.runs().list(None, None, 10).await.unwrap().as_slice() {
            [] => not_made += 1,
            [run] => {
                assert_eq!(run.status, Status::Completed);
                made += 1;
            }
            more => panic!("{more:?}"),
        }
    }
    assert!(made > 0 && not_made > 0, "{made} {not_made}");
}
