//! The training pairs of one step, checked once so that the kernel need not.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::UInt32Type;
use pannier_proto::feed::{KeyedRng, NoiseTable, mix};
use pannier_proto::ids::FIRST_ITEM;

use crate::error::TrainerError;

/// Pairs with their negatives; every index is a real item of a model of [`Pairs::rows`] rows.
#[derive(Debug, Clone)]
pub struct Pairs {
    centers: ScalarBuffer<u32>,
    contexts: ScalarBuffer<u32>,
    /// `negatives_per_pair` for each pair.
    negatives: Vec<u32>,
    negatives_per_pair: usize,
    rows: usize,
}

impl Pairs {
    /// Checks pairs and negatives. `rows`: of the model, PAD and UNK among them.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the lengths do not fit or an index is no real item.
    pub fn new(
        centers: ScalarBuffer<u32>,
        contexts: ScalarBuffer<u32>,
        negatives: Vec<u32>,
        negatives_per_pair: usize,
        rows: usize,
    ) -> Result<Self, TrainerError> {
        if contexts.len() != centers.len() || negatives.len() != centers.len() * negatives_per_pair
        {
            return Err(TrainerError::data(
                "pairs",
                "centers, contexts and negatives do not have the same length",
            ));
        }
        for indices in [&centers[..], &contexts[..], &negatives[..]] {
            let (low, high) = indices
                .iter()
                .fold((u32::MAX, 0), |(low, high), i| (low.min(*i), high.max(*i)));
            if !indices.is_empty() && (low < FIRST_ITEM || high as usize >= rows) {
                let bad = if low < FIRST_ITEM { low } else { high };
                return Err(TrainerError::data(
                    "pairs",
                    format!(
                        "item index {bad} is not in {FIRST_ITEM}..{rows}: feed and vocab are of different versions"
                    ),
                ));
            }
        }
        Ok(Self {
            centers,
            contexts,
            negatives,
            negatives_per_pair,
            rows,
        })
    }

    /// The pairs of a feed's step (columns center and context, both UInt32), with negatives drawn
    /// by (seed, epoch, step) alone. `negatives` is a buffer to reuse.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the batch has other columns, or as [`Pairs::new`].
    #[allow(clippy::too_many_arguments)]
    pub fn of_step(
        batch: &RecordBatch,
        noise: &NoiseTable,
        per_pair: usize,
        rows: usize,
        seed: u64,
        epoch: u64,
        step: u64,
        mut negatives: Vec<u32>,
    ) -> Result<Self, TrainerError> {
        let column = |at: usize| {
            let column = batch
                .columns()
                .get(at)
                .and_then(|c| c.as_primitive_opt::<UInt32Type>());
            column
                .filter(|c| c.null_count() == 0)
                .map(|c| c.values().clone())
        };
        let (Some(centers), Some(contexts)) = (column(0), column(1)) else {
            return Err(TrainerError::data(
                "pairs",
                "the batch's first two columns must be UInt32 without nulls",
            ));
        };
        let mut rng = KeyedRng::new(mix(seed ^ mix(epoch ^ mix(step ^ 0x6E65_6761_7469_7665))));
        negatives.clear();
        negatives.extend((0..centers.len() * per_pair).map(|_| noise.draw(&mut rng)));
        Self::new(centers, contexts, negatives, per_pair, rows)
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.centers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.centers.is_empty()
    }

    /// Rows of the model they were made for.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Negatives of each pair.
    #[must_use]
    pub fn negatives_per_pair(&self) -> usize {
        self.negatives_per_pair
    }

    /// Centers of all pairs.
    pub(crate) fn centers(&self) -> &[u32] {
        &self.centers
    }

    /// Contexts of all pairs.
    pub(crate) fn contexts(&self) -> &[u32] {
        &self.contexts
    }

    /// Center, context and negatives of a pair.
    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> (u32, u32, &[u32]) {
        let negatives = &self.negatives[at * self.negatives_per_pair..][..self.negatives_per_pair];
        (self.centers[at], self.contexts[at], negatives)
    }

    /// Gives the buffer of the negatives back.
    #[must_use]
    pub fn into_buffer(self) -> Vec<u32> {
        self.negatives
    }
}
