//! What all tests share and none changes: raw files, the spec, and the outcome of the run that
//! nobody disturbed. Made once for a build of the program, kept beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use pannier_proto::event::RunEvent;

use crate::outcome::Outcome;
use crate::program::{build_folder, pannier, ran};

/// Raw files: big enough that every step can be hit while it is under way.
const GENERATE: &[&str] = &[
    "generate",
    "--customers",
    "1500",
    "--weeks",
    "24",
    "--bad-row-share",
    "0.001",
    "--gzip",
    "--out",
    "raw",
];

/// The spec of all tests; `RAW` stands for the folder of the raw files.
const SPEC: &str = r#"name = "grocery"
seed = 7

[source]
layout = "dunnhumby-lgsr"
path = "RAW"

[prepare]
min_item_baskets = 5

[split]
by = "time"
test_weeks = 3

[evaluate]
k = [10]
queries = 2000

[[check]]
name = "rows of train_baskets"
rule = "rows-between"
table = "train_baskets"
min = 1

[[check]]
name = "rows of queries"
rule = "rows-between"
table = "queries"
min = 1

[[check]]
name = "rows of counts"
rule = "rows-between"
table = "counts"
min = 1

[[check]]
name = "rows of interactions"
rule = "rows-between"
table = "interactions"
min = 1
"#;

/// What follows for tests that train.
const TRAIN: &str = r#"
[[train]]
name = "vectors"
model = "prod2vec"
params = { dim = 32, window = "basket", negatives = 5, epochs = 15, batch_baskets = 64, checkpoint_steps = 150 }

[[baseline]]
model = "popularity"

[publish]
alias = "champion"
"#;

/// The shared things, and the right to use processes until it is dropped.
#[derive(Debug)]
pub struct Shared {
    /// Folder of raw files.
    pub raw: PathBuf,
    /// Warehouse of the undisturbed run.
    pub warehouse: PathBuf,
    /// What the undisturbed run made.
    pub outcome: Outcome,
    /// The spec's text.
    pub spec: String,
    /// The spec's text without a training.
    pub tables_spec: String,
    _turn: File,
}

/// Waits for its turn, and makes the shared things where this build has none yet.
///
/// # Errors
/// Where the program has not been built or its undisturbed run fails.
pub fn shared() -> anyhow::Result<Shared> {
    let root = build_folder()?.join("pannier-tests");
    fs::create_dir_all(&root)?;
    let turn = File::create(root.join("lock"))?;
    turn.lock()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(pannier()?)?)?;
    hasher.update(format!("{GENERATE:?}{SPEC}{TRAIN}").as_bytes());
    let folder = root.join(&hasher.finalize().to_hex()[..16]);
    let raw = folder.join("raw");
    let tables_spec = SPEC.replace("RAW", &raw.display().to_string());
    let spec = format!("{tables_spec}{TRAIN}");
    let outcome = folder.join("outcome.json");
    if !outcome.is_file() {
        forget_others(&root)?;
        let made = make(&folder, &spec)?;
        fs::write(&outcome, serde_json::to_vec_pretty(&made)?)?;
    }
    Ok(Shared {
        warehouse: folder.join("data/warehouse"),
        outcome: serde_json::from_slice(&fs::read(&outcome)?)?,
        raw,
        spec,
        tables_spec,
        _turn: turn,
    })
}

/// What earlier builds left, and what was not made to its end.
fn forget_others(root: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

fn make(folder: &Path, spec: &str) -> anyhow::Result<Outcome> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("spec.toml"), spec)?;
    ran(folder, GENERATE)?.good()?;
    let out = ran(folder, &["run", "spec.toml", "--data", "data", "--json"])?.good()?;
    let events = out
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<RunEvent>, _>>()
        .context("the events of the undisturbed run")?;
    Outcome::of(&events, &folder.join("data/warehouse"))
}
