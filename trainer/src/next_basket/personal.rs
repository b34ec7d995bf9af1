//! Baselines that know the asked user only, and what is popular.

use pannier_proto::spec::{Fill, PersonalFrequencyParams};

use super::method::{Asked, Method, Scratch, Take};
use super::sparse::Entry;

/// Own items have scores above 0, others by popularity from -1 to below 0. O(items) a user.
pub(super) struct Personal {
    variants: Vec<Variant>,
    /// By index, from -1 to below 0.
    popularity: Vec<f32>,
}

enum Variant {
    Frequency(PersonalFrequencyParams),
    LastBasket,
}

impl Personal {
    /// By personal frequency. `counts` by index.
    pub(super) fn frequency(counts: &[u64], params: &[PersonalFrequencyParams]) -> Self {
        let variants = params.iter().copied().map(Variant::Frequency).collect();
        Self::new(counts, variants)
    }

    /// The items of the newest basket in which anything is known, by personal frequency.
    pub(super) fn last_basket(counts: &[u64]) -> Self {
        Self::new(counts, vec![Variant::LastBasket])
    }

    fn new(counts: &[u64], variants: Vec<Variant>) -> Self {
        let most = counts.iter().max().map_or(1.0, |most| *most as f32 + 1.0);
        let popularity = |count: &u64| *count as f32 / most - 1.0;
        Self {
            variants,
            popularity: counts.iter().map(popularity).collect(),
        }
    }
}

/// What is personal in the newest basket that holds anything.
fn of_last_basket(asked: &Asked<'_>) -> Vec<Entry> {
    let newest = asked.history.iter().rev().find(|basket| !basket.is_empty());
    let newest = newest.copied().unwrap_or_default();
    let mut all = asked.frequency(1.0);
    all.retain(|(item, _)| newest.binary_search(item).is_ok());
    all
}

impl Method for Personal {
    fn score(&self, asked: &Asked<'_>, scratch: &mut Scratch, take: Take<'_>) {
        let scores = &mut scratch.scores[..];
        for (at, variant) in self.variants.iter().enumerate() {
            let (own, fill) = match variant {
                Variant::Frequency(params) => (asked.frequency(params.decay), params.fill),
                Variant::LastBasket => (of_last_basket(asked), Fill::Popularity),
            };
            match fill {
                Fill::Popularity => scores.copy_from_slice(&self.popularity),
                Fill::None => scores.fill(f32::NEG_INFINITY),
            }
            own.iter()
                .for_each(|(item, weight)| scores[*item as usize] = *weight);
            take(at, scores);
        }
    }
}
