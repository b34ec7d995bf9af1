//! The text of the SQL, and every rule passing and failing over real tables.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;
use pannier_engine::session;
use pannier_proto::manifest::ManifestColumn;
use pannier_proto::spec::CheckSpec;

use super::*;
use crate::testing::warehouse;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn check(keys: &str) -> Outcome<CheckSpec> {
    Ok(toml::from_str(&format!("name = \"mine\"\n{keys}"))?)
}

fn sql(checks: &[&str], known: &BTreeMap<String, Known>) -> Outcome<Vec<String>> {
    let checks = checks
        .iter()
        .map(|c| check(c))
        .collect::<Outcome<Vec<_>>>()?;
    let queries = compile(&checks, known).queries;
    Ok(queries.into_iter().map(|q| q.sql).collect())
}

#[test]
fn rules_of_one_table_are_one_scan() -> Outcome {
    let queries = sql(
        &[
            "rule = \"not-null\"\ntable = \"t\"\ncolumn = \"user\"",
            "rule = \"in-range\"\ntable = \"t\"\ncolumn = \"q\"\nmin = 1\nmax = 9.5",
            "rule = \"in-set\"\ntable = \"t\"\ncolumn = \"s\"\nvalues = [\"it's\", 2]",
            "rule = \"unique\"\ntable = \"t\"\ncolumn = \"id\"",
            "rule = \"rows-between\"\ntable = \"t\"\nmin = 1",
            "rule = \"none\"\ntable = \"t\"\nwhere = \"a > b\"",
        ],
        &BTreeMap::new(),
    )?;
    assert_eq!(
        queries,
        [concat!(
            "select count(case when \"user\" is null then 1 end) as \"c0\", ",
            "count(case when \"q\" < 1 or \"q\" > 9.5 then 1 end) as \"c1\", ",
            "count(case when \"s\" not in ('it''s', 2) then 1 end) as \"c2\", ",
            "count(\"id\") - count(distinct \"id\") as \"c3\", ",
            "count(case when (a > b) then 1 end) as \"c5\", ",
            "count(*) as \"rows t\" from \"t\""
        )]
    );
    Ok(())
}

#[test]
fn a_large_table_is_grouped_apart() -> Outcome {
    let known = Known {
        rows: 80_000_000,
        previous: Previous::None,
    };
    let queries = sql(
        &["rule = \"distinct-between\"\ntable = \"t\"\ncolumn = \"b\"\nmin = 1"],
        &BTreeMap::from([("t".to_owned(), known)]),
    )?;
    assert_eq!(
        queries,
        [
            "select count(*) as \"c0\" from (\nselect distinct \"b\" as value from \"t\" where \"b\" is not null\n)"
        ]
    );
    Ok(())
}

#[test]
fn a_check_says_which_tables_it_reads() -> Outcome {
    let read = |keys: &str| Outcome::Ok(reads(&check(keys)?.rule));
    let both = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    for keys in [
        "sql = \"with c as (select 1) select * from a join b on a.x = b.x, c\"",
        "rule = \"foreign-key\"\ntable = \"a\"\ncolumn = \"x\"\nreferences = \"b.x\"",
        "rule = \"fresh\"\ntable = \"a\"\ncolumn = \"x\"\nwithin = \"1d\"\nagainst = \"b.x\"",
    ] {
        assert_eq!(read(keys)?, both, "{keys}");
    }
    assert!(read("sql = \"selekt\"")?.is_empty());
    Ok(())
}

const TABLES: [&str; 4] = [
    "create table transactions as select * from (values
       ('b1', 'u1', 'i1', 1, cast(2.50 as decimal(12, 2)), to_timestamp_seconds(86400)),
       ('b1', 'u1', 'i2', 3, cast(1.00 as decimal(12, 2)), to_timestamp_seconds(86400)),
       ('b2', null, 'i9', 0, cast(-1.00 as decimal(12, 2)), to_timestamp_seconds(864000)),
       ('b3', 'u2', 'i1', 4, cast(5.50 as decimal(12, 2)), to_timestamp_seconds(950400)))
       as t (basket_id, user_id, item_id, quantity, spend, ordered_at)",
    "create table \"transactions@previous\" as select * from transactions where basket_id <> 'b3' and item_id <> 'i9'",
    "create table items as select * from (values ('i1', 'x'), ('i2', 'y'), ('i2', 'z')) as t (item_id, name)",
    "create table rejects as select * from (values ('f', 1, 'r', 't')) as t (file, line, reason, text)",
];

/// Keys of a check, whether it holds, what is found, and offending rows shown.
type Case = (&'static str, bool, &'static str, usize);

const CASES: [Case; 30] = [
    (
        "rule = 'not-null'\ntable = 'transactions'\ncolumn = 'item_id'",
        true,
        "0 of 4 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'not-null'\ntable = 'transactions'\ncolumn = 'user_id'",
        false,
        "1 of 4 rows offend, 0 may",
        1,
    ),
    (
        "rule = 'not-null'\ntable = 'transactions'\ncolumn = 'user_id'\nmax_share = 0.3",
        true,
        "1 of 4 rows offend, 1 may",
        1,
    ),
    (
        "rule = 'unique'\ntable = 'items'\ncolumn = 'name'",
        true,
        "0 of 3 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'unique'\ntable = 'items'\ncolumn = 'item_id'",
        false,
        "1 of 3 rows offend, 0 may",
        1,
    ),
    (
        "rule = 'unique'\ntable = 'transactions'\ncolumns = ['basket_id', 'item_id']",
        true,
        "0 of 4 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'unique'\ntable = 'transactions'\ncolumns = ['basket_id', 'user_id']",
        false,
        "1 of 4 rows offend, 0 may",
        1,
    ),
    (
        "rule = 'in-set'\ntable = 'items'\ncolumn = 'name'\nvalues = ['x', 'y', 'z']",
        true,
        "0 of 3 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'in-set'\ntable = 'items'\ncolumn = 'name'\nvalues = ['x']",
        false,
        "2 of 3 rows offend, 0 may",
        2,
    ),
    (
        "rule = 'in-range'\ntable = 'transactions'\ncolumn = 'quantity'\nmin = 0\nmax = 4",
        true,
        "0 of 4 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'in-range'\ntable = 'transactions'\ncolumn = 'spend'\nmin = 0\nmax = 5.25",
        false,
        "2 of 4 rows offend, 0 may",
        2,
    ),
    (
        "rule = 'in-range'\ntable = 'transactions'\ncolumn = 'ordered_at'\nmin = '1970-01-03'",
        false,
        "2 of 4 rows offend, 0 may",
        2,
    ),
    (
        "rule = 'foreign-key'\ntable = 'items'\ncolumn = 'item_id'\nreferences = 'transactions.item_id'",
        true,
        "0 of 3 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'foreign-key'\ntable = 'transactions'\ncolumn = 'item_id'\nreferences = 'items.item_id'",
        false,
        "1 of 4 rows offend, 0 may",
        1,
    ),
    (
        "rule = 'none'\ntable = 'transactions'\nwhere = 'quantity > 9'",
        true,
        "0 of 4 rows offend, 0 may",
        0,
    ),
    (
        "rule = 'none'\ntable = 'transactions'\nwhere = 'quantity > 2'\nlimit = 1",
        false,
        "2 of 4 rows offend, 1 may",
        2,
    ),
    (
        "rule = 'rows-between'\ntable = 'transactions'\nmin = 4\nmax = 4",
        true,
        "it is 4",
        0,
    ),
    (
        "rule = 'rows-between'\ntable = 'transactions'\nmin = 5",
        false,
        "it is 4",
        0,
    ),
    (
        "rule = 'distinct-between'\ntable = 'transactions'\ncolumn = 'user_id'\nmax = 2",
        true,
        "it is 2",
        0,
    ),
    (
        "rule = 'distinct-between'\ntable = 'transactions'\ncolumn = 'item_id'\nmax = 2",
        false,
        "it is 3",
        0,
    ),
    (
        "rule = 'value-between'\ntable = 'transactions'\nvalue = 'avg(quantity)'\nmin = 2\nmax = 2",
        true,
        "it is 2",
        0,
    ),
    (
        "rule = 'value-between'\ntable = 'transactions'\nvalue = 'count(user_id) * 1.0 / count(*)'\nmin = 0.8",
        false,
        "it is 0.75",
        0,
    ),
    (
        "rule = 'fresh'\ntable = 'transactions'\ncolumn = 'ordered_at'\nwithin = '1d'",
        true,
        "the newest is 1 days old, 1d is allowed",
        0,
    ),
    (
        "rule = 'fresh'\ntable = 'transactions'\ncolumn = 'ordered_at'\nwithin = '23h'",
        false,
        "the newest is 1 days old, 23h is allowed",
        0,
    ),
    (
        "rule = 'reject-share'\nmax_share = 0.2",
        true,
        "1 of 5 lines were rejected, 1 may be",
        1,
    ),
    (
        "rule = 'reject-share'\nmax_share = 0.1",
        false,
        "1 of 5 lines were rejected, 0 may be",
        1,
    ),
    (
        "rule = 'drift'\ntable = 'transactions'\nof = 'rows'\nmax_change = 1",
        true,
        "rows 4 after 2: a change of 100.0 %, 100.0 % is allowed",
        0,
    ),
    (
        "rule = 'drift'\ntable = 'transactions'\nof = 'mean'\ncolumn = 'spend'\nmax_change = 0.1",
        false,
        "mean 2 after 1.75: a change of 14.3 %, 10.0 % is allowed",
        0,
    ),
    (
        "rule = 'drift'\ntable = 'transactions'\nof = 'unseen'\ncolumn = 'item_id'\nmax_change = 0.3",
        false,
        "1 of 3 different values are new, 0 may be",
        1,
    ),
    (
        "sql = 'select basket_id from transactions where quantity = 0; '",
        false,
        "1 rows offend, 0 may",
        1,
    ),
];

/// The numbers of all queries, as the cluster's one row has them.
async fn measured(context: &SessionContext, measures: &Measures) -> Outcome<Row> {
    let mut row = Row::new();
    for query in &measures.queries {
        let batches = context.sql(&query.sql).await?.collect().await?;
        assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 1);
        for batch in batches.iter().filter(|b| b.num_rows() == 1) {
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let number = cast(column, &DataType::Float64)?;
                let number = number.as_primitive::<Float64Type>().iter().next().flatten();
                let old = row.insert(field.name().clone(), number);
                assert!(old.is_none(), "{} stands twice", field.name());
            }
        }
    }
    Ok(row)
}

#[tokio::test]
async fn every_rule_passes_and_fails() -> Outcome {
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse()?)?);
    for table in TABLES {
        context.sql(table).await?.collect().await?;
    }
    let known = |rows| Known {
        rows,
        previous: Previous::Other,
    };
    // Counted during the scan, and apart.
    for rows in [4, 80_000_000] {
        let known = BTreeMap::from(["transactions", "items"].map(|t| (t.to_owned(), known(rows))));
        let checks = CASES
            .iter()
            .map(|(keys, ..)| check(keys))
            .collect::<Outcome<Vec<_>>>()?;
        let measures = compile(&checks, &known);
        let row = measured(&context, &measures).await?;
        for ((check, readout), (keys, passed, found, shown)) in
            checks.iter().zip(&measures.readouts).zip(CASES)
        {
            let verdict = judge(&check.rule, readout, &row, 1_036_800.0);
            assert_eq!(
                (verdict.passed, verdict.found.as_str()),
                (passed, found),
                "{keys}"
            );
            let Some(sql) = offenders(&check.rule, &[]) else {
                assert_eq!(shown, 0, "{keys}");
                continue;
            };
            let sample = context.sql(&sql).await?.collect().await?;
            assert_eq!(
                sample.iter().map(|b| b.num_rows()).sum::<usize>(),
                shown,
                "{keys}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_first_run_has_nothing_to_drift_from() -> Outcome {
    let drift = check("rule = 'drift'\ntable = 't'\nof = 'rows'\nmax_change = 0.1")?;
    for (previous, words) in [
        (Previous::None, "no earlier run to compare with"),
        (Previous::Same, "the same as in the last run"),
    ] {
        let known = BTreeMap::from([("t".to_owned(), Known { rows: 1, previous })]);
        let measures = compile(std::slice::from_ref(&drift), &known);
        assert!(measures.queries.is_empty());
        let verdict = judge(&drift.rule, &measures.readouts[0], &Row::new(), 0.0);
        assert_eq!((verdict.passed, verdict.found.as_str()), (true, words));
    }
    Ok(())
}

#[test]
fn types_are_those_of_the_manifest() -> Outcome {
    let column = |name: &str, data_type: &str| ManifestColumn {
        name: name.into(),
        data_type: data_type.into(),
        nullable: true,
    };
    let columns = [
        column("id", "Int64"),
        column("spend", "Decimal128(12, 2)"),
        column("items", "List(Utf8)"),
    ];
    for (keys, passed, found) in [
        (
            "types = { id = 'id', spend = 'decimal' }",
            true,
            "2 columns are as they should be",
        ),
        (
            "types = { id = 'text', at = 'date' }",
            false,
            "at is missing, id is Int64, not text",
        ),
        (
            "types = { id = 'integer', items = 'list' }\nexact = true",
            false,
            "spend is one too many",
        ),
    ] {
        let check = check(&format!("rule = 'types'\ntable = 't'\n{keys}"))?;
        let pannier_proto::spec::CheckRule::Types { types, exact, .. } = &check.rule else {
            return Err("another rule".into());
        };
        let verdict = judge_types(types, *exact, &columns);
        assert_eq!((verdict.passed, verdict.found.as_str()), (passed, found));
    }
    Ok(())
}
