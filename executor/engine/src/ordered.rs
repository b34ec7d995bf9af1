//! Whether a query's rows come in a table's order by themselves: those of a stored table of the same
//! order, of which columns were computed or rows left out, and nothing else.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use pannier_proto::manifest::TableManifest;

use crate::align::{column, projected, scan_of, scanned, table_of};
use crate::table::TableTarget;

/// Whether the rows of every partition come by part, and in a part by the target's sort columns. The
/// parts of one partition stand one after the other in a scan.
#[must_use]
pub fn in_order(
    plan: &Arc<dyn ExecutionPlan>,
    target: &TableTarget,
    inputs: &[TableManifest],
) -> bool {
    let schema = plan.schema();
    let places = |names: &[String]| -> Option<Vec<usize>> {
        names.iter().map(|n| schema.index_of(n).ok()).collect()
    };
    let (Some(sort), Some(key)) = (places(&target.sort), places(&target.key)) else {
        return false;
    };
    stored(plan, sort, key, target.parts, inputs).unwrap_or(false)
}

fn stored(
    plan: &Arc<dyn ExecutionPlan>,
    sort: Vec<usize>,
    key: Vec<usize>,
    parts: u32,
    inputs: &[TableManifest],
) -> Option<bool> {
    if let Some(scan) = scan_of(plan) {
        let (sort, key) = (scanned(plan, scan, &sort)?, scanned(plan, scan, &key)?);
        let table = table_of(scan, inputs)?;
        return Some(table.parts == parts && table.key == key && table.sort.starts_with(&sort));
    }
    let below = |columns: &[usize]| -> Option<Vec<usize>> {
        if let Some(node) = plan.downcast_ref::<ProjectionExec>() {
            return columns
                .iter()
                .map(|c| column(&node.expr()[*c].expr))
                .collect();
        }
        let node = plan.downcast_ref::<FilterExec>()?;
        projected(columns, node.projection().as_ref().map(AsRef::as_ref))
    };
    let (sort, key) = (below(&sort)?, below(&key)?);
    stored(plan.children().first()?, sort, key, parts, inputs)
}
