//! Tokens of channels: who is second notices, and a deleted channel keeps none.

use super::{channel, on_both, time};
use crate::{
    model::{ConnectStage, KeptAttempt, KeptGrant, Sealed},
    store::{Connection, Error, Swap},
};

fn grant() -> KeptGrant {
    KeptGrant {
        provider: "ab".into(),
        tokens: Sealed("c2VhbGVk".into()),
        scopes: Vec::new(),
        connected: time(1),
        renewed: time(2),
        expires: None,
        renewable: true,
        renewals: 0,
        claim: None,
        ended: None,
    }
}

fn attempt() -> KeptAttempt {
    KeptAttempt {
        id: "a".into(),
        provider: "ab".into(),
        redirect_uri: "http://127.0.0.1:7070/oauth/callback".into(),
        begun: time(1),
        expires: time(2),
        stage: ConnectStage::Redeeming,
    }
}

#[tokio::test]
async fn who_is_second_changes_nothing() {
    on_both(async |store| {
        let channel = channel("one");
        store.channels().create(&channel).await.expect("new");
        let swap = async |before: Option<KeptGrant>, after: Option<KeptGrant>| {
            store.grants().swap(channel.id, Some(Swap { before, after }), None).await
        };
        let next = |renewals| Some(KeptGrant { renewals, ..grant() });
        swap(None, next(0)).await.expect("nothing was there");
        assert!(matches!(swap(None, next(1)).await, Err(Error::Expectation)));
        swap(next(0), next(1)).await.expect("as it was");
        assert!(matches!(swap(next(0), next(2)).await, Err(Error::Expectation)));
        assert_eq!(store.grants().get(channel.id).await.expect("read").grant, next(1));

        let both = Swap { before: next(0), after: None };
        let attempted = Swap { before: None, after: Some(attempt()) };
        let refused = store.grants().swap(channel.id, Some(both), Some(attempted)).await;
        assert!(matches!(refused, Err(Error::Expectation)), "both or neither");
        assert_eq!(store.grants().get(channel.id).await.expect("read").attempt, None);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_channel_gets_no_tokens_and_leaves_none() {
    on_both(async |store| {
        let gone = channel("gone");
        store.channels().create(&gone).await.expect("new");
        let grants = || Some(Swap { before: None, after: Some(grant()) });
        let attempts = || Some(Swap { before: None, after: Some(attempt()) });
        store.grants().swap(gone.id, grants(), attempts()).await.expect("new");
        assert!(store.channels().delete(gone.id).await.expect("written"));
        assert_eq!(store.grants().get(gone.id).await.expect("read"), Connection::default());
        let late = store.grants().swap(gone.id, grants(), None).await;
        assert!(matches!(late, Err(Error::Expectation)));
    })
    .await;
}
