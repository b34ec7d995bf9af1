//! How long a training step and a scoring pass of wide and deep take, on weights and batches from a file,
//! and what losses they give.
//!
//!     wide_deep_speed FILE [--steps 60] [--threads 2] [--rate 0.001]
//!
//! FILE, little-endian: u32 items, users, categories, embedding, wide, join, context, context units, layers,
//! their units, rows, batches; all weights as f32 in the model's order; then for each batch its columns: u32
//! users, items, categories; f32 context, [rows, context]; f32 labels. Prints one line of JSON: the loss and
//! the milliseconds of each step and of each scoring pass, and the sum of the last pass's probabilities.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pannier_wide_deep::{Batch, Learner, Model, Named, Rates, Sizes};

// As the program has it: pages of freed memory are used again, not asked for anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Words<'a>(std::slice::ChunksExact<'a, u8>);

impl Words<'_> {
    fn next(&mut self) -> Result<u32> {
        let word = self.0.next().context("the file is too short")?;
        Ok(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    }

    fn some(&mut self, count: usize) -> Result<Vec<u32>> {
        (0..count).map(|_| self.next()).collect()
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>> {
        let words = self.some(count)?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }
}

fn read(file: &str) -> Result<(Sizes, Vec<Named>, Vec<Batch>)> {
    let bytes = std::fs::read(file).with_context(|| file.to_owned())?;
    let mut words = Words(bytes.chunks_exact(4));
    let mut size = || words.next().map(|word| word as usize);
    let (items, users, categories) = (size()?, size()?, size()?);
    let (embedding, wide, join) = (size()?, size()?, size()?);
    let (context, context_units, layers) = (size()?, size()?, size()?);
    let deep = (0..layers).map(|_| size()).collect::<Result<_>>()?;
    let (rows, batches) = (size()?, size()?);
    let sizes = Sizes {
        items,
        users,
        categories,
        embedding,
        wide,
        deep,
        join,
        context: (0..context).map(|at| format!("c{at}")).collect(),
        context_units,
        crosses: Vec::new(),
        cross_buckets: 0,
    };
    let mut weights = Vec::new();
    for (name, shape) in sizes.shapes() {
        let numbers = words.floats(shape.iter().product())?;
        weights.push(Named {
            name,
            shape,
            numbers,
        });
    }
    let mut all = Vec::new();
    for _ in 0..batches {
        all.push(Batch {
            users: words.some(rows)?,
            items: words.some(rows)?,
            categories: words.some(rows)?,
            context: words.floats(rows * context)?,
            labels: words.floats(rows)?,
        });
    }
    Ok((sizes, weights, all))
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let file = args.next().context("say which file")?;
    let mut options = HashMap::new();
    while let Some(name) = args.next() {
        let value = args
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        options.insert(name, value);
    }
    let mut option =
        |name: &str, default: &str| options.remove(name).unwrap_or_else(|| default.to_owned());
    let steps: usize = option("--steps", "60").parse()?;
    let threads: usize = option("--threads", "2").parse()?;
    let rate = option("--rate", "0.001").parse()?;
    if let Some(unknown) = options.keys().next() {
        bail!("{unknown} is not known");
    }
    let (sizes, weights, batches) = read(&file)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let mut learner = Learner::new(sizes.clone(), &weights, [1.0; 2])?;
    let how = Rates {
        rate,
        ..Rates::default()
    };
    let (mut losses, mut took) = (Vec::new(), Vec::new());
    for step in 0..steps {
        let batch = &batches[step % batches.len()];
        let began = Instant::now();
        losses.push(pool.install(|| learner.step(batch, &how))?);
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let began = Instant::now();
    let model = pool.install(|| Model::new(sizes, &learner.weights()))?;
    let prepared = began.elapsed().as_secs_f64() * 1e3;
    let (mut scored, mut sum) = (Vec::new(), 0.0);
    for step in 0..steps {
        let batch = &batches[step % batches.len()];
        let began = Instant::now();
        let chances = pool.install(|| model.score(batch.rows()))?;
        scored.push(began.elapsed().as_secs_f64() * 1e3);
        sum = chances.iter().map(|x| f64::from(*x)).sum::<f64>();
    }
    println!(
        "{{\"losses\":{losses:?},\"step_ms\":{took:?},\"score_ms\":{scored:?},\"prepare_ms\":{prepared},\"chances\":{sum}}}"
    );
    Ok(())
}
