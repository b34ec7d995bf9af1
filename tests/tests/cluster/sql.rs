//! The risky joints: nested functions and ours over real columns, on executors in other processes;
//! and what SQL must not do.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use pannier_proto::manifest::TableManifest;
use pannier_proto::objects;
use pannier_tests::{Cluster, Options, on_cluster};

const TABLES: Options = Options {
    executors: 2,
    trainers: 0,
    tables: true,
};

/// The rows of an answer, as CSV without its header.
fn rows(cluster: &Cluster, sql: &str) -> anyhow::Result<Vec<String>> {
    let out = cluster
        .ran(&["sql", sql, "--csv"])?
        .good()
        .context(sql.to_owned())?;
    Ok(out.lines().skip(1).map(str::to_owned).collect())
}

#[tokio::test]
async fn functions_over_real_columns() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, shared| {
        let run = cluster.submit("tables.toml")?;
        cluster.succeeded(&run).await?;
        let none = [
            // A basket's items are sorted and distinct.
            "select count(*) as n from baskets where array_sort(items) <> items or array_length(array_distinct(items)) <> array_length(items)",
            "select count(*) as n from baskets where array_slice(items, 1, cast(array_length(items) as bigint)) <> items",
            // Another seed is another order.
            "select count(*) as n from baskets where keyed_hash(1, basket_id) = keyed_hash(2, basket_id)",
            // A sequence is what its baskets make it.
            "select count(*) as n from (select user_id, collect_sorted(items, ordered_at, basket_id) as baskets from baskets where user_id is not null group by user_id) g full join sequences s on g.user_id = s.user_id where s.user_id is null or g.user_id is null or array_length(g.baskets) <> s.count or g.baskets <> s.baskets",
        ];
        for sql in none {
            assert_eq!(rows(cluster, sql)?, ["0"], "{sql}");
        }
        let baskets = shared.outcome.tables["baskets"].rows;
        assert_eq!(
            rows(cluster, "select count(distinct keyed_hash(1, basket_id)) as n from baskets")?,
            [baskets.to_string()]
        );
        let lines = "select sum(array_length(items)) as n from baskets";
        let distinct = "select count(*) as n from (select distinct t.basket_id, coalesce(v.item_idx, 1) from transactions t left join vocab v on t.item_id = v.item_id)";
        assert_eq!(rows(cluster, lines)?, rows(cluster, distinct)?);

        // A row's part is that of its file.
        let version = &shared.outcome.tables["baskets"].version;
        let path = cluster.warehouse().join(objects::table_manifest("baskets", version));
        let manifest: TableManifest = serde_json::from_slice(&std::fs::read(path)?)?;
        let parts: BTreeMap<u32, u64> = manifest.files.iter().map(|f| (f.part, f.rows)).collect();
        let counted = rows(cluster, "select part_of(8, basket_id) as part, count(*) as n from baskets group by 1 order by 1")?;
        let expected: Vec<String> = parts.iter().map(|(p, n)| format!("{p},{n}")).collect();
        assert_eq!(counted, expected);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn sql_reads_tables_and_does_nothing_else() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, _| {
        let run = cluster.submit("tables.toml")?;
        cluster.succeeded(&run).await?;
        let file = cluster.dir.path().join("spec.toml").display().to_string();
        let target = cluster.dir.path().join("stolen.csv").display().to_string();
        let refused = [
            format!("select * from '{file}'"),
            format!("select * from read_csv('{file}')"),
            format!("copy transactions to '{target}'"),
            format!("create external table x stored as csv location '{file}'"),
            "create table x as select 1".into(),
            "create view x as select 1".into(),
            "drop table transactions".into(),
            "insert into baskets select * from baskets".into(),
            "delete from baskets".into(),
            "set datafusion.execution.batch_size = 1".into(),
            "show tables".into(),
            "select * from information_schema.tables".into(),
            "explain select 1".into(),
            "select 1; drop table baskets".into(),
            "selekt 1".into(),
        ];
        for sql in &refused {
            let answer = cluster.ran(&["sql", sql])?;
            ensure!(
                answer.code == Some(2) && answer.out.is_empty(),
                "{sql}: {answer:?}"
            );
            ensure!(
                answer.err.starts_with("error: ") && answer.err.lines().count() == 1,
                "{sql}: {answer:?}"
            );
            for word in ["bug report", "panicked", "backtrace"] {
                ensure!(!answer.err.contains(word), "{sql}: {answer:?}");
            }
        }
        ensure!(!std::fs::exists(&target)?, "a file was written");
        let typo = cluster.ran(&["sql", "select * from bascets"])?;
        ensure!(
            typo.err.contains("there is no table `bascets`; there are "),
            "{typo:?}"
        );
        Ok(())
    })
    .await
}
