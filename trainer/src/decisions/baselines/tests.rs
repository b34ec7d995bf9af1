//! Baselines against their definitions.

use pannier_proto::feed::KeyedRng;
use pannier_proto::spec::{
    BaselineModel, BaselineSpec, BoostedTreesParams, DecisionFeatures, LogisticParams,
};
use pannier_wide_deep::Batch;

use super::shares::Shares;
use super::*;

/// Decisions with a price and an hour; cheap ones of even items are bought more often, and category 3
/// whatever it costs.
fn train(rows: usize, seed: u64) -> Train {
    let mut rng = KeyedRng::new(seed);
    let mut batch = Batch::default();
    for _ in 0..rows {
        let (item, price) = (2 + rng.below(20), rng.below(1000) as f32 / 100.0);
        let category = 2 + item % 3;
        batch.items.push(item);
        batch.users.push(2 + rng.below(30));
        batch.categories.push(category);
        batch.context.extend([price, rng.below(24) as f32]);
        let odds = 6 * u32::from(price < 4.0) + 3 * (item % 2) + 5 * u32::from(category == 3);
        batch
            .labels
            .push(f32::from(u8::from(rng.below(20) < 2 + odds)));
    }
    Train {
        context: vec!["price".into(), "hour".into()],
        batch,
    }
}

fn fit(model: BaselineModel, train: &Train) -> Baseline {
    let spec = BaselineSpec {
        name: None,
        model,
        study: None,
    };
    Baseline::of(&spec, train).unwrap()
}

#[test]
fn a_train_decision_does_not_see_its_own_part() {
    let labels: Vec<f32> = (0..200)
        .map(|row| f32::from(u8::from(row % 4 == 0)))
        .collect();
    let indices: Vec<u32> = (0..200).map(|row| 2 + row % 2).collect();
    let shares = Shares::new(&indices, &labels);
    // Of index 2 every other is bought, of 3 none; a quarter of all.
    assert!((shares.of(2) - (50.0 + 2.5) / 110.0).abs() < 1e-12);
    assert!((shares.of(3) - 2.5 / 110.0).abs() < 1e-12);
    assert_eq!((shares.of(1), shares.of(99)), (0.25, 0.25));
    for row in [0, 2] {
        let mut others = labels.clone();
        others[row] = 1.0 - others[row];
        let turned = Shares::new(&indices, &others);
        // Its label moves the mean that all shrink to, and nothing else.
        let (before, after) = (shares.of_train(row, 2), turned.of_train(row, 2));
        assert!(
            (before - after).abs() < 10.0 / 90.0 / 200.0,
            "{before} {after}"
        );
        assert!((shares.of(2) - turned.of(2)).abs() > 0.9 / 110.0);
    }
}

/// At the minimum no weight helps: the gradient of the penalised loss, by finite differences, is 0.
#[test]
fn logistic_regression_is_at_its_minimum() {
    let train = train(3000, 1);
    let labels = &train.batch.labels;
    let width = 2;
    let column = |at: usize| -> Vec<f64> {
        let numbers = train.batch.context.iter().skip(at).step_by(width);
        numbers.map(|x| f64::from(*x)).collect()
    };
    let columns = [column(0), column(1)];
    let categories = Some(&train.batch.categories[..]);
    let chances = Logistic::fit(&columns, categories, labels, 3.0).chances(&columns, categories);
    // With the intercept free, chances add up to what was bought.
    let sum: f64 = chances.iter().map(|x| f64::from(*x)).sum();
    let bought: f64 = labels.iter().map(|x| f64::from(*x)).sum();
    assert!((sum - bought).abs() < 0.05, "{sum} {bought}");
    // Written out, with a standard deviation of 1, categories are columns as any other.
    let mut written: Vec<Vec<f64>> = columns.to_vec();
    for category in 2..5 {
        let of = train
            .batch
            .categories
            .iter()
            .map(|of| f64::from(u8::from(*of == category)));
        written.push(of.collect());
    }
    let loss = |l2: f64, weights: &[f64]| {
        let rows = (0..labels.len()).map(|row| {
            let standard = |at: usize| {
                let n = labels.len() as f64;
                let mean = written[at].iter().sum::<f64>() / n;
                let square = written[at].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
                (written[at][row] - mean) / square.sqrt()
            };
            let z = weights[0]
                + (0..2).map(|at| weights[1 + at] * standard(at)).sum::<f64>()
                + (2..5)
                    .map(|at| weights[1 + at] * written[at][row])
                    .sum::<f64>();
            (1.0 + z.exp()).ln() - z * f64::from(labels[row])
        });
        rows.sum::<f64>() + l2 / 2.0 * weights[1..].iter().map(|w| w * w).sum::<f64>()
    };
    let fitted = Logistic::fit(&columns, categories, labels, 3.0);
    let [first, second, constant] = fitted.weights[..] else {
        panic!("{fitted:?}");
    };
    let mut weights = vec![constant, first, second];
    weights.extend(&fitted.categories[2..]);
    let fitted = weights;
    let best = loss(3.0, &fitted);
    for at in 0..fitted.len() {
        for by in [-0.01, 0.01] {
            let mut moved = fitted.clone();
            moved[at] += by;
            assert!(loss(3.0, &moved) > best, "{at} {by}");
        }
    }
}

#[test]
fn threads_change_no_bit_of_a_baseline() {
    let (train, asked) = (train(20_000, 2), train(500, 3).batch);
    let logistic = LogisticParams {
        features: DecisionFeatures::All,
        l2: 1.0,
    };
    let trees = BoostedTreesParams {
        trees: 20,
        ..BoostedTreesParams::DEFAULT
    };
    let models = [
        BaselineModel::Popularity(Default::default()),
        BaselineModel::Logistic(logistic),
        BaselineModel::BoostedTrees(trees),
    ];
    for model in models {
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| fit(model, &train).chances(&asked))
        };
        let one = of(1);
        assert!(one.iter().all(|chance| *chance > 0.0 && *chance < 1.0));
        assert!(one == of(2) && one == of(3), "{model:?}");
    }
}

/// Boosted trees see that price counts by a threshold, and the items' shares.
#[test]
fn trees_know_more_than_a_line() {
    let (train, asked) = (train(20_000, 4), train(5000, 5).batch);
    let auc = |model| {
        let chances = fit(model, &train).chances(&asked);
        let mut judged = crate::decisions::measure::Judged::default();
        judged.add(&chances, &asked.labels, [1.0; 2]);
        judged.measured().auc
    };
    let line = auc(BaselineModel::Logistic(LogisticParams::DEFAULT));
    let all = auc(BaselineModel::Logistic(LogisticParams {
        features: DecisionFeatures::All,
        l2: 1.0,
    }));
    let trees = auc(BaselineModel::BoostedTrees(BoostedTreesParams::DEFAULT));
    assert!(
        line > 0.55 && all > line + 0.05 && trees > all,
        "{line} {all} {trees}"
    );
}

#[test]
fn what_has_no_price_is_named() {
    let mut of = train(10, 6);
    of.context[0] = "cost".into();
    let spec = BaselineSpec {
        name: None,
        model: BaselineModel::Logistic(LogisticParams::DEFAULT),
        study: None,
    };
    let error = Baseline::of(&spec, &of).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no column price"), "{error}");
}
