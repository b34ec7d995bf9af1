//! Nothing that is learned depends on a held-out row: whatever stands in held-out baskets, the
//! tables that models and vocab are made of stay the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, TimestampSecondArray,
};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::ParamValues;
use datafusion::prelude::SessionContext;
use pannier_engine::session;
use pannier_engine::warehouse::Warehouse;
use pannier_proto::spec::{RunSpec, SpecSource};
use proptest::prelude::*;

use crate::layout::{TableDef, common, find};
use crate::plan::params;
use crate::slt::database::commit_table;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The last moment of every source here: a held-out basket that neither change touches.
const END: i64 = 60 * DAY;

/// Tables that functions look things up in.
const COMMITTED: [&str; 2] = ["splits", "vocab"];

/// A basket of the source.
#[derive(Debug, Clone, PartialEq)]
struct Basket {
    user: Option<i64>,
    at: i64,
    items: Vec<i64>,
}

/// A basket now and then has no owner, or the time of another.
fn basket() -> impl Strategy<Value = Basket> {
    let items = proptest::collection::vec(0..12i64, 1..6);
    let user = proptest::option::weighted(0.9, 0..6i64);
    (user, 0..60i64, items).prop_map(|(user, day, items)| Basket {
        user,
        at: day * DAY,
        items,
    })
}

/// The rows that models learn from, as text, and the baskets that are held out.
struct Learned {
    rows: BTreeMap<String, String>,
    held: Vec<usize>,
}

/// Makes the common tables of some baskets.
async fn learned(split: &str, baskets: &[Basket]) -> Learned {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = Warehouse::open(&folder.path().display().to_string()).unwrap();
    let state = session::state(session::config(), &warehouse).unwrap();
    let context = SessionContext::new_with_state(state);
    context
        .register_batch("transactions", transactions(baskets))
        .unwrap();
    let items = "create table items as select value as item_id, cast(value as varchar) as name, \
                 'all' as department, cast(value % 5 as varchar) as category from generate_series(0, 99)";
    context.sql(items).await.unwrap().collect().await.unwrap();
    let text = format!(
        "name = \"t\"\n[source]\nlayout = \"instacart\"\npath = \"x\"\n\
         [prepare]\nmin_item_baskets = 2\nmax_items = 8\n[split]\n{split}\n"
    );
    let source = SpecSource {
        file: "t.toml".into(),
        text,
    };
    let spec = RunSpec::parse(&source).unwrap();
    let layout = find(&spec.source.layout, spec.prepare.context).unwrap();
    for def in common(&spec.split, &layout).unwrap().table {
        make(&context, &warehouse, &spec, &def).await;
    }
    let mut rows = BTreeMap::new();
    for (name, sql) in [
        ("vocab", "select * from vocab order by item_idx"),
        (
            "train_baskets",
            "select * from train_baskets order by basket_id",
        ),
        ("counts", "select * from counts order by user_id, item_idx"),
        (
            "interactions",
            "select * from interactions where split = 'train' order by basket_id, item_id",
        ),
        (
            "baskets",
            "select * from baskets where split = 'train' order by basket_id",
        ),
        (
            "train_decisions",
            "select * from train_decisions order by user_id, decision_id",
        ),
        (
            "decision_items",
            "select * from decision_items order by item_idx",
        ),
        (
            "decision_users",
            "select * from decision_users order by user_idx",
        ),
        (
            "sequences",
            "select user_id, array_slice(baskets, 1, train) as baskets, array_slice(ordered_at, 1, train) as ordered_at \
             from sequences where train > 0 order by user_id",
        ),
    ] {
        rows.insert(name.to_owned(), shown(&context, sql).await);
    }
    let mut held = Vec::new();
    let sql = "select basket_id from splits where split <> 'train' order by basket_id";
    for batch in context.sql(sql).await.unwrap().collect().await.unwrap() {
        let ids = batch.column(0).as_primitive::<Int64Type>().values();
        held.extend(ids.iter().map(|id| *id as usize));
    }
    Learned { rows, held }
}

async fn shown(context: &SessionContext, sql: &str) -> String {
    let rows = context.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&rows).unwrap().to_string()
}

/// Makes a table by its SQL; those that functions look things up in are also committed.
async fn make(context: &SessionContext, warehouse: &Warehouse, spec: &RunSpec, def: &TableDef) {
    let mut values: HashMap<String, _> = params(spec)
        .into_iter()
        .filter(|(name, _)| def.sql.contains(&format!("${name}")))
        .map(|(name, param)| (name, param.scalar()))
        .collect();
    for name in COMMITTED {
        let param = format!("{name}_version");
        if def.sql.contains(&format!("${param}")) {
            values.insert(param, "v".into());
        }
    }
    let mut frame = context.sql(&def.sql).await.unwrap();
    if !values.is_empty() {
        frame = frame.with_param_values(ParamValues::from(values)).unwrap();
    }
    let view = frame.cache().await.unwrap();
    context
        .register_table(def.name.as_str(), view.into_view())
        .unwrap();
    if COMMITTED.contains(&def.name.as_str()) {
        let committed = commit_table(context, warehouse, &def.name, "v").await;
        committed.unwrap();
    }
}

/// A line for each item; a basket's place is its id.
fn transactions(baskets: &[Basket]) -> RecordBatch {
    let lines = baskets.iter().enumerate();
    let lines: Vec<(i64, &Basket, i64)> = lines
        .flat_map(|(id, b)| b.items.iter().map(move |item| (id as i64, b, *item)))
        .collect();
    let users: Int64Array = lines.iter().map(|(_, b, _)| b.user).collect();
    let ids: Int64Array = lines.iter().map(|(id, _, _)| Some(*id)).collect();
    let times: TimestampSecondArray = lines.iter().map(|(_, b, _)| Some(b.at)).collect();
    let items: Int64Array = lines.iter().map(|(_, _, item)| Some(*item)).collect();
    let ones: Int32Array = lines.iter().map(|_| Some(1)).collect();
    let spend: Int64Array = lines.iter().map(|(_, _, item)| Some(*item)).collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("user_id", Arc::new(users)),
        ("basket_id", Arc::new(ids)),
        ("ordered_at", Arc::new(times)),
        ("item_id", Arc::new(items)),
        ("quantity", Arc::new(ones)),
        ("spend", Arc::new(spend)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn what_is_learned_knows_nothing_of_what_is_held_out(
        mut baskets in proptest::collection::vec(basket(), 12..40),
        others in proptest::collection::vec(proptest::collection::vec(0..40i64, 1..9), 41),
    ) {
        // The last day decides where a split by time cuts; a user's last basket which one is held out.
        baskets.push(Basket { user: Some(0), at: END, items: vec![3] });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for split in ["by = \"time\"\ntest_weeks = 2\nvalid_weeks = 1", "by = \"last-basket\"", "by = \"last-basket\"\nvalid_share = 0.5", "by = \"user\"\ntest_share = 0.3\nvalid_share = 0.2"] {
            let before = runtime.block_on(learned(split, &baskets));
            let mut changed = baskets.clone();
            for id in &before.held {
                changed[*id].items = others[*id].clone();
            }
            if let Some(train) = (0..baskets.len()).find(|id| !before.held.contains(id)) {
                let mut other = baskets.clone();
                // More unknown items than any basket has: what a train basket holds is seen.
                other[train].items = (50..60).collect();
                let other = runtime.block_on(learned(split, &other));
                prop_assert_ne!(&before.rows["baskets"], &other.rows["baskets"]);
            }
            let after = runtime.block_on(learned(split, &changed));
            prop_assert_eq!(&before.held, &after.held, "{}", split);
            for (table, rows) in &before.rows {
                prop_assert_eq!(rows, &after.rows[table], "{}: {}", split, table);
            }
        }
    }
}
