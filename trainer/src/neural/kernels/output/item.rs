//! An item's logits over 64 sequences: their loss, and their gradients.

use super::super::math::{exp, logistic_and_softplus};
use super::super::simd::{Vector, WIDTH};
use super::super::targets::Link;
use super::super::tile::COLUMNS;
use super::{Block, Job};

/// What a logit counts as at most in a softmax, so that sums of exponentials stay numbers.
const MOST: f32 = 64.0;

/// Of a softmax, by sequence and as many as panels hold.
#[derive(Debug)]
pub(super) struct Totals {
    /// ln Σ e^z over all items.
    logs: Vec<f32>,
    /// What its purchases count for together.
    worth: Vec<f32>,
}

impl Totals {
    /// Of the tasks' sums of exponentials.
    pub(super) fn new(job: &Job<'_>, tasks: &[(f64, Vec<f32>)]) -> Self {
        let columns = job.across.count() * COLUMNS;
        let log = |at: usize| {
            let sum: f64 = tasks.iter().map(|(_, sums)| f64::from(sums[at])).sum();
            sum.max(f64::MIN_POSITIVE).ln() as f32
        };
        let mut worth = vec![0.0; columns];
        for rank in &job.targets.sequences {
            worth[*rank as usize] += job.targets.worth_of(*rank);
        }
        Self {
            logs: (0..columns).map(log).collect(),
            worth,
        }
    }
}

/// The sum of whole vectors of numbers.
#[inline(always)]
pub(super) unsafe fn sum_of<V: Vector>(numbers: &[f32]) -> f32 {
    // SAFETY: the caller's for the instructions.
    unsafe {
        let mut sum = V::splat(0.0);
        let mut at = 0;
        while at + WIDTH <= numbers.len() {
            sum = sum.add(V::load(numbers.as_ptr().add(at)));
            at += WIDTH;
        }
        sum.sum()
    }
}

impl Block<'_> {
    /// The loss of an item over 64 sequences, and the gradients of its logits, of which those behind
    /// the last sequence are 0. Where only sums are made they are added to the task's share.
    #[inline(always)]
    pub(super) unsafe fn item<V: Vector>(
        &self,
        item: usize,
        panel: usize,
        products: &[f32; COLUMNS],
        slopes: &mut [f32],
        share: &mut [f32],
    ) -> f64 {
        let job = self.job;
        let first = panel * COLUMNS;
        let ranks = first..(first + COLUMNS).min(job.sequences);
        let mut logits = *products;
        self.added(item, ranks.clone(), |pair, at| {
            let added = job.layer.added.map_or(0.0, |added| added.logits[pair]);
            logits[at] += added;
        });
        let bias = job.layer.bias[item];
        logits.iter_mut().for_each(|z| *z += bias);
        // SAFETY: the caller's for the instructions.
        let loss = unsafe {
            match (job.layer.link, &job.totals) {
                (Link::Logistic, _) => self.logistic::<V>(item, ranks.clone(), &logits, slopes),
                (Link::Softmax, Some(totals)) => {
                    self.softmax::<V>(item, ranks.clone(), &logits, totals, slopes)
                }
                (Link::Softmax, None) => {
                    add_exp::<V>(&logits, &mut share[first..]);
                    return 0.0;
                }
            }
        };
        if let Some(out) = job.out {
            self.added(item, ranks, |pair, at| {
                // SAFETY: the item's pairs are this task's alone.
                unsafe { out.added.at(pair, 1).write(slopes[at]) };
            });
        }
        loss
    }

    #[inline(always)]
    unsafe fn logistic<V: Vector>(
        &self,
        item: usize,
        ranks: std::ops::Range<usize>,
        logits: &[f32; COLUMNS],
        slopes: &mut [f32],
    ) -> f64 {
        let job = self.job;
        let count = ranks.len();
        let [less, more] = job
            .layer
            .balance
            .map_or([1.0, 1.0], |balance| balance[item]);
        let by = 1.0 / job.count() as f32;
        let (mut losses, mut chances) = ([0.0f32; COLUMNS], [0.0f32; COLUMNS]);
        for lane in (0..COLUMNS).step_by(WIDTH) {
            // SAFETY: all have 64 numbers; the caller's for the instructions.
            unsafe {
                let (p, loss) = logistic_and_softplus(V::load(logits.as_ptr().add(lane)));
                p.mul(V::splat(by * less))
                    .store(slopes.as_mut_ptr().add(lane));
                p.store(chances.as_mut_ptr().add(lane));
                loss.store(losses.as_mut_ptr().add(lane));
            }
        }
        slopes[count..].fill(0.0);
        losses[count..].fill(0.0);
        // SAFETY: 64 numbers; the caller's for the instructions.
        let sum = unsafe { sum_of::<V>(&losses) };
        let mut all = f64::from(sum * less);
        self.bought(item, ranks, |at, worth| {
            let z = logits[at];
            slopes[at] = (chances[at] - worth) * by * more;
            all += f64::from((losses[at] - worth * z) * more - losses[at] * less);
        });
        all
    }

    #[inline(always)]
    unsafe fn softmax<V: Vector>(
        &self,
        item: usize,
        ranks: std::ops::Range<usize>,
        logits: &[f32; COLUMNS],
        totals: &Totals,
        slopes: &mut [f32],
    ) -> f64 {
        let by = 1.0 / self.job.count() as f32;
        let (logs, worth) = (&totals.logs[ranks.start..], &totals.worth[ranks.start..]);
        for lane in (0..COLUMNS).step_by(WIDTH) {
            // SAFETY: all have 64 numbers; the caller's for the instructions.
            unsafe {
                let z = V::load(logits.as_ptr().add(lane)).min(V::splat(MOST));
                let share = exp(z.sub(V::load(logs.as_ptr().add(lane))));
                let worth = V::load(worth.as_ptr().add(lane)).mul(V::splat(by));
                share.mul(worth).store(slopes.as_mut_ptr().add(lane));
            }
        }
        slopes[ranks.len()..].fill(0.0);
        let mut all = 0.0;
        self.bought(item, ranks, |at, worth| {
            slopes[at] -= worth * by;
            all += f64::from(worth * (logs[at] - logits[at].min(MOST)));
        });
        all
    }

    /// The sequences of these that the item was bought in, counted from the first, with what that counts
    /// for.
    #[inline(always)]
    fn bought(&self, item: usize, ranks: std::ops::Range<usize>, mut each: impl FnMut(usize, f32)) {
        let targets = self.job.targets;
        let bought = targets.of(item);
        let from = bought.partition_point(|rank| (*rank as usize) < ranks.start);
        for rank in &bought[from..] {
            if *rank as usize >= ranks.end {
                break;
            }
            each(*rank as usize - ranks.start, targets.worth_of(*rank));
        }
    }

    /// The pairs of an item with these sequences: which, and which of the sequences.
    #[inline(always)]
    fn added(
        &self,
        item: usize,
        ranks: std::ops::Range<usize>,
        mut each: impl FnMut(usize, usize),
    ) {
        let Some(added) = self.job.layer.added else {
            return;
        };
        let range = added.pairs.range(item);
        let all = &added.pairs.sequences[range.clone()];
        let from = all.partition_point(|rank| (*rank as usize) < ranks.start);
        for (at, rank) in all.iter().enumerate().skip(from) {
            if *rank as usize >= ranks.end {
                break;
            }
            each(range.start + at, *rank as usize - ranks.start);
        }
    }
}

/// Adds e^z of 64 logits to sums.
#[inline(always)]
unsafe fn add_exp<V: Vector>(logits: &[f32; COLUMNS], sums: &mut [f32]) {
    let sums = &mut sums[..COLUMNS];
    for lane in (0..COLUMNS).step_by(WIDTH) {
        // SAFETY: both have 64 numbers; the caller's for the instructions.
        unsafe {
            let z = V::load(logits.as_ptr().add(lane)).min(V::splat(MOST));
            let sum = V::load(sums.as_ptr().add(lane)).add(exp(z));
            sum.store(sums.as_mut_ptr().add(lane));
        }
    }
}
