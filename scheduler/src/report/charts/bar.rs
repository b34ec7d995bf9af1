//! A thin bar inside a table cell, for a share or a cosine beside its number.

use maud::{Markup, html};

use super::scale::percent;

/// A bar `fraction` of the cell long. The number stands beside it, so it is hidden from screen readers.
pub fn bar(fraction: f64, class: &str) -> Markup {
    let fraction = if fraction.is_finite() {
        fraction.clamp(0.0, 1.0)
    } else {
        0.0
    };
    html! {
        svg.bar width="100%" height="10" aria-hidden="true" {
            rect.track x="0" y="1" width="100%" height="8" rx="2" {}
            @if fraction > 0.0 {
                rect class=(class) x="0" y="1" width=(percent(fraction.max(0.004))) height="8" rx="2" {}
            }
        }
    }
}
