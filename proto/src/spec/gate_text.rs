//! A gate as text: how it is read and written. What it means is in `gate`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use toml::de::DeValue;

use super::gate::{Gate, GateOp, GateSide};
use super::metric::UnknownMetric;
use super::reader::Table;
use super::value::is_name;

/// A text that is not a gate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GateError {
    /// The parts are not where they belong.
    #[error("write `{}`, with spaces between the parts", Gate::GRAMMAR)]
    Form,
    /// The comparison is none.
    #[error("`{0}` is no comparison: use `>=`, `>`, `<=` or `<`")]
    Op(String),
    /// The metric is none.
    #[error(transparent)]
    Metric(#[from] UnknownMetric),
    /// The owner of a metric is no name.
    #[error("`{0}` names neither a baseline nor an alias")]
    Owner(String),
    /// The left side has an owner.
    #[error("`{0}` stands on the left, which is always the new model: write `{1}`")]
    Left(String, String),
    /// A number is none, or not finite.
    #[error("`{0}` is no finite number")]
    Number(String),
}

impl Gate {
    /// What a spec has under `gate`.
    pub(super) fn read(table: &Table<'_, '_>) -> Option<Self> {
        table.value("gate", "a comparison of metrics", |value: &DeValue<'_>| {
            let text = value
                .as_str()
                .ok_or_else(|| Some(Self::GRAMMAR.to_string()))?;
            text.parse().map_err(|e: GateError| Some(e.to_string()))
        })
    }
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (left, op, right, offset) = match words[..] {
            [left, op, right] => (left, op, right, 0.0),
            [left, op, right, "+", offset] => (left, op, right, number(offset)?),
            [left, op, right, "-", offset] => (left, op, right, -number(offset)?),
            _ => return Err(GateError::Form),
        };
        if let (Some(_), metric) = owner_and_metric(left) {
            return Err(GateError::Left(left.into(), metric.into()));
        }
        Ok(Self {
            metric: left.parse()?,
            op: op.parse()?,
            against: right.parse()?,
            offset,
        })
    }
}

impl FromStr for GateSide {
    type Err = GateError;

    fn from_str(word: &str) -> Result<Self, GateError> {
        if word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
            return number(word).map(Self::Number);
        }
        let (who, metric) = owner_and_metric(word);
        if let Some(who) = who.filter(|who| !is_name(who)) {
            return Err(GateError::Owner(who.into()));
        }
        Ok(Self::Metric {
            who: who.map(str::to_string),
            metric: metric.parse()?,
        })
    }
}

impl FromStr for GateOp {
    type Err = GateError;

    fn from_str(word: &str) -> Result<Self, GateError> {
        let ops = [Self::AtLeast, Self::Above, Self::AtMost, Self::Below];
        let found = ops.into_iter().find(|op| op.symbol() == word);
        found.ok_or_else(|| GateError::Op(word.into()))
    }
}

/// `champion.hit_rate@10` as its two parts.
fn owner_and_metric(word: &str) -> (Option<&str>, &str) {
    word.rsplit_once('.')
        .map_or((None, word), |(who, metric)| (Some(who), metric))
}

fn number(word: &str) -> Result<f64, GateError> {
    let number = word.parse().ok().filter(|n: &f64| n.is_finite());
    number.ok_or_else(|| GateError::Number(word.into()))
}

impl GateOp {
    fn symbol(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.op, self.against)?;
        if self.offset > 0.0 {
            write!(f, " + {}", self.offset)?;
        } else if self.offset < 0.0 {
            write!(f, " - {}", -self.offset)?;
        }
        Ok(())
    }
}

impl fmt::Display for GateSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Metric {
                who: Some(who),
                metric,
            } => write!(f, "{who}.{metric}"),
            Self::Metric { who: None, metric } => write!(f, "{metric}"),
        }
    }
}

impl fmt::Display for GateOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl TryFrom<String> for Gate {
    type Error = GateError;

    fn try_from(text: String) -> Result<Self, GateError> {
        text.parse()
    }
}

impl From<Gate> for String {
    fn from(gate: Gate) -> Self {
        gate.to_string()
    }
}
