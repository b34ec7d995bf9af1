//! The metrics that a run evaluates, by name. What each is computed from is where it is computed.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::evaluate::Question;

/// A metric, over all answers to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// `mrr@100`.
    Mrr100,
    /// One of lists, over the first K places.
    At(MetricKind, u32),
    /// One of decisions.
    Decision(DecisionMetric),
}

/// A metric over decisions: whether each was bought, and the probability that it was said to have. What
/// is foretold to be bought is what has a higher probability than the share of the train decisions that
/// were bought: above .5 where both sides weigh the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecisionMetric {
    /// `auc`: the area under the ROC curve.
    Auc,
    /// `pr_auc`: average precision, over the precision-recall curve.
    PrAuc,
    /// `log_loss`: the mean of -ln of the probability of what was decided, in nats; less is better.
    LogLoss,
    /// `accuracy`: the share of decisions that were foretold, either way.
    Accuracy,
    /// `precision`: the share of what was foretold to be bought that was.
    Precision,
    /// `recall`: the share of what was bought that was foretold.
    Recall,
}

/// A metric over the first K places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricKind {
    /// `hit_rate@K`: how often a basket's hidden item has a place.
    HitRate,
    /// `ndcg@K`: places of a user's purchases, discounted by their logarithm, over those of the best
    /// list of K.
    Ndcg,
    /// `ndcg_all@K`: the same over the best list of all purchases, as some papers have it: with more
    /// than K purchases no list of K reaches 1.
    NdcgAll,
    /// `map@K`: the mean over users of average precision.
    Map,
    /// `precision@K`: the share of places that are purchases.
    Precision,
    /// `recall@K`: the share of purchases that have a place.
    Recall,
    /// `recall_repeat@K`: the same of what the user had bought before.
    RecallRepeat,
    /// `recall_explore@K`: the same of what was new to the user.
    RecallExplore,
    /// `user_hit_rate@K`: how often a user buys something of the list.
    UserHitRate,
    /// `repeat_share@K`: the share of places that the user had bought before.
    RepeatShare,
    /// `coverage@K`: the share of the catalogue that is in any list.
    Coverage,
    /// `diversity@K`: the share of pairs of a list's items that are of different departments.
    Diversity,
    /// `novelty@K`: how rarely the items are bought, in bits.
    Novelty,
}

/// A word that is no metric.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no metric: use `hit_rate@K`, with K from 1 to 100, or `mrr@100` for baskets, and `ndcg@K`, `ndcg_all@K`, `map@K`, `precision@K`, `recall@K`, `recall_repeat@K`, `recall_explore@K`, `user_hit_rate@K`, `repeat_share@K`, `coverage@K`, `diversity@K` or `novelty@K` for users, and `auc`, `pr_auc`, `log_loss`, `accuracy`, `precision` or `recall` for decisions"
)]
pub struct UnknownMetric(pub String);

impl Metric {
    /// What it measures the answers to.
    #[must_use]
    pub fn question(self) -> Question {
        match self {
            Self::Mrr100 | Self::At(MetricKind::HitRate, _) => Question::Basket,
            Self::At(..) => Question::User,
            Self::Decision(_) => Question::Decision,
        }
    }

    /// Whether a smaller one is better.
    #[must_use]
    pub fn less_is_better(self) -> bool {
        self == Self::Decision(DecisionMetric::LogLoss)
    }

    /// The metrics of a question in the order in which they are shown, the headline first.
    #[must_use]
    pub fn of(question: Question, k: &[u32]) -> Vec<Self> {
        let at = |kind| k.iter().map(move |k| Self::At(kind, *k));
        let kinds = MetricKind::ALL.into_iter();
        let mut all: Vec<Self> = kinds.flat_map(at).collect();
        all.push(Self::Mrr100);
        all.extend(DecisionMetric::ALL.map(Self::Decision));
        all.retain(|metric| metric.question() == question);
        all
    }
}

impl MetricKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::HitRate,
        Self::Ndcg,
        Self::Recall,
        Self::RecallRepeat,
        Self::RecallExplore,
        Self::Precision,
        Self::Map,
        Self::UserHitRate,
        Self::NdcgAll,
        Self::RepeatShare,
        Self::Coverage,
        Self::Diversity,
        Self::Novelty,
    ];

    /// Its name before the `@`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HitRate => "hit_rate",
            Self::Ndcg => "ndcg",
            Self::NdcgAll => "ndcg_all",
            Self::Map => "map",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::RecallRepeat => "recall_repeat",
            Self::RecallExplore => "recall_explore",
            Self::UserHitRate => "user_hit_rate",
            Self::RepeatShare => "repeat_share",
            Self::Coverage => "coverage",
            Self::Diversity => "diversity",
            Self::Novelty => "novelty",
        }
    }
}

impl DecisionMetric {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Auc,
        Self::PrAuc,
        Self::LogLoss,
        Self::Accuracy,
        Self::Precision,
        Self::Recall,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auc => "auc",
            Self::PrAuc => "pr_auc",
            Self::LogLoss => "log_loss",
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mrr100 => f.write_str("mrr@100"),
            Self::At(kind, k) => write!(f, "{}@{k}", kind.name()),
            Self::Decision(metric) => f.write_str(metric.name()),
        }
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(word: &str) -> Result<Self, UnknownMetric> {
        let unknown = || UnknownMetric(word.to_owned());
        if word == "mrr@100" {
            return Ok(Self::Mrr100);
        }
        let Some((name, k)) = word.split_once('@') else {
            let metric = DecisionMetric::ALL.into_iter().find(|m| m.name() == word);
            return metric.map(Self::Decision).ok_or_else(unknown);
        };
        let kind = MetricKind::ALL.into_iter().find(|kind| kind.name() == name);
        let k = k.parse().ok().filter(|k| (1..=100).contains(k));
        let (kind, k) = kind.zip(k).ok_or_else(unknown)?;
        Ok(Self::At(kind, k))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for question in Question::ALL {
            let all = Metric::of(question, &[10, 20]);
            assert!(!all.is_empty());
            for metric in all {
                assert_eq!(metric.to_string().parse(), Ok(metric));
                assert_eq!(metric.question(), question);
            }
        }
        for word in ["ndcg", "ndcg@0", "ndcg@101", "mrr@10", "auc@10", "aucs"] {
            assert!(word.parse::<Metric>().is_err(), "{word}");
        }
    }
}
