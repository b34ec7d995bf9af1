//! ALS from raw files to a user's list: the same after a killed trainer, and what `pannier recommend`
//! says of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use pannier_tests::{Options, on_cluster, ran};
use serde_json::Value;

use crate::resumed::killed_in_training;

/// Iterations enough that a trainer can be killed among them.
const SPEC: &str = r#"name = "shop"
seed = 3
[source]
layout = "dunnhumby-lgsr"
path = "raw"
[prepare]
profile = false
[split]
by = "last-basket"
[evaluate]
k = [10]
[[train]]
name = "factors"
model = "als"
params = { factors = 16, iterations = 600, checkpoint_iterations = 20 }
[[baseline]]
model = "popularity"
[[baseline]]
model = "personal-frequency"
[publish]
alias = "champion"
[recommend]
csv = true
[segments]
k = 4
"#;
/// What is made of all users, and its files.
const MADE: [(&str, &[&str]); 2] = [
    (
        "recommendations",
        &["recommendations.parquet", "recommendations.csv"],
    ),
    (
        "segments",
        &[
            "users.parquet",
            "kpis.csv",
            "profiles.parquet",
            "segments.json",
        ],
    ),
];

/// The one folder of what a run made of its users, for example `recommendations`, in a warehouse.
fn folder_of(warehouse: &Path, what: &str) -> anyhow::Result<PathBuf> {
    let runs = fs::read_dir(warehouse.join("runs"))?.collect::<Result<Vec<_>, _>>()?;
    let folders = runs.iter().map(|run| run.path().join(what).join("factors"));
    let mut there = folders.filter(|folder| folder.is_dir());
    there
        .next()
        .with_context(|| format!("no {what} were written"))
}

#[tokio::test]
async fn a_killed_trainer_changes_no_byte_of_models_and_lists() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, _| {
        let (alone, _) = killed_in_training(cluster, SPEC, "factors").await?;
        let folder = cluster.dir.path().to_owned();
        ensure!(
            alone.model.contains_key("users.parquet"),
            "{:?}",
            alone.model
        );
        ensure!(
            alone.metrics.contains_key("factors ndcg@10"),
            "{:?}",
            alone.metrics
        );
        ensure!(
            alone.metrics.contains_key("personal-frequency ndcg@10"),
            "{:?}",
            alone.metrics
        );
        for (what, names) in MADE {
            let here = folder_of(&cluster.warehouse(), what)?;
            let there = folder_of(&folder.join("alone/warehouse"), what)?;
            for name in names {
                ensure!(
                    fs::read(here.join(name))? == fs::read(there.join(name))?,
                    "{what}: {name} differs"
                );
            }
        }
        Ok(())
    })
    .await
}

#[test]
fn a_user_is_recommended_what_the_list_says() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    let made = "generate --customers 200 --weeks 10 --seed 5 --out raw";
    ran(folder, &made.split(' ').collect::<Vec<_>>())?.good()?;
    let spec = SPEC.replace("iterations = 600", "iterations = 5");
    let vectors =
        "[[train]]\nname = \"vectors\"\nmodel = \"prod2vec\"\nparams = { dim = 8, epochs = 1 }\n";
    fs::write(folder.join("factors.toml"), format!("{spec}{vectors}"))?;
    ran(folder, &["run", "factors.toml", "--data", "d"])?.good()?;
    let csv = fs::read_to_string(
        folder_of(&folder.join("d/warehouse"), "recommendations")?.join("recommendations.csv"),
    )?;
    let user = csv.split(',').next().context("an empty list")?;
    let listed = csv.lines().filter_map(|line| {
        let mut fields = line.split(',');
        (fields.next() == Some(user)).then(|| fields.next().unwrap_or_default())
    });
    let listed: Vec<&str> = listed.collect();
    ensure!(listed.len() == 10, "{listed:?}");
    let ask = |user: &str, more: &[&str]| -> anyhow::Result<Value> {
        let args = [
            "recommend",
            "--model",
            "shop-factors@champion",
            "--data",
            "d",
            "--json",
        ];
        let args = args
            .into_iter()
            .chain(["--user", user])
            .chain(more.iter().copied());
        Ok(serde_json::from_str(
            &ran(folder, &args.collect::<Vec<_>>())?.good()?,
        )?)
    };
    let ids = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().into_iter().flatten();
        items
            .filter_map(|i| i["item_id"].as_str().map(str::to_owned))
            .collect()
    };
    let answer = ask(user, &[])?;
    ensure!(answer["unknown"] == false, "{answer}");
    // Scores of equal items may differ in the last bit, so the sets are compared.
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let expected = listed.iter().map(ToString::to_string).collect();
    assert_eq!(sorted(ids(&answer)), sorted(expected));
    let new = ask(user, &["--new-only", "--top", "30"])?;
    let bought = ran(folder, &["sql", "--data", "d", "--csv", &format!("select distinct v.item_id from counts c join vocab v on c.item_idx = v.item_idx where user_id = '{user}'")])?.good()?;
    let bought: Vec<&str> = bought.lines().skip(1).collect();
    ensure!(!bought.is_empty() && ids(&new).len() == 30, "{new}");
    ensure!(
        ids(&new).iter().all(|id| !bought.contains(&id.as_str())),
        "{new} has some of {bought:?}"
    );
    let stranger = ask("nobody", &[])?;
    ensure!(
        stranger["unknown"] == true && ids(&stranger).len() == 10,
        "{stranger}"
    );
    let with = |items: &[&str]| ask("nobody", items).map(|answer| ids(&answer));
    let one = with(&["--item", bought[0]])?;
    ensure!(
        one != ids(&stranger) && one != with(&["--item", bought[1]])?,
        "{one:?}"
    );
    let others = with(&["--item", bought[0], "--new-only"])?;
    ensure!(!others.contains(&bought[0].to_owned()), "{others:?}");
    let wrong = ran(
        folder,
        &[
            "recommend",
            "--data",
            "d",
            "--model",
            "shop-vectors",
            "--user",
            user,
        ],
    )?;
    ensure!(
        wrong.code == Some(1) && wrong.err.contains("knows items and no users"),
        "{wrong:?}"
    );
    Ok(())
}
