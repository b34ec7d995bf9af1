//! What a run consists of: a pure function of spec, layout and source. Versions of all tables are
//! known before anything is made.

use std::collections::{BTreeMap, HashMap};

use datafusion::common::{ParamValues, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use pannier_engine::table::TableTarget;
use pannier_proto::spec::{
    BaselineSpec, CheckSpec, GenerateSpec, NamedFeedSpec, PublishSpec, Question, RecommendSpec,
    RunSpec, SegmentsSpec, TrainSpec,
};
use serde::{Deserialize, Serialize};

use crate::error::SchedulerError;
use crate::feeds;
use crate::layout::{Defs, Layout, Own, RawFiles, Source};

mod checks;
mod learn;
mod predict;
mod prepared;
mod table;
use checks::{INPUTS, STAGED, input_checks};
pub use learn::{DESCRIBED, VALID_DECISIONS, histories, is_listed, queries};
pub use predict::{ListsPlan, NOTHING_HELD_OUT, predict};
use prepared::{learned, needed, staged};
use table::Tables;
pub use table::params;

/// A value for a `$name` in SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Param {
    /// A whole number.
    Int(i64),
    /// A whole number that may be large.
    UInt(u64),
    /// A text.
    Text(String),
}

impl Param {
    /// As SQL takes it.
    #[must_use]
    pub fn scalar(&self) -> ScalarValue {
        match self {
            Self::Int(v) => ScalarValue::Int64(Some(*v)),
            Self::UInt(v) => ScalarValue::UInt64(Some(*v)),
            Self::Text(v) => ScalarValue::Utf8(Some(v.clone())),
        }
    }
}

/// A table to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// SQL text.
    pub sql: String,
    /// Values of its parameters.
    pub params: BTreeMap<String, Param>,
    /// Tables it reads, with their versions.
    pub tables: BTreeMap<String, String>,
    /// Raw relations it reads.
    pub raw: Vec<String>,
    /// Columns that decide a row's part.
    pub key: Vec<String>,
    /// Order inside a part.
    pub sort: Vec<String>,
    /// Parts.
    pub parts: u32,
    /// Rows of a row group.
    pub row_group_rows: u32,
    /// Where the spec has a say in it.
    #[serde(default)]
    pub own: Option<Own>,
    /// Whether it is made piece by piece.
    #[serde(default)]
    pub narrow: bool,
    /// A narrow table that is made of the same reading.
    #[serde(default)]
    pub together: Option<String>,
}

impl TablePlan {
    /// Where it is written.
    #[must_use]
    pub fn target(&self, warehouse: &str) -> TableTarget {
        TableTarget {
            warehouse: warehouse.to_owned(),
            table: self.name.clone(),
            version: self.version.clone(),
            key: self.key.clone(),
            sort: self.sort.clone(),
            parts: self.parts,
            row_group_rows: self.row_group_rows,
            pieces: BTreeMap::new(),
        }
    }

    /// The query with the table's parameters filled in.
    ///
    /// # Errors
    /// Where a value does not fit.
    pub fn fill(&self, frame: DataFrame) -> Result<DataFrame, DataFusionError> {
        if self.params.is_empty() {
            return Ok(frame);
        }
        let params = self.params.iter();
        let values: HashMap<String, ScalarValue> = params
            .map(|(name, param)| (name.clone(), param.scalar()))
            .collect();
        frame.with_param_values(ParamValues::from(values))
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepKind {
    /// Writes raw files.
    Generate { spec: GenerateSpec, dir: String },
    /// Makes a table.
    Table(TablePlan),
    /// Counts that no line was lost.
    Lines { raw: String, own: bool },
    /// Holds rules against tables.
    Checks { checks: Vec<CheckSpec> },
    /// Writes a feed down.
    Feed {
        feed: NamedFeedSpec,
        /// Columns that it reads.
        columns: Vec<String>,
    },
    /// Trains a model.
    Train(TrainSpec),
    /// Ranks for every query of a kind.
    Predict {
        method: String,
        baseline: Option<BaselineSpec>,
        question: Question,
    },
    /// Computes metrics.
    Evaluate,
    /// Publishes a model.
    Publish { train: String, publish: PublishSpec },
    /// Writes every user's list.
    Recommend {
        train: String,
        recommend: RecommendSpec,
    },
    /// Writes every user's list of a model that was published before.
    Lists(ListsPlan),
    /// Groups a model's users.
    Segments {
        train: String,
        segments: SegmentsSpec,
    },
    /// Describes what the source holds.
    Profile,
    /// Writes the page.
    Report,
}

/// A step and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepPlan {
    /// Name, for example `table:baskets`.
    pub id: String,
    /// Steps that must be done first.
    pub after: Vec<String>,
    /// What it does.
    pub kind: StepKind,
}

impl StepPlan {
    /// Whether it makes or checks tables.
    fn is_of_tables(&self) -> bool {
        matches!(self.kind, StepKind::Table(_) | StepKind::Checks { .. })
    }
}

/// A run's plan, stored with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// The spec with all defaults.
    pub spec: RunSpec,
    /// The raw files.
    pub source: Source,
    /// Steps, each after those it waits for.
    pub steps: Vec<StepPlan>,
}

impl RunPlan {
    /// A step by name.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&StepPlan> {
        self.steps.iter().find(|s| s.id == id)
    }

    /// Version of a table of this run.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TablePlan> {
        self.steps.iter().find_map(|s| match &s.kind {
            StepKind::Table(t) if t.name == name => Some(t),
            _ => None,
        })
    }

    /// The files of a raw relation.
    ///
    /// # Errors
    /// Where the plan has no such relation.
    pub fn raw(&self, name: &str) -> Result<&RawFiles, SchedulerError> {
        let missing = || SchedulerError::Failed(format!("the plan lacks the raw relation {name}"));
        self.source.raw.get(name).ok_or_else(missing)
    }

    /// Whether it makes lists of a model that was published before, and nothing is held out.
    #[must_use]
    pub fn predicts(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step.kind, StepKind::Lists(_)))
    }

    /// The tables by which a bare name is known: of a run that predicts those of the source alone, for
    /// what it makes of them is not what models were trained on.
    pub fn named_tables(&self) -> impl Iterator<Item = &TablePlan> {
        let predicts = self.predicts();
        let steps = self.steps.iter();
        let named = steps.filter(move |s| !predicts || !s.after.iter().any(|a| a == STAGED));
        named.filter_map(|step| match &step.kind {
            StepKind::Table(table) => Some(table),
            _ => None,
        })
    }

    /// All tables with their versions.
    #[must_use]
    pub fn tables(&self) -> BTreeMap<String, String> {
        let tables = self.steps.iter().filter_map(|s| match &s.kind {
            StepKind::Table(t) => Some((t.name.clone(), t.version.clone())),
            _ => None,
        });
        tables.collect()
    }

    /// Name of a train in the registry.
    #[must_use]
    pub fn model_name(&self, train: &str) -> String {
        format!("{}-{train}", self.spec.name)
    }
}

/// Plans a run.
///
/// # Errors
/// Where a layout's tables do not fit together.
pub fn plan(
    spec: RunSpec,
    layout: &Layout,
    defs: &Defs,
    source: Source,
) -> Result<RunPlan, SchedulerError> {
    let mut tables = Tables::new(&spec, &source);
    let (mut steps, inputs) = staged(&spec, layout, defs, &source, &mut tables)?;
    steps.extend(learned(needed(&spec, defs), &mut tables, &steps)?);
    steps.push(input_checks(inputs, &steps));
    steps.extend(spec.feed.iter().map(|feed| feeds::step(feed, INPUTS)));
    learn::steps(&spec, &mut steps);
    // For people only: nothing waits for it but the page, and it waits for every table.
    if spec.prepare.profile {
        steps.push(StepPlan {
            id: "profile".into(),
            after: steps
                .iter()
                .filter(|s| s.is_of_tables())
                .map(|s| s.id.clone())
                .collect(),
            kind: StepKind::Profile,
        });
    }
    steps.push(StepPlan {
        id: "report".into(),
        after: ids(&steps),
        kind: StepKind::Report,
    });
    Ok(RunPlan {
        spec,
        source,
        steps,
    })
}

fn ids(steps: &[StepPlan]) -> Vec<String> {
    steps.iter().map(|s| s.id.clone()).collect()
}

#[cfg(test)]
mod tests;
