//! The cluster makes what `pannier run` makes, byte for byte.

use std::fs;

use anyhow::{Context, ensure};
use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_tests::{Cluster, Options, Outcome, on_cluster, ran};

use crate::words::unbroken;

/// What a spec of tables alone needs, whatever its layout; those that models of decisions are fed with too.
const SPEC: &str = r#"name = "same"
seed = 7

[source]
layout = "LAYOUT"
path = "RAW"

[split]
by = "last-basket"
valid_share = 0.5

[[feed]]
name = "learned"
transform = "select"
table = "train_decisions"
columns = ["label"]
[[feed]]
name = "watched"
transform = "select"
table = "valid_decisions"
columns = ["label"]
[[feed]]
name = "asked"
transform = "select"
table = "decision_queries"
columns = ["label"]

[evaluate]
queries = 500
"#;

/// A spec of this layout must name columns.
const MAPPED: &str = "transactions";

/// Names of the tables that a run was to make.
fn planned(events: &[RunEvent]) -> Vec<&str> {
    let steps = events.iter().find_map(|e| match &e.kind {
        RunEventKind::Submitted { steps, .. } => Some(steps.as_slice()),
        _ => None,
    });
    let tables = steps.unwrap_or_default().iter();
    let mut tables: Vec<&str> = tables.filter_map(|s| s.strip_prefix("table:")).collect();
    tables.sort_unstable();
    tables
}

fn all_are_there(events: &[RunEvent], outcome: &Outcome) -> anyhow::Result<()> {
    let (planned, made) = (planned(events), outcome.tables.keys());
    ensure!(
        planned.len() > 5 && made.map(String::as_str).eq(planned.iter().copied()),
        "planned were {planned:?}, made {:?}",
        outcome.tables.keys()
    );
    Ok(())
}

#[tokio::test]
async fn a_cluster_makes_the_bytes_of_one_process() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let out = cluster
            .ran(&["submit", "spec.toml", "--follow", "--json"])?
            .good()?;
        let events = parsed(&out)?;
        ensure!(unbroken(&events), "offsets have gaps");
        let outcome = Outcome::of(&events, &cluster.warehouse())?;
        ensure!(
            outcome.model.contains_key("model.safetensors")
                && outcome.model.contains_key("vectors.parquet"),
            "{:?}",
            outcome.model
        );
        all_are_there(&events, &outcome)?;
        assert_eq!(outcome, shared.outcome);
        Ok(())
    })
    .await
}

fn parsed(lines: &str) -> anyhow::Result<Vec<RunEvent>> {
    let events = lines.lines().map(serde_json::from_str);
    Ok(events.collect::<Result<_, _>>()?)
}

/// Layouts that raw files can be made up for, as the program lists them.
fn layouts() -> anyhow::Result<Vec<String>> {
    let dir = tempfile::tempdir()?;
    let said = ran(dir.path(), &["generate", "--layout", "?", "--out", "x"])?.err;
    let list = said
        .split_once("[possible values: ")
        .and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.context(said.clone())?;
    let names = list.split(", ").filter(|name| *name != MAPPED);
    Ok(names.map(str::to_owned).collect())
}

/// Every file of every table has the same bytes: the same rows, in the same order.
#[tokio::test]
async fn every_layouts_tables_are_those_of_one_process() -> anyhow::Result<()> {
    for layout in layouts()? {
        on_cluster(Options::default(), async |cluster, _| {
            same_tables(cluster, &layout).await
        })
        .await
        .context(layout)?;
    }
    Ok(())
}

async fn same_tables(cluster: &Cluster, layout: &str) -> anyhow::Result<()> {
    let folder = cluster.dir.path();
    let made = "--customers 150 --weeks 12 --seed 3 --out raw";
    let options = ["generate", "--layout", layout].into_iter();
    ran(folder, &options.chain(made.split(' ')).collect::<Vec<_>>())?.good()?;
    let raw = folder.join("raw").display().to_string();
    let spec = SPEC.replace("LAYOUT", layout).replace("RAW", &raw);
    fs::write(folder.join("same.toml"), spec)?;
    let out = ran(folder, &["run", "same.toml", "--data", "alone", "--json"])?.good()?;
    let alone = Outcome::of(&parsed(&out)?, &folder.join("alone/warehouse"))?;
    let run = cluster.submit("same.toml")?;
    let (events, made) = cluster.succeeded(&run).await?;
    all_are_there(&events, &made)?;
    for table in ["transactions", "train_decisions", "decision_queries"] {
        ensure!(made.tables[table].rows > 0, "{table} has no rows");
    }
    assert_eq!(made, alone);
    Ok(())
}
