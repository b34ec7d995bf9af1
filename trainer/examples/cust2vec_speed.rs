//! How fast cust2vec trains, feed and network left out: users' lists from a text file.
//!
//! `cust2vec_speed USERS VECTORS [key=value ...]`: USERS has a user a line, item ids in the user's
//! order separated by spaces; VECTORS is written as little-endian f32 [users, dim]. Keys:
//! model (dm, dm_concat, dbow, dbow_words), dim, window, negatives, shared (0), epochs, learning_rate,
//! min_learning_rate, seed, threads (2; 0: the deterministic mode), adagrad (0). Prints one line of
//! JSON; reading and writing are not in the seconds.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pannier_proto::ids::FIRST_ITEM;
use pannier_trainer::cust2vec::{Architecture, Cust2vec, Cust2vecParams, Documents, Mode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let input = args.next().context("say which users")?;
    let output = args.next().context("say where vectors go")?;
    let mut options = HashMap::new();
    for arg in args {
        let (key, value) = arg.split_once('=').context("options are key=value")?;
        options.insert(key.to_owned(), value.to_owned());
    }
    let mut option = |key: &str, default: &str| -> String {
        options.remove(key).unwrap_or_else(|| default.to_owned())
    };
    let params = Cust2vecParams {
        architecture: match option("model", "dbow").as_str() {
            "dm" => Architecture::Memory,
            "dm_concat" => Architecture::Concat,
            "dbow" => Architecture::Bag { items: false },
            "dbow_words" => Architecture::Bag { items: true },
            other => bail!("no model is called {other}"),
        },
        dim: option("dim", "128").parse()?,
        window: option("window", "5").parse()?,
        negatives: option("negatives", "5").parse()?,
        negatives_shared: option("shared", "0") == "1",
        power: option("power", "0.75").parse()?,
        epochs: option("epochs", "10").parse()?,
        learning_rate: option("learning_rate", "0.025").parse()?,
        min_learning_rate: option("min_learning_rate", "0.0001").parse()?,
        seed: option("seed", "1").parse()?,
    };
    let mode = match option("threads", "2").parse()? {
        0 => Mode::Deterministic,
        threads => Mode::Fast { threads },
    };
    let adagrad = option("adagrad", "0") == "1";
    if let Some(unknown) = options.keys().next() {
        bail!("{unknown} is not known");
    }
    let users = read(&input)?;
    let tokens: u64 = users.counts().iter().sum();

    let began = Instant::now();
    let cust2vec = Cust2vec::new(&users.counts(), &params, mode)?;
    let mut vectors = cust2vec.fresh(users.len());
    let squares = adagrad.then(|| cust2vec.squares(users.len()));
    let (mut pairs, mut loss) = (0, 0.0);
    for epoch in 0..params.epochs {
        let learnt = cust2vec.epoch(&mut vectors, squares.as_ref(), &users, epoch)?;
        pairs += learnt.pairs;
        loss = learnt.loss.sum / learnt.loss.pairs.max(1) as f64;
    }
    let seconds = began.elapsed().as_secs_f64();

    let floats = (0..users.len()).flat_map(|user| vectors.user(user));
    let bytes: Vec<u8> = floats.flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(output, bytes)?;
    println!(
        r#"{{"items_per_second": {:.0}, "pairs": {pairs}, "seconds": {seconds:.3}, "last_loss": {loss:.4}}}"#,
        tokens as f64 * f64::from(params.epochs) / seconds,
    );
    Ok(())
}

/// Users' lists; items by count, then by id.
fn read(path: &str) -> Result<Documents> {
    let text = std::fs::read_to_string(path)?;
    let mut counts: HashMap<&str, u64> = HashMap::new();
    text.split_whitespace()
        .for_each(|id| *counts.entry(id).or_default() += 1);
    let mut vocab: Vec<(&str, u64)> = counts.into_iter().collect();
    vocab.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let ids = vocab.iter().map(|(id, _)| *id);
    let index: HashMap<&str, u32> = ids.zip(FIRST_ITEM..).collect();
    let (mut items, mut ends) = (Vec::new(), Vec::new());
    for line in text.lines() {
        items.extend(line.split_whitespace().filter_map(|id| index.get(id)));
        ends.push(items.len());
    }
    let rows = vocab.len() + FIRST_ITEM as usize;
    Ok(Documents::new(items, ends, rows)?)
}
