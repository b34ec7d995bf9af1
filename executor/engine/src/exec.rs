//! One physical node for all operators of our own. Each is narrow: partition `i` of its output
//! is made from partition `i` of its inputs, so Ballista may cut the plan into tasks anywhere.
//!
//! Ballista can only restrict leaves that it knows to the partitions of a task. So reading files
//! is no leaf here: its input is a tiny in-memory relation of file paths.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use serde::{Deserialize, Serialize};

use crate::ops::{
    both, generate::Generate, order_ties::OrderTies, read_raw::ReadRaw, write_result::WriteResult,
    write_table::WriteTable,
};

/// An operator of our own: plain data, so that its JSON is its codec.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum EngineOp {
    /// File paths in, rows out.
    ReadRaw(ReadRaw),
    /// Rows in the order of some columns in, the same in full order out.
    OrderTies(OrderTies),
    /// Rows in, one row per part written out.
    WriteTable(WriteTable),
    /// Rows in, one answer to a query written out.
    WriteResult(WriteResult),
    /// One row in, raw files on storage.
    Generate(Generate),
    /// The rows of two plans over one reading.
    Both,
}

impl EngineOp {
    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReadRaw(_) => "ReadRaw",
            Self::OrderTies(_) => "OrderTies",
            Self::WriteTable(_) => "WriteTable",
            Self::WriteResult(_) => "WriteResult",
            Self::Generate(_) => "Generate",
            Self::Both => "Both",
        }
    }
}

/// The node.
#[derive(Debug)]
pub struct EngineExec {
    op: EngineOp,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl EngineExec {
    /// The operator over its input.
    ///
    /// # Errors
    /// Where the operator's schema cannot be made.
    pub fn try_new(op: EngineOp, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::over(op, vec![input])
    }

    /// The operator over as many inputs as it takes.
    ///
    /// # Errors
    /// As [`Self::try_new`], and where it takes another number of them.
    pub fn over(op: EngineOp, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<Self> {
        let takes = if matches!(op, EngineOp::Both) { 2 } else { 1 };
        if inputs.len() != takes {
            let (name, given) = (op.name(), inputs.len());
            return plan_err!("{name} takes {takes} inputs and was given {given}");
        }
        let partitions = partitions(&inputs[0]);
        if inputs
            .iter()
            .any(|input| self::partitions(input) != partitions)
        {
            return plan_err!("the inputs of {} differ in partitions", op.name());
        }
        let input = &inputs[0];
        let schema = match &op {
            EngineOp::ReadRaw(op) => op.schema()?,
            EngineOp::OrderTies(_) | EngineOp::Both => input.schema(),
            EngineOp::WriteTable(_) => WriteTable::schema(),
            EngineOp::WriteResult(_) => WriteResult::schema(),
            EngineOp::Generate(_) => Generate::schema(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            op,
            inputs,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The operator.
    #[must_use]
    pub fn op(&self) -> &EngineOp {
        &self.op
    }
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
}

impl DisplayAs for EngineExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Exec: ", self.op.name())?;
        match &self.op {
            EngineOp::ReadRaw(op) => write!(f, "format={}", op.form.format.name()),
            EngineOp::OrderTies(op) => write!(f, "by={:?}, ordered={}", op.by, op.ordered),
            EngineOp::WriteTable(op) => write!(f, "table={}, version={}", op.table, op.version),
            EngineOp::WriteResult(op) => write!(f, "id={}", op.id),
            EngineOp::Generate(op) => write!(f, "dir={}", op.dir),
            EngineOp::Both => Ok(()),
        }
    }
}

impl ExecutionPlan for EngineExec {
    fn name(&self) -> &'static str {
        "EngineExec"
    }
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.properties.eq_properties.schema())
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::over(self.op.clone(), children)?))
    }
    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition >= partitions(&self.inputs[0]) {
            return exec_err!("partition {partition} does not exist");
        }
        if matches!(self.op, EngineOp::Both) {
            return both::execute(&self.inputs, self.schema(), partition, &context);
        }
        let input = self.inputs[0].execute(partition, Arc::clone(&context))?;
        match &self.op {
            EngineOp::ReadRaw(op) => {
                op.execute(input, &context, self.schema(), &self.metrics, partition)
            }
            EngineOp::OrderTies(op) => {
                Ok(op.execute(input, self.schema(), &self.metrics, partition))
            }
            EngineOp::WriteTable(op) => op.execute(input, &context, &self.metrics, partition),
            EngineOp::WriteResult(op) => op.execute(input, &self.metrics, partition),
            EngineOp::Generate(op) => op.execute(input),
            EngineOp::Both => Ok(input),
        }
    }
    /// Rows of raw pieces are known where their files tell; it decides which side of a join is
    /// sent to all.
    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let EngineOp::ReadRaw(ReadRaw {
            rows: Some(rows), ..
        }) = &self.op
            && args.partition().is_none()
        {
            statistics.num_rows = Precision::Inexact(*rows as usize);
        }
        Ok(Arc::new(statistics))
    }
    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
