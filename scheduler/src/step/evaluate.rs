//! Evaluation: SQL counts at which rank each hidden item was placed; the metrics are functions of
//! those counts. The same SQL and functions serve models and baselines.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use pannier_engine::catalog;
use pannier_proto::event::StepOutcome;
use pannier_proto::objects;
use std::sync::Arc;

use super::{StepFailure, StepResult, metrics};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::plan::StepKind;

/// Evaluates all methods of the run.
pub async fn evaluate(run: &StepRun) -> StepResult {
    let plan = &run.record.plan;
    let context = run.context.jobs.context()?;
    let queries = plan
        .table("queries")
        .ok_or_else(|| SchedulerError::Failed("the plan has no queries".into()))?;
    run.context
        .jobs
        .register(&context, "queries", &queries.version)
        .await?;
    let mut methods: Vec<(String, bool)> = Vec::new();
    for step in &plan.steps {
        if let StepKind::Predict { method, baseline } = &step.kind {
            register(run, &context, method, methods.len()).await?;
            methods.push((method.clone(), baseline.is_some()));
        }
    }
    let joint = ranks(run, &context, methods.len()).await?;
    let k = &plan.spec.evaluate.k;
    let (mut rows, mut paired) = (Vec::new(), Vec::new());
    for (at, (method, baseline)) in methods.iter().enumerate() {
        rows.extend(metrics::rows(
            method,
            &metrics::marginal(&joint, |r| r[at]),
            k,
        ));
        for (other, (against, other_baseline)) in methods.iter().enumerate() {
            if !*baseline && *other_baseline {
                let counts = metrics::marginal(&joint, |r| (r[at], r[other]));
                paired.extend(metrics::paired(method, against, &counts, k));
            }
        }
    }
    // The headline metric leads, models before baselines.
    rows.sort_by_key(|r| metrics::place(&r.metric, k));
    paired.sort_by_key(|r| metrics::place(&r.metric, k));
    Ok((
        StepOutcome::Evaluated {
            metrics: rows,
            paired,
        },
        false,
    ))
}

async fn register(
    run: &StepRun,
    context: &SessionContext,
    method: &str,
    at: usize,
) -> Result<(), StepFailure> {
    let fields = [
        ("query_id", DataType::UInt64),
        ("item_idx", DataType::UInt32),
        ("rank", DataType::UInt32),
        ("score", DataType::Float32),
    ];
    let schema = Arc::new(Schema::new(
        fields.map(|(n, t)| Field::new(n, t, true)).to_vec(),
    ));
    let path = format!(
        "{}/predictions.parquet",
        objects::predictions(&run.record.run_id, method)
    );
    let table = catalog::object(run.context.jobs.warehouse(), &path, schema).await?;
    context.register_table(format!("predictions_{at}"), table)?;
    Ok(())
}

/// How many queries have which ranks with the methods, in their order (0: the hidden item is not
/// in the list). One row per combination that occurs.
async fn ranks(
    run: &StepRun,
    context: &SessionContext,
    methods: usize,
) -> Result<Vec<(Vec<u32>, u64)>, StepFailure> {
    let each = |part: fn(usize) -> String| (0..methods).map(part).collect::<Vec<_>>();
    let ranks = each(|m| format!("coalesce(p{m}.rank, arrow_cast(0, 'UInt32'))"));
    let joins = each(|m| {
        format!(
            "left join predictions_{m} p{m} on p{m}.query_id = q.query_id and p{m}.item_idx = q.target"
        )
    });
    let named: Vec<String> = ranks
        .iter()
        .enumerate()
        .map(|(m, r)| format!("{r} as rank_{m}"))
        .collect();
    let sql = format!(
        "select {}, count(*) as n from queries q {} group by {}",
        named.join(", "),
        joins.join(" "),
        ranks.join(", ")
    );
    let query = context.sql(&sql).await?.into_optimized_plan()?;
    let batches = run.context.jobs.query(context, query, &run.cancel).await?;
    let mut out = Vec::new();
    for batch in &batches {
        let count = batch.column(methods).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            out.push((
                ranks_of(batch, methods, row),
                count.value(row).unsigned_abs(),
            ));
        }
    }
    Ok(out)
}

fn ranks_of(batch: &RecordBatch, methods: usize, row: usize) -> Vec<u32> {
    (0..methods)
        .map(|m| batch.column(m).as_primitive::<UInt32Type>().value(row))
        .collect()
}
