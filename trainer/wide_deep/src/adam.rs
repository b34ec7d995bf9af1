//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019) for layers, whose weights all have
//! a gradient in every step, and what rows of tables that had none are made up for with.
//!
//! A row without a gradient goes on moving: by dense Adam its mean m and its square v fall by β₁ and β₂ a
//! step, and step t moves it by rₜ·mₜ / (√vₜ + ε'ₜ), with rₜ = rate·√(1 - β₂ᵗ) / (1 - β₁ᵗ) and
//! ε'ₜ = ε·√(1 - β₂ᵗ). With m_{L+k} = m·β₁ᵏ and √v_{L+k} = √v·β₂^{k/2} after the last gradient at L, all
//! missed steps together are m / (√v + ε') · Σₖ r_{L+k}·(β₁ / √β₂)ᵏ: the sum does not depend on the row, so
//! a row that missed a hundred steps is made up for as fast as one that missed one. What differs from
//! dense updates is only that ε' is the mean of the missed steps', which counts where gradients are as
//! small as 1e-8, and that the sum ends where (β₁ / √β₂)ᵏ is below a float's precision.

use crate::simd::{Task, Vector};

pub(crate) const BETA_1: f32 = 0.9;
pub(crate) const BETA_2: f32 = 0.999;
/// As PyTorch's.
pub(crate) const EPSILON: f32 = 1e-8;
/// (.9 / √.999)^170 < 2^-25.
const FORGOTTEN: usize = 170;
/// Falls of moments that are kept ready, by missed steps.
const READY: usize = 4096;

/// What a step does to every weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Learning rate over (1 - β₁^t).
    rate: f32,
    /// 1 / √(1 - β₂^t).
    root: f32,
    /// What gradients are multiplied with: the clipping.
    pub scale: f32,
    /// A weight times this is added to its gradient.
    pub l2: f32,
    /// What a weight loses of itself: AdamW's decay.
    pub decay: f32,
}

/// Steps so far, and what rows that had no gradient are owed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clock {
    /// By step of a last gradient, from 1: Σ rₜ·(β₁ / √β₂)ᵏ over the steps since, and the same of
    /// rₜ·ε'ₜ.
    pub owed: Vec<[f64; 2]>,
    /// What is left of means and squares after so many steps.
    left: Vec<[f32; 2]>,
}

/// What a row that had no gradient for some steps is made up for with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missed {
    /// Times m / (√v + epsilon): what the weight moves down by.
    pub sum: f32,
    pub epsilon: f32,
    /// What is left of means and squares.
    pub left: [f32; 2],
}

fn left_after(steps: f64) -> [f32; 2] {
    [BETA_1, BETA_2].map(|beta| f64::from(beta).powf(steps) as f32)
}

impl Clock {
    /// After the steps that these are of.
    pub(crate) fn new(owed: Vec<[f64; 2]>) -> Self {
        let left = (0..READY).map(|steps| left_after(steps as f64));
        Self {
            owed,
            left: left.collect(),
        }
    }

    /// Steps so far.
    pub(crate) fn steps(&self) -> u32 {
        self.owed.len() as u32
    }

    /// One more step, at a learning rate.
    pub(crate) fn tick(&mut self, rate: f64) -> Step {
        let t = self.owed.len() as f64 + 1.0;
        let fallen = |beta: f32| 1.0 - f64::from(beta).powf(t);
        let (first, second) = (fallen(BETA_1), fallen(BETA_2));
        let moved = rate * second.sqrt() / first;
        let epsilon = f64::from(EPSILON) * second.sqrt();
        let ratio = f64::from(BETA_1) / f64::from(BETA_2).sqrt();
        let mut power = 1.0;
        for owed in self.owed.iter_mut().rev().take(FORGOTTEN) {
            power *= ratio;
            let by = moved * power;
            *owed = [owed[0] + by, owed[1] + by * epsilon];
        }
        self.owed.push([0.0; 2]);
        Step {
            rate: (rate / first) as f32,
            root: (1.0 / second.sqrt()) as f32,
            scale: 1.0,
            l2: 0.0,
            decay: 0.0,
        }
    }

    /// What a row is owed whose last gradient was at step `learned`; none where nothing.
    pub(crate) fn missed(&self, learned: u32) -> Option<Missed> {
        let now = self.owed.len();
        let (since, at) = (now.checked_sub(learned as usize)?, learned.checked_sub(1)?);
        if since == 0 {
            return None;
        }
        let ready = self.left.get(since).copied();
        let [sum, blurred] = self.owed[at as usize];
        let epsilon = if sum > 0.0 { blurred / sum } else { 0.0 };
        Some(Missed {
            sum: sum as f32,
            // Where nothing was learned at all, m and v are both 0.
            epsilon: (epsilon as f32).max(f32::MIN_POSITIVE),
            left: ready.unwrap_or_else(|| left_after(since as f64)),
        })
    }
}

/// Weights, what Adam keeps of them, and their gradients.
pub(crate) struct Moved<'a> {
    pub weights: &'a mut [f32],
    pub means: &'a mut [f32],
    pub squares: &'a mut [f32],
    pub gradients: &'a [f32],
    /// 1 where a weight decays; none: all do.
    pub decaying: Option<&'a [f32]>,
    pub step: Step,
}

impl Moved<'_> {
    /// Moves the weights. Compiled for the instructions of the task that it is inlined into.
    #[inline(always)]
    pub(crate) fn go(self) {
        let Step {
            rate,
            root,
            scale,
            l2,
            decay,
        } = self.step;
        let len = self.weights.len();
        let (means, squares) = (&mut self.means[..len], &mut self.squares[..len]);
        let gradients = &self.gradients[..len];
        for at in 0..len {
            let decays = self.decaying.map_or(1.0, |mask| mask[at]);
            let w = self.weights[at];
            let g = w.mul_add(l2 * decays, gradients[at] * scale);
            let m = means[at].mul_add(BETA_1, g * (1.0 - BETA_1));
            let v = squares[at].mul_add(BETA_2, g * g * (1.0 - BETA_2));
            let by = m * rate / v.sqrt().mul_add(root, EPSILON);
            self.weights[at] = w.mul_add(-decay * decays, w) - by;
            means[at] = m;
            squares[at] = v;
        }
    }
}

/// A layer's weights on their way.
pub(crate) struct Dense<'a>(pub Moved<'a>);

impl Task for Dense<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        self.0.go();
    }
}
