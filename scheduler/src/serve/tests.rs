//! The port as strangers find it: real gRPC, from Ballista's own client.

use std::error::Error;

use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, CreateUpdateSessionParams, ExecuteQueryParams,
    GetJobStatusParams, HeartBeatParams, PollWorkParams, RemoveSessionParams,
};
use datafusion::prelude::{CsvReadOptions, SessionContext};
use datafusion_proto::bytes::logical_plan_to_bytes;
use pannier_proto::wire::InfoRequest;
use pannier_proto::wire::run_service_client::RunServiceClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tonic::{Code, Request, Response, Status};

use super::*;

/// The answer to a plain request for a page.
async fn get(address: &str, page: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let ask = format!("GET {page} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn refused<T: std::fmt::Debug>(call: &str, answer: Result<Response<T>, Status>) {
    let code = answer.as_ref().err().map(Status::code);
    assert_eq!(code, Some(Code::PermissionDenied), "{call}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_and_sessions_of_strangers_are_refused() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let config = SchedulerConfig {
        state: dir.path().join("state"),
        warehouse: dir.path().join("warehouse").display().to_string(),
        ..SchedulerConfig::default()
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(config, listener, async {
        drop(stopped.await);
    }));

    // A plan that a client of Ballista's would send: it reads a file that is in no table.
    let secret = dir.path().join("secret.csv");
    std::fs::write(&secret, "n\n42\n")?;
    let context = SessionContext::new();
    let options = CsvReadOptions::new();
    let frame = context
        .read_csv(secret.display().to_string(), options)
        .await?;
    let plan = logical_plan_to_bytes(frame.logical_plan())?.to_vec();
    let query = |query| {
        Request::new(ExecuteQueryParams {
            query: Some(query),
            session_id: "s".into(),
            operation_id: "o".into(),
            ..ExecuteQueryParams::default()
        })
    };
    let url = format!("http://{address}");
    let mut ballista = SchedulerGrpcClient::connect(url.clone()).await?;
    for sent in [
        Query::LogicalPlan(plan.clone()),
        Query::PhysicalPlan(plan.clone()),
        Query::SubstraitPlan(plan),
    ] {
        refused(
            "ExecuteQuery",
            ballista.execute_query(query(sent.clone())).await,
        );
        let pushed = ballista.execute_query_push(query(sent)).await;
        refused("ExecuteQueryPush", pushed.map(|r| r.map(|_| ())));
    }
    let session = CreateUpdateSessionParams::default();
    refused(
        "CreateUpdateSession",
        ballista.create_update_session(session).await,
    );
    refused(
        "RemoveSession",
        ballista
            .remove_session(RemoveSessionParams::default())
            .await,
    );
    refused(
        "GetJobStatus",
        ballista.get_job_status(GetJobStatusParams::default()).await,
    );
    refused(
        "CancelJob",
        ballista.cancel_job(CancelJobParams::default()).await,
    );
    refused(
        "CleanJobData",
        ballista.clean_job_data(CleanJobDataParams::default()).await,
    );
    refused(
        "PollWork",
        ballista.poll_work(PollWorkParams::default()).await,
    );
    // What executors need gets through to Ballista, which has its own opinion of it.
    let beat = ballista
        .heart_beat_from_executor(HeartBeatParams::default())
        .await;
    assert_ne!(beat.err().map(|s| s.code()), Some(Code::PermissionDenied));

    // Ballista's pages, which would cancel jobs and show configs, are not there.
    for page in [
        "/",
        "/api/state",
        "/api/jobs",
        "/api/executors",
        "/api/metrics",
    ] {
        let answer = get(&address, page).await?;
        // What no route takes is answered as a call of gRPC that is not known.
        let absent = answer.contains(" 404 ") || answer.contains("grpc-status: 12");
        assert!(absent, "{page}: {answer}");
    }
    assert!(get(&address, "/healthz").await?.contains(" 200 "));
    // Our own services answer beside all that.
    let mut runs = RunServiceClient::connect(url).await?;
    assert_eq!(runs.info(InfoRequest {}).await?.into_inner().jobs, 0);
    drop(stop);
    serving.await??;
    Ok(())
}
