//! A model's training whose trainer is killed: the cluster ends as one process does that nobody
//! disturbed.

use std::fs;

use anyhow::ensure;
use pannier_proto::event::{RunEvent, RunEventKind};
use pannier_tests::{Cluster, Outcome, ran};

use crate::words::{checkpoint, resumed_from};

/// Makes a shop's files and runs a spec over them, which says `raw` for their folder: in one process,
/// whose data is `alone`, and on a cluster whose only trainer is killed after a checkpoint of the step
/// `train:{name}`. Both outcomes are equal, the second from where the first attempt was; the outcome,
/// and the events of the cluster's run.
pub async fn killed_in_training(
    cluster: &mut Cluster,
    spec: &str,
    name: &str,
) -> anyhow::Result<(Outcome, Vec<RunEvent>)> {
    let folder = cluster.dir.path().to_owned();
    let folder = folder.as_path();
    let made = "generate --customers 300 --weeks 12 --seed 5 --out raw";
    ran(folder, &made.split(' ').collect::<Vec<_>>())?.good()?;
    let raw = folder.join("raw").display().to_string();
    let spec = spec.replace("\"raw\"", &format!("{raw:?}"));
    fs::write(folder.join("spec.toml"), spec)?;
    let run = ["run", "spec.toml", "--data", "alone", "--json"];
    let out = ran(folder, &run)?.good()?;
    let events = out.lines().map(serde_json::from_str);
    let events: Vec<RunEvent> = events.collect::<Result<_, _>>()?;
    let alone = Outcome::of(&events, &folder.join("alone/warehouse"))?;

    let run = cluster.submit("spec.toml")?;
    let begun = |kind: &RunEventKind| checkpoint(kind).is_some();
    cluster.event(&run, "a checkpoint", begun).await?;
    cluster.trainers[0].kill()?;
    let training = format!("train:{name}");
    let lost = |kind: &RunEventKind| matches!(kind, RunEventKind::StepLost { step, .. } if *step == training);
    cluster.event(&run, "the lost attempt", lost).await?;
    cluster.add_trainer()?;
    let (events, outcome) = cluster.succeeded(&run).await?;
    ensure!(resumed_from(&events).is_some(), "began at the beginning");
    assert_eq!(outcome, alone);
    Ok((outcome, events))
}
