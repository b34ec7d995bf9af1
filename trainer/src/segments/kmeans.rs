//! k-means: centres that are the means of the rows nearest to them (Lloyd 1982, "Least squares
//! quantization in PCM"), of the best of several starts.

use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator};
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

use super::bounds::{Centres, NONE, Part, apart};
use super::points::Points;
use super::seeding::seeds;
use crate::als::Factors;
use crate::error::TrainerError;

/// How rows are grouped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KMeans {
    /// Groups, at least 1.
    pub segments: usize,
    /// Starts from other centres, of which the one of the smallest inertia is kept; at least 1.
    pub starts: usize,
    /// Times that centres are moved at most.
    pub iterations: usize,
    /// Centres stand still once the sum of their squared moves is at most this part of the mean
    /// variance of a number; at 0 once no row changes.
    pub tolerance: f64,
    /// Of the first centres.
    pub seed: u64,
}

impl KMeans {
    /// So many segments, by the best of ten starts.
    #[must_use]
    pub fn new(segments: usize, seed: u64) -> Self {
        Self {
            segments,
            starts: 10,
            iterations: 300,
            tolerance: 1e-4,
            seed,
        }
    }
}

/// Rows in groups, numbered from the largest; of equals that of the smallest row first.
#[derive(Debug, Clone, PartialEq)]
pub struct Segments {
    /// f32 [k, dim]: the means of the rows as the points were made of.
    pub centres: Factors,
    /// Each row's group; of centres at the same distance the one that had the smaller id.
    pub labels: Vec<u32>,
    /// Rows of each group.
    pub sizes: Vec<u64>,
    /// Σ over rows of the squared distance to the centre.
    pub inertia: f64,
    /// Times that centres were moved.
    pub iterations: usize,
}

impl Segments {
    /// The nearest centre of each point; points may be others than those that the centres are of.
    #[must_use]
    pub fn assign(&self, points: &Points) -> Vec<u32> {
        let centres = Centres::new(points.inner(&self.centres), None);
        let parts = assigned(points, &centres);
        parts.into_iter().flat_map(|part| part.labels).collect()
    }
}

impl KMeans {
    /// Groups the points, on the pool of the calling thread.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where there are fewer points at different places than segments, or no
    /// segment or start is asked for.
    pub fn fit(&self, points: &Points) -> Result<Segments, TrainerError> {
        if self.segments == 0 || self.starts == 0 {
            return Err(TrainerError::data(
                "segments",
                "ask for one at least, and one start",
            ));
        }
        let starts = (0..self.starts as u64).into_par_iter();
        let fits = starts.map(|start| {
            let first = seeds(points, self.segments, self.seed, start)?;
            Ok(self.lloyd(points, first))
        });
        let fits = fits.collect::<Result<Vec<_>, TrainerError>>()?;
        let best = fits.into_iter().reduce(|best, next| {
            if next.inertia < best.inertia {
                next
            } else {
                best
            }
        });
        best.ok_or_else(|| TrainerError::bug("no start of k-means"))
    }

    /// From these centres, less the points' mean.
    pub(super) fn lloyd(&self, points: &Points, first: Factors) -> Segments {
        let still = self.tolerance * variance(points);
        let mut centres = Centres::new(first, None);
        let mut parts = unlabelled(points, centres.vectors.rows());
        let (mut iterations, mut settled) = (0, false);
        while iterations < self.iterations && !settled {
            let changed = parts
                .par_iter_mut()
                .map(|part| part.assign(points, &centres));
            settled = !changed.reduce(|| false, |a, b| a | b);
            if settled {
                break;
            }
            iterations += 1;
            fill(points, &centres.vectors, &mut parts);
            let means = means(&parts, &centres.vectors);
            let moves: f64 = (0..means.rows())
                .map(|c| apart(means.row(c), centres.vectors.row(c)))
                .sum();
            centres = Centres::new(means, Some(&centres.vectors));
            if self.tolerance > 0.0 && moves <= still {
                break;
            }
        }
        if !settled {
            let assign = parts
                .par_iter_mut()
                .map(|part| part.assign(points, &centres));
            assign.reduce(|| false, |a, b| a | b);
        }
        numbered(points, &centres.vectors, &parts, iterations)
    }
}

/// The mean variance of a number, which points less their mean have at once.
fn variance(points: &Points) -> f64 {
    let squares: f64 = points.squares.iter().map(|x| f64::from(*x)).sum();
    squares / (points.rows() * points.dim()) as f64
}

fn unlabelled(points: &Points, k: usize) -> Vec<Part> {
    let parts = points.parts();
    parts
        .map(|(from, rows)| Part::new(from, rows, k, points.dim()))
        .collect()
}

fn assigned(points: &Points, centres: &Centres) -> Vec<Part> {
    let mut parts = unlabelled(points, centres.vectors.rows());
    parts.par_iter_mut().for_each(|part| {
        part.assign(points, centres);
    });
    parts
}

/// Rows of each label.
fn sizes(parts: &[Part], k: usize) -> Vec<u64> {
    (0..k)
        .map(|c| parts.iter().map(|part| part.sizes[c]).sum())
        .collect()
}

/// Means of the rows of each label; a centre of none stays where it is.
fn means(parts: &[Part], last: &Factors) -> Factors {
    let (k, dim) = (last.rows(), last.dim());
    let mut means = last.clone();
    for (c, size) in sizes(parts, k).into_iter().enumerate() {
        if size > 0 {
            for (i, mean) in means.row_mut(c).iter_mut().enumerate() {
                let sums = parts.iter().map(|part| part.sums[c * dim + i]);
                *mean = (sums.sum::<f64>() / size as f64) as f32;
            }
        }
    }
    means
}

/// Gives each centre without rows the row that is farthest from its own, as scikit-learn does.
fn fill(points: &Points, centres: &Factors, parts: &mut [Part]) {
    let k = centres.rows();
    for empty in 0..k {
        let sizes = sizes(parts, k);
        if sizes[empty] > 0 {
            continue;
        }
        let mut farthest: Option<(f64, usize, usize)> = None;
        for (at, part) in parts.iter().enumerate() {
            for (own, label) in part.labels.iter().enumerate() {
                if *label == NONE || sizes[*label as usize] < 2 {
                    continue;
                }
                let row = points.vectors.row(part.from + own);
                let apart = apart(row, centres.row(*label as usize));
                if farthest.is_none_or(|(most, ..)| apart > most) {
                    farthest = Some((apart, at, own));
                }
            }
        }
        if let Some((_, at, own)) = farthest {
            parts[at].give(points, own, empty as u32);
        }
    }
}

/// Labels by size, and the inertia.
fn numbered(points: &Points, centres: &Factors, parts: &[Part], iterations: usize) -> Segments {
    let k = centres.rows();
    let sizes = sizes(parts, k);
    let old: Vec<u32> = parts.iter().flat_map(|part| part.labels.clone()).collect();
    let mut first = vec![usize::MAX; k];
    for (row, label) in old.iter().enumerate().rev() {
        first[*label as usize] = row;
    }
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by_key(|c| (std::cmp::Reverse(sizes[*c]), first[*c], *c));
    let mut number = vec![0; k];
    let mut inner = centres.clone();
    for (new, old) in order.iter().enumerate() {
        number[*old] = new as u32;
        inner.row_mut(new).copy_from_slice(centres.row(*old));
    }
    let inertia = parts.par_iter().map(|part| {
        let rows = part.labels.iter().enumerate();
        let of = |(own, label): (usize, &u32)| {
            apart(
                points.vectors.row(part.from + own),
                centres.row(*label as usize),
            )
        };
        rows.map(of).sum::<f64>()
    });
    Segments {
        centres: points.given(&inner),
        labels: old.iter().map(|label| number[*label as usize]).collect(),
        sizes: order.iter().map(|c| sizes[*c]).collect(),
        inertia: inertia.collect::<Vec<_>>().into_iter().sum(),
        iterations,
    }
}
