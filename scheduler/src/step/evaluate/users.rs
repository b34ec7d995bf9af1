//! Users: the first places of each, beside what they bought.

use datafusion::arrow::array::{Array, AsArray, ListArray};
use datafusion::arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use pannier_engine::catalog;

use super::StepFailure;
use crate::driver::StepRun;
use crate::step::check;
use crate::step::metrics::{Catalogue, Lists, Targets};

/// Columns of the answer before those of the methods.
const OWN: usize = 5;

/// Lists of all methods, in the order of the queries, as long as the longest that is measured.
pub async fn lists(
    run: &StepRun,
    context: &SessionContext,
    methods: usize,
) -> Result<Lists, StepFailure> {
    let k = run.record.plan.spec.evaluate.k.iter().copied().max();
    let k = k.unwrap_or_default();
    let each = |part: &dyn Fn(usize) -> String| -> String { (0..methods).map(part).collect() };
    let columns = each(&|m| format!(", p{m}.items as items_{m}"));
    let joins = each(&|m| {
        format!(
            " left join (select query_id, collect_sorted(item_idx, rank) as items from predictions_{m} \
             where rank <= {k} group by query_id) p{m} on p{m}.query_id = q.query_id"
        )
    });
    let sql = format!(
        "select q.query_id, q.targets, q.bought, q.items, q.baskets{columns} from queries q{joins} order by q.query_id"
    );
    let query = context.sql(&sql).await?.into_optimized_plan()?;
    let batches = run.context.jobs.query(context, query, &run.cancel).await?;
    let mut lists = Lists {
        targets: Vec::new(),
        of_method: vec![Vec::new(); methods],
        catalogue: catalogue(run, context).await?,
    };
    for batch in &batches {
        lists.targets.extend(targets(batch));
        for (of_method, column) in lists.of_method.iter_mut().zip(&batch.columns()[OWN..]) {
            of_method.extend(rows(column.as_list()));
        }
    }
    Ok(lists)
}

/// What users bought, and had bought before: targets, bought, items and baskets from the second column on.
fn targets(batch: &RecordBatch) -> impl Iterator<Item = Targets> {
    let bought = batch.column(2).as_primitive::<Int64Type>();
    let baskets: &ListArray = batch.column(4).as_list();
    let items = rows(batch.column(1).as_list()).zip(rows(batch.column(3).as_list()));
    items.enumerate().map(|(row, (items, mut known))| {
        if baskets.is_valid(row) {
            known.extend(rows(baskets.value(row).as_list()).flatten());
        }
        known.sort_unstable();
        known.dedup();
        let bought = bought.value(row).unsigned_abs();
        Targets {
            items,
            bought,
            known,
        }
    })
}

fn rows(lists: &ListArray) -> impl Iterator<Item = Vec<u32>> {
    (0..lists.len()).map(|row| {
        if lists.is_null(row) {
            return Vec::new();
        }
        lists
            .value(row)
            .as_primitive::<UInt32Type>()
            .values()
            .to_vec()
    })
}

/// How often each item was bought, and its department.
async fn catalogue(run: &StepRun, context: &SessionContext) -> Result<Catalogue, StepFailure> {
    let vocab = check::manifest(run, "vocab").await?;
    let table = catalog::table(run.context.jobs.warehouse(), &vocab)?;
    context.register_table("vocab", table)?;
    let sql = "select arrow_cast(item_idx, 'UInt32') as item_idx, arrow_cast(count, 'Int64') as count, \
               arrow_cast(department, 'Utf8') as department from vocab order by item_idx";
    let query = context.sql(sql).await?.into_optimized_plan()?;
    let mut catalogue = Catalogue::default();
    for batch in run.context.jobs.query(context, query, &run.cancel).await? {
        let items = batch.column(0).as_primitive::<UInt32Type>();
        let counts = batch.column(1).as_primitive::<Int64Type>();
        let departments = batch.column(2).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let department = departments.is_valid(row).then(|| departments.value(row));
            let count = counts.value(row).unsigned_abs();
            catalogue.add(items.value(row), count, department);
        }
    }
    Ok(catalogue)
}
