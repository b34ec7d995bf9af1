//! What a killed attempt leaves behind is found and removed; what is committed stays.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use pannier_proto::manifest::TableManifest;
use pannier_tests::{Options, Outcome, eventually, on_cluster};
use serde_json::Value;

/// All files below a folder, by their paths below `root`.
fn files(root: &Path, folder: &Path, found: &mut BTreeSet<String>) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(root, &path, found)?;
        } else {
            found.insert(path.strip_prefix(root)?.display().to_string());
        }
    }
    Ok(())
}

/// Table files that no manifest names.
fn orphans(warehouse: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    files(warehouse, &warehouse.join("tables"), &mut all)?;
    let mut named = BTreeSet::new();
    for path in all.iter().filter(|p| p.ends_with("/manifest.json")) {
        let manifest: TableManifest =
            serde_json::from_slice(&std::fs::read(warehouse.join(path))?)?;
        let folder = path.trim_end_matches("manifest.json");
        // The notes of a committed version stay beside it.
        named.extend(
            all.iter()
                .filter(|p| p.starts_with(folder) && p.ends_with(".json"))
                .cloned(),
        );
        named.extend(manifest.files.into_iter().map(|f| f.path));
    }
    // A piece's note goes with its last file; the note of an empty piece has none and stays.
    let piece = |file: &String| Some(format!("{}.json", file.rsplit_once('-')?.0));
    let loose = all.difference(&named).filter(|p| p.ends_with(".parquet"));
    let loose: BTreeSet<String> = loose.filter_map(piece).collect();
    let kept: BTreeSet<String> = named.iter().filter_map(piece).collect();
    let notes = all
        .iter()
        .filter(|p| p.contains("/_pieces/") && p.ends_with(".json"));
    let notes: Vec<String> = notes
        .filter(|n| !loose.contains(*n) || kept.contains(*n))
        .cloned()
        .collect();
    named.extend(notes);
    Ok(all.difference(&named).cloned().collect())
}

#[tokio::test]
async fn orphans_of_a_killed_executor_go() -> anyhow::Result<()> {
    let options = Options {
        executors: 1,
        tables: true,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let first = cluster.submit("tables.toml")?;
        cluster.succeeded(&first).await?;
        // Other row groups are other versions: all tables are made again.
        let other = shared
            .tables_spec
            .replace("[prepare]", "[prepare]\nrow_group_rows = 4096");
        std::fs::write(cluster.dir.path().join("other.toml"), other)?;
        let run = cluster.submit("other.toml")?;
        let warehouse = cluster.warehouse();
        eventually(
            Duration::from_secs(60),
            "a table half written",
            async || {
                let half = |p: &String| {
                    p.starts_with("tables/raw_transactions/_pieces/") && p.ends_with(".parquet")
                };
                orphans(&warehouse).ok()?.iter().any(half).then_some(())
            },
        )
        .await?;
        cluster.executors[0].kill()?;
        // A write of many megabytes would have been cut off like this.
        std::fs::write(
            warehouse.join("tables/transactions/part-00000.parquet#1"),
            "x",
        )?;
        let busy = cluster.ran(&["gc"])?;
        ensure!(
            busy.code == Some(1) && busy.err.contains("is under way"),
            "{busy:?}"
        );
        cluster.ran(&["cancel", &run])?.good()?;
        cluster.end(&run).await?;

        let before = orphans(&warehouse)?;
        ensure!(!before.is_empty(), "the executor left nothing behind");
        let gc = |args: &[&str]| -> anyhow::Result<BTreeSet<String>> {
            let document: Value = serde_json::from_str(&cluster.ran(args)?.good()?)?;
            let paths = document["removed"].as_array().cloned().unwrap_or_default();
            let path = |p: &Value| p.as_str().map(str::to_owned);
            Ok(paths.iter().filter_map(path).collect())
        };
        assert_eq!(gc(&["gc", "--dry-run", "--json"])?, before);
        assert_eq!(orphans(&warehouse)?, before);
        assert_eq!(gc(&["gc", "--json"])?, before);
        assert_eq!(orphans(&warehouse)?, BTreeSet::new());

        // What was committed is as it was, and reads.
        let (_, kept) = cluster.succeeded(&first).await?;
        assert_eq!(kept, shared.outcome.only_tables());
        cluster.add_executor()?;
        cluster.ran(&["retry", &run, "--follow"])?.good()?;
        let (_, made) = cluster.succeeded(&run).await?;
        let content = |outcome: &Outcome| outcome.tables["transactions"].digest.clone();
        assert_eq!(content(&made), content(&kept));
        let rows = shared.outcome.tables["items"].rows;
        let count = cluster.ran(&["sql", "select count(*) as n from items", "--csv"])?;
        assert_eq!(count.good()?, format!("n\n{rows}\n"));
        Ok(())
    })
    .await
}
