//! One bar cut into shares, with a legend that carries the numbers.

use maud::{Markup, html};

use super::scale::percent;
use super::{Frame, swatch};
use crate::report::format;

/// A share of the whole.
pub struct Segment<'a> {
    /// What it is.
    pub label: &'a str,
    /// How much of it, in the unit of the others.
    pub value: f64,
    /// The same for a reader.
    pub shown: String,
    /// Its colour, a class of the style sheet.
    pub class: &'a str,
}

const HEIGHT: u32 = 26;

/// The bar and its legend.
pub fn stack(id: &str, title: &str, segments: &[Segment<'_>]) -> Markup {
    let total: f64 = segments.iter().map(|segment| segment.value).sum();
    let desc = segments.iter().map(|s| {
        format!(
            "{} {} ({})",
            s.label,
            format::share(s.value, total),
            s.shown
        )
    });
    let desc = desc.collect::<Vec<_>>().join(", ");
    html! {
        (Frame { id, title, desc: &desc, left: 0, right: 0, height: HEIGHT }.draw(&bar(segments, total)))
        ul.legend {
            @for segment in segments {
                li {
                    (swatch(segment.class)) " " span.label { (segment.label) } " "
                    span.amount { (format::share(segment.value, total)) " · " (segment.shown) }
                }
            }
        }
    }
}

fn bar(segments: &[Segment<'_>], total: f64) -> Markup {
    let starts = segments.iter().scan(0.0, |sum, segment| {
        let start = *sum;
        *sum += segment.value;
        Some(start)
    });
    html! {
        @for (segment, start) in segments.iter().zip(starts) {
            @if segment.value > 0.0 && total > 0.0 {
                // The stroke has the page's colour: a gap between neighbours that needs no arithmetic.
                rect class={ "segment " (segment.class) } x=(percent(start / total)) y="0"
                    width=(percent(segment.value / total)) height=(HEIGHT) {
                    title { (segment.label) " " (format::share(segment.value, total)) }
                }
            }
        }
    }
}
