//! The spec: what a run does, from one TOML file (DESIGN.md §5.6).
//!
//! Owns the types of a spec, their defaults and limits, every check that needs no data, and errors
//! that point at the file. It gets texts and gives values: it must not read files, environment
//! variables or data. What only the data can tell (a file that is not there, a split that leaves
//! nothing to train on) is found elsewhere and reported through [`SpecSource::error_at`].
//!
//! `keys` lists the tables and keys, `reader` and `value` turn TOML into typed values, the section
//! files (`source`, `columns`, `prepare`, `table`, `rule`, `feed`, `train`, `baseline`, `evaluate`, `publish`, `recommend`)
//! say what each table means, `checks` holds the rules between keys.

mod baseline;
mod checks;
mod columns;
mod error;
mod evaluate;
mod feed;
mod gate;
mod gate_text;
mod keys;
mod locate;
mod metric;
mod overrides;
mod prepare;
mod publish;
mod reader;
mod recommend;
mod rule;
mod rule_fields;
mod rule_parse;
mod rule_text;
mod segments;
mod source;
mod table;
mod train;
mod value;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use baseline::{
    BaselineModel, BaselineSpec, BaselineStudy, BoostedTreesParams, DecisionFeatures, Fill,
    ItemKnnParams, KnnOver, LogisticParams, PersonalFrequencyParams, PopularityParams,
    TifuKnnParams, UpCfParams,
};
pub use columns::{ColumnSpec, ColumnsSpec, CsvSpec, IdKind, PathSpec};
pub use error::{SpecError, SpecProblem};
pub use evaluate::{EvaluateSpec, Question};
pub use feed::{
    CountsParams, InteractionsParams, NamedFeedSpec, PairsParams, SequencesParams, SqlParams,
    TransformSpec,
};
pub use gate::{Gate, GateOp, GateOutcome, GateSide};
pub use gate_text::GateError;
pub use keys::nearest;
pub use locate::SpecSource;
pub use metric::{DecisionMetric, Metric, MetricKind, UnknownMetric};
pub use prepare::{ContextSpec, PrepareSpec, SplitSpec, WeekRange};
pub use publish::PublishSpec;
pub use recommend::RecommendSpec;
pub use rule::{
    Against, Allowed, CheckRule, CheckSpec, CheckValue, ColumnRef, ColumnType, DriftOf, RowTest,
    Severity, TableNumber, Within,
};
pub use segments::SegmentsSpec;
pub use source::{CsvHeader, FileFormat, GenerateSpec, LAYOUTS, MAPPED_LAYOUT, SourceSpec};
pub use table::TableSpec;
pub use train::{
    AlsFeedback, AlsParams, AlsSolver, AlsStudy, AttentionLstmParams, BasketLoss, ClassWeights,
    Cust2vecArchitecture, Cust2vecParams, DecisionWatch, Expand, ModelSpec, NeuralOptimizer,
    Optimizer, Prod2vecParams, Schedule, TrainSpec, UpdateMode, Watch, WideDeepParams, WindowSpec,
};

use reader::{Reader, Table};

/// One run: where the data comes from, what is made of it, what is trained, and what is published.
///
/// Its JSON has every default filled in and a fixed order of fields, so equal specs have equal
/// bytes and one digest. Deserialising reads such a spec back and checks nothing but its form; what a
/// user wrote goes through [`RunSpec::parse`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Name of the run's family: `[a-z0-9][a-z0-9-]*`, at most 64 characters.
    pub name: String,
    /// Seed of everything that is random in the run; 1 unless given.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Where the raw data lies.
    pub source: SourceSpec,
    /// How raw data becomes tables.
    #[serde(default)]
    pub prepare: PrepareSpec,
    /// What is held out.
    #[serde(default)]
    pub split: SplitSpec,
    /// Tables of the user's own, and other SQL for known ones.
    #[serde(default)]
    pub table: Vec<TableSpec>,
    /// What must hold of the tables.
    #[serde(default)]
    pub check: Vec<CheckSpec>,
    /// Feeds for readers of the user's own.
    #[serde(default)]
    pub feed: Vec<NamedFeedSpec>,
    /// Models to train; none makes a run that only prepares tables.
    #[serde(default)]
    pub train: Vec<TrainSpec>,
    /// Predictors that every model is compared with.
    #[serde(default)]
    pub baseline: Vec<BaselineSpec>,
    /// How models and baselines are evaluated.
    #[serde(default)]
    pub evaluate: EvaluateSpec,
    /// What happens to a trained model; nothing is published unless given.
    #[serde(default)]
    pub publish: Option<PublishSpec>,
    /// What every user gets; no lists are written unless given.
    #[serde(default)]
    pub recommend: Option<RecommendSpec>,
    /// How users are grouped; they are not unless given.
    #[serde(default)]
    pub segments: Option<SegmentsSpec>,
}

fn default_seed() -> u64 {
    1
}

impl RunSpec {
    /// Whether anything learns from the tables, if only to rank.
    #[must_use]
    pub fn learns(&self) -> bool {
        !self.train.is_empty() || !self.baseline.is_empty()
    }

    /// What is asked: what the models answer and, where there are none, what the baselines do.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let asked = |question: &Question| {
            if self.train.is_empty() {
                return self.baseline.iter().any(|b| b.answers(*question));
            }
            self.train.iter().any(|t| t.model.question() == *question)
        };
        Question::ALL.into_iter().filter(asked).collect()
    }

    /// Reads a spec and runs every check that needs no data.
    ///
    /// # Errors
    /// All problems of the first stage that finds any: TOML syntax (one), then keys, types and
    /// allowed values (all), then rules between keys (all).
    pub fn parse(source: &SpecSource) -> Result<Self, SpecError> {
        let document = source.document()?;
        let reader = Reader::new(source);
        let spec = Self::read(&reader.top(document.get_ref()));
        reader.finish()?;
        let found = checks::check(&spec);
        let located = found
            .into_iter()
            .map(|c| source.problem(&c.key, c.message, Some(c.help)));
        SpecError::from_problems(located.collect()).map_or(Ok(spec), Err)
    }

    /// The resolved spec, defaults filled in: equal specs give equal bytes.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        // Serialising our own plain types to memory cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn read(top: &Table<'_, '_>) -> Self {
        Self {
            name: top.name("name").unwrap_or_default(),
            seed: top.integer("seed", 0..).unwrap_or_else(default_seed),
            source: top
                .table("source", &keys::SOURCE)
                .map_or_else(SourceSpec::blank, |t| SourceSpec::read(&t)),
            prepare: top
                .table("prepare", &keys::PREPARE)
                .map_or_else(Default::default, |t| PrepareSpec::read(&t)),
            split: top
                .table("split", &keys::SPLIT)
                .map_or_else(Default::default, |t| SplitSpec::read(&t)),
            table: top
                .tables("table", &keys::TABLE)
                .iter()
                .map(TableSpec::read)
                .collect(),
            check: top
                .tables("check", &keys::CHECK)
                .iter()
                .map(CheckSpec::read)
                .collect(),
            feed: top
                .tables("feed", &keys::FEED)
                .iter()
                .map(NamedFeedSpec::read)
                .collect(),
            train: top
                .tables("train", &keys::TRAIN)
                .iter()
                .map(TrainSpec::read)
                .collect(),
            baseline: top
                .tables("baseline", &keys::BASELINE)
                .iter()
                .map(BaselineSpec::read)
                .collect(),
            evaluate: top
                .table("evaluate", &keys::EVALUATE)
                .map_or_else(Default::default, |t| EvaluateSpec::read(&t)),
            publish: top
                .table("publish", &keys::PUBLISH)
                .map(|t| PublishSpec::read(&t)),
            recommend: top
                .table("recommend", &keys::RECOMMEND)
                .map(|t| RecommendSpec::read(&t)),
            segments: top
                .table("segments", &keys::SEGMENTS)
                .map(|t| SegmentsSpec::read(&t)),
        }
    }
}
