//! Ballista's shuffle files, for readers that name them as Ballista does.
//!
//! Ballista joins the job's id of a ticket to its work folder as it comes, so an id such as `../..`
//! or `/srv` would have it read elsewhere. Here a ticket is looked at before Ballista is.

use std::net::SocketAddr;

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, PollInfo, SchemaResult, Ticket,
};
use ballista_core::error::BallistaError;
use ballista_core::serde::decode_protobuf;
use ballista_core::serde::scheduler::Action as Fetch;
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::shutdown::Shutdown;
use pannier_proto::MAX_MESSAGE_BYTES;
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status, Streaming};

/// Serves the files below `work` until `shutdown`.
pub fn serve(
    work: String,
    address: SocketAddr,
    mut shutdown: Shutdown,
    config: &GrpcServerConfig,
) -> JoinHandle<Result<(), BallistaError>> {
    let service = FlightServiceServer::new(Shuffle(BallistaFlightService::new(work)))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let server = create_grpc_server(config).add_service(service);
    tokio::spawn(async move {
        let served = server.serve_with_shutdown(address, shutdown.recv()).await;
        served.map_err(BallistaError::TonicError)
    })
}

/// Ballista's service behind a look at the ticket.
struct Shuffle(BallistaFlightService);

/// Refuses a ticket whose job's id could lead out of the work folder.
fn look(ticket: &[u8]) -> Result<(), Status> {
    let fetch = decode_protobuf(ticket)
        .map_err(|e| Status::invalid_argument(format!("this is no shuffle ticket: {e}")))?;
    let Fetch::FetchPartition { job_id, .. } = fetch;
    let id = job_id.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if id.is_empty() || !id.chars().all(plain) {
        return Err(Status::permission_denied(format!("`{id}` is no job's id")));
    }
    Ok(())
}

type Answer<T> = Result<Response<T>, Status>;
type Stream<T> = futures::stream::BoxStream<'static, Result<T, Status>>;

fn absent<T>(call: &str) -> Answer<T> {
    Err(Status::unimplemented(format!(
        "the shuffle's port has no {call}"
    )))
}

#[tonic::async_trait]
impl FlightService for Shuffle {
    type HandshakeStream = Stream<arrow_flight::HandshakeResponse>;
    type ListFlightsStream = Stream<FlightInfo>;
    type DoGetStream = <BallistaFlightService as FlightService>::DoGetStream;
    type DoPutStream = Stream<arrow_flight::PutResult>;
    type DoActionStream = <BallistaFlightService as FlightService>::DoActionStream;
    type ListActionsStream = Stream<ActionType>;
    type DoExchangeStream = Stream<FlightData>;

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        look(&request.get_ref().ticket)?;
        self.0.do_get(request).await
    }
    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        look(&request.get_ref().body)?;
        self.0.do_action(request).await
    }
    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        absent("handshake")
    }
    async fn list_flights(&self, _: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        absent("list of flights")
    }
    async fn get_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        absent("flight info")
    }
    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<PollInfo> {
        absent("flight info")
    }
    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        absent("schema")
    }
    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        absent("put")
    }
    async fn list_actions(&self, _: Request<Empty>) -> Answer<Self::ListActionsStream> {
        absent("list of actions")
    }
    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        absent("exchange")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::ipc::writer::StreamWriter;
    use ballista_core::serde::scheduler::{ShuffleFileKind, ShuffleLayout};
    use futures::StreamExt;
    use prost::Message;

    use super::*;

    /// A shuffle file where a ticket for this job is looked for.
    fn file(job: &Path) -> anyhow::Result<()> {
        let column = std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("n", column as _)])?;
        fs::create_dir_all(job.join("1/0"))?;
        let out = fs::File::create(job.join("1/0/data.arrow"))?;
        let mut writer = StreamWriter::try_new(out, &batch.schema())?;
        writer.write(&batch)?;
        Ok(writer.finish()?)
    }

    fn ticket(job: &str) -> anyhow::Result<bytes::Bytes> {
        let fetch = Fetch::FetchPartition {
            job_id: job.to_owned().into(),
            stage_id: 1,
            partition_id: 0,
            host: String::new(),
            port: 0,
            file_id: None,
            layout: ShuffleLayout::Passthrough,
            file_kind: ShuffleFileKind::Data,
            byte_ranges: Vec::new(),
        };
        let message: ballista_core::serde::protobuf::Action = fetch.try_into()?;
        Ok(message.encode_to_vec().into())
    }

    #[tokio::test]
    async fn a_ticket_reads_below_the_work_folder_only() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let (work, secret) = (dir.path().join("work"), dir.path().join("secret"));
        file(&work.join("job-1"))?;
        file(&secret)?;
        let service = Shuffle(BallistaFlightService::new(work.display().to_string()));
        let good = ticket("job-1")?;
        let get = |ticket| service.do_get(Request::new(Ticket { ticket }));
        let act = |body| {
            let r#type = "IO_BLOCK_TRANSPORT".to_owned();
            service.do_action(Request::new(Action { r#type, body }))
        };
        let got: Vec<_> = get(good.clone()).await?.into_inner().collect().await;
        assert!(got.len() > 1 && got.iter().all(Result::is_ok), "{got:?}");
        let got: Vec<_> = act(good).await?.into_inner().collect().await;
        assert!(!got.is_empty() && got.iter().all(Result::is_ok));

        // The same file is there for each of these.
        let absolute = secret.display().to_string();
        for job in ["../secret", "job-1/../../secret", &absolute, "", "."] {
            for refused in [get(ticket(job)?).await.err(), act(ticket(job)?).await.err()] {
                let code = refused.map(|s| s.code());
                assert_eq!(code, Some(tonic::Code::PermissionDenied), "{job}");
            }
        }
        let none = get(bytes::Bytes::from_static(b"x")).await.err();
        assert_eq!(none.map(|s| s.code()), Some(tonic::Code::InvalidArgument));
        Ok(())
    }
}
