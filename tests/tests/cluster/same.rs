//! The cluster makes what `pannier run` makes, byte for byte.

use anyhow::ensure;
use pannier_proto::event::RunEvent;
use pannier_tests::{Options, Outcome, on_cluster};

use crate::words::unbroken;

#[tokio::test]
async fn a_cluster_makes_the_bytes_of_one_process() -> anyhow::Result<()> {
    let options = Options {
        trainers: 1,
        ..Options::default()
    };
    on_cluster(options, async |cluster, shared| {
        let out = cluster
            .ran(&["submit", "spec.toml", "--follow", "--json"])?
            .good()?;
        let events: Vec<RunEvent> = out
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        ensure!(unbroken(&events), "offsets have gaps");
        let outcome = Outcome::of(&events, &cluster.warehouse())?;
        ensure!(
            outcome.model.contains_key("model.safetensors")
                && outcome.model.contains_key("vectors.parquet"),
            "{:?}",
            outcome.model
        );
        ensure!(outcome.tables.len() == 11, "{:?}", outcome.tables.keys());
        assert_eq!(outcome, shared.outcome);
        Ok(())
    })
    .await
}
