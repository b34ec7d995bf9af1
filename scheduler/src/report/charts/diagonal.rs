//! Points of two numbers that should be equal, against the diagonal.

use maud::{Markup, html};

use super::Frame;
use super::scale::{Linear, percent};

const HEIGHT: u32 = 260;
const TOP: u32 = 8;

/// The chart, with one scale for both axes: given to the right, found upwards. Points that are no
/// numbers are left out.
pub fn diagonal(id: &str, title: &str, desc: &str, points: &[(f64, f64)]) -> Markup {
    let finite = || {
        points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    let Some(scale) = Linear::covering(finite().flat_map(|(x, y)| [*x, *y])) else {
        return html! { p.empty { "None of the values is a number, so there is nothing to draw." } };
    };
    let scale = scale.with_zero().nice(5);
    let height = |value: f64| {
        let from_top = 1.0 - scale.fraction(value);
        format!("{:.1}", f64::from(TOP) + from_top * f64::from(HEIGHT))
    };
    let bottom = TOP + HEIGHT;
    let body = html! {
        @for (at, label) in scale.ticks(5) {
            line.grid x1="0" x2="100%" y1=(height(at)) y2=(height(at)) {}
            text.tick x="-10" y=(height(at)) dy="0.35em" text-anchor="end" { (label) }
            text.tick x=(percent(scale.fraction(at))) y=(bottom + 18) text-anchor="middle" { (label) }
        }
        line.reference x1="0" x2="100%" y1=(bottom) y2=(TOP) {}
        @for (x, y) in finite() {
            circle.dot.model cx=(percent(scale.fraction(*x))) cy=(height(*y)) r="4.5" {}
        }
        text.axis x="100%" y=(bottom + 36) text-anchor="end" { "probability given" }
    };
    Frame {
        id,
        title,
        desc,
        left: 56,
        right: 12,
        height: bottom + 42,
    }
    .draw(&body)
}
