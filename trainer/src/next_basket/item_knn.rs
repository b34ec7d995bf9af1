//! Item-kNN: items by their cosine to what the user bought.
//!
//! Similarities take Σ over baskets (or users) of the square of the items in them, and hold the kept
//! neighbours of each item; a user takes own items × neighbours.

use pannier_proto::spec::{ItemKnnParams, KnnOver};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::method::{Asked, Method, Scratch, Take};
use super::nearest::Nearest;
use super::sequences::Sequences;
use super::sparse::{Entry, Rows};

/// The most similar items of each, in variants of how many count, and of decay.
pub(super) struct ItemKnn {
    variants: Vec<ItemKnnParams>,
    /// By index: others, most similar first.
    similar: Rows<Entry>,
    /// By index: similarity to itself.
    own: Vec<f32>,
}

impl ItemKnn {
    /// Learns from the training. The variants' `over` and `shrink` are those of the first.
    pub(super) fn new(sequences: &Sequences, variants: Vec<ItemKnnParams>) -> Self {
        let first = variants.first().copied().unwrap_or_default();
        let most = variants.iter().map(|params| params.neighbours).max();
        let most = most.unwrap_or_default() as usize;
        let bought;
        let groups = match first.over {
            KnnOver::Baskets => sequences.baskets(),
            KnnOver::Users => {
                bought = sequences.bought();
                &bought
            }
        };
        let items = sequences.items();
        let of_item = groups.transposed(items);
        let size = |item: usize| of_item.row(item).len() as f64;
        let neighbours = |common: &mut Vec<u32>, item: usize| -> Vec<Entry> {
            let mut others = Vec::new();
            for other in of_item
                .row(item)
                .iter()
                .flat_map(|g| groups.row(*g as usize))
            {
                if common[*other as usize] == 0 {
                    others.push(*other);
                }
                common[*other as usize] += 1;
            }
            others.sort_unstable();
            let mut nearest = Nearest::new(most);
            for other in others {
                let n = std::mem::take(&mut common[other as usize]);
                let norm = (size(item) * size(other as usize)).sqrt();
                if other as usize != item {
                    nearest.offer(f64::from(n) / (norm + first.shrink), other);
                }
            }
            let nearest = nearest.finish().into_iter();
            nearest.map(|(value, other)| (other, value)).collect()
        };
        let rows = (0..items).into_par_iter();
        let made: Vec<Vec<Entry>> = rows.map_init(|| vec![0; items], neighbours).collect();
        let mut similar = Rows::default();
        made.iter().for_each(|row| similar.push(row));
        let own = |item: usize| match size(item) {
            0.0 => 0.0,
            n => (n / (n + first.shrink)) as f32,
        };
        Self {
            variants,
            similar,
            own: (0..items).map(own).collect(),
        }
    }
}

impl Method for ItemKnn {
    fn score(&self, asked: &Asked<'_>, scratch: &mut Scratch, take: Take<'_>) {
        for (at, params) in self.variants.iter().enumerate() {
            let sums = &mut scratch.items;
            sums.fill(0.0);
            for (item, weight) in asked.frequency(params.decay) {
                let (item, weight) = (item as usize, f64::from(weight));
                sums[item] += weight * f64::from(self.own[item]);
                let similar = self.similar.row(item);
                for (other, value) in similar.iter().take(params.neighbours as usize) {
                    sums[*other as usize] += weight * f64::from(*value);
                }
            }
            let scores = scratch.scores.iter_mut().zip(sums.iter());
            scores.for_each(|(score, sum)| *score = *sum as f32);
            take(at, &scratch.scores);
        }
    }
}
