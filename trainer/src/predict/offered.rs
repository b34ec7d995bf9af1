//! Users ranked by a model of decisions: each is offered every item, at the item's own price and in the
//! context that is the user's own.

use arrow::array::RecordBatch;
use pannier_proto::ids::FIRST_ITEM;
use pannier_wide_deep::{Model, Rows};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::decisions::batch::{indices, numbers};
use crate::decisions::tables::{Dense, PRICE};
use crate::error::TrainerError;
use crate::predict::queries::Query;
use crate::predict::rank::{Place, first_places};

/// What users are ranked with.
pub(super) struct Offers {
    model: Model,
    /// Real items, their categories, and their context with the user's part at 0.
    items: Vec<u32>,
    categories: Vec<u32>,
    context: Vec<f32>,
    /// By index.
    counts: Vec<u64>,
}

impl Offers {
    /// `items`: the table of items that the model was trained with; `counts` by index.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the table lacks a column.
    pub(super) fn new(model: Model, items: &Dense, counts: &[u64]) -> Result<Self, TrainerError> {
        let names = model.context();
        let rows = items.rows.num_rows();
        let mut context = vec![0.0; rows * names.len()];
        if let Some(at) = names.iter().position(|name| name == PRICE) {
            let places = context.iter_mut().skip(at).step_by(names.len());
            let prices = items.numbers(PRICE)?;
            places.zip(prices).for_each(|(place, price)| *place = price);
        }
        Ok(Self {
            items: (FIRST_ITEM..).take(rows).collect(),
            categories: items.column("category_idx")?,
            context,
            counts: counts.to_vec(),
            model,
        })
    }

    /// Indices there are, PAD and UNK among them.
    pub(super) fn rows(&self) -> usize {
        self.items.len() + FIRST_ITEM as usize
    }

    /// The first places of every user, on the pool of the calling thread: a score is the probability that
    /// the user buys the item when it is offered. `asked`: columns user_idx, and the context that is the
    /// user's own.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where a column is not there, or of another model.
    pub(super) fn rank(
        &self,
        asked: &RecordBatch,
        queries: &[Query],
        (places, new_only): (usize, bool),
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let users = indices(asked, "user_idx")?;
        let names = self.model.context().iter().enumerate();
        let own = names.filter(|(_, name)| *name != PRICE);
        let own = own.map(|(at, name)| Ok((at, numbers(asked, name)?)));
        let own = own.collect::<Result<Vec<_>, TrainerError>>()?;
        let width = self.model.context().len();
        let ranked = users.into_par_iter().zip(queries).enumerate();
        let ranked = ranked.map(|(row, (user, query))| {
            let mut context = self.context.clone();
            for (at, numbers) in &own {
                let places = context.iter_mut().skip(*at).step_by(width);
                places.for_each(|place| *place = numbers[row]);
            }
            let chances = self.model.score(Rows {
                users: &vec![user; self.items.len()],
                items: &self.items,
                categories: &self.categories,
                context: &context,
            })?;
            let mut scores = vec![f32::NEG_INFINITY; FIRST_ITEM as usize];
            scores.extend(chances);
            let own = if new_only { &query.items[..] } else { &[] };
            Ok(first_places(&scores, &self.counts, own, places))
        });
        ranked.collect()
    }
}
