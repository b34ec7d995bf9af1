//! Objects read under faults, over real connections.

use std::io::Read;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Blocks, Object};
use crate::error::StoreError;
use crate::testing::{Fault, Server};

fn bytes() -> Vec<u8> {
    (0..2_500_000u32)
        .map(|i| (i.wrapping_mul(i) % 251) as u8)
        .collect()
}

async fn opened(server: &Server) -> Object {
    let url = "s3://b/raw.csv";
    Object::look(server.bucket(5), "raw.csv".into(), url)
        .await
        .unwrap()
}

/// Reads on a thread that may block.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce(&Handle) -> T + Send + 'static,
) -> std::result::Result<T, tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || read(&Handle::current())).await
}

async fn all(object: &Object, piece: u64) -> std::io::Result<Vec<u8>> {
    let object = object.clone();
    let read = blocking(move |runtime| {
        let mut all = Vec::new();
        let read = object.read_in(piece, runtime).read_to_end(&mut all);
        read.map(|_| all)
    });
    read.await.unwrap()
}

#[tokio::test]
async fn a_read_that_is_cut_again_and_again_gives_the_same_bytes() {
    let server = Server::start().await;
    server.put("raw.csv", bytes());
    let object = opened(&server).await;
    for piece in [700_000, 4 << 20] {
        server.fail(&[
            Fault::CutBody,
            Fault::CutBody,
            Fault::Status(503),
            Fault::LostAnswer,
            Fault::CutBody,
        ]);
        assert!(all(&object, piece).await.unwrap() == bytes(), "{piece}");
    }
}

#[tokio::test]
async fn an_object_that_is_replaced_or_removed_is_an_error() {
    let server = Server::start().await;
    server.put("raw.csv", bytes());
    let object = opened(&server).await;
    let mut other = bytes();
    other[0] = 7;
    server.put("raw.csv", other);
    for faults in [&[][..], &[Fault::CutBody]] {
        server.fail(faults);
        let error = all(&object, 1 << 20).await.unwrap_err().to_string();
        assert!(
            error.contains("s3://b/raw.csv") && error.contains("changed while it was read"),
            "{error}"
        );
    }
    let missing = Object::look(server.bucket(1), "x".into(), "s3://b/x").await;
    assert!(
        matches!(missing, Err(StoreError::Gone { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn places_are_read_in_any_order_and_kept() {
    let server = Server::start().await;
    server.put("raw.csv", bytes());
    let object = opened(&server).await;
    server.log();
    let read = blocking(move |runtime| {
        let blocks = Arc::new(Blocks::new(object, runtime.clone()));
        let bytes = bytes();
        for (start, length) in [
            (2_499_990, 10),
            (0, 5),
            (1_048_570, 20),
            (3, 2_000_000),
            (0, 0),
        ] {
            let got = blocks.get(start as u64, length as u64).unwrap();
            assert_eq!(got, bytes[start..start + length], "{start}");
        }
        let mut rest = Vec::new();
        blocks.read_from(1_000_000).read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[1_000_000..]);
        assert!(blocks.get(2_499_990, 100).is_err());
    });
    read.await.unwrap();
    // Three blocks once each, and the range that is larger than a block.
    assert_eq!(server.log().len(), 4);
}
