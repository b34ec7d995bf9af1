//! The same rows as CSV, JSON lines, Parquet and Arrow, and columnar files that differ from their siblings.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{HEADER, SPEC, balance, folder, run, sql, week};
use pannier_tests::ran;

/// The columns of [`HEADER`] of a finished run's tables.
const AS_READ: &str = "select t.user_id as customer, t.item_id as product, t.basket_id as \"order\",
    t.ordered_at as day, t.quantity as qty, t.spend as amount, i.name as label, i.department as \"group\"
    from transactions t join items i on t.item_id = i.item_id";

/// What every form of the same rows must give.
fn facts(dir: &Path) -> anyhow::Result<String> {
    let transactions = "select count(*) as lines, sum(quantity) as quantity, sum(spend) as spend,
        count(distinct user_id) as users, min(ordered_at) as first, max(ordered_at) as last,
        arrow_typeof(min(item_id)) as id, arrow_typeof(sum(spend)) as money from transactions";
    let baskets = "select user_id, baskets, ordered_at from sequences order by user_id";
    Ok(sql(dir, transactions)? + &sql(dir, baskets)?)
}

#[test]
fn every_form_of_the_same_rows_makes_the_same_tables() -> anyhow::Result<()> {
    let text = format!("{HEADER}{}", week(1, 60)).into_bytes();
    let csv = folder(SPEC, &[("a.csv", text)])?;
    run(csv.path())?.good()?;
    let wanted = facts(csv.path())?;
    for form in ["parquet", "jsonl", "arrow"] {
        let dir = folder(SPEC, &[])?;
        let data = dir.path().join("data");
        let file = data.join(format!("a.{form}"));
        if form == "arrow" {
            let parquet = dir.path().join("a.parquet");
            ran(
                csv.path(),
                &["sql", AS_READ, "-o", &parquet.display().to_string()],
            )?
            .good()?;
            to_arrow(&parquet, &file)?;
        } else {
            ran(
                csv.path(),
                &["sql", AS_READ, "-o", &file.display().to_string()],
            )?
            .good()?;
        }
        let out = run(dir.path())?.good()?;
        let said = balance(&out)?;
        ensure!(
            said.starts_with("180 lines read = 180 transactions + 0 rejects"),
            "{form}: {said}"
        );
        assert_eq!(facts(dir.path())?, wanted, "{form}");
    }
    Ok(())
}

fn to_arrow(parquet: &Path, to: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(parquet)?;
    let rows = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let schema = rows.first().context("no rows")?.schema();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(std::fs::File::create(to)?, &schema)?;
    for batch in &rows {
        writer.write(batch)?;
    }
    Ok(writer.finish()?)
}

/// Columnar files that differ from their siblings: a type that holds the same values is read, a
/// value that is none makes its row a reject, a column that is gone is an error that names the file.
#[test]
fn a_parquet_file_may_differ_from_its_siblings_in_form_only() -> anyhow::Result<()> {
    let text = format!("{HEADER}{}", week(1, 60)).into_bytes();
    let csv = folder(SPEC, &[("a.csv", text)])?;
    run(csv.path())?.good()?;
    let write = |dir: &Path, name: &str, query: &str| -> anyhow::Result<()> {
        let file = dir.join("data").join(name).display().to_string();
        ran(csv.path(), &["sql", query, "-o", &file])?.good()?;
        Ok(())
    };
    let all = format!("select * from ({AS_READ})");
    let other = format!(
        "select \"group\", label, cast(amount as varchar) as amount, cast(qty as double) as qty, day,
            cast(\"order\" as varchar) as \"order\", cast(product as double) as product, customer, 1 as more
         from ({AS_READ})"
    );
    let bad = format!(
        "select * replace (case when qty = 3 then 'three' else cast(qty as varchar) end as qty) from ({AS_READ})"
    );
    let dir = folder(SPEC, &[])?;
    write(dir.path(), "a.parquet", &all)?;
    write(dir.path(), "b.parquet", &other)?;
    write(dir.path(), "c.parquet", &bad)?;
    let said = balance(&run(dir.path())?.good()?)?;
    ensure!(
        said.starts_with("540 lines read = 480 transactions + 60 rejects"),
        "{said}"
    );
    let reasons = sql(dir.path(), "select distinct reason from rejects")?;
    ensure!(
        reasons.contains("qty is `three`, not a whole number"),
        "{reasons}"
    );

    let dir = folder(SPEC, &[])?;
    write(dir.path(), "a.parquet", &all)?;
    write(
        dir.path(),
        "b.parquet",
        &format!(
            "select customer, product, \"order\", day, amount, label, \"group\" from ({AS_READ})"
        ),
    )?;
    let answer = run(dir.path())?;
    assert_eq!(answer.code, Some(2), "{answer:?}");
    for fragment in ["b.parquet` has no column `qty`", "spec.toml:11:12"] {
        ensure!(answer.err.contains(fragment), "{fragment}: {}", answer.err);
    }
    Ok(())
}
