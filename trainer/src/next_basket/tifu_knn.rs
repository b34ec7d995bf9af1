//! TIFU-KNN: a user's decayed item frequencies, mixed with those of the nearest users.
//!
//! Neighbours are exact: |u - v|² = |u|² + |v|² - 2 u·v, where u·v is summed over the users of each of u's
//! items (an inverted index). A user takes Σ over own items of the users who have them, + users, +
//! neighbours × their items, + items for each variant; memory is the distinct items of all users, twice.

use pannier_proto::spec::TifuKnnParams;

use super::method::{Asked, Method, Scratch, Take};
use super::nearest::Nearest;
use super::sequences::Sequences;
use super::sparse::{Entry, Rows, summed};

/// The users' vectors, in variants of how many neighbours count, and how much.
pub(super) struct TifuKnn {
    variants: Vec<TifuKnnParams>,
    /// Places of the variants by their neighbours, the fewest first.
    order: Vec<usize>,
    vectors: Rows<Entry>,
    /// By index: the users who have it.
    users: Rows<Entry>,
    /// |v|² / 2 of each user.
    halves: Vec<f64>,
}

impl TifuKnn {
    /// Learns from the training. The variants' `groups` and decays are those of the first.
    pub(super) fn new(sequences: &Sequences, variants: Vec<TifuKnnParams>) -> Self {
        let first = variants.first().copied().unwrap_or_default();
        let of = |user| vector(&sequences.history(user), &first);
        let vectors = Rows::collect(sequences.len(), of);
        let half = |user| -> f64 {
            let squares = vectors
                .row(user)
                .iter()
                .map(|e: &Entry| f64::from(e.1).powi(2));
            squares.sum::<f64>() / 2.0
        };
        let halves = (0..vectors.len()).map(half).collect();
        let mut order: Vec<usize> = (0..variants.len()).collect();
        order.sort_by_key(|at| variants[*at].neighbours);
        let users = vectors.transposed(sequences.items());
        Self {
            variants,
            order,
            vectors,
            users,
            halves,
        }
    }

    /// The users nearest to a vector, nearest first: those of the largest u·v - |v|²/2.
    fn neighbours(&self, of: &[Entry], but: Option<u32>, products: &mut [f64]) -> Vec<u32> {
        products.fill(0.0);
        for (item, x) in of {
            let x = f64::from(*x);
            for (user, y) in self.users.row(*item as usize) {
                products[*user as usize] += x * f64::from(*y);
            }
        }
        let most = self.order.last().map(|at| self.variants[*at].neighbours);
        let mut nearest = Nearest::new(most.unwrap_or_default() as usize);
        for (user, (product, half)) in (0..).zip(products.iter().zip(&self.halves)) {
            if Some(user) != but {
                nearest.offer(product - half, user);
            }
        }
        nearest.finish().into_iter().map(|place| place.1).collect()
    }
}

/// A user's vector by item ascending.
pub(crate) fn vector(history: &[&[u32]], params: &TifuKnnParams) -> Vec<Entry> {
    let groups = history.len().min(params.groups as usize).max(1);
    let (size, larger) = (history.len() / groups, history.len() % groups);
    let mut baskets = history.iter().rev();
    let mut of_group = 1.0 / groups as f64;
    let mut all = Vec::new();
    // The newest group first.
    for group in 0..groups {
        let size = size + usize::from(group < larger);
        let mut weight = of_group / size.max(1) as f64;
        for basket in baskets.by_ref().take(size) {
            all.extend(basket.iter().map(|item| (*item, weight)));
            weight *= params.within_decay;
        }
        of_group *= params.group_decay;
    }
    summed(all)
}

impl Method for TifuKnn {
    fn score(&self, asked: &Asked<'_>, scratch: &mut Scratch, take: Take<'_>) {
        let Some(first) = self.variants.first() else {
            return;
        };
        let Scratch {
            users,
            items,
            scores,
        } = scratch;
        let own = vector(&asked.history, first);
        items.fill(0.0);
        // Who bought nothing is near to nobody, and gets what is popular.
        let neighbours = match own[..] {
            [] => Vec::new(),
            _ => self.neighbours(&own, asked.user, users),
        };
        let mut summed = 0;
        for at in &self.order {
            let params = &self.variants[*at];
            let k = neighbours.len().min(params.neighbours as usize);
            for user in &neighbours[summed..k] {
                for (item, x) in self.vectors.row(*user as usize) {
                    items[*item as usize] += f64::from(*x);
                }
            }
            summed = k;
            let share = (1.0 - params.alpha) / k.max(1) as f64;
            let all = scores.iter_mut().zip(items.iter());
            all.for_each(|(score, sum)| *score = (share * sum) as f32);
            for (item, x) in &own {
                let item = *item as usize;
                scores[item] = (params.alpha * f64::from(*x) + share * items[item]) as f32;
            }
            take(*at, scores);
        }
    }
}
