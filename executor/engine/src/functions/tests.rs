//! The functions as SQL sees them, over real columns.

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use crate::session;
use crate::warehouse::Warehouse;

async fn ask(sql: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let warehouse = Warehouse::open(&folder.path().display().to_string())?;
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse)?);
    context
        .sql("create table t as select * from (values ('b', 3, 'x'), ('a', 2, 'y'), ('b', 1, 'z'), ('a', 2, null), ('c', 5, null)) as v (g, n, s)")
        .await?
        .collect()
        .await?;
    let rows = context.sql(sql).await?.collect().await?;
    let table = pretty_format_batches(&rows)?.to_string();
    Ok(table
        .lines()
        .filter(|l| l.starts_with('|'))
        .skip(1)
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n"))
}

#[tokio::test]
async fn collect_sorted_orders_by_keys_and_leaves_nulls_out() -> Result<()> {
    let rows = ask("select g, collect_sorted(s, n) as s, collect_sorted(n, n) as n from t group by g order by g").await?;
    assert_eq!(
        rows,
        "| a | [y] | [2, 2] |\n| b | [z, x] | [1, 3] |\n| c | [] | [5] |"
    );
    assert_eq!(
        ask("select collect_sorted(g, n, g) as all from t").await?,
        "| [b, a, a, b, c] |"
    );
    Ok(())
}

#[tokio::test]
async fn hashes_are_pinned_and_differ_by_seed_and_value() -> Result<()> {
    // These numbers are part of every table's form: they must never change.
    assert_eq!(
        ask("select keyed_hash(1, g, n) as h from t where s = 'x'").await?,
        format!("| {} |", PINNED[0])
    );
    assert_eq!(
        ask("select keyed_hash(2, g, n) as h from t where s = 'x'").await?,
        format!("| {} |", PINNED[1])
    );
    assert_eq!(ask("select count(distinct keyed_hash(1, g, n, s)) as c, count(distinct part_of(1, g)) as p from t").await?, "| 5 | 1 |");
    assert_eq!(
        ask("select max(part_of(4, g)) < 4 as ok from t").await?,
        "| true |"
    );
    Ok(())
}

const PINNED: [u64; 2] = [9684472827987183741, 5578457746215583701];

#[tokio::test]
async fn nested_functions_work_over_columns() -> Result<()> {
    let sql =
        "select g, array_length(l) as n, array_sort(l, 'DESC') as d, array_slice(l, 1, 1) as f
               from (select g, collect_sorted(n, n) as l from t group by g) order by g";
    assert_eq!(
        ask(sql).await?,
        "| a | 2 | [2, 2] | [2] |\n| b | 2 | [3, 1] | [1] |\n| c | 1 | [5] | [5] |"
    );
    Ok(())
}

#[tokio::test]
async fn wrong_use_is_a_clear_error() {
    for (sql, says) in [
        (
            "select keyed_hash(1) from t",
            "keyed_hash takes a number and at least one value",
        ),
        (
            "select collect_sorted(n) from t",
            "collect_sorted takes a value and at least one key",
        ),
    ] {
        let said = ask(sql).await.map_err(|e| e.to_string());
        assert!(said.as_ref().is_err_and(|e| e.contains(says)), "{said:?}");
    }
}
