//! A change for which every step fails, whatever goes out with it.

use super::*;

async fn choked() -> (Host, Ready, Remote) {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.chokes_on("too-much");
    for (key, payload) in [
        ("a", json!({"n": 1})),
        ("b", json!({"too-much": 1})),
        ("c", json!({"n": 3})),
        ("d", json!({"n": 4})),
    ] {
        host.put_record(&channel, key, payload).await;
    }
    (host, channel, remote)
}

#[tokio::test(start_paused = true)]
async fn the_change_that_steps_fail_for_is_found_and_waits_for_a_person() {
    let (host, channel, remote) = choked().await;
    for _ in 0..4 {
        host.export(&channel).await;
    }
    let there: Vec<_> = remote.records().into_values().collect();
    assert_eq!(there, [json!({"n": 1}), json!({"n": 3}), json!({"n": 4})], "the others get there");
    let row =
        host.store.outbox().get(channel.channel.id, &ticket(), &support_key("b")).await.unwrap().unwrap();
    let code = row.failure.as_ref().map(|failure| failure.code.as_str());
    assert_eq!((row.refused, code, row.sent.is_some()), (true, Some("limit.memory"), true));
    let run = host.export(&channel).await;
    assert_eq!(run.status, Status::Completed, "it is not tried any more");
}

#[tokio::test(start_paused = true)]
async fn it_goes_out_as_soon_as_it_is_mended() {
    let (host, channel, remote) = choked().await;
    for _ in 0..4 {
        host.export(&channel).await;
    }
    remote.chokes_on("nothing");
    let refused = crate::sync::Sieve { refused: true, ..Default::default() };
    assert_eq!(host.sync.local().retry(&channel.channel.name, &refused).await.unwrap(), 1);
    host.export(&channel).await;
    assert_eq!(host.waiting(&channel).await, []);
    assert_eq!(remote.records().len(), 4, "nothing is there twice");
}
