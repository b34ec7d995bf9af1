//! One shuffle where two would do the same. A table goes by part, `part_of(parts, key)`; a query
//! that groups or joins by that key shuffles by the key. Rows of a key that meet by part meet as
//! well, so the query's own shuffles go by part, and the table needs none of its own. Where all
//! inputs are tables that lie by that key already, not even those are needed.
//!
//! This rewrites the top of a physical plan, down to its first shuffles, and nothing below.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, PartitionMode, SortMergeJoinExec,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, Partitioning, ReplaceChildrenOptions,
};
use pannier_proto::manifest::TableManifest;

use crate::session::TARGET_PARTITIONS;
use crate::table::TableTarget;

type Plan = Arc<dyn ExecutionPlan>;

/// Where rows of one key come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    /// They lie together in the warehouse.
    Stored,
    /// The same, and the query reads them without a shuffle.
    Bare,
    /// A shuffle brings them together.
    Shuffled,
}

/// The plan with its shuffles by part, or `None` where its top does not shuffle by the table's key.
///
/// # Errors
/// Where a rewritten node cannot be made.
pub fn align(
    state: &SessionState,
    plan: Plan,
    target: &TableTarget,
    inputs: &[TableManifest],
) -> Result<Option<Plan>> {
    let schema = plan.schema();
    let key: Option<Vec<usize>> = target.key.iter().map(|k| schema.index_of(k).ok()).collect();
    let (Some(key), false) = (key, target.key.is_empty()) else {
        return Ok(None);
    };
    let Some(part_of) = state.scalar_functions().get("part_of").cloned() else {
        return Ok(None);
    };
    let align = Align {
        state,
        part_of,
        parts: target.parts.max(1),
        inputs,
    };
    let mut meetings = Vec::new();
    if !align.meetings(&plan, &key, &mut meetings) {
        return Ok(None);
    }
    let stored = meetings.iter().all(|m| *m != Meeting::Shuffled);
    // Where other rows are shuffled, those that no shuffle reaches would not meet them.
    if !stored && meetings.contains(&Meeting::Bare) {
        return Ok(None);
    }
    align.rewrite(plan, &key, stored).map(Some)
}

struct Align<'a> {
    state: &'a SessionState,
    part_of: Arc<datafusion::logical_expr::ScalarUDF>,
    parts: u32,
    inputs: &'a [TableManifest],
}

/// Where the key's columns are in the children of a node that keeps rows where they are.
enum Below {
    /// In these children, by their number; other children are read whole by every partition.
    In(Vec<(usize, Vec<usize>)>),
    /// Nowhere: the node mixes rows or makes the key.
    Lost,
}

impl Align<'_> {
    /// Finds where the rows of each key come together. False: not everywhere by the key.
    fn meetings(&self, plan: &Plan, key: &[usize], found: &mut Vec<Meeting>) -> bool {
        if plan.is::<DataSourceExec>() {
            found.push(Meeting::Bare);
            return self.lies_by(plan, key);
        }
        if let Some(shuffle) = plan.downcast_ref::<RepartitionExec>() {
            let by_key = hashed(shuffle).is_some_and(|columns| columns == key);
            let stored = by_key && self.stored(shuffle.input(), key);
            found.push(if stored {
                Meeting::Stored
            } else {
                Meeting::Shuffled
            });
            return by_key;
        }
        match below(plan, key) {
            Below::In(children) if !children.is_empty() => {
                let all = plan.children();
                children
                    .into_iter()
                    .all(|(at, key)| self.meetings(all[at], &key, found))
            }
            _ => false,
        }
    }

    /// Whether a plan's rows lie by the key as the warehouse stores them.
    fn stored(&self, plan: &Plan, key: &[usize]) -> bool {
        if plan.is::<DataSourceExec>() {
            return self.lies_by(plan, key);
        }
        match below(plan, key) {
            Below::In(children) if children.len() == 1 => {
                let (at, key) = &children[0];
                self.stored(plan.children()[*at], key)
            }
            _ => false,
        }
    }

    /// Whether a scan reads a table whose rows go to as many parts by the same key.
    fn lies_by(&self, plan: &Plan, key: &[usize]) -> bool {
        let Some(config) = scan_of(plan) else {
            return false;
        };
        let Some(names) = scanned(plan, config, key) else {
            return false;
        };
        let table = table_of(config, self.inputs);
        table.is_some_and(|m| m.parts == self.parts && m.key == names)
            && config.file_groups.len() == TARGET_PARTITIONS.min(self.parts as usize)
    }

    fn rewrite(&self, plan: Plan, key: &[usize], stored: bool) -> Result<Plan> {
        if let Some(shuffle) = plan.downcast_ref::<RepartitionExec>() {
            if stored {
                return Ok(Arc::clone(shuffle.input()));
            }
            let by_part = self.by_part(shuffle.input(), key)?;
            let by_part = Partitioning::Hash(vec![by_part], TARGET_PARTITIONS);
            return Ok(Arc::new(RepartitionExec::try_new(
                Arc::clone(shuffle.input()),
                by_part,
            )?));
        }
        let Below::In(children) = below(&plan, key) else {
            return Ok(plan);
        };
        let mut new: Vec<Plan> = plan.children().into_iter().cloned().collect();
        for (at, key) in children {
            new[at] = self.rewrite(Arc::clone(&new[at]), &key, stored)?;
        }
        if new.is_empty() {
            return Ok(plan);
        }
        let mode = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        plan.replace_children(new, mode)
    }

    /// `part_of(parts, key)` over a plan's columns.
    fn by_part(&self, plan: &Plan, key: &[usize]) -> Result<Arc<dyn PhysicalExpr>> {
        let schema = plan.schema();
        let parts = ScalarValue::UInt64(Some(u64::from(self.parts)));
        let mut args: Vec<Arc<dyn PhysicalExpr>> = vec![Arc::new(Literal::new(parts))];
        for at in key {
            args.push(Arc::new(Column::new(schema.field(*at).name(), *at)));
        }
        let options = Arc::clone(self.state.config_options());
        let call = ScalarFunctionExpr::try_new(Arc::clone(&self.part_of), args, &schema, options)?;
        Ok(Arc::new(call))
    }
}

/// Columns that a shuffle goes by, where it goes by columns alone.
fn hashed(shuffle: &RepartitionExec) -> Option<Vec<usize>> {
    let Partitioning::Hash(exprs, _) = shuffle.partitioning() else {
        return None;
    };
    exprs.iter().map(column).collect()
}

/// The column that an expression is, where it is nothing more.
pub(crate) fn column(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    expr.downcast_ref::<Column>().map(Column::index)
}

/// The scan of files that a node is.
pub(crate) fn scan_of(plan: &Plan) -> Option<&FileScanConfig> {
    let source = plan.downcast_ref::<DataSourceExec>()?.data_source();
    source.downcast_ref::<FileScanConfig>()
}

/// The table whose files a scan reads.
pub(crate) fn table_of<'m>(
    config: &FileScanConfig,
    tables: &'m [TableManifest],
) -> Option<&'m TableManifest> {
    let file = config.file_groups.iter().flat_map(|g| g.iter()).next()?;
    let location = file.object_meta.location.as_ref();
    let of = |m: &&TableManifest| m.files.iter().any(|f| location.ends_with(&f.path));
    tables.iter().find(of)
}

/// Names in the file of a scan's output columns.
pub(crate) fn scanned(plan: &Plan, config: &FileScanConfig, key: &[usize]) -> Option<Vec<String>> {
    let schema = plan.schema();
    let names = key
        .iter()
        .map(|at| match config.file_source().projection() {
            Some(projection) => {
                let projected = projection.as_ref().get(*at)?;
                let column = projected.expr.downcast_ref::<Column>()?;
                Some(column.name().to_owned())
            }
            None => Some(schema.field(*at).name().clone()),
        });
    names.collect()
}

/// Where a node finds the key in its children. Only nodes that hand each row on in the partition
/// in which it came are known here.
fn below(plan: &Plan, key: &[usize]) -> Below {
    let one = |key: Option<Vec<usize>>| match key {
        Some(key) => Below::In(vec![(0, key)]),
        None => Below::Lost,
    };
    if let Some(node) = plan.downcast_ref::<ProjectionExec>() {
        return one(key.iter().map(|k| column(&node.expr()[*k].expr)).collect());
    }
    if let Some(node) = plan.downcast_ref::<FilterExec>() {
        return one(projected(
            key,
            node.projection().as_ref().map(AsRef::as_ref),
        ));
    }
    if let Some(node) = plan.downcast_ref::<SortExec>() {
        return one(node.preserve_partitioning().then(|| key.to_vec()));
    }
    if let Some(node) = plan.downcast_ref::<AggregateExec>() {
        let single = matches!(node.mode(), AggregateMode::Single | AggregateMode::Final);
        let groups = node.group_expr().expr();
        let plain = node.group_expr().is_single() && !single;
        let in_input = key.iter().map(|k| column(&groups.get(*k)?.0));
        return one(if plain { in_input.collect() } else { None });
    }
    if plan.is::<WindowAggExec>() || plan.is::<BoundedWindowAggExec>() {
        let columns = plan.children()[0].schema().fields().len();
        return one(key.iter().all(|k| *k < columns).then(|| key.to_vec()));
    }
    if let Some(node) = plan.downcast_ref::<CrossJoinExec>() {
        let left = node.left().schema().fields().len();
        let right: Option<Vec<usize>> = key.iter().map(|k| k.checked_sub(left)).collect();
        return match right {
            Some(right) => Below::In(vec![(1, right)]),
            None => Below::Lost,
        };
    }
    if let Some(node) = plan.downcast_ref::<SortMergeJoinExec>() {
        let on = pairs(node.on());
        return joined(
            key,
            &on,
            node.join_type(),
            node.left().schema().fields().len(),
        );
    }
    if let Some(node) = plan.downcast_ref::<HashJoinExec>()
        && *node.partition_mode() == PartitionMode::Partitioned
    {
        let Some(key) = projected(key, node.projection.as_ref().map(AsRef::as_ref)) else {
            return Below::Lost;
        };
        let left = node.left().schema().fields().len();
        return joined(&key, &pairs(node.on()), *node.join_type(), left);
    }
    Below::Lost
}

/// Columns before a node's own projection.
pub(crate) fn projected(key: &[usize], projection: Option<&[usize]>) -> Option<Vec<usize>> {
    match projection {
        Some(projection) => key.iter().map(|k| projection.get(*k).copied()).collect(),
        None => Some(key.to_vec()),
    }
}

type On = [(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)];

fn pairs(on: &On) -> Vec<(Option<usize>, Option<usize>)> {
    on.iter().map(|(l, r)| (column(l), column(r))).collect()
}

/// A join by the key finds it on both sides. `left` is the number of the left side's columns.
fn joined(
    key: &[usize],
    on: &[(Option<usize>, Option<usize>)],
    join: JoinType,
    left: usize,
) -> Below {
    let keeps = matches!(
        join,
        JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
    );
    if !keeps || on.len() != key.len() {
        return Below::Lost;
    }
    let mut sides = (Vec::new(), Vec::new());
    for k in key {
        // An inner join's key may be taken from either side; a left join's only from the left.
        let pair = on.iter().find(|(l, r)| {
            *l == Some(*k) || (join == JoinType::Inner && r.map(|r| r + left) == Some(*k))
        });
        let Some((Some(l), Some(r))) = pair else {
            return Below::Lost;
        };
        sides.0.push(*l);
        sides.1.push(*r);
    }
    Below::In(vec![(0, sides.0), (1, sides.1)])
}
