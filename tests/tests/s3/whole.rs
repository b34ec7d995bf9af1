//! The main job, from a bucket into a bucket.

use std::path::Path;

use anyhow::ensure;
use pannier_proto::event::RunEvent;
use pannier_proto::status::PlanStep;
use pannier_tests::{Outcome, Ran, shared};

use crate::faults::Faults;
use crate::server::{BUCKET, S3, SECRET};

/// Retries soon, so that many faults take little time.
const CONFIG: &str = r#"
[scheduler.store]
backoff = "5ms"
[executor.store]
backoff = "5ms"
[trainer.store]
backoff = "5ms"
"#;

/// What a run that went well made.
pub fn outcome(ran: Ran, warehouse: &Path) -> anyhow::Result<Outcome> {
    let out = ran.good()?;
    let events: Vec<RunEvent> = out
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    Outcome::of(&events, warehouse)
}

/// The same tables, wherever their source lay: its version is of ETags in a bucket.
pub fn without_versions(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.only_tables();
    for table in outcome.tables.values_mut() {
        table.version.clear();
    }
    outcome
}

#[test]
fn a_run_in_a_bucket_ends_with_the_same_tables_whatever_the_server_does() -> anyhow::Result<()> {
    let shared = shared()?;
    let dir = tempfile::tempdir()?;
    let faults = Faults {
        slow_down: 7,
        cut: 3,
        lost: 5,
    };
    let root = dir.path().join("s3");
    let s3 = S3::start(&root, faults)?;
    s3.upload(&shared.raw, "raw")?;
    let raw = shared.raw.display().to_string();
    let spec = shared.spec.replace(&raw, &format!("s3://{BUCKET}/raw"));
    std::fs::write(dir.path().join("spec.toml"), &spec)?;
    std::fs::write(dir.path().join("config.toml"), CONFIG)?;
    let hurt = format!("s3://{BUCKET}/hurt/warehouse");
    let args = ["--warehouse", &hurt, "--config", "config.toml"];
    let run = ["run", "spec.toml", "--json"];
    let mut command = s3.command(dir.path())?;
    command.args(run).args(args);
    command.env("PANNIER_LOG", "info,object_store=trace,pannier_store=trace");
    let ran = pannier_tests::finished(&mut command)?;
    let log = ran.err.clone();
    let hurt = outcome(ran, &s3.bucket.join("hurt/warehouse"))?;
    for (what, least) in [("slow-down", 20), ("cut", 5), ("lost", 5)] {
        let count = s3.proxy.count(what);
        ensure!(count >= least, "only {count} times {what}");
    }
    ensure!(log.contains("503"), "no retry is in the log");

    // What the same source makes of a server that does as it is told.
    let calm = S3::start(&root, Faults::default())?;
    let (calm_root, calm_data) = (format!("s3://{BUCKET}/calm"), dir.path().join("calm"));
    std::fs::create_dir(&calm_data)?;
    let tables = shared
        .tables_spec
        .replace(&raw, &format!("s3://{BUCKET}/raw"));
    std::fs::write(calm_data.join("spec.toml"), tables)?;
    let ran = calm.ran(
        &calm_data,
        &[&run[..], &["--warehouse", &calm_root]].concat(),
    )?;
    let calm = outcome(ran, &s3.bucket.join("calm"))?;
    assert_eq!(hurt.only_tables(), calm);

    // What the same files make on this machine.
    assert_eq!(without_versions(&hurt), without_versions(&shared.outcome));
    assert_eq!(hurt.metrics, shared.outcome.metrics);
    for file in ["model.safetensors", "vectors.parquet"] {
        assert_eq!(
            hurt.model.get(file),
            shared.outcome.model.get(file),
            "{file}"
        );
    }

    // All of it is found again without reading the source, and what nothing refers to is removed.
    let read = |line: &str| line.starts_with("GET /lake/raw/");
    let read_before = s3.proxy.asked(read);
    ensure!(read_before > 0, "the source was not read through the proxy");
    let plan = s3.ran(
        dir.path(),
        &[&["plan", "spec.toml", "--json"][..], &args].concat(),
    )?;
    let plan: Vec<PlanStep> = serde_json::from_str(&plan.good()?)?;
    let tables = plan.iter().filter(|s| s.step.starts_with("table:"));
    ensure!(tables.clone().count() == hurt.tables.len(), "{plan:?}");
    ensure!(tables.clone().all(|s| s.exists), "{plan:?}");
    assert_eq!(
        s3.proxy.asked(read),
        read_before,
        "planning reads the source"
    );
    s3.ran(dir.path(), &[&["gc"][..], &args].concat())?.good()?;
    let sql = "select count(*) as n from transactions";
    let counted = s3.ran(dir.path(), &[&["sql", sql, "--json"][..], &args].concat())?;
    let rows = hurt.tables["transactions"].rows.to_string();
    let counted = counted.good()?;
    ensure!(counted.contains(&rows), "{counted} is not {rows}");

    // The secret stays where it was.
    ensure!(!log.contains(SECRET), "the log holds the secret");
    let found = holding(dir.path(), SECRET.as_bytes())?;
    ensure!(found.is_empty(), "{found:?} hold the secret");
    Ok(())
}

/// Files below a folder that hold these bytes.
fn holding(folder: &Path, wanted: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holding(&path, wanted)?);
        } else if std::fs::read(&path)?
            .windows(wanted.len())
            .any(|w| w == wanted)
        {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}
