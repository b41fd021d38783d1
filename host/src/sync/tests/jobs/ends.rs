//! Jobs that end early: cancelled, stopped with the host, or killed with it.

use super::*;

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_step_in_flight_and_drops_its_page() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket"), after("comment", "ticket")]);
    let pages = vec![page(&["1@1=1"]), page(&["2@1=1"])];
    let script = Script::new(move |step, ask| {
        let page = page_of(&pages, &ask);
        Box::pin(async move {
            if step == 1 {
                ask.cancel.cancelled().await;
            }
            // Even a guest that answers after all is too late.
            ok(page)
        })
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let mut view = host.follow(job.runs[0].id).await;
    view.wait_for(|run| run.pages == 1).await.unwrap();
    script.begun(2).await;
    let asked_at = tokio::time::Instant::now();
    assert!(host.sync.cancel(job.runs[0].id).await.unwrap());
    let runs = host.sync.wait(job.id).await.unwrap();
    assert!(asked_at.elapsed() < std::time::Duration::from_secs(1));
    assert_eq!(outcomes(&runs), ["ticket cancelled run.cancelled", "comment skipped run.dependency"]);
    assert_eq!(host.records(&channel, "ticket").await, ["1@1=1"]);
    assert_eq!(host.cursor(&channel, "ticket").await.as_deref(), Some("1"));
    assert_eq!(runs[0].usage.steps, 2, "what the dropped step used counts");
    assert!(!host.sync.cancel(job.runs[0].id).await.unwrap(), "it has ended");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_does_not_listen_is_left_behind_within_a_second() {
    let host = Host::new();
    let deaf = Script::new(|_, _| Box::pin(std::future::pending()));
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &deaf)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    deaf.begun(1).await;
    let asked_at = tokio::time::Instant::now();
    host.sync.cancel(job.runs[0].id).await.unwrap();
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["ticket cancelled run.cancelled"]);
    assert!(asked_at.elapsed() < std::time::Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_not_begun_is_cancelled_at_once() {
    let host = Host::new();
    let endless = Script::endless();
    let channel = ready(vec![connector("user"), connector("ticket")]);
    host.offer(&channel, &[("user", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    endless.begun(1).await;
    assert!(host.sync.cancel(job.runs[1].id).await.unwrap());
    let mut view = host.sync.follow(job.runs[1].id).unwrap();
    let ticket = view.wait_for(|run| run.status.has_ended()).await.unwrap().clone();
    assert_eq!(outcomes(&[ticket]), ["ticket cancelled run.cancelled"]);
    let user = host.sync.run(job.runs[0].id).await.unwrap().unwrap();
    assert_eq!(user.status, Status::Running);
    host.sync.cancel(user.id).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_runs_at_a_page_border_and_the_next_start_goes_on_with_them() {
    let store = Store::in_memory();
    let host = Host::with(one_at_a_time(), store.clone());
    let pages = vec![page(&["1@1=1"]), page(&["2@1=1"])];
    let running = Script::new(move |step, ask| {
        let page = page_of(&pages, &ask);
        Box::pin(async move {
            if step == 1 {
                ask.cancel.cancelled().await;
            }
            ok(page)
        })
    });
    let channel = ready(vec![connector("user"), connector("ticket")]);
    host.offer(&channel, &[("user", &running)]).await;
    let waiting = named(ready(vec![connector("user")]), "other");
    host.offer(&waiting, &[]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    running.begun(2).await;
    let other = host.sync.request(all_of(&waiting)).await.unwrap();
    let sync = host.sync.clone();
    host.stop().await;

    let mut runs = store.runs().list(None, None, 10).await.unwrap();
    runs.reverse();
    assert_eq!(outcomes(&runs), ["user queued", "ticket queued", "user queued"]);
    assert_eq!((counted(&runs[0]), runs[0].ended), ("1a 0u 0s 0d 0q".into(), None));
    assert!(matches!(sync.request(all_of(&channel)).await, Err(Error::Stopping)));

    let host = Host::on(&store);
    let good = Script::stream(vec![page(&["1@1=1"]), page(&["2@1=1"])]);
    host.offer(&channel, &[("user", &good), ("ticket", &good)]).await;
    host.offer(&waiting, &[("user", &Script::stream(vec![]))]).await;
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["user completed", "ticket completed"]);
    assert_eq!(good.asked()[0].cursor.as_deref(), Some("1"), "it goes on where it was");
    assert_eq!((counted(&runs[0]), runs[0].pages), ("2a 0u 0s 0d 0q".into(), 2));
    assert_eq!(outcomes(&host.sync.wait(other.id).await.unwrap()), ["user completed"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_host_was_doing_goes_on() {
    let store = Store::in_memory();
    let host = Host::on(&store);
    let endless = Script::endless();
    let channel = ready(vec![connector("user"), connector("ticket")]);
    host.offer(&channel, &[("user", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    endless.begun(1).await;
    host.kill().await;
    assert_eq!(store.runs().live().await.unwrap().len(), 2);

    let host = Host::on(&store);
    let done = Script::stream(vec![]);
    host.offer(&channel, &[("user", &done), ("ticket", &done)]).await;
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["user completed", "ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_long_has_its_opening_row() {
    let host = Host::new();
    let endless = Script::endless();
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    endless.begun(1).await;
    tokio::time::advance(std::time::Duration::from_millis(101)).await;
    let stored = || async { host.store.runs().get(job.runs[0].id).await.unwrap().unwrap() };
    while stored().await.status == Status::Queued {
        tokio::task::yield_now().await;
    }
    assert!(stored().await.started < Some(host.clock.now()), "it says when it began");
}
