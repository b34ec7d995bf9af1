//! What users bought, basket by basket: what is learned from, and what a study judges by.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
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
    /// first `train` baskets are for training, the `valid` after them for validation.
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
        for (row, baskets) in histories.iter().enumerate() {
            let train = usize::try_from(train.value(row)).unwrap_or(0);
            let (known, later) = baskets.split_at(train.min(baskets.len()));
            let target = later.first().filter(|_| valid.value(row) > 0);
            self.push(users.value(row), known, target.map_or(&[], |t| &t[..]));
        }
        Ok(())
    }

    /// Adds a user; one who bought nothing known is left out.
    pub(crate) fn push(&mut self, user: &str, baskets: &[Vec<u32>], target: &[u32]) {
        if baskets.iter().all(Vec::is_empty) {
            return;
        }
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

    /// Indices there are, PAD and UNK among them.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// All baskets of training.
    pub(super) fn baskets(&self) -> &Rows<u32> {
        &self.baskets
    }

    /// A user's baskets of training, the oldest first.
    pub(super) fn history(&self, user: usize) -> Vec<&[u32]> {
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

/// The items of some baskets, sorted, each once.
pub(super) fn distinct(baskets: &[&[u32]]) -> Vec<u32> {
    let mut items = baskets.concat();
    items.sort_unstable();
    items.dedup();
    items
}
