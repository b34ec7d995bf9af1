//! Read-only SQL over the newest version of every table: nothing but committed tables is to be
//! seen, no file by its path, and nothing can be changed.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use futures::stream::BoxStream;
use pannier_proto::wire::sql_service_server::SqlService;
use pannier_proto::wire::{SqlCell, SqlColumn, SqlRequest, SqlResponse, SqlRow};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::error::SchedulerError;
use crate::jobs::read_only;
use crate::plan::StepKind;
use crate::step::StepContext;

/// Rows of a message.
const MESSAGE_ROWS: usize = 500;

/// The service.
pub struct Sql {
    context: StepContext,
    limit: u32,
}

impl Sql {
    /// Serves this scheduler's tables, at most `limit` rows a request.
    pub fn new(context: StepContext, limit: u32) -> Self {
        Self { context, limit }
    }

    /// The newest committed version of each table: that of the newest run that has one.
    async fn tables(&self) -> Result<BTreeMap<String, String>, SchedulerError> {
        let mut newest = BTreeMap::new();
        for run_id in self.context.store.run_ids(100)? {
            for step in self.context.store.run(&run_id)?.plan.steps {
                let StepKind::Table(table) = step.kind else {
                    continue;
                };
                if newest.contains_key(&table.name) {
                    continue;
                }
                let manifest = pannier_proto::objects::table_manifest(&table.name, &table.version);
                if self.context.jobs.warehouse().exists(&manifest).await? {
                    newest.insert(table.name, table.version);
                }
            }
        }
        Ok(newest)
    }

    async fn query(&self, request: SqlRequest) -> Result<Vec<SqlResponse>, SchedulerError> {
        let jobs = &self.context.jobs;
        let context = jobs.context()?;
        let tables = self.tables().await?;
        for (name, version) in &tables {
            jobs.register(&context, name, version).await?;
        }
        let limit = if request.limit == 0 {
            self.limit
        } else {
            request.limit.min(self.limit)
        } as usize;
        let said = |e: datafusion::error::DataFusionError| {
            let known: Vec<&str> = tables.keys().map(String::as_str).collect();
            let help = if e.to_string().contains("not found") {
                format!("; there are {}", known.join(", "))
            } else {
                String::new()
            };
            SchedulerError::Failed(format!(
                "{}{help}",
                e.strip_backtrace().trim_end_matches('.')
            ))
        };
        let frame = context
            .sql_with_options(&request.sql, read_only())
            .await
            .map_err(said)?;
        if let LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) = frame.logical_plan() {
            let text = "explain is not served: only queries that give rows of the tables are";
            return Err(SchedulerError::Refused(text.into()));
        }
        let frame = frame.limit(0, Some(limit + 1)).map_err(said)?;
        let batches = jobs
            .query(
                &context,
                frame.into_optimized_plan().map_err(said)?,
                &CancellationToken::new(),
            )
            .await?;
        answer(&batches, limit)
    }
}

fn answer(batches: &[RecordBatch], limit: usize) -> Result<Vec<SqlResponse>, SchedulerError> {
    let mut rows = Vec::new();
    let options = FormatOptions::default();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c.as_ref() as &dyn Array, &options))
            .collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|e| SchedulerError::Failed(e.to_string()))?;
        for row in 0..batch.num_rows() {
            let cell = |(i, c): (usize, &ArrayFormatter<'_>)| SqlCell {
                text: batch
                    .column(i)
                    .is_valid(row)
                    .then(|| c.value(row).to_string()),
            };
            rows.push(SqlRow {
                cells: columns.iter().enumerate().map(cell).collect(),
            });
        }
    }
    let truncated = rows.len() > limit;
    rows.truncate(limit);
    let columns = batches.first().map(|b| {
        b.schema()
            .fields()
            .iter()
            .map(|f| SqlColumn {
                name: f.name().clone(),
                r#type: f.data_type().to_string(),
            })
            .collect()
    });
    let mut messages = vec![SqlResponse {
        columns: columns.unwrap_or_default(),
        rows: Vec::new(),
        truncated: false,
    }];
    for chunk in rows.chunks(MESSAGE_ROWS) {
        messages.push(SqlResponse {
            columns: Vec::new(),
            rows: chunk.to_vec(),
            truncated: false,
        });
    }
    if let Some(last) = messages.last_mut() {
        last.truncated = truncated;
    }
    Ok(messages)
}

#[tonic::async_trait]
impl SqlService for Sql {
    type QueryStream = BoxStream<'static, Result<SqlResponse, Status>>;

    async fn query(
        &self,
        request: Request<SqlRequest>,
    ) -> Result<Response<Self::QueryStream>, Status> {
        let messages = self.query(request.into_inner()).await?;
        Ok(Response::new(
            futures::stream::iter(messages.into_iter().map(Ok)).boxed(),
        ))
    }
}
