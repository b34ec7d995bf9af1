//! What cannot be served, and what is said of it.

use arrow_flight::Ticket;
use pannier_proto::feed::FeedTicket;
use tonic::{Code, Status};

use super::*;

async fn refused(executor: &Executor, ticket: impl Into<Vec<u8>>) -> Status {
    let mut client = client(executor).await;
    let ticket = Ticket::new(ticket.into());
    match client.do_get(ticket).await {
        Err(status) => status,
        Ok(answer) => answer.into_inner().message().await.unwrap_err(),
    }
}

#[tokio::test]
async fn tickets_that_mean_nothing_are_refused_with_the_reason() {
    let world = World::new(30, 3).await;
    let executor = Executor::start(&world, small()).await;
    let feed = every_transform(&world).remove("select").unwrap();
    world.put(&feed).await;
    let ticket = FeedTicket::new(feed.digest());
    let beyond = FeedTicket {
        from_step: 99,
        ..ticket.clone()
    };
    for (bytes, code, words) in [
        (b"{}".to_vec(), Code::InvalidArgument, "digest"),
        (b"\xff".to_vec(), Code::InvalidArgument, "no feed ticket"),
        (
            FeedTicket::new("abc").encode(),
            Code::NotFound,
            "no feed abc",
        ),
        (beyond.encode(), Code::FailedPrecondition, "an epoch has 16"),
    ] {
        let status = refused(&executor, bytes).await;
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(words), "{status}");
    }
}

#[tokio::test]
async fn feeds_that_do_not_fit_their_table_are_refused() {
    let world = World::new(30, 3).await;
    let executor = Executor::start(&world, small()).await;
    let select = every_transform(&world).remove("select").unwrap();
    let sql = |sql: &str| FeedSpec {
        transform: Transform::Sql { sql: sql.into() },
        ..select.clone()
    };
    let column = FeedSpec {
        columns: vec!["nothing".into()],
        ..select.clone()
    };
    let groups = FeedSpec {
        row_groups: vec![500],
        ..select.clone()
    };
    let pairs = FeedSpec {
        columns: vec!["basket_id".into()],
        ..every_transform(&world).remove("pairs").unwrap()
    };
    for (feed, words) in [
        (column, "nothing"),
        (groups, "other row groups"),
        (pairs, "basket_id is UInt64"),
        (sql("select random() from rows"), "not deterministic"),
        (sql("select count(*) from rows"), "not narrow"),
    ] {
        world.put(&feed).await;
        let status = refused(&executor, FeedTicket::new(feed.digest()).encode()).await;
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert!(status.message().contains(words), "{status}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let world = World::new(30, 3).await;
    world.damage("baskets");
    let executor = Executor::start(&world, small()).await;
    let feed = every_transform(&world).remove("select").unwrap();
    world.put(&feed).await;
    let status = refused(&executor, FeedTicket::new(feed.digest()).encode()).await;
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("part-00000"), "{status}");
}
