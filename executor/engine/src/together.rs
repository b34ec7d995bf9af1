//! Two narrow tables made of the same pieces of one source: they are read once, and each table takes
//! its rows and columns of what was read.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::exec::{EngineExec, EngineOp};
use crate::ops::read_raw::ReadRaw;

type Plan = Arc<dyn ExecutionPlan>;

/// One plan that writes both tables; `None` where they do not read the same pieces, each once.
///
/// # Errors
/// Where a plan cannot be put together.
pub fn together(one: &Plan, other: &Plan) -> Result<Option<Plan>> {
    let (Some(a), Some(b)) = (only_reading(one)?, only_reading(other)?) else {
        return Ok(None);
    };
    let (Some(first), Some(second)) = (raw(&a), raw(&b)) else {
        return Ok(None);
    };
    let alike = first.form == second.form && first.columns == second.columns;
    let as_many = one.output_partitioning().partition_count()
        == other.output_partitioning().partition_count();
    if !alike || !as_many || pieces(&a) != pieces(&b) {
        return Ok(None);
    }
    let columns = first.projection.iter().chain(&second.projection);
    let columns: BTreeSet<usize> = columns.copied().collect();
    let columns: Vec<usize> = columns.into_iter().collect();
    let plans = vec![sharing(one, &columns)?, sharing(other, &columns)?];
    Ok(Some(Arc::new(EngineExec::over(EngineOp::Both, plans)?)))
}

fn raw(plan: &Plan) -> Option<&ReadRaw> {
    match plan.downcast_ref::<EngineExec>()?.op() {
        EngineOp::ReadRaw(op) => Some(op),
        _ => None,
    }
}

/// The one node of a plan that reads raw files.
fn only_reading(plan: &Plan) -> Result<Option<Plan>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        found.extend(raw(node).map(|_| Arc::clone(node)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// What a reading is told to read, by partition.
fn pieces(reading: &Plan) -> Option<Vec<Vec<RecordBatch>>> {
    let source = reading
        .children()
        .first()?
        .downcast_ref::<DataSourceExec>()?;
    let memory = source.data_source().downcast_ref::<MemorySourceConfig>()?;
    Some(memory.partitions().to_vec())
}

/// The plan with its reading shared.
fn sharing(plan: &Plan, columns: &[usize]) -> Result<Plan> {
    let shared = Arc::clone(plan).transform_up(|node| {
        let Some(op) = raw(&node) else {
            return Ok(Transformed::no(node));
        };
        let op = EngineOp::ReadRaw(ReadRaw {
            shared: Some(columns.to_vec()),
            ..op.clone()
        });
        let inputs = node.children().into_iter().cloned().collect();
        Ok(Transformed::yes(
            Arc::new(EngineExec::over(op, inputs)?) as Plan
        ))
    })?;
    Ok(shared.data)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use datafusion::physical_plan::collect;
    use datafusion::prelude::SessionContext;
    use pannier_proto::manifest::{TableLineage, TableManifest};

    use super::*;
    use crate::narrow::narrow;
    use crate::raw::{RawColumn, RawFormat, RawPiece, RawRelation, RawType};
    use crate::session;
    use crate::table::{TableTarget, commit, manifest_columns, narrow_plan};
    use crate::warehouse::Warehouse;

    type Tested<T> = std::result::Result<T, Box<dyn std::error::Error>>;

    const GOOD: &str = "select n, m from raw where _reason is null and n % 3 > 0";
    const BAD: &str = "select _line as line, coalesce(_reason, 'third') as reason from raw where _reason is not null or n % 3 = 0";

    /// What makes a table of one of the queries.
    struct Made {
        context: SessionContext,
        query: datafusion::logical_expr::LogicalPlan,
        target: TableTarget,
        plan: Plan,
    }

    async fn made(
        warehouse: &Warehouse,
        name: &str,
        sql: &str,
        pieces: &[RawPiece],
    ) -> Tested<Made> {
        let columns = ["n", "m"].map(|name| RawColumn::new(name, RawType::Int64));
        let relation = RawRelation::new(pieces.to_vec(), RawFormat::Csv.into(), columns.to_vec());
        let state = session::state(session::narrow(), warehouse)?;
        let context = SessionContext::new_with_state(state);
        context.register_table("raw", Arc::new(relation))?;
        let target = TableTarget {
            warehouse: warehouse.root(),
            table: name.to_owned(),
            version: "v".into(),
            key: Vec::new(),
            sort: Vec::new(),
            parts: pieces.len() as u32,
            row_group_rows: 1000,
            pieces: pieces
                .iter()
                .map(|p| (p.part, format!("{name}{}", p.part)))
                .collect(),
        };
        let narrow = narrow(context.sql(sql).await?.into_unoptimized_plan())?;
        let query = narrow.query.clone();
        let plan = narrow_plan(&context.state(), narrow, &target).await?;
        Ok(Made {
            context,
            query,
            target,
            plan,
        })
    }

    impl Made {
        async fn commit(&self, warehouse: &Warehouse) -> Tested<TableManifest> {
            let columns = manifest_columns(&self.query);
            Ok(commit(warehouse, &self.target, columns, TableLineage::default()).await?)
        }
    }

    /// Files of numbers, some of which are none.
    fn files(folder: &std::path::Path) -> Tested<Vec<RawPiece>> {
        let mut pieces = Vec::new();
        for part in 0..5u32 {
            let line = |i: u32| match i % 7 {
                0 => format!("x,{i}\n"),
                _ => format!("{},{i}\n", i * part),
            };
            let rows: String = (0..20_000 * (part % 3)).map(line).collect();
            let path = folder.join(format!("{part}.csv"));
            std::fs::write(&path, format!("n,m\n{rows}"))?;
            pieces.push(RawPiece {
                path: path.display().to_string(),
                part,
                first_row: 0,
                rows: None,
            });
        }
        Ok(pieces)
    }

    /// How often a plan reads raw files by itself.
    fn unshared(plan: &Plan) -> usize {
        let below: usize = plan.children().into_iter().map(unshared).sum();
        below + usize::from(raw(plan).is_some_and(|op| op.shared.is_none()))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_tables_of_one_reading_are_those_of_two() -> Tested<()> {
        let folder = tempfile::tempdir()?;
        let pieces = files(folder.path())?;
        let mut digests = BTreeMap::new();
        for way in ["apart", "both"] {
            let root = folder.path().join(way);
            let warehouse = Warehouse::open(&root.display().to_string())?;
            let good = made(&warehouse, "good", GOOD, &pieces).await?;
            let bad = made(&warehouse, "bad", BAD, &pieces).await?;
            if way == "both" {
                let plan = together(&good.plan, &bad.plan)?.ok_or("they read the same")?;
                assert_eq!(unshared(&plan), 0);
                collect(plan, good.context.task_ctx()).await?;
            } else {
                collect(Arc::clone(&good.plan), good.context.task_ctx()).await?;
                collect(Arc::clone(&bad.plan), bad.context.task_ctx()).await?;
            }
            let (good, bad) = (
                good.commit(&warehouse).await?,
                bad.commit(&warehouse).await?,
            );
            assert_eq!(good.rows + bad.rows, 20_000 * 4);
            digests.insert(way, (good.digest, bad.digest));
        }
        assert_eq!(digests["apart"], digests["both"]);
        Ok(())
    }

    #[tokio::test]
    async fn what_one_cannot_write_neither_commits_in_part() -> Tested<()> {
        let folder = tempfile::tempdir()?;
        let pieces = files(folder.path())?;
        let warehouse = Warehouse::open(&folder.path().join("w").display().to_string())?;
        let good = made(&warehouse, "good", GOOD, &pieces).await?;
        let bad = made(
            &warehouse,
            "bad",
            "select _line / (n - n) as l from raw where n > 0",
            &pieces,
        )
        .await?;
        let plan = together(&good.plan, &bad.plan)?.ok_or("they read the same")?;
        assert!(collect(plan, good.context.task_ctx()).await.is_err());
        let whole = made(&warehouse, "whole", GOOD, &pieces).await?;
        collect(Arc::clone(&whole.plan), whole.context.task_ctx()).await?;
        let whole = whole.commit(&warehouse).await?;
        for file in good.commit(&warehouse).await?.files {
            let same = whole.files.iter().find(|f| f.part == file.part);
            assert!(
                same.is_some_and(|same| same.digest == file.digest),
                "{file:?}"
            );
        }
        Ok(())
    }

    #[tokio::test]
    async fn tables_of_other_pieces_are_read_apart() -> Tested<()> {
        let folder = tempfile::tempdir()?;
        let pieces = files(folder.path())?;
        let warehouse = Warehouse::open(&folder.path().join("w").display().to_string())?;
        let good = made(&warehouse, "good", GOOD, &pieces).await?;
        let bad = made(&warehouse, "bad", BAD, &pieces[1..]).await?;
        assert!(together(&good.plan, &bad.plan)?.is_none());
        Ok(())
    }
}
