//! One line over two axes that the caller has scaled: fractions go from 0 to 1.

use maud::{Markup, html};

use super::Frame;
use super::scale::percent;

const HEIGHT: u32 = 180;
const TOP: u32 = 8;
/// Coordinates inside the line's own box run from 0 to this.
const BOX: f64 = 1000.0;

/// Ticks of an axis: where, and what stands there.
pub type Ticks = Vec<(f64, String)>;

/// The chart; `axis` says what the x axis counts.
pub fn line(
    id: &str,
    title: &str,
    desc: &str,
    points: &[(f64, f64)],
    (x_ticks, y_ticks): (&Ticks, &Ticks),
    axis: &str,
) -> Markup {
    let bottom = TOP + HEIGHT;
    let places: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{:.1} {:.1}", x * BOX, (1.0 - y) * BOX))
        .collect();
    let body = html! {
        @for (at, label) in y_ticks {
            @let y = format!("{:.1}", f64::from(TOP) + (1.0 - at) * f64::from(HEIGHT));
            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
            text.tick x="-10" y=(y) dy="0.35em" text-anchor="end" { (label) }
        }
        @for (at, label) in x_ticks {
            @let x = percent(*at);
            line.stub x1=(x) x2=(x) y1=(bottom) y2=(bottom + 4) {}
            text.tick x=(x) y=(bottom + 18) text-anchor="middle" { (label) }
        }
        svg x="0" y=(TOP) width="100%" height=(HEIGHT)
            viewBox={ "0 0 " (BOX) " " (BOX) } preserveAspectRatio="none" {
            path.line d={ "M" (places.join("L")) } {}
        }
        text.axis x="100%" y=(bottom + 36) text-anchor="end" { (axis) }
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
