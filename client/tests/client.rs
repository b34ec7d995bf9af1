//! The client against a scheduler on a real port.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fake;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{Array, Int64Array, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use fake::Fake;
use futures::TryStreamExt;
use pannier_client::{AudienceAsked, Client, ClientError, PredictAsked, RecommendAsked};
use pannier_proto::event::RunEventKind;

fn submitted() -> RunEventKind {
    RunEventKind::Submitted {
        name: "grocery".into(),
        steps: vec!["raw".into()],
    }
}

fn log(text: &str) -> RunEventKind {
    RunEventKind::Log {
        step: String::new(),
        text: text.into(),
    }
}

#[tokio::test]
async fn every_call_is_answered() {
    let fake = Fake::new(vec![submitted(), RunEventKind::Succeeded]);
    let serving = fake.serve("127.0.0.1:0").await;
    let client = Client::connect(&serving.addr.to_string()).await.unwrap();

    let first = client.submit("a.toml", "name = 'a'", "k").await.unwrap();
    let again = client.submit("a.toml", "name = 'a'", "k").await.unwrap();
    assert!(first.created && !again.created);
    assert_eq!(first.run_id, again.run_id);
    assert_eq!(client.get("run-1").await.unwrap().name, "grocery");
    assert_eq!(client.list(10).await.unwrap().len(), 1);
    assert_eq!(client.plan("a.toml", "").await.unwrap()[0].rows, Some(7));
    assert_eq!(
        client.validate("a.toml", "refuse").await.unwrap().errors,
        ["error: unknown key `refuse`"]
    );
    assert_eq!(client.gc(true).await.unwrap().bytes, 2048);
    assert_eq!(client.info().await.unwrap().warehouse, "/warehouse");
    assert_eq!(client.models().await.unwrap()[0].version, 3);
    let asked = RecommendAsked {
        model: "m".into(),
        user_id: "u".into(),
        top: 2,
        new_only: true,
        ..RecommendAsked::default()
    };
    let list = client.recommend(asked).await.unwrap();
    assert!(list.unknown && list.items.len() == 2 && list.items[0].name == "for u");
    let asked = PredictAsked {
        model: "m".into(),
        top: Some(3),
        ..PredictAsked::default()
    };
    let run = client.predict(asked.clone()).await.unwrap();
    assert!(run.created && run.run_id == "predict-m-3");
    let unknown = client.predict(PredictAsked {
        model: "x".into(),
        ..asked
    });
    assert!(matches!(unknown.await, Err(ClientError::NotFound { .. })));
    let asked = AudienceAsked {
        model: "m".into(),
        item: "milk".into(),
        price: Some(1.5),
        context: [("hour".to_owned(), 9.0)].into(),
        top: 3,
        ..AudienceAsked::default()
    };
    let audience = client.audience(asked).await.unwrap();
    assert_eq!((audience.audience.len(), audience.price), (3, Some(1.5)));
    assert_eq!((&*audience.name, &*audience.category), ("milk", "hour 9"));
    assert_eq!(
        client.similar("m", "milk", 2).await.unwrap().similar.len(),
        2
    );

    let mut seen = vec![];
    let asked = client.sql("select 1", 0, |done, total| seen.push((done, total)));
    let mut rows = asked.await.unwrap();
    assert_eq!(rows.schema().field(0).data_type(), &DataType::Int64);
    let mut all = vec![];
    while let Some(batch) = rows.next().await.unwrap() {
        all.push(batch);
    }
    let all = concat_batches(&rows.schema(), &all).unwrap();
    assert_eq!(
        all.column(0).as_ref(),
        &Int64Array::from(vec![1, 200]) as &dyn Array
    );
    let items = StringArray::from(vec![Some("milk"), None]);
    assert_eq!(all.column(1).as_ref(), &items as &dyn Array);
    assert_eq!(seen, [(1, 2)]);
    assert!(rows.truncated());

    assert_eq!(client.tables().await.unwrap()[0].rows, 7);
    assert_eq!(client.table("baskets").await.unwrap().manifest.parts, 8);
    assert!(matches!(
        client.table("x").await,
        Err(ClientError::NotFound { .. })
    ));
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let fake = Fake::new(vec![submitted(), RunEventKind::Succeeded]);
    let serving = fake.serve("127.0.0.1:0").await;
    let url = serving.url();
    let client = Client::connect(&url).await.unwrap();
    assert!(matches!(
        client.get("x").await,
        Err(ClientError::NotFound { .. })
    ));
    assert!(matches!(
        client.submit("a", "refuse", "").await,
        Err(ClientError::Invalid { .. })
    ));
    assert!(matches!(
        client.sql("drop table x", 0, |_, _| {}).await,
        Err(ClientError::Invalid { .. })
    ));
    client.submit("a", "", "").await.unwrap();
    assert!(matches!(
        client.cancel("run-1").await,
        Err(ClientError::Refused { .. })
    ));
    assert!(matches!(
        client.follow("x", 0).next().await,
        Some(Err(ClientError::NotFound { .. }))
    ));

    serving.kill().await;
    let error = client.info().await.unwrap_err();
    assert!(error.is_connection(), "{error:?}");
    let error = Client::connect(&url).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().starts_with(&format!(
            "no scheduler answers at {url} (Connection refused"
        )),
        "{error}"
    );
}

#[tokio::test]
async fn following_survives_a_killed_scheduler() {
    let fake = Fake::new(vec![]);
    fake.append("r", [submitted(), log("a"), log("b")]);
    let serving = fake.serve("127.0.0.1:0").await;
    let client = Client::connect(&serving.url()).await.unwrap();
    let losses = Arc::new(AtomicUsize::new(0));
    let seen = losses.clone();
    let mut follow = client.follow("r", 1).on_lost(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(follow.next().await.unwrap().unwrap().offset, 1);

    let addr = serving.addr.to_string();
    serving.kill().await;
    let down = tokio::time::timeout(Duration::from_millis(700), async {
        // Offset 2 may have been on its way; nothing comes after it.
        while let Some(event) = follow.next().await {
            assert_eq!(event.unwrap().offset, 2);
        }
    });
    assert!(down.await.is_err(), "it must wait for the scheduler");
    fake.append("r", [RunEventKind::Recovered, log("c")]);
    let _serving = fake.serve(&addr).await;
    let from = follow.next_offset();
    let rest = tokio::spawn(
        follow
            .into_stream()
            .map_ok(|e| e.offset)
            .try_collect::<Vec<u64>>(),
    );
    fake.append("r", [RunEventKind::Succeeded]);
    assert_eq!(
        rest.await.unwrap().unwrap(),
        (from..=5).collect::<Vec<u64>>()
    );
    assert_eq!(losses.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn following_gives_up_when_patience_is_used_up() {
    let fake = Fake::new(vec![]);
    fake.append("r", [submitted()]);
    let serving = fake.serve("127.0.0.1:0").await;
    let client = Client::connect(&serving.url()).await.unwrap();
    let mut follow = client.follow("r", 0).patience(Duration::from_millis(300));
    follow.next().await.unwrap().unwrap();
    serving.kill().await;
    let error = follow.next().await.unwrap().unwrap_err();
    assert!(error.is_connection(), "{error:?}");
    assert!(follow.next().await.is_none());
}

#[tokio::test]
async fn a_scheduler_that_goes_away_after_the_end_is_no_error() {
    let fake = Fake::new(vec![]);
    fake.append("r", [submitted(), RunEventKind::Succeeded]);
    let serving = fake.serve("127.0.0.1:0").await;
    let client = Client::connect(&serving.url()).await.unwrap();
    let mut follow = client.follow("r", 0);
    for _ in 0..2 {
        follow.next().await.unwrap().unwrap();
    }
    serving.kill().await;
    assert!(follow.next().await.is_none());
}

#[tokio::test]
async fn a_retried_run_is_followed_past_its_first_end() {
    let fake = Fake::new(vec![]);
    let failed = RunEventKind::Failed { error: "no".into() };
    fake.append(
        "r",
        [
            submitted(),
            failed,
            RunEventKind::RetryRequested,
            log("a"),
            RunEventKind::Succeeded,
        ],
    );
    let serving = fake.serve("127.0.0.1:0").await;
    let client = Client::connect(&serving.url()).await.unwrap();
    let offsets: Vec<u64> = client
        .follow("r", 0)
        .into_stream()
        .map_ok(|e| e.offset)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
    let none: Vec<u64> = client
        .follow("r", 5)
        .into_stream()
        .map_ok(|e| e.offset)
        .try_collect()
        .await
        .unwrap();
    assert!(none.is_empty());
    let replayed: Vec<u64> = client
        .events("r", 3)
        .await
        .unwrap()
        .map_ok(|e| e.offset)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(replayed, [3, 4]);
}
