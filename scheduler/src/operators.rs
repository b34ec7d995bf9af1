//! What the operators of a job cost: the engine's own measurements of each finished stage, added up
//! by operator.

use std::collections::BTreeMap;

use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use pannier_engine::exec::EngineExec;
use pannier_proto::event::Operator;

/// Times that count beside `elapsed_compute`. Others are parts of it, or waiting.
const BUSY: [&str; 7] = [
    "repart_time",
    "write_time",
    "spill_time",
    "join_time",
    "local_read_time",
    "fetch_time",
    "time_elapsed_processing",
];

/// The operators of a job, the dearest first.
pub fn of_job<'a>(stages: impl IntoIterator<Item = &'a ExecutionStage>) -> Vec<Operator> {
    let mut sums = BTreeMap::new();
    for stage in stages {
        if let ExecutionStage::Successful(stage) = stage {
            let mut metrics = stage.stage_metrics.iter();
            add(stage.plan.as_ref(), &mut metrics, &mut sums);
        }
    }
    sorted(sums)
}

/// Adds up the operators of several jobs.
pub fn sum<'a>(operators: impl IntoIterator<Item = &'a Operator>) -> Vec<Operator> {
    let mut sums: BTreeMap<String, Operator> = BTreeMap::new();
    for operator in operators {
        let sum = sums
            .entry(operator.name.clone())
            .or_insert_with(|| named(operator.name.clone()));
        sum.seconds += operator.seconds;
        sum.rows += operator.rows;
        sum.bytes += operator.bytes;
        sum.spilled += operator.spilled;
    }
    sorted(sums)
}

fn sorted(sums: BTreeMap<String, Operator>) -> Vec<Operator> {
    let mut operators: Vec<Operator> = sums.into_values().collect();
    operators.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    operators
}

fn named(name: String) -> Operator {
    Operator {
        name,
        seconds: 0.0,
        rows: 0,
        bytes: 0,
        spilled: 0,
    }
}

/// Walks a plan as Ballista did when it collected the metrics: a node, then its children.
fn add<'m>(
    plan: &dyn ExecutionPlan,
    metrics: &mut impl Iterator<Item = &'m MetricsSet>,
    sums: &mut BTreeMap<String, Operator>,
) {
    if plan.metrics().is_some() {
        let Some(measured) = metrics.next() else {
            return;
        };
        let name = name(plan);
        let operator = sums.entry(name.clone()).or_insert_with(|| named(name));
        for metric in measured.iter() {
            count(metric.value(), operator);
        }
    }
    for child in plan.children() {
        add(child.as_ref(), metrics, sums);
    }
}

fn count(value: &MetricValue, operator: &mut Operator) {
    let amount = value.as_usize() as u64;
    match value {
        MetricValue::ElapsedCompute(_) => operator.seconds += amount as f64 / 1e9,
        MetricValue::Time { name, .. } if BUSY.contains(&name.as_ref()) => {
            operator.seconds += amount as f64 / 1e9;
        }
        MetricValue::OutputRows(_) => operator.rows += amount,
        MetricValue::OutputBytes(_) => operator.bytes += amount,
        MetricValue::SpilledBytes(_) => operator.spilled += amount,
        _ => {}
    }
}

/// What people call a node.
fn name(plan: &dyn ExecutionPlan) -> String {
    if let Some(own) = plan.downcast_ref::<EngineExec>() {
        return own.op().name().to_owned();
    }
    plan.name().trim_end_matches("Exec").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_the_same_name_add_up_and_the_dearest_is_first() {
        let operator = |name: &str, seconds, rows| Operator {
            seconds,
            rows,
            ..named(name.to_owned())
        };
        let all = [
            operator("Sort", 1.0, 10),
            operator("Filter", 1.5, 5),
            operator("Sort", 2.0, 20),
        ];
        let sums = sum(&all);
        assert_eq!(
            sums,
            [operator("Sort", 3.0, 30), operator("Filter", 1.5, 5)]
        );
    }
}
