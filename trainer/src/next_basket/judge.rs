//! How good a user's scores are. Pure.

use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::ranking::ndcg;

use crate::predict::rank::order;

/// nDCG@k of a basket: of the first k real items by score, ties by count, then by index. `target`: real
/// items, sorted. One pass over the scores.
pub(super) fn judged(scores: &[f32], counts: &[u64], k: usize, target: &[u32]) -> f64 {
    let first = first(scores, counts, k);
    let hits = (1..).zip(first);
    let hits = hits.filter(|(_, item)| target.binary_search(item).is_ok());
    ndcg(hits.map(|(rank, _)| rank), k, target.len())
}

fn first(scores: &[f32], counts: &[u64], k: usize) -> Vec<u32> {
    let better = order(scores, counts);
    let mut best: Vec<u32> = Vec::with_capacity(k + 1);
    let mut worst = f32::NEG_INFINITY;
    for item in FIRST_ITEM..scores.len() as u32 {
        let score = scores[item as usize];
        if score < worst || score == f32::NEG_INFINITY {
            continue;
        }
        let at = best.partition_point(|other| better(other, &item).is_lt());
        if at < k {
            best.insert(at, item);
            best.truncate(k);
            if best.len() == k {
                worst = best.last().map_or(worst, |last| scores[*last as usize]);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::rank::first_places;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_are_those_of_a_ranking(
            rows in proptest::collection::vec((-3i8..3, 0u64..3), 0..60), k in 1usize..20,
        ) {
            let score = |row: &(i8, u64)| if row.0 == -3 { f32::NEG_INFINITY } else { f32::from(row.0) };
            let scores: Vec<f32> = rows.iter().map(score).collect();
            let counts: Vec<u64> = rows.iter().map(|r| r.1).collect();
            let ranked = first_places(&scores, &counts, &[], k);
            prop_assert_eq!(first(&scores, &counts, k), ranked.iter().map(|p| p.item).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_small_case_by_hand() {
        // Ranked 4, 2, 3.
        let (scores, counts) = ([9.0, 9.0, 1.0, 1.0, 2.0], [0, 0, 5, 4, 1]);
        let expected = (1.0 + 0.5) / (1.0 + 1.0 / 3f64.log2());
        assert!((judged(&scores, &counts, 3, &[3, 4]) - expected).abs() < 1e-12);
        assert_eq!(judged(&scores, &counts, 1, &[2]), 0.0);
    }
}
