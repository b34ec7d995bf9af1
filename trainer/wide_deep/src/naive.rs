//! The model once more, in plain loops over f64: what the fused step and scoring are checked against.

use std::collections::HashMap;

use pannier_proto::feed::KeyedRng;

use crate::crosses::Crosses;
use crate::rows::Batch;
use crate::sizes::{Named, Sizes};

pub(crate) type Weights = HashMap<String, Vec<f64>>;

pub(crate) fn sizes() -> Sizes {
    Sizes {
        items: 12,
        users: 9,
        categories: 5,
        embedding: 5,
        wide: 7,
        deep: vec![18, 6],
        join: 8,
        context: vec!["price".into(), "views".into()],
        context_units: 3,
        crosses: vec![
            ["user".into(), "item".into()],
            ["category".into(), "views".into()],
        ],
        cross_buckets: 11,
    }
}

/// Decisions of which about a third are bought, those of odd items and few views more often.
pub(crate) fn batch(sizes: &Sizes, rows: usize, seed: u64) -> Batch {
    let mut rng = KeyedRng::new(seed);
    let mut batch = Batch::default();
    for _ in 0..rows {
        let item = 2 + rng.below(sizes.items as u32 - 2);
        let views = rng.below(4);
        batch.users.push(2 + rng.below(sizes.users as u32 - 2));
        batch.items.push(item);
        batch
            .categories
            .push(1 + item % (sizes.categories as u32 - 1));
        for at in 0..sizes.context.len() {
            let price = rng.below(1000) as f32 / 100.0;
            batch
                .context
                .push(if at == 1 { views as f32 } else { price });
        }
        let bought = rng.below(10) < 1 + 4 * (item % 2) + 2 * u32::from(views < 2);
        batch.labels.push(f32::from(u8::from(bought)));
    }
    batch
}

/// Weights that are not near 0, so that every path matters.
pub(crate) fn some(sizes: &Sizes, seed: u64) -> Vec<Named> {
    let mut rng = KeyedRng::new(seed);
    let mut weights = sizes.first(seed);
    for named in &mut weights {
        for x in &mut named.numbers {
            let drawn = (rng.next_u64() >> 40) as f32 / (1u32 << 24) as f32 - 0.5;
            *x = match named.name.as_str() {
                "context.variance" => 1.0 + drawn,
                _ => drawn,
            };
        }
    }
    weights
}

pub(crate) fn widened(weights: &[Named]) -> Weights {
    let of = |named: &Named| named.numbers.iter().map(|x| f64::from(*x)).collect();
    weights
        .iter()
        .map(|named| (named.name.clone(), of(named)))
        .collect()
}

fn layer(weights: &Weights, name: &str, input: &[f64]) -> Vec<f64> {
    let bias = &weights[&format!("{name}.bias")];
    let matrix = &weights[&format!("{name}.weights")];
    let unit = |o: usize| {
        let products = input
            .iter()
            .enumerate()
            .map(|(i, x)| x * matrix[i * bias.len() + o]);
        bias[o] + products.sum::<f64>()
    };
    (0..bias.len()).map(unit).collect()
}

fn relu(numbers: Vec<f64>) -> Vec<f64> {
    numbers.into_iter().map(|x| x.max(0.0)).collect()
}

/// Logits, the context normalised by these means and variances.
pub(crate) fn logits(sizes: &Sizes, weights: &Weights, batch: &Batch, by: &[[f64; 2]]) -> Vec<f64> {
    let crosses = Crosses::new(sizes).unwrap();
    let (rows, dim) = (batch.rows(), sizes.embedding);
    let logit = |row: usize| {
        let vector =
            |table: &str, index: u32| weights[table][index as usize * dim..][..dim].to_vec();
        let x = [
            vector("items", batch.items[row]),
            vector("users", batch.users[row]),
            vector("categories", batch.categories[row]),
        ]
        .concat();
        let mut joined = layer(weights, "wide", &x);
        let mut deep = x;
        for at in 0..sizes.deep.len() {
            deep = relu(layer(weights, &format!("deep.{at}"), &deep));
        }
        joined.extend(deep);
        let mut last = relu(layer(weights, "join", &joined));
        if !sizes.context.is_empty() {
            let numbers = rows.context(row).iter().zip(by).enumerate();
            let normed = numbers.map(|(at, (x, [mean, variance]))| {
                let hat = (f64::from(*x) - mean) / (variance + 1e-3).sqrt();
                hat * weights["context.scale"][at] + weights["context.shift"][at]
            });
            let normed: Vec<f64> = normed.collect();
            last.extend(relu(layer(weights, "context", &normed)));
        }
        let products = last
            .iter()
            .zip(&weights["output.weights"])
            .map(|(x, w)| x * w);
        let crossed = crosses
            .of_row(&rows, row)
            .map(|at| weights["crosses"][at as usize]);
        products.sum::<f64>() + crossed.sum::<f64>() + weights["output.bias"][0]
    };
    (0..rows.len()).map(logit).collect()
}

/// The mean weighted loss of a batch, its context normalised by its own statistics.
pub(crate) fn loss(sizes: &Sizes, weights: &Weights, batch: &Batch, classes: [f32; 2]) -> f64 {
    let by = crate::norm::of_batch(&batch.rows(), sizes.context.len());
    let logits = logits(sizes, weights, batch, &by);
    let of = logits.iter().zip(&batch.labels).map(|(z, label)| {
        let toward = if *label > 0.5 { -z } else { *z };
        f64::from(classes[usize::from(*label > 0.5)]) * (1.0 + toward.exp()).ln()
    });
    of.sum::<f64>() / batch.labels.len() as f64
}
