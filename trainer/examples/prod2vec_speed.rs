//! How fast prod2vec trains, feed and network left out: baskets from a text file. In the
//! deterministic mode pairs are made by the feed's own code on one thread and updates on another;
//! in the fast mode all threads do both.
//!
//! `prod2vec_speed BASKETS VECTORS [key=value ...]`: BASKETS has a basket a line, item ids
//! separated by spaces; VECTORS is written in word2vec's text form. Keys: dim, window, negatives,
//! epochs, learning_rate, min_learning_rate, seed, batch_baskets; fast=1 (with threads, 2, and
//! shared=1: an item's pairs share negatives); adagrad=1. Prints one line of JSON.

use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use pannier_proto::feed::{FeedSpec, KeyedRng, NoiseTable, PairMaker, PairWindow, Transform, mix};
use pannier_proto::ids::FIRST_ITEM;
use pannier_trainer::prod2vec::{
    Documents, Instructions, Kernel, LossSum, Mode, Model, Pairs, Rates, SkipGram, SkipGramParams,
    Squares, word2vec_text,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Options {
    values: HashMap<String, String>,
}

impl Options {
    fn number(&self, key: &str, default: f64) -> Result<f64, Failure> {
        self.values.get(key).map_or(Ok(default), |v| {
            v.parse().map_err(|e| format!("{key}={v}: {e}").into())
        })
    }
}

/// Ids and counts of the items, by count, then by id.
type Items = Vec<(String, u64)>;

/// The items, and the baskets as indices.
fn read(path: &str) -> Result<(Items, Vec<Vec<u32>>), Failure> {
    let text = std::fs::read_to_string(path)?;
    let mut counts: HashMap<&str, u64> = HashMap::new();
    text.split_whitespace()
        .for_each(|id| *counts.entry(id).or_default() += 1);
    let mut vocab: Items = counts
        .into_iter()
        .map(|(id, n)| (id.to_owned(), n))
        .collect();
    vocab.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let index: HashMap<&str, u32> = vocab
        .iter()
        .map(|(id, _)| id.as_str())
        .zip(FIRST_ITEM..)
        .collect();
    let basket = |line: &str| {
        line.split_whitespace()
            .filter_map(|id| index.get(id).copied())
            .collect()
    };
    let baskets = text.lines().map(basket).collect();
    Ok((vocab, baskets))
}

/// The feed that executors would serve: 16 Ki rows a row group, 64 Ki rows a window.
fn feed(baskets: usize, batch_rows: u64, window: u32, seed: u64) -> FeedSpec {
    let (group, rows) = (16_384, baskets as u64);
    let groups = (0..rows.div_ceil(group)).map(|g| group.min(rows - g * group));
    FeedSpec {
        columns: vec!["items".into()],
        transform: Transform::Pairs {
            window: PairWindow::Items(window),
            first_item: FIRST_ITEM,
            keep: vec![],
            negatives: None,
        },
        seed,
        shuffle: true,
        batch_rows,
        ..FeedSpec::new("baskets", "", groups.collect())
    }
}

struct Making<'a> {
    spec: &'a FeedSpec,
    baskets: &'a [Vec<u32>],
    noise: &'a NoiseTable,
    window: u32,
    negatives: usize,
    rows: usize,
}

impl Making<'_> {
    /// Hands every step of an epoch to `out`; false when nobody wants more.
    fn epoch(&self, epoch: u64, mut out: impl FnMut(Pairs) -> bool) -> Result<bool, Failure> {
        let order = self.spec.order(epoch);
        let (mut maker, mut open) = (PairMaker::default(), None);
        for step in 0..order.steps() {
            let (mut centers, mut contexts) = (Vec::new(), Vec::new());
            for span in order.spans(order.step_rows(step)) {
                let known = open.take().filter(|(window, _)| *window == span.window);
                let rows = known.map_or_else(
                    || order.window_order(&order.windows()[span.window]),
                    |(_, rows)| rows,
                );
                for row in span.range.clone().map(|place| rows.id_of(rows.row(place))) {
                    let (basket, window) =
                        (&self.baskets[row as usize], PairWindow::Items(self.window));
                    maker.append(
                        basket,
                        FIRST_ITEM,
                        window,
                        &[],
                        order.row_seed(row),
                        &mut centers,
                        &mut contexts,
                    );
                }
                open = Some((span.window, rows));
            }
            let mut rng = KeyedRng::new(mix(self.spec.seed ^ mix(epoch ^ mix(step))));
            let negatives = (0..centers.len() * self.negatives)
                .map(|_| self.noise.draw(&mut rng))
                .collect();
            let pairs = Pairs::new(
                centers.into(),
                contexts.into(),
                negatives,
                self.negatives,
                self.rows,
            )?;
            if !out(pairs) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Makes pairs on one thread and trains on this one; pairs, loss, and seconds spent updating.
fn train(
    model: &mut Model,
    squares: Option<&Squares>,
    kernel: &Kernel,
    making: Making<'_>,
    epochs: u64,
    rate: impl Fn(usize) -> f32,
) -> Result<(usize, LossSum, f64), Failure> {
    let (mut pairs, mut loss, mut busy) = (0, LossSum::default(), 0.0);
    std::thread::scope(|scope| -> Result<(), Failure> {
        let (sender, steps) = sync_channel::<Pairs>(3);
        let maker = scope.spawn(move || -> Result<(), Failure> {
            for epoch in 0..epochs {
                if !making.epoch(epoch, |pairs| sender.send(pairs).is_ok())? {
                    break;
                }
            }
            Ok(())
        });
        for (number, step) in steps.iter().enumerate() {
            let at = Instant::now();
            let sum = kernel.train(model, squares, &step, rate(number))?;
            busy += at.elapsed().as_secs_f64();
            pairs += step.len();
            loss = LossSum {
                sum: loss.sum + sum.sum,
                pairs: loss.pairs + sum.pairs,
            };
        }
        maker.join().map_err(|_| "the pair maker panicked")?
    })?;
    Ok((pairs, loss, busy))
}

/// Trains on all threads; pairs and loss of the last epoch's.
fn train_fast(
    model: &mut Model,
    squares: Option<&Squares>,
    (counts, baskets): (&[u64], &[Vec<u32>]),
    options: &Options,
    (spec, epochs): (&FeedSpec, u64),
    rate: impl Fn(f64) -> f32,
) -> Result<(usize, LossSum, f64), Failure> {
    let how = SkipGramParams {
        window: PairWindow::Items(options.number("window", 5.0)? as u32),
        keep: Vec::new(),
        negatives: options.number("negatives", 5.0)? as usize,
        negatives_shared: options.number("shared", 0.0)? > 0.0,
        power: 0.75,
    };
    let threads = options.number("threads", 2.0)? as usize;
    let learner = SkipGram::new(counts, &how, Mode::Fast { threads })?;
    let ends = baskets.iter().scan(0, |end, basket| {
        *end += basket.len();
        Some(*end)
    });
    let baskets = Documents::new(baskets.concat(), ends.collect(), model.rows())?;
    let began = Instant::now();
    let (mut pairs, mut loss, all) = (0, LossSum::default(), epochs as f64);
    for epoch in 0..epochs {
        let order = spec.order(epoch);
        let windows = order.windows().iter();
        let order: Vec<u32> = windows
            .flat_map(|window| {
                let rows = order.window_order(window);
                (0..rows.len() as u64).map(move |place| rows.id_of(rows.row(place)) as u32)
            })
            .collect();
        let (first, last) = (rate(epoch as f64 / all), rate((epoch + 1) as f64 / all));
        let rates = Rates { first, last };
        let learnt = learner.train(
            model,
            squares,
            (&baskets, &order),
            rates,
            mix(spec.seed ^ epoch),
        )?;
        pairs += learnt.pairs as usize;
        loss = learnt.loss;
    }
    Ok((pairs, loss, began.elapsed().as_secs_f64()))
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (Some(input), Some(output)) = (args.next(), args.next()) else {
        return Err("usage: prod2vec_speed BASKETS VECTORS [key=value ...]".into());
    };
    let values = args
        .filter_map(|a| a.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect();
    let options = Options { values };
    let number = |key, default: u32| options.number(key, f64::from(default)).map(|n| n as u32);
    let (dim, window, negatives) = (
        number("dim", 128)?,
        number("window", 5)?,
        number("negatives", 5)? as usize,
    );
    let (epochs, seed) = (
        u64::from(number("epochs", 5)?),
        u64::from(number("seed", 1)?),
    );
    let (first, last) = (
        options.number("learning_rate", 0.025)?,
        options.number("min_learning_rate", 0.0001)?,
    );
    let (vocab, baskets) = read(&input)?;
    let tokens: usize = baskets.iter().map(Vec::len).sum();

    let began = Instant::now();
    let rows = vocab.len() + FIRST_ITEM as usize;
    let spec = feed(
        baskets.len(),
        u64::from(number("batch_baskets", 1024)?),
        window,
        seed,
    );
    let noise = NoiseTable::new(&vocab.iter().map(|(_, n)| *n).collect::<Vec<_>>(), 0.75)?;
    let making = Making {
        spec: &spec,
        baskets: &baskets,
        noise: &noise,
        window,
        negatives,
        rows,
    };
    let mut model = Model::new(rows, dim as usize, seed);
    let kernel = Kernel::new(Instructions::best());
    let total = (spec.steps() * epochs) as f64;
    let at = |done: f64| (first + (last - first) * done) as f32;
    let squares = options.number("adagrad", 0.0)? > 0.0;
    let squares = squares.then(|| Squares::new(rows, rows));
    let (pairs, loss, busy) = if options.number("fast", 0.0)? > 0.0 {
        let counts: Vec<u64> = vocab.iter().map(|(_, n)| *n).collect();
        let input = (&counts[..], &baskets[..]);
        train_fast(
            &mut model,
            squares.as_ref(),
            input,
            &options,
            (&spec, epochs),
            at,
        )?
    } else {
        let rate = |step| at(step as f64 / total);
        train(&mut model, squares.as_ref(), &kernel, making, epochs, rate)?
    };
    let seconds = began.elapsed().as_secs_f64();
    let ids = vocab.iter().map(|(id, _)| id.as_str());
    let vectors = ids.zip((2..model.rows()).map(|row| model.vector(row)));
    std::fs::write(output, word2vec_text(model.dim(), vectors))?;
    println!(
        r#"{{"items_per_second": {:.0}, "pairs": {pairs}, "seconds": {seconds:.3}, "loss": {:.4}, "updating_seconds": {busy:.3}}}"#,
        tokens as f64 * epochs as f64 / seconds,
        loss.sum / loss.pairs.max(1) as f64,
    );
    Ok(())
}
