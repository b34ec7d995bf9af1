//! Skipgram pairs of one basket: a pure function of (items, transform, row seed).
//! Mikolov et al. 2013, "Distributed Representations of Words and Phrases": the window's half
//! width is drawn uniformly for every center; frequent items may be dropped before pairing.

use crate::feed::{PairWindow, mix};

/// A stream of 64-bit numbers from one seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct KeyedRng(u64);

impl KeyedRng {
    /// Starts the stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        let out = mix(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        out
    }

    /// A number in `0..n` (Lemire's multiplication; its bias is below n/2^32). `n` is at least 1.
    pub fn below(&mut self, n: u32) -> u32 {
        (((self.next_u64() >> 32) * u64::from(n)) >> 32) as u32
    }
}

/// Makes pairs; keeps its buffer between baskets.
#[derive(Debug, Default)]
pub struct PairMaker {
    items: Vec<u32>,
}

impl PairMaker {
    /// Appends the pairs of one basket to `centers` and `contexts` (equally long).
    ///
    /// `keep` holds the chance, in 1/2^32, that an item stays; where it is empty all stay.
    /// Pairs of one center stand together.
    #[allow(clippy::too_many_arguments)]
    pub fn append(
        &mut self,
        basket: &[u32],
        first_item: u32,
        window: PairWindow,
        keep: &[u32],
        row_seed: u64,
        centers: &mut Vec<u32>,
        contexts: &mut Vec<u32>,
    ) {
        let mut rng = KeyedRng::new(row_seed);
        self.items.clear();
        for item in basket.iter().copied().filter(|i| *i >= first_item) {
            let kept = keep
                .get(item as usize)
                .is_none_or(|k| *k == u32::MAX || (rng.next_u64() >> 32) as u32 <= *k);
            if kept {
                self.items.push(item);
            }
        }
        let n = self.items.len();
        if n < 2 {
            return;
        }
        for i in (1..n).rev() {
            self.items.swap(i, rng.below(i as u32 + 1) as usize);
        }
        for at in 0..n {
            let reach = match window {
                PairWindow::Items(width) => rng.below(width.max(1)) as usize + 1,
                PairWindow::Basket => n,
            };
            let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(n));
            contexts.extend_from_slice(&self.items[from..at]);
            contexts.extend_from_slice(&self.items[at + 1..to]);
            centers.resize(contexts.len(), self.items[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(basket: &[u32], window: PairWindow, keep: &[u32], seed: u64) -> Vec<(u32, u32)> {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        PairMaker::default().append(basket, 2, window, keep, seed, &mut a, &mut b);
        a.into_iter().zip(b).collect()
    }

    #[test]
    fn a_basket_pairs_every_item_with_every_other() {
        let mut all = pairs(&[1, 5, 6, 7], PairWindow::Basket, &[], 3);
        all.sort_unstable();
        assert_eq!(all, [(5, 6), (5, 7), (6, 5), (6, 7), (7, 5), (7, 6)]);
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let basket: Vec<u32> = (2..30).collect();
        assert_eq!(
            pairs(&basket, PairWindow::Items(3), &[], 9),
            pairs(&basket, PairWindow::Items(3), &[], 9)
        );
        assert_ne!(
            pairs(&basket, PairWindow::Items(3), &[], 9),
            pairs(&basket, PairWindow::Items(3), &[], 10)
        );
    }

    #[test]
    fn window_reach_is_bounded_and_mean_is_half() {
        let basket: Vec<u32> = (2..102).collect();
        let count: usize = (0..200)
            .map(|s| pairs(&basket, PairWindow::Items(5), &[], s).len())
            .sum();
        // Mean reach 3 on both sides, less at the two ends.
        let per_item = count as f64 / (200.0 * 100.0);
        assert!((5.7..6.0).contains(&per_item), "{per_item}");
    }

    #[test]
    fn subsampling_drops_what_it_must() {
        let keep = vec![u32::MAX, u32::MAX, 0, u32::MAX, u32::MAX];
        assert_eq!(pairs(&[2, 3, 4], PairWindow::Basket, &keep, 1).len(), 2);
    }
}
