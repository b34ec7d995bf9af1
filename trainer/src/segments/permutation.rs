//! Whether a KPI differs between segments more than between random groups of the same sizes.

use pannier_proto::feed::{KeyedRng, mix};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::TrainerError;

/// Sums of the same numbers in another order differ by less than this part of them.
const ROUNDING: f64 = 1e-12;

/// What a permutation test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Σ over segments of n·(mean - grand mean)², in the KPI's unit squared.
    pub between: f64,
    /// Its share of Σ over users of (value - grand mean)², 0..=1 (η², the correlation ratio).
    pub share: f64,
    /// (1 + random groupings that spread at least as far) / (1 + random groupings).
    pub p: f64,
}

/// The spread of a KPI (a value for each user) between segments (a label for each user), and its p
/// among so many random groupings of the same sizes (Fisher 1935; p after Phipson and Smyth 2010,
/// "Permutation p-values should never be zero"). F is monotone in the spread, so a test of F has the
/// same p. On the pool of the calling thread; the result depends on the seed alone.
///
/// # Errors
/// [`TrainerError::Data`] where lists differ in length or are empty, or a value is not finite.
pub fn spread(
    values: &[f64],
    labels: &[u32],
    permutations: usize,
    seed: u64,
) -> Result<Spread, TrainerError> {
    if values.is_empty() || values.len() != labels.len() {
        let reason = format!("{} values for {} users", values.len(), labels.len());
        return Err(TrainerError::data("KPI", reason));
    }
    if !values.iter().all(|x| x.is_finite()) {
        return Err(TrainerError::data("KPI", "a value is not finite"));
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let centred: Vec<f64> = values.iter().map(|x| x - mean).collect();
    let segments = labels.iter().max().map_or(0, |most| *most as usize + 1);
    let mut sizes = vec![0u64; segments];
    labels.iter().for_each(|label| sizes[*label as usize] += 1);
    let between = of(&centred, labels, &sizes);
    let total: f64 = centred.iter().map(|x| x * x).sum();
    let wide = (0..permutations).into_par_iter().filter(|permutation| {
        let mut rng = KeyedRng::new(mix(seed ^ mix(*permutation as u64 ^ 0x7065_726D_7574_6174)));
        let mut shuffled = labels.to_vec();
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, rng.below(last as u32 + 1) as usize);
        }
        of(&centred, &shuffled, &sizes) >= between - ROUNDING * total
    });
    let wide = wide.count();
    Ok(Spread {
        between,
        share: if total > 0.0 { between / total } else { 0.0 },
        p: (1 + wide) as f64 / (1 + permutations) as f64,
    })
}

/// Σ n·mean², of values whose grand mean is 0.
fn of(centred: &[f64], labels: &[u32], sizes: &[u64]) -> f64 {
    let mut sums = vec![0.0; sizes.len()];
    for (x, label) in centred.iter().zip(labels) {
        sums[*label as usize] += x;
    }
    let filled = sums.iter().zip(sizes).filter(|(_, n)| **n > 0);
    filled.map(|(sum, n)| sum * sum / *n as f64).sum()
}
