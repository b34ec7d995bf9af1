//! A feed that cannot be is an error at its key, before any work starts.

use anyhow::ensure;
use pannier_tests::{ran, shared};

#[tokio::test]
async fn a_feed_that_cannot_be_is_refused_at_its_key() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    let sql = |sql: &str| {
        format!("transform = \"sql\"\ntable = \"transactions\"\nparams = {{ sql = \"{sql}\" }}")
    };
    let faults: [(String, &[&str]); 8] = [
        (
            sql("select user_id, count(*) from rows group by user_id"),
            &["it is not narrow: it brings rows together", "params = {"],
        ),
        (
            sql("select random() as r from rows"),
            &["it is not deterministic: `random`", "_random"],
        ),
        (sql("select nothing from rows"), &["nothing"]),
        (
            "transform = \"paris\"".to_owned(),
            &["did you mean `pairs`?"],
        ),
        (
            "transform = \"pairs\"\nparams = { target = \"last\" }".to_owned(),
            &["unknown key `target`", "params of sequences"],
        ),
        (
            "transform = \"select\"\ntable = \"basket\"\ncolumns = [\"items\"]".to_owned(),
            &["this run makes no table `basket`", "did you mean `basket"],
        ),
        (
            "transform = \"pairs\"\ntable = \"transactions\"".to_owned(),
            &["table transactions has no column `items`"],
        ),
        (
            "transform = \"pairs\"\nlast = \"half\"".to_owned(),
            &["`last`", "`short`"],
        ),
    ];
    for (feed, fragments) in faults {
        let spec = format!("{}\n[[feed]]\nname = \"f\"\n{feed}\n", shared.tables_spec);
        std::fs::write(dir.path().join("bad.toml"), spec)?;
        let answer = ran(dir.path(), &["validate", "bad.toml"])?;
        ensure!(answer.code == Some(2), "{feed}: {answer:?}");
        for fragment in fragments {
            ensure!(answer.err.contains(fragment), "{fragment}: {}", answer.err);
        }
    }
    let tables = dir.path().join("pannier-data/warehouse/tables");
    ensure!(!std::fs::exists(tables)?, "a table was made");
    Ok(())
}
