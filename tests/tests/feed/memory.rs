//! What a trainer keeps of its feed is as much as was said, however fast it is fed.

use std::fs;

use anyhow::ensure;
use pannier_tests::{Options, on_cluster};

const NO_TRAINER: Options = Options {
    executors: 1,
    trainers: 0,
    tables: true,
};
/// Far more than anything else that two equal trainings differ by.
const MUCH: u64 = 48 << 20;

#[tokio::test]
async fn a_trainer_keeps_what_it_may_of_its_feed() -> anyhow::Result<()> {
    on_cluster(NO_TRAINER, async |cluster, shared| {
        // Pairs travel, and are made faster than the model learns from them.
        let model = "model = \"prod2vec\"\n";
        let spec = shared
            .spec
            .replace(model, &format!("{model}expand = \"executor\"\n"))
            .replace("epochs = 15", "epochs = 40");
        ensure!(spec != shared.spec);
        let mut peaks = Vec::new();
        for (seed, bytes) in [(11, "1MiB"), (12, "1GiB")] {
            let file = format!("seed-{seed}.toml");
            let spec = spec.replace("seed = 7", &format!("seed = {seed}"));
            fs::write(cluster.dir.path().join(&file), spec)?;
            let prefetch = format!("prefetch_bytes={bytes}");
            cluster.add_trainer_with(&[
                &prefetch,
                "prefetch_steps=100000",
                "prefetch_windows=8",
            ])?;
            let run = cluster.submit(&file)?;
            cluster.succeeded(&run).await?;
            let mut trainer = cluster.trainers.remove(0);
            peaks.push(trainer.peak()?);
            trainer.kill()?;
        }
        let [little, much] = peaks[..] else {
            anyhow::bail!("two trainings have two peaks");
        };
        ensure!(
            much > little + MUCH,
            "there was nothing to bound: {little} and {much} bytes"
        );
        Ok(())
    })
    .await
}
