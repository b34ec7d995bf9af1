//! One step of negative sampling, in closed form: what prod2vec and cust2vec have in common.
//!
//! A step has an input x, the mean of some rows of U, positives p and negatives n, rows of V. Its
//! loss is Σₚ (-ln σ(x·v_p)) - Σₙ w_n ln σ(-x·v_n) (Mikolov et al. 2013, "Distributed
//! Representations of Words and Phrases", eq. 4, summed over the positives). w_n is the number of
//! positives that are not n themselves: with one positive a negative counts once, or is left out;
//! with more they share the negatives, and the expectation over draws is that of separate ones.
//! With g = rate · (label - σ(x·v)), w times for negatives: v ← v + g·x, and each row of the
//! input takes Σ g·v, not its share of the mean, as word2vec.c does for CBOW. All dot products are
//! taken before the first row changes.
//!
//! Where weights have several slots, x is the rows of U end to end, one for each slot, and a row of V is
//! as long (Le and Mikolov 2014, "Distributed Representations of Sentences and Documents", section
//! 2.2): each row of the input takes its piece of Σ g·v. PAD stands where a slot is empty: zeros, which
//! no step changes.

use pannier_proto::ids::PAD;

use crate::lanes::{Lane, Simd};
use crate::sgns::rows;
use crate::sgns::sigmoid::{Sigmoid, softplus_of_minus};
use crate::sgns::weights::Weights;

/// Loss over the pairs that were measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LossSum {
    /// Sum of the losses, in nats.
    pub sum: f64,
    /// How many were summed.
    pub pairs: u64,
}

/// Takes steps on one thread.
pub(crate) struct Learner<'a> {
    weights: Weights<'a>,
    sigmoid: &'a Sigmoid,
    pub rate: f32,
    /// Where the rows of the input, then those of the targets lie.
    rows: Vec<*mut Lane>,
    /// Dot products, then what goes into the gradient; what goes out to the rows.
    into: Vec<f32>,
    out: Vec<f32>,
    /// The input and its gradient.
    x: Vec<Lane>,
    gradient: Vec<Lane>,
    pub loss: LossSum,
}

impl<'a> Learner<'a> {
    /// A learner of these weights.
    pub(crate) fn new(weights: Weights<'a>, sigmoid: &'a Sigmoid, rate: f32) -> Self {
        Self {
            weights,
            sigmoid,
            rate,
            rows: Vec::new(),
            into: Vec::new(),
            out: Vec::new(),
            x: vec![Lane::ZERO; weights.lanes * weights.slots],
            gradient: vec![Lane::ZERO; weights.lanes * weights.slots],
            loss: LossSum::default(),
        }
    }

    /// Asks for the rows of U and V of a step that comes soon.
    ///
    /// # Safety
    /// The set's as of [`Simd`].
    #[inline(always)]
    pub(crate) unsafe fn prefetch<S: Simd>(&self, inputs: &[u32], targets: &[u32]) {
        // SAFETY: the caller's; a prefetch of any address is harmless.
        unsafe {
            for input in inputs {
                rows::prefetch::<S>(self.weights.input(*input), self.weights.lanes);
            }
            for target in targets {
                let wide = self.weights.lanes * self.weights.slots;
                rows::prefetch::<S>(self.weights.output(*target), wide);
            }
        }
    }

    /// Takes a step; with `measured` its loss is added before.
    ///
    /// # Safety
    /// `inputs` (not empty; where there are several slots, one for each) are rows of U, the targets
    /// rows of V. Unless `S` is shared, nobody else reads or writes the matrices.
    #[inline(always)]
    pub(crate) unsafe fn learn<S: Simd>(
        &mut self,
        inputs: &[u32],
        positives: &[u32],
        negatives: &[u32],
        measured: bool,
    ) {
        let (n, targets) = self.find(inputs, None, positives, negatives);
        let (weights, lanes) = (self.weights, self.weights.lanes);
        let wide = lanes * weights.slots;
        let (x, gradient) = (self.x.as_mut_ptr(), self.gradient.as_mut_ptr());
        let (from, to) = self.rows[..n + targets].split_at(n);
        let (into, out) = (&mut self.into[..targets], &mut self.out[..targets]);
        // SAFETY: the rows are of the matrices, by the caller; x and gradient are ours.
        unsafe {
            weights.mix::<S>(from, x);
            rows::dots::<S>(x, to, wide, into);
            if measured {
                measure(&mut self.loss, into, positives, negatives);
            }
            errors(into, positives, negatives, self.sigmoid);
            let zero = S::splat(0.0);
            for i in 0..wide {
                zero.store(gradient.add(i));
            }
            let Some(sums) = weights.squares else {
                for error in into.iter_mut() {
                    *error *= self.rate;
                }
                let steps = (&into[..], &into[..]);
                rows::exchange::<S>(x, to, wide, steps, gradient);
                for (slot, (row, at)) in inputs.iter().zip(from).enumerate() {
                    if let Some(piece) = weights.piece(slot, *row) {
                        rows::add::<S>(*at, 1.0, gradient.add(piece), lanes);
                    }
                }
                return;
            };
            let square = mean_square::<S>(x, wide, weights.dim * weights.slots);
            let targets = positives.iter().chain(negatives);
            for ((row, error), out) in targets.zip(&*into).zip(&mut *out) {
                *out = self.rate * error / sums.add_output(*row, error * error * square);
            }
            rows::exchange::<S>(x, to, wide, (into, out), gradient);
            let mut square = 0.0;
            for (slot, (row, at)) in inputs.iter().zip(from).enumerate() {
                if let Some(piece) = weights.piece(slot, *row) {
                    let gradient = gradient.add(piece);
                    if weights.slots > 1 || slot == 0 {
                        square = mean_square::<S>(gradient, lanes, weights.dim);
                    }
                    let scale = self.rate / sums.add_input(*row, square);
                    rows::add::<S>(*at, scale, gradient, lanes);
                }
            }
        }
    }

    /// Takes a step that moves one row of its input only, which is no row of U; the matrices are
    /// only read.
    ///
    /// # Safety
    /// As of [`Learner::learn`], with `own`, a row, behind `items`, which may be empty.
    #[inline(always)]
    pub(crate) unsafe fn infer<S: Simd>(
        &mut self,
        own: *mut Lane,
        items: &[u32],
        positives: &[u32],
        negatives: &[u32],
    ) {
        let (n, targets) = self.find(items, Some(own), positives, negatives);
        let (weights, lanes) = (self.weights, self.weights.lanes);
        let before = lanes * (weights.slots - 1);
        let (x, gradient) = (self.x.as_mut_ptr(), self.gradient.as_mut_ptr());
        let (from, to) = self.rows[..n + targets].split_at(n);
        let into = &mut self.into[..targets];
        // SAFETY: the rows are of the matrices, by the caller; x and gradient are ours.
        unsafe {
            weights.mix::<S>(from, x);
            rows::dots::<S>(x, to, before + lanes, into);
            errors(into, positives, negatives, self.sigmoid);
            let zero = S::splat(0.0);
            for i in 0..lanes {
                zero.store(gradient.add(i));
            }
            rows::combine::<S>(to, (before, lanes), into, gradient);
            rows::add::<S>(own, self.rate, gradient, lanes);
        }
    }

    /// Finds where the rows of a step lie, those of the input first, `own` last among them, and makes
    /// room for its numbers; how many rows the input and the targets have.
    #[inline(always)]
    fn find(
        &mut self,
        inputs: &[u32],
        own: Option<*mut Lane>,
        positives: &[u32],
        negatives: &[u32],
    ) -> (usize, usize) {
        let n = inputs.len() + usize::from(own.is_some());
        let targets = positives.len() + negatives.len();
        if self.into.len() < targets || self.rows.len() < n + targets {
            self.rows
                .resize(self.rows.len().max(n + targets), std::ptr::null_mut());
            self.into.resize(targets.max(self.into.len()), 0.0);
            self.out.resize(targets.max(self.out.len()), 0.0);
        }
        let rows = &mut self.rows[..n + targets];
        for i in 0..inputs.len() {
            rows[i] = self.weights.input(inputs[i]);
        }
        if let Some(own) = own {
            rows[n - 1] = own;
        }
        let rows = &mut rows[n..];
        for i in 0..positives.len() {
            rows[i] = self.weights.output(positives[i]);
        }
        let rows = &mut rows[positives.len()..];
        for i in 0..negatives.len() {
            rows[i] = self.weights.output(negatives[i]);
        }
        (n, targets)
    }
}

impl Weights<'_> {
    /// Makes an input of its rows: their mean, or with several slots the rows end to end.
    ///
    /// # Safety
    /// `rows` (not empty; with several slots one for each) are of `lanes` lanes, `x` of as many for
    /// each slot; the set's as of [`Simd`].
    #[inline(always)]
    unsafe fn mix<S: Simd>(&self, rows: &[*mut Lane], x: *mut Lane) {
        // SAFETY: the caller's.
        unsafe {
            if self.slots == 1 {
                return rows::mean::<S>(rows, 1.0 / rows.len() as f32, x, self.lanes);
            }
            debug_assert_eq!(rows.len(), self.slots);
            for (slot, row) in rows.iter().enumerate() {
                rows::copy::<S>(*row, x.add(slot * self.lanes), self.lanes);
            }
        }
    }

    /// Lanes of an input's gradient before the piece that a row of it takes; none for an empty slot.
    #[inline(always)]
    fn piece(&self, slot: usize, row: u32) -> Option<usize> {
        match self.slots {
            1 => Some(0),
            _ if row == PAD => None,
            _ => Some(slot * self.lanes),
        }
    }
}

/// Adds the loss of a step whose dot products are taken.
#[inline(never)]
fn measure(loss: &mut LossSum, dots: &[f32], positives: &[u32], negatives: &[u32]) {
    let (own, others) = dots.split_at(positives.len());
    loss.pairs += own.len() as u64;
    for dot in own {
        loss.sum += softplus_of_minus(*dot);
    }
    for (dot, negative) in others.iter().zip(negatives) {
        loss.sum += match times(*negative, positives) {
            0 => 0.0,
            times => f64::from(times) * softplus_of_minus(-*dot),
        };
    }
}

/// Mean square of a vector of ours.
///
/// # Safety
/// As of [`rows::dots`].
#[inline(always)]
unsafe fn mean_square<S: Simd>(x: *mut Lane, lanes: usize, dim: usize) -> f32 {
    let mut square = [0.0];
    // SAFETY: the caller's.
    unsafe { rows::dots::<S>(x, &[x], lanes, &mut square) }
    square[0] / dim as f32
}

/// How often a negative counts.
#[inline(always)]
fn times(negative: u32, positives: &[u32]) -> u32 {
    let mut times = 0;
    for positive in positives {
        times += u32::from(*positive != negative);
    }
    times
}

/// Turns dot products into label - σ, times what a negative counts.
#[inline(always)]
fn errors(dots: &mut [f32], positives: &[u32], negatives: &[u32], sigmoid: &Sigmoid) {
    let (own, others) = dots.split_at_mut(positives.len());
    for dot in own {
        *dot = 1.0 - sigmoid.at(*dot);
    }
    let n = others.len().min(negatives.len());
    for i in 0..n {
        let times = times(negatives[i], positives);
        let error = -sigmoid.at(others[i]) * times as f32;
        others[i] = if times == 0 { 0.0 } else { error };
    }
}
