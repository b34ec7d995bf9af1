//! Typed rules in real runs, and profiles of what they made.

use anyhow::{Context, ensure};
use pannier_proto::event::{CheckResult, RunEventKind};
use pannier_proto::profile::Profile;
use pannier_tests::{Cluster, Options, Ran, on_cluster, ran, shared};

const TABLES: Options = Options {
    executors: 2,
    trainers: 0,
    tables: true,
};

/// Submits a spec under a name and follows it.
fn followed(cluster: &Cluster, spec: &str) -> anyhow::Result<Ran> {
    std::fs::write(cluster.dir.path().join("changed.toml"), spec)?;
    cluster.ran(&["submit", "changed.toml", "--follow"])
}

/// The checks of the newest run, and whether it began to train.
async fn checked(cluster: &Cluster) -> anyhow::Result<(Vec<CheckResult>, bool)> {
    let runs = cluster.client().await?.list(1).await?;
    let run = runs.first().context("a run")?;
    let (mut checks, mut trained) = (Vec::new(), false);
    for event in cluster.events(&run.run_id).await? {
        match event.kind {
            RunEventKind::Checked { check, .. } => checks.push(check),
            RunEventKind::StepStarted { step, .. } => trained |= step.starts_with("train:"),
            _ => {}
        }
    }
    Ok((checks, trained))
}

#[tokio::test]
async fn a_rule_that_fails_stops_the_run_and_shows_rows() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, shared| {
        // On a staged table, and on a model's input.
        let rules = [
            (
                "rule = \"in-range\"\ntable = \"transactions\"\ncolumn = \"quantity\"\nmax = 2",
                "rows offend, 0 may",
                "quantity",
            ),
            (
                "rule = \"none\"\ntable = \"train_baskets\"\nwhere = \"array_length(items) > 3\"",
                "rows offend, 0 may",
                "basket_id",
            ),
            (
                "rule = \"rows-between\"\ntable = \"vocab\"\nmin = 1000000",
                "check `mine`: it is ",
                "",
            ),
        ];
        for (rule, found, column) in rules {
            let spec = format!("{}\n[[check]]\nname = \"mine\"\n{rule}\n", shared.spec);
            let answer = followed(cluster, &spec)?;
            ensure!(answer.code == Some(1), "{answer:?}");
            ensure!(
                answer.err.contains("check `mine`") && answer.err.contains(found),
                "{answer:?}"
            );
            ensure!(answer.out.contains(column), "{answer:?}");
            let (checks, trained) = checked(cluster).await?;
            ensure!(!trained, "a trainer was booked");
            let mine = checks.iter().find(|c| c.name == "mine").context("mine")?;
            ensure!(!mine.passed && mine.sample.len() <= 20, "{mine:?}");
            ensure!(mine.sample.is_empty() == column.is_empty(), "{mine:?}");
            for check in checks.iter().filter(|c| c.name != "mine") {
                ensure!(
                    check.passed || check.severity == pannier_proto::spec::Severity::Warn,
                    "{check:?}"
                );
            }
            let run = &cluster.client().await?.list(1).await?[0].run_id;
            let page = cluster
                .warehouse()
                .join(pannier_proto::objects::report(run));
            let page = std::fs::read_to_string(page)?;
            ensure!(
                page.contains(&mine.rule.replace('>', "&gt;")) && page.contains(&mine.found),
                "{mine:?}"
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn drift_is_against_the_last_run_that_succeeded() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, shared| {
        let drift = "\n[[check]]\nname = \"size\"\nrule = \"drift\"\ntable = \"vocab\"\nof = \"rows\"\nmax_change = 0.1\n\
            [[check]]\nname = \"counts\"\nrule = \"drift\"\ntable = \"vocab\"\nof = \"mean\"\ncolumn = \"count\"\nmax_change = 0.1\n\
            [[check]]\nname = \"new\"\nrule = \"drift\"\ntable = \"vocab\"\nof = \"unseen\"\ncolumn = \"item_id\"\nmax_change = 0\n";
        let spec = format!("{}{drift}", shared.tables_spec);
        let found = async |want: &str| -> anyhow::Result<()> {
            for name in ["size", "counts", "new"] {
                let (checks, _) = checked(cluster).await?;
                let check = checks.iter().find(|c| c.name == name).context(name)?;
                ensure!(check.passed && check.found == want, "{check:?}");
            }
            Ok(())
        };
        followed(cluster, &spec)?.good()?;
        found("no earlier run to compare with").await?;
        followed(cluster, &spec)?.good()?;
        found("the same as in the last run").await?;
        let fewer = followed(cluster, &spec.replace("min_item_baskets = 5", "min_item_baskets = 60"))?;
        ensure!(fewer.code == Some(1), "{fewer:?}");
        for words in ["check `size`: rows ", "check `counts`: mean "] {
            ensure!(fewer.err.contains(words), "{words}: {}", fewer.err);
        }
        ensure!(!fewer.err.contains("check `new`"), "an item less is no new item: {}", fewer.err);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_profile_says_what_sql_says() -> anyhow::Result<()> {
    on_cluster(TABLES, async |cluster, _| {
        let run = cluster.submit("tables.toml")?;
        cluster.succeeded(&run).await?;
        let profile = |args: &[&str]| -> anyhow::Result<Profile> {
            let out = cluster.ran(&[args, &["--json"]].concat())?.good()?;
            Ok(serde_json::from_str(&out)?)
        };
        let one = profile(&["profile", "transactions", "--html", "page.html"])?;
        let page = std::fs::read_to_string(cluster.dir.path().join("page.html"))?;
        ensure!(page.starts_with("<!DOCTYPE html>") && page.contains("Long tail of items"), "{page}");
        let all = profile(&["profile", "--run", &run])?;
        ensure!(all.tables.first() == one.tables.first() && all.shopping == one.shopping);
        let table = one.tables.first().context("a table")?;
        let version = format!("transactions@{}", &table.version[..8]);
        ensure!(profile(&["profile", &version])? == one);
        let sql = "select count(*), count(distinct basket_id), count(distinct user_id), count(*) - count(user_id), min(spend), max(spend) from transactions";
        let said = cluster.ran(&["sql", sql, "--csv"])?.good()?;
        let column = |name: &str| table.columns.iter().find(|c| c.name == name).context(name.to_owned());
        let (users, spend) = (column("user_id")?, column("spend")?);
        let shopping = one.shopping.as_ref().context("shopping")?;
        let text = |v: &Option<String>| v.clone().unwrap_or_default();
        let mine = format!(
            "{},{},{},{},{},{}",
            table.rows, shopping.baskets, users.distinct, users.missing, text(&spend.min), text(&spend.max)
        );
        assert_eq!(said.lines().last(), Some(mine.as_str()));
        let baskets: u64 = shopping.sizes.iter().map(|s| s.things).sum();
        let lines: u64 = shopping.popularity.iter().map(|p| p.of * p.things).sum();
        assert_eq!((baskets, lines), (shopping.baskets, table.rows));
        let weeks: u64 = shopping.weeks.iter().map(|w| w.lines).sum();
        assert_eq!(weeks, table.rows);
        let none = cluster.ran(&["profile", "bascets"])?;
        ensure!(none.code == Some(1) && none.err.contains("there is no table `bascets`; there are "), "{none:?}");
        Ok(())
    })
    .await
}

/// The share of items bought before, by the number of the user's basket: measured elsewhere, in
/// another way, on the customers of this sample before its last quarter.
const REPEATED: [f64; 7] = [0.15, 0.28, 0.40, 0.51, 0.61, 0.70, 0.77];

#[tokio::test]
async fn repeats_of_the_real_source_are_as_known() -> anyhow::Result<()> {
    let Some(data) = std::env::var_os("PANNIER_TEST_LGSR") else {
        eprintln!("skipped: PANNIER_TEST_LGSR names no folder with LGSR's weekly files");
        return Ok(());
    };
    let _turn = shared()?;
    let dir = tempfile::tempdir()?;
    let path = std::path::PathBuf::from(data).display().to_string();
    let spec = format!(
        "name = \"real\"\n[source]\nlayout = \"dunnhumby-lgsr\"\npath = \"{path}\"\n[prepare]\nweeks = {{ to = 200806 }}\n"
    );
    std::fs::write(dir.path().join("spec.toml"), spec)?;
    ran(dir.path(), &["run", "spec.toml"])?.good()?;
    let out = ran(dir.path(), &["profile", "transactions", "--json"])?.good()?;
    let profile: Profile = serde_json::from_str(&out)?;
    let shopping = profile.shopping.context("shopping")?;
    let shares: Vec<f64> = shopping.repeats.iter().skip(1).map(|r| r.share()).collect();
    for (share, known) in shares.iter().zip(REPEATED) {
        ensure!((share - known).abs() < 0.006, "{shares:?}");
    }
    assert_eq!(shares.len(), REPEATED.len());
    Ok(())
}
