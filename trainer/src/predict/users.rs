//! Users ranked by cust2vec: each user's vector is inferred with the items fixed, then all items are
//! scored.
//!
//! A score is u·v + prior. Where V has pieces for the items around (`dm-concat`), v is the user's piece
//! alone, and u is inferred with nothing around: what a user bought is counted here, not in order, and
//! what will stand around the next item is not known.

use pannier_proto::ids::FIRST_ITEM;

use crate::als::Factors;
use crate::cust2vec::{Cust2vec, Vectors};
use crate::error::TrainerError;
use crate::predict::UserRanker;
use crate::predict::queries::Query;
use crate::predict::rank::{Place, first_by_product};
use crate::sgns::Documents;

/// A user's item stands so often in the list at most: more would say little more.
const OFTEN: f32 = 20.0;

/// What users are inferred and items scored with.
pub(crate) struct Users {
    kernel: Cust2vec,
    vectors: Vectors,
    /// Of the real items: V with the prior as one more number, which a user's vector meets with 1.
    items: Factors,
    epochs: u32,
}

impl Users {
    /// `priors`: of the real items.
    pub(crate) fn new(kernel: Cust2vec, vectors: Vectors, priors: &[f32], epochs: u32) -> Self {
        let dim = vectors.dim() + 1;
        let mut items = Factors::zero(priors.len(), dim);
        for (item, prior) in priors.iter().enumerate() {
            let row = items.row_mut(item);
            row[..dim - 1].copy_from_slice(vectors.output(item + FIRST_ITEM as usize));
            row[dim - 1] = *prior;
        }
        Self {
            kernel,
            vectors,
            items,
            epochs,
        }
    }
}

impl UserRanker for Users {
    /// The first places of every query, on the pool of the calling thread. A user who bought nothing
    /// gets the items by their priors, the most bought first.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where queries are of other items.
    fn rank(
        &self,
        queries: &[Query],
        places: usize,
        new_only: bool,
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let (mut items, mut ends) = (Vec::new(), Vec::new());
        for query in queries {
            for (item, count) in query.items.iter().zip(&query.counts) {
                let times = count.clamp(1.0, OFTEN) as usize;
                items.extend(std::iter::repeat_n(*item, times));
            }
            ends.push(items.len());
        }
        let lists = Documents::new(items, ends, self.vectors.rows())?;
        let inferred = self
            .kernel
            .infer_without_order(&self.vectors, &lists, self.epochs)?;
        let dim = self.vectors.dim();
        let mut users = Factors::zero(queries.len(), dim + 1);
        for (at, vector) in inferred.chunks_exact(dim).enumerate() {
            let row = users.row_mut(at);
            if !lists.get(at).is_empty() {
                row[..dim].copy_from_slice(vector);
            }
            row[dim] = 1.0;
        }
        let own: Vec<Vec<u32>> = queries
            .iter()
            .map(|query| query.items.iter().map(|item| item - FIRST_ITEM).collect())
            .collect();
        let left_out = |row: usize| if new_only { &own[row][..] } else { &[] };
        Ok(first_by_product(&users, &self.items, places, left_out))
    }
}
