//! Evaluation: SQL finds what predictors placed where, the metrics are functions of that. The same SQL
//! and functions serve models and baselines.

mod baskets;
mod calibration;
mod decisions;
mod users;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use pannier_engine::catalog;
use pannier_proto::event::{MetricRow, PairedRow, StepOutcome};
use pannier_proto::objects;
use pannier_proto::spec::{Metric, Question};

use super::metrics::{self, Method};
use super::{StepFailure, StepResult, check};
use crate::driver::StepRun;
use crate::plan::{StepKind, queries};

/// Evaluates all methods of the run.
pub async fn evaluate(run: &StepRun) -> StepResult {
    let k = &run.record.plan.spec.evaluate.k;
    let (mut rows, mut paired): (Vec<MetricRow>, Vec<PairedRow>) = (Vec::new(), Vec::new());
    let (mut calibrated, mut curves, mut decided) = (Vec::new(), Vec::new(), None);
    for question in Question::ALL {
        let methods = methods(run, question);
        if methods.is_empty() {
            continue;
        }
        let context = answers(run, question, &methods).await?;
        let (of_methods, differences) = match question {
            Question::Basket => {
                let joint = baskets::ranks(run, &context, methods.len()).await?;
                metrics::of_baskets(&methods, &joint, k)
            }
            Question::User => {
                let lists = users::lists(run, &context, methods.len()).await?;
                for (at, method) in methods.iter().enumerate() {
                    if gives_probabilities(run, method) {
                        calibrated
                            .extend(calibration::rows(run, &context, &method.name, at).await?);
                    }
                }
                metrics::of_users(&methods, &lists, k)
            }
            Question::Decision => {
                let asked = decisions::asked(run, &context, methods.len()).await?;
                for (method, scores) in methods.iter().zip(&asked.decisions.of_method) {
                    let (name, decisions) = (&method.name, &asked.decisions);
                    calibrated.extend(metrics::calibration(name, decisions, scores));
                    curves.extend(metrics::curve(name, decisions, scores));
                }
                decided = Some(asked.about);
                metrics::of_decisions(&methods, &asked.decisions)
            }
        };
        rows.extend(of_methods);
        paired.extend(differences);
    }
    // The headline metric leads, models before baselines.
    let order: Vec<String> = Question::ALL
        .into_iter()
        .flat_map(|question| Metric::of(question, k))
        .map(|metric| metric.to_string())
        .collect();
    let place = |metric: &String| order.iter().position(|name| name == metric);
    rows.sort_by_key(|r| place(&r.metric));
    paired.sort_by_key(|r| place(&r.metric));
    let outcome = StepOutcome::Evaluated {
        metrics: rows,
        paired,
        calibration: calibrated,
        curves,
        decided,
    };
    Ok((outcome, false))
}

/// Whether a method's scores are probabilities.
fn gives_probabilities(run: &StepRun, method: &Method) -> bool {
    let mut models = run.record.plan.spec.train.iter();
    models.any(|t| !method.baseline && t.name == method.name && t.model.gives_probabilities())
}

/// Who was asked a question, in the order of the plan.
fn methods(run: &StepRun, asked: Question) -> Vec<Method> {
    let steps = run.record.plan.steps.iter();
    let methods = steps.filter_map(|step| match &step.kind {
        StepKind::Predict {
            method,
            baseline,
            question,
        } if *question == asked => Some(Method {
            name: method.clone(),
            baseline: baseline.is_some(),
        }),
        _ => None,
    });
    methods.collect()
}

/// The queries as `queries`, and the predictions of each method as `predictions_0` and so on.
async fn answers(
    run: &StepRun,
    question: Question,
    methods: &[Method],
) -> Result<SessionContext, StepFailure> {
    let jobs = &run.context.jobs;
    let context = jobs.context()?;
    let asked = check::manifest(run, queries(question)).await?;
    context.register_table("queries", catalog::table(jobs.warehouse(), &asked)?)?;
    let places = [
        ("query_id", DataType::UInt64),
        ("item_idx", DataType::UInt32),
        ("rank", DataType::UInt32),
        ("score", DataType::Float32),
    ];
    let judged = [
        ("decision_id", DataType::UInt64),
        ("score", DataType::Float32),
    ];
    let fields = match question {
        Question::Basket | Question::User => places.to_vec(),
        Question::Decision => judged.to_vec(),
    };
    let fields = fields.into_iter().map(|(n, t)| Field::new(n, t, true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let schema = Arc::new(schema);
    for (at, method) in methods.iter().enumerate() {
        let folder = objects::predictions(&run.record.run_id, question, &method.name);
        let path = format!("{folder}/predictions.parquet");
        let table = catalog::object(jobs.warehouse(), &path, Arc::clone(&schema)).await?;
        context.register_table(format!("predictions_{at}"), table)?;
    }
    Ok(context)
}
