//! Many requests: order, parallelism, connections, budgets, cancelling.

use super::{server::Then, *};
use crate::model::Class;
use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};
use tokio::sync::Barrier;

#[tokio::test]
async fn requests_one_after_another_share_one_connection() {
    let server = Server::start(|seen| {
        let reply = match seen.number % 4 {
            0 => Reply::ok(b"fine"),
            1 => Reply::with(404, &[], b"none"),
            2 => Reply::with(401, &[], b"a failure with words"),
            _ => Reply::ok(&[b'x'; 300_000]),
        };
        std::future::ready(reply)
    })
    .await;
    let gateway = gateway(&server, "");
    for _ in 0..12 {
        let _ = gateway.clone().send(get("/"), &meter()).await;
    }
    assert_eq!((server.requests(), server.connections()), (12, 1));
}

#[tokio::test]
async fn gateways_share_no_connections() {
    let server = Server::start(|_| std::future::ready(Reply::ok(b"fine"))).await;
    let broker = broker(LOOPBACK, Table::default());
    for _ in 0..2 {
        let gateway = broker.gateway(scope(&server.url())).expect("allowed");
        gateway.send(get("/"), &meter()).await.expect("answered");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn send_all_answers_in_order_and_in_parallel() {
    // Nobody is answered before two are there: one at a time would wait for ever.
    let (barrier, most, now) =
        (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen_at_once = most.clone();
    let server = Server::start(move |seen| {
        let (barrier, most, now) = (barrier.clone(), most.clone(), now.clone());
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            barrier.wait().await;
            now.fetch_sub(1, SeqCst);
            match seen.path() {
                "/3" => Reply::status(401),
                path => Reply::ok(path.as_bytes()),
            }
        }
    })
    .await;
    let scope = Scope { concurrency: 2, ..scope(&server.url()) };
    let gateway = broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed");
    let answers = gateway.send_all((0..20).map(|n| get(&format!("/{n}"))).collect(), &meter()).await;
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(response) => assert_eq!(response.body, format!("/{n}")),
            Err(failure) => assert_eq!((n, failure.code.as_str()), (3, "http.status.401")),
        }
    }
    assert_eq!((answers.len(), seen_at_once.load(SeqCst)), (20, 2));
}

#[tokio::test]
async fn clones_share_the_concurrency() {
    let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let at_once = most.clone();
    let server = Server::start(move |_| {
        let (most, now) = (most.clone(), now.clone());
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, SeqCst);
            Reply::ok(b"fine")
        }
    })
    .await;
    let scope = Scope { concurrency: 3, ..scope(&server.url()) };
    let one = broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed");
    let other = one.clone();
    let requests = || (0..10).map(|_| get("/")).collect();
    let (first, second) = (meter(), meter());
    let (first, second) = tokio::join!(one.send_all(requests(), &first), other.send_all(requests(), &second));
    assert!(first.iter().chain(&second).all(Result::is_ok));
    assert!((2..=3).contains(&at_once.load(SeqCst)), "{}", at_once.load(SeqCst));
}

#[tokio::test]
async fn open_streams_hold_no_place() {
    let server = Server::start(|_| std::future::ready(Reply::ok(&[b'x'; 500_000]))).await;
    let scope = Scope { concurrency: 1, ..scope(&server.url()) };
    let gateway = broker(LOOPBACK, Table::default()).gateway(scope).expect("allowed");
    let meter = meter();
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(gateway.open(get("/"), &meter).await.expect("a head"));
    }
    assert_eq!(gateway.send(get("/"), &meter).await.expect("answered").body.len(), 500_000);
}

#[tokio::test]
async fn budget_of_requests_bounds_a_batch() {
    let server = Server::start(|_| std::future::ready(Reply::ok(b"fine"))).await;
    let meter = Meter::new(Allowance { requests: 3, response_bytes: 1_000 }, CancellationToken::new());
    let answers = gateway(&server, "").send_all((0..5).map(|_| get("/")).collect(), &meter).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    let failure = answers.into_iter().find_map(Result::err).expect("two of them");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Limit, "limit.requests"));
    assert_eq!((server.requests(), meter.used().requests), (3, 3));
}

#[tokio::test]
async fn too_large_a_batch_is_not_sent() {
    let server = Server::start(|_| std::future::ready(Reply::ok(b"fine"))).await;
    let meter = meter();
    let answers = gateway(&server, "").send_all(vec![get("/"); 1_001], &meter).await;
    assert_eq!(answers.len(), 1_001);
    assert!(answers.into_iter().all(|answer| answer.expect_err("all").code == "limit.batch"));
    assert_eq!((server.connections(), meter.used().requests), (0, 0));
}

#[tokio::test]
async fn cancelling_ends_waiting_and_transfers_at_once() {
    let slow_body = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab";
    let long_wait = "HTTP/1.1 503 X\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n";
    for (bytes, then) in [("", Then::Hang), (slow_body, Then::Hang), (long_wait, Then::Keep)] {
        let cancel = CancellationToken::new();
        let answered = cancel.clone();
        let server = Server::start(move |_| {
            answered.cancel();
            std::future::ready(Reply::raw(bytes, then))
        })
        .await;
        let meter = Meter::new(Allowance { requests: 10, response_bytes: 1_000 }, cancel);
        let gateway = gateway(&server, "");
        let ended = tokio::time::timeout(Duration::from_millis(900), gateway.send(get("/"), &meter)).await;
        let failure = ended.expect("at once").expect_err("cancelled");
        assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, "run.cancelled"));
        let failure = gateway.send(get("/"), &meter).await.expect_err("cancelled before");
        assert_eq!((failure.code.as_str(), server.requests()), ("run.cancelled", 1));
    }
}

#[tokio::test]
async fn cancelling_ends_a_stream() {
    let server = Server::start(|_| {
        std::future::ready(Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", Then::Hang))
    })
    .await;
    let cancel = CancellationToken::new();
    let meter = Meter::new(Allowance { requests: 10, response_bytes: 1_000 }, cancel.clone());
    let mut body = gateway(&server, "").open(get("/"), &meter).await.expect("a head").body;
    assert_eq!(&body.read(9).await.expect("there")[..], b"ab");
    let (ended, ()) = tokio::join!(body.read(9), async { cancel.cancel() });
    assert_eq!(ended.expect_err("cancelled").code, "run.cancelled");
}

#[tokio::test]
async fn read_that_is_dropped_loses_no_bytes() {
    let plain: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let sent = plain.clone();
    let server = Server::start(move |_| std::future::ready(Reply::ok(&sent))).await;
    let mut body = gateway(&server, "").open(get("/"), &meter()).await.expect("a head").body;
    let mut gathered = Vec::new();
    while gathered.len() < plain.len() {
        tokio::select! {
            biased;
            piece = body.read(50_000) => gathered.extend_from_slice(&piece.expect("there")),
            // The read that waits is dropped, and begun again.
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(gathered == plain);
}
