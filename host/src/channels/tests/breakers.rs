//! What is known of origins, from a channel's requests to the store and back.

use super::*;
use crate::model::BreakerState;

/// A channel to a port where nobody listens.
async fn channel_to_nobody(house: &House) -> Opened {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/api", listener.local_addr().expect("an address"));
    house.channels.create(draft(json!({"url": url}))).await.expect("a channel");
    house.channels.open("one").await.expect("an open channel")
}

async fn fail(opened: &Opened, times: usize) -> String {
    let mut code = String::new();
    for _ in 0..times {
        let meter = Meter::new(Allowance { requests: 1, response_bytes: 1_000 }, CancellationToken::new());
        code = opened.gateway.send(get(), &meter).await.expect_err("nobody is there").code;
    }
    code
}

fn get() -> Request {
    Request {
        method: Method::Get,
        origin: None,
        path: "/".into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        idempotency_key: None,
        timeout: None,
    }
}

#[tokio::test]
async fn a_breaker_is_open_after_a_restart_too() {
    let house = House::new().await;
    let keeper = house.channels.breaker_keeper();
    let opened = channel_to_nobody(&house).await;
    assert_eq!(fail(&opened, 6).await, "breaker.open");
    let stopped = CancellationToken::new();
    stopped.cancel();
    keeper.run(stopped).await;
    let kept = house.store.breakers().list().await.expect("the store");
    assert_eq!((kept.len(), kept[0].origin.as_str()), (1, opened.gateway.origin()));

    let after = house.again(KEY, loopback());
    after.restore_breakers().await.expect("the store");
    let state = after.origins().get(&kept[0].origin).expect("known");
    assert_eq!((state.breaker, state.failures_in_a_row), (BreakerState::Open, 5));
    let opened = after.open("one").await.expect("an open channel");
    assert_eq!(fail(&opened, 1).await, "breaker.open");

    let keeper = after.breaker_keeper();
    assert!(after.origins().close(opened.gateway.origin()));
    let stop = CancellationToken::new();
    let watching = house.store.clone();
    tokio::join!(keeper.run(stop.clone()), async {
        while !watching.breakers().list().await.expect("the store").is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
}

#[tokio::test]
async fn the_origin_of_a_channel_is_known_without_a_request() {
    let house = House::new().await;
    let channel = house.channels.create(draft(json!({"url": "http://LOCALHOST:8080/api"}))).await;
    let channel = channel.expect("a channel");
    assert_eq!(house.channels.origin_of(&channel).as_deref(), Some("http://localhost:8080"));
    assert!(house.channels.origins().list().is_empty(), "and nothing is opened for it");
    let moved = house.channels.edit("one", change(json!({"url": "http://127.0.0.1:9090"}))).await;
    let moved = moved.expect("an edit");
    let opened = house.channels.open("one").await.expect("an open channel");
    assert_eq!(house.channels.origin_of(&moved).as_deref(), Some(opened.gateway.origin()));
    let misfit = Channel { settings: Map::new(), ..moved };
    let misfit = Channel { revision: misfit.revision + 1, ..misfit };
    assert_eq!(house.channels.origin_of(&misfit), None);
    house.bench.remove("desk.wasm");
    house.bench.catalog.reload().await;
    assert_eq!(house.channels.origin_of(&channel), None);
}
