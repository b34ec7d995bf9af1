//! A part of the rows: who belongs to which centre, and which of them need not be asked again.
//!
//! A row is asked for its nearest centre only where bounds on its distances leave room for another
//! than the last (Hamerly 2010, "Making k-means even faster"). Bounds carry what rounding may do,
//! so labels are those of all rows asked every time.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::panels::{Each, Panels, nearest};
use super::points::Points;
use crate::als::Factors;
use crate::lanes::{Instructions, Lane, Simd};

/// One and a little: a sum of two floats is rounded by less.
const UP: f32 = 1.0 + 4.0 * f32::EPSILON;
const DOWN: f32 = 1.0 - 4.0 * f32::EPSILON;
/// Centres that one thread measures at least.
const FEW: usize = 32;
/// No label yet.
pub(super) const NONE: u32 = u32::MAX;

/// What all parts must know of the centres.
pub(super) struct Centres {
    /// f32 [k, dim], less the points' mean.
    pub vectors: Factors,
    pub panels: Panels,
    /// The largest |c|².
    square: f32,
    /// How far each has moved since the last time.
    moved: Vec<f32>,
    /// How far the one that moved farthest did, and the farthest of the others.
    farthest: (usize, f32, f32),
    /// Half the distance to the nearest other centre.
    alone: Vec<f32>,
}

impl Centres {
    /// These, after the last ones.
    pub fn new(vectors: Factors, last: Option<&Factors>) -> Self {
        let k = vectors.rows();
        let moved: Vec<f32> = (0..k)
            .map(|c| last.map_or(0.0, |last| far(last.row(c), vectors.row(c)) as f32 * UP))
            .collect();
        let mut farthest = (0, 0.0, 0.0);
        for (c, moved) in moved.iter().enumerate() {
            if *moved > farthest.1 {
                farthest = (c, *moved, farthest.1);
            } else if *moved > farthest.2 {
                farthest.2 = *moved;
            }
        }
        let alone = (0..k).into_par_iter().with_min_len(FEW).map(|c| {
            let others = (0..k).filter(|other| *other != c);
            let apart = others.map(|other| far(vectors.row(c), vectors.row(other)));
            (0.5 * apart.fold(f64::INFINITY, f64::min)) as f32 * DOWN
        });
        let squares = (0..k).map(|c| super::panels::square(vectors.row(c)) as f32);
        Self {
            panels: Panels::new(&vectors, 0..k),
            square: squares.fold(0.0, f32::max),
            alone: alone.collect(),
            moved,
            farthest,
            vectors,
        }
    }
}

/// Rows from `from` on.
pub(super) struct Part {
    pub from: usize,
    pub labels: Vec<u32>,
    /// No less than the distance to the own centre.
    upper: Vec<f32>,
    /// No more than the distance to any other.
    lower: Vec<f32>,
    /// Σ of the rows of each label, f64 [k, dim]. Adding and taking off floats in f64 leaves no
    /// error that would reach a float.
    pub sums: Vec<f64>,
    /// Rows of each label.
    pub sizes: Vec<u64>,
    asked: Vec<u32>,
}

impl Part {
    /// Of rows without labels.
    pub fn new(from: usize, rows: usize, k: usize, dim: usize) -> Self {
        Self {
            from,
            labels: vec![NONE; rows],
            upper: vec![f32::INFINITY; rows],
            lower: vec![0.0; rows],
            sums: vec![0.0; k * dim],
            sizes: vec![0; k],
            asked: Vec::new(),
        }
    }

    /// Gives every row its nearest centre; whether any has another than before.
    pub fn assign(&mut self, points: &Points, centres: &Centres) -> bool {
        self.ask(centres);
        let asked = std::mem::take(&mut self.asked);
        let mut answers = Answers {
            part: self,
            asked: &asked,
            points,
            // A score is a sum of `dim` products: so much of |x|² + |c|² is rounding at most.
            slack: points.dim() as f32 * f32::EPSILON,
            square: centres.square,
            changed: false,
        };
        let set = Instructions::best();
        let panels = &centres.panels;
        panels.visit(&points.vectors, &asked, set, &mut answers);
        let changed = answers.changed;
        self.asked = asked;
        changed
    }

    /// Moves the bounds, and lists the rows that they do not decide.
    fn ask(&mut self, centres: &Centres) {
        self.asked.clear();
        let (farthest, most, next) = centres.farthest;
        let bounds = self.upper.iter_mut().zip(&mut self.lower);
        for (own, ((upper, lower), label)) in bounds.zip(&self.labels).enumerate() {
            if *label != NONE {
                let label = *label as usize;
                *upper = (*upper + centres.moved[label]) * UP;
                *lower = (*lower - if label == farthest { next } else { most }) * DOWN;
                if *upper < lower.max(centres.alone[label]) {
                    continue;
                }
            }
            self.asked.push((self.from + own) as u32);
        }
    }

    /// Gives a row another label; bounds stay as they are.
    fn relabel(&mut self, points: &Points, own: usize, to: u32) {
        let x = points.vectors.row(self.from + own);
        let from = std::mem::replace(&mut self.labels[own], to);
        for (label, by) in [(from, -1.0), (to, 1.0)] {
            if label == NONE {
                continue;
            }
            let size = &mut self.sizes[label as usize];
            *size = if by > 0.0 { *size + 1 } else { *size - 1 };
            let sum = &mut self.sums[label as usize * x.len()..][..x.len()];
            sum.iter_mut()
                .zip(x)
                .for_each(|(sum, x)| *sum += by * f64::from(*x));
        }
    }

    /// Gives a row to an empty centre; it is asked again next time.
    pub fn give(&mut self, points: &Points, own: usize, to: u32) {
        self.relabel(points, own, to);
        self.upper[own] = f32::INFINITY;
    }
}

/// What becomes of a part as its rows are asked.
struct Answers<'a> {
    part: &'a mut Part,
    asked: &'a [u32],
    points: &'a Points,
    slack: f32,
    /// The largest |c|².
    square: f32,
    changed: bool,
}

impl Each for Answers<'_> {
    #[inline(always)]
    unsafe fn each<S: Simd>(&mut self, at: usize, scores: &mut [Lane]) {
        // SAFETY: passed on.
        let found = unsafe { nearest::<S>(scores) };
        let row = self.asked[at] as usize;
        let (own, square) = (row - self.part.from, self.points.squares[row]);
        let error = self.slack * (square + self.square);
        self.part.upper[own] = (square + 2.0 * found.best + error).max(0.0).sqrt() * UP;
        self.part.lower[own] = (square + 2.0 * found.second - error).max(0.0).sqrt() * DOWN;
        if self.part.labels[own] != found.label {
            self.part.relabel(self.points, own, found.label);
            self.changed = true;
        }
    }
}

/// The distance of two vectors.
pub(super) fn far(a: &[f32], b: &[f32]) -> f64 {
    apart(a, b).sqrt()
}

/// The squared distance of two vectors, of their differences.
pub(super) fn apart(a: &[f32], b: &[f32]) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b));
    differences.map(|x| x * x).sum()
}
