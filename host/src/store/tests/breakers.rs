//! Breakers, kept and forgotten.

use super::{commit, on_both, time};
use crate::model::KeptBreaker;

fn kept(origin: &str, failures: u32) -> KeptBreaker {
    KeptBreaker {
        origin: origin.into(),
        opened: time(1),
        probe_at: time(2),
        pause_ms: 15_000,
        failures,
        last_failure: None,
    }
}

#[tokio::test]
async fn an_origin_has_one_breaker_until_it_is_forgotten() {
    on_both(async |store| {
        let (a, b) = (kept("https://a.example", 5), kept("https://b.example", 6));
        commit(&store, |batch| [&b, &a].iter().for_each(|kept| batch.put_breaker(kept))).await;
        assert_eq!(store.breakers().list().await.expect("read"), [a, b.clone()]);
        let worse = kept("https://a.example", 7);
        commit(&store, |batch| batch.put_breaker(&worse)).await;
        commit(&store, |batch| batch.remove_breaker(&b.origin)).await;
        commit(&store, |batch| batch.remove_breaker("https://never.example")).await;
        assert_eq!(store.breakers().list().await.expect("read"), [worse]);
    })
    .await;
}
