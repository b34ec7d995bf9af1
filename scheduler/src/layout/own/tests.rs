use pannier_engine::session;
use pannier_engine::warehouse::Warehouse;

use super::*;
use crate::layout;

/// Plans the tables of a spec that ends in `rest`, which begins on line 5.
async fn merged(rest: &str) -> Result<Defs, SchedulerError> {
    let source = SpecSource {
        file: "t.toml".into(),
        text: format!("name = \"t\"\n[source]\nlayout = \"dunnhumby-lgsr\"\npath = \"x\"\n{rest}"),
    };
    let spec = RunSpec::parse(&source)?;
    let layout = layout::find(&spec.source.layout, spec.prepare.context)?;
    let folder = tempfile::tempdir().map_err(|e| SchedulerError::Failed(e.to_string()))?;
    let warehouse = Warehouse::open(&folder.path().display().to_string())?;
    let state = session::state(session::config(), &warehouse)?;
    let context = SessionContext::new_with_state(state);
    merge(
        &source,
        &spec,
        &layout,
        layout::common(&spec.split, &layout)?,
        &context,
    )
    .await
}

async fn refused(rest: &str) -> String {
    let merged = merged(rest).await;
    merged.map_or_else(|e| e.to_string(), |_| "it fits".into())
}

fn table(name: &str, sql: &str) -> String {
    format!("[[table]]\nname = \"{name}\"\nsql = \"{sql}\"\n")
}

fn names(defs: &[TableDef]) -> Vec<&str> {
    defs.iter().map(|d| d.name.as_str()).collect()
}

#[tokio::test]
async fn all_tables_of_a_layout_can_be_planned() -> Result<(), SchedulerError> {
    let defs = merged(&table("mine", "select count(*) as n from users")).await?;
    assert_eq!(names(&defs.staged).last(), Some(&"mine"));
    let mine = &defs.staged[defs.staged.len() - 1];
    assert_eq!(
        (mine.key.as_slice(), mine.sort.as_slice()),
        (&["n".to_owned()][..], &["n".to_owned()][..])
    );
    assert_eq!(mine.own, Some(Own::New));
    Ok(())
}

#[tokio::test]
async fn tables_come_after_what_they_read() -> Result<(), SchedulerError> {
    let spec = [
        table("big", "select item_id, n from named where n > 10"),
        table(
            "named",
            "select item_id, count(*) as n from baskets_of group by item_id",
        ),
        table(
            "baskets_of",
            "select v.item_id, b.basket_id from vocab v cross join baskets b",
        ),
        table("first", "select * from second"),
        table("second", "select user_id from transactions"),
        table(
            "items",
            "select item_id, item_id as name, 'x' as department from ids",
        ),
        table(
            "ids",
            "select distinct prod_code as item_id from raw_transactions where shop_week >= $week_from",
        ),
    ];
    let defs = merged(&spec.concat()).await?;
    let staged = names(&defs.staged);
    let learned = names(&defs.learned);
    let before = |list: &[&str], a: &str, b: &str| {
        let at = |name: &str| list.iter().position(|n| *n == name);
        at(a).is_some() && at(a) < at(b)
    };
    assert!(
        before(&staged, "second", "first") && before(&staged, "ids", "items"),
        "{staged:?}"
    );
    assert!(before(&staged, "transactions", "second"), "{staged:?}");
    for (a, b) in [
        ("baskets", "baskets_of"),
        ("baskets_of", "named"),
        ("named", "big"),
    ] {
        assert!(before(&learned, a, b), "{learned:?}");
    }
    let items = defs.staged.iter().find(|d| d.name == "items");
    assert_eq!(items.map(|d| d.own), Some(Some(Own::Replaced)));
    assert_eq!(
        items.map(|d| d.key.clone()),
        Some(vec!["item_id".to_owned()])
    );
    Ok(())
}

#[tokio::test]
async fn errors_point_at_the_sql() {
    let cases = [
        (
            table("mine", "select * from transactoins"),
            "did you mean `transactions`?",
        ),
        (
            table("mine", "select nothing from items"),
            "the SQL of table `mine` is wrong",
        ),
        (
            table("mine", "select 1 as a; select 2 as b"),
            "must be one query",
        ),
        (table("mine", "selec 1"), "the SQL is wrong"),
        (
            table("mine", "drop table items"),
            "the SQL of table `mine` is wrong",
        ),
        (table("mine", "select * from mine"), "read one another"),
        (
            table("items", "select * from vocab"),
            "made before anything is split",
        ),
        (
            table("raw_transactions", "select 1 as a"),
            "the name of a raw relation",
        ),
        (
            table("items", "select item_id, name from vocab_of_mine"),
            "which is no table",
        ),
        (
            table(
                "items",
                "select prod_code as item_id, 'x' as department from raw_transactions",
            ),
            "table `vocab` reads `items` and cannot be made of it any more",
        ),
        (
            table("items", "select prod_code as product from raw_transactions"),
            "put in order by `item_id`",
        ),
        (
            table("vocab", "select item_id, 1 as item_idx from items"),
            "must have the column `item_idx` of type UInt32",
        ),
    ];
    for (spec, said) in cases {
        let error = refused(&spec).await;
        assert!(error.contains(said), "{said}: {error}");
        assert!(error.contains("--> t.toml:7:7"), "{error}");
    }
}
