//! How long a training step and a scoring pass of the attention LSTM take, on weights and batches from
//! a file, and what losses they give.
//!
//!     attention_lstm_speed FILE [--steps 60] [--threads 2] [--rate 0.001] [--device flex|tch|tch-cuda]
//!
//! FILE, little-endian: u32 items, embedding, hidden, attention, users, batches, items of a basket, items
//! bought; all weights as f32 in the model's order; then for each batch, for each user: u32 baskets,
//! their items, the items bought. Prints one line of JSON: the loss and the milliseconds of each step,
//! of what a step's batch took to prepare (in the step's time), and of each scoring pass.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pannier_trainer::Device;
use pannier_trainer::neural::attention_lstm::{
    Batch, History, Named, Rates, Scorer, Sizes, learner,
};

// As the program has it: pages of freed tensors are used again, not asked for anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Users' histories, and what they bought next.
type Users = (Vec<History>, Vec<Vec<u32>>);

struct Words<'a>(std::slice::ChunksExact<'a, u8>);

impl Words<'_> {
    fn next(&mut self) -> Result<u32> {
        let word = self.0.next().context("the file is too short")?;
        Ok(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    }

    fn some(&mut self, count: u32) -> Result<Vec<u32>> {
        (0..count).map(|_| self.next()).collect()
    }
}

fn read(file: &str) -> Result<(Sizes, Vec<Named>, Vec<Users>)> {
    let bytes = std::fs::read(file).with_context(|| file.to_owned())?;
    let mut words = Words(bytes.chunks_exact(4));
    let [
        items,
        embedding,
        hidden,
        attention,
        users,
        batches,
        basket,
        bought,
    ] = <[u32; 8]>::try_from(words.some(8)?).map_err(|_| anyhow::anyhow!("no header"))?;
    let sizes = Sizes {
        items: items as usize,
        embedding: embedding as usize,
        hidden: hidden as usize,
        attention: attention as usize,
        repeat: 0,
        layers: 1,
        near: false,
    };
    let mut weights = Vec::new();
    for (name, shape) in sizes.shapes() {
        let numbers = words.some(shape.iter().product::<usize>() as u32)?;
        weights.push(Named {
            name: name.into(),
            shape,
            numbers: numbers.into_iter().map(f32::from_bits).collect(),
        });
    }
    let mut all = Vec::new();
    for _ in 0..batches {
        let (mut histories, mut targets) = (Vec::new(), Vec::new());
        for _ in 0..users {
            let baskets = words.next()?;
            let history: Result<History> = (0..baskets).map(|_| words.some(basket)).collect();
            histories.push(history?);
            targets.push(words.some(bought)?);
        }
        all.push((histories, targets));
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
    let device = option("--device", "flex");
    let device: Device = serde_json::from_value(device.into())?;
    if let Some(unknown) = options.keys().next() {
        bail!("{unknown} is not known");
    }
    let (sizes, weights, batches) = read(&file)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    device.start(threads)?;
    let mut learner = learner(device, sizes, weights, None)?;
    let how = Rates {
        rate,
        ..Rates::default()
    };
    let (mut losses, mut took, mut prepared) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..steps {
        let (histories, targets) = &batches[step % batches.len()];
        let began = Instant::now();
        let batch = Batch::new(histories, targets, sizes.items)?;
        prepared.push(began.elapsed().as_secs_f64() * 1e3);
        losses.push(pool.install(|| learner.step(&batch, &how))?);
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let scorer = Scorer::new(device, sizes, learner.weights()?)?;
    let mut scored = Vec::new();
    let mut sum = 0.0;
    for step in 0..steps {
        let began = Instant::now();
        let chances = pool.install(|| scorer.score(&batches[step % batches.len()].0))?;
        scored.push(began.elapsed().as_secs_f64() * 1e3);
        sum = chances.iter().map(|x| f64::from(*x)).sum::<f64>();
    }
    println!(
        "{{\"losses\":{losses:?},\"step_ms\":{took:?},\"prepare_ms\":{prepared:?},\"score_ms\":{scored:?},\"chances\":{sum}}}"
    );
    Ok(())
}
