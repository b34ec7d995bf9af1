//! `pannier run` and its fellows, with everything inside one process.

use std::time::Duration;

use anyhow::ensure;
use pannier_proto::event::RunEvent;
use pannier_proto::status::PlanStep;
use pannier_tests::{Outcome, Process, eventually, ran, shared};

use crate::words::half_made;

const SPEC: &str = r#"name = "small"
[source]
layout = "dunnhumby-lgsr"
path = "made"
[source.generate]
customers = 300
weeks = 8
bad_row_share = 0.002
[split]
test_weeks = 2
[[train]]
name = "vectors"
model = "prod2vec"
params = { dim = 16, epochs = 1 }
[publish]
alias = "champion"
"#;

#[tokio::test]
async fn a_second_run_skips_what_is_there_and_the_plan_says_so() -> anyhow::Result<()> {
    let _turn = shared()?;
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("spec.toml"), SPEC)?;
    let there = || -> anyhow::Result<(usize, usize)> {
        let out = ran(dir.path(), &["plan", "spec.toml", "--json"])?.good()?;
        let plan: Vec<PlanStep> = serde_json::from_str(&out)?;
        let made = |s: &&PlanStep| s.step == "generate" || s.step.starts_with("table:");
        let exist = plan.iter().filter(made).filter(|s| s.exists).count();
        Ok((exist, plan.iter().filter(made).count()))
    };
    let (none, tables) = there()?;
    assert_eq!(none, 0);
    let first = ran(dir.path(), &["run", "spec.toml"])?.good()?;
    ensure!(!first.contains("already there"), "{first}");
    assert_eq!(there()?, (tables, tables));
    let second = ran(dir.path(), &["run", "spec.toml"])?.good()?;
    let said = second.lines().filter(|l| l.contains("(already there)"));
    // Generated files, tables, and the profile of the same tables.
    assert_eq!(said.count(), tables + 1, "{second}");
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_suspended_goes_on() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("tables.toml"), &shared.tables_spec)?;
    let config = "[scheduler]\nexecutor_timeout = \"5s\"\n[executor]\nheartbeat = \"1s\"\n";
    std::fs::write(dir.path().join("config.toml"), config)?;
    let args = ["run", "tables.toml", "--json", "--config", "config.toml"].map(str::to_owned);
    let mut run = Process::start(dir.path(), "run", &args)?;
    let events = |run: &Process| -> Vec<RunEvent> {
        let said = run.said();
        said.lines()
            .filter_map(|l| serde_json::from_str(l).ok())
            .collect()
    };
    eventually(Duration::from_secs(60), "a table half made", async || {
        events(&run)
            .iter()
            .any(|e| half_made(&e.kind, |_| true))
            .then_some(())
    })
    .await?;
    run.signal("STOP")?;
    // The fault is this span of time: there is nothing to be seen of a process that stands still.
    tokio::time::sleep(Duration::from_secs(7)).await;
    run.signal("CONT")?;
    let status = run.ended(Duration::from_secs(90)).await?;
    ensure!(status.success(), "{}", run.complained());
    let outcome = Outcome::of(&events(&run), &dir.path().join("pannier-data/warehouse"))?;
    assert_eq!(outcome, shared.outcome.only_tables());
    Ok(())
}
