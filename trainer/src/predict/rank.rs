//! The first places of a list of scores. Pure.

use std::cmp::Ordering;

use pannier_proto::ids::FIRST_ITEM;

use crate::als::{self, Factors};

/// An item in a ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub item: u32,
    pub score: f32,
}

/// Which of two items comes first: that of the better score; of equals that of the larger count, then of
/// the smaller index. `scores` and `counts` have an entry for every index.
pub(crate) fn order(scores: &[f32], counts: &[u64]) -> impl Fn(&u32, &u32) -> Ordering {
    move |a, b| {
        let (i, j) = (*a as usize, *b as usize);
        scores[j]
            .total_cmp(&scores[i])
            .then(counts[j].cmp(&counts[i]))
            .then(a.cmp(b))
    }
}

/// The first `top` real items that are not in `own`, in their [`order`]; without those of score -∞.
/// `scores` and `counts` have an entry for every index, PAD and UNK among them; `own` is sorted.
pub(crate) fn first_places(scores: &[f32], counts: &[u64], own: &[u32], top: usize) -> Vec<Place> {
    let better = order(scores, counts);
    let listed = |i: &u32| scores[*i as usize] > f32::NEG_INFINITY && own.binary_search(i).is_err();
    let mut items: Vec<u32> = Vec::with_capacity(scores.len());
    items.extend((FIRST_ITEM..scores.len() as u32).filter(listed));
    if top < items.len() {
        items.select_nth_unstable_by(top, &better);
        items.truncate(top);
    }
    items.sort_unstable_by(better);
    items
        .into_iter()
        .map(|item| Place {
            item,
            score: scores[item as usize],
        })
        .collect()
}

/// The first `top` items of every user by the product of their vectors; ties by index, the smaller
/// first. `items`: the real ones; `left_out` gives those, from 0 and ascending, that a user shall not
/// get. On the pool of the calling thread.
pub(crate) fn first_by_product<'a>(
    users: &Factors,
    items: &Factors,
    top: usize,
    left_out: impl Fn(usize) -> &'a [u32] + Sync,
) -> Vec<Vec<Place>> {
    let place = |place: als::Place| Place {
        item: place.column + FIRST_ITEM,
        score: place.score,
    };
    let best = als::top(users, items, top, left_out).into_iter();
    best.map(|row| row.into_iter().map(place).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_a_full_sort(
            rows in proptest::collection::vec((-3i8..3, 0u64..3), 0..60),
            mut own in proptest::collection::vec(0u32..60, 0..5),
            top in 0usize..70,
        ) {
            own.sort_unstable();
            // Those of -3 are not listed.
            let score = |row: &(i8, u64)| if row.0 == -3 { f32::NEG_INFINITY } else { f32::from(row.0) };
            let scores: Vec<f32> = rows.iter().map(score).collect();
            let counts: Vec<u64> = rows.iter().map(|r| r.1).collect();
            let mut naive: Vec<u32> = (2..rows.len() as u32).filter(|i| !own.contains(i) && rows[*i as usize].0 > -3).collect();
            naive.sort_by_key(|i| (std::cmp::Reverse(rows[*i as usize]), *i));
            naive.truncate(top);
            let ours: Vec<u32> = first_places(&scores, &counts, &own, top).iter().map(|p| p.item).collect();
            prop_assert_eq!(ours, naive);
        }
    }
}
