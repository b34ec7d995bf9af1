//! Wide-and-deep and its baselines: the same after a killed trainer, and on a made-up shop whose purchases
//! follow a known function nearly as good as that function itself.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, ensure};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use pannier_proto::event::{RunEvent, RunEventKind, StepOutcome};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_proto::spec::{ContextSpec, Question};
use pannier_tests::{Cluster, Options, on_cluster, ran, shared};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use serde_json::Value;

use crate::resumed::killed_in_training;

const SPEC: &str = r#"name = "offers"
seed = 3
[source]
layout = "dunnhumby-lgsr"
path = "raw"
[prepare]
profile = false
[split]
test_weeks = 2
valid_weeks = 1
[[train]]
name = "offers"
model = "wide-and-deep"
params = { embedding = 8, deep = [16, 16], crosses = [["user", "category"]], cross_buckets = 1024, epochs = 6, batch = 2048, checkpoint_steps = 4, patience = 0 }
[[baseline]]
model = "popularity"
[[baseline]]
model = "logistic"
[[baseline]]
model = "boosted-trees"
params = { trees = 10, depth = 3 }
[recommend]
top = 5
"#;

fn result<'e>(events: &'e [RunEvent], name: &str) -> Option<&'e StepOutcome> {
    events.iter().find_map(|event| match &event.kind {
        RunEventKind::StepFinished { step, result, .. } if step == name => Some(result),
        _ => None,
    })
}

#[tokio::test]
async fn a_killed_trainer_changes_no_byte_of_what_is_decided() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, _| {
        let (alone, events) = killed_in_training(cluster, SPEC, "offers").await?;
        for method in ["offers", "popularity", "logistic", "boosted-trees"] {
            for metric in [
                "auc",
                "pr_auc",
                "log_loss",
                "accuracy",
                "precision",
                "recall",
            ] {
                let name = format!("{method} {metric}");
                ensure!(
                    alone.metrics.contains_key(&name),
                    "{name}: {:?}",
                    alone.metrics
                );
            }
        }
        let Some(StepOutcome::Evaluated {
            decided: Some(decided),
            curves,
            calibration,
            ..
        }) = result(&events, "evaluate")
        else {
            anyhow::bail!("no decision was evaluated");
        };
        assert_eq!(decided.context, ContextSpec::Decision);
        let counted = |method: &str| -> u64 {
            let rows = calibration.iter().filter(|row| row.method == method);
            rows.map(|row| row.n).sum()
        };
        assert_eq!(counted("offers"), decided.n);
        assert_eq!(counted("logistic"), decided.n);
        ensure!(curves.iter().any(|point| point.method == "boosted-trees"));
        let Some(StepOutcome::Listed { users, rows, .. }) = result(&events, "recommend:offers")
        else {
            anyhow::bail!("no list was written");
        };
        assert_eq!(*rows, 5 * users);
        people_are_answered(cluster, *users)
    })
    .await
}

/// Lists, recommendations and audiences come from one model, so they say the same.
fn people_are_answered(cluster: &Cluster, users: u64) -> anyhow::Result<()> {
    let asked = |args: &[&str]| -> anyhow::Result<Value> {
        let args = [args, &["--model", "offers-offers", "--json"]].concat();
        Ok(serde_json::from_str(&cluster.ran(&args)?.good()?)?)
    };
    let sql = "select user_id, item_id, score from recommendations_offers_offers where rank = 1 \
               order by score desc, user_id limit 1";
    let listed = cluster.ran(&["sql", sql, "--csv"])?.good()?;
    let listed = listed.lines().nth(1).context("nobody has a list")?;
    let [user, item, score] = listed.split(',').collect::<Vec<_>>()[..] else {
        anyhow::bail!("{listed}");
    };
    let is = |value: &Value| {
        let apart = value.as_f64().unwrap_or(f64::NAN) - score.parse::<f64>().unwrap_or_default();
        apart.abs() < 1e-6
    };
    let best = asked(&["recommend", "--user", user, "--top", "3"])?;
    assert_eq!(best["items"][0]["item_id"], item);
    ensure!(is(&best["items"][0]["score"]), "{best} {score}");
    ensure!(
        best["unknown"] == false && best["probabilities"] == true,
        "{best}"
    );

    let audience = asked(&["audience", "--item", item, "--top", "1000"])?;
    assert_eq!(audience["users"], users);
    let them = audience["audience"].as_array().context("no audience")?;
    let one = them.iter().find(|one| one["user_id"] == user);
    ensure!(
        one.is_some_and(|one| is(&one["probability"])),
        "{one:?} {score}"
    );
    let chances = them.iter().filter_map(|one| one["probability"].as_f64());
    ensure!(chances.is_sorted_by(|a, b| a >= b), "{audience}");

    // Another price is another offer; strangers are scored, and marked.
    let dear = asked(&["audience", "--item", item, "--price", "1000", "--top", "1"])?;
    ensure!(dear["price"] == 1000.0 && dear["audience"][0] != audience["audience"][0]);
    let stranger = asked(&[
        "recommend",
        "--user",
        "nobody",
        "--context",
        "hour=9",
        "--top",
        "1",
    ])?;
    ensure!(stranger["unknown"] == true && stranger["items"][0]["score"] != 0.0);
    let unheard = asked(&["audience", "--item", "unheard of", "--price", "2"])?;
    ensure!(
        unheard["unknown"] == true && unheard["users"] == users,
        "{unheard}"
    );

    let wrong = [
        "recommend",
        "--model",
        "offers-offers",
        "--user",
        user,
        "--context",
        "hours=9",
    ];
    let wrong = cluster.ran(&wrong)?;
    assert_eq!(wrong.code, Some(2));
    ensure!(
        wrong.err.contains("no context `hours`; it knows"),
        "{wrong:?}"
    );
    let predicted = cluster.ran(&["predict", "--model", "offers-offers"])?;
    ensure!(
        predicted.err.contains("decides in a context"),
        "{predicted:?}"
    );
    Ok(())
}

const SHOP: &str = r#"name = "shop"
seed = 2
[source]
layout = "rees46"
path = "raw"
[prepare]
min_item_baskets = 20
profile = false
[split]
test_weeks = 2
valid_weeks = 1
[[train]]
name = "offers"
model = "wide-and-deep"
params = { embedding = 4, epochs = 1, batch = 512, learning_rate = 0.002, schedule = "cosine" }
[[baseline]]
model = "popularity"
[[baseline]]
model = "logistic"
"#;

/// SplitMix64's finaliser over two numbers, as a number from 0 to below 1.
fn unit(a: u64, b: u64) -> f64 {
    let mut z = a
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(b.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// ln of the odds that a decision was bought, as the generator states them.
fn stated(user: u64, product: u64, price: f64, page_views: f64, session_time: f64) -> f64 {
    let number = (user - 512_000_000) / 11;
    let category = product / 1_000_000 - 1;
    -4.5 + 0.5 * (unit(number, 0xB01) - 0.5)
        + 0.7 * (unit(product, 0xB02) - 0.5)
        + 3.0 * (unit(category, 0xB03) - 0.5)
        - 0.5 * ((1.0 + price).ln() - 5.0)
        + 0.9 * page_views.ln()
        - 0.35 * (1.0 + session_time / 60.0).ln()
}

/// Mann and Whitney's: the share of pairs that are in the right order, equal ones for a half.
fn auc(rows: &[(f64, bool)]) -> f64 {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut right) = (0.0, 0.0);
    for equal in rows.chunk_by(|a, b| a.0 == b.0) {
        let bought = equal.iter().filter(|(_, bought)| *bought).count() as f64;
        let others = equal.len() as f64 - bought;
        right += bought * (below + others / 2.0);
        below += others;
    }
    right / (below * (rows.len() as f64 - below))
}

fn batches(path: &Path) -> anyhow::Result<Vec<RecordBatch>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let reader = ParquetRecordBatchReader::try_new(file, 8192)?;
    Ok(reader.collect::<Result<_, _>>()?)
}

/// Columns of a batch as numbers.
fn numbers(batch: &RecordBatch, names: &[&str]) -> anyhow::Result<Vec<Vec<f64>>> {
    let column = |name: &&str| {
        let column = batch
            .column_by_name(name)
            .with_context(|| (*name).to_owned())?;
        let column = cast(column, &DataType::Float64)?;
        Ok(column.as_primitive::<Float64Type>().values().to_vec())
    };
    names.iter().map(column).collect()
}

/// By decision: the stated odds and whether it was bought.
fn truth(warehouse: &Path, version: &str) -> anyhow::Result<HashMap<u64, (f64, bool)>> {
    let path = warehouse.join(objects::table_manifest("decision_queries", version));
    let manifest: TableManifest = serde_json::from_slice(&fs::read(path)?)?;
    let names = [
        "decision_id",
        "user_id",
        "item_id",
        "price",
        "page_views",
        "session_time",
        "label",
    ];
    let mut all = HashMap::new();
    for file in &manifest.files {
        for batch in batches(&warehouse.join(&file.path))? {
            let columns = numbers(&batch, &names)?;
            all.extend((0..batch.num_rows()).map(|row| {
                let of = |at: usize| columns[at][row];
                let odds = stated(of(1) as u64, of(2) as u64, of(3), of(4), of(5));
                (of(0) as u64, (odds, of(6) > 0.5))
            }));
        }
    }
    Ok(all)
}

#[test]
fn the_effects_of_a_made_shop_are_found_again() -> anyhow::Result<()> {
    let _turn = shared()?;
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    let made = "generate --layout rees46 --customers 8000 --weeks 8 --seed 5 --out raw";
    ran(folder, &made.split(' ').collect::<Vec<_>>())?.good()?;
    fs::write(folder.join("spec.toml"), SHOP)?;
    let out = ran(folder, &["run", "spec.toml", "--data", "data", "--json"])?.good()?;
    let events = out.lines().map(serde_json::from_str);
    let events: Vec<RunEvent> = events.collect::<Result<_, _>>()?;
    let Some(StepOutcome::Table { version, .. }) = result(&events, "table:decision_queries") else {
        anyhow::bail!("no decision was held out");
    };
    let warehouse = folder.join("data/warehouse");
    let truth = truth(&warehouse, version)?;
    let known: Vec<(f64, bool)> = truth.values().copied().collect();
    let best = auc(&known);
    let run = &events.first().context("no event")?.run_id;
    let predicted = objects::predictions(run, Question::Decision, "offers");
    let mut rows = Vec::new();
    for batch in batches(&warehouse.join(predicted).join("predictions.parquet"))? {
        let columns = numbers(&batch, &["decision_id", "score", "label"])?;
        for row in 0..batch.num_rows() {
            let (_, bought) = truth[&(columns[0][row] as u64)];
            assert_eq!(bought, columns[2][row] > 0.5);
            rows.push((columns[1][row], bought));
        }
    }
    assert_eq!(rows.len(), truth.len());
    let ours = auc(&rows);
    let Some(StepOutcome::Evaluated { metrics, .. }) = result(&events, "evaluate") else {
        anyhow::bail!("nothing was evaluated");
    };
    let told = |method: &str| -> anyhow::Result<f64> {
        let mut rows = metrics.iter();
        let row = rows.find(|row| row.method == method && row.metric == "auc");
        Ok(row.with_context(|| format!("{method} has no auc"))?.value)
    };
    println!(
        "{} decisions: stated {best:.4}, found {ours:.4}",
        rows.len()
    );
    ensure!((told("offers")? - ours).abs() < 1e-9);
    // What single users and products have of their own is more than so few purchases tell.
    ensure!(best - ours < 0.02, "stated {best}, found {ours}");
    for baseline in ["popularity", "logistic"] {
        ensure!(
            told(baseline)? < ours - 0.02,
            "{baseline} {}",
            told(baseline)?
        );
    }
    Ok(())
}
