//! Steps against the formulas in double precision, and the modes against each other.

use pannier_proto::feed::{KeyedRng, PairWindow};
use proptest::prelude::*;

use crate::lanes::{Instructions, Lane, Routine, Simd, WIDTH, draw};
use crate::prod2vec::{Model, SkipGram, SkipGramParams};
use crate::sgns::{Documents, Learner, LossSum, Mode, Rates, Sigmoid, Squares, Weights};

/// Inputs, positives and negatives.
pub(crate) type Step = (Vec<u32>, Vec<u32>, Vec<u32>);

/// Matrices in double precision, row after row, and Adagrad's sums. With several slots an input is
/// its rows end to end, and rows of V are as long.
#[derive(Clone)]
pub(crate) struct Naive {
    pub dim: usize,
    pub slots: usize,
    pub input: Vec<f64>,
    pub output: Vec<f64>,
    pub squares: Option<(Vec<f64>, Vec<f64>)>,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Naive {
    fn mix(&self, inputs: &[u32]) -> Vec<f64> {
        if self.slots > 1 {
            assert_eq!(inputs.len(), self.slots);
            let row = |i: &u32| &self.input[*i as usize * self.dim..][..self.dim];
            return inputs.iter().flat_map(row).copied().collect();
        }
        let of = |d: usize| {
            inputs
                .iter()
                .map(|i| self.input[*i as usize * self.dim + d])
                .sum::<f64>()
        };
        (0..self.dim).map(|d| of(d) / inputs.len() as f64).collect()
    }

    /// Row, label and weight of the targets.
    fn targets((_, positives, negatives): &Step) -> Vec<(usize, f64, f64)> {
        let weight = |n: &u32| positives.iter().filter(|p| *p != n).count() as f64;
        let of_negatives = negatives.iter().map(|n| (*n as usize, 0.0, weight(n)));
        positives
            .iter()
            .map(|p| (*p as usize, 1.0, 1.0))
            .chain(of_negatives)
            .collect()
    }

    fn dot(&self, x: &[f64], row: usize) -> f64 {
        x.iter()
            .zip(&self.output[row * x.len()..])
            .map(|(a, b)| a * b)
            .sum()
    }

    fn loss(&self, step: &Step) -> f64 {
        let x = self.mix(&step.0);
        let terms = Self::targets(step);
        let term = |(row, label, weight): &(usize, f64, f64)| {
            -weight * sigmoid((2.0 * label - 1.0) * self.dot(&x, *row)).ln()
        };
        terms.iter().map(term).sum()
    }

    pub(crate) fn learn(&mut self, step: &Step, rate: f64) {
        let (x, dim) = (self.mix(&step.0), self.dim);
        let wide = x.len();
        let targets = Self::targets(step);
        let errors: Vec<f64> = targets
            .iter()
            .map(|(row, label, weight)| weight * (label - sigmoid(self.dot(&x, *row))))
            .collect();
        let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let mut scales = vec![1.0; targets.len()];
        if let Some((_, sums)) = &mut self.squares {
            for ((scale, (row, ..)), error) in scales.iter_mut().zip(&targets).zip(&errors) {
                sums[*row] += error * error * square(&x);
                *scale = 1.0 / (sums[*row] + 1e-10).sqrt();
            }
        }
        let mut gradient = vec![0.0; wide];
        for (((row, ..), error), scale) in targets.iter().zip(&errors).zip(&scales) {
            let v = self.output[row * wide..].iter_mut();
            for ((v, gradient), x) in v.zip(&mut gradient).zip(&x) {
                *gradient += error * *v;
                *v += rate * scale * error * x;
            }
        }
        for (at, input) in step.0.iter().map(|i| *i as usize).enumerate() {
            if self.slots > 1 && input == 0 {
                continue;
            }
            let gradient = &gradient[at % self.slots * dim..][..dim];
            let scale = self.squares.as_mut().map_or(1.0, |(sums, _)| {
                sums[input] += square(gradient);
                1.0 / (sums[input] + 1e-10).sqrt()
            });
            for (u, gradient) in self.input[input * dim..].iter_mut().zip(gradient) {
                *u += rate * scale * gradient;
            }
        }
    }
}

/// Matrices to be learnt.
struct Matrices {
    dim: usize,
    slots: usize,
    input: Vec<Lane>,
    output: Vec<Lane>,
    squares: Option<Squares>,
}

impl Matrices {
    fn new(rows: usize, (dim, slots): (usize, usize), seed: u64, adagrad: bool) -> Self {
        let lanes = dim.div_ceil(WIDTH);
        let matrix = |rows: usize, seed: u64| {
            let mut all = vec![Lane::ZERO; rows * lanes];
            for (row, lanes) in all.chunks_mut(lanes).enumerate() {
                draw(lanes, dim, seed + row as u64);
                lanes
                    .iter_mut()
                    .flat_map(|l| &mut l.0)
                    .for_each(|x| *x *= dim as f32);
            }
            all
        };
        let squares = adagrad.then(|| Squares::new(rows, rows));
        let mut output = matrix(rows * slots, seed ^ 77);
        // Products are as large as those of one slot: σ is not flat there.
        let floats = output.iter_mut().flat_map(|l| &mut l.0);
        floats.for_each(|x| *x /= (slots as f32).sqrt());
        Self {
            dim,
            slots,
            input: matrix(rows, seed),
            output,
            squares,
        }
    }

    fn naive(&self) -> Naive {
        let floats = |all: &[Lane]| {
            let rows = all.chunks(self.dim.div_ceil(WIDTH));
            rows.flat_map(|row| row.iter().flat_map(|l| l.0).take(self.dim))
                .map(f64::from)
                .collect()
        };
        let wide = |sums: Vec<f32>| sums.into_iter().map(f64::from).collect();
        let squares = self.squares.as_ref().map(Squares::sums);
        Naive {
            dim: self.dim,
            slots: self.slots,
            input: floats(&self.input),
            output: floats(&self.output),
            squares: squares.map(|(a, b)| (wide(a), wide(b))),
        }
    }

    fn learn(
        &mut self,
        steps: &[Step],
        rate: f32,
        instructions: Instructions,
        shared: bool,
    ) -> LossSum {
        let (sigmoid, lanes) = (Sigmoid::new(), self.dim.div_ceil(WIDTH));
        let shape = (lanes, self.dim);
        let weights = Weights::new(
            &mut self.input,
            &mut self.output,
            shape,
            self.squares.as_ref(),
        );
        let weights = weights.end_to_end(self.slots);
        let all = All(Learner::new(weights, &sigmoid, rate), steps);
        if shared {
            instructions.shared(all)
        } else {
            instructions.alone(all)
        }
    }
}

struct All<'a>(Learner<'a>, &'a [Step]);

impl Routine for All<'_> {
    type Output = LossSum;

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) -> LossSum {
        for (inputs, positives, negatives) in self.1 {
            // SAFETY: the steps are drawn below the rows of the matrices.
            unsafe { self.0.learn::<S>(inputs, positives, negatives, true) }
        }
        self.0.loss
    }
}

const ROWS: u32 = 9;

/// Steps with so many rows in an input; 1: with one to four.
fn some_steps(n: usize, slots: u32, seed: u64) -> Vec<Step> {
    let most = if slots == 1 { 4 } else { slots };
    let mut rng = KeyedRng::new(seed);
    let mut some = |least: u32, most: u32| -> Vec<u32> {
        let n = least + rng.below(most - least + 1);
        (0..n).map(|_| rng.below(ROWS)).collect()
    };
    (0..n)
        .map(|_| (some(slots, most), some(1, 9), some(0, 9)))
        .collect()
}

proptest! {
    #[test]
    fn steps_equal_the_formulas(dim in 1usize..140, slots in 1u32..8, seed in 0u64..1000, adagrad: bool, shared: bool) {
        let mut ours = Matrices::new(ROWS as usize, (dim, slots as usize), seed, adagrad);
        let (mut naive, mut loss) = (ours.naive(), 0.0);
        let steps = some_steps(20, slots, seed);
        for step in &steps {
            loss += naive.loss(step);
            naive.learn(step, 0.02);
        }
        let measured = ours.learn(&steps, 0.02, Instructions::best(), shared);
        prop_assert!((measured.sum - loss).abs() < 1e-3 * loss, "{} {}", measured.sum, loss);
        let ours = ours.naive();
        let pairs = ours.input.iter().chain(&ours.output).zip(naive.input.iter().chain(&naive.output));
        // Adagrad divides by the size of the gradients: what is rounded of a small one counts in full.
        let off = if adagrad { 1e-3 } else { 1e-4 };
        for (a, b) in pairs {
            prop_assert!((a - b).abs() < off * b.abs().max(1.0), "{} {}", a, b);
        }
        if let (Some(a), Some(b)) = (ours.squares, naive.squares) {
            for (a, b) in a.0.iter().chain(&a.1).zip(b.0.iter().chain(&b.1)) {
                prop_assert!((a - b).abs() < 1e-3 * b.max(1.0), "{} {}", a, b);
            }
        }
    }

    #[test]
    fn every_processor_gives_the_same_bytes(dim in 1usize..140, slots in 1u32..8, seed in 0u64..1000, adagrad: bool) {
        let steps = some_steps(20, slots, seed);
        let learnt = |instructions| {
            let mut matrices = Matrices::new(ROWS as usize, (dim, slots as usize), seed, adagrad);
            let loss = matrices.learn(&steps, 0.05, instructions, false);
            (matrices.input, matrices.output, matrices.squares.map(|s| s.sums()), loss)
        };
        let all: Vec<_> = Instructions::available().into_iter().map(learnt).collect();
        for other in &all[1..] {
            prop_assert!(*other == all[0]);
        }
    }

    /// The expectation of an update with shared negatives is that of one with separate ones.
    #[test]
    fn shared_negatives_weigh_as_many(dim in 1usize..40, seed in 0u64..1000) {
        let rate = 1e-3;
        let learn = |steps: &[Step]| {
            let mut matrices = Matrices::new(ROWS as usize, (dim, 1), seed, false);
            matrices.learn(steps, rate, Instructions::best(), false);
            matrices.naive()
        };
        let together = learn(&[(vec![3], vec![4, 5, 6], vec![7, 8])]);
        let apart: Vec<Step> = [4, 5, 6].map(|p| (vec![3], vec![p], vec![7, 8])).into();
        let apart = learn(&apart);
        for (a, b) in together.output.iter().zip(&apart.output) {
            // Equal but for what the steps before have moved, of second order in the rate.
            prop_assert!((a - b).abs() < 200.0 * f64::from(rate * rate), "{} {}", a, b);
        }
    }
}

/// Baskets of two groups of items.
fn two_groups(n: usize, seed: u64) -> Documents {
    let mut rng = KeyedRng::new(seed);
    let items = (0..n * 6)
        .map(|i| 2 + (i / 6 % 2) as u32 * 10 + rng.below(10))
        .collect();
    Documents::new(items, (1..=n).map(|i| i * 6).collect(), 22).unwrap()
}

fn similarity(model: &Model, a: usize, b: usize) -> f32 {
    let dot = |a, b| {
        model
            .vector(a)
            .iter()
            .zip(model.vector(b))
            .map(|(x, y)| x * y)
            .sum::<f32>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn both_modes_find_the_groups_and_one_is_always_the_same() {
    let baskets = two_groups(3000, 1);
    let order: Vec<u32> = (0..baskets.len() as u32).collect();
    let train = |mode, negatives_shared, adagrad: bool| {
        let how = SkipGramParams {
            window: PairWindow::Items(5),
            keep: vec![],
            negatives: 5,
            negatives_shared,
            power: 0.75,
        };
        let learner = SkipGram::new(&baskets.counts(), &how, mode).unwrap();
        let mut model = Model::new(22, 20, 5);
        let squares = adagrad.then(|| Squares::new(22, 22));
        let rates = Rates {
            first: 0.05,
            last: 0.01,
        };
        let mut losses = Vec::new();
        for epoch in 0..3 {
            let input = (&baskets, &order[..]);
            let learnt = learner
                .train(&mut model, squares.as_ref(), input, rates, epoch)
                .unwrap();
            assert!(learnt.pairs > 3000 * 6 * 3);
            losses.push(learnt.loss.sum / learnt.loss.pairs as f64);
        }
        assert!(losses[2] < losses[0], "{losses:?}");
        model
    };
    for shared in [false, true] {
        for adagrad in [false, true] {
            let first = train(Mode::Deterministic, shared, adagrad);
            assert!(first == train(Mode::Deterministic, shared, adagrad));
            for model in [first, train(Mode::Fast { threads: 3 }, shared, adagrad)] {
                assert!(model.is_finite());
                for (a, b) in (2..12).zip(3..12) {
                    let (near, far) = (similarity(&model, a, b), similarity(&model, a, b + 10));
                    assert!(near > far + 0.2, "{a} {b}: {near} {far}");
                }
            }
        }
    }
}

#[test]
fn documents_are_checked() {
    assert!(Documents::new(vec![2, 3, 4], vec![0, 2, 3], 5).is_ok());
    let bad = [
        (vec![2, 5], vec![2]),
        (vec![1, 2], vec![2]),
        (vec![2, 3], vec![1]),
        (vec![2, 3], vec![2, 1]),
    ];
    for (items, ends) in bad {
        assert!(Documents::new(items, ends, 5).is_err());
    }
    let documents = Documents::new(vec![2, 4, 4], vec![0, 2, 3], 5).unwrap();
    assert_eq!(
        (
            documents.get(0),
            documents.get(1),
            documents.get(2),
            documents.get(3)
        ),
        (&[][..], &[2, 4][..], &[4][..], &[][..])
    );
    assert_eq!(documents.counts(), [1, 0, 2]);
    let squares = Squares::of(&[1.5, 0.0], &[2.5]);
    assert_eq!(squares.sums(), (vec![1.5, 0.0], vec![2.5]));
}
