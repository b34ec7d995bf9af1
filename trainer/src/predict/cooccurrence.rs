//! The co-occurrence baseline: how many train baskets a candidate shares with the query's items.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::predict::queries::Query;
use crate::predict::scorers::Scorer;

/// Baskets laid end to end.
#[derive(Debug, Default)]
pub(crate) struct Baskets {
    items: Vec<u32>,
    /// End of each basket in `items`.
    ends: Vec<usize>,
}

impl Baskets {
    /// Adds a basket of real items, sorted, each once.
    pub(crate) fn push(&mut self, basket: &[u32]) {
        self.items.extend_from_slice(basket);
        self.ends.push(self.items.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(from, to)| &self.items[*from..*to])
    }
}

/// For each item, who shares how many baskets with it; sparse.
#[derive(Debug)]
pub(crate) struct CoOccurrence {
    rows: usize,
    /// By index: (other item, baskets with both), by index of the other.
    shared: Vec<Vec<(u32, u32)>>,
}

impl CoOccurrence {
    /// Counts. `rows`: indices there are, PAD and UNK among them. Runs on the current rayon pool;
    /// the counts do not depend on its size.
    pub(crate) fn new(baskets: &Baskets, rows: usize) -> Self {
        let whole: Vec<&[u32]> = baskets.iter().collect();
        let mut of_item: Vec<Vec<u32>> = vec![Vec::new(); rows];
        for (number, basket) in whole.iter().enumerate() {
            basket
                .iter()
                .for_each(|item| of_item[*item as usize].push(number as u32));
        }
        let count = |counts: &mut Vec<u32>, item: usize| {
            for other in of_item[item]
                .iter()
                .flat_map(|number| whole[*number as usize])
            {
                counts[*other as usize] += 1;
            }
            counts[item] = 0;
            let shared = counts
                .iter()
                .zip(0..)
                .filter(|(n, _)| **n > 0)
                .map(|(n, other)| (other, *n))
                .collect();
            counts.fill(0);
            shared
        };
        let shared = (0..rows)
            .into_par_iter()
            .map_init(|| vec![0u32; rows], count)
            .collect();
        Self { rows, shared }
    }
}

impl Scorer for CoOccurrence {
    fn score(&self, queries: &[Query], scores: &mut [f32]) {
        scores.fill(0.0);
        for (query, scores) in queries.iter().zip(scores.chunks_exact_mut(self.rows)) {
            for (other, n) in query
                .items
                .iter()
                .flat_map(|item| &self.shared[*item as usize])
            {
                // Exact below 2^24 shared baskets, rounded above.
                scores[*other as usize] += *n as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_equal_the_naive_ones(
            all in proptest::collection::vec(proptest::collection::btree_set(2u32..12, 0..6), 0..20),
            query in proptest::collection::btree_set(2u32..12, 0..4),
        ) {
            let mut baskets = Baskets::default();
            all.iter().for_each(|b| baskets.push(&b.iter().copied().collect::<Vec<_>>()));
            let mut scores = vec![7.0; 12];
            let items = query.iter().copied().collect();
            CoOccurrence::new(&baskets, 12).score(&[Query { items, ..Query::default() }], &mut scores);
            for candidate in 2u32..12 {
                let naive: usize = query
                    .iter()
                    .filter(|q| **q != candidate)
                    .map(|q| all.iter().filter(|b| b.contains(q) && b.contains(&candidate)).count())
                    .sum();
                prop_assert_eq!(scores[candidate as usize], naive as f32);
            }
        }
    }
}
