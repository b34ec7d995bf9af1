//! From a feed of counts to a sparse matrix: a row for each user, in the feed's order.

use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, UInt32Type};
use pannier_feed::digest::{Ledger, of_step};
use pannier_feed::reader::book_wait;
use pannier_proto::feed::FeedSpec;
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::work::StallLedger;

use super::entries::Entries;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::names::Names;
use crate::report::Pace;

/// What users bought.
pub(crate) struct Bought {
    pub users: Names,
    /// Users × real items.
    pub entries: Entries,
    /// Digests of the batches.
    pub ledger: Ledger,
    pub stall: StallLedger,
    pub wire_bytes: u64,
}

/// Reads a whole feed of columns user_id, item_idx and count; rows of a user stand together, in the
/// order of item_idx. `items`: real items of the vocab.
///
/// # Errors
/// Those of the feed; [`TrainerError::Data`] where rows are not as said.
pub(crate) fn bought(
    context: &FeedContext,
    spec: &FeedSpec,
    items: usize,
) -> Result<Bought, TrainerError> {
    let mut bought = Bought {
        users: Names::default(),
        entries: Entries::none(items),
        ledger: Ledger::default(),
        stall: StallLedger::default(),
        wire_bytes: 0,
    };
    let mut feed = context.open(spec, (0, 0), 1, false)?;
    let mut pace = Pace::new();
    while let Some((step, wait)) = feed.next_blocking()? {
        book_wait(&mut bought.stall, wait, step.spent);
        let began = Instant::now();
        bought
            .ledger
            .add(&of_step(step.epoch, step.step, &step.batch)?);
        bought.add(&step.batch)?;
        bought.wire_bytes += step.wire_bytes;
        bought.stall.decode += began.elapsed().as_secs_f64();
        let (done, rows) = (step.step + 1, step.batch.num_rows() as u64);
        let share = Some(bought.stall.stall_share());
        if let Some(progress) = pace.tick(done, spec.steps(), rows, share) {
            context.reporter.send(progress);
        }
    }
    Ok(bought)
}

impl Bought {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), TrainerError> {
        let users = column(batch, "user_id", &DataType::Utf8)?;
        let items = column(batch, "item_idx", &DataType::UInt32)?;
        let counts = column(batch, "count", &DataType::Float32)?;
        let (users, items) = (users.as_string::<i32>(), items.as_primitive::<UInt32Type>());
        let counts = counts.as_primitive::<Float32Type>();
        for row in 0..batch.num_rows() {
            let user = users.value(row);
            if !self.users.ends_with(user) {
                self.users.push(user);
                self.entries.push_row();
            }
            let item = items.value(row).checked_sub(FIRST_ITEM).ok_or_else(|| {
                TrainerError::data("counts", "they hold PAD or UNK, which are no items")
            })?;
            self.entries.push(item as usize, counts.value(row))?;
        }
        Ok(())
    }
}

fn column(batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef, TrainerError> {
    let wrong = |reason: String| TrainerError::data("counts", reason);
    let column = batch.column_by_name(name);
    let column = column.ok_or_else(|| wrong(format!("they have no column {name}")))?;
    if column.null_count() > 0 {
        return Err(wrong(format!("column {name} has nulls")));
    }
    cast(column, to).map_err(|e| wrong(format!("column {name} is no {to}: {e}")))
}
