//! Narrow tables: each row is made of one row of a source, so each part is made of one piece of
//! it (a raw file, a range of its rows, a part of a table) and of nothing else. Such a table needs
//! no shuffle, keeps the order of its source, and a piece that is there need not be made again.
//!
//! This says whether a query is narrow, and carries the piece's number to the query's top.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, plan_err};
use datafusion::datasource::ViewTable;
use datafusion::error::Result;
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, Projection, Union};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, PartitionMode};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;

/// Name of the column that tells a row's piece.
pub const PIECE: &str = "_part";

/// A query that carries its rows' pieces.
#[derive(Debug)]
pub struct Narrow {
    /// The query, [`PIECE`] among its columns.
    pub query: LogicalPlan,
    /// Relations whose rows become the table's rows.
    pub over: BTreeSet<String>,
    /// Relations that it only looks things up in: what they hold decides every piece.
    pub beside: BTreeSet<String>,
}

/// A relation without rows that the planner knows to have none: what only reads it is no part of a plan.
///
/// # Errors
/// Where the schema cannot be used.
pub fn empty(schema: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    let nothing = LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(DFSchema::try_from(Arc::clone(schema))?),
    });
    Ok(Arc::new(ViewTable::new(nothing, None)))
}

/// Carries the pieces' numbers through an unoptimized query.
///
/// # Errors
/// Where the query is not narrow: it groups, sorts, limits, or reads a source twice.
pub fn narrow(query: LogicalPlan) -> Result<Narrow> {
    let mut over = BTreeSet::new();
    let mut beside = BTreeSet::new();
    let query = carry(query, &mut over, &mut beside)?;
    Ok(Narrow {
        query,
        over,
        beside,
    })
}

fn carry(
    plan: LogicalPlan,
    over: &mut BTreeSet<String>,
    beside: &mut BTreeSet<String>,
) -> Result<LogicalPlan> {
    for expr in plan.expressions() {
        expr.apply(|e| {
            if let Expr::InSubquery(s) = e {
                relations(&s.subquery.subquery, beside)?;
            } else if let Expr::Exists(s) = e {
                relations(&s.subquery.subquery, beside)?;
            } else if let Expr::ScalarSubquery(s) = e {
                relations(&s.subquery, beside)?;
            }
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })?;
    }
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.table_name.table().to_owned();
            if scan.source.schema().field_with_name(PIECE).is_err() {
                return plan_err!("`{name}` has no pieces");
            }
            if !over.insert(name.clone()) {
                return plan_err!("it reads the rows of `{name}` twice");
            }
            Ok(LogicalPlan::TableScan(scan))
        }
        LogicalPlan::EmptyRelation(nothing) if !nothing.produce_one_row => {
            Ok(LogicalPlan::EmptyRelation(nothing))
        }
        LogicalPlan::Projection(p) => {
            let input = carry(p.input.as_ref().clone(), over, beside)?;
            let mut exprs = p.expr;
            if !exprs.iter().any(|e| e.qualified_name().1 == PIECE) {
                // Without a qualifier: a union has the names of its first input, which the others lack.
                exprs.push(Expr::Column(piece_of(&input)?).alias(PIECE));
            }
            Ok(LogicalPlan::Projection(Projection::try_new(
                exprs,
                input.into(),
            )?))
        }
        LogicalPlan::Union(union) => {
            let inputs = union.inputs.iter();
            let inputs = inputs
                .map(|i| Ok(Arc::new(carry(i.as_ref().clone(), over, beside)?)))
                .collect::<Result<Vec<_>>>()?;
            // Made anew: its columns have no qualifier, whatever its first input calls them.
            Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
        }
        LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            let inputs = plan.inputs().into_iter().cloned().collect::<Vec<_>>();
            let inputs = inputs
                .into_iter()
                .map(|i| carry(i, over, beside))
                .collect::<Result<Vec<_>>>()?;
            plan.with_new_exprs(plan.expressions(), inputs)
        }
        LogicalPlan::Join(ref join) => {
            let left = carry(join.left.as_ref().clone(), over, beside)?;
            relations(&join.right, beside)?;
            plan.with_new_exprs(plan.expressions(), vec![left, join.right.as_ref().clone()])
        }
        other => plan_err!(
            "it has a {}; a narrow table makes each row of one row: it selects, filters, looks things up (the source stands left in a join), and no more",
            other.display()
        ),
    }
}

/// The column that tells the piece in a plan's output.
fn piece_of(plan: &LogicalPlan) -> Result<Column> {
    let (qualifier, field) = plan.schema().qualified_field_with_unqualified_name(PIECE)?;
    Ok(Column::new(qualifier.cloned(), field.name()))
}

/// Adds the names of all relations that a plan reads.
fn relations(plan: &LogicalPlan, found: &mut BTreeSet<String>) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found.insert(scan.table_name.table().to_owned());
        }
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Has every join send what it looks things up in to all, and never the source: a planner that
/// finds the source smaller would do that, and pieces would mix.
///
/// # Errors
/// Where a join cannot be turned.
pub fn source_stays(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let turned = plan.transform_up(|node| {
        let join = node.downcast_ref::<HashJoinExec>();
        let join = join.filter(|join| join.left().schema().index_of(PIECE).is_ok());
        match join {
            Some(join) => Ok(Transformed::yes(turned(join)?)),
            None => Ok(Transformed::no(node)),
        }
    })?;
    Ok(turned.data)
}

/// A join that has its source on the left, turned: what is looked up is gathered, and no longer
/// the source.
fn turned(join: &HashJoinExec) -> Result<Arc<dyn ExecutionPlan>> {
    let gathered = join.left().downcast_ref::<CoalescePartitionsExec>();
    let source = gathered.map_or_else(|| Arc::clone(join.left()), |g| Arc::clone(g.input()));
    let beside = Arc::new(CoalescePartitionsExec::new(Arc::clone(join.right())));
    let join = join
        .builder()
        .with_new_children(vec![source, beside])?
        .build()?;
    join.swap_inputs(PartitionMode::CollectLeft)
}

/// Checks that a physical plan kept every piece together and in order.
///
/// # Errors
/// Where rows of different pieces could meet.
pub fn check_physical(plan: &dyn ExecutionPlan) -> Result<()> {
    if plan.is::<RepartitionExec>() || plan.is::<CoalescePartitionsExec>() || plan.is::<SortExec>()
    {
        return plan_err!("a {} would mix its pieces", plan.name());
    }
    let children = plan.children();
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let sent = join.left().schema().index_of(PIECE).is_ok();
        if sent || *join.partition_mode() != PartitionMode::CollectLeft {
            return plan_err!("its join would mix its pieces");
        }
        return check_physical(join.right().as_ref());
    }
    if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
        return check_physical(join.right().as_ref());
    }
    for child in children {
        check_physical(child.as_ref())?;
    }
    Ok(())
}
