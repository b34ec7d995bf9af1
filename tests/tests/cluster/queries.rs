//! Queries of people: answers of any size in order and in every format, any version of a table,
//! and nothing left behind by whoever goes away.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use pannier_proto::status::{TableDetail, TableInfo};
use pannier_tests::{Cluster, Options, command, eventually, on_cluster};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use serde_json::Value;

const TABLES: Options = Options {
    executors: 2,
    trainers: 0,
    tables: true,
};

/// Longer than a piece of a result, numbered in its order.
const LONG: &str =
    "select row_number() over (order by basket_id, item_id, copy) as n, basket_id, item_id, copy
    from transactions cross join (values (1), (2), (3)) as v (copy) order by n";
/// Hours of work, a few rows.
const ENDLESS: &str = "select count(*) as n from transactions a
    join transactions b on a.quantity = b.quantity
    join transactions c on b.quantity = c.quantity where a.spend + b.spend > c.spend";

const SOON: Duration = Duration::from_secs(30);

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let of = |path: std::path::PathBuf| if path.is_dir() { files(&path) } else { 1 };
    entries.filter_map(Result::ok).map(|e| of(e.path())).sum()
}

/// Waits until the cluster works on nothing and nothing of an answer lies in the warehouse.
async fn quiet(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.until("no job", |info| info.jobs == 0).await?;
    let results = cluster.warehouse().join("_results");
    eventually(SOON, "no result", async || {
        (files(&results) == 0).then_some(())
    })
    .await
}

#[tokio::test]
async fn a_long_answer_is_whole_and_in_order_in_every_format() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, shared| {
        let run = cluster.submit("tables.toml")?;
        cluster.succeeded(&run).await?;
        let rows = shared.outcome.tables["transactions"].rows * 3;
        let folder = cluster.dir.path().to_owned();
        fs::write(folder.join("long.sql"), LONG)?;
        for name in ["a.parquet", "a.csv", "a.jsonl"] {
            let ran = cluster.ran(&["sql", "-f", "long.sql", "-o", name])?;
            ensure!(ran.good()?.is_empty(), "{name} is not all of it");
        }
        let parquet =
            ParquetRecordBatchReader::try_new(fs::File::open(folder.join("a.parquet"))?, 8192)?;
        let batches: Vec<RecordBatch> = parquet.collect::<Result<_, _>>()?;
        let numbers = batches
            .iter()
            .flat_map(|b| b.column(0).as_primitive::<UInt64Type>().values().to_vec());
        ensure!(
            numbers.eq(1..=rows),
            "parquet is not in order, or not whole"
        );
        let csv = fs::read_to_string(folder.join("a.csv"))?;
        let numbers = csv
            .lines()
            .skip(1)
            .filter_map(|l| l.split(',').next()?.parse::<u64>().ok());
        ensure!(numbers.eq(1..=rows), "csv is not in order, or not whole");
        let lines = fs::read_to_string(folder.join("a.jsonl"))?;
        let number = |l: &str| serde_json::from_str::<Value>(l).ok()?["n"].as_u64();
        ensure!(
            lines.lines().filter_map(number).eq(1..=rows),
            "jsonl is not in order, or not whole"
        );
        quiet(cluster).await?;

        // A limit is kept and told, on standard output too.
        let ran = cluster.ran(&["sql", LONG, "--format", "csv", "--limit", "20000"])?;
        ensure!(ran.err.contains("there are more rows"), "{}", ran.err);
        assert_eq!(ran.good()?.lines().count(), 20_001);
        // Without an order all rows come, too.
        let count = |sql: &str| -> anyhow::Result<usize> {
            Ok(cluster.ran(&["sql", sql, "--csv"])?.good()?.lines().count() - 1)
        };
        assert_eq!(count("select item_id from transactions")? as u64 * 3, rows);
        assert_eq!(count("select item_id from transactions where false")?, 0);
        quiet(cluster).await
    })
    .await
}

#[tokio::test]
async fn who_goes_away_cancels_and_leaves_nothing() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, _| {
        let run = cluster.submit("tables.toml")?;
        cluster.succeeded(&run).await?;
        // Interrupted, and killed, while executors work on it.
        for signal in ["INT", "KILL"] {
            let mut query = cluster.command(&["sql", ENDLESS, "-o", "endless.csv"])?;
            cluster.until("a job", |info| info.jobs == 1).await?;
            query.signal(signal)?;
            let status = query.ended(SOON).await?;
            if signal == "INT" {
                assert_eq!(status.code(), Some(130), "{}", query.complained());
            }
            quiet(cluster).await?;
            ensure!(!cluster.dir.path().join("endless.csv").exists());
        }
        // Killed while it takes its rows: nobody reads the pipe that it writes to.
        let mut child = command(cluster.dir.path())?
            .args(["sql", LONG, "--csv", "--scheduler", &cluster.url()])
            .stdout(Stdio::piped())
            .spawn()?;
        let results = cluster.warehouse().join("_results");
        let found = eventually(SOON, "a result that waits", async || {
            let mut entries = fs::read_dir(&results).ok()?.filter_map(Result::ok);
            entries.find(|e| e.path().join("result.json").exists())
        });
        let found = found.await;
        // What is being read is no garbage.
        let gc = cluster.ran(&["gc", "--dry-run", "--json"])?.good();
        child.kill()?;
        child.wait()?;
        found?;
        ensure!(
            !gc?.contains("_results"),
            "a result in use would be removed"
        );
        quiet(cluster).await?;
        // The executors are free again.
        let one = cluster.ran(&["sql", "select 1 as n", "--csv"])?.good()?;
        assert_eq!(one, "n\n1\n");
        // What a scheduler that died left behind is garbage.
        fs::create_dir_all(results.join("x"))?;
        fs::write(results.join("x/a-000000.arrows"), "x")?;
        let gc = cluster.ran(&["gc", "--json"])?.good()?;
        ensure!(gc.contains("_results/x/a-000000.arrows"), "{gc}");
        quiet(cluster).await
    })
    .await
}

#[tokio::test]
async fn every_version_is_listed_shown_and_read() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, shared| {
        let first = cluster.submit("tables.toml")?;
        cluster.succeeded(&first).await?;
        let other = shared
            .tables_spec
            .replace("min_item_baskets = 5", "min_item_baskets = 50");
        fs::write(cluster.dir.path().join("other.toml"), other)?;
        let second = cluster.submit("other.toml")?;
        let (_, made) = cluster.succeeded(&second).await?;
        let (old, new) = (&shared.outcome.tables["vocab"], &made.tables["vocab"]);
        ensure!(old.rows > new.rows, "{} and {} items", old.rows, new.rows);

        let count = |name: &str| -> anyhow::Result<u64> {
            let sql = format!("select count(*) as n from {name}");
            let out = cluster.ran(&["sql", &sql, "--csv"])?.good()?;
            out.lines()
                .last()
                .and_then(|l| l.parse().ok())
                .context(out.clone())
        };
        assert_eq!(count("vocab")?, new.rows);
        assert_eq!(count("tables.vocab")?, new.rows);
        assert_eq!(count(&format!("vocab@{}", old.version))?, old.rows);
        assert_eq!(count(&format!("vocab@{}", &old.version[..10]))?, old.rows);
        let lost = format!(
            "select v.item_id from vocab@{} v left anti join vocab n on v.item_id = n.item_id",
            &old.version[..10]
        );
        let lost = cluster
            .ran(&["sql", &lost, "--csv"])?
            .good()?
            .lines()
            .count() as u64
            - 1;
        assert_eq!(lost, old.rows - new.rows);
        let unknown = cluster.ran(&["sql", "select * from vocab@0"])?;
        ensure!(
            matches!(unknown.code, Some(1 | 2)) && unknown.err.contains("vocab"),
            "{unknown:?}"
        );

        let list: Vec<TableInfo> =
            serde_json::from_str(&cluster.ran(&["tables", "--json"])?.good()?)?;
        let vocabs: Vec<&TableInfo> = list.iter().filter(|t| t.table == "vocab").collect();
        let seen: Vec<_> = vocabs
            .iter()
            .map(|t| (t.version.as_str(), t.rows, t.current))
            .collect();
        assert_eq!(
            seen,
            [
                (new.version.as_str(), new.rows, true),
                (old.version.as_str(), old.rows, false)
            ]
        );
        assert_eq!(vocabs[0].run_id.as_deref(), Some(second.as_str()));
        // Of what was there before this scheduler, it has no record.
        assert_eq!(vocabs[1].run_id, None);
        let listed: Vec<&str> = list
            .iter()
            .filter(|t| t.current)
            .map(|t| t.table.as_str())
            .collect();
        ensure!(
            made.tables.keys().map(String::as_str).eq(listed),
            "{list:?}"
        );

        let show = [
            "tables",
            "show",
            &format!("vocab@{}", &old.version[..10]),
            "--json",
        ];
        let detail: TableDetail = serde_json::from_str(&cluster.ran(&show)?.good()?)?;
        assert_eq!(detail.manifest.digest, old.digest);
        ensure!(detail.manifest.lineage.sql.contains("row_number()"));
        let splits = detail
            .ancestors
            .iter()
            .find(|a| a.name == "splits")
            .context("no splits")?;
        assert_eq!(splits.version, shared.outcome.tables["splits"].version);
        ensure!(
            detail.ancestors.iter().any(|a| a.raw && a.depth > 1),
            "{:?}",
            detail.ancestors
        );
        let text = cluster.ran(&["tables", "show", "vocab"])?.good()?;
        ensure!(
            text.contains(&new.version)
                && text.contains("by this SQL")
                && text.contains("raw files"),
            "{text}"
        );
        let none = cluster.ran(&["tables", "show", "vocabs"])?;
        ensure!(
            none.code == Some(1) && none.err.contains("there are basket"),
            "{none:?}"
        );
        Ok(())
    })
    .await
}
