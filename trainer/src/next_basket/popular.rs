//! Items by how often, and how lately, all users bought them: the same for whoever asks.

use pannier_proto::spec::PopularityParams;

use super::method::{Asked, Method, Scratch, Take};
use super::sequences::Sequences;
use crate::error::TrainerError;

/// Scores by index, of each variant.
pub(super) struct Popular {
    variants: Vec<Vec<f32>>,
}

impl Popular {
    /// `counts` by index: what popularity without decay is. O(items bought) a variant with decay.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the sequences tell no days and a variant decays.
    pub(super) fn new(
        sequences: &Sequences,
        counts: &[u64],
        params: &[PopularityParams],
    ) -> Result<Self, TrainerError> {
        let scores = |params: &PopularityParams| {
            if params.decay < 1.0 {
                return decayed(sequences, params.decay);
            }
            Ok(counts.iter().map(|count| *count as f32).collect())
        };
        let variants = params.iter().map(scores).collect::<Result<_, _>>()?;
        Ok(Self { variants })
    }
}

/// Σ over the baskets with the item of decay^(days until the newest basket of all), by index.
fn decayed(sequences: &Sequences, decay: f64) -> Result<Vec<f32>, TrainerError> {
    let (days, baskets) = (sequences.days(), sequences.baskets());
    if days.len() != baskets.len() {
        let reason = "they tell no days (column ordered_at), which popularity with decay needs";
        return Err(TrainerError::data("sequences", reason));
    }
    let newest = days.iter().max().copied().unwrap_or_default();
    let mut scores = vec![0.0f64; sequences.items()];
    for (basket, day) in days.iter().enumerate() {
        let weight = decay.powf((newest - day) as f64);
        for item in baskets.row(basket) {
            scores[*item as usize] += weight;
        }
    }
    Ok(scores.into_iter().map(|score| score as f32).collect())
}

impl Method for Popular {
    fn score(&self, _: &Asked<'_>, _: &mut Scratch, take: Take<'_>) {
        let variants = self.variants.iter().enumerate();
        variants.for_each(|(at, scores)| take(at, scores));
    }
}
