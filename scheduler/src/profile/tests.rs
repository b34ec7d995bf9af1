//! Profiles of a small table, computed by hand.

use datafusion::prelude::SessionContext;
use pannier_engine::session;
use pannier_proto::manifest::ManifestColumn;
use pannier_proto::profile::{ColumnProfile, Counted, Repeat, TableProfile, TopValue, Week};

use super::*;
use crate::step::rows::named;
use crate::testing::warehouse;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Two known users and one basket of nobody; the last line is there twice. u1 buys i1 in all three
/// baskets, the last two of them on one day.
const LINES: &str = "create table transactions as select * from (values
  (10, 'u1', 'i1', cast(1.00 as decimal(12, 2)), to_timestamp_seconds(345600), make_array(1, 2)),
  (10, 'u1', 'i2', cast(2.50 as decimal(12, 2)), to_timestamp_seconds(345600), make_array(1)),
  (11, 'u1', 'i1', cast(1.00 as decimal(12, 2)), to_timestamp_seconds(950400), null),
  (12, 'u1', 'i1', cast(4.00 as decimal(12, 2)), to_timestamp_seconds(950400), make_array(3)),
  (12, 'u1', 'i3', cast(null as decimal(12, 2)), to_timestamp_seconds(950400), make_array(3)),
  (13, 'u2', 'i3', cast(0.50 as decimal(12, 2)), to_timestamp_seconds(950400), make_array(3)),
  (14, null, 'i1', cast(1.00 as decimal(12, 2)), to_timestamp_seconds(950400), make_array(3)),
  (14, null, 'i1', cast(1.00 as decimal(12, 2)), to_timestamp_seconds(950400), make_array(3)))
  as t (basket_id, user_id, item_id, spend, ordered_at, items)";

fn columns() -> Vec<Column> {
    let types = [
        ("basket_id", "Int64"),
        ("user_id", "Utf8"),
        ("item_id", "Utf8"),
        ("spend", "Decimal128(12, 2)"),
        ("ordered_at", "Timestamp(s)"),
        ("items", "List(Int64)"),
    ];
    let column = |(name, data_type): (&str, &str)| {
        Column::new(&ManifestColumn {
            name: name.into(),
            data_type: data_type.into(),
            nullable: true,
        })
    };
    types.into_iter().map(column).collect()
}

async fn ask(context: &SessionContext, sql: &str) -> Outcome<Vec<TextRow>> {
    Ok(named(&context.sql(sql).await?.collect().await?)?)
}

async fn profiled(
    context: &SessionContext,
    rows: u64,
    columns: &[Column],
) -> Outcome<(Vec<ColumnProfile>, Option<u64>)> {
    let mut row = TextRow::new();
    for sql in overview("transactions", rows, columns) {
        let answer = ask(context, &sql).await?;
        assert_eq!(answer.len(), 1, "{sql}");
        row.extend(answer.into_iter().flatten());
    }
    let (mut found, distinct) = read_overview(columns, &row);
    let sql = top("transactions", columns, &found, 8).ok_or("no column has frequent values")?;
    read_top(&mut found, &ask(context, &sql).await?);
    Ok((found, distinct))
}

#[tokio::test]
async fn the_numbers_are_those_computed_by_hand() -> Outcome {
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse()?)?);
    context.sql(LINES).await?.collect().await?;
    let all = columns();
    // Counted during the scan, and apart.
    for rows in [8, 80_000_000] {
        let (found, distinct) = profiled(&context, rows, &all).await?;
        assert_eq!(distinct, None, "of a table with a list nobody counts them");
        let missing: Vec<u64> = found.iter().map(|c| c.missing).collect();
        assert_eq!(missing, [0, 2, 0, 1, 0, 1]);
        let different: Vec<u64> = found.iter().map(|c| c.distinct).collect();
        assert_eq!(different, [5, 2, 3, 4, 2, 2]);
        let [basket, user, item, spend, at, items] = found.as_slice() else {
            return Err("another number of columns".into());
        };
        // 11.00 over seven lines: 0.50, 1.00 four times, 2.50, 4.00.
        assert_eq!(spend.mean.as_deref(), Some("1.5714285714"));
        assert_eq!(
            (spend.min.as_deref(), spend.max.as_deref()),
            (Some("0.50"), Some("4.00"))
        );
        assert_eq!(spend.quantiles, ["0.50", "1.00", "1.00", "2.50", "4.00"]);
        let deviation = spend.deviation.unwrap_or_default();
        assert!((deviation - 1.239_239_39).abs() < 1e-8, "{deviation}");
        assert_eq!(basket.mean, None, "nobody asks for the mean of ids");
        assert_eq!((at.quantiles.len(), user.quantiles.len()), (5, 0));
        assert_eq!(
            items.mean.as_deref(),
            Some("1.1428571428"),
            "of lists the lengths"
        );
        let tops: Vec<(&str, u64)> = item
            .top
            .iter()
            .map(|t| (t.value.as_str(), t.rows))
            .collect();
        assert_eq!(tops, [("i1", 5), ("i3", 2), ("i2", 1)]);
        let u1 = TopValue {
            value: "u1".into(),
            rows: 5,
        };
        assert_eq!(user.top.first(), Some(&u1));
    }
    Ok(())
}

#[tokio::test]
async fn distinct_rows_are_really_distinct() -> Outcome {
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse()?)?);
    let lines = LINES.replace("create table transactions", "create table lines");
    context.sql(&lines).await?.collect().await?;
    let flat = "create table transactions as select basket_id, user_id, item_id, spend, ordered_at from lines";
    context.sql(flat).await?.collect().await?;
    let (_, distinct) = profiled(&context, 8, &columns()[..5]).await?;
    assert_eq!(distinct, Some(7));
    Ok(())
}

#[tokio::test]
async fn shopping_is_counted_by_hand() -> Outcome {
    let context = SessionContext::new_with_state(session::state(session::config(), &warehouse()?)?);
    context.sql(LINES).await?.collect().await?;
    let (found, _) = profiled(&context, 8, &columns()).await?;
    let table = TableProfile {
        rows: 8,
        columns: found,
        ..TableProfile::default()
    };
    let shopping = read_market(&table, &ask(&context, &market(true)).await?);
    assert_eq!(
        (shopping.lines, shopping.anonymous, shopping.users),
        (8, 2, 2)
    );
    assert_eq!((shopping.baskets, shopping.items), (5, 3));
    let counted = |of, things| Counted { of, things };
    assert_eq!(shopping.sizes, [counted(1, 3), counted(2, 2)]);
    assert_eq!(
        shopping.popularity,
        [counted(5, 1), counted(2, 1), counted(1, 1)]
    );
    let week = |monday: &str, baskets, lines, spend: &str| Week {
        monday: monday.into(),
        baskets,
        lines,
        spend: spend.into(),
    };
    let weeks = [
        week("1970-01-05", 1, 2, "3.50"),
        week("1970-01-12", 4, 6, "7.50"),
    ];
    assert_eq!(shopping.weeks, weeks);
    let repeats = read_repeats(ask(&context, &repeats()).await?.first().ok_or("no row")?);
    let band = |from, to, lines, repeated| Repeat {
        from,
        to,
        lines,
        repeated,
    };
    assert_eq!(
        repeats,
        [
            // i1 and i2 of u1, i3 of u2.
            band(1, Some(1), 3, 0),
            band(2, Some(2), 1, 1),
            // i1 again, i3 for the first time.
            band(3, Some(5), 2, 1),
        ]
    );
    Ok(())
}
