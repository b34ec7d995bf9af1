//! Points on a flat map, each of a colour: what lies near to what.

use maud::{Markup, html};

use super::Frame;
use super::scale::{Linear, percent};

/// A point of a map.
pub struct Point<'a> {
    /// Said on hover.
    pub label: &'a str,
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Class of its colour.
    pub class: &'a str,
}

const HEIGHT: u32 = 420;
/// Room for the circles at the edges, px.
const EDGE: f64 = 6.0;

/// A map; the directions mean nothing by themselves, so there are no axes.
pub fn scatter(id: &str, title: &str, desc: &str, points: &[Point<'_>]) -> Markup {
    let finite = || points.iter().filter(|p| p.x.is_finite() && p.y.is_finite());
    let across = Linear::covering(finite().map(|p| p.x));
    let Some((across, up)) = across.zip(Linear::covering(finite().map(|p| p.y))) else {
        return html! { p.empty { "No place is a number, so there is nothing to draw." } };
    };
    let y = |value: f64| {
        let from_top = 1.0 - up.fraction(value);
        EDGE + from_top * (f64::from(HEIGHT) - 2.0 * EDGE)
    };
    let body = html! {
        @for point in finite() {
            circle class={ "place " (point.class) } cx=(percent(across.fraction(point.x))) cy=(format!("{:.1}", y(point.y))) r="2.5" {
                title { (point.label) }
            }
        }
    };
    let (left, right, height) = (8, 8, HEIGHT);
    Frame {
        id,
        title,
        desc,
        left,
        right,
        height,
    }
    .draw(&body)
}
