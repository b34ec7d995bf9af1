//! Shares that were bought, by index.

use pannier_proto::feed::mix;

/// Decisions that the mean counts as.
const PRIOR: f64 = 10.0;
/// Parts of the train decisions: a decision's own share is that of the other parts.
const FOLDS: usize = 10;

/// Of each index, the decisions of training and those of them that were bought; PAD and UNK count as
/// any other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shares {
    /// By index and part: bought, and all.
    counts: Vec<[u32; 2]>,
    mean: f64,
}

/// The part of a decision, by its place among the train decisions.
fn fold(row: usize) -> usize {
    (mix(row as u64) % FOLDS as u64) as usize
}

impl Shares {
    /// Of the train decisions with these indices.
    pub(super) fn new(indices: &[u32], labels: &[f32]) -> Self {
        let rows = indices
            .iter()
            .max()
            .map_or(0, |largest| *largest as usize + 1);
        let mut counts = vec![[0u32; 2]; rows * FOLDS];
        let mut bought = 0u64;
        for (row, (index, label)) in indices.iter().zip(labels).enumerate() {
            let hit = u32::from(*label > 0.5);
            let cell = &mut counts[*index as usize * FOLDS + fold(row)];
            *cell = [cell[0] + hit, cell[1] + 1];
            bought += u64::from(hit);
        }
        Self {
            counts,
            mean: bought as f64 / labels.len().max(1) as f64,
        }
    }

    /// (bought + 10 · mean) / (all + 10) over these parts.
    fn over<'a>(&self, counts: impl Iterator<Item = &'a [u32; 2]>) -> f64 {
        let sum = counts.fold([0.0, 0.0], |sum, of| {
            [sum[0] + f64::from(of[0]), sum[1] + f64::from(of[1])]
        });
        (sum[0] + PRIOR * self.mean) / (sum[1] + PRIOR)
    }

    fn parts(&self, index: u32) -> &[[u32; 2]] {
        let from = index as usize * FOLDS;
        self.counts.get(from..from + FOLDS).unwrap_or_default()
    }

    /// The share of an index; the mean where it has no decisions.
    pub(super) fn of(&self, index: u32) -> f64 {
        self.over(self.parts(index).iter())
    }

    /// The share of the index of a train decision, from the parts that it is not in.
    pub(super) fn of_train(&self, row: usize, index: u32) -> f64 {
        let own = fold(row);
        let others = self.parts(index).iter().enumerate();
        self.over(others.filter(|(at, _)| *at != own).map(|(_, of)| of))
    }
}
