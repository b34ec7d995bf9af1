//! What users bought, basket by basket: what is learned from, and what a study judges by.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use pannier_proto::feed::FeedSpec;

use super::sparse::Rows;
use crate::columns::column;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::names::Names;
use crate::predict::queries::histories;

/// Users with their baskets of training, the oldest first. Baskets hold real items, sorted, each once;
/// those without any are kept, since decay counts baskets. Users who bought nothing known in the training
/// are not there.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    /// Indices there are, PAD and UNK among them.
    items: usize,
    names: Names,
    /// Users in the order of their names.
    by_name: Vec<u32>,
    baskets: Rows<u32>,
    /// The day of each basket, from 1970, where the table tells them.
    days: Vec<i64>,
    /// Where each user's baskets end.
    ends: Vec<usize>,
    /// The first basket of validation of each user; empty where there is none.
    targets: Rows<u32>,
}

impl Sequences {
    /// None yet. `items`: indices there are, PAD and UNK among them.
    pub(crate) fn none(items: usize) -> Self {
        Self {
            items,
            ..Self::default()
        }
    }

    /// Reads a whole feed of columns user_id, baskets: `List<List<UInt32>>`, train and valid: a user's
    /// first `train` baskets are for training, the `valid` after them for validation. A column
    /// ordered_at, lists of their times, gives them days.
    ///
    /// # Errors
    /// Those of the feed; [`TrainerError::Data`] where rows are not as said.
    pub(crate) fn read(
        context: &FeedContext,
        spec: &FeedSpec,
        items: usize,
    ) -> Result<Self, TrainerError> {
        let mut all = Self::none(items);
        context.read_all(spec, |batch| all.add(batch))?;
        all.close();
        Ok(all)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), TrainerError> {
        let of = |name, to| column(batch, "sequences", name, to);
        let users = of("user_id", &DataType::Utf8)?;
        let (train, valid) = (
            of("train", &DataType::Int64)?,
            of("valid", &DataType::Int64)?,
        );
        let (train, valid) = (
            train.as_primitive::<Int64Type>(),
            valid.as_primitive::<Int64Type>(),
        );
        let users = users.as_string::<i32>();
        let histories = histories(batch, "sequences", self.items)?.ok_or_else(|| {
            TrainerError::data("sequences", "they have no column baskets: lists of baskets")
        })?;
        let days = days_of(batch)?;
        for (row, baskets) in histories.iter().enumerate() {
            let train = usize::try_from(train.value(row)).unwrap_or(0);
            let (known, later) = baskets.split_at(train.min(baskets.len()));
            let target = later.first().filter(|_| valid.value(row) > 0);
            let mut of_known = days.get(row).cloned().unwrap_or_default();
            of_known.truncate(known.len());
            let target: &[u32] = target.map_or(&[], |target| &target[..]);
            self.push(users.value(row), (known, &of_known), target);
        }
        Ok(())
    }

    /// Adds a user's baskets and their days, of which there are none where nobody asks for them; a user
    /// who bought nothing known is left out.
    pub(crate) fn push(
        &mut self,
        user: &str,
        (baskets, days): (&[Vec<u32>], &[i64]),
        target: &[u32],
    ) {
        if baskets.iter().all(Vec::is_empty) {
            return;
        }
        self.days.extend_from_slice(days);
        self.names.push(user);
        baskets.iter().for_each(|basket| self.baskets.push(basket));
        self.ends.push(self.baskets.len());
        self.targets.push(target);
    }

    /// To be called when all users are there.
    pub(crate) fn close(&mut self) {
        self.by_name = (0..self.names.len() as u32).collect();
        let names = &self.names;
        self.by_name
            .sort_unstable_by_key(|user| (names.get(*user as usize), *user));
    }

    /// How many users.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A user's name.
    pub(crate) fn name(&self, user: usize) -> &str {
        self.names.get(user)
    }

    /// Indices there are, PAD and UNK among them.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// All baskets of training.
    pub(super) fn baskets(&self) -> &Rows<u32> {
        &self.baskets
    }

    /// The days of all baskets of training; none where the table did not tell them.
    pub(super) fn days(&self) -> &[i64] {
        &self.days
    }

    /// A user's baskets of training, the oldest first.
    pub(crate) fn history(&self, user: usize) -> Vec<&[u32]> {
        let from = user.checked_sub(1).map_or(0, |before| self.ends[before]);
        let baskets = from..self.ends[user];
        baskets.map(|basket| self.baskets.row(basket)).collect()
    }

    /// Each user's items of training, sorted, each once.
    pub(super) fn bought(&self) -> Rows<u32> {
        Rows::collect(self.len(), |user| distinct(&self.history(user)))
    }

    /// What a user bought first in the time of validation; nothing where that is not known.
    pub(super) fn target(&self, user: usize) -> &[u32] {
        self.targets.row(user)
    }

    /// The user of a name.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let of = |user: &u32| self.names.get(*user as usize);
        let at = self.by_name.binary_search_by(|user| of(user).cmp(name));
        at.ok().map(|at| self.by_name[at])
    }
}

/// The days of each row's baskets; nothing where the batch has no column `ordered_at`.
fn days_of(batch: &RecordBatch) -> Result<Vec<Vec<i64>>, TrainerError> {
    if batch.column_by_name("ordered_at").is_none() {
        return Ok(Vec::new());
    }
    let times = DataType::Timestamp(TimeUnit::Second, None);
    let times = column(batch, "sequences", "ordered_at", &list_of(times))?;
    let seconds = cast(&times, &list_of(DataType::Int64)).map_err(TrainerError::bug)?;
    let days = |times: Option<ArrayRef>| {
        let times = times.map(|times| times.as_primitive::<Int64Type>().values().clone());
        let times = times.iter().flat_map(|times| times.iter());
        times.map(|second| second.div_euclid(86_400)).collect()
    };
    Ok(seconds.as_list::<i32>().iter().map(days).collect())
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// The items of some baskets, sorted, each once.
pub(super) fn distinct(baskets: &[&[u32]]) -> Vec<u32> {
    let mut items = baskets.concat();
    items.sort_unstable();
    items.dedup();
    items
}
