//! Metrics: pure functions of what was placed where, and of decisions of what was said of each.
//! Intervals are the normal approximation, ±1.96 standard errors over queries, or over users where these
//! have several.

mod baskets;
mod decisions;
mod users;

use pannier_proto::event::{MetricRow, PairedRow};

pub use baskets::of_baskets;
pub use decisions::{Decisions, calibration, curve, of_decisions};
pub use users::{Catalogue, Lists, Targets, of_users};

const Z: f64 = 1.96;

/// Who was asked.
pub struct Method {
    /// Train name or baseline model.
    pub name: String,
    /// Whether it is a baseline.
    pub baseline: bool,
}

/// What was measured: a row per method and metric, and the differences of models against baselines.
type Measured = (Vec<MetricRow>, Vec<PairedRow>);

/// A mean with half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    value: f64,
    half: f64,
    n: u64,
}

impl Mean {
    /// Of values with their counts.
    fn of(values: impl Iterator<Item = (f64, u64)> + Clone) -> Self {
        let n: u64 = values.clone().map(|(_, c)| c).sum();
        if n == 0 {
            return Self::default();
        }
        let count = n as f64;
        let value = values.clone().map(|(v, c)| v * c as f64).sum::<f64>() / count;
        let variance = values
            .map(|(v, c)| (v - value).powi(2) * c as f64)
            .sum::<f64>()
            / (count - 1.0).max(1.0);
        let half = Z * (variance / count).sqrt();
        Self { value, half, n }
    }

    /// As a method's metric, whose values are `0..=most`.
    fn row(self, method: &Method, metric: String, most: f64) -> MetricRow {
        MetricRow {
            method: method.name.clone(),
            metric,
            value: self.value,
            lo: (self.value - self.half).max(0.0),
            hi: (self.value + self.half).min(most),
            n: self.n,
        }
    }

    /// As the difference of a method from another.
    fn paired(self, method: &Method, against: &Method, metric: String) -> PairedRow {
        PairedRow {
            method: method.name.clone(),
            against: against.name.clone(),
            metric,
            difference: self.value,
            lo: self.value - self.half,
            hi: self.value + self.half,
        }
    }
}

/// Places of each model and of each baseline, in all pairs of them.
fn pairs(methods: &[Method]) -> impl Iterator<Item = (usize, usize)> {
    let places = move |baseline: bool| {
        let of_kind = methods.iter().enumerate();
        of_kind
            .filter(move |(_, m)| m.baseline == baseline)
            .map(|(at, _)| at)
    };
    places(false).flat_map(move |model| places(true).map(move |baseline| (model, baseline)))
}
