//! What a killed attempt leaves behind is found and removed; what is committed stays.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::ensure;
use pannier_proto::manifest::TableManifest;
use pannier_tests::{Options, on_cluster};
use serde_json::Value;

use crate::words::{TABLE, finished, progressed};

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
    Ok(all.difference(&named).cloned().collect())
}

#[tokio::test]
async fn orphans_of_a_killed_executor_go() -> anyhow::Result<()> {
    let options = Options {
        executors: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let run = cluster.submit("tables.toml")?;
        cluster
            .event(&run, "a committed table", |e| finished(e, "table:items"))
            .await?;
        cluster
            .event(&run, "a table being written", |e| {
                progressed(e, TABLE, |share| share > 0.5)
            })
            .await?;
        cluster.executors[0].kill()?;
        let busy = cluster.ran(&["gc"])?;
        ensure!(
            busy.code == Some(1) && busy.err.contains("is under way"),
            "{busy:?}"
        );
        cluster.ran(&["cancel", &run])?.good()?;
        cluster.end(&run).await?;

        let warehouse = cluster.warehouse();
        let before = orphans(&warehouse)?;
        ensure!(!before.is_empty(), "the executor left nothing behind");
        let gc = |args: &[&str]| -> anyhow::Result<BTreeSet<String>> {
            let document: Value = serde_json::from_str(&cluster.ran(args)?.good()?)?;
            let paths = document["removed"].as_array().cloned().unwrap_or_default();
            Ok(paths
                .iter()
                .filter_map(|p| p.as_str().map(str::to_owned))
                .collect())
        };
        assert_eq!(gc(&["gc", "--dry-run", "--json"])?, before);
        assert_eq!(orphans(&warehouse)?, before);
        assert_eq!(gc(&["gc", "--json"])?, before);
        assert_eq!(orphans(&warehouse)?, BTreeSet::new());

        cluster.add_executor()?;
        cluster.ready(1, 0).await?;
        let rows = shared.outcome.tables["items"].rows;
        let count = cluster.ran(&["sql", "select count(*) as n from items", "--csv"])?;
        assert_eq!(count.good()?, format!("n\n{rows}\n"));
        cluster.ran(&["retry", &run, "--follow"])?.good()?;
        let (_, outcome) = cluster.succeeded(&run).await?;
        assert_eq!(outcome, shared.outcome.only_tables());
        Ok(())
    })
    .await
}
