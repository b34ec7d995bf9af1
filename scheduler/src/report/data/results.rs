//! What came out of a run: metrics, differences, neighbours, artifacts.
//! It must not know how any of it is shown.

use serde::{Deserialize, Serialize};

/// One evaluated number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// The model's or baseline's name.
    pub method: String,
    /// Which of the two it is.
    pub kind: MethodKind,
    /// The metric with its k, such as `hit_rate@10`.
    pub metric: String,
    /// Its value; NaN where there was nothing to evaluate.
    pub value: f64,
    /// 95 % interval.
    pub interval: Option<Interval>,
    /// Evaluated users (or baskets) behind the value.
    pub n: u64,
    /// Which direction is good.
    pub better: Better,
}

/// What made a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodKind {
    /// Trained in this run, or a champion it is held against.
    Model,
    /// A predictor every report carries.
    Baseline,
}

/// Which direction of a metric is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// As for hit rate, MRR and NDCG.
    #[default]
    Higher,
    /// As for errors.
    Lower,
}

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// A model minus a baseline over the same users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// What it is compared with.
    pub baseline: String,
    /// The metric.
    pub metric: String,
    /// Mean paired difference, model minus baseline.
    pub difference: f64,
    /// 95 % interval of that difference.
    pub interval: Interval,
    /// Which direction is good.
    pub better: Better,
}

/// What a paired difference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval is on the good side of zero.
    Better,
    /// The whole interval is on the bad side of zero.
    Worse,
    /// Zero is inside the interval.
    NoClearDifference,
}

impl Difference {
    /// Reads the interval: a difference counts only where zero is outside of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let (above, below) = (self.interval.lo > 0.0, self.interval.hi < 0.0);
        match (above, below, self.better) {
            (true, false, Better::Higher) | (false, true, Better::Lower) => Verdict::Better,
            (true, false, Better::Lower) | (false, true, Better::Higher) => Verdict::Worse,
            _ => Verdict::NoClearDifference,
        }
    }
}

/// An item and the items nearest to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NeighbourList {
    /// The model whose vectors these are.
    pub model: String,
    /// The item's id.
    pub item_id: String,
    /// The item's name; its id where the source has no names.
    pub item_name: String,
    /// Train baskets with this item.
    pub count: u64,
    /// Nearest first.
    pub neighbours: Vec<Neighbour>,
}

/// A near item.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Neighbour {
    /// Its name; its id where the source has no names.
    pub name: String,
    /// Cosine of the two vectors, -1 to 1.
    pub cosine: f64,
}

/// A model's items on a flat map.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemMap {
    /// The model whose vectors these are.
    pub model: String,
    /// Items of the model, of which the most bought are shown.
    pub items: u64,
    /// The most bought items.
    pub places: Vec<MapPlace>,
}

/// An item on a map.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MapPlace {
    /// Its name; its id where the source has no names.
    pub name: String,
    /// Its department, where the source has one.
    pub department: Option<String>,
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

/// One published version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Artifact {
    /// The model's name in the registry.
    pub model: String,
    /// The version the registry gave it.
    pub version: String,
    /// The alias this run wanted to move. `None`: the spec names none.
    pub alias: Option<AliasMove>,
    /// The gate. `None`: the spec has none.
    pub gate: Option<Gate>,
    /// Files in the artifact.
    pub files: Vec<ArtifactFile>,
    /// What it was made from.
    pub lineage: Lineage,
}

/// What happened to an alias.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AliasMove {
    /// The alias, such as `champion`.
    pub alias: String,
    /// Whether it points to this version now.
    pub moved: bool,
    /// The version it pointed to before the run. `None`: it did not exist.
    pub previous: Option<String>,
}

/// The publishing gate and what it decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The rule as written in the spec.
    pub text: String,
    /// What it decided.
    pub outcome: GateOutcome,
    /// The rule with numbers put in, or why it was not evaluated.
    pub explanation: String,
}

/// What a gate decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// The rule held.
    Passed,
    /// It did not hold.
    Refused,
    /// It could not be evaluated.
    NotEvaluated,
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArtifactFile {
    /// Path inside the artifact.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What an artifact was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lineage {
    /// Tables it was trained on.
    pub tables: Vec<TableRef>,
    /// The feed it was trained from.
    pub feed_digest: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The build of the trainer.
    pub build_id: String,
}

/// A table version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableRef {
    /// The table's name.
    pub table: String,
    /// Its version.
    pub version: String,
}
