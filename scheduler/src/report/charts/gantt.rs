//! Bars along the run's clock: what ran when, and for how long.

use maud::{Markup, html};

use super::scale::{Linear, percent};
use super::{Frame, gutter, row_label, x_axis};
use crate::report::format;

/// One bar.
pub struct Span<'a> {
    /// What ran.
    pub label: &'a str,
    /// Seconds from the run's start.
    pub start: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Said behind the bar.
    pub note: String,
    /// Its colour, a class of the style sheet.
    pub class: &'a str,
    /// Whether nothing ran, so that only a mark stands at its start.
    pub mark_only: bool,
}

const ROW: u32 = 26;
const BAR: u32 = 14;
const TOP: u32 = 4;

/// The chart. `end` is the run's length in seconds.
pub fn gantt(id: &str, title: &str, desc: &str, spans: &[Span<'_>], end: f64) -> Markup {
    let ends = spans.iter().map(|span| span.start + span.seconds);
    let Some(scale) = Linear::covering(ends.chain([0.0, end])) else {
        return html! {};
    };
    let bottom = TOP + ROW * spans.len() as u32;
    let ticks: Vec<_> = scale
        .time_ticks(6)
        .into_iter()
        .map(|(at, label)| (scale.fraction(at), label))
        .collect();
    let body = html! {
        (x_axis(&ticks, 0, bottom))
        @for (i, span) in spans.iter().enumerate() {
            @let middle = TOP + ROW * i as u32 + ROW / 2;
            (row_label(span.label, middle, ""))
            (draw(span, middle, scale))
        }
    };
    let left = gutter(spans.iter().map(|span| span.label));
    Frame {
        id,
        title,
        desc,
        left,
        right: 88,
        height: bottom + 24,
    }
    .draw(&body)
}

fn draw(span: &Span<'_>, middle: u32, scale: Linear) -> Markup {
    let from = scale.fraction(span.start);
    let to = scale.fraction(span.start + span.seconds);
    let x = percent(from);
    html! {
        @if span.mark_only {
            rect.skipped x=(x) y=(middle - BAR / 2) width="3" height=(BAR) rx="1.5" {}
            text.value x=(x) dx="11" y=(middle) dy="0.35em" { (span.note) }
        } @else {
            // A bar too short to be seen still marks where it stood: 2 px at least, by its stroke.
            rect class={ "span " (span.class) } x=(x) y=(middle - BAR / 2)
                width=(percent((to - from).max(0.0))) height=(BAR) rx="2" {
                title {
                    (span.label) ": from " (format::duration(span.start)) ", "
                    (format::duration(span.seconds))
                }
            }
            text.value x=(percent(to)) dx="8" y=(middle) dy="0.35em" { (span.note) }
        }
    }
}
