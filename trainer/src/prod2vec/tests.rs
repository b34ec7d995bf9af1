//! The kernel against the formulas, and whole trainings against each other.

use std::collections::BTreeMap;

use pannier_proto::feed::{KeyedRng, PairWindow, Transform};
use pannier_proto::spec::{ModelSpec, Optimizer, Prod2vecParams, UpdateMode};
use pannier_proto::work::WorkReportKind;
use proptest::prelude::*;

use super::artifact;
use super::train::{Trained, Training};
use super::{Instructions, Kernel, LossSum, Mode, Model, Pairs, SkipGram, SkipGramParams};
use crate::artifact::ArtifactConfig;
use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::testing::warehouse::{VOCAB, Warehouse, baskets, counts};
use crate::testing::{config, context, watched};
use crate::vocab::Vocab;
use pannier_feed::testing::executor::{Fault, TestExecutor, TestFeed};
use pannier_feed::testing::runtime;

/// Matrices in double precision.
#[derive(Clone)]
struct Naive {
    dim: usize,
    input: Vec<f64>,
    output: Vec<f64>,
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
        .collect()
}

impl Naive {
    fn of(model: &Model) -> Self {
        Self {
            dim: model.dim(),
            input: floats(&model.input_bytes()),
            output: floats(&model.output_bytes()),
        }
    }

    fn dot(&self, center: u32, target: u32) -> f64 {
        let (c, t) = (center as usize * self.dim, target as usize * self.dim);
        (0..self.dim)
            .map(|d| self.input[c + d] * self.output[t + d])
            .sum()
    }

    fn targets(context: u32, negatives: &[u32]) -> Vec<(u32, f64)> {
        let negatives = negatives
            .iter()
            .filter(|n| **n != context)
            .map(|n| (*n, 0.0));
        std::iter::once((context, 1.0)).chain(negatives).collect()
    }

    fn loss(&self, center: u32, context: u32, negatives: &[u32]) -> f64 {
        let sign = |label: f64| 2.0 * label - 1.0;
        let terms = Self::targets(context, negatives);
        terms
            .iter()
            .map(|(t, label)| (-sign(*label) * self.dot(center, *t)).exp().ln_1p())
            .sum()
    }

    fn train(&mut self, center: u32, context: u32, negatives: &[u32], rate: f64) {
        let targets = Self::targets(context, negatives);
        let steps: Vec<f64> = targets
            .iter()
            .map(|(t, label)| rate * (label - 1.0 / (1.0 + (-self.dot(center, *t)).exp())))
            .collect();
        for d in 0..self.dim {
            let u = self.input[center as usize * self.dim + d];
            for ((target, _), step) in targets.iter().zip(&steps) {
                let v = &mut self.output[*target as usize * self.dim + d];
                self.input[center as usize * self.dim + d] += step * *v;
                *v += step * u;
            }
        }
    }
}

/// A model whose V is not zero.
fn some_model(rows: usize, dim: usize, seed: u64) -> Model {
    let scaled = |seed| {
        let of = floats(&Model::new(rows, dim, seed).input_bytes());
        of.iter()
            .flat_map(|x| ((*x * dim as f64) as f32).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    Model::from_bytes(rows, dim, &scaled(seed), &scaled(seed + 1)).unwrap()
}

fn some_pairs(n: usize, rows: usize, k: usize, seed: u64) -> Pairs {
    let mut rng = KeyedRng::new(seed);
    let mut draw = |n: usize| {
        (0..n)
            .map(|_| 2 + rng.below(rows as u32 - 2))
            .collect::<Vec<u32>>()
    };
    Pairs::new(draw(n).into(), draw(n).into(), draw(n * k), k, rows).unwrap()
}

proptest! {
    #[test]
    fn the_kernel_equals_the_formulas(
        rows in 3usize..12, dim in 1usize..50, k in 1usize..12, n in 1usize..40, seed in 0u64..1000,
    ) {
        let (mut model, pairs) = (some_model(rows, dim, seed), some_pairs(n, rows, k, seed));
        let mut naive = Naive::of(&model);
        Kernel::new(Instructions::best()).train(&mut model, None, &pairs, 0.05).unwrap();
        for at in 0..n {
            let (center, context, negatives) = pairs.get(at);
            naive.train(center, context, negatives, 0.05);
        }
        let ours = Naive::of(&model);
        for (a, b) in ours.input.iter().chain(&ours.output).zip(naive.input.iter().chain(&naive.output)) {
            prop_assert!((a - b).abs() < 2e-5, "{} {}", a, b);
        }
    }

    #[test]
    fn every_processor_gives_the_same_bytes(
        dim in 1usize..140, k in prop::sample::select(vec![1usize, 2, 5, 7, 10, 15, 20]), seed in 0u64..1000,
    ) {
        let (rows, pairs) = (9, some_pairs(60, 9, k, seed));
        let train = |instructions| {
            let mut model = some_model(rows, dim, seed);
            let loss = Kernel::new(instructions).train(&mut model, None, &pairs, 0.05).unwrap();
            (model.input_bytes(), model.output_bytes(), loss)
        };
        let all: Vec<(Vec<u8>, Vec<u8>, LossSum)> = Instructions::available().into_iter().map(train).collect();
        for other in &all[1..] {
            prop_assert!(*other == all[0]);
        }
    }

    /// One update moves the weights by -rate · gradient of the loss.
    #[test]
    fn updates_follow_the_gradient(seed in 0u64..1000) {
        let (rows, dim, rate) = (8, 5, 0.05);
        let mut model = some_model(rows, dim, seed);
        // Distinct negatives: the update of one repeated is two small ones.
        let (center, context, negatives) = (2, 3, vec![4, 5, 3, 6]);
        let before = Naive::of(&model);
        let pairs = Pairs::new(vec![center].into(), vec![context].into(), negatives.clone(), 4, rows).unwrap();
        let loss = Kernel::new(Instructions::best()).train(&mut model, None, &pairs, rate).unwrap();
        prop_assert!((loss.sum - before.loss(center, context, &negatives)).abs() < 1e-5 && loss.pairs == 1);
        let after = Naive::of(&model);
        let h = 1e-4;
        for i in 0..2 * rows * dim {
            let at = |x: f64| {
                let mut shifted = before.clone();
                if i < rows * dim { shifted.input[i] += x } else { shifted.output[i - rows * dim] += x }
                shifted.loss(center, context, &negatives)
            };
            let gradient = (at(h) - at(-h)) / (2.0 * h);
            let of = |m: &Naive| if i < rows * dim { m.input[i] } else { m.output[i - rows * dim] };
            let moved = (of(&after) - of(&before)) / -f64::from(rate);
            prop_assert!((moved - gradient).abs() < 2e-5, "{}: {} {}", i, moved, gradient);
        }
    }
}

/// Both ways to learn from pairs take the same steps where no negatives are drawn, in one step for
/// each center where they are shared.
#[test]
fn pairs_are_learnt_from_in_order_and_once() {
    let pairs = some_pairs(500, 9, 0, 4);
    let how = |negatives_shared| SkipGramParams {
        window: PairWindow::Basket,
        keep: vec![],
        negatives: 0,
        negatives_shared,
        power: 0.75,
    };
    let learner = SkipGram::new(&[1; 7], &how(false), Mode::Deterministic).unwrap();
    let (mut one, mut other) = (some_model(9, 20, 1), some_model(9, 20, 1));
    let learnt = learner
        .train_pairs(&mut one, None, &pairs, 0.05, 1)
        .unwrap();
    Kernel::new(Instructions::best())
        .train(&mut other, None, &pairs, 0.05)
        .unwrap();
    assert!(one == other && learnt.pairs == 500);
    let fast = SkipGram::new(&[1; 7], &how(true), Mode::Fast { threads: 2 }).unwrap();
    assert_eq!(
        fast.train_pairs(&mut one, None, &pairs, 0.05, 1)
            .unwrap()
            .pairs,
        500
    );
    assert!(
        one.is_finite()
            && fast
                .train_pairs(&mut some_model(8, 20, 1), None, &pairs, 0.05, 1)
                .is_err()
    );
}

#[test]
fn indices_outside_the_model_are_refused() {
    let pairs = |center, context, negative| {
        Pairs::new(
            vec![center].into(),
            vec![context].into(),
            vec![negative],
            1,
            5,
        )
    };
    assert!(pairs(2, 3, 4).is_ok());
    for bad in [pairs(5, 3, 4), pairs(2, 1, 4), pairs(2, 3, 7)] {
        assert!(matches!(bad, Err(TrainerError::Data { .. })));
    }
    let kernel = Kernel::new(Instructions::best());
    assert!(
        kernel
            .train(
                &mut some_model(4, 8, 1),
                None,
                &pairs(2, 3, 4).unwrap(),
                0.1
            )
            .is_err()
    );
}

const ITEMS: u32 = 20;

/// One training in a warehouse of its own; parts can be interrupted.
struct Run {
    warehouse: Warehouse,
    runtime: tokio::runtime::Runtime,
    feed: TestFeed,
    executor: TestExecutor,
    params: Prod2vecParams,
}

impl Run {
    fn new() -> Self {
        let runtime = runtime();
        let baskets = baskets(300, ITEMS, 5);
        let warehouse = Warehouse::new(&runtime, &counts(&baskets, ITEMS));
        let transform = Transform::Pairs {
            window: PairWindow::Items(5),
            first_item: 2,
            keep: vec![],
            negatives: None,
        };
        let feed = TestFeed::new(baskets, transform, true);
        let executor = TestExecutor::start(&runtime, "e", vec![feed.clone()], Fault::None);
        let params = Prod2vecParams {
            dim: 24,
            epochs: 3,
            learning_rate: 0.05,
            checkpoint_steps: 10,
            ..Prod2vecParams::default()
        };
        Self {
            warehouse,
            runtime,
            feed,
            executor,
            params,
        }
    }

    fn serve(&mut self, fault: Fault) {
        self.executor = TestExecutor::start(&self.runtime, "e", vec![self.feed.clone()], fault);
    }

    /// Trains; `stop_at`: cancel when this many checkpoints were reported.
    fn train(
        &self,
        config: TrainerConfig,
        stop_at: Option<usize>,
    ) -> (Result<Trained, TrainerError>, Vec<WorkReportKind>) {
        let (context, reports) =
            context(&self.runtime, config, vec![self.executor.address.clone()]);
        let watcher = watched(&self.runtime, reports, context.cancel.clone(), stop_at);
        let vocab = Vocab::load(&self.warehouse.storage, VOCAB).unwrap();
        let training = Training {
            params: &self.params,
            seed: 3,
            feed: &self.feed.spec,
            vocab: &vocab,
            checkpoints: "run/ckpt",
            gathered: true,
        };
        let trained = training.run(&context, &self.warehouse.storage);
        drop(context);
        (trained, self.runtime.block_on(watcher).unwrap())
    }

    fn files(&self, trained: &Trained) -> BTreeMap<String, String> {
        let (storage, model) = (&self.warehouse.storage, &trained.state.model);
        let vocab = Vocab::load(storage, VOCAB).unwrap();
        let config = ArtifactConfig::new(ModelSpec::Prod2vec(self.params.clone()), 3, &vocab);
        let files = artifact::write(storage, "artifact", model, &vocab, &config).unwrap();
        files.into_iter().map(|f| (f.name, f.digest)).collect()
    }
}

fn losses(reports: &[WorkReportKind]) -> Vec<(u64, u64)> {
    let point = |r: &WorkReportKind| match r {
        WorkReportKind::Loss { step, loss, .. } => Some((*step, loss.to_bits())),
        _ => None,
    };
    reports.iter().filter_map(point).collect()
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let whole = Run::new();
    let (trained, reports) = whole.train(
        TrainerConfig {
            threads: 1,
            ..config()
        },
        None,
    );
    let trained = trained.unwrap();
    let (files, curve) = (whole.files(&trained), losses(&reports));
    assert!(trained.resumed_from.is_none() && trained.steps == 225 && trained.state.next == (3, 0));
    assert!(
        f64::from_bits(curve[curve.len() - 1].1) < 0.8 * f64::from_bits(curve[0].1),
        "the loss falls"
    );

    let other = Run::new();
    let (again, reports) = other.train(
        TrainerConfig {
            threads: 4,
            prefetch_windows: 1,
            ..config()
        },
        None,
    );
    let again = again.unwrap();
    assert_eq!(
        (other.files(&again), losses(&reports)),
        (files.clone(), curve.clone())
    );

    let mut broken = Run::new();
    broken.serve(Fault::HangAt(1, 20));
    // Steps 10, 20, … 70, 75 (an epoch's end), 80 and 90.
    let (stopped, first) = broken.train(config(), Some(10));
    broken.serve(Fault::None);
    assert_eq!(stopped.err(), Some(TrainerError::Stopped));
    let names = broken.warehouse.storage.names("run/ckpt").unwrap();
    let newest = format!("run/ckpt/{}", names[names.len() - 1]);
    let mut torn = broken.warehouse.storage.get(&newest).unwrap().to_vec();
    torn.truncate(torn.len() - 5);
    broken.warehouse.storage.put(&newest, torn).unwrap();
    let (resumed, second) = broken.train(config(), None);
    let resumed = resumed.unwrap();
    assert_eq!(resumed.resumed_from, Some((1, 5)));
    assert!(
        matches!(&second[0], WorkReportKind::Log { text } if text.contains("checksum")),
        "{second:?}"
    );
    assert_eq!(resumed.state, trained.state);
    assert_eq!(broken.files(&resumed), files);
    let both: BTreeMap<u64, u64> = losses(&first).into_iter().chain(losses(&second)).collect();
    assert_eq!(both, curve.into_iter().collect());

    let (at_the_end, _) = broken.train(config(), None);
    assert_eq!(broken.files(&at_the_end.unwrap()), files);
}

#[test]
fn other_params_start_afresh() {
    let mut run = Run::new();
    run.params.epochs = 1;
    run.train(config(), None).0.unwrap();
    run.params.learning_rate = 0.01;
    assert_eq!(run.train(config(), None).0.unwrap().resumed_from, None);
}

#[test]
fn items_bought_together_come_close() {
    let mut run = Run::new();
    run.params.epochs = 20;
    let model = run.train(config(), None).0.unwrap().state.model;
    let cosine = |a: usize, b: usize| {
        let dot = |a: usize, b: usize| {
            model
                .vector(a)
                .iter()
                .zip(model.vector(b))
                .map(|(x, y)| x * y)
                .sum::<f32>()
        };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let mean = |pairs: Vec<(usize, usize)>| {
        pairs.iter().map(|(a, b)| cosine(*a, *b)).sum::<f32>() / pairs.len() as f32
    };
    let same = mean((2..12).flat_map(|a| (2..a).map(move |b| (a, b))).collect());
    let other = mean(
        (2..12)
            .flat_map(|a| (12..22).map(move |b| (a, b)))
            .collect(),
    );
    assert!(same > other + 0.5, "{same} {other}");
}

#[test]
fn nothing_to_train_on_is_said_so() {
    let mut run = Run::new();
    for basket in &mut run.feed.baskets {
        basket.truncate(1);
    }
    run.serve(Fault::None);
    let error = run.train(config(), None).0.err().unwrap();
    assert!(
        error.to_string().contains("not one pair") && !error.retryable(),
        "{error}"
    );
    let mut wild = Run::new();
    wild.params.learning_rate = 1e30;
    let error = wild.train(config(), None).0.err().unwrap();
    assert!(error.to_string().contains("lower learning_rate"), "{error}");
}

#[test]
fn an_empty_vocab_is_said_so() {
    let runtime = runtime();
    let warehouse = Warehouse::new(&runtime, &[]);
    let error = Vocab::load(&warehouse.storage, VOCAB).unwrap_err();
    assert!(
        error.to_string().contains("min_item_baskets") && !error.retryable(),
        "{error}"
    );
}

#[test]
fn adagrad_with_shared_negatives_resumes_in_the_same_bytes() {
    let with = || {
        let mut run = Run::new();
        run.params.optimizer = Optimizer::Adagrad;
        run.params.negatives_shared = true;
        run
    };
    let whole = with();
    let (trained, reports) = whole.train(config(), None);
    let trained = trained.unwrap();
    let curve = losses(&reports);
    assert!(
        f64::from_bits(curve[curve.len() - 1].1) < f64::from_bits(curve[0].1),
        "the loss falls"
    );
    let mut broken = with();
    broken.serve(Fault::HangAt(1, 20));
    let (stopped, _) = broken.train(config(), Some(9));
    broken.serve(Fault::None);
    assert_eq!(stopped.err(), Some(TrainerError::Stopped));
    let resumed = broken.train(config(), None).0.unwrap();
    assert!(resumed.resumed_from.is_some());
    assert_eq!(resumed.state, trained.state);
    assert_eq!(broken.files(&resumed), whole.files(&trained));
}

#[test]
fn the_fast_mode_learns_as_much() {
    let last = |mode| {
        let mut run = Run::new();
        run.params.mode = mode;
        let (trained, reports) = run.train(config(), None);
        assert_eq!(trained.unwrap().steps, 225);
        let curve = losses(&reports);
        f64::from_bits(curve[curve.len() - 1].1)
    };
    let (fast, exact) = (last(UpdateMode::Fast), last(UpdateMode::Deterministic));
    assert!((fast / exact - 1.0).abs() < 0.2, "{fast} for {exact}");
}
