//! The loss curve, and the learning rate under it where that changes.
//!
//! A long training has more points than the page has pixels: points are averaged in groups, and a
//! band behind the line shows the range within each group, so no spike gets lost.

use maud::{Markup, html};

use super::Frame;
use super::scale::{Linear, percent};
use crate::report::format;

/// The training at one step.
#[derive(Clone, Copy)]
pub struct Point {
    /// Global step.
    pub step: f64,
    /// Its epoch.
    pub epoch: u32,
    /// The loss; not finite where the training diverged.
    pub loss: f64,
    /// The learning rate.
    pub learning_rate: f64,
}

/// Most groups of points in one line.
pub const MAX_GROUPS: usize = 320;
/// Height of the loss, px, below the room for epoch labels.
const LOSS: u32 = 190;
const TOP: u32 = 24;
/// Height of the learning rate and the gap above it, px.
const RATE: u32 = 44;
const GAP: u32 = 42;
/// Coordinates inside of a line's own box run from 0 to this.
const BOX: f64 = 1000.0;

/// Points averaged in one group.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Group {
    step: f64,
    mean: f64,
    lo: f64,
    hi: f64,
}

/// The chart; `None` where fewer than two points have a finite loss.
pub fn loss_chart(id: &str, title: &str, desc: &str, points: &[Point]) -> Option<Markup> {
    let groups = grouped(points.iter().map(|point| (point.step, point.loss)));
    if groups.len() < 2 {
        return None;
    }
    let last = points
        .iter()
        .rev()
        .map(|point| point.loss)
        .find(|loss| loss.is_finite())?;
    let x = Linear::covering(points.iter().map(|point| point.step))?.with_zero_if_near();
    let y = Linear::covering(groups.iter().flat_map(|group| [group.lo, group.hi]))?
        .with_zero_if_near()
        .nice(4);
    let rates = grouped(points.iter().map(|point| (point.step, point.learning_rate)));
    let rate_varies = rates
        .iter()
        .any(|group| (group.mean - rates[0].mean).abs() > rates[0].mean.abs() * 1e-6);
    let bottom = TOP + LOSS + if rate_varies { GAP + RATE } else { 0 };
    let body = html! {
        (epochs(points, x, bottom))
        (y_axis(y))
        (curve(&groups, x, y, TOP, LOSS, "loss"))
        (end_label(&format::loss(last), y.fraction(last), TOP, LOSS, "loss"))
        @if rate_varies { (learning_rate(&rates, x)) }
        (x_labels(x, bottom))
    };
    Some(
        Frame {
            id,
            title,
            desc,
            left: 46,
            right: 58,
            height: bottom + 40,
        }
        .draw(&body),
    )
}

/// Averages finite values in at most [`MAX_GROUPS`] groups of equally many points.
fn grouped(points: impl Iterator<Item = (f64, f64)>) -> Vec<Group> {
    let finite: Vec<_> = points.filter(|(_, value)| value.is_finite()).collect();
    let size = finite.len().div_ceil(MAX_GROUPS).max(1);
    let group = |points: &[(f64, f64)]| {
        let n = points.len() as f64;
        let values = || points.iter().map(|(_, value)| *value);
        Group {
            step: points.iter().map(|(step, _)| step).sum::<f64>() / n,
            mean: values().sum::<f64>() / n,
            lo: values().fold(f64::INFINITY, f64::min),
            hi: values().fold(f64::NEG_INFINITY, f64::max),
        }
    };
    finite.chunks(size).map(group).collect()
}

/// A line with its band in a box of its own, which alone is stretched along x.
fn curve(groups: &[Group], x: Linear, y: Linear, top: u32, height: u32, class: &str) -> Markup {
    let place = |step: f64, value: f64| {
        format!(
            "{:.1} {:.1}",
            x.fraction(step) * BOX,
            (1.0 - y.fraction(value)) * BOX
        )
    };
    let line = groups
        .iter()
        .map(|group| place(group.step, group.mean))
        .collect::<Vec<_>>()
        .join("L");
    let upper = groups.iter().map(|group| place(group.step, group.hi));
    let lower = groups.iter().rev().map(|group| place(group.step, group.lo));
    let band = upper.chain(lower).collect::<Vec<_>>().join("L");
    html! {
        svg x="0" y=(top) width="100%" height=(height)
            viewBox={ "0 0 " (BOX) " " (BOX) } preserveAspectRatio="none" {
            @if groups.iter().any(|group| group.hi > group.lo) {
                path class={ "band " (class) } d={ "M" (band) "Z" } {}
            }
            path class={ "line " (class) } d={ "M" (line) } {}
        }
    }
}

fn end_label(value: &str, fraction: f64, top: u32, height: u32, class: &str) -> Markup {
    let y = f64::from(top) + (1.0 - fraction) * f64::from(height);
    html! {
        text class={ "end " (class) } x="100%" dx="8" y=(format!("{y:.1}")) dy="0.35em" { (value) }
    }
}

fn y_axis(y: Linear) -> Markup {
    html! {
        @for (value, label) in y.ticks(4) {
            @let at = format!("{:.1}", f64::from(TOP) + (1.0 - y.fraction(value)) * f64::from(LOSS));
            line.grid x1="0" x2="100%" y1=(at) y2=(at) {}
            text.tick x="-10" y=(at) dy="0.35em" text-anchor="end" { (label) }
        }
    }
}

fn x_labels(x: Linear, bottom: u32) -> Markup {
    html! {
        @for (step, label) in x.ticks(5) {
            @let at = percent(x.fraction(step));
            line.stub x1=(at) x2=(at) y1=(bottom) y2=(bottom + 4) {}
            text.tick x=(at) y=(bottom + 18) text-anchor="middle" { (label) }
        }
        text.axis x="100%" y=(bottom + 34) text-anchor="end" { "step" }
    }
}

/// A line where each epoch begins, with as many labels as there is room for.
fn epochs(points: &[Point], x: Linear, bottom: u32) -> Markup {
    let mut starts: Vec<(u32, f64)> = Vec::new();
    for point in points {
        if starts.last().is_none_or(|(epoch, _)| *epoch != point.epoch) {
            // The first epoch began before its first point.
            starts.push((
                point.epoch,
                if starts.is_empty() {
                    x.start()
                } else {
                    point.step
                },
            ));
        }
    }
    let every = starts.len().div_ceil(6).max(1);
    html! {
        @if starts.len() > 1 {
            @for (i, (epoch, step)) in starts.into_iter().enumerate().step_by(every) {
                @let at = percent(x.fraction(step));
                line.epoch x1=(at) x2=(at) y1=(TOP - 8) y2=(bottom) {}
                text.tick x=(at) dx="4" y=(TOP - 10) {
                    // The first label names the series, the others are its numbers.
                    @if i == 0 { "epoch " (epoch) } @else { (epoch) }
                }
            }
        }
    }
}

fn learning_rate(rates: &[Group], x: Linear) -> Markup {
    let Some(scale) = Linear::covering(rates.iter().map(|group| group.mean)).map(Linear::with_zero)
    else {
        return html! {};
    };
    let top = TOP + LOSS + GAP;
    let top_value = rates.iter().map(|group| group.mean).fold(0.0, f64::max);
    let last = rates.last().map_or(0.0, |group| group.mean);
    html! {
        text.axis x="0" y=(top - 16) dx="-46" { "learning rate" }
        line.grid x1="0" x2="100%" y1=(top + RATE) y2=(top + RATE) {}
        line.grid x1="0" x2="100%" y1=(top) y2=(top) {}
        text.tick x="-10" y=(top) dy="0.35em" text-anchor="end" { (format::significant(top_value)) }
        text.tick x="-10" y=(top + RATE) dy="0.35em" text-anchor="end" { "0" }
        (curve(rates, x, scale, top, RATE, "rate"))
        (end_label(&format::significant(last), scale.fraction(last), top, RATE, "rate"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_range_and_drop_what_is_not_finite() {
        let points = (0..1_000)
            .map(|i| (f64::from(i), if i == 500 { 9.0 } else { 1.0 }))
            .chain([(1e3, f64::NAN)]);
        let groups = grouped(points);
        assert!(groups.len() <= MAX_GROUPS, "{}", groups.len());
        assert!(
            groups.iter().any(|group| (group.hi - 9.0).abs() < 1e-9),
            "the spike is in a band"
        );
        assert!(groups.iter().all(|group| group.mean.is_finite()
            && group.lo <= group.mean
            && group.mean <= group.hi));
    }

    #[test]
    fn one_point_is_no_curve() {
        let point = Point {
            step: 1.0,
            epoch: 0,
            loss: 0.5,
            learning_rate: 0.1,
        };
        assert!(loss_chart("id", "title", "desc", &[point]).is_none());
        assert!(loss_chart("id", "title", "desc", &[]).is_none());
        assert!(
            loss_chart(
                "id",
                "title",
                "desc",
                &[point, Point { step: 2.0, ..point }]
            )
            .is_some()
        );
    }
}
