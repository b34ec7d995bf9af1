//! Decisions: what each method said of them, beside whether they were bought.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Float32Type, Float64Type, Int64Type};
use datafusion::prelude::SessionContext;
use pannier_engine::catalog;
use pannier_proto::event::DecidedRow;

use super::StepFailure;
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::step::check;
use crate::step::metrics::Decisions;

/// Columns of the answer before those of the methods.
const OWN: usize = 4;

/// The held-out decisions with what was said of them, and what is to be told about them.
pub struct Asked {
    /// What metrics are made of.
    pub decisions: Decisions,
    /// What people are told.
    pub about: DecidedRow,
}

/// Asks for all of them, in the order of their users.
pub async fn asked(
    run: &StepRun,
    context: &SessionContext,
    methods: usize,
) -> Result<Asked, StepFailure> {
    let each = |part: &dyn Fn(usize) -> String| -> String { (0..methods).map(part).collect() };
    let columns = each(&|m| format!(", p{m}.score as score_{m}"));
    let joins =
        each(&|m| format!(" left join predictions_{m} p{m} on p{m}.decision_id = q.decision_id"));
    let sql = format!(
        "select arrow_cast(dense_rank() over (order by q.user_id), 'Int64') as user_at, q.label, \
           arrow_cast(q.user_idx, 'Int64') as user_idx, arrow_cast(q.item_idx, 'Int64') as item_idx{columns} \
         from queries q{joins} order by q.user_id, q.decision_id"
    );
    let query = context.sql(&sql).await?.into_optimized_plan()?;
    let mut decisions = Decisions {
        of_method: vec![Vec::new(); methods],
        threshold: share_bought(run, context).await?,
        ..Decisions::default()
    };
    let (mut new_users, mut new_items) = (0, 0);
    for batch in run.context.jobs.query(context, query, &run.cancel).await? {
        let whole = |column: usize| batch.column(column).as_primitive::<Int64Type>().values();
        let known = |of: &[i64]| of.iter().filter(|index| **index < 2).count() as u64;
        let number = |column: usize| batch.column(column).as_primitive::<Float32Type>();
        let users = whole(0).iter().map(|at| (at.unsigned_abs() as usize) - 1);
        decisions.users.extend(users);
        let labels = number(1).values().iter().map(|label| *label > 0.5);
        decisions.bought.extend(labels);
        new_users += known(whole(2));
        new_items += known(whole(3));
        for (at, of_method) in decisions.of_method.iter_mut().enumerate() {
            let scores = number(OWN + at);
            if datafusion::arrow::array::Array::null_count(scores) > 0 {
                let reason = "a method left out a decision that it was asked about";
                return Err(SchedulerError::Failed(reason.to_owned()).into());
            }
            of_method.extend(scores.values());
        }
    }
    let about = DecidedRow {
        context: run.record.plan.spec.prepare.context,
        n: decisions.bought.len() as u64,
        bought: decisions.bought.iter().filter(|bought| **bought).count() as u64,
        users: decisions.users.last().map_or(0, |last| *last as u64 + 1),
        new_users,
        new_items,
        threshold: decisions.threshold,
    };
    Ok(Asked { decisions, about })
}

/// The share of the train decisions that were bought.
async fn share_bought(run: &StepRun, context: &SessionContext) -> Result<f64, StepFailure> {
    let trained = check::manifest(run, "train_decisions").await?;
    let table = catalog::table(run.context.jobs.warehouse(), &trained)?;
    context.register_table("train_decisions", table)?;
    let sql = "select cast(count(case when label > 0.5 then 1 end) as double) / count(*) as share from train_decisions";
    let query = context.sql(sql).await?.into_optimized_plan()?;
    let batches = run.context.jobs.query(context, query, &run.cancel).await?;
    let share = batches.iter().find(|batch| batch.num_rows() > 0);
    Ok(share.map_or(0.5, |batch| {
        batch.column(0).as_primitive::<Float64Type>().value(0)
    }))
}
