//! Users ranked by the attention LSTM: from their baskets in order to the probability of every item.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::error::TrainerError;
use crate::neural::attention_lstm::{History, Limits, Ranks};
use crate::predict::UserRanker;
use crate::predict::queries::Query;
use crate::predict::rank::{Place, first_places};
use pannier_proto::ids::FIRST_ITEM;

/// Users scored together: no more scores than theirs are kept.
const BLOCK: usize = 64;

/// What users are ranked with.
pub(crate) struct Attentive {
    scorer: Box<dyn Ranks>,
    limits: Limits,
    /// By index.
    counts: Vec<u64>,
    /// Each item's share of all that was bought, by index: for users of whom nothing is known.
    popularity: Vec<f32>,
}

impl Attentive {
    /// `counts` by index.
    pub(crate) fn new(scorer: Box<dyn Ranks>, limits: Limits, counts: &[u64]) -> Self {
        let all = counts.iter().sum::<u64>().max(1) as f32;
        Self {
            scorer,
            limits,
            counts: counts.to_vec(),
            popularity: counts.iter().map(|count| *count as f32 / all).collect(),
        }
    }
}

impl UserRanker for Attentive {
    /// The first places of every query, on the pool of the calling thread. A score is the probability
    /// that the item is in the next basket; a user without a basket gets items by popularity.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where an item is not in the catalogue, or queries have items and no
    /// baskets.
    fn rank(
        &self,
        queries: &[Query],
        places: usize,
        new_only: bool,
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let without = |query: &Query| query.history.is_empty() && !query.items.is_empty();
        if queries.iter().any(without) {
            let reason = "they say what users bought, but not in which baskets: column `baskets`";
            return Err(TrainerError::data("queries", reason));
        }
        let mut all = Vec::with_capacity(queries.len());
        for block in queries.chunks(BLOCK) {
            let history =
                |query: &Query| self.limits.history(query.history.iter().map(Vec::as_slice));
            let mut histories: Vec<History> = block.iter().map(history).collect();
            let known: Vec<bool> = histories.iter().map(|h| !h.is_empty()).collect();
            histories.retain(|history| !history.is_empty());
            let chances = self.scorer.score(&histories)?;
            let items = self.counts.len() - FIRST_ITEM as usize;
            let mut rows = chances.chunks_exact(items);
            let rows = known
                .into_iter()
                .map(|known| known.then(|| rows.next()).flatten());
            let rows: Vec<Option<&[f32]>> = rows.collect();
            let ranked = block.par_iter().zip(rows).map(|(query, row)| {
                let own = if new_only { &query.items[..] } else { &[] };
                let mut scores = self.popularity.clone();
                if let Some(row) = row {
                    scores[FIRST_ITEM as usize..].copy_from_slice(row);
                }
                first_places(&scores, &self.counts, own, places)
            });
            all.extend(ranked.collect::<Vec<_>>());
        }
        Ok(all)
    }
}
