//! Decisions judged, each as it was asked.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use pannier_proto::spec::ModelSpec;
use pannier_proto::work::{Predictor, WorkOutcome};
use pannier_wide_deep::{Batch, Model};

use super::Prediction;
use crate::artifact::ArtifactConfig;
use crate::columns::column;
use crate::decisions::baselines::Baseline;
use crate::decisions::batch::decisions;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::neural::wide_deep;
use crate::report::Pace;
use crate::storage::Storage;
use crate::table_file::TableFile;

/// Who judges.
enum Judge {
    Model(Box<Model>),
    Baseline(Baseline),
}

impl Judge {
    fn new(
        of: &Prediction<'_>,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<Self, TrainerError> {
        match &of.work.predictor {
            Predictor::Decision { baseline, train } => {
                Ok(Self::Baseline(Baseline::fit(context, baseline, train)?))
            }
            Predictor::Model { artifact } => {
                let config = ArtifactConfig::read(storage, artifact, of.vocab)?;
                let ModelSpec::WideDeep(_) = config.model else {
                    return Err(TrainerError::bug(format!("{artifact} judges no decisions")));
                };
                let model = wide_deep::artifact::load(storage, artifact)?;
                Ok(Self::Model(Box::new(model)))
            }
            other => Err(TrainerError::bug(format!("{other:?} judges no decisions"))),
        }
    }

    fn context(&self) -> &[String] {
        match self {
            Self::Model(model) => model.context(),
            Self::Baseline(baseline) => &baseline.context,
        }
    }

    fn chances(&self, batch: &Batch) -> Result<Vec<f32>, TrainerError> {
        match self {
            Self::Model(model) => Ok(model.score(batch.rows())?),
            Self::Baseline(baseline) => Ok(baseline.chances(batch)),
        }
    }
}

/// decision_id, user_id, label and score of a batch.
fn judged(
    asked: &RecordBatch,
    batch: &Batch,
    chances: Vec<f32>,
) -> Result<RecordBatch, TrainerError> {
    let ids = column(asked, "queries", "decision_id", &DataType::UInt64)?;
    let users = asked.column_by_name("user_id");
    let missing = || TrainerError::data("queries", "they have no column user_id");
    let users = Arc::clone(users.ok_or_else(missing)?);
    let field = |name: &str, data_type: &DataType| Field::new(name, data_type.clone(), false);
    let schema = Schema::new(vec![
        field("decision_id", &DataType::UInt64),
        field("user_id", users.data_type()),
        field("label", &DataType::Float32),
        field("score", &DataType::Float32),
    ]);
    let labels: ArrayRef = Arc::new(Float32Array::from(batch.labels.clone()));
    let scores = Arc::new(Float32Array::from(chances));
    let rows = RecordBatch::try_new(Arc::new(schema), vec![ids, users, labels, scores]);
    rows.map_err(|e| TrainerError::data("queries", e.to_string()))
}

impl Prediction<'_> {
    /// Judges and writes.
    ///
    /// # Errors
    /// As [`Prediction::run`].
    pub(super) fn decide(
        &self,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<WorkOutcome, TrainerError> {
        let began = Instant::now();
        let pool = context.pool("judge")?;
        let judge = pool.install(|| Judge::new(self, context, storage))?;
        let mut output: Option<TableFile> = None;
        let (mut pace, mut done) = (Pace::new(), 0);
        let total = self.work.queries.row_groups.iter().sum();
        let mut feed = context.open(&self.work.queries, (0, 0), 1, false)?;
        while let Some((step, _)) = feed.next_blocking()? {
            context.go_on()?;
            let batch = decisions(&step.batch, judge.context())?;
            let chances = pool.install(|| judge.chances(&batch))?;
            let rows = judged(&step.batch, &batch, chances)?;
            let file = match &mut output {
                Some(file) => file,
                None => {
                    let path = format!("{}/predictions.parquet", self.work.output);
                    output.insert(TableFile::create(storage, path, rows.schema())?)
                }
            };
            file.write(&rows)?;
            done += rows.num_rows() as u64;
            if let Some(progress) = pace.tick(done, total, rows.num_rows() as u64, None) {
                context.reporter.send(progress);
            }
        }
        let Some(output) = output else {
            let reason = "there are none; check that the split holds something out";
            return Err(TrainerError::data("queries", reason));
        };
        let written = output.close()?;
        Ok(WorkOutcome::Predicted {
            queries: done,
            rows: written.rows,
            path: written.path,
            seconds: began.elapsed().as_secs_f64(),
            trials: Vec::new(),
            written: None,
        })
    }
}
