//! The gate: one comparison of metrics that a model must pass before it is published.
//!
//! A pure function of metrics that someone else looks up. It must not know where they are kept.

use serde::{Deserialize, Serialize};

use super::baseline::BaselineModel;
use super::metric::Metric;

/// `METRIC OP [WHO.]METRIC|NUMBER [+|- NUMBER]`, for example
/// `hit_rate@10 >= champion.hit_rate@10 - 0.005`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gate {
    /// The metric of the new model.
    pub metric: Metric,
    /// How the two sides are compared.
    pub op: GateOp,
    /// What the metric is compared with.
    pub against: GateSide,
    /// Added to the right side.
    pub offset: f64,
}

/// The right side of a gate, before the offset.
#[derive(Debug, Clone, PartialEq)]
pub enum GateSide {
    /// A number.
    Number(f64),
    /// A metric, of the new model itself if `who` is none.
    Metric {
        /// A baseline of the spec, or an alias such as `champion`.
        who: Option<String>,
        /// Which metric.
        metric: Metric,
    },
}

/// How the two sides of a gate are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateOp {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

/// What a gate decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateOutcome {
    /// Whether the model may be published.
    pub passed: bool,
    /// Why, with the numbers, for the report.
    pub explanation: String,
}

impl Gate {
    /// The grammar of a gate.
    pub const GRAMMAR: &str = "METRIC >=|>|<=|< [WHO.]METRIC|NUMBER [+|- NUMBER]";

    /// The alias on the right side and its metric, if there is one: a name that is no baseline's.
    #[must_use]
    pub fn alias(&self) -> Option<(&str, Metric)> {
        match &self.against {
            GateSide::Metric {
                who: Some(who),
                metric,
            } if BaselineModel::from_name(who).is_none() => Some((who, *metric)),
            _ => None,
        }
    }

    /// Decides, given metrics by owner and name: `lookup(None, "hit_rate@10")` is the new model's,
    /// `lookup(Some("champion"), "hit_rate@10")` that of a baseline or alias.
    ///
    /// An alias without the metric lets the model pass, as there is nothing to defend yet. A metric
    /// that the new model lacks, or the baseline `who`, does not.
    pub fn evaluate(&self, lookup: impl Fn(Option<&str>, &str) -> Option<f64>) -> GateOutcome {
        let not_measured = |what: String| GateOutcome {
            passed: false,
            explanation: format!("not passed: {what} was not measured"),
        };
        let Some(left) = lookup(None, &self.metric.to_string()) else {
            return not_measured(self.metric.to_string());
        };
        let base = match &self.against {
            GateSide::Number(number) => Some(*number),
            GateSide::Metric { who, metric } => lookup(who.as_deref(), &metric.to_string()),
        };
        let Some(base) = base else {
            return match self.alias() {
                None => not_measured(self.against.to_string()),
                Some((alias, metric)) => GateOutcome {
                    passed: true,
                    explanation: format!(
                        "passed: no `{alias}` has {metric} yet, so there is nothing to compare with"
                    ),
                },
            };
        };
        let right = base + self.offset;
        let passed = match self.op {
            GateOp::AtLeast => left >= right,
            GateOp::Above => left > right,
            GateOp::AtMost => left <= right,
            GateOp::Below => left < right,
        };
        let verdict = if passed { "passed" } else { "not passed" };
        let of_which = match &self.against {
            GateSide::Number(_) => String::new(),
            GateSide::Metric { .. } => format!(", where {} is {base:.6}", self.against),
        };
        let explanation = format!(
            "{verdict}: {self}: {left:.6} {} {right:.6}{of_which}",
            self.op
        );
        GateOutcome {
            passed,
            explanation,
        }
    }
}
