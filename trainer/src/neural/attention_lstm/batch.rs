//! Users of a step: their histories packed, and what they bought next.

use std::sync::Arc;

use arrow::array::{AsArray, ListArray, RecordBatch};
use arrow::datatypes::{DataType, UInt32Type};
use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::ranking::ndcg;

use super::neighbours::Near;
use super::repeats::Repeats;
use crate::columns::column;
use crate::error::TrainerError;
use crate::neural::kernels::{Baskets, Link, Packing, Targets};

/// A user's baskets, the oldest first, of items counted from the first real one.
pub type History = Vec<Vec<u32>>;

/// Users of a step, by rank.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where rows of sequences lie.
    pub packing: Arc<Packing>,
    /// A basket for each row.
    pub baskets: Baskets,
    /// By row: the rank of its sequence.
    pub sequences: Vec<u32>,
    /// What was bought next.
    pub targets: Arc<Targets>,
    /// What logits become.
    pub link: Link,
    /// What users bought before, where it has logits of its own.
    pub repeats: Option<Repeats>,
}

impl Batch {
    /// Of users with their histories, none of which is empty, and next baskets; of a catalogue of so
    /// many items.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue.
    pub fn new(
        histories: &[History],
        targets: &[Vec<u32>],
        items: usize,
    ) -> Result<Self, TrainerError> {
        let all = histories.iter().flatten().chain(targets).flatten();
        if let Some(item) = all.max().filter(|item| **item as usize >= items) {
            let reason = format!(
                "item {item} is not below {items}: they and the vocab are of different versions"
            );
            return Err(TrainerError::data("sequences", reason));
        }
        let lengths: Vec<u32> = histories.iter().map(|h| h.len() as u32).collect();
        let packing = Packing::new(&lengths);
        let mut baskets: Vec<&[u32]> = Vec::with_capacity(packing.rows());
        let mut sequences = Vec::with_capacity(packing.rows());
        for step in 0..packing.longest() {
            for rank in 0..packing.active(step) {
                let history = &histories[packing.order[rank] as usize];
                baskets.push(&history[step]);
                sequences.push(rank as u32);
            }
        }
        let bought = packing.order.iter().map(|at| targets.get(*at as usize));
        let bought = bought.map(|target| target.map_or(&[][..], Vec::as_slice));
        Ok(Self {
            baskets: Baskets::new(baskets.into_iter()),
            sequences,
            targets: Arc::new(Targets::new(bought, items)),
            link: Link::Logistic,
            packing: Arc::new(packing),
            repeats: None,
        })
    }

    /// The same with what users bought before; of the same histories.
    #[must_use]
    pub fn with_repeats(mut self, histories: &[History], items: usize) -> Self {
        let by_rank = self.packing.order.iter().map(|at| &histories[*at as usize]);
        self.repeats = Some(Repeats::new(by_rank, items));
        self
    }

    /// The same with what users' neighbours say besides, in the order of the histories.
    #[must_use]
    pub(crate) fn with_near(
        mut self,
        histories: &[History],
        near: &[Vec<Near>],
        items: usize,
    ) -> Self {
        let order = self.packing.order.iter().map(|at| *at as usize);
        let by_rank = order.map(|at| (&histories[at], &near[at]));
        self.repeats = Some(Repeats::with(by_rank, items));
        self
    }

    /// The same for a softmax, where what was bought counts for what it can add to nDCG@k of its basket; of
    /// the same targets.
    #[must_use]
    pub(crate) fn of_shares(mut self, targets: &[Vec<u32>], k: usize) -> Self {
        let of = |at: &u32| worth(targets.get(*at as usize).map_or(0, Vec::len), k);
        let mut bought = Arc::unwrap_or_clone(self.targets);
        bought.worth = self.packing.order.iter().map(of).collect();
        self.targets = Arc::new(bought);
        self.link = Link::Softmax;
        self
    }

    /// Users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.packing.sequences()
    }
}

/// What an item of a basket of so many can add to nDCG@k at most; 1 where there are none.
pub(crate) fn worth(items: usize, k: usize) -> f32 {
    ndcg(std::iter::once(1), k, items.max(1)) as f32
}

/// Which baskets of a history count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Items of a basket, the most popular: those of the smallest indices.
    pub basket: usize,
    /// Baskets, the newest; 0: all.
    pub history: usize,
}

impl Limits {
    /// What counts of baskets with the indices of a vocab.
    pub(crate) fn history<'a>(&self, baskets: impl Iterator<Item = &'a [u32]>) -> History {
        let mut history: History = baskets
            .map(|basket| self.basket(basket))
            .filter(|basket| !basket.is_empty())
            .collect();
        if self.history > 0 && history.len() > self.history {
            history.drain(..history.len() - self.history);
        }
        history
    }

    fn basket(&self, basket: &[u32]) -> Vec<u32> {
        let mut items = real(basket);
        items.truncate(self.basket);
        items
    }
}

/// Real items of a basket, each once, counted from the first.
fn real(basket: &[u32]) -> Vec<u32> {
    let real = basket
        .iter()
        .filter_map(|item| item.checked_sub(FIRST_ITEM));
    let mut items: Vec<u32> = real.collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// Users with what they bought next.
#[derive(Debug, Default)]
pub(crate) struct Users {
    /// By name; none where they came without.
    pub names: Vec<Option<String>>,
    pub histories: Vec<History>,
    pub targets: Vec<Vec<u32>>,
}

/// The users of a feed's batch whose history and next basket hold real items.
///
/// # Errors
/// [`TrainerError::Data`] where its columns are not `history` and `target`.
pub(crate) fn users(batch: &RecordBatch, limits: Limits) -> Result<Users, TrainerError> {
    let wrong = |name: &str| {
        let reason = format!("column {name} is not there, or holds no lists of item indices");
        TrainerError::data("sequences", reason)
    };
    let list = |name: &str| {
        let column = batch.column_by_name(name);
        column
            .and_then(|c| c.as_list_opt::<i32>())
            .ok_or_else(|| wrong(name))
    };
    let (histories, targets) = (list("history")?, list("target")?);
    let baskets = histories.values().as_list_opt::<i32>();
    let baskets = baskets.ok_or_else(|| wrong("history"))?;
    let items = |of: &ListArray, name: &str| {
        let items = of.values().as_primitive_opt::<UInt32Type>();
        items
            .map(|items| items.values().clone())
            .ok_or_else(|| wrong(name))
    };
    let (bought, wanted) = (items(baskets, "history")?, items(targets, "target")?);
    let (starts, inner) = (histories.value_offsets(), baskets.value_offsets());
    let names = match batch.column_by_name("user_id") {
        Some(_) => Some(column(batch, "sequences", "user_id", &DataType::Utf8)?),
        None => None,
    };
    let names = names.as_ref().map(|names| names.as_string::<i32>());
    let mut users = Users::default();
    for row in 0..batch.num_rows() {
        let of = |at: usize| &bought[inner[at] as usize..inner[at + 1] as usize];
        let rows = starts[row] as usize..starts[row + 1] as usize;
        let history = limits.history(rows.map(of));
        let bounds = &targets.value_offsets()[row..row + 2];
        let target = real(&wanted[bounds[0] as usize..bounds[1] as usize]);
        if !history.is_empty() && !target.is_empty() {
            let name = names.map(|names| names.value(row).to_owned());
            users.names.push(name);
            users.histories.push(history);
            users.targets.push(target);
        }
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_empty_baskets_are_dropped_and_the_newest_stay() {
        let limits = Limits {
            basket: 2,
            history: 2,
        };
        let baskets: [&[u32]; 4] = [&[5], &[1, 0], &[9, 3, 4, 3], &[1, 2]];
        assert_eq!(limits.history(baskets.into_iter()), [vec![1, 2], vec![0]]);
    }

    #[test]
    fn rows_are_those_of_the_ranks() {
        let histories = [vec![vec![1]], vec![vec![2, 3], vec![0]]];
        let batch = Batch::new(&histories, &[vec![4], vec![1, 4]], 5).unwrap();
        assert_eq!(batch.packing.order, [1, 0]);
        assert_eq!(
            (batch.baskets.items.as_slice(), batch.sequences.as_slice()),
            (&[2, 3, 1, 0][..], &[0, 1, 0][..])
        );
        assert_eq!(batch.targets.sequences, [0, 0, 1]);
        assert!(Batch::new(&histories, &[vec![4], vec![5]], 5).is_err());
        let worth = batch.of_shares(&[vec![4], vec![1, 4]], 10).targets;
        assert_eq!(worth.worth, [1.0 / (1.0 + 1.0 / 3f32.log2()), 1.0]);
    }
}
