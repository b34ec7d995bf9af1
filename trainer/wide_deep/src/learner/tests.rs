//! Gradients against finite differences, bits against threads and interruptions.

use super::*;
use crate::naive::{Weights, batch, logits, loss, sizes, some, widened};
use crate::{Kept, Model, read, write};

const CLASSES: [f32; 2] = [0.7, 1.9];
const PLAIN: Rates = Rates {
    rate: 0.01,
    decay: 0.0,
    l2: 0.0,
    clip_norm: 0.0,
    dropout: 0.0,
    unknown_users: 0.0,
    seed: 0,
};

fn learner(sizes: &Sizes) -> Learner {
    Learner::new(sizes.clone(), &some(sizes, 1), CLASSES).unwrap()
}

/// A step's loss and gradients by name, as dense tables.
fn gradients(learner: &Learner, batch: &Batch, dropout: Option<Dropout>) -> (f64, Vec<Named>) {
    let (batched, _) = learner.batched(batch.rows(), &batch.labels).unwrap();
    let came = learner.came(&batched, dropout);
    let mut all = learner.layout.named(&came.dense, "");
    let names = ["items", "users", "categories", "crosses"];
    let sums = learner.sums(&batched, &came);
    for (((name, table), touched), sums) in names
        .iter()
        .zip(&learner.tables)
        .zip(&batched.touched)
        .zip(&sums)
    {
        let mut numbers = vec![0.0; table.weights.len()];
        for (row, sums) in touched.rows.iter().zip(sums.chunks(table.dim)) {
            numbers[*row as usize * table.dim..][..table.dim].copy_from_slice(sums);
        }
        all.push(Named {
            name: (*name).into(),
            shape: vec![numbers.len()],
            numbers,
        });
    }
    (came.loss, all)
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let plain = Sizes {
        context: vec![],
        crosses: vec![],
        ..sizes()
    };
    // More rows than one block has.
    for (sizes, rows) in [(sizes(), BLOCK + 44), (plain, 50)] {
        let learner = learner(&sizes);
        let batch = batch(&sizes, rows, 2);
        let (of_step, gradients) = gradients(&learner, &batch, None);
        let mut weights: Weights = widened(&some(&sizes, 1));
        let expected = loss(&sizes, &weights, &batch, CLASSES);
        assert!((of_step - expected).abs() < 1e-6, "{of_step} {expected}");
        for Named { name, numbers, .. } in gradients {
            for (at, gradient) in numbers.iter().enumerate() {
                let mut moved = |by: f64| {
                    let was = weights[&name][at];
                    weights.get_mut(&name).unwrap()[at] = was + by;
                    let loss = loss(&sizes, &weights, &batch, CLASSES);
                    weights.get_mut(&name).unwrap()[at] = was;
                    loss
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let error = (f64::from(*gradient) - expected).abs();
                assert!(
                    error < 2e-6 + 1e-4 * expected.abs(),
                    "{name} {at}: {gradient} {expected}"
                );
            }
        }
    }
}

/// With units left out the loss falls along its gradient as much as the gradient is long.
#[test]
fn gradients_know_what_is_left_out() {
    let sizes = sizes();
    let learner = learner(&sizes);
    let batch = batch(&sizes, 400, 3);
    let dropout = Dropout::new(0.3, 9);
    let (whole, _) = gradients(&learner, &batch, None);
    let (_, along) = gradients(&learner, &batch, dropout);
    let square: f64 = along
        .iter()
        .flat_map(|of| &of.numbers)
        .map(|x| f64::from(*x).powi(2))
        .sum();
    let at = |by: f32| {
        let mut weights = some(&sizes, 1);
        for named in &mut weights {
            let gradient = along.iter().find(|of| of.name == named.name);
            let moved = named
                .numbers
                .iter_mut()
                .zip(gradient.iter().flat_map(|of| &of.numbers));
            moved.for_each(|(w, g)| *w += by * g);
        }
        let moved = Learner::new(sizes.clone(), &weights, CLASSES).unwrap();
        gradients(&moved, &batch, dropout).0
    };
    let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
    assert!((slope / square - 1.0).abs() < 0.01, "{slope} {square}");
    assert!((at(0.0) - whole).abs() > 1e-3);
}

#[test]
fn threads_change_no_bit() {
    let sizes = sizes();
    let how = Rates {
        dropout: 0.2,
        unknown_users: 0.1,
        clip_norm: 0.5,
        l2: 0.01,
        ..PLAIN
    };
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let mut learner = learner(&sizes);
        let losses: Vec<f64> = (0..6)
            .map(|seed| {
                let batch = batch(&sizes, 1500, seed);
                pool.install(|| learner.step(&batch, &Rates { seed, ..how }))
                    .unwrap()
            })
            .collect();
        let model = Model::new(sizes.clone(), &learner.weights()).unwrap();
        let asked = batch(&sizes, 700, 50);
        let scores = pool.install(|| model.score(asked.rows())).unwrap();
        (losses, learner.kept(), learner.weights(), scores)
    };
    let one = of(1);
    assert!(one == of(2) && one == of(3));
}

/// A learner that is put away in the middle goes on to the same bits; looking at its weights changes
/// nothing.
#[test]
fn what_is_kept_is_everything() {
    let sizes = sizes();
    let step = |learner: &mut Learner, seed| {
        let how = Rates {
            dropout: 0.1,
            seed,
            ..PLAIN
        };
        learner.step(&batch(&sizes, 20, seed), &how).unwrap();
    };
    let mut whole = learner(&sizes);
    (0..40).for_each(|seed| step(&mut whole, seed));
    let mut broken = learner(&sizes);
    (0..17).for_each(|seed| step(&mut broken, seed));
    let _ = broken.weights();
    let kept = broken.kept();
    let mut resumed = Learner::new(sizes.clone(), &sizes.first(9), CLASSES).unwrap();
    resumed.resume(&kept).unwrap();
    assert_eq!(resumed.kept(), kept);
    (17..40).for_each(|seed| step(&mut resumed, seed));
    assert_eq!(resumed.kept(), whole.kept());
    assert_eq!(resumed.weights(), whole.weights());
    let other = Kept {
        words: vec![],
        ..kept
    };
    assert!(resumed.resume(&other).is_err());
}

/// Adam over whole tables, in f64.
#[test]
fn rows_that_missed_steps_end_where_dense_updates_end() {
    let sizes = Sizes {
        items: 600,
        ..sizes()
    };
    let mut learner = learner(&sizes);
    let mut weights = widened(&some(&sizes, 1));
    let mut moments: Vec<[f64; 2]> = vec![[0.0; 2]; 600 * sizes.embedding];
    for t in 1..=250 {
        // Half of the items stand in early batches only.
        let mut batch = batch(&sizes, 30, t);
        if t > 20 {
            batch
                .items
                .iter_mut()
                .for_each(|item| *item = 2 + *item % 290);
        }
        let (_, all) = gradients(&learner_now(&learner), &batch, None);
        let of_items = all.iter().find(|of| of.name == "items").unwrap();
        let rate = 0.01 * (1.0 - t as f64 / 500.0);
        let (first, second) = (1.0 - 0.9f64.powf(t as f64), 1.0 - 0.999f64.powf(t as f64));
        let table = weights
            .get_mut("items")
            .unwrap()
            .iter_mut()
            .zip(&mut moments);
        for ((w, [m, v]), g) in table.zip(&of_items.numbers) {
            let g = f64::from(*g);
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *w -= rate * (*m / first) / ((*v / second).sqrt() + 1e-8);
        }
        learner.step(&batch, &Rates { rate, ..PLAIN }).unwrap();
    }
    let table = learner.tables[0].current(&learner.clock);
    let far = table
        .iter()
        .zip(&weights["items"])
        .map(|(a, b)| (f64::from(*a) - b).abs());
    let far = far.fold(0.0, f64::max);
    assert!(far < 2e-4, "{far}");
}

/// The learner with all rows made up for.
fn learner_now(of: &Learner) -> Learner {
    let mut now = of.clone();
    for table in &mut now.tables {
        table.weights = table.current(&of.clock);
    }
    now
}

#[test]
fn a_batch_is_learned_by_heart_and_scored_as_it_was_learned() {
    let sizes = sizes();
    let mut batch = batch(&sizes, 49, 5);
    // No user is offered an item twice.
    for row in 0..49 {
        (batch.users[row], batch.items[row]) = (2 + row as u32 % 7, 2 + row as u32 / 7);
    }
    let mut learner = Learner::new(sizes.clone(), &sizes.first(3), CLASSES).unwrap();
    let losses: Vec<f64> = (0..800)
        .map(|_| learner.step(&batch, &PLAIN).unwrap())
        .collect();
    assert!(
        losses[799] < 0.1 * losses[0],
        "{} {}",
        losses[0],
        losses[799]
    );
    let image = write(&sizes, &learner.weights()).unwrap();
    let (read_sizes, weights) = read(&image).unwrap();
    assert_eq!((&read_sizes, &weights), (&sizes, &learner.weights()));
    let model = Model::read(&image).unwrap();
    let scored = model.logits(batch.rows()).unwrap();
    let find = |name: &str| {
        weights
            .iter()
            .find(|of| of.name == name)
            .unwrap()
            .numbers
            .clone()
    };
    let by = find("context.mean")
        .into_iter()
        .zip(find("context.variance"));
    let by: Vec<[f64; 2]> = by.map(|(a, b)| [f64::from(a), f64::from(b)]).collect();
    let expected = logits(&sizes, &widened(&weights), &batch, &by);
    for (z, expected) in scored.iter().zip(&expected) {
        assert!(
            (f64::from(*z) - expected).abs() < 1e-4 * (1.0 + expected.abs()),
            "{z} {expected}"
        );
    }
    // The running statistics are those of the only batch there was; the bias is that of no weights.
    let statistics = of_batch(&batch.rows(), 2);
    for ([mean, variance], [of, around]) in by.iter().zip(&statistics) {
        assert!((mean - of).abs() < 1e-4 && (variance / around - 1.0).abs() < 1e-4);
    }
    let chances = model.score(batch.rows()).unwrap();
    for ((chance, z), label) in chances.iter().zip(&scored).zip(&batch.labels) {
        assert!((chance - 1.0 / (1.0 + (-z).exp())).abs() < 1e-6);
        assert_eq!(z - learner.offset() > 0.0, *label > 0.5);
    }
    assert!((learner.offset() - (0.7f32 / 1.9).ln()).abs() < 1e-6);
}

#[test]
fn the_unknown_are_learned_where_there_are_some_and_a_mean_where_not() {
    let sizes = sizes();
    let batch = batch(&sizes, 300, 6);
    let mut learner = learner(&sizes);
    let how = Rates {
        unknown_users: 0.3,
        ..PLAIN
    };
    (0..10).for_each(|seed| {
        learner.step(&batch, &Rates { seed, ..how }).unwrap();
    });
    let weights = learner.weights();
    let (items, users) = (&weights[0].numbers, &weights[1].numbers);
    let now = learner.tables[1].current(&learner.clock);
    assert_eq!(users[5..], now[5..]);
    assert_ne!(users[5..10], some(&sizes, 1)[1].numbers[5..10]);
    for d in 0..5 {
        let mean: f32 = (2..12).map(|row| items[row * 5 + d]).sum::<f32>() / 10.0;
        assert!((items[5 + d] - mean).abs() < 1e-6);
    }
    assert!(items[..5].iter().chain(&users[..5]).all(|x| *x == 0.0));
}

#[test]
fn what_does_not_fit_is_named() {
    let sizes = sizes();
    let mut batch = batch(&sizes, 3, 1);
    batch.items[1] = 12;
    let error = learner(&sizes).step(&batch, &PLAIN).unwrap_err();
    assert!(
        error.to_string().contains("item_idx 12 is not below 12"),
        "{error}"
    );
    let other = Sizes {
        crosses: vec![["user".into(), "hour".into()]],
        ..sizes.clone()
    };
    let error = other.check().unwrap_err();
    assert!(error.to_string().contains("no `hour` to cross"), "{error}");
    assert!(learner(&sizes).step(&Batch::default(), &PLAIN).is_err());
    assert!(Model::read(b"nothing").is_err());
}
