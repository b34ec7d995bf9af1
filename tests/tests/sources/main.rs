//! Files as people have them, through the real program: what can be read is read, what cannot is a
//! reject, a failed check or an error that names file and key, and every line is accounted for.

mod forms;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use pannier_proto::status::PlanStep;
use pannier_tests::{Process, Ran, eventually, ran};

/// A spec over `data` whose columns are those of [`week`].
const SPEC: &str = r#"name = "mine"
[source]
layout = "transactions"
path = "data"
max_reject_share = 0.9
[source.columns]
user_id = "customer"
item_id = "product"
basket_id = "order"
ordered_at = "day"
quantity = "qty"
spend = "amount"
item_name = "label"
department = "group"
[split]
by = "last-basket"
"#;

const HEADER: &str = "customer,product,order,day,qty,amount,label,group\n";

/// Good lines: `orders` orders of three items each.
fn week(first: u32, orders: u32) -> String {
    let line = |order: u32, item: u32| {
        let (user, product) = (1 + order % 7, 100 + (order * 5 + item * 3) % 11);
        format!(
            "{user},{product}.0,{order},2024-01-{:02},{},1.50,\"thing, {product}\",g{}\n",
            1 + order % 28,
            1 + item,
            product % 3
        )
    };
    let lines = (first..first + orders).flat_map(|order| (0..3).map(move |item| line(order, item)));
    lines.collect()
}

/// A folder with a spec and files below `data`.
fn folder(spec: &str, files: &[(&str, Vec<u8>)]) -> anyhow::Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("data"))?;
    std::fs::write(dir.path().join("spec.toml"), spec)?;
    for (name, bytes) in files {
        std::fs::write(dir.path().join("data").join(name), bytes)?;
    }
    Ok(dir)
}

fn run(dir: &Path) -> anyhow::Result<Ran> {
    ran(dir, &["run", "spec.toml"])
}

/// What a query gives, as JSON.
fn sql(dir: &Path, query: &str) -> anyhow::Result<String> {
    ran(dir, &["sql", query, "--json"])?.good()
}

/// What a run says of its lines.
fn balance(out: &str) -> anyhow::Result<String> {
    let line = out.lines().find(|l| l.contains("lines read ="));
    let line = line.with_context(|| format!("no balance: {out}"))?;
    let from = line.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
    let at = line.find("lines read").unwrap_or_default();
    let number = line[..at].trim_end().rfind(' ').map_or(from, |i| i + 1);
    Ok(line[number..].trim().to_owned())
}

fn packed(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}

#[test]
fn bad_lines_are_rejects_and_every_line_is_accounted_for() -> anyhow::Result<()> {
    let mut bad = HEADER.as_bytes().to_vec();
    bad.extend_from_slice(week(1000, 20).as_bytes());
    let lines: [&[u8]; 14] = [
        b"1,100.0,1,2024-01-01,1,1.50\n",
        b"1,100.0,1,2024-01-01,1,1.50,a,b,c\n",
        b"1,100.0,1,2024-01-01,1,1.50,caf\xE9,b\n",
        b"1,100.0,1,the first,1,1.50,a,b\n",
        b"1,100.0,1,,1,1.50,a,b\n",
        b"1,100.0,1,2024-01-01,-3,1.50,a,b\n",
        b"1,100.0,1,2024-01-01,0,1.50,a,b\n",
        b"1,100.0,1,2024-01-01,2000000,1.50,a,b\n",
        b"1,100.0,1,2024-01-01,99999999999,1.50,a,b\n",
        b"1,99999999999999999999,1,2024-01-01,1,1.50,a,b\n",
        b"1e300,100,1,2024-01-01,1,1.50,a,b\n",
        b"1,100.0,1,2024-01-01,1,1.505,a,b\n",
        b"1,100.0,1,2024-01-01,1,1.50,\"open,b\n",
        b"1,,1,2024-01-01,1,1.50,a,b\n",
    ];
    lines.iter().for_each(|line| bad.extend_from_slice(line));
    bad.extend_from_slice(week(2000, 20).as_bytes());
    // A line that is there twice is two lines.
    bad.extend_from_slice(week(2000, 1).as_bytes());
    let good = format!("{HEADER}{}", week(1, 40)).into_bytes();
    let dir = folder(SPEC, &[("bad.csv", bad), ("good.csv", good)])?;
    let out = run(dir.path())?.good()?;
    let said = balance(&out)?;
    ensure!(
        said.starts_with("257 lines read = 243 transactions + 13 rejects"),
        "{said}"
    );
    ensure!(said.contains("1 left out: without item_id"), "{said}");
    let reasons = sql(dir.path(), "select reason from rejects order by line")?;
    for reason in [
        "6 fields where the header has 8",
        "9 fields where the header has 8",
        "not UTF-8 text",
        "day is `the first`, not a moment",
        "day is empty",
        "quantity is negative",
        "quantity is 0",
        "quantity is above 1000000",
        "qty is `99999999999`, not a whole number",
        "product is `99999999999999999999`, not an integer id",
        "customer is `1e300`, not an integer id",
        "amount is `1.505`, not an amount with at most two decimals",
        "a quote that never closes",
    ] {
        ensure!(reasons.contains(reason), "{reason}: {reasons}");
    }
    Ok(())
}

#[test]
fn files_that_cannot_be_read_are_named() -> anyhow::Result<()> {
    let text = format!("{HEADER}{}", week(1, 3000));
    let whole = text.clone().into_bytes();
    let cut = packed(&text)?;
    let cut = cut[..cut.len() / 2].to_vec();
    let semicolons = text.replace(',', ";").into_bytes();
    let renamed = text.replace("qty", "pieces").into_bytes();
    let cases: [(&str, Vec<u8>, i32, &[&str]); 4] = [
        (
            "cut.csv.gz",
            cut,
            1,
            &["cut.csv.gz` cannot be read to its end"],
        ),
        (
            "semi.csv",
            semicolons,
            2,
            &["semi.csv` has no column `customer`", "spec.toml:7:11"],
        ),
        (
            "week2.csv",
            renamed,
            2,
            &["week2.csv` has no column `qty`", "spec.toml:11:12"],
        ),
        ("zero.csv", Vec::new(), 2, &["zero.csv` is empty"]),
    ];
    for (name, bytes, code, fragments) in cases {
        let dir = folder(SPEC, &[("a.csv", whole.clone()), (name, bytes)])?;
        let answer = run(dir.path())?;
        assert_eq!(answer.code, Some(code), "{name}: {answer:?}");
        for fragment in fragments {
            ensure!(answer.err.contains(fragment), "{fragment}: {}", answer.err);
        }
        ensure!(!answer.err.contains("panicked"), "{answer:?}");
    }
    Ok(())
}

#[test]
fn columns_are_found_by_name_in_any_order() -> anyhow::Result<()> {
    let lines = week(1, 30);
    let one = format!("{HEADER}{lines}").into_bytes();
    let turned: String = week(100, 30)
        .lines()
        .map(|line| {
            let (customer, rest) = line.split_once(',').unwrap_or_default();
            format!("{rest},{customer}\n")
        })
        .collect();
    let header = HEADER.trim_start_matches("customer,").trim_end();
    let two = packed(&format!("{header},Customer\n{turned}"))?;
    let dir = folder(SPEC, &[("w1.csv", one), ("w2.csv.gz", two)])?;
    let out = run(dir.path())?.good()?;
    let said = balance(&out)?;
    ensure!(
        said.starts_with("180 lines read = 180 transactions + 0 rejects"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_date_in_the_future_fails_a_check() -> anyhow::Result<()> {
    let text = format!("{HEADER}{}1,100,1,2999-01-01,1,1.50,a,b\n", week(1, 30));
    let dir = folder(SPEC, &[("a.csv", text.into_bytes())])?;
    let answer = run(dir.path())?;
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let said = "nothing is bought in the future";
    ensure!(answer.err.contains(said), "{answer:?}");
    Ok(())
}

#[test]
fn made_up_purchases_have_no_dates_and_are_read_all_the_same() -> anyhow::Result<()> {
    let spec = r#"name = "recs"
[source]
layout = "transactions"
path = "data"
max_reject_share = 0.05
[source.csv]
null = "\\N"
[source.columns]
user_id = "customer_id"
item_id = "global_product_id"
item_name = "global_product_name"
department = "cat1"
category = "cat2"
extra = ["brand_name"]
[split]
by = "last-basket"
"#;
    let dir = folder(spec, &[])?;
    let generate = [
        "generate",
        "--layout",
        "transactions",
        "--customers",
        "200",
        "--weeks",
        "4",
        "--bad-row-share",
        "0.01",
        "--gzip",
        "--out",
        "data",
    ];
    ran(dir.path(), &generate)?.good()?;
    let valid = ran(dir.path(), &["validate", "spec.toml"])?.good()?;
    ensure!(valid.contains("1 files"), "{valid}");
    let out = run(dir.path())?.good()?;
    ensure!(
        balance(&out)?.contains("left out: without item_id"),
        "{out}"
    );
    let types = sql(
        dir.path(),
        "select arrow_typeof(user_id), arrow_typeof(item_id), brand_name from transactions limit 1",
    )?;
    ensure!(types.matches("Int64").count() == 2, "{types}");
    Ok(())
}

#[test]
fn a_user_replaces_and_adds_tables() -> anyhow::Result<()> {
    let spec = format!(
        "{SPEC}[[table]]\nname = \"items\"\nfile = \"items.sql\"\n[[table]]\nname = \"heavy\"\nsql = \"select user_id, count(*) as n from transactions group by user_id\"\n"
    );
    let dir = folder(
        &spec,
        &[("a.csv", format!("{HEADER}{}", week(1, 40)).into_bytes())],
    )?;
    std::fs::write(
        dir.path().join("items.sql"),
        "select distinct item_id, 'all alike' as name, cast(null as varchar) as department from transactions",
    )?;
    let planned = || -> anyhow::Result<Vec<PlanStep>> {
        let out = ran(dir.path(), &["plan", "spec.toml", "--json"])?.good()?;
        Ok(serde_json::from_str(&out)?)
    };
    let version = |steps: &[PlanStep], name: &str| {
        let step = steps.iter().find(|s| s.step == name);
        step.map(|s| (s.version.clone(), s.note.clone()))
    };
    let before = planned()?;
    let note = version(&before, "table:items").and_then(|(_, note)| note);
    assert_eq!(note.as_deref(), Some("replaced by the spec"));
    ensure!(version(&before, "table:heavy").is_some());
    run(dir.path())?.good()?;
    let names = sql(dir.path(), "select distinct name from items")?;
    ensure!(names.contains("all alike"), "{names}");
    let heavy = sql(dir.path(), "select count(*) as n from heavy")?;
    ensure!(heavy.contains('7'), "{heavy}");
    // Other SQL is another version, and of what is made of it too.
    std::fs::write(
        dir.path().join("items.sql"),
        "select distinct item_id, 'other' as name, cast(null as varchar) as department from transactions",
    )?;
    let after = planned()?;
    for (name, same) in [
        ("table:items", false),
        ("table:vocab", false),
        ("table:heavy", true),
    ] {
        assert_eq!(
            version(&before, name) == version(&after, name),
            same,
            "{name}"
        );
    }
    std::fs::write(
        dir.path().join("items.sql"),
        "select item_id from transactions",
    )?;
    let refused = ran(dir.path(), &["validate", "spec.toml"])?;
    ensure!(
        refused.code == Some(2) && refused.err.contains("cannot be made of it any more"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_file_that_vanishes_is_missed() -> anyhow::Result<()> {
    let text = format!("{HEADER}{}", week(1, 200_000)).into_bytes();
    let dir = folder(SPEC, &[("a.csv", text.clone()), ("b.csv", text)])?;
    let args = ["run", "spec.toml", "--json"].map(str::to_owned);
    let mut run = Process::start(dir.path(), "run", &args)?;
    eventually(Duration::from_secs(120), "a table half made", async || {
        let said = run.said();
        let begun = said.contains("\"step-started\"") || said.contains("table:transactions");
        begun.then_some(())
    })
    .await?;
    std::fs::remove_file(dir.path().join("data/b.csv"))?;
    let status = run.ended(Duration::from_secs(180)).await?;
    ensure!(!status.success(), "{}", run.said());
    let complained = run.complained();
    ensure!(complained.contains("b.csv"), "{complained}");
    Ok(())
}
