//! The loss of one training: the curve, a sentence about it, and the numbers by epoch.

use maud::{Markup, html};

use super::{scroll, training};
use crate::report::charts::loss::{MAX_GROUPS, Point, loss_chart};
use crate::report::data::{LossPoint, Training};
use crate::report::format;

/// The curve of the `i`-th training, and its numbers by epoch.
pub fn loss(i: usize, training: &Training) -> Markup {
    let points: Vec<_> = training.curve.iter().map(point).collect();
    let desc = described(training);
    let chart = loss_chart(
        &format!("loss-{i}"),
        &format!("Loss of {}", training.name),
        &desc,
        &points,
    );
    html! {
        @match chart {
            Some(chart) => figure {
                h4 { "Loss" }
                (chart)
                figcaption { (desc) }
            },
            None => p.empty {
                "There is no loss curve: it needs two points with a finite loss, "
                "and a model solved in closed form has none."
            },
        }
        @if training.curve.len() > 1 { (by_epoch(training)) }
    }
}

fn point(point: &LossPoint) -> Point {
    Point {
        step: point.step as f64,
        epoch: point.epoch,
        loss: point.loss,
        learning_rate: point.learning_rate,
    }
}

fn described(training: &Training) -> String {
    let finite: Vec<_> = training
        .curve
        .iter()
        .filter(|point| point.loss.is_finite())
        .collect();
    let [first, .., last] = finite.as_slice() else {
        return String::new();
    };
    let mut text = format!(
        "The loss went from {} to {} in {} steps.",
        format::loss(first.loss),
        format::loss(last.loss),
        format::count(last.step)
    );
    let (lo, hi) = finite
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), point| {
            (lo.min(point.learning_rate), hi.max(point.learning_rate))
        });
    // Not every model has one.
    if hi > 0.0 && hi - lo <= hi.abs() * 1e-6 {
        text.push_str(&format!(
            " The learning rate was {} throughout.",
            format::significant(hi)
        ));
    }
    if finite.len() > MAX_GROUPS {
        text.push_str(" The line is the mean of neighbouring points, the band their range.");
    }
    let broken = training.curve.len() - finite.len();
    if broken > 0 {
        text.push_str(&format!(
            " {} without a finite loss is left out.",
            format::plural(broken as u64, "point", "points")
        ));
    }
    text
}

fn by_epoch(training: &Training) -> Markup {
    let points = &training.curve;
    let is_last = |(i, point): &(usize, &LossPoint)| {
        points
            .get(i + 1)
            .is_none_or(|next| next.epoch != point.epoch)
    };
    let table = html! {
        table {
            thead {
                tr {
                    th.n scope="col" { "Epoch" }
                    th.n scope="col" { "Last step" }
                    th.n scope="col" { "Loss" }
                    th.n scope="col" { "Learning rate" }
                    th.n scope="col" { (format!("{} seen", training::examples(training))) }
                }
            }
            tbody {
                @for (_, point) in points.iter().enumerate().filter(is_last) {
                    tr {
                        th.n scope="row" { (point.epoch) }
                        td.n { (format::count(point.step)) }
                        td.n { (format::fixed(point.loss, 4)) }
                        td.n { (format::significant(point.learning_rate)) }
                        td.n { (format::count(point.examples_seen)) }
                    }
                }
            }
        }
    };
    html! {
        details {
            summary { "Loss at the end of each epoch" }
            (scroll(&format!("Loss of {} by epoch", training.name), &table))
        }
    }
}
