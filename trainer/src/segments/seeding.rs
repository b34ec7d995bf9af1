//! The first centres: rows far from each other (Arthur and Vassilvitskii 2007, "k-means++: The
//! advantages of careful seeding"), greedily: of a few rows drawn by their squared distance, the one
//! that leaves the least distance, as scikit-learn does.

use pannier_proto::feed::{KeyedRng, mix};
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

use super::bounds::apart;
use super::panels::{Each, Panels};
use super::points::Points;
use crate::als::Factors;
use crate::error::TrainerError;
use crate::lanes::{Instructions, Lane, Simd, floats};

/// Rows from `from` on, and how near they are to the centres so far.
struct Part {
    from: usize,
    /// Squared distance to the nearest.
    closest: Vec<f32>,
    /// Which that is.
    owner: Vec<u32>,
    /// Rows that a candidate may be nearer to, and the squared distances of all candidates.
    asked: Vec<u32>,
    distances: Vec<f32>,
    /// Σ `closest`.
    total: f64,
}

/// `k` rows of the points, less their mean, from randomness of (seed, start).
///
/// # Errors
/// [`TrainerError::Data`] where fewer rows lie at different places.
pub(super) fn seeds(
    points: &Points,
    k: usize,
    seed: u64,
    start: u64,
) -> Result<Factors, TrainerError> {
    let mut rng = KeyedRng::new(mix(seed ^ mix(start ^ 0x6B5F_6D65_616E_7321)));
    let mut parts: Vec<Part> = points
        .parts()
        .map(|(from, rows)| Part {
            from,
            closest: vec![f32::INFINITY; rows],
            owner: vec![0; rows],
            asked: Vec::new(),
            distances: Vec::new(),
            total: f64::INFINITY,
        })
        .collect();
    let mut centres = Factors::zero(k, points.dim());
    let tries = 2 + (k as f64).ln() as usize;
    for centre in 0..k {
        let candidates: Vec<usize> = if centre == 0 {
            vec![rng.below(points.rows() as u32) as usize]
        } else {
            let total: f64 = parts.iter().map(|part| part.total).sum();
            if total <= 0.0 {
                let reason = format!("{centre} different ones cannot make {k} segments");
                return Err(TrainerError::data("vectors", reason));
            }
            (0..tries)
                .map(|_| drawn(&parts, uniform(&mut rng) * total))
                .collect()
        };
        let best = step(points, &centres, centre, &candidates, &mut parts);
        let from = points.vectors.row(candidates[best]);
        centres.row_mut(centre).copy_from_slice(from);
    }
    Ok(centres)
}

/// Measures candidates, takes the best and says which.
fn step(
    points: &Points,
    centres: &Factors,
    centre: usize,
    candidates: &[usize],
    parts: &mut [Part],
) -> usize {
    let count = candidates.len();
    let panels = Panels::new(&points.vectors, candidates.iter().copied());
    // A row nearer to its centre than that is to half way to a candidate cannot be nearer to the
    // candidate (the triangle inequality; a little less for rounding).
    let reach: Vec<f32> = (0..centre)
        .map(|c| {
            let apart = candidates
                .iter()
                .map(|of| apart(centres.row(c), points.vectors.row(*of)));
            (0.2499 * apart.fold(f64::INFINITY, f64::min)) as f32
        })
        .collect();
    let left: Vec<Vec<f64>> = parts
        .par_iter_mut()
        .map(|part| part.measure(points, &panels, count, &reach))
        .collect();
    let mut best = (0, f64::INFINITY);
    for at in 0..count {
        let left: f64 = left.iter().map(|part| part[at]).sum();
        if left < best.1 {
            best = (at, left);
        }
    }
    parts
        .par_iter_mut()
        .for_each(|part| part.take(best.0, count, centre as u32));
    best.0
}

impl Part {
    /// The squared distance that each candidate would leave.
    fn measure(
        &mut self,
        points: &Points,
        panels: &Panels,
        count: usize,
        reach: &[f32],
    ) -> Vec<f64> {
        let (mut asked, mut distances) = (
            std::mem::take(&mut self.asked),
            std::mem::take(&mut self.distances),
        );
        asked.clear();
        let mut kept = 0.0;
        for (own, closest) in self.closest.iter().enumerate() {
            if reach.is_empty() || *closest >= reach[self.owner[own] as usize] {
                asked.push((self.from + own) as u32);
            } else {
                kept += f64::from(*closest);
            }
        }
        distances.clear();
        distances.resize(asked.len() * count, 0.0);
        let mut measured = Measured {
            part: self,
            points,
            asked: &asked,
            distances: &mut distances,
            left: vec![kept; count],
            slack: points.dim() as f32 * f32::EPSILON,
        };
        panels.visit(&points.vectors, &asked, Instructions::best(), &mut measured);
        let left = measured.left;
        (self.asked, self.distances) = (asked, distances);
        left
    }

    /// The candidate `best` of those measured is centre `centre`.
    fn take(&mut self, best: usize, count: usize, centre: u32) {
        for (row, distances) in self.asked.iter().zip(self.distances.chunks_exact(count)) {
            let own = *row as usize - self.from;
            if distances[best] < self.closest[own] {
                self.closest[own] = distances[best];
                self.owner[own] = centre;
            }
        }
        self.total = self.closest.iter().map(|x| f64::from(*x)).sum();
    }
}

/// Distances of candidates as they are measured.
struct Measured<'a> {
    part: &'a Part,
    points: &'a Points,
    asked: &'a [u32],
    distances: &'a mut [f32],
    /// The squared distance that each leaves.
    left: Vec<f64>,
    slack: f32,
}

impl Each for Measured<'_> {
    #[inline(always)]
    unsafe fn each<S: Simd>(&mut self, at: usize, scores: &mut [Lane]) {
        let row = self.asked[at] as usize;
        let square = self.points.squares[row];
        let closest = self.part.closest[row - self.part.from];
        let count = self.left.len();
        let own = &mut self.distances[at * count..][..count];
        for ((left, score), distance) in self.left.iter_mut().zip(floats(scores)).zip(own) {
            let apart = square + 2.0 * score;
            // What is rounding is none, so that equal rows are at distance 0.
            *distance = if apart > self.slack * square {
                apart
            } else {
                0.0
            };
            *left += f64::from(distance.min(closest));
        }
    }
}

/// The row where the sum of squared distances reaches `at`.
fn drawn(parts: &[Part], mut at: f64) -> usize {
    for part in parts {
        if at >= part.total {
            at -= part.total;
            continue;
        }
        for (own, closest) in part.closest.iter().enumerate() {
            at -= f64::from(*closest);
            if at < 0.0 {
                return part.from + own;
            }
        }
    }
    // Rounding left something over: the last row that could have been drawn.
    let mut others = parts.iter().rev().filter_map(|part| {
        let own = part.closest.iter().rposition(|closest| *closest > 0.0);
        own.map(|own| part.from + own)
    });
    others.next().unwrap_or(0)
}

/// Uniform in 0..1.
fn uniform(rng: &mut KeyedRng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
