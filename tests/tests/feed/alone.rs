//! What is read where nobody disturbs: by one process that is scheduler, executor and reader. Made
//! once for a build of the program and a spec, and kept beside what all tests share.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pannier_tests::{Cluster, Shared, ran, sh};

use crate::reading::Read;

/// Steps of few rows and windows of one row group, so that a reading lasts and turns often from one
/// executor to another. `lines` has more than 100,000 steps in 24 windows.
const FEEDS: &str = r#"
[[feed]]
name = "lines"
transform = "select"
table = "transactions"
columns = ["basket_id", "item_id"]
batch_rows = 2
window_rows = 64

[[feed]]
name = "pairs"
transform = "pairs"
params = { window = "basket", negatives = 3 }
batch_rows = 6
window_rows = 64

[[feed]]
name = "histories"
transform = "sequences"
params = { target = "random" }
batch_rows = 5
window_rows = 64
"#;

/// Makes the feeds on a cluster that has the tables already; gives the run's id.
pub async fn made_on(cluster: &Cluster, shared: &Shared) -> anyhow::Result<String> {
    fs::write(cluster.dir.path().join("feeds.toml"), spec(shared))?;
    let run = cluster.submit("feeds.toml")?;
    cluster.succeeded(&run).await?;
    Ok(run)
}

fn spec(shared: &Shared) -> String {
    format!("{}{FEEDS}", shared.tables_spec)
}

/// The undisturbed reader.
pub struct Alone {
    folder: PathBuf,
    run: String,
}

impl Alone {
    /// Makes its tables and feeds, where this build has none yet.
    pub fn of(shared: &Shared) -> anyhow::Result<Self> {
        let spec = spec(shared);
        let key = blake3::hash(spec.as_bytes()).to_hex();
        let folder = shared.raw.with_file_name(format!("feeds-{}", &key[..16]));
        let made = folder.join("run");
        if !made.is_file() {
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::write(&made, make(&folder, shared, &spec)?)?;
        }
        let run = fs::read_to_string(&made)?;
        Ok(Self { folder, run })
    }

    /// What `pannier feed digest` reads of a feed, with its further arguments.
    pub fn read(&self, feed: &str, args: &[&str]) -> anyhow::Result<Read> {
        let key = blake3::hash(format!("{feed} {args:?}").as_bytes()).to_hex();
        let kept = self.folder.join(format!("{feed}-{}.json", &key[..16]));
        if !kept.is_file() {
            let name = format!("{}/{feed}", self.run);
            let asked = ["feed", "digest", &name, "--json", "--data", "data"];
            let said = ran(&self.folder, &[&asked[..], args].concat())?.good()?;
            fs::write(&kept, said)?;
        }
        Ok(serde_json::from_slice(&fs::read(&kept)?)?)
    }
}

fn make(folder: &Path, shared: &Shared, spec: &str) -> anyhow::Result<String> {
    fs::create_dir_all(folder.join("data/warehouse"))?;
    fs::write(folder.join("feeds.toml"), spec)?;
    let tables = shared.warehouse.join("tables");
    let copy = format!("cp -r '{}' data/warehouse/", tables.display());
    sh(folder, &copy)?.good()?;
    ran(folder, &["run", "feeds.toml", "--data", "data", "--quiet"])?.good()?;
    let list = ran(folder, &["list", "--data", "data", "--json"])?.good()?;
    let list: serde_json::Value = serde_json::from_str(&list)?;
    let run = list[0]["run_id"].as_str().context("no run is listed")?;
    Ok(run.to_owned())
}
