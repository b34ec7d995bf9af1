//! Several lines over two axes that both go from 0 to 1.

use maud::{Markup, html};

use super::scale::{Linear, percent};
use super::{Frame, GROUPS, OTHERS, swatch};

const HEIGHT: u32 = 260;
const TOP: u32 = 8;
/// Coordinates inside the lines' own box run from 0 to this.
const BOX: f64 = 1000.0;

/// A line of the chart.
pub struct Curve<'a> {
    /// What it is.
    pub label: &'a str,
    /// What the legend says of it besides.
    pub shown: String,
    /// Its points, each to the right and upwards, from 0 to 1.
    pub points: Vec<(f64, f64)>,
}

/// What axes count, to the right and upwards, and a line for comparison: from one point to another.
pub struct Axes<'a> {
    /// To the right.
    pub x: &'a str,
    /// Upwards.
    pub y: &'a str,
    /// Where guessing lies.
    pub reference: [(f64, f64); 2],
}

/// The chart and its legend; the first line has the accent.
pub fn curves(id: &str, title: &str, desc: &str, axes: &Axes<'_>, lines: &[Curve<'_>]) -> Markup {
    let Some(scale) = Linear::covering([0.0, 1.0]) else {
        return html! {};
    };
    let bottom = TOP + HEIGHT;
    let height = |at: f64| format!("{:.1}", f64::from(TOP) + (1.0 - at) * f64::from(HEIGHT));
    let place = |(x, y): &(f64, f64)| {
        let (x, y) = (scale.fraction(*x), scale.fraction(*y));
        format!("{:.1} {:.1}", x * BOX, (1.0 - y) * BOX)
    };
    let path = |points: &[(f64, f64)]| points.iter().map(place).collect::<Vec<_>>().join("L");
    let class = |at: usize| GROUPS.get(at).copied().unwrap_or(OTHERS);
    let [from, to] = axes.reference;
    let body = html! {
        @for (at, label) in scale.ticks(5) {
            line.grid x1="0" x2="100%" y1=(height(at)) y2=(height(at)) {}
            text.tick x="-10" y=(height(at)) dy="0.35em" text-anchor="end" { (label) }
            text.tick x=(percent(at)) y=(bottom + 18) text-anchor="middle" { (label) }
        }
        line.reference x1=(percent(from.0)) x2=(percent(to.0)) y1=(height(from.1)) y2=(height(to.1)) {}
        svg x="0" y=(TOP) width="100%" height=(HEIGHT)
            viewBox={ "0 0 " (BOX) " " (BOX) } preserveAspectRatio="none" {
            // The first is drawn last, above the others.
            @for (at, line) in lines.iter().enumerate().rev() {
                path class={ "line curve " (class(at)) } d={ "M" (path(&line.points)) } {
                    title { (line.label) }
                }
            }
        }
        text.axis x="0" y=(bottom + 36) { "↑ " (axes.y) }
        text.axis x="100%" y=(bottom + 36) text-anchor="end" { (axes.x) " →" }
    };
    let frame = Frame {
        id,
        title,
        desc,
        left: 46,
        right: 12,
        height: bottom + 42,
    };
    html! {
        (frame.draw(&body))
        ul.legend {
            @for (at, line) in lines.iter().enumerate() {
                li { (swatch(class(at))) " " span.label { (line.label) } " " span.amount { (line.shown) } }
            }
        }
    }
}
