//! The answer to a query, row block by row block: nothing is gathered here.

use pannier_proto::wire::{SqlResponse, SqlRow};
use serde::Serialize;
use tonic::Streaming;

use crate::error::ClientError;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Arrow's name of the type, for example `Int64`.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// A query's answer as it arrives.
#[derive(Debug)]
pub struct Rows {
    url: String,
    columns: Vec<Column>,
    // Rows that came with the columns.
    first: Option<Vec<SqlRow>>,
    truncated: bool,
    stream: Streaming<SqlResponse>,
}

impl Rows {
    /// Waits for the first message, which names the columns.
    pub(crate) async fn open(
        url: String,
        mut stream: Streaming<SqlResponse>,
    ) -> Result<Self, ClientError> {
        let first = stream
            .message()
            .await
            .map_err(|status| ClientError::from_status(&url, &status))?
            .unwrap_or_default();
        let columns = first
            .columns
            .into_iter()
            .map(|c| Column {
                name: c.name,
                data_type: c.r#type,
            })
            .collect();
        Ok(Self {
            url,
            columns,
            first: Some(first.rows),
            truncated: first.truncated,
            stream,
        })
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether the limit cut rows off. Known once `next` has given `None`.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// The next block of rows; cells are text, null where they are. `None` after the last.
    ///
    /// # Errors
    /// Where the query fails on its way, or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<Option<String>>>>, ClientError> {
        let rows = match self.first.take() {
            Some(rows) => rows,
            None => match self.stream.message().await {
                Ok(Some(message)) => {
                    self.truncated |= message.truncated;
                    message.rows
                }
                Ok(None) => return Ok(None),
                Err(status) => return Err(ClientError::from_status(&self.url, &status)),
            },
        };
        Ok(Some(
            rows.into_iter()
                .map(|r| r.cells.into_iter().map(|c| c.text).collect())
                .collect(),
        ))
    }
}
