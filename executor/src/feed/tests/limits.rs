//! What a slow, a stopped and a supernumerary trainer cost; and readers that know a digest only.

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightDescriptor, FlightInfo, Ticket};
use futures::TryStreamExt;
use pannier_proto::feed::FeedTicket;

use super::*;

#[tokio::test]
async fn a_trainer_that_takes_nothing_costs_bounded_memory() {
    let world = World::new(30, 3).await;
    let config = ExecutorConfig {
        feed_stream_bytes: ByteSize(8 << 10),
        feed_cache: ByteSize(10 << 10),
        ..small()
    };
    let executor = Executor::start(&world, config).await;
    // Each step is tens of kilobytes: two connections' windows hold a few of them.
    let feed = FeedSpec {
        batch_rows: 100,
        ..every_transform(&world).remove("pairs").unwrap()
    };
    let many = FeedSpec {
        row_groups: feed.row_groups.clone(),
        ..feed
    };
    world.put(&many).await;
    let ticket = FeedTicket::new(many.digest()).encode();
    let mut client = client(&executor).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        let answer = client.do_get(Ticket::new(ticket.clone())).await.unwrap();
        let mut stream = answer.into_inner();
        stream.message().await.unwrap();
        streams.push(stream);
    }
    assert!(executor.service.rows().kept() <= 10 << 10);
    // Nobody reads on; another trainer is served all the same, to the end.
    let batches = read(&[&executor], &reader(), &many, (0, 1)).await;
    assert_eq!(batches.len() as u64, 2 * many.steps());
    assert!(executor.service.rows().kept() <= 10 << 10);
    // And whoever was slow finds every step.
    for stream in streams {
        let rest: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(rest.len() as u64, many.steps());
    }
}

#[tokio::test]
async fn a_trainer_too_many_is_sent_on_and_finds_another_executor() {
    let world = World::new(30, 3).await;
    let one = ExecutorConfig {
        feed_streams: 1,
        // The first step does not fit: the stream stays where it is.
        feed_stream_bytes: ByteSize(1),
        ..small()
    };
    let busy = Executor::start(&world, one).await;
    let free = Executor::start(&world, small()).await;
    let feed = FeedSpec {
        batch_rows: 1,
        ..every_transform(&world).remove("select").unwrap()
    };
    world.put(&feed).await;
    // A connection whose window is smaller than what is left to send.
    let endpoint = tonic::transport::Endpoint::from_shared(busy.address.url.clone()).unwrap();
    let endpoint = endpoint.initial_stream_window_size(1 << 12);
    let channel = endpoint.connect().await.unwrap();
    let ticket = Ticket::new(FeedTicket::new(feed.digest()).encode());
    let held = FlightServiceClient::new(channel)
        .do_get(ticket.clone())
        .await
        .unwrap();
    let refused = client(&busy).await.do_get(ticket).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(refused.message().contains("feed_streams"), "{refused}");
    let batches = read(&[&busy, &free], &reader(), &feed, (0, 1)).await;
    assert_eq!(batches.len() as u64, 2 * feed.steps());
    drop(held);
}

#[tokio::test]
async fn windows_fetched_ahead_do_not_keep_the_one_waited_for() {
    let world = World::new(30, 3).await;
    let one = ExecutorConfig {
        feed_streams: 1,
        feed_stream_bytes: ByteSize(1),
        feed_queue: Span(Duration::from_secs(20)),
        ..small()
    };
    let executor = Executor::start(&world, one).await;
    let feed = FeedSpec {
        batch_rows: 1,
        ..every_transform(&world).remove("select").unwrap()
    };
    world.put(&feed).await;
    // No step may wait here: each window keeps its stream until its turn has come.
    let config = ReaderConfig {
        prefetch_steps: 1,
        prefetch_bytes: 1,
        ..reader()
    };
    let batches = read(&[&executor], &config, &feed, (0, 1)).await;
    assert_eq!(batches.len() as u64, 2 * feed.steps());
}

#[tokio::test]
async fn a_replica_may_get_no_row_of_a_step() {
    let world = World::new(30, 3).await;
    let executor = Executor::start(&world, small()).await;
    for (name, feed) in every_transform(&world) {
        let feed = FeedSpec {
            batch_rows: 1,
            ..feed
        };
        world.put(&feed).await;
        let batches = read(&[&executor], &reader(), &feed, (0, 2)).await;
        assert_eq!(batches.len() as u64, 2 * feed.steps(), "{name}");
        assert!(batches.iter().all(|b| b.num_rows() == 0), "{name}");
    }
}

#[tokio::test]
async fn a_reader_that_knows_the_digest_is_told_the_rest() {
    let world = World::new(30, 3).await;
    let executor = Executor::start(&world, small()).await;
    for (name, feed) in every_transform(&world) {
        world.put(&feed).await;
        let ask = format!(r#"{{"digest": "{}", "epoch": 1}}"#, feed.digest());
        let descriptor = FlightDescriptor::new_cmd(ask.clone());
        let mut client = client(&executor).await;
        let info = client.get_flight_info(descriptor.clone()).await.unwrap();
        let info: FlightInfo = info.into_inner();
        let about: serde_json::Value = serde_json::from_slice(&info.app_metadata).unwrap();
        assert_eq!(about["steps"], feed.steps());
        assert_eq!(
            (&about["rows"], &about["epoch"]),
            (&feed.rows().into(), &1.into())
        );
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let schema = arrow::datatypes::Schema::try_from(info).unwrap();
        let first = read(&[&executor], &reader(), &feed, (0, 1)).await.remove(0);
        assert_eq!(schema, *first.schema(), "{name}");
        for ticket in [ticket, Ticket::new(ask)] {
            let answer = client.do_get(ticket).await.unwrap().into_inner();
            let messages: Vec<_> = answer.try_collect().await.unwrap();
            assert_eq!(messages.len() as u64, feed.steps() + 1, "{name}");
        }
    }
}
