//! What like users buy: the users nearest to one by what they bought, and what they say of the user's own
//! items and of some that the user never bought. Distances are exact, sums are made in one order.
//!
//! Users are compared as by TIFU-KNN (Hu et al. 2020), the strongest of the simple methods, so that what
//! is learned of these features can be its score, and more. Vectors are of training baskets alone, and
//! nobody is their own neighbour.
//!
//! A user takes Σ over own items of the users who have them, + users, + neighbours × their items, + items;
//! memory is the distinct items of all users, twice.

use pannier_proto::spec::{AttentionLstmParams, TifuKnnParams};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::batch::{History, Limits};
use crate::names::Names;
use crate::next_basket::{Entry, Nearest, Rows, Sequences, vector};

/// Numbers that are known of an item of a user besides its purchases.
pub const FEATURES: usize = 22;

/// Shares of the user's own vector in mixtures with the neighbours'.
const MIXED: [f32; 3] = [0.2, 0.5, 0.8];

/// An item of a user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    pub item: u32,
    /// Whether the user bought it before.
    pub own: bool,
    pub features: [f32; FEATURES],
}

/// Users that others are compared with.
#[derive(Debug)]
pub struct Neighbours {
    how: TifuKnnParams,
    candidates: usize,
    /// By place.
    names: Names,
    /// Places in the order of names.
    by_name: Vec<u32>,
    /// Of each user, by item ascending.
    vectors: Rows<Entry>,
    /// By item: the users who have it.
    users: Rows<Entry>,
    /// |v|² / 2 of each user.
    halves: Vec<f64>,
    /// Of each item: the mean of its users' weights, and the share of users who have it.
    known: Vec<[f32; 2]>,
}

/// What is written on while a user is looked at; one for each thread.
struct Scratch {
    /// A number for each user.
    products: Vec<f64>,
    /// For each item: what the nearest quarter, and all neighbours have of it, and how many.
    sums: Vec<[f64; 3]>,
}

/// The user's own part of params.
pub(super) fn compared(params: &AttentionLstmParams) -> TifuKnnParams {
    TifuKnnParams {
        groups: params.groups,
        within_decay: params.within_decay,
        group_decay: params.group_decay,
        neighbours: params.neighbours,
        ..TifuKnnParams::DEFAULT
    }
}

impl Neighbours {
    /// All users of the sequences with their baskets of training, as far as these count; of a catalogue of
    /// so many items.
    pub(crate) fn learn(
        sequences: &Sequences,
        params: &AttentionLstmParams,
        limits: Limits,
        items: usize,
    ) -> Self {
        let how = compared(params);
        let of = |user| {
            let history = limits.history(sequences.history(user).into_iter());
            vector_of(&history, &how)
        };
        let vectors = Rows::collect(sequences.len(), of);
        let mut names = Names::default();
        (0..sequences.len()).for_each(|user| names.push(sequences.name(user)));
        Self::new(params, names, vectors, items)
    }

    /// Users of these vectors, which hold items below `items`.
    pub(crate) fn new(
        params: &AttentionLstmParams,
        names: Names,
        vectors: Rows<Entry>,
        items: usize,
    ) -> Self {
        let mut by_name: Vec<u32> = (0..names.len() as u32).collect();
        by_name.sort_unstable_by_key(|user| (names.get(*user as usize), *user));
        let half = |user| {
            let squares = vectors.row(user).iter().map(|e| f64::from(e.1).powi(2));
            squares.sum::<f64>() / 2.0
        };
        let users = vectors.transposed(items);
        let known = |item| {
            let users: &[Entry] = users.row(item);
            let (count, all) = (users.len().max(1), vectors.len().max(1));
            let sum: f32 = users.iter().map(|entry| entry.1).sum();
            [sum / count as f32, count as f32 / all as f32]
        };
        Self {
            how: compared(params),
            candidates: params.candidates as usize,
            halves: (0..vectors.len()).map(half).collect(),
            known: (0..items).map(known).collect(),
            users,
            by_name,
            names,
            vectors,
        }
    }

    /// Names, and vectors by item ascending.
    pub(crate) fn parts(&self) -> (&Names, &Rows<Entry>) {
        (&self.names, &self.vectors)
    }

    /// What is known of users' own items and candidates, by item ascending, on the pool of the calling
    /// thread. A user without a name is none of those that are compared with.
    pub(crate) fn of(&self, users: &[(Option<&str>, &History)]) -> Vec<Vec<Near>> {
        let scratch = || Scratch {
            products: vec![0.0; self.vectors.len()],
            sums: vec![[0.0; 3]; self.users.len()],
        };
        let each = users.par_iter().with_min_len(2);
        let each = each.map_init(scratch, |scratch, (name, history)| {
            self.of_user(*name, history, scratch)
        });
        each.collect()
    }

    fn find(&self, name: &str) -> Option<u32> {
        let of = |user: &u32| self.names.get(*user as usize).cmp(name);
        let at = self.by_name.binary_search_by(of);
        at.ok().map(|at| self.by_name[at])
    }

    /// The users nearest to a vector, nearest first: those of the largest u·v - |v|²/2.
    fn nearest(&self, of: &[Entry], but: Option<u32>, products: &mut [f64]) -> Vec<u32> {
        products.fill(0.0);
        for (item, x) in of {
            let x = f64::from(*x);
            for (user, y) in self.users.row(*item as usize) {
                products[*user as usize] += x * f64::from(*y);
            }
        }
        let mut nearest = Nearest::new(self.how.neighbours as usize);
        for (user, (product, half)) in (0..).zip(products.iter().zip(&self.halves)) {
            if Some(user) != but {
                nearest.offer(product - half, user);
            }
        }
        nearest.finish().into_iter().map(|place| place.1).collect()
    }

    fn of_user(&self, name: Option<&str>, history: &History, scratch: &mut Scratch) -> Vec<Near> {
        let own = vector_of(history, &self.how);
        let but = name.and_then(|name| self.find(name));
        let nearest = self.nearest(&own, but, &mut scratch.products);
        let sums = &mut scratch.sums;
        sums.fill([0.0; 3]);
        let quarter = nearest.len().div_ceil(4);
        for (place, user) in nearest.iter().enumerate() {
            for (item, x) in self.vectors.row(*user as usize) {
                let [of_quarter, of_all, users] = &mut sums[*item as usize];
                if place < quarter {
                    *of_quarter += f64::from(*x);
                }
                *of_all += f64::from(*x);
                *users += 1.0;
            }
        }
        let shares = [quarter, nearest.len(), nearest.len()].map(|n| 1.0 / n.max(1) as f64);
        let means = |item: u32| {
            let sums = sums[item as usize];
            [0, 1, 2].map(|at| (sums[at] * shares[at]) as f32)
        };
        let mut mine = own.iter().peekable();
        let mut best = Nearest::new(self.candidates);
        for (item, [_, sum, _]) in (0u32..).zip(sums.iter()) {
            if mine.next_if(|entry| entry.0 == item).is_none() && *sum > 0.0 {
                best.offer(*sum, item);
            }
        }
        let new = best.finish().into_iter().map(|(_, item)| (item, 0.0));
        let of_user = OfUser::new(history, own.len());
        let mut all: Vec<Entry> = own.iter().copied().chain(new).collect();
        all.sort_unstable_by_key(|entry| entry.0);
        let near = |(item, weight): Entry| Near {
            item,
            own: weight > 0.0,
            features: self.features(weight, means(item), item, &of_user),
        };
        all.into_iter().map(near).collect()
    }

    /// Of the user's weight, of what the nearest quarter and all neighbours have on the mean, of the share
    /// of neighbours who have it, and of mixtures: as they are, and by logarithm; whether the item is the
    /// user's own; the share of users who have it and their mean weight; and what is known of the user.
    fn features(&self, weight: f32, means: [f32; 3], item: u32, user: &OfUser) -> [f32; FEATURES] {
        let mixed = MIXED.map(|own| own * weight + (1.0 - own) * means[1]);
        let mut out = [0.0; FEATURES];
        let linear = [weight, means[0], means[1], means[2]];
        let all = linear
            .into_iter()
            .chain(mixed)
            .chain(self.known[item as usize]);
        let logs = all.map(|x| scaled(x, 1000.0));
        let rest = [f32::from(weight > 0.0)].into_iter().chain(user.0);
        let values = linear.into_iter().chain(mixed).chain(logs).chain(rest);
        out.iter_mut().zip(values).for_each(|(out, x)| *out = x);
        out
    }
}

/// ln(1 + by · x) / 7.
fn scaled(x: f32, by: f32) -> f32 {
    (by * x).ln_1p() / 7.0
}

/// What is known of a user whatever the item: the mean basket, the share of purchases that were new, and
/// the last basket.
struct OfUser([f32; 5]);

impl OfUser {
    fn new(history: &History, distinct: usize) -> Self {
        let bought = history.iter().map(Vec::len).sum::<usize>().max(1) as f32;
        let baskets = history.len().max(1) as f32;
        let last = history.last().map_or(0, Vec::len) as f32;
        Self([
            (bought / baskets).ln_1p() / 4.0,
            distinct as f32 / bought,
            last.ln_1p() / 4.0,
            baskets.ln_1p() / 5.0,
            (distinct as f32).ln_1p() / 7.0,
        ])
    }
}

fn vector_of(history: &History, how: &TifuKnnParams) -> Vec<Entry> {
    let baskets: Vec<&[u32]> = history.iter().map(Vec::as_slice).collect();
    vector(&baskets, how)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: fn() -> AttentionLstmParams = || AttentionLstmParams {
        neighbours: 2,
        candidates: 1,
        within_decay: 1.0,
        ..AttentionLstmParams::default()
    };

    fn neighbours(users: &[(&str, History)], params: &AttentionLstmParams) -> Neighbours {
        let mut names = Names::default();
        let mut vectors = Rows::default();
        for (name, history) in users {
            names.push(name);
            vectors.push(&vector_of(history, &compared(params)));
        }
        Neighbours::new(params, names, vectors, 6)
    }

    #[test]
    fn a_small_case_by_hand() {
        let users = [
            ("far", vec![vec![4, 5]]),
            ("near", vec![vec![0, 1], vec![1, 2]]),
            ("alike", vec![vec![0, 2], vec![0]]),
            ("own", vec![vec![0], vec![0, 1]]),
        ];
        let neighbours = neighbours(&users, &PARAMS());
        let near = &neighbours.of(&[(Some("own"), &users[3].1)])[0];
        // Items 0 and 1 are the user's own; 2 is what both neighbours have besides.
        let items: Vec<(u32, bool)> = near.iter().map(|near| (near.item, near.own)).collect();
        assert_eq!(items, [(0, true), (1, true), (2, false)]);
        let of = |at: usize| &near[at].features[..4];
        // Own weight, what the nearest has, the mean of both, and their share.
        assert_eq!(of(0), [1.0, 1.0, 0.75, 1.0]);
        assert_eq!(of(1), [0.5, 0.0, 0.5, 0.5]);
        assert_eq!(of(2), [0.0, 0.5, 0.5, 1.0]);
        // Mixtures, half of each in the middle.
        assert_eq!(near[1].features[5], 0.5);
    }

    #[test]
    fn nobody_is_their_own_neighbour_and_strangers_have_neighbours() {
        let history: History = vec![vec![0, 1]];
        let users = [
            ("a", history.clone()),
            ("b", vec![vec![0, 3]]),
            ("c", vec![vec![5]]),
        ];
        let params = AttentionLstmParams {
            neighbours: 1,
            ..PARAMS()
        };
        let neighbours = neighbours(&users, &params);
        let all = neighbours.of(&[(Some("a"), &history), (None, &history)]);
        let suggested = |near: &[Near]| near.iter().find(|n| !n.own).map(|n| n.item);
        assert_eq!(suggested(&all[0]), Some(3));
        // A stranger's nearest is who bought the same, and suggests nothing new.
        assert_eq!(suggested(&all[1]), None);
        assert_eq!(all[1][0].features[1], 1.0);
    }
}
