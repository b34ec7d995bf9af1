//! Upright bars side by side: a distribution over whole numbers, or a value for each of a few bands.

use maud::{Markup, html};

use super::Frame;
use super::scale::{Linear, percent};

/// One bar.
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// Its height, in the unit of the others, at least 0.
    pub value: f64,
    /// What is said of it on hover.
    pub note: String,
}

const HEIGHT: u32 = 180;
const TOP: u32 = 8;
/// Labels below the bars, at most.
const LABELS: usize = 12;

/// The chart; `axis` says what the labels count.
pub fn columns(id: &str, title: &str, desc: &str, bars: &[Bar], axis: &str) -> Markup {
    let Some(scale) = Linear::covering(bars.iter().map(|bar| bar.value)) else {
        return html! {};
    };
    let scale = scale.with_zero().nice(4);
    let bottom = TOP + HEIGHT;
    let (n, every) = (bars.len().max(1) as f64, bars.len().div_ceil(LABELS).max(1));
    let body = html! {
        @for (value, label) in scale.ticks(4) {
            @let y = format!("{:.1}", f64::from(TOP) + (1.0 - scale.fraction(value)) * f64::from(HEIGHT));
            line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
            text.tick x="-10" y=(y) dy="0.35em" text-anchor="end" { (label) }
        }
        @for (i, bar) in bars.iter().enumerate() {
            @let height = scale.fraction(bar.value) * f64::from(HEIGHT);
            rect.c-compute x=(percent((i as f64 + 0.1) / n)) width=(percent(0.8 / n))
                y=(format!("{:.1}", f64::from(bottom) - height)) height=(format!("{height:.1}")) {
                title { (bar.note) }
            }
            @if i % every == 0 {
                text.tick x=(percent((i as f64 + 0.5) / n)) y=(bottom + 16) text-anchor="middle" {
                    (bar.label)
                }
            }
        }
        text.axis x="100%" y=(bottom + 34) text-anchor="end" { (axis) }
    };
    Frame {
        id,
        title,
        desc,
        left: 56,
        right: 4,
        height: bottom + 40,
    }
    .draw(&body)
}
