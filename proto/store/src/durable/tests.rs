//! Faults at exact places, over real connections.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use tokio::io::AsyncWriteExt;

use crate::testing::{Fault, SECRET, Server};

const NOTE: &str = "parts/0.json";

async fn create(store: &dyn ObjectStore, text: &'static str) -> Result<(), Error> {
    let note = Path::from(NOTE);
    let put = store.put_opts(&note, text.into(), PutMode::Create.into());
    put.await.map(|_| ())
}

#[tokio::test]
async fn refused_requests_are_sent_again_and_not_for_ever() {
    let server = Server::start().await;
    server.put("k", "bytes");
    let (patient, hasty) = (server.bucket(3), server.bucket(2));
    let refused = [Fault::Status(503), Fault::Status(500), Fault::Status(503)];
    server.fail(&refused);
    let got = patient.get(&"k".into()).await.unwrap().bytes().await;
    assert_eq!(got.unwrap(), "bytes");
    assert_eq!(server.log(), ["GET /b/k"; 4]);
    server.fail(&refused);
    let error = hasty.get(&"k".into()).await.unwrap_err().to_string();
    assert!(error.contains("503") && error.contains("s3://b"), "{error}");
    assert_eq!(server.log(), ["GET /b/k"; 3]);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_done() {
    let server = Server::start().await;
    let store = server.bucket(3);
    server.fail(&[Fault::LostAnswer]);
    create(store.as_ref(), "mine").await.unwrap();
    assert_eq!(server.get(NOTE).unwrap(), b"mine");
    let puts = server.log().iter().filter(|l| l.starts_with("PUT")).count();
    assert_eq!(puts, 2, "the put was not sent again");
}

#[tokio::test]
async fn a_create_over_other_bytes_is_refused() {
    let server = Server::start().await;
    let store = server.bucket(3);
    create(store.as_ref(), "mine").await.unwrap();
    for other in ["that", "longer"] {
        let refused = create(store.as_ref(), other).await.unwrap_err();
        assert!(matches!(refused, Error::AlreadyExists { .. }), "{refused}");
    }
    assert_eq!(server.get(NOTE).unwrap(), b"mine");
}

#[tokio::test]
async fn a_create_beside_another_that_comes_to_nothing_is_done() {
    let server = Server::start().await;
    // S3 answers 409 while another conditional put of the key goes on.
    server.fail(&[Fault::Status(409)]);
    create(server.bucket(3).as_ref(), "mine").await.unwrap();
    assert_eq!(server.get(NOTE).unwrap(), b"mine");
}

#[tokio::test]
async fn an_upload_whose_last_answer_was_lost_is_done() {
    let server = Server::start().await;
    let store = server.bucket(3);
    let mut writer = object_store::buffered::BufWriter::with_capacity(store, "big".into(), 1 << 10);
    let bytes: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8).collect();
    server.fail_at("POST /b/big?uploadId", Fault::LostAnswer);
    writer.write_all(&bytes).await.unwrap();
    writer.shutdown().await.unwrap();
    let posts = server.log().iter().filter(|l| *l == "POST /b/big").count();
    assert_eq!(posts, 3, "a beginning, and the end twice");
    assert_eq!(server.get("big").unwrap().len(), bytes.len());
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_done() {
    let server = Server::start().await;
    server.put("k", "bytes");
    server.fail(&[Fault::LostAnswer, Fault::Status(503)]);
    server.bucket(3).delete(&"k".into()).await.unwrap();
    assert_eq!(server.get("k"), None);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_read_on() {
    let server = Server::start().await;
    let bytes: Vec<u8> = (0..400_000u32).map(|i| (i % 251) as u8).collect();
    server.put("k", bytes.clone());
    server.fail(&[Fault::CutBody, Fault::Status(503), Fault::CutBody]);
    let got = server.bucket(5).get(&"k".into()).await.unwrap();
    assert_eq!(got.bytes().await.unwrap(), Bytes::from(bytes));
    assert_eq!(server.log(), ["GET /b/k"; 4]);
}

#[tokio::test]
async fn a_listing_that_breaks_off_goes_on() {
    let server = Server::start().await;
    let keys = ["a", "b", "c", "d", "e"];
    keys.iter().for_each(|key| server.put(key, "x"));
    let store = server.bucket(3);
    for at in 0..3 {
        let mut faults = vec![Fault::None; at];
        faults.extend([Fault::CutBody, Fault::Status(503), Fault::CutBody]);
        server.fail(&faults);
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        let listed: Vec<_> = listed.iter().map(|o| o.location.as_ref()).collect();
        assert_eq!(listed, keys, "cut at answer {at}");
        server.fail(&faults);
        let listed = store.list_with_delimiter(None).await.unwrap();
        assert_eq!(listed.objects.len(), keys.len(), "cut at answer {at}");
    }
}

#[tokio::test]
async fn no_error_holds_a_secret_and_each_says_what_to_do() {
    let server = Server::start().await;
    let store = server.bucket(0);
    let shown = format!("{store:?} {store}");
    assert!(!shown.contains(SECRET), "{shown}");
    for (status, advice) in [(403, "AWS_ACCESS_KEY_ID"), (401, "AWS_ACCESS_KEY_ID")] {
        server.fail(&[Fault::Status(status)]);
        let error = store.get(&"k".into()).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("s3://b/k") && text.contains(advice), "{text}");
        assert!(text.contains("Refused: no"), "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
    server.fail(&[Fault::Status(500)]);
    let error = create(store.as_ref(), "x").await;
    let text = format!("{error:?}");
    assert!(!text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn who_answers_nowhere_is_said() {
    let server = Server::start().await;
    let store = server.bucket(1);
    server.fail(&[Fault::LostAnswer, Fault::LostAnswer]);
    let key = Path::from("k");
    let read = tokio::time::timeout(Duration::from_secs(10), store.get(&key)).await;
    let error = read.unwrap().unwrap_err().to_string();
    assert!(
        error.contains("s3://b") && error.contains("AWS_ENDPOINT_URL"),
        "{error}"
    );
}
