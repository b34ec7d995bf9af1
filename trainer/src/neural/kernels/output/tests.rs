//! Against the formula in double precision.

use super::super::check::{assert_gradient, on_pools, some, wide};
use super::*;

fn naive(
    vectors: &[f64],
    weights: &[f64],
    bias: &[f64],
    added: &dyn Fn(usize, usize) -> f64,
    balance: &[[f32; 2]],
    bought: &[Vec<u32>],
    worth: &[f32],
) -> f64 {
    let (items, width) = (bias.len(), weights.len() / bias.len());
    let mut total = 0.0;
    for (row, bought) in bought.iter().enumerate() {
        for item in 0..items {
            let dot: f64 = (0..width)
                .map(|i| vectors[row * width + i] * weights[item * width + i])
                .sum();
            let z = dot + bias[item] + added(row, item);
            let y = bought.contains(&(item as u32));
            let softplus = z.max(0.0) + (-z.abs()).exp().ln_1p();
            let target = if y { f64::from(worth[row]) } else { 0.0 };
            total += f64::from(balance[item][usize::from(y)]) * (softplus - target * z);
        }
    }
    total / (bought.len() * items) as f64
}

#[test]
fn loss_and_gradients_are_those_of_the_formula() {
    for (sequences, items, width, weighted) in
        [(3, 7, 16, true), (70, 13, 32, true), (5, 9, 80, false)]
    {
        let vectors = some(sequences * width, 1);
        let (weights, bias) = (some(items * width, 2), some(items, 3));
        let mut bought: Vec<Vec<u32>> = (0..sequences as u32)
            .map(|row| {
                (0..items as u32)
                    .filter(|item| (row * 7 + item * 5) % 4 == 0)
                    .collect()
            })
            .collect();
        bought[1].clear();
        let balance: Vec<[f32; 2]> = some(items, 4).iter().map(|x| [1.5 + x, 4.0 - x]).collect();
        let mut targets = Targets::new(bought.iter().map(Vec::as_slice), items);
        let worth: Vec<f32> = (0..sequences)
            .map(|row| 1.0 / (1 + row % 3) as f32)
            .collect();
        if weighted {
            targets.worth = worth.clone();
        }
        let own: Vec<Vec<u32>> = (0..sequences as u32)
            .map(|row| {
                (0..items as u32)
                    .filter(|item| weighted && (row * 5 + item * 3) % 4 < 2)
                    .collect()
            })
            .collect();
        let pairs = Targets::new(own.iter().map(Vec::as_slice), items);
        let added = some(pairs.sequences.len(), 5);
        let layer = Layer {
            weights: &weights,
            bias: &bias,
            link: Link::Logistic,
            balance: weighted.then_some(&balance[..]),
            added: weighted.then_some(Added {
                pairs: &pairs,
                logits: &added,
            }),
        };
        let (ours, gradients) = on_pools(|| {
            let Loss { loss, gradients } = loss(&vectors, layer, &targets, true);
            let of = gradients.unwrap();
            (loss, [of.vectors, of.weights, of.bias, of.added])
        });
        let only = loss(&vectors, layer, &targets, false);
        assert!(only.gradients.is_none() && only.loss == ours);
        let one = vec![[1.0; 2]; items];
        let balance = if weighted { &balance } else { &one };
        let ones = vec![1.0; sequences];
        let worth = if weighted { &worth } else { &ones };
        let [x, w, b, a] = [&vectors, &weights, &bias, &added].map(|of| wide(of));
        let of = |x: &[f64], w: &[f64], b: &[f64], a: &[f64]| {
            let place = |row: usize, item: usize| {
                let at = pairs.of(item).binary_search(&(row as u32)).ok();
                at.map_or(0.0, |at| a[pairs.range(item).start + at])
            };
            naive(x, w, b, &place, balance, &bought, worth)
        };
        assert!(
            (ours - of(&x, &w, &b, &a)).abs() < 1e-5,
            "{ours} {}",
            of(&x, &w, &b, &a)
        );
        // Differences of means are small: as many times larger ones are compared.
        let by = (sequences * items) as f64;
        let scaled = |g: &[f32]| -> Vec<f32> { g.iter().map(|g| g * by as f32).collect() };
        assert_gradient("vectors", &scaled(&gradients[0]), &vectors, |x| {
            by * of(x, &w, &b, &a)
        });
        assert_gradient("weights", &scaled(&gradients[1]), &weights, |w| {
            by * of(&x, w, &b, &a)
        });
        assert_gradient("bias", &scaled(&gradients[2]), &bias, |b| {
            by * of(&x, &w, b, &a)
        });
        assert_gradient("added", &scaled(&gradients[3]), &added, |a| {
            by * of(&x, &w, &b, a)
        });
    }
}

/// More than one block of items, and of tasks.
#[test]
fn blocks_change_nothing() {
    let (sequences, items, width) = (4, TASKS * BLOCK + 5, 16);
    let vectors = some(sequences * width, 1);
    let (weights, bias) = (some(items * width, 2), some(items, 3));
    let bought: Vec<Vec<u32>> = (0..sequences as u32)
        .map(|row| vec![row, 100 + row, BLOCK as u32 + 1])
        .collect();
    let targets = Targets::new(bought.iter().map(Vec::as_slice), items);
    let layer = Layer {
        weights: &weights,
        bias: &bias,
        link: Link::Logistic,
        balance: None,
        added: None,
    };
    let ours = on_pools(|| {
        let Loss { loss, gradients } = loss(&vectors, layer, &targets, true);
        (loss, gradients.unwrap().vectors)
    });
    let [x, w, b] = [&vectors, &weights, &bias].map(|of| wide(of));
    let of = |x: &[f64]| {
        naive(
            x,
            &w,
            &b,
            &|_, _| 0.0,
            &vec![[1.0; 2]; items],
            &bought,
            &[1.0; 4],
        )
    };
    assert!((ours.0 - of(&x)).abs() < 1e-5);
    let soft = Layer {
        link: Link::Softmax,
        ..layer
    };
    let no_pairs = Targets::new([&[][..]; 4].into_iter(), items);
    let of_shares = on_pools(|| loss(&vectors, soft, &targets, false).loss);
    let theirs = naive_shares([&x, &w, &b, &[]], &no_pairs, &bought, &[1.0; 4]);
    assert!((of_shares - theirs).abs() < 1e-5 * theirs);
    let by = 1000.0;
    let scaled: Vec<f32> = ours.1.iter().map(|g| g * by as f32).collect();
    assert_gradient("vectors", &scaled, &vectors, |x| by * of(x));
}

/// Σ over sequences and items bought of y · (ln Σ e^z - z) / sequences.
fn naive_shares(
    [x, w, b, a]: [&[f64]; 4],
    pairs: &Targets,
    bought: &[Vec<u32>],
    worth: &[f32],
) -> f64 {
    let (items, width) = (b.len(), w.len() / b.len());
    let mut total = 0.0;
    for (row, (bought, worth)) in bought.iter().zip(worth).enumerate() {
        let logit = |item: usize| {
            let at = pairs.of(item).binary_search(&(row as u32)).ok();
            let added = at.map_or(0.0, |at| a[pairs.range(item).start + at]);
            let weights = &w[item * width..][..width];
            let vector = &x[row * width..][..width];
            let dot: f64 = vector.iter().zip(weights).map(|(x, w)| x * w).sum();
            dot + b[item] + added
        };
        let log = (0..items).map(|item| logit(item).exp()).sum::<f64>().ln();
        let of = bought.iter().map(|item| log - logit(*item as usize));
        total += f64::from(*worth) * of.sum::<f64>();
    }
    total / bought.len() as f64
}

#[test]
fn loss_and_gradients_of_shares_are_those_of_the_formula() {
    for (sequences, items, width) in [(3, 7, 16), (70, TASKS + 5, 32)] {
        let vectors = some(sequences * width, 1);
        let (weights, bias) = (some(items * width, 2), some(items, 3));
        let of = |a: u32, b: u32, below: u32| -> Vec<Vec<u32>> {
            let row = |row: u32| {
                (0..items as u32)
                    .filter(|item| (row * a + item * b) % 4 < below)
                    .collect()
            };
            (0..sequences as u32).map(row).collect()
        };
        let (bought, own) = (of(7, 5, 1), of(5, 3, 2));
        let mut targets = Targets::new(bought.iter().map(Vec::as_slice), items);
        targets.worth = (0..sequences)
            .map(|row| 1.0 / (1 + row % 3) as f32)
            .collect();
        let pairs = Targets::new(own.iter().map(Vec::as_slice), items);
        let added = some(pairs.sequences.len(), 5);
        let layer = Layer {
            weights: &weights,
            bias: &bias,
            link: Link::Softmax,
            balance: None,
            added: Some(Added {
                pairs: &pairs,
                logits: &added,
            }),
        };
        let (ours, gradients) = on_pools(|| {
            let Loss { loss, gradients } = loss(&vectors, layer, &targets, true);
            let of = gradients.unwrap();
            (loss, [of.vectors, of.weights, of.bias, of.added])
        });
        let only = loss(&vectors, layer, &targets, false);
        assert!(only.gradients.is_none() && only.loss == ours);
        let [x, w, b, a] = [&vectors, &weights, &bias, &added].map(|of| wide(of));
        let of = |inputs: [&[f64]; 4]| naive_shares(inputs, &pairs, &bought, &targets.worth);
        let theirs = of([&x, &w, &b, &a]);
        assert!((ours - theirs).abs() < 1e-5 * theirs, "{ours} {theirs}");
        let by = sequences as f64;
        let scaled = |g: &[f32]| -> Vec<f32> { g.iter().map(|g| g * by as f32).collect() };
        assert_gradient("vectors", &scaled(&gradients[0]), &vectors, |x| {
            by * of([x, &w, &b, &a])
        });
        assert_gradient("weights", &scaled(&gradients[1]), &weights, |w| {
            by * of([&x, w, &b, &a])
        });
        assert_gradient("bias", &scaled(&gradients[2]), &bias, |b| {
            by * of([&x, &w, b, &a])
        });
        assert_gradient("added", &scaled(&gradients[3]), &added, |a| {
            by * of([&x, &w, &b, a])
        });
    }
}
