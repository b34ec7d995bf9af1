//! Tables of made-up files: no line is lost, every broken one is a reject, and the two forms of
//! Complete Journey say the same.

use std::path::Path;

use pannier_engine::generate::{
    GenerateLayout, GenerateSpec, GenerateSummary, HeaderVariant, generate,
};
use pannier_proto::spec::{ContextSpec, MAPPED_LAYOUT, Severity};

use super::staged::Staged;

fn made(layout: &str, folder: &Path, bad_row_share: f64) -> GenerateSummary {
    let spec = GenerateSpec {
        layout: GenerateLayout::from_name(layout).unwrap(),
        customers: if layout == "rees46" { 4_000 } else { 150 },
        weeks: 6,
        seed: 3,
        header: HeaderVariant::Newer,
        gzip: layout == "instacart",
        bad_row_share,
    };
    generate(&spec, folder, &mut |_| {}).unwrap()
}

#[tokio::test]
async fn every_line_is_a_row_or_a_reject_with_a_reason() {
    let known = pannier_proto::spec::LAYOUTS;
    for layout in known.into_iter().filter(|l| *l != MAPPED_LAYOUT) {
        let folder = tempfile::tempdir().unwrap();
        let summary = made(layout, folder.path(), 0.01);
        assert!(summary.bad_rows > 20, "{layout}: {summary:?}");
        let staged = Staged::of(layout, folder.path()).await;
        let kept = if layout == "rees46" {
            "events"
        } else {
            "transactions"
        };
        let (kept, rejects) = (staged.count(kept).await, staged.count("rejects").await);
        assert_eq!(rejects as u64, summary.bad_rows, "{layout}");
        assert_eq!((kept + rejects) as u64, summary.rows, "{layout}");
        assert_eq!(
            staged.fact("lines read").await as u64,
            summary.rows,
            "{layout}"
        );
        let mute =
            "select count(*) from rejects where reason is null or text is null or line is null";
        assert_eq!(staged.number(mute).await, 0, "{layout}");
        for (name, severity, offending) in staged.checks().await {
            assert!(
                severity == Severity::Warn || offending == 0,
                "{layout}: {name}: {offending}"
            );
        }
        let unnamed =
            "select count(*) from transactions t left join items i on t.item_id = i.item_id
                       where i.name is null or i.department is null";
        assert!(
            layout == "rees46" || staged.number(unnamed).await == 0,
            "{layout}"
        );
        let owners =
            "select count(*) from transactions t left join users u on t.user_id = u.user_id
                      where t.user_id is not null and u.user_id is null";
        assert_eq!(staged.number(owners).await, 0, "{layout}");
    }
}

#[tokio::test]
async fn both_forms_of_complete_journey_make_the_same_tables() {
    let (parquet, csv) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made("complete-journey", parquet.path(), 0.0);
    made("complete-journey-csv", csv.path(), 0.0);
    let parquet = Staged::of("complete-journey", parquet.path()).await;
    let csv = Staged::of("complete-journey-csv", csv.path()).await;
    assert_eq!(parquet.names(), csv.names());
    for table in parquet.names() {
        assert_eq!(parquet.columns(&table), csv.columns(&table), "{table}");
        // Days are counted from another day, answers are worded otherwise, and rejects show the
        // line as it stands in its own file.
        let columns: Vec<String> = parquet
            .columns(&table)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| {
                ![
                    "home_ownership",
                    "line",
                    "marital_status",
                    "household_comp",
                    "kids_count",
                    "file",
                    "text",
                ]
                .contains(&name.as_str())
            })
            .collect();
        let sql = |from: i64| {
            let columns = columns.iter().map(|name| match name.as_str() {
                "ordered_at" => format!("cast(ordered_at as bigint) - {from} * 86400"),
                "redeemed_on" | "started_on" | "ended_on" => {
                    format!("cast({name} as int) - {from}")
                }
                name => name.to_owned(),
            });
            let columns: Vec<String> = columns.collect();
            let worded_alike = match table.as_str() {
                "user_traits" => "where attribute in ('age', 'income', 'household_size')",
                _ => "",
            };
            format!(
                "select {} from {table} {worded_alike} order by {}",
                columns.join(", "),
                (1..=columns.len())
                    .map(|n| n.to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        // 1 January 2017 and 1 January 2000.
        let (left, right) = (
            parquet.rows(&sql(17_167)).await,
            csv.rows(&sql(10_957)).await,
        );
        assert!(!left.is_empty(), "{table} is empty");
        assert!(
            left == right,
            "{table} differs: {:?} {:?}",
            left.first(),
            right.first()
        );
    }
}

#[tokio::test]
async fn missing_optional_files_make_empty_tables() {
    let folder = tempfile::tempdir().unwrap();
    made("complete-journey-csv", folder.path(), 0.0);
    for file in ["causal_data.csv", "coupon.csv", "hh_demographic.csv"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    let staged = Staged::of("complete-journey-csv", folder.path()).await;
    for table in ["promotions", "coupons", "demographics"] {
        assert_eq!(staged.count(table).await, 0, "{table}");
    }
    assert!(staged.count("transactions").await > 1_000);
    let silent = "select count(*) from users where age is null";
    assert_eq!(staged.number(silent).await, staged.count("users").await);
}

#[tokio::test]
async fn baskets_of_lgsr_are_what_its_lines_say() {
    let folder = tempfile::tempdir().unwrap();
    let summary = made("dunnhumby-lgsr", folder.path(), 0.0);
    let staged = Staged::of("dunnhumby-lgsr", folder.path()).await;
    assert_eq!(
        staged.count("basket_attributes").await as u64,
        summary.baskets
    );
    let sizes = "select count(*) from basket_attributes b
        join (select basket_id, sum(quantity) as units from transactions group by basket_id) t on b.basket_id = t.basket_id
        where b.basket_size <> case when units <= 2 then 'S' when units <= 9 then 'M' else 'L' end";
    assert_eq!(staged.number(sizes).await, 0);
    let times = "select count(*) from basket_attributes
        where shop_hour <> date_part('hour', ordered_at) or shop_weekday <> date_part('dow', ordered_at) + 1
           or store_code is null or store_format is null or store_region is null or basket_type is null
           or basket_dominant_mission is null or basket_price_sensitivity is null";
    assert_eq!(staged.number(times).await, 0);
    let tree = "select count(*) from items where paths <> 1 or department <> prod_code_40 or category <> prod_code_10
                or prod_code_20 is null or prod_code_30 is null";
    assert_eq!(staged.number(tree).await, 0);
}

/// The context of the whole session tells the label, the one up to the decision less.
#[tokio::test]
async fn a_leaky_context_knows_more_of_purchases_than_an_honest_one() {
    let folder = tempfile::tempdir().unwrap();
    made("rees46", folder.path(), 0.0);
    let ratio = "select cast(100 * avg(case when purchased then page_views end) / avg(case when not purchased then page_views end) as bigint)
                 from interactions";
    let mut ratios = Vec::new();
    let mut rows = Vec::new();
    for context in [ContextSpec::Decision, ContextSpec::Leaky] {
        let staged = Staged::with("rees46", folder.path(), context, (0, 999_999)).await;
        ratios.push(staged.number(ratio).await);
        rows.push(staged.count("interactions").await);
        let positive = staged
            .number("select count(*) from interactions where purchased")
            .await;
        assert!(positive > 100, "{positive}");
    }
    // The honest one tells something too: the more somebody looks at, the likelier a purchase.
    assert!(
        ratios[0] + 5 < ratios[1],
        "purchased to not, in %: {ratios:?}"
    );
    // Where two users share a session, the leaky form loses pairs.
    assert!(rows[1] <= rows[0], "{rows:?}");
}

#[tokio::test]
async fn weeks_cut_rees46_and_the_cut_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let summary = made("rees46", folder.path(), 0.0);
    let weeks = (201941, 201942);
    let staged = Staged::with("rees46", folder.path(), ContextSpec::Decision, weeks).await;
    let days = "select min(cast(happened_at as date)), max(cast(happened_at as date)) from events where week between 201941 and 201942";
    assert_eq!(staged.rows(days).await, ["2019-10-07,2019-10-20"]);
    let all = staged.number("select sum(events) from sessions").await;
    let cut = staged.fact("left out: outside prepare.weeks").await;
    assert_eq!((all + cut) as u64, summary.rows);
    assert!(all > 0 && cut > 0);
}
