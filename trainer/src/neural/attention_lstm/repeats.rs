//! What a user's own items say about when they are bought again: pairs of users and items with features
//! of the user's baskets. Pure.
//!
//! People buy the same things again, in a rhythm of their own; counting them, newest baskets first, is
//! what sequence models of whole baskets fail to beat (Li et al. 2023, "A Next Basket Recommendation
//! Reality Check"). The features hold such counts, so that what is learned of them can be a count, and
//! more.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::{History, worth};
use super::neighbours::{self, Near};
use crate::neural::kernels::Targets;

/// Weights of a basket by that of the next newer one; of each the sum over baskets with the item is a
/// feature.
const DECAYS: [f32; 5] = [0.5, 0.8, 0.9, 0.95, 1.0];

/// The same of sums that small baskets have more of: an item of a basket counts for its share of the
/// basket, and for what it can add to nDCG@10.
const SIZED: [f32; 3] = [0.9, 0.95, 1.0];
const K: usize = 10;

/// Features of a pair.
pub const FEATURES: usize = 2 * DECAYS.len() + 6 + 4 * SIZED.len() + 1;

/// Items of users, with their features: their own, and those that neighbours suggest.
#[derive(Debug, Clone)]
pub struct Repeats {
    /// By item, then by rank.
    pub pairs: Arc<Targets>,
    /// Of each pair: the rank of its user, and its item.
    pub ranks: Vec<i32>,
    pub items: Vec<i32>,
    /// Of each pair: 1 where the item is the user's own, else 0; none where all are.
    pub own: Option<Vec<f32>>,
    /// [pairs, FEATURES], and what neighbours say behind that.
    pub features: Vec<f32>,
}

/// What is known of a user's item.
#[derive(Debug, Clone, Copy, Default)]
struct Bought {
    sums: [f32; DECAYS.len()],
    /// Of shares of baskets, and of what they count for.
    sized: [[f32; SIZED.len()]; 2],
    /// Items of the baskets with it.
    beside: usize,
    first: usize,
    last: usize,
    times: usize,
}

impl Repeats {
    /// Of users' histories and what their neighbours say, by rank; of a catalogue of so many items.
    pub(crate) fn with<'a>(
        users: impl Iterator<Item = (&'a History, &'a Vec<Near>)>,
        items: usize,
    ) -> Self {
        let users: Vec<_> = users.collect();
        let items_of = |near: &[Near]| near.iter().map(|near| near.item).collect();
        let lists: Vec<Vec<u32>> = users.iter().map(|(_, near)| items_of(near)).collect();
        let pairs = Targets::new(lists.iter().map(Vec::as_slice), items);
        let (count, width) = (pairs.sequences.len(), FEATURES + neighbours::FEATURES);
        let mut features = vec![0.0; count * width];
        let (mut of_items, mut own) = (vec![0; count], vec![0.0; count]);
        let mut next = pairs.starts.clone();
        for (history, near) in users {
            let bought = of_user(history);
            for near in near {
                let at = next[near.item as usize] as usize;
                next[near.item as usize] += 1;
                let out = &mut features[at * width..][..width];
                let (of_pair, of_near) = out.split_at_mut(FEATURES);
                if let Some(bought) = bought.get(&near.item) {
                    bought.write(history.len(), of_pair);
                }
                of_near.copy_from_slice(&near.features);
                of_items[at] = near.item as i32;
                own[at] = f32::from(near.own);
            }
        }
        Self {
            ranks: pairs.sequences.iter().map(|rank| *rank as i32).collect(),
            items: of_items,
            own: Some(own),
            features,
            pairs: Arc::new(pairs),
        }
    }

    /// Of users' histories by rank; of a catalogue of so many items.
    pub fn new<'a>(histories: impl Iterator<Item = &'a History>, items: usize) -> Self {
        let of_users: Vec<_> = histories.map(|h| (h.len(), of_user(h))).collect();
        let lists: Vec<Vec<u32>> = of_users
            .iter()
            .map(|(_, own)| own.keys().copied().collect())
            .collect();
        let pairs = Targets::new(lists.iter().map(Vec::as_slice), items);
        let count = pairs.sequences.len();
        let mut features = vec![0.0; count * FEATURES];
        let mut of_items = vec![0; count];
        let mut next = pairs.starts.clone();
        for (baskets, own) in &of_users {
            for (item, bought) in own {
                let at = next[*item as usize] as usize;
                next[*item as usize] += 1;
                bought.write(*baskets, &mut features[at * FEATURES..][..FEATURES]);
                of_items[at] = *item as i32;
            }
        }
        Self {
            ranks: pairs.sequences.iter().map(|rank| *rank as i32).collect(),
            items: of_items,
            own: None,
            features,
            pairs: Arc::new(pairs),
        }
    }
}

/// A user's items, ascending.
fn of_user(history: &History) -> BTreeMap<u32, Bought> {
    let mut own: BTreeMap<u32, Bought> = BTreeMap::new();
    for (at, basket) in history.iter().enumerate() {
        let age = (history.len() - 1 - at) as i32;
        let weights = DECAYS.map(|decay| decay.powi(age));
        let by = [1.0 / basket.len().max(1) as f32, worth(basket.len(), K)];
        let of_size = by.map(|by| SIZED.map(|decay| by * decay.powi(age)));
        for item in basket {
            let bought = own.entry(*item).or_insert(Bought {
                first: at,
                ..Bought::default()
            });
            bought
                .sums
                .iter_mut()
                .zip(weights)
                .for_each(|(s, w)| *s += w);
            for (sums, by) in bought.sized.iter_mut().zip(of_size) {
                sums.iter_mut().zip(by).for_each(|(s, w)| *s += w);
            }
            bought.beside += basket.len();
            bought.last = at;
            bought.times += 1;
        }
    }
    own
}

/// The sum of an item in every one of so many baskets.
fn every(decay: f32, baskets: usize) -> f32 {
    match decay {
        1.0 => baskets as f32,
        _ => (1.0 - decay.powi(baskets as i32)) / (1.0 - decay),
    }
}

impl Bought {
    /// Features of a user with so many baskets: of each decay the logarithm of 1 + sum, and the sum's
    /// share of what an item in every basket has; the share of baskets since it was first bought; ages of
    /// its last and first purchase and baskets, by logarithm; its mean gap, and its age over that; the
    /// same of sums by baskets' sizes, and the mean size of the baskets with it.
    fn write(&self, baskets: usize, out: &mut [f32]) {
        let log = |n: usize| (n as f32).ln_1p();
        let n = DECAYS.len();
        for (at, (sum, decay)) in self.sums.iter().zip(DECAYS).enumerate() {
            out[at] = sum.ln_1p();
            out[n + at] = sum / every(decay, baskets);
        }
        let (age, oldest) = (baskets - 1 - self.last, baskets - self.first);
        let gap = (self.last - self.first) as f32 / self.times.saturating_sub(1).max(1) as f32;
        let due = match self.times {
            1 => 0.0,
            _ => ((age + 1) as f32 / gap.max(1.0)).min(4.0) / 4.0,
        };
        let (counts, sized) = out[2 * n..].split_at_mut(6);
        for (sums, out) in self
            .sized
            .iter()
            .zip(sized.chunks_exact_mut(2 * SIZED.len()))
        {
            let (logs, shares) = out.split_at_mut(SIZED.len());
            for (at, (sum, decay)) in sums.iter().zip(SIZED).enumerate() {
                logs[at] = (10.0 * sum).ln_1p() / 4.0;
                shares[at] = sum / every(decay, baskets);
            }
        }
        let beside = self.beside as f32 / self.times.max(1) as f32;
        sized[4 * SIZED.len()] = beside.ln_1p() / 4.0;
        counts.copy_from_slice(&[
            self.times as f32 / oldest as f32,
            log(age) / 4.0,
            log(oldest) / 4.0,
            log(baskets) / 4.0,
            gap.ln_1p() / 4.0,
            due,
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_by_hand() {
        // Item 3 in the first and the third of four baskets, item 1 in the last.
        let history: History = vec![vec![3], vec![2], vec![3], vec![1]];
        let repeats = Repeats::new([&history].into_iter(), 5);
        assert_eq!(repeats.items, [1, 2, 3]);
        assert_eq!(repeats.ranks, [0, 0, 0]);
        let of = |pair: usize| &repeats.features[pair * FEATURES..][..FEATURES];
        let three = of(2);
        assert!((three[0] - (0.5f32 + 0.125).ln_1p()).abs() < 1e-6);
        assert!((three[4] - 2f32.ln_1p()).abs() < 1e-6);
        // Two of four baskets, without decay.
        assert!((three[9] - 0.5).abs() < 1e-6);
        assert!((three[10] - 0.5).abs() < 1e-6);
        // Last bought one basket ago, with a gap of two: it is due.
        assert!((three[11] - 1f32.ln_1p() / 4.0).abs() < 1e-6);
        assert!((three[15] - 0.25).abs() < 1e-6);
        assert_eq!(of(0)[11], 0.0);
        // Baskets of one item: shares of baskets, and what they count for, are the sums themselves.
        for (at, sum) in [
            (16, 0.9f32 + 0.9f32.powi(3)),
            (18, 2.0),
            (22, 0.9 + 0.9f32.powi(3)),
        ] {
            assert!((three[at] - (10.0 * sum).ln_1p() / 4.0).abs() < 1e-6);
        }
        assert!((three[21] - 0.5).abs() < 1e-6 && (three[27] - 0.5).abs() < 1e-6);
        assert!((three[28] - 1f32.ln_1p() / 4.0).abs() < 1e-6);
    }
}
