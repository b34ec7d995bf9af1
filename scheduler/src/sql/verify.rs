//! What a plan of people's SQL may consist of. Everything is named: a node, a source or a function
//! that is not in these lists is refused, so that one that comes with another version of the query
//! engine is refused too until somebody has looked at it.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileScanConfig, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::source_as_provider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::manifest::TableManifest;

use crate::error::SchedulerError;

/// Operators that make rows of their inputs' rows, or of nothing. Scans are looked at on their own.
const OPERATORS: &[&str] = &[
    "AggregateExec",
    "BoundedWindowAggExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "EmptyExec",
    "FilterExec",
    "GlobalLimitExec",
    "HashJoinExec",
    "InterleaveExec",
    "LocalLimitExec",
    "NestedLoopJoinExec",
    "PartialSortExec",
    "PartitionedTopKExec",
    "PiecewiseMergeJoinExec",
    "PlaceholderRowExec",
    "ProjectionExec",
    "RepartitionExec",
    "SortExec",
    "SortExec(TopK)",
    "SortMergeJoinExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "UnnestExec",
    "WindowAggExec",
];

/// Functions of the session that do more than compute: they tell where the warehouse lies, or
/// read a table that the plan does not scan.
const REACHING: &[&str] = &["input_file_name", "is_in", "item_indices", "split_of"];

/// A file by its store and its path there.
type File = (String, String);

/// The lists for one query.
pub struct Verifier {
    functions: HashSet<String>,
    tables: Vec<Arc<dyn TableProvider>>,
    files: HashSet<File>,
}

fn refuse(what: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Plan(format!(
        "{what} is not served: a query reads committed tables and does nothing else"
    ))
}

impl Verifier {
    /// Lists with the functions of a session and no table.
    pub fn new(state: &SessionState) -> Self {
        let functions = (state.scalar_functions().keys())
            .chain(state.aggregate_functions().keys())
            .chain(state.window_functions().keys())
            .chain(state.higher_order_functions().keys());
        Self {
            functions: functions
                .filter(|name| !REACHING.contains(&name.as_str()))
                .cloned()
                .collect(),
            tables: Vec::new(),
            files: HashSet::new(),
        }
    }

    /// Adds a table: this provider, and the files of its manifest.
    ///
    /// # Errors
    /// Where a file's path is none.
    pub fn allow(
        &mut self,
        warehouse: &Warehouse,
        manifest: &TableManifest,
        table: Arc<dyn TableProvider>,
    ) -> std::result::Result<(), SchedulerError> {
        self.tables.push(table);
        for file in &manifest.files {
            let url = ListingTableUrl::parse(warehouse.url(&file.path))?;
            let store = url.object_store().as_str().to_owned();
            self.files.insert((store, url.prefix().to_string()));
        }
        Ok(())
    }

    /// Verifies a logical plan with all its subqueries.
    ///
    /// # Errors
    /// `Sql` that says what is not served.
    pub fn logical(&self, plan: &LogicalPlan) -> std::result::Result<(), SchedulerError> {
        let walked = plan.apply_with_subqueries(|node| {
            self.node(node)?;
            node.apply_expressions(|e| e.apply(|e| self.expression(e)))
        });
        walked.map(|_| ()).map_err(super::wrong)
    }

    fn node(&self, node: &LogicalPlan) -> Result<()> {
        match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Unnest(_) => Ok(()),
            LogicalPlan::TableScan(scan) => {
                let source = source_as_provider(&scan.source)?;
                let ours = self.tables.iter().any(|t| Arc::ptr_eq(t, &source));
                ours.then_some(())
                    .ok_or_else(|| refuse(format!("a scan of `{}`", scan.table_name)))
            }
            LogicalPlan::RecursiveQuery(_) => Err(refuse("a recursive query")),
            LogicalPlan::Extension(e) => Err(refuse(format!("the operator `{}`", e.node.name()))),
            LogicalPlan::Statement(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::DescribeTable(_) => {
                let text = node.display().to_string();
                let word = text.split([' ', ':']).next().unwrap_or_default();
                Err(refuse(format!("`{word}`")))
            }
        }
    }

    fn expression(&self, expression: &Expr) -> Result<TreeNodeRecursion> {
        match expression {
            Expr::ScalarFunction(f) => self.function(f.func.name())?,
            Expr::AggregateFunction(f) => self.function(f.func.name())?,
            Expr::WindowFunction(f) => self.function(f.fun.name())?,
            Expr::HigherOrderFunction(f) => self.function(f.func.name())?,
            Expr::ScalarVariable(_, name) => {
                return Err(refuse(format!("the variable `{}`", name.join("."))));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn function(&self, name: &str) -> Result<()> {
        let known = self.functions.contains(name);
        known
            .then_some(())
            .ok_or_else(|| refuse(format!("the function `{name}`")))
    }

    /// Verifies a physical plan.
    ///
    /// # Errors
    /// As [`Self::logical`].
    pub fn physical(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
    ) -> std::result::Result<(), SchedulerError> {
        let walked = plan.apply(|node| {
            match node.downcast_ref::<DataSourceExec>() {
                Some(source) => self.source(source)?,
                None if OPERATORS.contains(&node.name()) => {}
                None => return Err(refuse(format!("the operator `{}`", node.name()))),
            }
            node.apply_expressions(&mut |e: &Arc<dyn PhysicalExpr>| {
                e.apply(|e| match e.downcast_ref::<ScalarFunctionExpr>() {
                    Some(f) => self
                        .function(f.name())
                        .map(|()| TreeNodeRecursion::Continue),
                    None => Ok(TreeNodeRecursion::Continue),
                })
            })
        });
        walked.map(|_| ()).map_err(super::wrong)
    }

    /// Rows that are in the plan itself, or Parquet files that the manifests name.
    fn source(&self, source: &DataSourceExec) -> Result<()> {
        let source = source.data_source();
        if source.downcast_ref::<MemorySourceConfig>().is_some() {
            return Ok(());
        }
        let Some(scan) = source.downcast_ref::<FileScanConfig>() else {
            return Err(refuse("a source of rows of another kind"));
        };
        if scan.file_source().downcast_ref::<ParquetSource>().is_none() {
            return Err(refuse("a scan of files that are not Parquet"));
        }
        let store = scan.object_store_url.as_str();
        for file in scan.file_groups.iter().flat_map(|g| g.iter()) {
            let path = file.object_meta.location.to_string();
            if !self.files.contains(&(store.to_owned(), path)) {
                return Err(refuse("a file outside the tables of the query"));
            }
        }
        Ok(())
    }
}
