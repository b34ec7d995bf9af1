//! SQL that makes rows of a row: a user's transform of a feed, planned once and done batch by batch.
//!
//! A batch of a feed is the same bytes wherever and however often it is made, so nothing but what
//! looks at one row, and answers the same at any time, is let through. Reads no table.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType, Volatility};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    SendableRecordBatchStream, collect,
};
use datafusion::prelude::{SessionConfig, SessionContext};

/// Name of the relation that the SQL reads.
pub const RELATION: &str = "rows";

/// Why a query is no transform of rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowSqlError {
    /// It is no SQL, or does not fit the rows.
    #[error("{0}")]
    Sql(String),
    /// It looks further than one row.
    #[error(
        "it is not narrow: {what}. A feed's SQL makes rows of one row: columns and functions of them, `where`, and `unnest`"
    )]
    NotNarrow {
        /// What it has.
        what: String,
    },
    /// Its answer is not always the same.
    #[error(
        "it is not deterministic: `{function}` may answer otherwise another time; for randomness use the column `_random`, which is keyed by seed, epoch and row"
    )]
    NotDeterministic {
        /// The function.
        function: String,
    },
}

impl From<DataFusionError> for RowSqlError {
    fn from(error: DataFusionError) -> Self {
        Self::Sql(error.strip_backtrace())
    }
}

/// A query over the rows of one batch.
#[derive(Debug)]
pub struct RowSql {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

impl RowSql {
    /// Plans a query over the relation [`RELATION`] of these columns.
    ///
    /// # Errors
    /// Where it is no such query, not narrow, or not deterministic.
    pub async fn plan(sql: &str, columns: SchemaRef) -> Result<Self, RowSqlError> {
        // One partition: rows stay in their order.
        let config = SessionConfig::new()
            .with_target_partitions(1)
            .with_information_schema(false);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state);
        context.register_table(RELATION, Arc::new(Relation(columns)))?;
        let logical = context.state().create_logical_plan(sql).await?;
        narrow(&logical)?;
        let plan = context.state().create_physical_plan(&logical).await?;
        Ok(Self {
            plan,
            context: context.task_ctx(),
        })
    }

    /// Columns that come out.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// The columns that the query looks at.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        let mut reads = Vec::new();
        // The visitor cannot fail.
        let _ = self.plan.apply(|node| {
            if let Some(leaf) = (node.as_ref() as &dyn Any).downcast_ref::<Leaf>() {
                let fields = leaf.rows.schema();
                reads.extend(fields.fields().iter().map(|f| f.name().clone()));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        reads
    }

    /// What the query makes of a batch, in the order of its rows. Blocks; needs no runtime.
    ///
    /// # Errors
    /// Where a value cannot be computed.
    pub fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, RowSqlError> {
        let filled = Arc::clone(&self.plan).transform_up(|node| {
            let Some(leaf) = (node.as_ref() as &dyn Any).downcast_ref::<Leaf>() else {
                return Ok(Transformed::no(node));
            };
            Ok(Transformed::yes(
                Arc::new(leaf.filled(rows)?) as Arc<dyn ExecutionPlan>
            ))
        })?;
        let schema = filled.data.schema();
        let made = collect(filled.data, Arc::clone(&self.context));
        let made = futures::executor::block_on(made)?;
        concat_batches(&schema, &made).map_err(|e| RowSqlError::Sql(e.to_string()))
    }
}

/// Whether every node looks at one row only, and every function answers the same at any time.
fn narrow(plan: &LogicalPlan) -> Result<(), RowSqlError> {
    let mut wrong = None;
    plan.apply(|node| {
        wrong = wide_node(node).map(|what| RowSqlError::NotNarrow {
            what: what.to_owned(),
        });
        if wrong.is_none() {
            node.apply_expressions(|expression| {
                expression.apply(|part| {
                    wrong = wrong_expression(part);
                    Ok(stop_at(wrong.is_some()))
                })
            })?;
        }
        Ok(stop_at(wrong.is_some()))
    })?;
    wrong.map_or(Ok(()), Err)
}

fn stop_at(found: bool) -> TreeNodeRecursion {
    if found {
        TreeNodeRecursion::Stop
    } else {
        TreeNodeRecursion::Continue
    }
}

fn wide_node(node: &LogicalPlan) -> Option<&'static str> {
    Some(match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::TableScan(_) => return None,
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => "it brings rows together",
        LogicalPlan::Window(_) => "a window function looks at other rows",
        LogicalPlan::Sort(_) => "it sorts, and the order is the epoch's",
        LogicalPlan::Limit(_) => "it counts rows",
        LogicalPlan::Join(_) => "it joins",
        LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_) => "it takes rows more than once",
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => "it has rows of its own",
        _ => "it is more than a query",
    })
}

fn wrong_expression(expression: &Expr) -> Option<RowSqlError> {
    let not_narrow = |what: &str| {
        Some(RowSqlError::NotNarrow {
            what: what.to_owned(),
        })
    };
    match expression {
        Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
            not_narrow("it has a query inside")
        }
        Expr::AggregateFunction(_) | Expr::WindowFunction(_) => {
            not_narrow("a function looks at other rows")
        }
        Expr::ScalarFunction(function)
            if function.func.signature().volatility != Volatility::Immutable =>
        {
            Some(RowSqlError::NotDeterministic {
                function: function.name().to_owned(),
            })
        }
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => {
            not_narrow("it has a variable that nobody fills in")
        }
        _ => None,
    }
}

/// The relation while it is planned.
#[derive(Debug)]
struct Relation(SchemaRef);

#[async_trait]
impl TableProvider for Relation {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.0.fields().len()).collect();
        let leaf = Leaf::new(&self.0, projection.cloned().unwrap_or_else(all))?;
        Ok(Arc::new(leaf))
    }
}

/// Where a batch is put into the plan.
#[derive(Debug, Clone)]
struct Leaf {
    columns: Vec<usize>,
    rows: RecordBatch,
    properties: Arc<PlanProperties>,
}

impl Leaf {
    fn new(schema: &SchemaRef, columns: Vec<usize>) -> Result<Self> {
        let rows = RecordBatch::new_empty(Arc::new(schema.project(&columns)?));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(rows.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            columns,
            rows,
            properties: Arc::new(properties),
        })
    }

    fn filled(&self, rows: &RecordBatch) -> Result<Self> {
        Ok(Self {
            rows: rows.project(&self.columns)?,
            ..self.clone()
        })
    }
}

impl DisplayAs for Leaf {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATION}")
    }
}

impl ExecutionPlan for Leaf {
    fn name(&self) -> &'static str {
        "Rows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = vec![self.rows.clone()];
        let stream = MemoryStream::try_new(rows, self.rows.schema(), None)?;
        Ok(Box::pin(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, ListArray, UInt64Array};
    use datafusion::arrow::datatypes::UInt64Type;
    use datafusion::arrow::util::pretty::pretty_format_batches;

    fn rows() -> RecordBatch {
        let lists = [vec![1, 2], vec![], vec![5]];
        let lists = lists.map(|l| Some(l.into_iter().map(Some).collect::<Vec<Option<u64>>>()));
        let items = ListArray::from_iter_primitive::<UInt64Type, _, _>(lists);
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![7, 8, 9])) as _),
            ("items", Arc::new(items) as _),
            ("_random", Arc::new(UInt64Array::from(vec![3, 4, 5])) as _),
        ])
        .unwrap()
    }

    async fn plan(sql: &str) -> Result<RowSql, RowSqlError> {
        RowSql::plan(sql, rows().schema()).await
    }

    #[tokio::test]
    async fn rows_become_rows_in_their_order() {
        let sql = plan(
            "with some as (select id * 2 as twice, unnest(items) as item, _random from rows where id <> 8) \
             select twice, item from some where _random % 2 = 1",
        );
        let made = sql.await.unwrap().apply(&rows()).unwrap();
        let text = pretty_format_batches(&[made]).unwrap().to_string();
        let expected = "\
+-------+------+
| twice | item |
+-------+------+
| 14    | 1    |
| 14    | 2    |
| 18    | 5    |
+-------+------+";
        assert_eq!(text, expected);
    }

    #[tokio::test]
    async fn a_plan_is_used_from_many_threads() {
        let sql = plan("select id from rows where id > 7").await.unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for from in 0..3 {
                        let some = rows().slice(from, 3 - from);
                        let kept = sql.apply(&some).unwrap().num_rows();
                        assert_eq!(kept, 2.min(3 - from));
                    }
                });
            }
        });
        let nothing = sql.apply(&rows().slice(0, 0)).unwrap();
        assert_eq!((nothing.num_rows(), nothing.schema()), (0, sql.schema()));
    }

    #[tokio::test]
    async fn what_is_not_narrow_or_not_deterministic_is_refused() {
        for (sql, reason) in [
            ("select count(*) from rows", "it brings rows together"),
            ("select distinct id from rows", "it brings rows together"),
            ("select sum(id) over () from rows", "a window function"),
            (
                "select id from rows order by id",
                "the order is the epoch's",
            ),
            ("select id from rows limit 2", "it counts rows"),
            (
                "select a.id from rows a join rows b on a.id = b.id",
                "it joins",
            ),
            (
                "select id from rows union all select id from rows",
                "more than once",
            ),
            (
                "select id from rows where id in (select id from rows)",
                "a query inside",
            ),
            ("select 1", "rows of its own"),
            ("select random() from rows", "`random` may answer otherwise"),
            ("select now() from rows", "`now` may answer otherwise"),
            ("select id from rows where id = $1", "a variable"),
            ("drop table rows", "more than a query"),
            ("select id from users", "users"),
            ("select nothing from rows", "nothing"),
            ("selec id from rows", "selec"),
        ] {
            let error = plan(sql).await.unwrap_err().to_string();
            assert!(error.contains(reason), "{sql}: {error}");
        }
    }
}
