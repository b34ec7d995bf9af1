//! The answer to a query, batch by batch: nothing is gathered here.

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::record_batch::RecordBatch;
use pannier_proto::wire::sql_response::Kind;
use pannier_proto::wire::{SqlEnd, SqlResponse};
use tonic::Streaming;

use crate::error::ClientError;

/// A query's answer as it arrives. Dropped, it cancels the query.
#[derive(Debug)]
pub struct Rows {
    url: String,
    stream: Streaming<SqlResponse>,
    schema: SchemaRef,
    decoder: StreamDecoder,
    // Bytes that came and were not decoded yet.
    bytes: Buffer,
    // A batch that came with the schema.
    first: Option<RecordBatch>,
    end: Option<SqlEnd>,
}

impl Rows {
    /// Waits for the schema.
    pub(crate) async fn open(
        url: String,
        mut stream: Streaming<SqlResponse>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, ClientError> {
        let mut decoder = StreamDecoder::new();
        loop {
            match next_kind(&url, &mut stream).await? {
                Kind::Progress(p) => progress(p.done, p.total),
                Kind::Arrow(bytes) => {
                    let mut bytes = Buffer::from(bytes);
                    let first = decoder.decode(&mut bytes).map_err(|e| garbled(&url, &e))?;
                    if let Some(schema) = decoder.schema() {
                        return Ok(Self {
                            url,
                            stream,
                            schema,
                            decoder,
                            bytes,
                            first,
                            end: None,
                        });
                    }
                }
                Kind::End(_) => return Err(protocol(&url, "an answer has no columns")),
            }
        }
    }

    /// Columns and their types.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// Whether the limit cut rows off. Known once `next` has given `None`.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.truncated)
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// Where the query fails on its way, or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, ClientError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while self.end.is_none() {
            let decoded = self.decoder.decode(&mut self.bytes);
            if let Some(batch) = decoded.map_err(|e| garbled(&self.url, &e))? {
                return Ok(Some(batch));
            }
            match next_kind(&self.url, &mut self.stream).await? {
                Kind::Progress(_) => {}
                Kind::Arrow(bytes) => self.bytes = Buffer::from(bytes),
                Kind::End(end) => self.end = Some(end),
            }
        }
        self.decoder.finish().map_err(|e| garbled(&self.url, &e))?;
        Ok(None)
    }
}

/// What the next message says; an answer that stops before its end was lost.
async fn next_kind(url: &str, stream: &mut Streaming<SqlResponse>) -> Result<Kind, ClientError> {
    match stream.message().await {
        Ok(Some(message)) => message
            .kind
            .ok_or_else(|| protocol(url, "a message of an answer says nothing")),
        Ok(None) => Err(ClientError::Lost {
            url: url.to_owned(),
            reason: "the answer stopped before its end".to_owned(),
        }),
        Err(status) => Err(ClientError::from_status(url, &status)),
    }
}

fn garbled(url: &str, error: &ArrowError) -> ClientError {
    protocol(url, &format!("an answer cannot be decoded, {error}"))
}

fn protocol(url: &str, reason: &str) -> ClientError {
    ClientError::Protocol {
        url: url.to_owned(),
        reason: reason.to_owned(),
    }
}
