//! Formulas over ranks that more than one role needs.

/// nDCG@k of a list: Σ over hits of 1/log2(rank + 1), over the same sum of the first min(k, `relevant`)
/// ranks (Järvelin and Kekäläinen 2002, with gains of 1). `hits`: ranks from 1 on of what is relevant;
/// those beyond k do not count. 0 where nothing is relevant.
#[must_use]
pub fn ndcg(hits: impl Iterator<Item = usize>, k: usize, relevant: usize) -> f64 {
    let discount = |rank: usize| 1.0 / (rank as f64 + 1.0).log2();
    let best: f64 = (1..=k.min(relevant)).map(discount).sum();
    let found: f64 = hits.filter(|rank| *rank <= k).map(discount).sum();
    if best > 0.0 { found / best } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_case_by_hand() {
        let expected = (1.0 + 1.0 / 4f64.log2()) / (1.0 + 1.0 / 3f64.log2() + 1.0 / 4f64.log2());
        assert!((ndcg([1, 3, 11].into_iter(), 10, 3) - expected).abs() < 1e-12);
        assert_eq!(ndcg([1, 2].into_iter(), 2, 9), 1.0);
        assert_eq!(ndcg([].into_iter(), 10, 0), 0.0);
    }
}
