//! Connectors that are driven by keys, and those that ask for them.

use super::*;

#[tokio::test(start_paused = true)]
async fn without_due_keys_a_connector_driven_by_them_completes_at_once() {
    let host = Host::new();
    let channel = ready(vec![by_keys("comment")]);
    let script = Script::by_key();
    host.offer(&channel, &[("comment", &script)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["comment completed"]);
    assert_eq!(counted(&runs[0]), "0a 0u 0s 0d 0q");
    assert_eq!(script.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn due_keys_go_from_one_connector_to_the_other() {
    let host = Host::new();
    let tickets = vec![
        with_due(page(&["1@1=1", "2@1=1"]), "comment", &["1", "2"]),
        with_due(page(&["3@1=1"]), "comment", &["3", "1"]),
    ];
    let comment = crate::model::Connector { page_size: 2, ..by_keys("comment") };
    let channel = ready(vec![connector("ticket"), comment]);
    let comments = Script::by_key();
    host.offer(&channel, &[("ticket", &Script::stream(tickets)), ("comment", &comments)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed", "comment completed"]);
    let keys: Vec<_> = comments.asked().into_iter().map(|asked| asked.keys).collect();
    assert_eq!(keys, [vec!["1".to_owned(), "2".into()], vec!["3".into()]]);
    assert_eq!(host.records(&channel, "comment").await, [r#"c1@1="1""#, r#"c2@1="2""#, r#"c3@1="3""#]);
    assert_eq!(host.due(&channel, "comment").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn due_keys_outlive_the_failure_of_the_one_that_fetches_them() {
    let store = crate::store::Store::in_memory();
    let host = Host::on(&store);
    let channel = ready(vec![connector("ticket"), by_keys("comment")]);
    let tickets = Script::stream(vec![with_due(page(&["1@1=1"]), "comment", &["1"])]);
    let broken = Script::quick(|_, _| fails(Class::NotFound, "http.status.500"));
    host.offer(&channel, &[("ticket", &tickets), ("comment", &broken)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed", "comment failed http.status.500"]);
    host.stop().await;

    // Another process, and the tickets have nothing new to tell.
    let host = Host::on(&store);
    host.offer(&channel, &[("ticket", &tickets), ("comment", &Script::by_key())]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed", "comment completed"]);
    assert_eq!(host.records(&channel, "comment").await, [r#"c1@1="1""#]);
}

#[tokio::test(start_paused = true)]
async fn keys_that_a_page_does_not_settle_come_again_with_the_new_cursor() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket"), by_keys("comment")]);
    let tickets = Script::stream(vec![with_due(page(&[]), "comment", &["1", "2"])]);
    let comments = Script::quick(|step, ask| {
        let (settled, next) = match step {
            0 => (vec!["1".to_owned()], "2:50"),
            _ => (ask.keys.clone(), ""),
        };
        ok(Page { settled, next: Some(Bytes::from(next)), ..page(&["c@1=1"]) })
    });
    host.offer(&channel, &[("ticket", &tickets), ("comment", &comments)]).await;
    host.sync(&channel).await;
    let asked = comments.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[1].keys.as_slice(), asked[1].cursor.as_deref()), (&["2".to_owned()][..], Some("2:50")));
    assert_eq!(host.due(&channel, "comment").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_connector_may_ask_itself_for_more_keys() {
    let host = Host::new();
    let channel = ready(vec![connector("root"), by_keys("folder")]);
    let root = Script::stream(vec![with_due(page(&[]), "folder", &["1"])]);
    let folders = Script::quick(|_, ask| {
        let deeper: Vec<String> =
            ask.keys.iter().filter(|key| key.len() < 3).map(|key| format!("{key}1")).collect();
        let deeper: Vec<&str> = deeper.iter().map(String::as_str).collect();
        ok(with_due(page_for_keys(&ask.keys), "folder", &deeper))
    });
    host.offer(&channel, &[("root", &root), ("folder", &folders)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(counted(&runs[1]), "3a 0u 0s 0d 0q");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_asked_for_anew_while_it_is_fetched_stays_due() {
    let host = Host::new();
    let channel = ready(vec![by_keys("comment")]);
    let ask = |key_text: &str, stamp| {
        let mut due = Batch::default();
        let due_key = DueKey { key: key(key_text), stamp };
        due.add_due(channel.channel.id, &name("comment"), &due_key);
        host.store.commit(due)
    };
    ask("1", 1).await.unwrap();
    ask("2", 1).await.unwrap();
    let (id, store) = (channel.channel.id, host.store.clone());
    let comments = Script::new(move |step, ask| {
        let store = store.clone();
        Box::pin(async move {
            if step == 0 {
                let mut due = Batch::default();
                due.add_due(id, &name("comment"), &DueKey { key: key("1"), stamp: 2 });
                store.commit(due).await.unwrap();
            }
            ok(page_for_keys(&ask.keys))
        })
    });
    host.offer(&channel, &[("comment", &comments)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["comment completed"]);
    let keys: Vec<_> = comments.asked().into_iter().map(|asked| asked.keys).collect();
    assert_eq!(keys, [vec!["1".to_owned(), "2".into()], vec!["1".into()]]);
    assert_eq!(counted(&runs[0]), "2a 0u 1s 0d 0q");
    assert_eq!(host.due(&channel, "comment").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn due_keys_for_nobody_do_not_stop_the_run() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let tickets = Script::stream(vec![with_due(page(&["1@1=1"]), "comment", &["1"])]);
    host.offer(&channel, &[("ticket", &tickets)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
    assert_eq!(host.due(&channel, "comment").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_step_gets_no_more_keys_than_the_host_allows() {
    let config = Config { keys_per_step: NonZeroU32::new(1).unwrap(), ..Config::default() };
    let host = Host::with(config, crate::store::Store::in_memory());
    let channel = ready(vec![connector("ticket"), by_keys("comment")]);
    let tickets = Script::stream(vec![with_due(page(&[]), "comment", &["1", "2", "3"])]);
    let comments = Script::by_key();
    host.offer(&channel, &[("ticket", &tickets), ("comment", &comments)]).await;
    host.sync(&channel).await;
    let asked = comments.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| asked.keys.len() == 1 && asked.limit == 100));
}
