//! What a role's `/metrics` page says, in OpenMetrics text. A role gives numbers as they are when it
//! is asked; nothing is kept here.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

pub use prometheus_client::registry::Unit;

/// Type of the page.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether a metric only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins anew with the process.
    Counter,
    /// It is what it is now.
    Gauge,
}

/// A number, and what tells it from others of its metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

/// One metric.
#[derive(Debug, Clone)]
pub struct Metric {
    /// What it is.
    pub kind: Kind,
    /// Behind `pannier_`, without unit and without `_total`.
    pub name: &'static str,
    /// A sentence without its full stop.
    pub help: &'static str,
    /// Its unit, where it has one.
    pub unit: Option<Unit>,
    /// Its numbers.
    pub samples: Vec<Sample>,
}

impl Metric {
    /// A metric without a unit.
    #[must_use]
    pub fn new(
        kind: Kind,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = Sample>,
    ) -> Self {
        Self {
            kind,
            name,
            help,
            unit: None,
            samples: samples.into_iter().collect(),
        }
    }

    /// A metric of one number.
    #[must_use]
    pub fn one(kind: Kind, name: &'static str, help: &'static str, value: f64) -> Self {
        let labels = Vec::new();
        Self::new(kind, name, help, [Sample { labels, value }])
    }

    /// The same in a unit.
    #[must_use]
    pub fn of(self, unit: Unit) -> Self {
        Self {
            unit: Some(unit),
            ..self
        }
    }
}

#[derive(Debug)]
struct Page(Vec<Metric>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for metric in self.0.iter().filter(|metric| !metric.samples.is_empty()) {
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let (name, unit) = (metric.name, metric.unit.as_ref());
            let mut family = encoder.encode_descriptor(name, metric.help, unit, kind)?;
            for Sample { labels, value } in &metric.samples {
                let mut sample = family.encode_family(labels)?;
                match metric.kind {
                    Kind::Counter => sample.encode_counter::<NoLabelSet, f64, f64>(value, None)?,
                    Kind::Gauge => sample.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}

/// A page, with the headers that it is sent with.
pub type Answer = ([(&'static str, &'static str); 1], String);

/// What `/metrics` answers.
#[must_use]
pub fn answer(metrics: Vec<Metric>) -> Answer {
    ([("content-type", CONTENT_TYPE)], page(metrics))
}

/// The page of some metrics. One without a number is left out.
fn page(metrics: Vec<Metric>) -> String {
    let mut registry = Registry::with_prefix("pannier");
    registry.register_collector(Box::new(Page(metrics)));
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = text::encode(&mut text, &registry);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_open_metrics() {
        let samples = [("scan", 1.5), ("network", 0.0)].map(|(cause, value)| Sample {
            labels: vec![("cause", cause.to_owned())],
            value,
        });
        let by_cause = Metric::new(Kind::Counter, "training", "Time of trainings", samples);
        let by_cause = by_cause.of(Unit::Seconds);
        let nothing = Metric::new(Kind::Gauge, "nothing", "Never there", []);
        let page = page(vec![
            by_cause,
            nothing,
            Metric::one(Kind::Gauge, "trainers", "Trainers attached", 2.0),
        ]);
        let expected = "\
# HELP pannier_training_seconds Time of trainings
# TYPE pannier_training_seconds counter
# UNIT pannier_training_seconds seconds
pannier_training_seconds_total{cause=\"scan\"} 1.5
pannier_training_seconds_total{cause=\"network\"} 0.0
# HELP pannier_trainers Trainers attached
# TYPE pannier_trainers gauge
pannier_trainers{} 2.0
# EOF
";
        assert_eq!(page, expected);
    }
}
