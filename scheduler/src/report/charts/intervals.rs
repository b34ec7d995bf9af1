//! Dots with whiskers: a value and its interval, one row for each method, or one alone in a cell.

use maud::{Markup, html};

use super::scale::{Linear, percent};
use super::{Frame, gutter, row_label, x_axis};
use crate::report::format;

/// One row of a dot plot.
pub struct Dot<'a> {
    /// The method.
    pub label: &'a str,
    /// Its value.
    pub value: f64,
    /// Lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it stands out: a model among baselines.
    pub emphasised: bool,
}

const ROW: u32 = 26;
const TOP: u32 = 4;

/// Rows of dots on one scale, with a dotted line at `reference`.
pub fn dot_plot(
    id: &str,
    title: &str,
    desc: &str,
    dots: &[Dot<'_>],
    reference: Option<f64>,
) -> Markup {
    let ends = dots
        .iter()
        .flat_map(|dot| dot.interval.map_or([dot.value; 2], |(lo, hi)| [lo, hi]));
    let values = dots.iter().map(|dot| dot.value);
    let Some(scale) = Linear::covering(ends.chain(values)) else {
        return html! { p.empty { "None of the values is a number, so there is nothing to draw." } };
    };
    let scale = scale.with_zero_if_near().nice(5);
    let bottom = TOP + ROW * dots.len() as u32;
    let ticks: Vec<_> = scale
        .ticks(5)
        .into_iter()
        .map(|(at, label)| (scale.fraction(at), label))
        .collect();
    let body = html! {
        (x_axis(&ticks, 0, bottom))
        @if let Some(reference) = reference.filter(|value| value.is_finite()) {
            @let x = percent(scale.fraction(reference));
            line.reference x1=(x) x2=(x) y1="0" y2=(bottom) {}
        }
        @for (i, dot) in dots.iter().enumerate() {
            @let middle = TOP + ROW * i as u32 + ROW / 2;
            @let class = if dot.emphasised { "model" } else { "baseline" };
            (row_label(dot.label, middle, class))
            (mark(scale, dot.value, dot.interval, middle, class))
            text class={ "value " (class) } x="100%" dx="12" y=(middle) dy="0.35em" {
                (format::metric(dot.value))
            }
        }
    };
    let left = gutter(dots.iter().map(|dot| dot.label));
    Frame {
        id,
        title,
        desc,
        left,
        right: 62,
        height: bottom + 24,
    }
    .draw(&body)
}

/// One interval around zero for a table cell. The numbers stand beside it, so it is hidden from
/// screen readers.
pub fn around_zero(scale: Linear, value: f64, interval: (f64, f64), class: &str) -> Markup {
    html! {
        svg.cell width="100%" height="20" aria-hidden="true" {
            line.zero x1="50%" x2="50%" y1="-6" y2="26" {}
            (mark(scale, value, Some(interval), 10, class))
        }
    }
}

fn mark(
    scale: Linear,
    value: f64,
    interval: Option<(f64, f64)>,
    middle: u32,
    class: &str,
) -> Markup {
    html! {
        @if let Some((lo, hi)) = interval.filter(|(lo, hi)| lo.is_finite() && hi.is_finite()) {
            @let (lo, hi) = (percent(scale.fraction(lo)), percent(scale.fraction(hi)));
            line class={ "whisker " (class) } x1=(lo) x2=(hi) y1=(middle) y2=(middle) {}
            @for end in [lo, hi] {
                line class={ "whisker " (class) } x1=(end) x2=(end) y1=(middle - 4) y2=(middle + 4) {}
            }
        }
        @if value.is_finite() {
            circle class={ "dot " (class) } cx=(percent(scale.fraction(value))) cy=(middle) r="4.5" {}
        }
    }
}
