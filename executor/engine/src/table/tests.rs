use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionContext;

use super::*;
use crate::session;

/// Rows dealt out over batches and partitions in some order.
fn rows(order: &[i64], partitions: usize) -> Result<MemTable> {
    let schema = Arc::new(Schema::new(vec![
        datafusion::arrow::datatypes::Field::new("user_id", DataType::Utf8, true),
        datafusion::arrow::datatypes::Field::new("n", DataType::Int64, false),
    ]));
    let mut dealt = vec![Vec::new(); partitions];
    for (at, chunk) in order.chunks(7).enumerate() {
        let users: StringArray = chunk
            .iter()
            .map(|n| (n % 11 != 0).then(|| format!("user-{}", n % 5)))
            .collect();
        let columns: Vec<ArrayRef> =
            vec![Arc::new(users), Arc::new(Int64Array::from(chunk.to_vec()))];
        dealt[at % partitions].push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    MemTable::try_new(schema, dealt)
}

fn target(warehouse: &Warehouse) -> TableTarget {
    TableTarget {
        warehouse: warehouse.root(),
        table: "t".into(),
        version: "v".into(),
        key: vec!["user_id".into()],
        sort: vec!["user_id".into()],
        parts: 3,
        row_group_rows: 50,
        pieces: BTreeMap::new(),
    }
}

/// Writes the rows as a table version of a fresh warehouse, as often as told.
async fn write(
    order: &[i64],
    partitions: usize,
    attempts: usize,
) -> std::result::Result<(Warehouse, TableManifest), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?.keep();
    let warehouse = Warehouse::open(&folder.display().to_string())?;
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse)?);
    context.register_table("raw", Arc::new(rows(order, partitions)?))?;
    let query = context
        .sql("select user_id, n from raw")
        .await?
        .into_optimized_plan()?;
    let target = target(&warehouse);
    for _ in 0..attempts {
        let plan = write_plan(&context.state(), query.clone(), &target, &[]).await?;
        collect(plan, context.task_ctx()).await?;
    }
    let columns = manifest_columns(&query);
    let manifest = commit(&warehouse, &target, columns, TableLineage::default()).await?;
    Ok((warehouse, manifest))
}

#[tokio::test]
async fn a_version_does_not_depend_on_how_rows_arrive()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let forward: Vec<i64> = (0..400).collect();
    let backward: Vec<i64> = (0..400).rev().collect();
    let (_, first) = write(&forward, 1, 1).await?;
    let (_, second) = write(&backward, 5, 1).await?;
    assert_eq!(first.rows, 400);
    assert_eq!(first.digest, second.digest);
    let groups = |m: &TableManifest| {
        m.files
            .iter()
            .map(|f| (f.part, f.row_groups.clone(), f.digest.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(groups(&first), groups(&second));
    let other: Vec<i64> = (1..401).collect();
    assert_ne!(write(&other, 1, 1).await?.1.digest, first.digest);
    Ok(())
}

#[tokio::test]
async fn a_second_attempt_adds_no_row_and_leaves_no_file()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let order: Vec<i64> = (0..400).collect();
    let (_, once) = write(&order, 2, 1).await?;
    let (warehouse, twice) = write(&order, 2, 3).await?;
    assert_eq!((once.rows, &once.digest), (twice.rows, &twice.digest));
    let files = warehouse.list("tables/t/v").await?;
    assert_eq!(
        files
            .iter()
            .filter(|f| f.path.ends_with(".parquet"))
            .count(),
        twice.files.len()
    );
    Ok(())
}

#[tokio::test]
async fn what_is_written_reads_back_in_part_and_key_order()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let order: Vec<i64> = (0..400).collect();
    let (warehouse, manifest) = write(&order, 2, 1).await?;
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse)?);
    context.register_table("t", crate::catalog::table(&warehouse, &manifest)?)?;
    let sum = context
        .sql("select sum(n) as s, count(*) as c, count(user_id) as u from t")
        .await?
        .collect()
        .await?;
    let shown = datafusion::arrow::util::pretty::pretty_format_batches(&sum)?.to_string();
    assert!(shown.contains("| 79800 | 400 | 363 |"), "{shown}");
    Ok(())
}

/// Shuffles in a plan.
fn shuffles(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let below: usize = plan.children().into_iter().map(shuffles).sum();
    below + usize::from(plan.is::<RepartitionExec>())
}

#[tokio::test]
async fn one_shuffle_or_none_makes_the_same_rows_as_two()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let order: Vec<i64> = (0..400).collect();
    let (warehouse, users) = write(&order, 2, 1).await?;
    let grouped = "select user_id, count(*) as lines, sum(n) as n from t group by user_id";
    let joined = "select a.user_id, b.lines, a.n from t a join \
                  (select user_id, count(*) as lines from t group by user_id) b on a.user_id = b.user_id";
    for (name, sql, most_shuffles) in [("grouped", grouped, 1), ("joined", joined, 2)] {
        let mut digests = Vec::new();
        // By another key; by the same key from files of unknown order; by the same key as stored.
        for (way, inputs) in [(0, vec![]), (1, vec![]), (2, vec![users.clone()])] {
            let context =
                SessionContext::new_with_state(session::state(session::config(), &warehouse)?);
            context.register_table("t", crate::catalog::table(&warehouse, &users)?)?;
            let query = context.sql(sql).await?.into_optimized_plan()?;
            let target = TableTarget {
                table: format!("{name}{way}"),
                ..target(&warehouse)
            };
            let query = if way == 0 {
                // A computed key is not known to be the key that the query shuffles by.
                let computed = "concat(user_id, '') as user_id";
                let sql = format!("select * replace ({computed}) from ({sql})");
                context.sql(&sql).await?.into_optimized_plan()?
            } else {
                query
            };
            let plan = write_plan(&context.state(), query.clone(), &target, &inputs).await?;
            let most = match way {
                0 => usize::MAX,
                1 => most_shuffles,
                _ => 0,
            };
            assert!(shuffles(&plan) <= most, "{name} {way}: {plan:?}");
            collect(plan, context.task_ctx()).await?;
            let columns = manifest_columns(&query);
            let manifest = commit(&warehouse, &target, columns, TableLineage::default()).await?;
            assert!(manifest.rows > 0);
            digests.push((manifest.rows, manifest.digest));
        }
        assert_eq!(digests[1], digests[2], "{name}");
        assert_eq!(digests[0].0, digests[1].0, "{name}");
    }
    Ok(())
}

/// Sorts in a plan.
fn sorts(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let below: usize = plan.children().into_iter().map(sorts).sum();
    below + usize::from(plan.is::<SortExec>())
}

#[tokio::test]
async fn rows_that_come_in_order_are_not_sorted_again()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let order: Vec<i64> = (0..400).collect();
    let (warehouse, users) = write(&order, 2, 1).await?;
    for (sql, most) in [
        (
            "select user_id, n % 7 as n from t where n % 2 = 0 and user_id is not null",
            0,
        ),
        (
            "select concat(user_id, '') as user_id, n % 7 as n from t where n % 2 = 0 and user_id is not null",
            1,
        ),
    ] {
        let context =
            SessionContext::new_with_state(session::state(session::config(), &warehouse)?);
        context.register_table("t", crate::catalog::table(&warehouse, &users)?)?;
        let query = context.sql(sql).await?.into_optimized_plan()?;
        let target = TableTarget {
            table: format!("sorted{most}"),
            ..target(&warehouse)
        };
        let plan = write_plan(
            &context.state(),
            query.clone(),
            &target,
            std::slice::from_ref(&users),
        )
        .await?;
        assert_eq!(sorts(&plan), most, "{plan:?}");
        collect(plan, context.task_ctx()).await?;
    }
    let digest = |name: &str| {
        let notes = pannier_proto::objects::part_notes(name, "v");
        let warehouse = warehouse.clone();
        async move {
            let mut digests = Vec::new();
            for note in warehouse.list(&notes).await? {
                let file: ManifestFile = warehouse.get_json(&note.path).await?;
                digests.push((file.part, file.rows, file.digest));
            }
            std::result::Result::<_, EngineError>::Ok(digests)
        }
    };
    let (one, other) = (digest("sorted0").await?, digest("sorted1").await?);
    assert!(!one.is_empty());
    assert_eq!(one, other);
    Ok(())
}
