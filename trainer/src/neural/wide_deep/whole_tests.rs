//! Whole trainings against each other and against the world that made their decisions, and baselines
//! beside them.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, UInt32Type};
use pannier_proto::spec::{
    BaselineModel, BaselineSpec, BoostedTreesParams, DecisionFeatures, LogisticParams,
    NeuralOptimizer, Schedule, WideDeepParams,
};
use pannier_proto::work::{PredictionForm, Predictor, WorkReportKind};

use crate::config::TrainerConfig;
use crate::decisions::measure::Judged;
use crate::testing::config;
use crate::testing::decisions::{ITEMS, Scene, USERS, category, price, scene, world};
use crate::testing::whole::files;

fn model() -> Predictor {
    Predictor::Model {
        artifact: "artifact".into(),
    }
}

fn params() -> WideDeepParams {
    WideDeepParams {
        embedding: 8,
        context: vec!["price".into(), "views".into()],
        epochs: 3,
        batch: 600,
        learning_rate: 0.01,
        checkpoint_steps: 2,
        ..WideDeepParams::default()
    }
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let crossed = WideDeepParams {
        crosses: vec![["user".into(), "category".into()]],
        cross_buckets: 100,
        optimizer: NeuralOptimizer::AdamW,
        weight_decay: 0.01,
        warmup_steps: 3,
        schedule: Schedule::Plateau,
        plateau_patience: 1,
        ..params()
    };
    for (params, validated) in [(params(), true), (crossed, true), (params(), false)] {
        let with = || scene(params.clone(), 3000, validated);
        let one = TrainerConfig {
            threads: 1,
            ..config()
        };
        let (trained, reports) = with().run.train(one, None);
        let (whole, from) = files(&trained.unwrap());
        assert_eq!(from, None);
        let names = [
            "config.json",
            "model.safetensors",
            "users.parquet",
            "vectors.parquet",
        ];
        assert!(
            names.iter().all(|name| whole.contains_key(*name)),
            "{whole:?}"
        );
        let measured = |r: &&WorkReportKind| match r {
            WorkReportKind::Log { text } => text.contains("pr-auc"),
            _ => false,
        };
        let measured = reports.iter().filter(measured).count();
        assert_eq!(measured, if validated { 3 } else { 0 });
        for stop_at in [1, 2, 5] {
            let broken = with();
            if let Ok(outcome) = broken.run.train(config(), Some(stop_at)).0 {
                // It was done before it heard.
                assert_eq!(files(&outcome).0, whole);
            }
            let (resumed, from) = files(&broken.run.train(config(), None).0.unwrap());
            assert!(from.is_some(), "{from:?}");
            assert_eq!(resumed, whole);
        }
    }
}

fn baseline(scene: &Scene, model: BaselineModel) -> Predictor {
    Predictor::Decision {
        baseline: BaselineSpec {
            name: None,
            model,
            study: None,
        },
        train: scene.train.spec.clone(),
    }
}

/// The world's own probabilities are the best that can be known; baselines know less of it.
#[test]
fn the_world_is_recovered_and_baselines_are_as_good_as_what_they_know() {
    let params = WideDeepParams {
        crosses: vec![["user".into(), "category".into()]],
        cross_buckets: 4096,
        dropout: 0.0,
        epochs: 12,
        batch: 1024,
        learning_rate: 0.004,
        patience: 3,
        ..params()
    };
    let scene = scene(params, 60_000, true);
    scene.run.train(config(), None).0.unwrap();
    let asked = world(10_000, 3);
    let mut own = Judged::default();
    own.add(&asked.logits, &asked.labels, [1.0; 2]);
    let best = own.measured().auc;
    let bought = f64::from(asked.labels.iter().sum::<f32>()) / 10_000.0;
    let (auc, mean) = scene.judged(model());
    assert!(auc > best - 0.01, "{auc} {best}");
    assert!((mean - bought).abs() < 0.03, "{mean} {bought}");
    let of = |model| scene.judged(baseline(&scene, model));
    let logistic = |features| LogisticParams { features, l2: 1.0 };
    let (popularity, shares) = of(BaselineModel::Popularity(Default::default()));
    let (priced, _) = of(BaselineModel::Logistic(logistic(DecisionFeatures::Price)));
    let (all, of_all) = of(BaselineModel::Logistic(logistic(DecisionFeatures::All)));
    let (trees, of_trees) = of(BaselineModel::BoostedTrees(BoostedTreesParams::DEFAULT));
    assert!(
        0.5 < priced && priced < popularity && popularity < all,
        "{priced} {popularity} {all}"
    );
    assert!(
        all < auc && trees < auc && trees > popularity,
        "{trees} {all} {auc}"
    );
    for mean in [shares, of_all, of_trees] {
        assert!((mean - bought).abs() < 0.03, "{mean} {bought}");
    }
}

#[test]
fn users_get_the_items_that_they_most_likely_buy_and_not_those_they_have() {
    let scene = scene(params(), 6000, false);
    scene.run.train(config(), None).0.unwrap();
    let form = PredictionForm::Lists { csv: false };
    scene.predict(model(), &scene.users, form);
    let storage = &scene.run.warehouse.storage;
    let scorer = super::artifact::load(storage, "artifact").unwrap();
    let mut lists: Vec<(String, String, f32)> = Vec::new();
    for batch in scene.run.rows("out/recommendations.parquet") {
        let users = batch.column_by_name("user_id").unwrap().as_string::<i32>();
        let items = batch.column_by_name("item_id").unwrap().as_string::<i32>();
        let scores = batch
            .column_by_name("score")
            .unwrap()
            .as_primitive::<Float32Type>();
        for row in 0..batch.num_rows() {
            let (user, item) = (users.value(row), items.value(row));
            lists.push((user.into(), item.into(), scores.value(row)));
        }
    }
    assert_eq!(lists.len(), USERS as usize * 5);
    for user in [2, 30, 61] {
        let listed = lists.iter().filter(|(of, ..)| *of == format!("u{user}"));
        let listed: Vec<(&str, f32)> = listed.map(|(_, item, score)| (&item[..], *score)).collect();
        let own = [2 + user % 5, 10 + user % 20];
        let left: Vec<u32> = (2..2 + ITEMS).filter(|item| !own.contains(item)).collect();
        let context = left
            .iter()
            .flat_map(|item| [price(*item), (user % 6) as f32]);
        let scores = scorer.score(pannier_wide_deep::Rows {
            users: &vec![user; left.len()],
            items: &left,
            categories: &left.iter().map(|item| category(*item)).collect::<Vec<_>>(),
            context: &context.collect::<Vec<_>>(),
        });
        let mut expected: Vec<(f32, u32)> = scores.unwrap().into_iter().zip(left).collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let names: Vec<(String, f32)> = expected[..5]
            .iter()
            .map(|(score, item)| (format!("item {item}"), *score))
            .collect();
        assert!(
            names.iter().map(|(n, s)| (&n[..], *s)).eq(listed),
            "{names:?}"
        );
    }
    // What serving needs stands in the artifact.
    let rows = scene.run.rows("artifact/users.parquet");
    let names: Vec<&String> = rows[0]
        .schema_ref()
        .fields()
        .iter()
        .map(|f| f.name())
        .collect();
    assert_eq!(names, ["user_id", "user_idx", "views"]);
    let vocab = scene.run.rows("artifact/vocab.parquet");
    let places = vocab[0].column_by_name("item_idx").unwrap();
    let places = places.as_primitive::<UInt32Type>().values();
    assert!(places.iter().copied().eq(2..2 + ITEMS));
    assert!(vocab[0].column_by_name("price").is_some() && vocab[0].column(0).len() == 40);
}
